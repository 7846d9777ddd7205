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
        self._judges_of: dict[int, list[tuple[RuleJudge, Fraction | None]]] = {}
        for rule, judge in zip(instance.rules, judges, strict=True):
            price = None if rule.price is None else exact(rule.price)
            for vm in np.asarray(judge.members).tolist():
                self._judges_of.setdefault(vm, []).append((judge, price))
        self._amounts = {id(judge): judge.amount(self.host_of) for judge in judges}

    def placement(self) -> Placement:
        """Return what has been placed so far."""
        return Placement(self.host_of.copy(), None, self.cells.copy() if self._celled else None)

    @cached_property
    def ruled(self) -> Mask:
        """Which VMs any rule looks at: shape (VMs,)."""
        ruled = np.zeros(self.instance.vm_count, dtype=np.bool_)
        ruled[[*self._judges_of, *self.candidates.bound]] = True
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
        return roomy

    def _may_arrive(self, vm: int, hosts: Integers) -> Mask:
        """Return on which of the hosts the VM is already, or fits beside all who are there now and arrive."""
        if self._arrival_room is None:
            return np.ones(len(hosts), dtype=np.bool_)
        after = self._arrived[hosts] + self.tables.lower[int(self.instance.vm_entry[vm])]
        fits = ((after <= self._arrival_room[hosts]) | (after == self._arrived[hosts])).all(axis=1)
        may: Mask = fits | (hosts == self.instance.current[vm])
        return may

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

    def add(self, vm: int, host: int) -> None:
        """Put the VM on the host."""
        entry = int(self.instance.vm_entry[vm])
        mask = self._cells_for(vm, host)
        self.cells[vm] = mask or 0
        self.host_of[vm] = host
        self.reserved[host] += self.tables.lower[entry]
        self.expected[host] += self.tables.demand[entry]
        self.count[host] += 1
        if self._arrival_room is not None and host != self.instance.current[vm]:
            self._arrived[host] += self.tables.lower[entry]
        self.members.setdefault(host, []).append(vm)
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
        return self._cells_for(vm, host) is not None

    def _cells_for(self, vm: int, host: int) -> int | None:
        """Return the roomiest NUMA cells that take the VM, as a mask; 0 without cells, None if none do."""
        capacities = self.tables.cells[int(self.host_entry[host])]
        if capacities is None:
            return 0
        used = np.zeros(capacities.shape, dtype=np.float64)
        for other in self.members.get(host, ()):
            touched = [c for c in range(len(capacities)) if int(self.cells[other]) >> c & 1]
            used[touched] += self._share(other)
        room = np.where(capacities < 0, np.inf, capacities - used - self._share(vm))
        least = (room / np.maximum(capacities, 1)).min(axis=1)
        wanted = int(self.tables.numa[self.instance.vm_entry[vm]])
        best = np.argsort(-least, kind="stable")[:wanted]
        if len(best) < wanted or (room[best] < 0).any():
            return None
        return sum(1 << int(c) for c in best)

    def _share(self, vm: int) -> NDArray[np.float64]:
        """Return what a VM's reservation takes of each cell it touches."""
        entry = int(self.instance.vm_entry[vm])
        share: NDArray[np.float64] = self.tables.lower[entry] / float(self.tables.numa[entry])
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
