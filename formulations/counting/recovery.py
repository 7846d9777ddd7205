"""The way back from a packing to named VMs on named hosts, moving as few as the packing allows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from formulations.counting.matching import Homes, matched
from formulations.instance import Instance
from formulations.quantities import common_quantum, exact
from formulations.tables import Integers
from formulations.vector_packing import Packing


@dataclass(frozen=True, eq=False)
class Recovery:
    """Names the bins and the items of packings, in linear time.

    A VM stays when its bin lies on its current host. Which bin lies on which host is chosen per
    host type by `matched`, so that what stays has the largest move cost together, and where
    that is equal are the most VMs. Within a bin the dearest to move stay, which is best.

    Parameters
    ----------
    instance : Instance
    flavour : int64 array, shape (VMs,)
        The flavour of every VM, -1 for those that packings do not hold.
    kind : int64 array, shape (hosts,)
        The bin type of every host, -1 for none.
    settled : int64 array, shape (VMs,)
        The host of VMs that packings do not hold, -1 where they have none.
    """

    instance: Instance
    flavour: Integers
    kind: Integers
    settled: Integers

    def hosts(self, packing: Packing) -> Integers:
        """Return the host of every VM that a packing without faults stands for: shape (VMs,)."""
        homes = self.homes
        pattern = self._patterns(packing)
        here = pattern[homes.host]
        stays = (here >= 0) & (packing.patterns[here, homes.flavour] > homes.rank) if len(here) else here >= 0
        host_of = self.settled.copy()
        host_of[homes.vm[stays]] = homes.host[stays]
        self._fill(packing, pattern, host_of)
        return host_of

    @cached_property
    def homes(self) -> Homes:
        """The VMs that have a current host on which bins may lie."""
        current = self.instance.current
        vm = np.flatnonzero((self.flavour >= 0) & (current >= 0))
        vm = vm[self.kind[current[vm]] >= 0]
        costs = [exact(entry.move_cost) for entry in self.instance.vms] if len(vm) else []
        unit = common_quantum(set(costs))
        # One move more or less never outweighs a unit of cost.
        worth = np.array([float(cost / unit * (len(vm) + 1) + 1) for cost in costs], dtype=np.float64)
        return Homes.of(vm, current[vm], self.flavour[vm], worth[self.instance.vm_entry[vm]])

    @cached_property
    def _ordered(self) -> Integers:
        """The hosts that may have a bin, in order of their types; those that are on come first."""
        on = np.array([host.state == "on" for host in self.instance.hosts], dtype=np.bool_)
        rank = 2 * self.kind + ~on[self.instance.host_names.entries()]
        order = np.argsort(rank, kind="stable")
        return order[self.kind[order] >= 0]

    def _patterns(self, packing: Packing) -> Integers:
        """Return the pattern that fills each host, -1 for none: shape (hosts,)."""
        pattern = np.full(len(self.kind), -1, dtype=np.int64)
        left = packing.times.copy()
        for kind in np.unique(self.kind[self.homes.host]).tolist():
            of_kind = np.flatnonzero(packing.types == kind)
            homes = self.homes.on(self.kind[self.homes.host] == kind)
            if len(of_kind):
                found = matched(packing.patterns[of_kind], packing.times[of_kind], homes)
                taken = found >= 0
                pattern[homes.hosts[taken]] = of_kind[found[taken]]
                left[of_kind] -= np.bincount(found[taken], minlength=len(of_kind))
        rest = np.repeat(np.arange(len(left)), left)
        rest = rest[np.argsort(packing.types[rest], kind="stable")]
        kinds, free = packing.types[rest], self._ordered[pattern[self._ordered] < 0]
        begins = np.searchsorted(self.kind[free], kinds)
        within = np.arange(len(rest)) - np.searchsorted(kinds, kinds)
        pattern[free[begins + within]] = rest
        return pattern

    def _fill(self, packing: Packing, pattern: Integers, host_of: Integers) -> None:
        """Give the VMs that have no host yet the room that is left, flavour by flavour, in order of their numbers."""
        vms = np.flatnonzero((self.flavour >= 0) & (host_of < 0))
        vms = vms[np.argsort(self.flavour[vms], kind="stable")]
        flavour, host, room = _rooms(packing, pattern)
        kept = np.flatnonzero((self.flavour >= 0) & (host_of >= 0))
        keys, members = np.unique(self.flavour[kept] * len(pattern) + host_of[kept], return_counts=True)
        room[np.searchsorted(flavour * len(pattern) + host, keys)] -= members
        host_of[vms] = np.repeat(host, room)


def _rooms(packing: Packing, pattern: Integers) -> tuple[Integers, Integers, Integers]:
    """Return every flavour and host that holds some of it, and how many; by flavour, then by host."""
    used = np.flatnonzero(pattern >= 0)
    used = used[np.argsort(pattern[used], kind="stable")]
    begins = np.searchsorted(pattern[used], np.arange(len(packing.times)))
    flavour, chosen = np.nonzero(packing.patterns.T)
    times = packing.times[chosen]
    within = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
    host = used[np.repeat(begins[chosen], times) + within]
    flavour, room = np.repeat(flavour, times), np.repeat(packing.patterns[chosen, flavour], times)
    order = np.lexsort((host, flavour))
    return flavour[order], host[order], room[order]
