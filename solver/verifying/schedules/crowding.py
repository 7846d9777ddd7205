"""What hosts and NUMA cells carry at worst while VMs are under way: each counts in full at both ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import combinations
from math import lcm
from typing import NamedTuple

import numpy as np

from formulations.instance import Instance
from formulations.isolation import Full, Partial, Protected
from formulations.tables import NO_LIMIT
from solver.verifying.capacity import broken_cores, outside_bounds
from solver.verifying.occupants import Occupants

MOST_LEAVING = 8
"""Up to so many leaving VMs of a host, every choice of those that have left is tried."""

Key = tuple[str, int, int]
"""A load: ``load`` or ``burst``, the cell (-1 for the whole host), the resource."""

Figures = Mapping[Key, int]
"""Loads in quanta, times the least common multiple of the numbers of cells that VMs are split over."""


@dataclass
class Guests:
    """Who is on a host: every VM's cells as a bit mask, and who is leaving."""

    cells: dict[int, int] = field(default_factory=dict)
    leaving: set[int] = field(default_factory=set)


class Row(NamedTuple):
    """What one VM needs on a host, and how much more it may use when it bursts (None if unprotected)."""

    needs: list[int]
    bursts: list[int] | None


class Crowding:
    """Works out the loads of hosts from scratch, whenever it is asked.

    Parameters
    ----------
    instance : Instance
    with_cells : bool
        Whether NUMA cells are looked at.
    """

    def __init__(self, instance: Instance, *, with_cells: bool) -> None:
        self.instance = instance
        self.with_cells = with_cells
        self.whole = lcm(*{vm.numa for vm in instance.vms})
        self._rows: dict[tuple[int, int, int], Row] = {}
        self._level = [instance.isolation_of(entry) for entry in range(len(instance.vms))]
        self._partial = {entry for entry, level in enumerate(self._level) if isinstance(level, Partial)}
        self._entry: list[int] = instance.vm_entry.tolist()
        self._host_entry: list[int] = instance.host_names.entries().tolist()

    def _row(self, vm: int, host: int, count: int) -> Row:
        """Return a VM's need on a host with so many VMs, and its burst if it is protected."""
        entry, host_entry = self._entry[vm], self._host_entry[host]
        key = entry, host_entry, count if entry in self._partial else 1
        if key not in self._rows:
            level = self._level[entry]
            lower, upper = self.instance.tables.lower[entry].tolist(), self._upper(entry, host_entry)
            needs = list(lower)
            if isinstance(level, Partial):
                capacity = self.instance.tables.capacity[host_entry].tolist()
                parts = [level.fraction * room // count for room in capacity]
                needs = [max(low, min(high, part)) for low, high, part in zip(lower, upper, parts, strict=True)]
            if isinstance(level, Full) and level.pinned:
                self._in_whole_cores(needs, host_entry)
            protected = isinstance(level, Protected)
            bursts = [high - low for high, low in zip(upper, lower, strict=True)] if protected else None
            self._rows[key] = Row(needs, bursts)
        return self._rows[key]

    def _upper(self, entry: int, host_entry: int) -> list[int]:
        """Return a VM's limits on a host; a missing one is the host's capacity, or the demand if larger."""
        tables = self.instance.tables
        rows = (tables.upper[entry], tables.capacity[host_entry], tables.demand[entry])
        return [max(c, d) if u == NO_LIMIT else u for u, c, d in zip(*(row.tolist() for row in rows), strict=True)]

    def _in_whole_cores(self, needs: list[int], host_entry: int) -> None:
        cpu, core = self.instance.tables.cpu, int(self.instance.tables.core[host_entry])
        if cpu is not None and core:
            needs[cpu] += -needs[cpu] % core

    def refusals(self, vm: int, host: int) -> Iterator[str]:
        """Yield why a host cannot take a VM, however empty it is."""
        vm_name, host_name = self.instance.vm_names.name(vm), self.instance.host_names.name(host)
        entry = self._host_entry[host]
        if not self.instance.usable_entries[entry]:
            yield f"{vm_name} is brought to {host_name}, which is in maintenance"
        cells = len(self.instance.hosts[entry].cells)
        if cells and cells < (wanted := self.instance.vms[self._entry[vm]].numa):
            yield f"{vm_name} is brought to {host_name}, which has {cells} NUMA cells of the {wanted} it needs"
        level = self._level[self._entry[vm]]
        if isinstance(level, Full) and level.pinned:
            host_of = np.full(self.instance.vm_count, -1, dtype=np.int64)
            host_of[vm] = host
            occupants = Occupants(self.instance, host_of)
            for violations in (broken_cores, partial(outside_bounds, verb="needed")):
                yield from (violation.message for violation in violations(occupants, occupants.least))

    def limit(self, host: int, key: Key) -> int | None:
        """Return the limit of a load, None where there is none."""
        _, cell, r = key
        entry = self._host_entry[host]
        if cell < 0:
            return int(self.instance.tables.capacity[entry, r]) * self.whole
        table = self.instance.tables.cells[entry]
        room = -1 if table is None else int(table[cell, r])
        return None if room < 0 else room * self.whole

    def figures(self, host: int, guests: Guests) -> Figures:
        """Return the loads of a host at worst: where floors depend on the number of VMs, whoever has left."""
        leaving = sorted(guests.leaving)
        if not leaving or not any(self._entry[vm] in self._partial for vm in guests.cells):
            return dict(self._loads(host, guests.cells, len(guests.cells)))
        if len(leaving) > MOST_LEAVING:  # nobody has left, and still each floor is as if all had
            return dict(self._loads(host, guests.cells, max(1, len(guests.cells) - len(leaving))))
        worst: dict[Key, int] = {}
        for gone in _subsets(leaving):
            there = {vm: mask for vm, mask in guests.cells.items() if vm not in gone}
            for key, load in self._loads(host, there, len(there)):
                worst[key] = max(load, worst.get(key, 0))
        return worst

    def _loads(self, host: int, cells: Mapping[int, int], count: int) -> Iterator[tuple[Key, int]]:
        rows = {vm: self._row(vm, host, count) for vm in cells}
        yield from self._sums(-1, [(rows[vm], self.whole) for vm in cells])
        if self.with_cells and self.instance.tables.cells[self._host_entry[host]] is not None:
            for cell in range(len(self.instance.hosts[self._host_entry[host]].cells)):
                yield from self._sums(
                    cell, [(rows[vm], self._part(vm)) for vm, mask in cells.items() if mask >> cell & 1]
                )

    def _part(self, vm: int) -> int:
        return self.whole // self.instance.vms[self._entry[vm]].numa

    def _sums(self, cell: int, there: list[tuple[Row, int]]) -> Iterator[tuple[Key, int]]:
        gamma = self.instance.gamma
        for r in range(len(self.instance.resources)):
            load = sum(row.needs[r] * part for row, part in there)
            yield ("load", cell, r), load
            bursts = [row.bursts[r] * part for row, part in there if row.bursts is not None]
            if bursts and gamma:
                yield ("burst", cell, r), load + sum(sorted(bursts, reverse=True)[:gamma])

    def worse(self, host: int, before: Figures, after: Figures) -> Iterator[tuple[Key, Fraction, str]]:
        """Yield the loads above their limit that are larger than before, by how much, and in words."""
        for key, load in after.items():
            limit = self.limit(host, key)
            if limit is not None and load > limit and load > before.get(key, 0):
                kind, cell, r = key
                scale = self.instance.tables.scales[r]
                place = self.instance.host_names.name(host) + (f", cell {cell}" if cell >= 0 else "")
                verb = f"needed when {self.instance.gamma} burst at once," if kind == "burst" else "needed"
                figures = [Fraction(figure, self.whole) for figure in (load, limit)]
                said = f"{scale.say(figures[0])} {verb} of {scale.say(figures[1])}"
                yield key, (figures[0] - figures[1]) * scale.quantum, f"{scale.resource.name} of {place}: {said}"


def _subsets(vms: list[int]) -> Iterable[frozenset[int]]:
    for size in range(len(vms) + 1):
        yield from map(frozenset, combinations(vms, size))
