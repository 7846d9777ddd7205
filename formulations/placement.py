"""Placements: who is where and what each gets, as integer arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.instance import Instance

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Placement:
    """Where every VM runs, and what it gets there.

    Parameters
    ----------
    host_of : int64 array, shape (VMs,)
        The host's number, -1 for a VM without a host.
    allocation : int64 array, shape (VMs, resources), optional
        In quanta of `Instance.tables`; zero for a VM without a host.
    cells : int64 array, shape (VMs,), optional
        The NUMA cells of each VM as a bit mask; zero on hosts without cells.
    """

    host_of: Integers
    allocation: Integers | None = None
    cells: Integers | None = None

    @classmethod
    def from_names(cls, instance: Instance, hosts: Mapping[str, str | None]) -> Placement:
        """Return the placement that maps VM names to host names; VMs not named have no host.

        Raises
        ------
        InputError
            If a name is unknown, or is not that of a single member.
        """
        host_of = np.full(instance.vm_count, -1, dtype=np.int64)
        for vm, host in hosts.items():
            if host is not None:
                host_of[_single(instance.vm_names.find(vm), "VM", vm)] = _single(
                    instance.host_names.find(host), "host", host
                )
        return cls(host_of)

    def named(self, instance: Instance) -> dict[str, str | None]:
        """Return the host name of every VM name, None where it has no host."""
        used = self.hosts_used
        names = np.array([*instance.host_names.names_of(used), None], dtype=object)
        # A VM without a host finds None, which comes after the names of the hosts in use.
        position = np.full(int(used.max(initial=0)) + 2, -1, dtype=np.int64)
        position[used] = np.arange(len(used))
        hosts = names[position[self.host_of]].tolist()
        return dict(zip(instance.vm_names.all_names(), hosts, strict=True))

    @property
    def placed(self) -> NDArray[np.bool_]:
        """Which VMs have a host."""
        return self.host_of >= 0

    @property
    def hosts_used(self) -> Integers:
        """The numbers of the hosts in use, ascending."""
        return np.flatnonzero(np.bincount(self.host_of[self.host_of >= 0]))

    def members_by_host(self) -> dict[int, Integers]:
        """Return the VMs of every host in use, ascending."""
        order = np.argsort(self.host_of, kind="stable")
        order = order[self.host_of[order] >= 0]
        hosts, starts = np.unique(self.host_of[order], return_index=True)
        return dict(zip(hosts.tolist(), np.split(order, starts[1:]), strict=True)) if len(hosts) else {}

    def with_allocation(self, allocation: Integers) -> Placement:
        """Return the same placement with this allocation."""
        return replace(self, allocation=allocation)

    def with_cells(self, cells: Integers) -> Placement:
        """Return the same placement with these NUMA cells."""
        return replace(self, cells=cells)


def _single(members: Integers | None, what: str, name: str) -> int:
    if members is None or len(members) != 1:
        raise InputError(f"no single {what} is called {name!r}", f"placement.{name}")
    return int(members[0])
