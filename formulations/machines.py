"""The two sides of every question: virtual machines and the hosts that run them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Literal

import msgspec

from formulations.bounds import Bounds, Size, Triple, triple_of
from formulations.errors import InputError
from formulations.isolation import AnyIsolation
from formulations.quantities import Quantity, exact
from formulations.resources import check_name

MOST_MEMBERS = 10_000_000
"""No entry, and no instance, may count more VMs than this."""

MOST_CELLS = 62

VmPower = Literal["on", "off"]
HostState = Literal["on", "off", "maintenance"]
Count = int | Literal["unlimited"]


def check_count(count: Count) -> None:
    """Refuse a count outside 1 … ``MOST_MEMBERS``."""
    if count != "unlimited" and not 1 <= count <= MOST_MEMBERS:
        raise InputError(f"must be between 1 and {MOST_MEMBERS:,}, got {count}", "count")


def check_quantities(table: dict[str, Quantity], field: str) -> None:
    """Refuse a table that holds anything but non-negative numbers."""
    for name, value in table.items():
        exact(value, f"{field}.{name}")


def check_sizes(table: dict[str, Size]) -> None:
    """Refuse bare sizes that are no quantities; bounds have checked themselves."""
    for name, size in table.items():
        if not isinstance(size, Bounds):
            exact(size, f"resources.{name}")


class VM(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A virtual machine, or ``count`` identical ones.

    Parameters
    ----------
    name : str
        Unique among VMs. Members of a counted VM are called ``name-1``, ``name-2``, …
    resources : dict of str to number or Bounds
        Per resource a size or demand bounds; a resource not named is not needed.
    count : int
        How many identical VMs the entry stands for.
    overhead : dict of str to number
        Added to reservation, demand and limit (the hypervisor's cost of the VM).
    vcpus : int, optional
        Number of virtual cpus, for the scheduler.
    priority : int
        When not all VMs can be placed, higher priorities go first, strictly.
    group : str, optional
        Tenant or application; rules reach its members as ``group:NAME``.
    pool : str, optional
        The resource pool that the VM draws from.
    host : str or list of str, optional
        Where it runs now; a list gives one host per member.
    power : {"on", "off"}
        A VM that is off needs nothing and is not placed.
    numa : int
        Over how many NUMA cells the VM is split evenly, on hosts that list cells.
    isolation : isolation level, optional
        Its own level instead of the instance's.
    burst_probability : number in [0, 1]
        How likely it uses its limit at any moment, independent of others.
    move_cost : number
        Cost of moving it away from ``host``.
    start_after : list of str
        VMs (or ``group:NAME``) that must be up before it starts.
    boot_seconds : number
        From start to being up.
    dirty_rate : number
        Memory rewritten per second while running, in the memory resource's unit.
    """

    name: str
    resources: dict[str, Size]
    count: int = 1
    overhead: dict[str, Quantity] = {}
    vcpus: int | None = None
    priority: int = 0
    group: str | None = None
    pool: str | None = None
    host: str | list[str] | None = None
    power: VmPower = "on"
    numa: int = 1
    isolation: AnyIsolation | None = None
    burst_probability: Quantity = Decimal("0.1")
    move_cost: Quantity = 1
    start_after: list[str] = []
    boot_seconds: Quantity = 0
    dirty_rate: Quantity = 0

    def __post_init__(self) -> None:
        check_name(self.name)
        check_count(self.count)
        check_sizes(self.resources)
        check_quantities(self.overhead, "overhead")
        if self.vcpus is not None and self.vcpus < 1:
            raise InputError(f"must be at least 1, got {self.vcpus}", "vcpus")
        if not 1 <= self.numa <= MOST_CELLS:
            raise InputError(f"must be between 1 and {MOST_CELLS}, got {self.numa}", "numa")
        exact(self.burst_probability, "burst_probability")
        if self.burst_probability > 1:
            raise InputError(f"must lie in [0, 1], got {self.burst_probability}", "burst_probability")
        if abs(self.priority) > 1_000_000:
            raise InputError(f"must lie within ±1,000,000, got {self.priority}", "priority")
        if self.group is not None:
            check_name(self.group, "group")
        if isinstance(self.host, list) and len(self.host) != self.count:
            raise InputError(f"expected {self.count} hosts, one per member, got {len(self.host)}", "host")
        exact(self.move_cost, "move_cost")
        exact(self.boot_seconds, "boot_seconds")
        exact(self.dirty_rate, "dirty_rate")

    def bounds(self, resource: str) -> Triple:
        """Return reservation, demand and limit of a resource with the overhead added."""
        triple = triple_of(self.resources.get(resource, 0))
        if resource not in self.overhead:
            return triple
        extra = exact(self.overhead[resource])
        low, expected, high = triple
        return low + extra, expected + extra, None if high is None else high + extra


