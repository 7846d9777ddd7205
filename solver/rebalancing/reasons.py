"""Why each VM moves: what its move mends, relieves, drains or frees, or for whom it makes room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from formulations.instance import Instance
from formulations.placement import Placement
from formulations.tables import Integers
from solver.verifying import RuleJudge, level_values
from solver.verifying.verdict import enumeration

MOST_VALUED = 200
"""With more moves than this, what single ones are worth to the objective is not computed."""


@dataclass(frozen=True)
class Move:
    """One VM that changes its host.

    Attributes
    ----------
    vm, source, target : str
    reasons : tuple of str
        Such as ``mends spread web`` or ``drains host-7``; never empty.
    """

    vm: str
    source: str
    target: str
    reasons: tuple[str, ...]


class Reasons:
    """Tells why VMs move from their current hosts to those of a placement.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        The new one; valid.
    """

    def __init__(self, instance: Instance, placement: Placement) -> None:
        self.instance = instance
        self.placement = placement
        self.before: Integers = np.where(instance.wanted, instance.current, -1)
        self.after = placement.host_of
        self.movers: Integers = np.flatnonzero((self.before >= 0) & (self.after >= 0) & (self.before != self.after))

    def moves(self) -> tuple[Move, ...]:
        """Return every move with its reasons."""
        vm_name, host_name = self.instance.vm_names.name, self.instance.host_names.name
        return tuple(
            Move(vm_name(vm), host_name(int(self.before[vm])), host_name(int(self.after[vm])), tuple(self._why(vm)))
            for vm in self.movers.tolist()
        )

    def _why(self, vm: int) -> list[str]:
        return (
            list(self._mending(vm)) or list(self._making_way(vm)) or list(self._gaining(vm)) or ["follows the others"]
        )

    # -- what was wrong ------------------------------------------------------------------

    def _mending(self, vm: int) -> Iterator[str]:
        host = int(self.before[vm])
        name = self.instance.host_names.name(host)
        if not self.instance.usable_entries[self.instance.host_names.entry_of(np.array([host]))[0]]:
            yield f"drains {name}"
        needed = self.instance.tables.lower[self.instance.vm_entry[vm]] > 0
        for r in np.flatnonzero(self._overloaded[host] & needed).tolist():
            yield f"relieves {self.instance.resources[r].name} of {name}"
        for judge in self._broken_by.get(vm, ()):
            apart = self.before.copy()
            apart[vm] = self.after[vm]
            if judge.amount(apart) < judge.amount(self.before) or judge.amount(self._kept_back(vm)):
                yield f"mends {judge.rule}"

    @cached_property
    def _overloaded(self) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
        """Which hosts reserve more than they have before anybody moves: shape (hosts, resources)."""
        instance, there = self.instance, np.flatnonzero(self.before >= 0)
        load = np.zeros((instance.host_count, len(instance.resources)), dtype=np.int64)
        np.add.at(load, self.before[there], instance.tables.lower[instance.vm_entry[there]])
        over: np.ndarray[tuple[int, int], np.dtype[np.bool_]] = (
            load > instance.tables.capacity[instance.host_names.entries()]
        )
        return over

    @cached_property
    def _broken_by(self) -> dict[int, list[RuleJudge]]:
        """The rules that are broken before anybody moves, by the VMs that they look at."""
        found: dict[int, list[RuleJudge]] = {}
        for rule in self.instance.rules:
            judge = RuleJudge(self.instance, rule)
            if judge.amount(self.before):
                for vm in judge.members.tolist():
                    found.setdefault(vm, []).append(judge)
        return found

    def _kept_back(self, vm: int) -> Integers:
        kept = self.after.copy()
        kept[vm] = self.before[vm]
        return kept

    # -- for whom, and for what ------------------------------------------------------------

    def _making_way(self, vm: int) -> Iterator[str]:
        host = int(self.before[vm])
        name = self.instance.host_names.name(host)
        if host not in self._used_after:
            yield f"frees {name}"
        elif newcomers := self._arriving.get(host, []):
            yield f"makes room on {name} for {enumeration([self.instance.vm_names.name(v) for v in newcomers], 3)}"

    @cached_property
    def _used_after(self) -> set[int]:
        return set(self.placement.hosts_used.tolist())

    @cached_property
    def _arriving(self) -> dict[int, list[int]]:
        """The VMs that come to each host, new ones included."""
        came = np.flatnonzero((self.after >= 0) & (self.before != self.after))
        found: dict[int, list[int]] = {}
        for vm in came.tolist():
            found.setdefault(int(self.after[vm]), []).append(vm)
        return found

    def _gaining(self, vm: int) -> Iterator[str]:
        """Yield which objective level would be worse if this VM alone stayed where it was."""
        if len(self.movers) > MOST_VALUED:
            return
        values = self._values(self.after)
        kept = self._values(self._kept_back(vm))
        for stated, with_it, without in zip(self.instance.levels, values, kept, strict=True):
            if without > with_it:
                yield f"lowers {stated.name} by {float(without - with_it):g} {stated.said_unit}".rstrip()
                return

    def _values(self, host_of: Integers) -> tuple[Fraction, ...]:
        return level_values(self.instance, Placement(host_of, self.placement.allocation))
