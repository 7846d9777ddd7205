"""The re-placement question as arrays: running VMs, what moving them costs, and what makes a placement good.

The machine reassignment problem of the 2012 ROADEF/EURO challenge (Afsar, Artigues, Bourreau and
Kedad-Sidhoum, Annals of Operations Research 242, 2016, doi:10.1007/s10479-016-2203-5) with four
additions: VMs without a current host, more than one VM of a service on a host where that is
allowed, hosts that a VM may not use, and a limit on the number of moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.tables import Integers

Mask = NDArray[np.bool_]
ShortIntegers = NDArray[np.int32]

LARGEST_COST = 2**62
"""No placement may cost more, so that costs add up exactly in 64 bits."""

NOWHERE = -1
"""The current host of a VM that has none yet."""


def _none(*shape: int) -> Integers:
    return np.zeros(shape, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Reassignment:
    """VMs with a current host, to be placed anew at the least cost.

    With ``U[j, r]`` the total size of the VMs on host j and ``A = capacity - U``, minimise

    ``sum_r load_weight[r] sum_j max(0, U[j, r] - safety[j, r])``
    ``+ sum_b weight_b sum_j max(0, target_b A[j, first_b] - A[j, second_b])``
    ``+ move_weight * sum of move_cost over moved VMs``
    ``+ service_weight * the largest number of moved VMs of one service``
    ``+ pair_weight * sum over moved VMs of pair_cost[class of old host, class of new host]``

    such that on every host and in every resource (1) ``U <= capacity``; (2) where the resource is
    transient, the VMs that are there or were there at first fit together; and (3) a host has at
    most ``most_per_host`` VMs of a service; (4) a service lies in at least ``spread`` locations;
    (5) where a service depends on another, each of its VMs has a VM of the other in its
    neighbourhood; (6) VMs are on hosts that are allowed; (7) at most ``most_moves`` VMs move.
    A VM without a current host counts as no move and costs nothing to place.

    Parameters
    ----------
    sizes : int64 array, shape (VMs, resources)
    service : int64 array, shape (VMs,)
        The number of each VM's service; services partition the VMs.
    current : int64 array, shape (VMs,)
        Where each VM is; ``NOWHERE`` without a host.
    capacity, safety : int64 arrays, shape (hosts, resources)
    location, neighbourhood : int64 arrays, shape (hosts,)
        Numbers from 0.
    transient : bool array, shape (resources,), optional
    load_weight : int64 array, shape (resources,), optional
    balances : int64 array, shape (balances, 4), optional
        Rows of first resource, second resource, target and weight.
    spread, most_per_host : int64 arrays, shape (services,), optional
        By default 0 and 1.
    dependencies : int64 array, shape (dependencies, 2), optional
        Rows of a service and one that it depends on.
    move_cost : int64 array, shape (VMs,), optional
    move_weight, service_weight, pair_weight : int
    host_class : int64 array, shape (hosts,), optional
        Hosts of a class have the same pair costs; by default one class for all.
    pair_cost : int32 array, shape (classes, classes), optional
        Between different hosts; staying costs nothing.
    vm_class : int64 array, shape (VMs,), optional
        VMs of a class are allowed on the same hosts; by default one class for all.
    allowed : bool array, shape (VM classes, hosts), optional
        By default everything is allowed.
    most_moves : int, optional
    name : str

    Raises
    ------
    InputError
        If shapes do not match, a number is out of range, or a cost could leave 62 bits.
    """

    sizes: Integers
    service: Integers
    current: Integers
    capacity: Integers
    safety: Integers
    location: Integers
    neighbourhood: Integers
    transient: Mask = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    load_weight: Integers = field(default_factory=lambda: _none(0))
    balances: Integers = field(default_factory=lambda: _none(0, 4))
    spread: Integers = field(default_factory=lambda: _none(0))
    most_per_host: Integers = field(default_factory=lambda: _none(0))
    dependencies: Integers = field(default_factory=lambda: _none(0, 2))
    move_cost: Integers = field(default_factory=lambda: _none(0))
    move_weight: int = 0
    service_weight: int = 0
    pair_weight: int = 0
    host_class: Integers = field(default_factory=lambda: _none(0))
    pair_cost: ShortIntegers = field(default_factory=lambda: np.zeros((1, 1), dtype=np.int32))
    vm_class: Integers = field(default_factory=lambda: _none(0))
    allowed: Mask | None = None
    most_moves: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        self._fill_in()
        self._check_shapes()
        for name, values, most in self._ranges():
            least = NOWHERE if name == "current" else 0
            if values.size and not least <= int(values.min()) <= int(values.max()) < most:
                raise InputError(f"expected numbers from {least} to {most - 1:,}", name)
        if self.most_moves is not None and self.most_moves < 0:
            raise InputError("must not be negative", "most_moves")
        if self._dearest() > LARGEST_COST:
            raise InputError("costs are too large to be added exactly")

    def _fill_in(self) -> None:
        """Give the optional arrays their shapes."""
        services = max(len(self.spread), len(self.most_per_host), int(self.service.max(initial=-1)) + 1)
        defaults = {
            "transient": np.zeros(self.resources, dtype=np.bool_),
            "load_weight": _none(self.resources),
            "spread": _none(services),
            "most_per_host": np.ones(services, dtype=np.int64),
            "move_cost": _none(self.vms),
            "host_class": _none(self.hosts),
            "vm_class": _none(self.vms),
        }
        for name, values in defaults.items():
            if not len(getattr(self, name)):
                object.__setattr__(self, name, values)

    def _check_shapes(self) -> None:
        n, m, r, s = self.vms, self.hosts, self.resources, self.services
        shapes = {
            "sizes": (n, r),
            "service": (n,),
            "current": (n,),
            "move_cost": (n,),
            "vm_class": (n,),
            "capacity": (m, r),
            "safety": (m, r),
            "location": (m,),
            "neighbourhood": (m,),
            "host_class": (m,),
            "transient": (r,),
            "load_weight": (r,),
            "spread": (s,),
            "most_per_host": (s,),
            "balances": (len(self.balances), 4),
            "dependencies": (len(self.dependencies), 2),
            "pair_cost": (len(self.pair_cost), len(self.pair_cost)),
        }
        if self.allowed is not None:
            shapes["allowed"] = (len(self.allowed), m)
        for name, shape in shapes.items():
            got = getattr(self, name).shape
            if got != shape:
                raise InputError(f"expected the shape {shape}, got {got}", name)

    def _ranges(self) -> Iterator[tuple[str, Integers, int]]:
        """Yield arrays with the number below which all entries must lie."""
        for name in ("sizes", "capacity", "safety", "load_weight", "spread", "most_per_host", "move_cost"):
            yield name, getattr(self, name), LARGEST_COST
        yield "service", self.service, self.services
        yield "current", self.current, self.hosts
        for name in ("location", "neighbourhood"):
            yield name, getattr(self, name), max(self.hosts, 1)
        yield "dependencies", self.dependencies, self.services
        yield "balances", self.balances[:, :2], self.resources
        yield "balances", self.balances[:, 2:], LARGEST_COST
        yield "host_class", self.host_class, len(self.pair_cost)
        yield "pair_cost", self.pair_cost.astype(np.int64, copy=False), 2**31
        yield "vm_class", self.vm_class, max(self.vms, 1) if self.allowed is None else len(self.allowed)
        yield "weights", np.array([self.move_weight, self.service_weight, self.pair_weight], dtype=object), LARGEST_COST

    def _dearest(self) -> int:
        """Return what no cost, load or part of a cost can exceed."""
        totals = self.sizes.astype(object).sum(axis=0) if self.vms else np.zeros(self.resources, dtype=object)
        rooms = self.capacity.astype(object).sum(axis=0) if self.hosts else np.zeros(self.resources, dtype=object)
        cost = int((totals * (1 + self.load_weight)).sum()) + int(rooms.sum()) + int(self.safety.astype(object).sum())
        for first, second, target, weight in self.balances.tolist():
            cost += weight * (target * int(rooms[first] + totals[first]) + int(rooms[second] + totals[second]))
        cost += self.move_weight * int(self.move_cost.astype(object).sum()) + self.service_weight * self.vms
        return cost + self.pair_weight * self.vms * int(self.pair_cost.max(initial=0))

    @property
    def vms(self) -> int:
        """How many VMs there are."""
        return len(self.sizes)

    @property
    def hosts(self) -> int:
        """How many hosts there are."""
        return len(self.capacity)

    @property
    def resources(self) -> int:
        """How many resources there are."""
        return int(self.sizes.shape[1])

    @property
    def services(self) -> int:
        """How many services there are."""
        return len(self.spread)

    @cached_property
    def locations(self) -> int:
        """How many locations there are."""
        return int(self.location.max(initial=-1)) + 1

    @cached_property
    def neighbourhoods(self) -> int:
        """How many neighbourhoods there are."""
        return int(self.neighbourhood.max(initial=-1)) + 1

    @cached_property
    def members(self) -> Integers:
        """How many VMs each service has: shape (services,)."""
        return np.bincount(self.service, minlength=self.services).astype(np.int64)

    def within(self, most_moves: int | None) -> Reassignment:
        """Return the same question with another limit on the number of moves."""
        return replace(self, most_moves=most_moves)
