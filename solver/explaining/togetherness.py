"""Unions: VMs that hard gather rules tie together, directly or through one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx

from formulations.instance import Instance
from formulations.rules import Gather
from formulations.rules.base import Level
from solver.explaining.facts import Fact
from solver.explaining.statements import Facts


@dataclass(frozen=True)
class Union:
    """VMs that must all share one domain.

    Attributes
    ----------
    vms : tuple of int
    level : str
        Of the domain.
    facts : tuple of Fact
        The gather rules.
    """

    vms: tuple[int, ...]
    level: Level
    facts: tuple[Fact, ...]

    def __str__(self) -> str:
        return " and ".join(fact.text for fact in self.facts[:3]) + (" and more" if len(self.facts) > 3 else "")


def unions_at(instance: Instance, facts: Facts, level: Level) -> Iterator[Union]:
    """Yield the VMs that must share a domain of a level: whoever shares a host shares every domain."""
    graph: nx.Graph[str] = nx.Graph()
    for position, rule in enumerate(instance.rules):
        if isinstance(rule, Gather) and rule.hard and rule.level in ("host", level):
            members = [vm for vm in instance.vms_called(rule.vms).tolist() if instance.ruled[vm]]
            if members:
                nx.add_star(graph, [f"rule {position}", *(f"vm {vm}" for vm in members)])
    for nodes in nx.connected_components(graph):
        numbers = {kind: sorted(int(n.split()[1]) for n in nodes if n.startswith(kind)) for kind in ("vm", "rule")}
        rules = dict.fromkeys(fact for n in numbers["rule"] if (fact := facts.rule(n)) is not None)
        yield Union(tuple(numbers["vm"]), level, tuple(rules))


def unions(instance: Instance, facts: Facts) -> Iterator[Union]:
    """Yield the VMs that must share a domain, at every level that a hard gather rule names."""
    levels = {rule.level for rule in instance.rules if isinstance(rule, Gather) and rule.hard}
    for level in sorted(levels, key=lambda level: (level != "host", level)):
        yield from unions_at(instance, facts, level)
