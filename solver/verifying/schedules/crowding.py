"""What hosts and NUMA cells carry at worst while VMs are under way: each counts in full at both ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations

import numpy as np

from formulations.instance import Instance
from formulations.isolation import Partial
from solver.verifying.capacity import broken_cores, outside_bounds
from solver.verifying.occupants import Occupants

MOST_LEAVING = 8
"""Up to so many leaving VMs of a host, every choice of those that have left is tried."""

Key = tuple[str, int, int]
"""A load: ``load`` or ``burst``, the cell (-1 for the whole host), the resource."""

Figures = Mapping[Key, Fraction]


@dataclass
class Guests:
    """Who is on a host: every VM's cells as a bit mask, and who is leaving."""

    cells: dict[int, int] = field(default_factory=dict)
    leaving: set[int] = field(default_factory=set)


class Crowding:
    """Works out the loads of hosts from scratch, by the judge's own floors.

    Parameters
    ----------
    instance : Instance
    with_cells : bool
        Whether NUMA cells are looked at.
    """

    def __init__(self, instance: Instance, *, with_cells: bool) -> None:
        self.instance = instance
        self.with_cells = with_cells
        self._rows: dict[tuple[int, int, int], tuple[list[int], list[int] | None]] = {}
        self._partial = {
            entry for entry in range(len(instance.vms)) if isinstance(instance.isolation_of(entry), Partial)
        }
        self._entry: list[int] = instance.vm_entry.tolist()
        self._host_entry: list[int] = instance.host_names.entries().tolist()

    def _row(self, vm: int, host: int, count: int) -> tuple[list[int], list[int] | None]:
        """Return a VM's need on a host with so many VMs, and its burst if it is protected."""
        key = self._entry[vm], self._host_entry[host], count if self._entry[vm] in self._partial else 1
        if key not in self._rows:
            host_of = np.full(self.instance.vm_count, -1, dtype=np.int64)
            host_of[[other for other in range(min(key[2] + 1, len(host_of))) if other != vm][: key[2] - 1]] = host
            host_of[vm] = host
            occupants = Occupants(self.instance, host_of)
            at = int(np.searchsorted(occupants.vm, vm))
            burst = (occupants.upper[at] - occupants.lower[at]).tolist() if occupants.protected[at] else None
            self._rows[key] = occupants.least[at].tolist(), burst
        return self._rows[key]

    def refusals(self, vm: int, host: int) -> Iterator[str]:
        """Yield why a host cannot take a VM, however empty it is."""
        vm_name, host_name = self.instance.vm_names.name(vm), self.instance.host_names.name(host)
        entry = self._host_entry[host]
        if not self.instance.usable_entries[entry]:
            yield f"{vm_name} is brought to {host_name}, which is in maintenance"
        cells = len(self.instance.hosts[entry].cells)
        if cells and cells < (wanted := self.instance.vms[self._entry[vm]].numa):
            yield f"{vm_name} is brought to {host_name}, which has {cells} NUMA cells of the {wanted} it needs"
        host_of = np.full(self.instance.vm_count, -1, dtype=np.int64)
        host_of[vm] = host
        occupants = Occupants(self.instance, host_of)
        for violation in (
            *broken_cores(occupants, occupants.least),
            *outside_bounds(occupants, occupants.least, "needed"),
        ):
            yield violation.message

    def limit(self, host: int, key: Key) -> Fraction | None:
        """Return the limit of a load, None where there is none."""
        _, cell, r = key
        entry = self._host_entry[host]
        if cell < 0:
            return Fraction(int(self.instance.tables.capacity[entry, r]))
        table = self.instance.tables.cells[entry]
        room = -1 if table is None else int(table[cell, r])
        return None if room < 0 else Fraction(room)

    def figures(self, host: int, guests: Guests) -> Figures:
        """Return the loads of a host at worst: where floors depend on the number of VMs, whoever has left."""
        leaving = sorted(guests.leaving)
        if not leaving or not any(self._entry[vm] in self._partial for vm in guests.cells):
            return dict(self._loads(host, guests.cells, len(guests.cells)))
        if len(leaving) > MOST_LEAVING:  # nobody has left, and still each floor is as if all had
            return dict(self._loads(host, guests.cells, max(1, len(guests.cells) - len(leaving))))
        worst: dict[Key, Fraction] = {}
        for gone in _subsets(leaving):
            there = {vm: mask for vm, mask in guests.cells.items() if vm not in gone}
            for key, load in self._loads(host, there, len(there)):
                worst[key] = max(load, worst.get(key, Fraction(0)))
        return worst

    def _loads(self, host: int, cells: Mapping[int, int], count: int) -> Iterator[tuple[Key, Fraction]]:
        rows = {vm: self._row(vm, host, count) for vm in cells}
        places: list[tuple[int, list[int]]] = [(-1, list(cells))]
        if self.with_cells and self.instance.tables.cells[self._host_entry[host]] is not None:
            number = len(self.instance.hosts[self._host_entry[host]].cells)
            places += [(cell, [vm for vm, mask in cells.items() if mask >> cell & 1]) for cell in range(number)]
        for cell, vms in places:
            parts = [Fraction(1, self._split(vm)) if cell >= 0 else Fraction(1) for vm in vms]
            for r in range(len(self.instance.resources)):
                load = sum((rows[vm][0][r] * part for vm, part in zip(vms, parts, strict=True)), Fraction(0))
                yield ("load", cell, r), load
                bursts = [
                    burst[r] * part for vm, part in zip(vms, parts, strict=True) if (burst := rows[vm][1]) is not None
                ]
                if bursts and self.instance.gamma:
                    yield ("burst", cell, r), load + sum(sorted(bursts, reverse=True)[: self.instance.gamma])

    def _split(self, vm: int) -> int:
        return self.instance.vms[self._entry[vm]].numa

    def worse(self, host: int, before: Figures, after: Figures) -> Iterator[tuple[Key, Fraction, str]]:
        """Yield the loads above their limit that are larger than before, by how much, and in words."""
        for key, load in after.items():
            limit = self.limit(host, key)
            if limit is not None and load > limit and load > before.get(key, Fraction(0)):
                kind, cell, r = key
                scale = self.instance.tables.scales[r]
                place = self.instance.host_names.name(host) + (f", cell {cell}" if cell >= 0 else "")
                verb = f"needed when {self.instance.gamma} burst at once," if kind == "burst" else "needed"
                figure = f"{scale.say(load)} {verb} of {scale.say(limit)}"
                yield key, (load - limit) * scale.quantum, f"{scale.resource.name} of {place}: {figure}"


def _subsets(vms: list[int]) -> Iterable[frozenset[int]]:
    for size in range(len(vms) + 1):
        yield from map(frozenset, combinations(vms, size))
