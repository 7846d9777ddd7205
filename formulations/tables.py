"""The integer arrays behind an instance: what every model, engine and judge computes with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from formulations.bounds import shares_of
from formulations.errors import InputError
from formulations.isolation import AnyIsolation, Full
from formulations.machines import VM, Host
from formulations.quantities import LARGEST_INTEGER, common_denominator, common_quantum
from formulations.resources import Resource, Scale, role_index

NO_LIMIT = np.int64(2**60)
"""Stands for a missing limit: the host's capacity binds instead."""

ELASTIC_STEPS = 1000
"""Where a VM's allocation may vary, the input's common unit is divided into this many quanta."""

Integers = NDArray[np.int64]


class Tables:
    """Integer sizes and capacities per entry, and the scale that gives them meaning.

    The quantum of a resource is the greatest common divisor of all that the input states
    about it, divided by `ELASTIC_STEPS` where some VM's allocation may vary.

    Attributes
    ----------
    scales : tuple of Scale
        One per resource.
    lower, demand, upper : int64 arrays, shape (VM entries, resources)
        Reservation, demand and limit with overhead; a missing limit is ``NO_LIMIT``.
    shares : int64 array, shape (VM entries, resources)
        Shares times ``shares_unit``.
    capacity : int64 array, shape (host entries, resources)
        What VMs may use.
    cells : tuple of (int64 array or None)
        Per host entry the capacities of its NUMA cells, shape (cells, resources), -1 where
        the cells do not list the resource; None for hosts without cells.
    core : int64 array, shape (host entries,)
        The share of the cpu capacity that one core stands for; 0 where cores are not stated.
    numa : int64 array, shape (VM entries,)
        NUMA cells wanted.
    """

    def __init__(
        self, resources: Sequence[Resource], vms: Sequence[VM], hosts: Sequence[Host], isolation: AnyIsolation
    ) -> None:
        names = [resource.name for resource in resources]
        bounds = [[vm.bounds(name) for name in names] for vm in vms]
        usable = [[host.usable(name) for name in names] for host in hosts]
        self.cpu = role_index(resources, "cpu")
        self.memory = role_index(resources, "memory")
        pinned = any(isinstance(own, Full) and own.pinned for own in [isolation, *(vm.isolation for vm in vms)])
        self.numa: Integers = np.array([vm.numa for vm in vms], dtype=np.int64)
        split = lcm(*{vm.numa for vm in vms}) if any(host.cells for host in hosts) else 1
        self.scales = tuple(
            Scale(
                resource,
                _quantum(
                    [bound[r] for bound in bounds],
                    _stated(hosts, [row[r] for row in usable], resource.name, cores=pinned and r == self.cpu),
                    split,
                ),
            )
            for r, resource in enumerate(resources)
        )
        self._fill_vms(bounds)
        self._fill_hosts(hosts, usable, names)
        self._fill_shares(vms, names)

    def _fill_vms(self, bounds: list[list[tuple[Fraction, Fraction, Fraction | None]]]) -> None:
        shape = (len(bounds), len(self.scales))
        self.lower: Integers = np.zeros(shape, dtype=np.int64)
        self.demand: Integers = np.zeros(shape, dtype=np.int64)
        self.upper: Integers = np.full(shape, NO_LIMIT, dtype=np.int64)
        for r, scale in enumerate(self.scales):
            for entry, row in enumerate(bounds):
                low, expected, high = row[r]
                self.lower[entry, r] = _bounded(scale, low, f"vms[{entry}].resources.{scale.resource.name}")
                self.demand[entry, r] = _bounded(scale, expected, f"vms[{entry}].resources.{scale.resource.name}")
                if high is not None:
                    self.upper[entry, r] = _bounded(scale, high, f"vms[{entry}].resources.{scale.resource.name}")

    def _fill_hosts(self, hosts: Sequence[Host], usable: list[list[Fraction]], names: list[str]) -> None:
        self.capacity: Integers = np.zeros((len(hosts), len(names)), dtype=np.int64)
        self.core: Integers = np.zeros(len(hosts), dtype=np.int64)
        cells: list[Integers | None] = []
        for entry, host in enumerate(hosts):
            for r, scale in enumerate(self.scales):
                self.capacity[entry, r] = _bounded(scale, usable[entry][r], f"hosts[{entry}].capacity.{names[r]}")
            if host.cores and self.cpu is not None:
                self.core[entry] = self.scales[self.cpu].integer(usable[entry][self.cpu] / host.cores)
            cells.append(self._cells(host, names))
        self.cells = tuple(cells)

    def _cells(self, host: Host, names: list[str]) -> Integers | None:
        if not host.cells:
            return None
        table = np.full((len(host.cells), len(names)), -1, dtype=np.int64)
        for r, scale in enumerate(self.scales):
            if (capacities := host.cell_usable(names[r])) is not None:
                table[:, r] = [scale.integer(capacity) for capacity in capacities]
        return table

    def _fill_shares(self, vms: Sequence[VM], names: list[str]) -> None:
        table = [[shares_of(vm.resources.get(name, 0)) for name in names] for vm in vms]
        self.shares_unit = common_denominator({share for row in table for share in row})
        whole = [[int(share * self.shares_unit) for share in row] for row in table]
        self.shares: Integers = np.array(whole, dtype=np.int64).reshape(len(vms), len(names))

    @property
    def resource_names(self) -> list[str]:
        """The resources' names in order."""
        return [scale.resource.name for scale in self.scales]

    def upper_on(self, host_entry: int) -> Integers:
        """Return every VM entry's limit on a host: a missing one is the host's capacity."""
        missing = self.upper == NO_LIMIT
        return np.where(missing, np.maximum(self.capacity[host_entry], self.demand), self.upper)


def _quantum(
    bounds: list[tuple[Fraction, Fraction, Fraction | None]], stated: Iterable[Fraction], split: int
) -> Fraction:
    elastic = any(low != high for low, _, high in bounds)
    given = {value for row in bounds for value in row if value is not None}
    sizes = common_quantum(given | set(stated))
    return sizes / split / (ELASTIC_STEPS if elastic else 1)


def _stated(hosts: Sequence[Host], usable: list[Fraction], name: str, *, cores: bool) -> set[Fraction]:
    """Return every capacity that the hosts state for a resource, and one core's part where asked."""
    stated = set(usable)
    for host, whole in zip(hosts, usable, strict=True):
        stated.update(host.cell_usable(name) or ())
        if cores and host.cores:
            stated.add(whole / host.cores)
    return stated


def _bounded(scale: Scale, value: Fraction, field: str) -> int:
    integer = scale.integer(value)
    if integer > LARGEST_INTEGER:
        raise InputError(f"too large beside the finest figure of its resource ({scale.say(1)})", field)
    return integer
