"""A placement under construction: what every host holds, and whether one more VM fits."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from formulations.candidates import Candidates
from formulations.instance import Instance
from formulations.isolation import Full, Partial, Protected, Shared
from formulations.placement import Placement
from formulations.quantities import exact
from formulations.rules import Depend
from formulations.tables import NO_LIMIT, Integers
from solver.engines.closures import Closures, Together
from solver.verifying import RuleJudge

Mask = NDArray[np.bool_]


class Construction:
    """Loads of all hosts by reservation and by demand, and the judges of the rules.

    A VM may be added where its reservation fits, isolation floors hold and no hard rule gets
    more broken than it is.

    Parameters
    ----------
    instance : Instance
    candidates : Candidates
    judges : list of RuleJudge
        One per rule, in order.
    """

    def __init__(self, instance: Instance, candidates: Candidates, judges: list[RuleJudge]) -> None:
        self.instance = instance
        self.candidates = candidates
        self.tables = instance.tables
        self.host_entry = instance.host_names.entries()
        self.capacity = self.tables.capacity[self.host_entry]
        shape = (instance.host_count, len(instance.resources))
        self.reserved: Integers = np.zeros(shape, dtype=np.int64)
        self.expected: Integers = np.zeros(shape, dtype=np.int64)
        self.count: Integers = np.zeros(instance.host_count, dtype=np.int64)
        self.host_of: Integers = np.full(instance.vm_count, -1, dtype=np.int64)
        self.cells: Integers = np.zeros(instance.vm_count, dtype=np.int64)
        self.members: dict[int, list[int]] = {}
        self._arrival_room = instance.arrival_room
        self._arrived: Integers = np.zeros(shape if self._arrival_room is not None else (0, 0), dtype=np.int64)
        self._plain = all(_adds_up(instance, entry) for entry in range(len(instance.vms)))
        self._celled = any(cells is not None for cells in self.tables.cells)
        self._room_in_cells = self._empty_cells()
        self.closures = Closures(instance)
        self._judges_of: dict[int, list[tuple[RuleJudge, Fraction | None]]] = {}
        """Per VM the rules that closures do not see, and their prices."""
        self._amounts: dict[int, int] = {}
        for rule, judge, seen in zip(instance.rules, judges, self.closures.seen, strict=True):
            if not seen:
                price = None if rule.price is None else exact(rule.price)
                self._amounts[id(judge)] = judge.amount(self.host_of)
                for vm in np.asarray(judge.members).tolist():
                    self._judges_of.setdefault(vm, []).append((judge, price))

    def _empty_cells(self) -> Integers | None:
        """Return the room in every cell of every host: shape (hosts, cells, resources); below 0 where there is none."""
        if not self._celled:
            return None
        most = max(len(cells) for cells in self.tables.cells if cells is not None)
        room = np.full((len(self.tables.cells), most, len(self.tables.scales)), -1, dtype=np.int64)
        for entry, cells in enumerate(self.tables.cells):
            if cells is not None:
                room[entry, : len(cells)] = np.where(cells < 0, NO_LIMIT, cells)
        return room[self.host_entry]

    def placement(self) -> Placement:
        """Return what has been placed so far."""
        return Placement(self.host_of.copy(), None, self.cells.copy() if self._celled else None)

    @cached_property
    def ruled(self) -> Mask:
        """Which VMs any rule looks at: shape (VMs,)."""
        ruled = np.zeros(self.instance.vm_count, dtype=np.bool_)
        ruled[[*self._judges_of, *self.closures.of, *self.candidates.bound]] = True
        return ruled

    @cached_property
    def alike(self) -> Mask:
        """Which VMs differ from the others of their entry in nothing but the name: shape (VMs,)."""
        plain: Mask = ~self.ruled & (self.instance.current < 0)
        simple = self._plain and not self._celled and self._arrival_room is None
        return plain if simple else np.zeros_like(plain)

    # -- where a VM fits -----------------------------------------------------------------

    def roomy(self, vm: int, hosts: Integers, sizes: Integers, loads: Integers) -> Mask:
        """Return which of the hosts are open to the VM and have room for its size beside the loads."""
        entry = int(self.instance.vm_entry[vm])
        if self.ruled[vm]:
            open_to = self.candidates.hosts_of(vm)[hosts]
        else:
            open_to = self.candidates.fits(entry)[self.host_entry[hosts]]
        roomy: Mask = open_to & (loads[hosts] + sizes[entry] <= self.capacity[hosts]).all(axis=1)
        if self._arrival_room is not None:
            roomy &= self._may_arrive(vm, hosts)
        if self._room_in_cells is not None:
            roomy[roomy] = self._fits_cells(entry, hosts[roomy])
        if (open_by_rules := self.closures.open_to(vm)) is not None:
            roomy &= open_by_rules[hosts]
        for closure in self.closures.of.get(vm, ()):
            if isinstance(closure, Together) and len(closure.members) > 1 and not closure.begun:
                roomy &= self._holds_all(closure)[closure.domains.of[hosts]]
        return roomy

    def _holds_all(self, together: Together) -> Mask:
        """Return which domains have room for all the members of a rule, as far as adding up tells: shape (domains,)."""
        entries, counts = np.unique(self.instance.vm_entry[together.members], return_counts=True)
        left = np.maximum(self.capacity - self.reserved, 0)
        holds = np.ones(together.domains.number, dtype=np.bool_)
        total = counts @ self.tables.lower[entries]
        for r in range(left.shape[1]):
            holds &= np.bincount(together.domains.of, left[:, r], together.domains.number) >= total[r]
        alike: dict[tuple[bytes, int], tuple[int, int]] = {}
        for entry, number in zip(entries.tolist(), counts.tolist(), strict=True):
            key = self.tables.lower[entry].tobytes(), int(self.tables.numa[entry])
            alike[key] = entry, alike.get(key, (0, 0))[1] + number
        for entry, number in alike.values():
            holds &= np.bincount(together.domains.of, self._times(entry, number), together.domains.number) >= number
        holds[together.refused] = False
        return holds if holds.any() else np.ones_like(holds)

    def _times(self, entry: int, most: int) -> Integers:
        """Return how many VMs of an entry every host has room for, at most ``most``."""
        size = self.tables.lower[entry]
        needed = size > 0
        left = np.maximum(self.capacity - self.reserved, 0)
        times: Integers = (left[:, needed] // size[needed]).min(axis=1, initial=most)
        if self._room_in_cells is None:
            return times
        room = np.maximum(self._room_in_cells[:, :, needed], 0)
        in_cell = (room // self._share(entry)[needed]).min(axis=2, initial=most)
        wanted = int(self.tables.numa[entry])
        if wanted == 1:
            in_cells = in_cell.sum(axis=1)
        elif wanted <= in_cell.shape[1]:
            in_cells = np.sort(in_cell, axis=1)[:, -wanted]
        else:
            in_cells = np.zeros_like(times)
        return np.where(self._has_cells[self.host_entry], np.minimum(times, in_cells), times)

    def _fits_cells(self, entry: int, hosts: Integers) -> Mask:
        """Return on which of the hosts enough cells have room for a VM of an entry; all hosts without cells."""
        if self._room_in_cells is None:
            return np.ones(len(hosts), dtype=np.bool_)
        roomy = (self._share(entry) <= self._room_in_cells[hosts]).all(axis=2)
        fits: Mask = (roomy.sum(axis=1) >= self.tables.numa[entry]) | ~self._has_cells[self.host_entry[hosts]]
        return fits

    @cached_property
    def _has_cells(self) -> Mask:
        return np.array([cells is not None for cells in self.tables.cells], dtype=np.bool_)

    def _may_arrive(self, vm: int, hosts: Integers) -> Mask:
        """Return on which of the hosts the VM is already, or fits beside all who are there now and arrive."""
        if self._arrival_room is None:
            return np.ones(len(hosts), dtype=np.bool_)
        after = self._arrived[hosts] + self.tables.lower[int(self.instance.vm_entry[vm])]
        fits = ((after <= self._arrival_room[hosts]) | (after == self._arrived[hosts])).all(axis=1)
        may: Mask = fits | (hosts == self.instance.current[vm])
        return may

    def free_of_judges(self, vm: int) -> bool:
        """Whether closures see every rule that speaks of the VM."""
        return vm not in self._judges_of

    def price(self, vm: int, host: int) -> Fraction | None:
        """Return what broken soft rules cost more with the VM on the host; None if it may not go there."""
        if not self._holds(vm, host):
            return None
        total = Fraction(0)
        self.host_of[vm] = host
        for judge, price in self._judges_of.get(vm, ()):
            more = judge.amount(self.host_of) - self._amounts[id(judge)]
            if price is None and more > 0:
                self.host_of[vm] = -1
                return None
            total += more * (price or 0)
        self.host_of[vm] = -1
        return total

    def add(self, vm: int, host: int, mask: int | None = None) -> None:
        """Put the VM on the host: into the NUMA cells of a mask, or into the roomiest."""
        entry = int(self.instance.vm_entry[vm])
        self._fill_cells(vm, host, mask)
        self.closures.put(vm, host)
        self.host_of[vm] = host
        self.reserved[host] += self.tables.lower[entry]
        self.expected[host] += self.tables.demand[entry]
        self.count[host] += 1
        if self._arrival_room is not None and host != self.instance.current[vm]:
            self._arrived[host] += self.tables.lower[entry]
        self.members.setdefault(host, []).append(vm)
        for judge, _ in self._judges_of.get(vm, ()):
            self._amounts[id(judge)] = judge.amount(self.host_of)

    def remove(self, vm: int) -> None:
        """Take the VM off its host."""
        host, entry = int(self.host_of[vm]), int(self.instance.vm_entry[vm])
        if self._room_in_cells is not None and self.cells[vm]:
            self._room_in_cells[host, self._of_mask(int(self.cells[vm]))] += self._share(entry)
        self.closures.take(vm, host)
        self.cells[vm], self.host_of[vm] = 0, -1
        self.reserved[host] -= self.tables.lower[entry]
        self.expected[host] -= self.tables.demand[entry]
        self.count[host] -= 1
        if self._arrival_room is not None and host != self.instance.current[vm]:
            self._arrived[host] -= self.tables.lower[entry]
        self.members[host].remove(vm)
        for judge, _ in self._judges_of.get(vm, ()):
            self._amounts[id(judge)] = judge.amount(self.host_of)

    def add_alike(self, vms: Integers, hosts: Integers, counts: Integers) -> None:
        """Put VMs of one entry, all of them `alike`, on the hosts: so many on each."""
        entry = int(self.instance.vm_entry[vms[0]])
        self.host_of[vms] = np.repeat(hosts, counts)
        self.reserved[hosts] += counts[:, None] * self.tables.lower[entry]
        self.expected[hosts] += counts[:, None] * self.tables.demand[entry]
        self.count[hosts] += counts

    # -- exact checks where reservations alone do not decide -------------------------------

    def _holds(self, vm: int, host: int) -> bool:
        """Whether isolation floors, protected bursts and NUMA cells allow the VM on the host."""
        if not self._plain and not floors_fit(self.instance, [*self.members.get(host, ()), vm], host):
            return False
        return self._cells_for(int(self.instance.vm_entry[vm]), host) is not None

    def _cells_for(self, entry: int, host: int) -> Integers | None:
        """Return the roomiest NUMA cells that take a VM of an entry; None if none do."""
        if self._room_in_cells is None or (capacities := self.tables.cells[int(self.host_entry[host])]) is None:
            return np.zeros(0, dtype=np.int64)
        room = self._room_in_cells[host, : len(capacities)] - self._share(entry)
        least = np.where(capacities < 0, np.inf, room / np.maximum(capacities, 1)).min(axis=1)
        best = np.argsort(-least, kind="stable")[: int(self.tables.numa[entry])]
        return best if len(best) == self.tables.numa[entry] and (room[best] >= 0).all() else None

    def _fill_cells(self, vm: int, host: int, mask: int | None) -> None:
        """Put a VM into cells of its host, where there are any."""
        if self._room_in_cells is None:
            return
        entry = int(self.instance.vm_entry[vm])
        cells = self._cells_for(entry, host) if mask is None else self._of_mask(mask)
        if cells is not None and len(cells):
            self.cells[vm] = sum(1 << cell for cell in cells.tolist())
            self._room_in_cells[host, cells] -= self._share(entry)

    @staticmethod
    def _of_mask(mask: int) -> Integers:
        return np.array([cell for cell in range(mask.bit_length()) if mask >> cell & 1], dtype=np.int64)

    def _share(self, entry: int) -> Integers:
        """Return what an entry's reservation takes of each cell it touches: whole, as quanta are chosen for that."""
        share: Integers = self.tables.lower[entry] // self.tables.numa[entry]
        return share


