"""The integer arrays behind an instance: what every model, engine and judge computes with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cached_property
from math import lcm

import numpy as np
from numpy.typing import NDArray

from formulations.bounds import Triple, shares_of
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
    safety : int64 array, shape (host entries, resources)
        Safety capacity.
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
        columns = [_Column([vm.bounds(name) for vm in vms]) for name in names]
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
                    columns[r].distinct,
                    _stated(hosts, [row[r] for row in usable], resource.name, cores=pinned and r == self.cpu),
                    split,
                ),
            )
            for r, resource in enumerate(resources)
        )
        self._fill_vms(columns)
        self._fill_hosts(hosts, usable, names)
        self._fill_shares(vms, names)

    def _fill_vms(self, columns: Sequence[_Column]) -> None:
        shape = (len(columns[0].which), len(self.scales))
        self.lower: Integers = np.zeros(shape, dtype=np.int64)
        self.demand: Integers = np.zeros(shape, dtype=np.int64)
        self.upper: Integers = np.full(shape, NO_LIMIT, dtype=np.int64)
        for r, (scale, column) in enumerate(zip(self.scales, columns, strict=True)):
            self.lower[:, r], self.demand[:, r], self.upper[:, r] = column.integers(scale)

    def _fill_hosts(self, hosts: Sequence[Host], usable: list[list[Fraction]], names: list[str]) -> None:
        self.capacity: Integers = np.zeros((len(hosts), len(names)), dtype=np.int64)
        self.core: Integers = np.zeros(len(hosts), dtype=np.int64)
        self.safety: Integers = np.zeros_like(self.capacity)
        cells: list[Integers | None] = []
        for entry, host in enumerate(hosts):
            for r, scale in enumerate(self.scales):
                self.capacity[entry, r] = _bounded(scale, usable[entry][r], f"hosts[{entry}].capacity.{names[r]}")
            self.safety[entry] = self.capacity[entry]
            for name in host.safety:
                r = names.index(name)
                self.safety[entry, r] = _bounded(self.scales[r], host.safe(name), f"hosts[{entry}].safety.{name}")
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
        columns = [[shares_of(vm.resources.get(name, 0)) for vm in vms] for name in names]
        distinct = {id(share): share for column in columns for share in column}
        self.shares_unit = common_denominator(distinct.values())
        whole = {key: int(share * self.shares_unit) for key, share in distinct.items()}
        self.shares: Integers = np.empty((len(vms), len(names)), dtype=np.int64)
        for r, column in enumerate(columns):
            self.shares[:, r] = np.fromiter((whole[id(share)] for share in column), np.int64, len(vms))

    @cached_property
    def resource_names(self) -> list[str]:
        """The resources' names in order."""
        return [scale.resource.name for scale in self.scales]

    def upper_on(self, host_entry: int) -> Integers:
        """Return every VM entry's limit on a host: a missing one is the host's capacity."""
        missing = self.upper == NO_LIMIT
        return np.where(missing, np.maximum(self.capacity[host_entry], self.demand), self.upper)


class _Column:
    """What all VM entries state about one resource, each distinct statement kept once.

    Equal statements are the same object (they are remembered where they are read), or else
    are only computed twice: telling them by ``id`` spares hashing millions of fractions.
    """

    def __init__(self, stated: list[Triple]) -> None:
        self.which: Integers = np.empty(len(stated), dtype=np.int64)
        self.distinct: list[Triple] = []
        numbers: dict[int, int] = {}
        for entry, triple in enumerate(stated):
            number = numbers.setdefault(id(triple), len(self.distinct))
            if number == len(self.distinct):
                self.distinct.append(triple)
            self.which[entry] = number

    def integers(self, scale: Scale) -> tuple[Integers, Integers, Integers]:
        """Return reservation, demand and limit of every VM entry in quanta."""
        table = np.array([self._row(scale, number) for number in range(len(self.distinct))], dtype=np.int64)
        low, expected, high = table.reshape(-1, 3)[self.which].T
        return low, expected, high

    def _row(self, scale: Scale, number: int) -> tuple[int, int, int]:
        low, expected, high = self.distinct[number]
        try:
            if low is expected is high:
                return (_bounded(scale, low),) * 3
            upper = int(NO_LIMIT) if high is None else _bounded(scale, high)
            return _bounded(scale, low), _bounded(scale, expected), upper
        except InputError as error:
            entry = int(np.argmax(self.which == number))
            raise error.inside(f"vms[{entry}].resources.{scale.resource.name}") from None


def _quantum(bounds: Sequence[Triple], stated: Iterable[Fraction], split: int) -> Fraction:
    elastic = any(low is not high and low != high for low, _, high in bounds)
    given = {id(value): value for row in bounds for value in row if value is not None}
    sizes = common_quantum([*given.values(), *stated])
    return sizes / split / (ELASTIC_STEPS if elastic else 1)


def _stated(hosts: Sequence[Host], usable: list[Fraction], name: str, *, cores: bool) -> set[Fraction]:
    """Return every capacity that the hosts state for a resource, and one core's part where asked."""
    stated = set(usable)
    for host, whole in zip(hosts, usable, strict=True):
        stated.update(host.cell_usable(name) or ())
        if name in host.safety:
            stated.add(host.safe(name))
        if cores and host.cores:
            stated.add(whole / host.cores)
    return stated


def _bounded(scale: Scale, value: Fraction, field: str = "") -> int:
    integer = scale.integer(value)
    if integer > LARGEST_INTEGER:
        finest = f"{float(scale.quantum):.3g} {scale.resource.unit}".rstrip()
        raise InputError(f"too large beside the finest figure of its resource ({finest})", field)
    return integer


def distinct_rows(rows: Integers) -> tuple[Integers, Integers]:
    """Return the different rows in lexicographic order, and which of them each row is."""
    if not rows.size:
        return rows[: min(1, len(rows))], np.zeros(len(rows), dtype=np.int64)
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    new = np.append(True, (ordered[1:] != ordered[:-1]).any(axis=1))
    which = np.empty(len(rows), dtype=np.int64)
    which[order] = np.cumsum(new) - 1
    return np.ascontiguousarray(ordered[new]), which
