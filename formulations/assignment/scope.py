"""Scopes: which VMs and hosts an assignment model decides about, and what stands fixed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from formulations.candidates import Candidates
from formulations.instance import Instance
from formulations.placement import Placement

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scope:
    """The free VMs and hosts, and the placement of all others.

    No fixed VM is on a free host.

    Parameters
    ----------
    vms, hosts : int64 arrays
        The numbers of the free VMs and hosts, ascending.
    fixed : Placement
        Where the other VMs are, with allocation; free VMs have no host in it.
    """

    vms: Integers
    hosts: Integers
    fixed: Placement

    @classmethod
    def whole(cls, instance: Instance) -> Scope:
        """Return the scope of all wanted VMs and all usable hosts."""
        nobody = Placement(
            np.full(instance.vm_count, -1, dtype=np.int64),
            np.zeros((instance.vm_count, len(instance.resources)), dtype=np.int64),
        )
        return cls(np.flatnonzero(instance.wanted), np.arange(instance.host_count, dtype=np.int64), nobody)

    @classmethod
    def around(cls, instance: Instance, placement: Placement, hosts: Integers) -> Scope:
        """Return the scope of some hosts, the VMs on them, and the wanted VMs without a host."""
        on_free = np.isin(placement.host_of, hosts)
        free = instance.wanted & (on_free | (placement.host_of < 0))
        fixed = Placement(np.where(free, -1, placement.host_of), placement.allocation, placement.cells)
        return cls(np.flatnonzero(free), np.unique(hosts), fixed)

    def pairs(self, candidates: Candidates) -> dict[int, list[int]]:
        """Return the free hosts that are open to each free VM."""
        return {vm: self.hosts[candidates.hosts_of(vm)[self.hosts]].tolist() for vm in self.vms.tolist()}

    @cached_property
    def fixed_members(self) -> Integers:
        """The fixed VMs that have a host."""
        return np.flatnonzero(self.fixed.host_of >= 0)