class Cell(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A NUMA cell of a host: the capacities that are local to it, and its number of cores."""

    capacity: dict[str, Quantity]
    cores: int | None = None

    def __post_init__(self) -> None:
        check_quantities(self.capacity, "capacity")
        if self.cores is not None and self.cores < 1:
            raise InputError(f"must be at least 1, got {self.cores}", "cores")


class Host(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A host, or ``count`` identical ones.

    Parameters
    ----------
    name : str
        Unique among hosts. Members of a counted host are called ``name-1``, …
    capacity : dict of str to number
        Physical capacity per resource; a resource not named is absent. For a resource that
        the cells list, the cells' sum if missing.
    count : int or "unlimited"
        How many identical hosts the entry stands for.
    reserve : dict of str to number
        Kept for the hypervisor: taken off the capacity first.
    overcommit : dict of str to number
        Ratio, at least 1, that multiplies what is left.
    type : str, optional
        Rules reach hosts of a type as ``type:NAME``.
    cost : number, optional
        Cost of having the host on.
    idle_power, peak_power : number
        Watts at no load and at full cpu.
    rack, zone : str, optional
        Failure domains; rules reach them as ``rack:NAME`` and ``zone:NAME``.
    labels : dict of str to str
        Further domains (``neighbourhood``, ``room``…), usable wherever rack and zone are.
    cells : list of Cell
        NUMA cells; every VM lies in one, or is split evenly over several.
    cores : int, optional
        Physical cores, for pinning and for the scheduler.
    migration_bandwidth : number, optional
        For live migration, in the memory resource's unit per second.
    safety : dict of str to number
        Safety capacity per resource, for the term ``load``; a resource not named: what VMs may use.
    distance : dict of str to number
        For the term ``distance``: what it costs to move a VM from here to the hosts of an entry, or
        of a label (``rack:NAME``); 0 to hosts not named.
    state : {"on", "off", "maintenance"}
        A host in maintenance takes no VM; one that is off may be switched on.
    """

    name: str
    capacity: dict[str, Quantity] = {}
    count: Count = 1
    reserve: dict[str, Quantity] = {}
    overcommit: dict[str, Quantity] = {}
    type: str | None = None
    cost: Quantity | None = None
    idle_power: Quantity = 0
    peak_power: Quantity = 0
    rack: str | None = None
    zone: str | None = None
    labels: dict[str, str] = {}
    cells: list[Cell] = []
    cores: int | None = None
    migration_bandwidth: Quantity | None = None
    safety: dict[str, Quantity] = {}
    distance: dict[str, Quantity] = {}
    state: HostState = "on"

    def __post_init__(self) -> None:
        check_name(self.name)
        check_count(self.count)
        check_quantities(self.capacity, "capacity")
        check_quantities(self.reserve, "reserve")
        check_quantities(self.safety, "safety")
        check_quantities(self.distance, "distance")
        for resource, ratio in self.overcommit.items():
            if exact(ratio, f"overcommit.{resource}") < 1:
                raise InputError(f"must be at least 1, got {ratio}", f"overcommit.{resource}")
        for label, name in self.domains.items():
            check_name(name, label)
        if set(self.labels) & {"host", "rack", "zone", "type"}:
            raise InputError("host, rack, zone and type have fields of their own", "labels")
        if len(self.cells) > MOST_CELLS:
            raise InputError(f"at most {MOST_CELLS} cells, got {len(self.cells)}", "cells")
        if self.cores is not None and self.cores < 1:
            raise InputError(f"must be at least 1, got {self.cores}", "cores")
        for field in ("cost", "idle_power", "peak_power", "migration_bandwidth"):
            if (value := getattr(self, field)) is not None:
                exact(value, field)
        if exact(self.idle_power) > exact(self.peak_power):
            raise InputError(f"idle power {self.idle_power} is above peak power {self.peak_power}", "idle_power")

    @property
    def domains(self) -> dict[str, str]:
        """Every label of the host: type, rack, zone and its own ones."""
        own = {"type": self.type, "rack": self.rack, "zone": self.zone}
        return {**{key: name for key, name in own.items() if name is not None}, **self.labels}

    def physical(self, resource: str) -> Fraction:
        """Return the physical capacity of a resource, before reserve and overcommit."""
        if resource in self.capacity:
            return exact(self.capacity[resource])
        return sum((exact(cell.capacity.get(resource, 0)) for cell in self.cells), Fraction(0))

    def usable(self, resource: str) -> Fraction:
        """Return what VMs may use: (physical - reserve) * overcommit ratio, not below 0."""
        left = max(Fraction(0), self.physical(resource) - exact(self.reserve.get(resource, 0)))
        return left * exact(self.overcommit.get(resource, 1))

    def safe(self, resource: str) -> Fraction:
        """Return the safety capacity of a resource: what is stated, else what VMs may use."""
        return exact(self.safety[resource]) if resource in self.safety else self.usable(resource)

    def cell_usable(self, resource: str) -> tuple[Fraction, ...] | None:
        """Return each cell's capacity times the overcommit ratio; None if no cell lists the resource."""
        if not any(resource in cell.capacity for cell in self.cells):
            return None
        ratio = exact(self.overcommit.get(resource, 1))
        return tuple(exact(cell.capacity.get(resource, 0)) * ratio for cell in self.cells)


class Pool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A resource pool: VMs, and pools below it, that share a reservation, a limit and shares.

    Pools form a tree; on every host the tree divides what its VMs there may have.
    """

    name: str
    resources: dict[str, Size] = {}
    parent: str | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        check_sizes(self.resources)