def _adds_up(instance: Instance, entry: int) -> bool:
    """Whether the entry's reservation is all that its isolation level guarantees."""
    own = instance.isolation_of(entry)
    return isinstance(own, Shared) or (isinstance(own, Full) and not own.pinned)


def floors_fit(instance: Instance, members: Iterable[int], host: int) -> bool:
    """Whether the floors of the members fit a host together, bursts of protected VMs included.

    Implements the conditions of docs/semantics.md but for NUMA cells, in integers.
    """
    tables = instance.tables
    host_entry = int(instance.host_names.entry_of(np.array([host]))[0])
    capacity = tables.capacity[host_entry]
    entries = [int(instance.vm_entry[vm]) for vm in members]
    floors = np.zeros(len(capacity), dtype=np.int64)
    bursts: list[Integers] = []
    for entry in entries:
        own, low, high = instance.isolation_of(entry), tables.lower[entry], tables.upper[entry]
        floor = low.copy()
        if isinstance(own, Partial):
            even = np.array([int(own.fraction * int(c) / len(entries)) for c in capacity], dtype=np.int64)
            floor = np.maximum(low, np.minimum(high, even))
        elif isinstance(own, Full) and own.pinned and tables.cpu is not None and tables.core[host_entry]:
            core = int(tables.core[host_entry])
            floor[tables.cpu] = -(-int(low[tables.cpu]) // core) * core
        elif isinstance(own, Protected):
            top = np.where(high == NO_LIMIT, np.maximum(capacity, tables.demand[entry]), high)
            bursts.append(top - low)
        floors += floor
    if bursts and instance.gamma:
        floors += np.sort(np.array(bursts), axis=0)[::-1][: instance.gamma].sum(axis=0)
    return bool((floors <= capacity).all())


def dependencies_first(instance: Instance) -> Integers:
    """Return a rank per VM: those that others depend on (hard or soft) come before these."""
    rank = np.ones(instance.vm_count, dtype=np.int64)
    for rule in instance.rules:
        if isinstance(rule, Depend):
            rank[instance.vms_called(rule.on)] = 0
    return rank
