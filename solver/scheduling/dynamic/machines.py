"""Machines: the cores of a host, and what each VM may take of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Self

import numpy as np
from numpy.typing import NDArray

from formulations.cores import core_count, worth_of_a_core
from formulations.errors import InputError, UnsupportedError
from formulations.instance import Instance
from formulations.isolation import Full
from formulations.placement import Placement
from formulations.quantities import exact
from formulations.scheduling.workload import SECOND
from formulations.tables import NO_LIMIT, Integers

MOST_CORES = 1024
"""Of one machine."""

MOST_VMS = 8192
"""On one machine."""

LONGEST_SWITCH = 1_000_000
"""No switch may cost more (µs)."""

NO_CAP = -1

FINEST_SHARE = 2**18
"""The shares on one machine are kept to one part in this many of the largest."""


@dataclass(frozen=True, eq=False)
class Machine:
    """Cores that a number of VMs share.

    Parameters
    ----------
    name : str
        The host's.
    cores : int
        1 … ``MOST_CORES``, all alike.
    vms : int64 array, shape (VMs,)
        The numbers by which jobs name the VMs.
    vcpus : int64 array, shape (VMs,)
        On how many cores each may run at once, at least 1.
    shares : int64 array, shape (VMs,)
        Weights of the proportional share, 1 … ``FINEST_SHARE``.
    caps : int64 array, shape (VMs,)
        Core time per second in µs that the proportional share grants at most; ``NO_CAP`` where
        only ``vcpus`` limits.
    switch_cost : int
        µs that a core needs before it can run another job than its last one.
    owner : str
        The VM whose own the cores are, if they are.

    Raises
    ------
    InputError
        If the arrays differ in length or a figure is out of range.
    UnsupportedError
        If there are more cores or VMs than the simulation takes.
    """

    name: str
    cores: int
    vms: Integers
    vcpus: Integers
    shares: Integers
    caps: Integers
    switch_cost: int = 0
    owner: str = ""

    def __post_init__(self) -> None:
        for field in ("vms", "vcpus", "shares", "caps"):
            array = np.ascontiguousarray(getattr(self, field), dtype=np.int64)
            if array.shape != (len(self.vms),):
                raise InputError(f"expected one figure for each of {len(self.vms):,} VMs", f"{self.name}.{field}")
            object.__setattr__(self, field, array)
        if not 1 <= self.cores <= MOST_CORES or len(self.vms) > MOST_VMS:
            raise UnsupportedError(
                f"{self.name}: the simulation takes 1 to {MOST_CORES:,} cores and up to {MOST_VMS:,} VMs per host, "
                f"got {self.cores:,} and {len(self.vms):,}"
            )
        if len(np.unique(self.vms)) < len(self.vms):
            raise InputError("a VM is listed twice", f"{self.name}.vms")
        self._check("vcpus", self.vcpus < 1, "at least 1")
        self._check("shares", (self.shares < 1) | (self.shares > FINEST_SHARE), f"in 1 … {FINEST_SHARE:,}")
        self._check("caps", self.caps < NO_CAP, f"at least 0, or {NO_CAP} for none")
        if not 0 <= self.switch_cost <= LONGEST_SWITCH:
            raise InputError(f"must lie in 0 … {LONGEST_SWITCH:,} µs, got {self.switch_cost:,}", "switch_cost")

    def _check(self, field: str, wrong: NDArray[np.bool_], expected: str) -> None:
        if wrong.any():
            raise InputError(f"every figure must be {expected}", f"{self.name}.{field}")

    @classmethod
    def of(
        cls,
        cores: int,
        vms: int,
        *,
        vcpus: Sequence[int] | None = None,
        shares: Sequence[int] | None = None,
        caps: Sequence[int] | None = None,
        switch_cost: int = 0,
        name: str = "host",
    ) -> Self:
        """Return a machine for VMs numbered from 0, by default alike and able to use every core."""

        def filled(given: Sequence[int] | None, value: int) -> Integers:
            return np.full(vms, value, dtype=np.int64) if given is None else np.array(given, dtype=np.int64)

        numbers: Integers = np.arange(vms, dtype=np.int64)
        return cls(name, cores, numbers, filled(vcpus, cores), filled(shares, 1), filled(caps, NO_CAP), switch_cost)

    @property
    def label(self) -> str:
        """The name of the host, with that of the VM whose own the cores are."""
        return f"{self.name} ({self.owner})" if self.owner else self.name

    @property
    def usable(self) -> Integers:
        """What each VM may take at most, in µs of core time per second: shape (VMs,)."""
        most = np.minimum(self.vcpus, self.cores) * SECOND
        return np.where(self.caps == NO_CAP, most, np.minimum(most, self.caps))


def machines_of(instance: Instance, placement: Placement, *, switch_cost: int = 0) -> tuple[Machine, ...]:
    """Return the machines that a placement gives its VMs, host by host.

    How many cores a host has is told by `formulations.cores`; what the hypervisor keeps is taken off
    in whole cores, but the last one stays. A VM under full isolation with whole cores has a machine
    of its own; all others on the host share the rest. A VM's vCPUs are those it states, or its limit
    in cores rounded up; its cap is its limit, and nothing but its vCPUs caps it where it has none.

    Raises
    ------
    InputError
        If a host's cores are not known, or do not suffice for the VMs that own some.
    UnsupportedError
        If a host has more cores or VMs than the simulation takes.
    """
    builder = _Builder(instance, placement, switch_cost)
    return tuple(machine for host in builder.members for machine in builder.machines(host))


class _Builder:
    """Reads cores, vCPUs, shares and limits off an instance."""

    def __init__(self, instance: Instance, placement: Placement, switch_cost: int) -> None:
        tables = instance.tables
        if tables.cpu is None:
            raise InputError("no resource has the role cpu", "resources")
        self.instance = instance
        self.allocation = placement.allocation
        self.switch_cost = switch_cost
        self.members = placement.members_by_host()
        self.cpu = tables.cpu
        self.scale = tables.scales[tables.cpu]
        self.upper = tables.upper[:, tables.cpu]
        self.demand = tables.demand[:, tables.cpu]
        self.shares = tables.shares[:, tables.cpu]

    def machines(self, host: int) -> Iterator[Machine]:
        """Yield the machines of a host: one for each VM with cores of its own, then the shared one."""
        entry = int(self.instance.host_names.entry_of(np.array([host], dtype=np.int64))[0])
        name = self.instance.host_names.name(host)
        cores, core = self._cores(entry)
        owners = [vm for vm in self.members[host].tolist() if self._owns(vm)]
        for vm in owners:
            own = self._whole_cores(vm, int(self.instance.tables.core[entry]), name)
            cores -= own
            yield self._machine(name, own, core, np.array([vm]), self.instance.vm_names.name(vm))
        others: Integers = np.setdiff1d(self.members[host], np.array(owners, dtype=np.int64))
        if cores < 0 or (len(others) and cores < 1):
            raise InputError(f"{name!r} has too few cores for those of its VMs that own some", f"hosts[{entry}].cores")
        if len(others):
            yield self._machine(name, cores, core, others)

    def _cores(self, entry: int) -> tuple[int, Fraction]:
        """Return how many cores VMs may use, and what one core is in the unit of cpu."""
        host, resource = self.instance.hosts[entry], self.scale.resource
        try:
            core = worth_of_a_core(host, resource)
            kept = ceil(exact(host.reserve.get(resource.name, 0)) / core)
            return max(1, core_count(host, resource) - kept), core
        except InputError as error:
            raise error.inside(f"hosts[{entry}]") from None

    def _owns(self, vm: int) -> bool:
        own = self.instance.isolation_of(int(self.instance.vm_entry[vm]))
        return isinstance(own, Full) and own.pinned

    def _whole_cores(self, vm: int, core: int, host: str) -> int:
        """Return how many cores are a VM's own: those it was given, or those it expects to need."""
        entry = int(self.instance.vm_entry[vm])
        given = int(self.demand[entry] if self.allocation is None else self.allocation[vm, self.cpu])
        if core < 1:
            name = self.instance.vm_names.name(vm)
            raise InputError(f"{name} is pinned on {host}, which does not state its cores", "hosts")
        return max(1, -(-given // core))

    def _machine(self, name: str, cores: int, core: Fraction, vms: Integers, owner: str = "") -> Machine:
        entries = self.instance.vm_entry[vms]
        kinds, which = np.unique(entries, return_inverse=True)
        limits = [self._limit(int(entry), core) for entry in kinds]
        vcpus = [self._vcpus(int(entry), limit, cores) for entry, limit in zip(kinds, limits, strict=True)]
        caps = [_cap(limit, min(own, cores)) for limit, own in zip(limits, vcpus, strict=True)]
        shares = _reduced(self.shares[kinds])
        return Machine(
            name, cores, vms, np.array(vcpus)[which], shares[which], np.array(caps)[which], self.switch_cost, owner
        )

    def _limit(self, entry: int, core: Fraction) -> Fraction | None:
        """Return a VM's limit in cores, None where it has none."""
        upper = int(self.upper[entry])
        return None if upper == NO_LIMIT else self.scale.value(upper) / core

    def _vcpus(self, entry: int, limit: Fraction | None, cores: int) -> int:
        stated = self.instance.vms[entry].vcpus
        if stated is not None:
            return stated
        return cores if limit is None else max(1, ceil(limit))


def _cap(limit: Fraction | None, vcpus: int) -> int:
    """Return a limit in cores as µs per second, where it is not what the vCPUs allow anyway."""
    return NO_CAP if limit is None or limit >= vcpus else int(limit * SECOND)


def _reduced(shares: Integers) -> Integers:
    """Return shares divided by what they have in common, rounded where they are too fine still."""
    whole: Integers = shares // np.gcd.reduce(shares)
    largest = int(whole.max())
    if largest <= FINEST_SHARE:
        return whole
    rounded = [max(1, (2 * share * FINEST_SHARE + largest) // (2 * largest)) for share in whole.tolist()]
    return np.array(rounded, dtype=np.int64)
