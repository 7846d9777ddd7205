"""Conflict cliques: VMs of which no two may share a host, by the hard rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from formulations.instance import Instance
from formulations.rules import Dedicated, FaultDomains, Rule, Split, Spread

MOST_SEEDS = 50
"""Cliques are grown from that many rules, the largest cliques first."""

MOST_TRIED = 2000
"""That many VMs are tried as further members of a clique."""


@dataclass(frozen=True)
class Clique:
    """VMs that need as many hosts as they are.

    Attributes
    ----------
    vms : tuple of int
    rules : tuple of int
        Positions of hard rules that keep every pair apart.
    """

    vms: tuple[int, ...]
    rules: tuple[int, ...]


class Conflicts:
    """Which ruled VMs may not share a host: every rule puts them on *sides* that never meet."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.sides: dict[int, dict[int, int]] = {}
        """Per rule the side of every VM that it speaks of."""
        self.lonely: set[int] = set()
        """The rules that also keep these VMs apart from all others."""
        for position, rule in enumerate(instance.rules):
            if rule.hard and isinstance(rule, Spread | Split | FaultDomains | Dedicated):
                self.sides[position] = {vm: side for vm, side in self._sides_of(rule) if instance.ruled[vm]}
                if isinstance(rule, Dedicated):
                    self.lonely.add(position)

    def _sides_of(self, rule: Rule) -> Iterator[tuple[int, int]]:
        for side, names in enumerate(rule.vm_selectors().values()):
            for vm in self.instance.vms_called(names).tolist():
                yield vm, vm if isinstance(rule, Spread) else side

    @cached_property
    def rules_of(self) -> dict[int, list[int]]:
        """The rules that speak of each VM."""
        rules: dict[int, list[int]] = {}
        for position, sides in self.sides.items():
            for vm in sides:
                rules.setdefault(vm, []).append(position)
        return rules

    def rule_between(self, vm: int, other: int) -> int | None:
        """Return a rule that keeps two VMs apart, or None."""
        for position in self.rules_of.get(vm, ()):
            sides = self.sides[position]
            if other in sides and sides[other] != sides[vm]:
                return position
            if position in self.lonely and other not in sides:
                return position
        for position in self.rules_of.get(other, ()):
            if position in self.lonely and vm not in self.sides[position]:
                return position
        return None

    def seed(self, position: int) -> list[int]:
        """Return one VM of every side of a rule."""
        first: dict[int, int] = {}
        for vm, side in self.sides[position].items():
            first.setdefault(side, vm)
        return list(first.values())

    def grown(self, position: int) -> Clique:
        """Return a clique that holds the seed of a rule and cannot be extended by a VM that was tried."""
        members, rules = self.seed(position), {position}
        for vm in self._promising(set(members)):
            between = self._rules_between(vm, members)
            if between is not None:
                members.append(vm)
                rules |= between
        return Clique(tuple(sorted(members)), tuple(sorted(rules)))

    def _rules_between(self, vm: int, members: Sequence[int]) -> set[int] | None:
        """Return rules that keep a VM apart from each of others; None where one has no such rule."""
        rules: set[int] = set()
        for member in members:
            rule = self.rule_between(vm, member)
            if rule is None:
                return None
            rules.add(rule)
        return rules

    def _promising(self, seed: set[int]) -> list[int]:
        """Return VMs to try, those under most rules first; all VMs may join where some are lonely."""
        others = [vm for vm in self.rules_of if vm not in seed]
        if self.lonely:
            others += [vm for vm in np.flatnonzero(self.instance.ruled).tolist() if vm not in self.rules_of][:1]
        return sorted(others, key=lambda vm: (-len(self.rules_of.get(vm, ())), vm))[:MOST_TRIED]


def conflict_cliques(instance: Instance) -> list[Clique]:
    """Return cliques of VMs of which no two may share a host, the largest first.

    Greedy: each is grown from one rule's own clique; a larger one may exist.
    """
    conflicts = Conflicts(instance)
    positions = [position for position in conflicts.sides if conflicts.sides[position]]
    largest = sorted(positions, key=lambda position: -len(conflicts.seed(position)))[:MOST_SEEDS]
    cliques = {conflicts.grown(position) for position in largest}
    return sorted(cliques, key=lambda clique: (-len(clique.vms), clique.vms, clique.rules))
