"""An instance as a counted question, and a packing as its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from formulations.counting.binding import binds
from formulations.counting.counted_level import CountedLevel, LevelReading
from formulations.counting.merging import Merged, merged
from formulations.counting.recovery import Recovery
from formulations.counting.settled import settled_hosts
from formulations.counting.sizing import Sizing, sized
from formulations.errors import InputError, UnsupportedError
from formulations.instance import Instance
from formulations.placement import Placement
from formulations.program import ContradictionError
from formulations.tables import Integers
from formulations.vector_packing import Packing, VectorPacking


@dataclass(frozen=True, eq=False)
class Counting:
    """Identical VMs and identical hosts, counted: the vector packing behind an instance.

    A packing of `problem` stands for placements of all VMs; `placement` names one of them. It
    answers the first level of the objective that hosts in use can raise.

    Attributes
    ----------
    instance : Instance
    problem : VectorPacking
        Flavours are VMs of one size, types hosts of one capacity and price; resources that never
        bind are left out, sizes divided by their greatest common divisor. Hosts on which ignored or
        pinned VMs stay have what these leave, and cost nothing more.
    level : int or None
        The number of the objective level that the problem's cost is; None where no level counts
        hosts: any packing will do.
    served : bool
        Whether VMs are as large as their demands, because an earlier level asks that none stays
        unmet; otherwise as large as their reservations.
    ruled : bool
        Whether rules that bind were left out.
    reasons : tuple of str
        Why the problem says less than the instance; see `exact`.
    """

    instance: Instance
    level: int | None
    served: bool
    ruled: bool
    reasons: tuple[str, ...]
    constant: Fraction
    _merged: Merged
    _settled: Integers
    _stays: Integers

    @classmethod
    def of(cls, instance: Instance) -> Counting:
        """Count an instance that counting answers exactly.

        What is exact: VMs that share their hosts, or whose isolation asks for no more than their
        reservations (full slices; partial and protected ones of VMs that cannot vary); NUMA cells
        when every VM spans all of its host's; whole cores when one is worth the same everywhere;
        ignored and pinned VMs; hosts off, in maintenance, or of unlimited number; no other rule
        that binds. The level may sum terms hosts, cost, and energy where a unit of cpu draws the
        same everywhere. Levels before it must be 0 whenever all VMs are placed and served.

        Raises
        ------
        UnsupportedError
            Naming the first thing that does not fit.
        ContradictionError
            If the instance is infeasible for what settled VMs need.
        """
        counting = cls.relaxed(instance)
        if counting.reasons:
            raise UnsupportedError(f"cannot be counted: {counting.reasons[0]}")
        return counting

    @classmethod
    def relaxed(cls, instance: Instance, *, served: bool | None = None) -> Counting:
        """Count any instance, leaving out what counting does not see: rules, cells, who shares a host.

        A bound on the problem's cost still bounds the level (see `counts`); a packing is a start that
        may be infeasible.

        Parameters
        ----------
        instance : Instance
        served : bool, optional
            Whether VMs are as large as their demands; by default exactly if an earlier level
            asks for it.

        Raises
        ------
        UnsupportedError
            If figures are too large to be added exactly, or if served VMs that must stay on a host,
            or in whole cores, cannot have their demands.
        ContradictionError
            If the instance is infeasible for what settled VMs need.
        """
        binding = [rule for rule in instance.rules if binds(instance, rule)]
        try:
            settled = settled_hosts(instance)
        except ContradictionError as error:
            raise _short(str(error), possible=instance.allow_unplaced) from error
        stays = np.flatnonzero(np.bincount(settled[settled >= 0]))
        hosts = instance.usable_entries.copy()
        hosts[instance.host_names.entry_of(stays)] = True
        entries = np.flatnonzero(hosts)
        reading = LevelReading(instance, binding, entries, settled)
        level = reading.read(served=reading.asks_service if served is None else served)
        vms = np.flatnonzero(np.bincount(instance.vm_entry[instance.wanted], minlength=len(instance.vms)))
        try:
            sizing = sized(instance, vms, entries, served=level.served)
            problem = _Merging(instance, sizing, level, settled, stays).merge()
        except ContradictionError as error:
            raise _short(str(error), possible=level.served or instance.allow_unplaced) from error
        faults = ["VMs that move occupy transient resources at both ends"] if instance.arrival_room is not None else []
        reasons = (*(f"the rule {rule!s} binds" for rule in binding[:1]), *faults, *sizing.faults, *level.faults)
        return cls(
            instance=instance,
            level=level.number,
            served=level.served,
            ruled=bool(binding),
            reasons=reasons,
            constant=level.constant + _spent(instance, level, stays),
            _merged=problem,
            _settled=settled,
            _stays=stays,
        )

    @property
    def problem(self) -> VectorPacking:
        """The counted question."""
        return self._merged.problem

    @property
    def exact(self) -> bool:
        """Whether every packing is a valid placement of the level's value that it costs, and the other way round.

        Then the cheapest packing is the level's optimum, provided that there is a packing at all:
        without one an instance may still have placements that leave VMs or demands out, if it
        allows that. `reasons` say why not.
        """
        return not self.reasons

    @property
    def unconditional(self) -> bool:
        """Whether each placement of the instance is a packing: bounds, and infeasibility, hold without a condition.

        Otherwise only placements count that leave no VM out and, where ``served``, no demand.
        """
        return not (self.served or self.instance.allow_unplaced)

    def counts(self, values: Sequence[Fraction] | None) -> bool:
        """Return whether a bound holds for all placements at least as good as these values of the levels before.

        Parameters
        ----------
        values : sequence of Fraction or None
            The objective of a placement that is known.
        """
        if self.unconditional:
            return True
        if values is None:
            return False
        earlier = zip(list(self.instance.levels)[: self.level], values, strict=False)
        zero = [term for stated, value in earlier if value == 0 for term in stated.terms]
        complete = {term.priority for term in zero if term.kind == "unplaced" and term.resource is None}
        ruled = np.bincount(self.instance.vm_entry[self.instance.ruled])
        wanted = {self.instance.vms[entry].priority for entry in np.flatnonzero(ruled).tolist()}
        placed = not self.instance.allow_unplaced or None in complete or wanted <= complete
        return placed and (not self.served or any(term.kind == "unmet_demand" for term in zero))

    def value(self, cost: int) -> Fraction:
        """Return the level's value that a cost of the problem stands for; a bound on the one is one on the other."""
        return self.constant + self._merged.unit * cost

    def placement(self, packing: Packing) -> Placement:
        """Return a placement of every VM that a packing stands for, moving little; see `Recovery`.

        Raises
        ------
        InputError
            If it is no packing of the problem.
        """
        if faults := packing.faults(self.problem):
            raise InputError(faults[0], "packing")
        host_of = self.recovery.hosts(packing)
        return Placement(host_of, cells=self._cells(host_of))

    @cached_property
    def recovery(self) -> Recovery:
        """The way back to names."""
        instance = self.instance
        free = instance.wanted & (self._settled < 0)
        flavour = np.where(free, self._merged.flavour[instance.vm_entry], -1)
        kind = self._merged.kind[: len(instance.hosts)][instance.host_names.entries()]
        kind[self._stays] = -1
        opened = np.flatnonzero(instance.usable_entries[instance.host_names.entry_of(self._stays)])
        kind[self._stays[opened]] = self._merged.kind[len(instance.hosts) + opened]
        return Recovery(instance, flavour, kind, self._settled)

    def _cells(self, host_of: Integers) -> Integers | None:
        """Return all cells of its host for every VM; None where no host has cells."""
        spans = np.array([0 if table is None else len(table) for table in self.instance.tables.cells], dtype=np.int64)
        if not spans.any():
            return None
        masks = (np.int64(1) << spans) - 1
        return np.where(host_of >= 0, masks[self.instance.host_names.entry_of(np.maximum(host_of, 0))], 0)


