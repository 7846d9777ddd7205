"""Enforcement settings as plain data: what one VM may have on its host, and what a written setting says."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction


class Enforce(StrEnum):
    """What settings hold a VM to."""

    LIMIT = "limit"
    """Between its reservation and its limit, as the shares say: what is idle may be used by others."""
    ALLOCATION = "allocation"
    """Exactly what the solution gives it: no less, no more, however idle the host is."""


@dataclass(frozen=True)
class Grant:
    """What one VM is granted of one resource, in the instance's unit.

    What is promised to be there (reservation, allocation) is in units of the real host: an
    overcommitted promise is divided by its ratio. What merely may not be passed is as stated.

    Attributes
    ----------
    reserved : Fraction
        There at all times: the floor of the VM's isolation level, or the allocation.
    expected : Fraction
        What the solution gives it.
    limit : Fraction or None
        Not to be passed; None where nothing but the host limits it.
    stated : Fraction or None
        The limit that the instance states.
    weight : Fraction
        Its part of the contended cpu time, to be compared on one host (see `contention`);
        for memory what is expected.
    shares : Fraction
        As stated, to be compared across hosts.
    overhead : Fraction
        The part of reservation and limit that is the hypervisor's and not the guest's.
    nominal : Fraction
        The allocation as the guest sees it, without the division by the ratio.
    ratio : Fraction
        The host's overcommit ratio.
    held : bool
        Whether it gets its allocation, no less and no more.
    """

    reserved: Fraction
    expected: Fraction
    limit: Fraction | None
    stated: Fraction | None
    weight: Fraction
    shares: Fraction
    overhead: Fraction
    nominal: Fraction
    ratio: Fraction
    held: bool = False


@dataclass(frozen=True)
class VmGrants:
    """All that one VM is granted.

    Attributes
    ----------
    vm : str
    host : str
    cpu, memory : Grant or None
        None for a resource that the VM does not need or the instance does not have.
    vcpus : int or None
    full, pinned : bool
        Whether the VM is fully isolated, and whether on cores of its own.
    cpus : tuple of int or None
        The processors that it may run on; None for any.
    cells : tuple of int
        Its NUMA cells; empty on a host without cells.
    """

    vm: str
    host: str
    cpu: Grant | None
    memory: Grant | None
    vcpus: int | None = None
    full: bool = False
    pinned: bool = False
    cpus: tuple[int, ...] | None = None
    cells: tuple[int, ...] = ()


@dataclass(frozen=True)
class HostGrants:
    """What the VMs of one host are granted, and what the figures are worth there.

    Attributes
    ----------
    host : str
    members : tuple of VmGrants
        The VMs asked for, in the instance's order.
    cores_per_unit, mhz_per_unit : Fraction or None
        Of the instance's unit of cpu; None where the core's clock is not known.
    bytes_per_unit : Fraction
        Of the instance's unit of memory.
    heaviest : Fraction
        The largest weight of any VM on the host.
    largest_shares : Fraction
        Of any VM and either resource in the whole instance.
    exclusive : bool
        Whether some VM on the host has processors of its own.
    memory_reserved, memory_expected : Fraction
        Of all VMs on the host, not only those asked for.
    """

    host: str
    members: tuple[VmGrants, ...]
    cores_per_unit: Fraction | None
    mhz_per_unit: Fraction | None
    bytes_per_unit: Fraction
    heaviest: Fraction
    largest_shares: Fraction
    exclusive: bool
    memory_reserved: Fraction
    memory_expected: Fraction


@dataclass(frozen=True)
class SettingsFile:
    """One file of settings.

    Attributes
    ----------
    path : str
        Relative, with forward slashes; the first part is the host.
    content : str
    """

    path: str
    content: str


@dataclass(frozen=True)
class Reading:
    """What written settings say of one VM, read back, in the instance's units.

    A figure that the settings cannot state, or leave unlimited, is None.

    Attributes
    ----------
    vm, host : str
    cpu_weight : int or None
    cpu_reserved, cpu_limit, memory_reserved, memory_limit : Fraction or None
        Memory with the hypervisor's overhead.
    cpus : frozenset of int or None
    cells : frozenset of int or None
    """

    vm: str
    host: str
    cpu_weight: int | None = None
    cpu_reserved: Fraction | None = None
    cpu_limit: Fraction | None = None
    memory_reserved: Fraction | None = None
    memory_limit: Fraction | None = None
    cpus: frozenset[int] | None = None
    cells: frozenset[int] | None = None


@dataclass(frozen=True)
class Steps:
    """The grain of a system's settings on one host, in the instance's units.

    Attributes
    ----------
    cpu, memory : Fraction
        Figures are rounded down by less than this.
    states : frozenset of str
        The fields of `Reading` that the system can state.
    """

    cpu: Fraction
    memory: Fraction
    states: frozenset[str] = field(default_factory=frozenset)
