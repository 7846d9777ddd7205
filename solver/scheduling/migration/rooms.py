"""How full hosts and their NUMA cells are while VMs come and go, in integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from heapq import nlargest
from math import lcm

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.isolation import Full, Partial, Protected
from formulations.tables import NO_LIMIT, Integers

Loads = list[int]
Members = Mapping[int, int]
"""Who is on a host: the NUMA cells of every VM there, as a bit mask."""

UNBOUNDED = 2**200


class Needs:
    """What each VM needs on each host: its guaranteed floor, in whole cores where pinned.

    Parameters
    ----------
    instance : Instance
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.tables = instance.tables
        self.width = len(instance.resources)
        levels = [instance.isolation_of(entry) for entry in range(len(instance.vms))]
        self.alpha = [own.fraction if isinstance(own, Partial) else None for own in levels]
        self.protected = [isinstance(own, Protected) for own in levels]
        self.pinned = [isinstance(own, Full) and own.pinned for own in levels]
        self.lower: list[list[int]] = self.tables.lower.tolist()
        self.demand: list[list[int]] = self.tables.demand.tolist()
        self.stated: list[list[int]] = self.tables.upper.tolist()
        self.capacity: list[list[int]] = self.tables.capacity.tolist()
        self.least = lru_cache(maxsize=2**18)(self._least)
        self.refusal = lru_cache(maxsize=2**18)(self._refusal)

    def upper(self, vm_entry: int, host_entry: int, r: int) -> int:
        """Return a VM's limit on a host; a missing one is the host's capacity, or the demand if larger."""
        stated = self.stated[vm_entry][r]
        return stated if stated != NO_LIMIT else max(self.capacity[host_entry][r], self.demand[vm_entry][r])

    def _least(self, vm_entry: int, host_entry: int, members: int) -> tuple[int, ...]:
        """Return what a VM is guaranteed on a host with so many VMs: shape (resources,)."""
        needs = list(self.lower[vm_entry])
        alpha = self.alpha[vm_entry]
        if alpha is not None:
            for r in range(self.width):
                part = int(alpha * Fraction(self.capacity[host_entry][r], members))
                needs[r] = max(needs[r], min(self.upper(vm_entry, host_entry, r), part))
        cpu = self.tables.cpu
        if self.pinned[vm_entry] and cpu is not None:
            core = max(1, int(self.tables.core[host_entry]))
            needs[cpu] = -(-needs[cpu] // core) * core
        return tuple(needs)

    def burst(self, vm_entry: int, host_entry: int, r: int) -> int:
        """Return how much more than its reservation a protected VM may use."""
        return self.upper(vm_entry, host_entry, r) - self.lower[vm_entry][r]

    def _refusal(self, vm_entry: int, host_entry: int) -> str:
        """Return why a host can never take a VM, however empty it is; empty if it can."""
        host, cpu = self.instance.hosts[host_entry], self.tables.cpu
        if host.state == "maintenance":
            return "is in maintenance"
        if host.cells and len(host.cells) < self.instance.vms[vm_entry].numa:
            return f"has {len(host.cells)} NUMA cells of the {self.instance.vms[vm_entry].numa} it needs"
        if self.pinned[vm_entry] and cpu is not None:
            upper = self.upper(vm_entry, host_entry, cpu)
            if upper and not self.tables.core[host_entry]:
                return "does not state its cores, on which it is pinned"
            if self.least(vm_entry, host_entry, 1)[cpu] > upper:
                return "has cores larger than its limit"
        return ""


class Rooms:
    """The loads of all hosts; VMs are added and removed one at a time.

    A host's loads are a list of integers with a limit each: what its VMs need of every resource;
    with bursts, what they need when the largest burst at once; and both again for every cell.

    Parameters
    ----------
    instance : Instance
    host_of, cells : sequence of int
        Where every VM is, and in which cells.
    with_cells : bool
        Whether cells are looked at.
    """

    def __init__(self, instance: Instance, host_of: Sequence[int], cells: Sequence[int], *, with_cells: bool) -> None:
        self.instance = instance
        self.needs = Needs(instance)
        self.refusal = self.needs.refusal
        self.vm_entry: list[int] = instance.vm_entry.tolist()
        self.host_entry: list[int] = instance.host_names.entries().tolist()
        self.cells_of = [None if table is None or not with_cells else table.tolist() for table in instance.tables.cells]
        self.whole = lcm(*{vm.numa for vm in instance.vms}) if with_cells else 1
        self.additive = not (instance.gamma or with_cells or any(alpha is not None for alpha in self.needs.alpha))
        self.members: list[dict[int, int]] = [{} for _ in range(instance.host_count)]
        for vm, host in enumerate(host_of):
            if host >= 0:
                self.members[host][vm] = cells[vm]
        self._limits = [self._limits_of(entry) for entry in range(len(instance.hosts))]
        self.loads = [self.measure(host, there) for host, there in enumerate(self.members)]
        self._free: Integers = np.zeros((instance.host_count, self.needs.width), dtype=np.int64)
        if self.additive:
            for host in range(instance.host_count):
                self._note(host)

    def limits(self, host: int) -> Loads:
        """Return the limits of a host's loads."""
        return self._limits[self.host_entry[host]]

    def _limits_of(self, entry: int) -> Loads:
        capacity = self.needs.capacity[entry]
        limits = capacity * (2 if self.instance.gamma else 1)
        for cell in self.cells_of[entry] or ():
            local = [UNBOUNDED if room < 0 else room * self.whole for room in cell]
            limits = limits + local * (2 if self.instance.gamma else 1)
        return limits

    # -- loads ---------------------------------------------------------------------------

    def measure(self, host: int, members: Members) -> Loads:
        """Return the loads of a host with these VMs."""
        entry = self.host_entry[host]
        count = len(members)
        parts = [(vm, self.needs.least(self.vm_entry[vm], entry, count)) for vm in members]
        loads = self._sums(entry, [(vm, need, 1) for vm, need in parts])
        for cell in range(len(self.cells_of[entry] or ())):
            local = [(vm, need, self._part(vm)) for vm, need in parts if members[vm] >> cell & 1]
            loads += self._sums(entry, local)
        return loads

    def _part(self, vm: int) -> int:
        return self.whole // self.instance.vms[self.vm_entry[vm]].numa

    def _sums(self, entry: int, parts: list[tuple[int, tuple[int, ...], int]]) -> Loads:
        sums = [sum(need[r] * part for _, need, part in parts) for r in range(self.needs.width)]
        gamma = self.instance.gamma
        if not gamma:
            return sums
        bursting = [(self.vm_entry[vm], part) for vm, _, part in parts if self.needs.protected[self.vm_entry[vm]]]
        if not bursting:
            return sums + [0] * self.needs.width
        bursts = (
            nlargest(gamma, (self.needs.burst(vm_entry, entry, r) * part for vm_entry, part in bursting))
            for r in range(self.needs.width)
        )
        return sums + [load + sum(most) for load, most in zip(sums, bursts, strict=True)]

    def with_vm(self, host: int, vm: int, cells: int) -> Loads:
        """Return the loads of a host if a VM were there too (in these cells as well, if it is)."""
        there = self.members[host]
        if self.additive:
            need = self.needs.least(self.vm_entry[vm], self.host_entry[host], 1)
            return self.loads[host] if vm in there else [a + b for a, b in zip(self.loads[host], need, strict=True)]
        return self.measure(host, {**there, vm: there.get(vm, 0) | cells})

    def fits(self, host: int, vm: int) -> bool:
        """Whether a VM fits a host (where needs add up): what it adds to is not above its limit then."""
        need = self.needs.least(self.vm_entry[vm], self.host_entry[host], 1)
        return not any(b and a + b > most for a, b, most in zip(self.loads[host], need, self.limits(host), strict=True))

    def roomy(self, vm: int) -> NDArray[np.bool_]:
        """Return the hosts on which a VM may fit, at a glance: no other does. Shape (hosts,)."""
        entry = self.vm_entry[vm]
        if not self.additive or self.needs.pinned[entry]:
            return np.ones(len(self._free), dtype=np.bool_)
        need = self.instance.tables.lower[entry]
        roomy: NDArray[np.bool_] = ((self._free >= need) | (need == 0)).all(axis=1)
        return roomy

    def _note(self, host: int) -> None:
        """Keep what is free on a host, for `roomy`; -1 stands for less than nothing."""
        pairs = zip(self.limits(host), self.loads[host], strict=True)
        self._free[host] = [max(-1, most - load) for most, load in pairs]

    def without_vm(self, host: int, vm: int) -> Loads:
        """Return the loads of a host if a VM left it."""
        if self.additive:
            need = self.needs.least(self.vm_entry[vm], self.host_entry[host], 1)
            return [a - b for a, b in zip(self.loads[host], need, strict=True)]
        return self.measure(host, {other: mask for other, mask in self.members[host].items() if other != vm})

    # -- changes -------------------------------------------------------------------------

    def put(self, host: int, vm: int, cells: int) -> None:
        """Add a VM to a host, or change its cells there."""
        if vm not in self.members[host]:
            self.loads[host] = self.with_vm(host, vm, cells)
            self.members[host][vm] = cells
            if self.additive:
                self._note(host)
        elif self.members[host][vm] != cells:
            self.members[host][vm] = cells
            self.loads[host] = self.measure(host, self.members[host])

    def take(self, host: int, vm: int) -> None:
        """Remove a VM from a host."""
        self.loads[host] = self.without_vm(host, vm)
        del self.members[host][vm]
        if self.additive:
            self._note(host)

    # -- words ---------------------------------------------------------------------------

    def excess(self, host: int, loads: Loads, allowed: Loads) -> str:
        """Return which load is above what is allowed, such as ``memory of h2: 12 GB of 10 GB``."""
        at = next(at for at, (load, most) in enumerate(zip(loads, allowed, strict=True)) if load > most)
        width = self.needs.width
        group, r = divmod(at, width)
        bursts = 2 if self.instance.gamma else 1
        scale = self.instance.tables.scales[r]
        whole = self.whole if group >= bursts else 1
        place = f", cell {group // bursts - 1}" if group >= bursts else ""
        bursting = f" when {self.instance.gamma} burst" if group % bursts else ""
        figures = [scale.say(Fraction(figure, whole)) for figure in (loads[at], self.limits(host)[at])]
        name = self.instance.host_names.name(host)
        return f"{scale.resource.name} of {name}{place}: {' of '.join(figures)}{bursting}"