def _short(why: str, *, possible: bool) -> UnsupportedError | ContradictionError:
    """Return that there is no placement; or, where some VM or demand may be left out, that counting has none."""
    return UnsupportedError(f"cannot be counted: {why}") if possible else ContradictionError(why)


def _spent(instance: Instance, level: CountedLevel, stays: Integers) -> Fraction:
    """Return what hosts cost on which settled VMs are."""
    entries = instance.host_names.entry_of(stays)
    return sum((level.prices[entry] for entry in entries.tolist()), Fraction(0))


@dataclass(frozen=True, eq=False)
class _Merging:
    """From entries to rows: one per host entry, then one per host on which settled VMs stay."""

    instance: Instance
    sizing: Sizing
    level: CountedLevel
    settled: Integers
    stays: Integers

    def merge(self) -> Merged:
        """Return the merged problem."""
        instance = self.instance
        free = instance.wanted & (self.settled < 0)
        demand = np.bincount(instance.vm_entry[free], minlength=len(instance.vms))
        entries = instance.host_names.entry_of(self.stays)
        open_hosts = instance.host_names.counts - np.bincount(entries, minlength=len(instance.hosts))
        limits = [np.where(instance.usable_entries, open_hosts, 0), instance.usable_entries[entries]]
        try:
            return merged(
                self.sizing.sizes,
                demand,
                np.concatenate([self.sizing.capacity, self._left(entries)]),
                [*self.level.prices, *(Fraction(0) for _ in entries)],
                np.concatenate(limits).astype(np.int64),
            )
        except InputError as error:
            raise UnsupportedError(f"cannot be counted: {error.message}") from error

    def _left(self, entries: Integers) -> Integers:
        """Return what settled VMs leave of their hosts: shape (settled hosts, resources).

        Raises
        ------
        ContradictionError
            If they need more than there is.
        """
        vms = np.flatnonzero(self.settled >= 0)
        host = np.searchsorted(self.stays, self.settled[vms])
        keys, members = np.unique(host * len(self.instance.vms) + self.instance.vm_entry[vms], return_counts=True)
        rows = self.sizing.sizes[keys % len(self.instance.vms)].astype(object) * members[:, None]
        left = self.sizing.capacity[entries].astype(object)
        np.subtract.at(left, keys // len(self.instance.vms), rows)
        short = np.argwhere(left < 0)
        if len(short):
            name = self.instance.host_names.name(int(self.stays[short[0][0]]))
            raise ContradictionError(
                f"{self.instance.resources[short[0][1]].name} of {name} is short for VMs that stay"
            )
        return left.astype(np.int64)
