"""Contradictions: rules of which some want VMs together and one wants them apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.rules import Dedicated, FaultDomains, Rule, Split, Spread
from formulations.rules.base import Level
from solver.explaining.openings import Finding, Openings
from solver.explaining.togetherness import Union, unions_at

Integers = NDArray[np.int64]


def contradictions(openings: Openings) -> Iterator[Finding]:
    """Yield the hard rules that no placement satisfies together."""
    if openings.instance.allow_unplaced:
        return
    together: dict[Level, list[Union]] = {}
    for position, rule in enumerate(openings.instance.rules):
        fact = openings.facts.rule(position)
        if fact is None or not isinstance(rule, Spread | Split | FaultDomains | Dedicated):
            continue
        level = rule.level if isinstance(rule, Spread | Split) else "host"
        if level not in together:
            together[level] = list(unions_at(openings.instance, openings.facts, level))
        for union in together[level]:
            if _apart(openings.instance, union, rule):
                yield Finding(f"{union} and {fact} contradict each other", (*union.facts, fact))


def _apart(instance: Instance, union: Union, rule: Rule) -> bool:
    """Return whether a rule keeps two VMs of a union apart."""
    inside = [int(np.isin(union.vms, group).sum()) for group in _sides(instance, rule)]
    if isinstance(rule, Spread):
        return inside[0] > 1
    if isinstance(rule, Dedicated):
        return 0 < inside[0] < len(union.vms)
    return sum(count > 0 for count in inside) > 1


def _sides(instance: Instance, rule: Rule) -> list[Integers]:
    return [instance.vms_called(names) for names in rule.vm_selectors().values()]
