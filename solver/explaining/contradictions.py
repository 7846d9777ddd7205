"""Contradictions: two rules of which one wants VMs together and the other apart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.rules import Dedicated, FaultDomains, Gather, Rule, Split, Spread
from solver.explaining.openings import Finding, Openings

Integers = NDArray[np.int64]


def contradictions(openings: Openings) -> Iterator[Finding]:
    """Yield the pairs of hard rules that no placement satisfies together."""
    instance = openings.instance
    if instance.allow_unplaced:
        return
    rules = [(position, rule) for position, rule in enumerate(instance.rules) if rule.hard]
    gathers = [(position, rule) for position, rule in rules if isinstance(rule, Gather)]
    apart = [(p, rule) for p, rule in rules if isinstance(rule, Spread | Split | FaultDomains | Dedicated)]
    for (first, gather), (second, other) in product(gathers, apart):
        facts = openings.facts.rule(first), openings.facts.rule(second)
        if facts[0] is not None and facts[1] is not None and _contradict(instance, gather, other):
            yield Finding(f"{facts[0]} and {facts[1]} contradict each other", (facts[0], facts[1]))


def _contradict(instance: Instance, gather: Gather, other: Rule) -> bool:
    """Return whether the other rule keeps two of the gathered VMs apart at the gathered level."""
    level = other.level if isinstance(other, Spread | Split) else "host"
    if gather.level not in ("host", level):
        return False
    ruled = instance.ruled
    together = [vm for vm in instance.vms_called(gather.vms).tolist() if ruled[vm]]
    inside = [int(np.isin(together, group).sum()) for group in _sides(instance, other)]
    if isinstance(other, Spread):
        return inside[0] > 1
    if isinstance(other, Dedicated):
        return 0 < inside[0] < len(together)
    return sum(count > 0 for count in inside) > 1


def _sides(instance: Instance, rule: Rule) -> list[Integers]:
    return [instance.vms_called(names) for names in rule.vm_selectors().values()]
