"""Claims: what every placed VM must and may get on its host, by its isolation level."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.isolation import Full, Partial, Protected
from formulations.placement import Placement
from formulations.tables import NO_LIMIT

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

MOST_SUM = float(2**62)
"""Sums that may exceed this are left to exact arithmetic."""


@dataclass(frozen=True, eq=False)
class Claims:
    """The placed VMs of a placement, by host, and the bounds of each there.

    Attributes
    ----------
    vm : int64 array, shape (n,)
        Their numbers, grouped by host, and within one by the first NUMA cell where there are cells.
    entry : int64 array, shape (n,)
        Their entries.
    host : int64 array, shape (n,)
        Which of ``hosts`` each is on, ascending.
    hosts, host_entry : int64 arrays, shape (m,)
        Number and entry of every host in use.
    start : int64 array, shape (m + 1,)
        Host ``h`` has the claims ``start[h]`` to ``start[h + 1]``.
    lower, demand, upper : int64 arrays, shape (n, resources)
        Floor, demand, and limit with a missing one replaced by ``max(C, d)``.
    capacity : int64 array, shape (m, resources)
    cell : int64 array, shape (n,)
        The NUMA cell of every claim; 0 on hosts without cells, -1 where it is not exactly one.
    """

    instance: Instance
    vm: Integers
    entry: Integers
    host: Integers
    hosts: Integers
    host_entry: Integers
    start: Integers
    lower: Integers
    demand: Integers
    upper: Integers
    capacity: Integers
    cell: Integers

    @classmethod
    def of(cls, instance: Instance, placement: Placement) -> Claims:
        """Return the claims of a placement.

        Raises
        ------
        InputError
            If the placement does not have a host number for every VM.
        """
        host_of = _checked(instance, placement)
        tables = instance.tables
        cell_of = _cells(instance, placement)
        vm = np.argsort(host_of, kind="stable") if cell_of is None else np.lexsort((cell_of, host_of))
        vm = vm[host_of[vm] >= 0]
        cell = np.zeros(len(vm), dtype=np.int64) if cell_of is None else cell_of[vm]
        runs = np.append(True, np.diff(host_of[vm]) > 0)[: len(vm)]
        first, host = np.flatnonzero(runs), np.cumsum(runs) - 1
        hosts = host_of[vm][first]
        host_entry = instance.host_names.entry_of(hosts)
        entry = instance.vm_entry[vm]
        capacity = tables.capacity[host_entry]
        demand = np.take(tables.demand, entry, axis=0)
        if (tables.upper == tables.lower).all():  # a million rigid VMs need no second table
            lower = upper = demand
        else:
            lower, upper = np.take(tables.lower, entry, axis=0), np.take(tables.upper, entry, axis=0)
            upper = np.where(upper == NO_LIMIT, np.maximum(np.take(capacity, host, axis=0), demand), upper)
        start = np.append(first, len(vm)).astype(np.int64)
        claims = cls(instance, vm, entry, host, hosts, host_entry, start, lower, demand, upper, capacity, cell)
        return claims._with_partial_floors()

    def _with_partial_floors(self) -> Claims:
        levels = [self.instance.isolation_of(entry) for entry in range(len(self.instance.vms))]
        alphas = {n: own.fraction for n, own in enumerate(levels) if isinstance(own, Partial) and own.fraction > 0}
        where = np.flatnonzero(np.isin(self.entry, list(alphas)))
        if not len(where):
            return self
        members = np.diff(self.start)
        keys = np.stack([self.entry[where], self.host_entry[self.host[where]], members[self.host[where]]], axis=1)
        cases, case = np.unique(keys, axis=0, return_inverse=True)
        parts = np.zeros((len(cases), self.capacity.shape[1]), dtype=np.int64)
        for row, (entry, host_entry, n) in enumerate(cases.tolist()):
            usable = self.instance.tables.capacity[host_entry].tolist()
            parts[row] = [int(alphas[entry] * c / n) for c in usable]
        lower = self.lower.copy()
        lower[where] = np.maximum(lower[where], np.minimum(self.upper[where], parts[case.reshape(-1)]))
        return replace(self, lower=lower)

    @cached_property
    def shares(self) -> Integers:
        """Shares of every claim, whole numbers: shape (n, resources)."""
        return self.instance.tables.shares[self.entry]

    def members(self, host: int) -> slice:
        """Return the claims of the ``host``-th host in use."""
        return slice(int(self.start[host]), int(self.start[host + 1]))

    def is_level(self, level: type[Full | Partial | Protected], *, pinned: bool = False) -> Mask:
        """Return which claims are those of VMs of a level (only pinned ones if asked)."""
        entries = [
            isinstance(own := self.instance.isolation_of(entry), level)
            and (not pinned or (isinstance(own, Full) and own.pinned))
            for entry in range(len(self.instance.vms))
        ]
        return np.array(entries, dtype=np.bool_)[self.entry]

    @cached_property
    def full(self) -> Mask:
        """Which claims are fully isolated."""
        return self.is_level(Full)

    @cached_property
    def pinned(self) -> Mask:
        """Which claims take whole cores."""
        return self.is_level(Full, pinned=True)

    @cached_property
    def protected(self) -> Mask:
        """Which claims may burst under protection; none with a budget of 0."""
        return self.is_level(Protected) if self.instance.gamma > 0 else np.zeros(len(self.vm), dtype=np.bool_)

    @cached_property
    def celled(self) -> bool:
        """Whether any host in use lists NUMA cells."""
        return any(self.instance.tables.cells[entry] is not None for entry in np.unique(self.host_entry).tolist())

    @cached_property
    def crossing(self) -> Mask:
        """Which hosts have VMs in several cells at once (or in none, which is an error)."""
        return self.any_on(self.cell < 0)

    @cached_property
    def places(self) -> Places:
        """The cells in use; a host without cells is one place."""
        runs = np.append(True, (np.diff(self.host) > 0) | (np.diff(self.cell) > 0))[: len(self.vm)]
        first = np.flatnonzero(runs)
        host, cell = self.host[first], self.cell[first]
        capacity = self.capacity[host]
        for entry in np.unique(self.host_entry).tolist():
            if (cells := self.instance.tables.cells[entry]) is not None:
                here = np.flatnonzero((self.host_entry[host] == entry) & (cell >= 0))
                local = cells[cell[here]]
                capacity[here] = np.where(local >= 0, local, capacity[here])
        return Places(np.cumsum(runs) - 1, host, capacity)

    def total(self, amounts: Integers) -> Integers:
        """Return the sums over every host's claims: shape (m, resources). See `overflowing`."""
        if not len(self.vm):
            return np.zeros_like(self.capacity)
        return np.add.reduceat(amounts, self.start[:-1], axis=0)

    def overflowing(self, amounts: Integers) -> Mask:
        """Return the hosts whose sums may not be held by 64 bits."""
        return np.asarray((self.total(amounts.astype(np.float64)) > MOST_SUM).any(axis=1), dtype=np.bool_)

    def any_on(self, claims: Mask) -> Mask:
        """Return which hosts have any of these claims."""
        return np.bincount(self.host[claims], minlength=len(self.hosts)) > 0

    def largest_bursts(self, group: Integers, count: int) -> Integers:
        """Return the sum of the gamma largest ``u - l`` of protected claims per group: shape (count, resources)."""
        sums = np.zeros((count, self.capacity.shape[1]), dtype=np.int64)
        where = np.flatnonzero(self.protected)
        for r in range(sums.shape[1]):
            burst = (self.upper - self.lower)[where, r]
            order = np.lexsort((-burst, group[where]))
            most = order[rank_within(group[where][order]) < self.instance.gamma]
            np.add.at(sums[:, r], group[where][most], burst[most])
        return sums


class Places(NamedTuple):
    """NUMA cells in use, and hosts without cells.

    Attributes
    ----------
    place : int64 array, shape (n,)
        The place of every claim, ascending.
    host : int64 array, shape (p,)
        The host of every place.
    capacity : int64 array, shape (p, resources)
        The host's where cells do not list the resource.
    """

    place: Integers
    host: Integers
    capacity: Integers


def rank_within(groups: Integers) -> Integers:
    """Return the position of every element within its group; groups must be consecutive."""
    if not len(groups):
        return np.zeros(0, dtype=np.int64)
    first = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
    sizes = np.diff(np.append(first, len(groups)))
    return np.arange(len(groups), dtype=np.int64) - np.repeat(first, sizes)


def _cells(instance: Instance, placement: Placement) -> Integers | None:
    """Return the single NUMA cell of every VM as `Claims.cell` has it; None where no host lists cells."""
    sizes = np.array([0 if cells is None else len(cells) for cells in instance.tables.cells], dtype=np.int64)
    if not sizes.any():
        return None
    own = sizes[instance.host_names.entry_of(np.maximum(placement.host_of, 0))]
    masks = np.zeros(instance.vm_count, dtype=np.int64) if placement.cells is None else placement.cells
    single = (masks > 0) & (masks & (masks - 1) == 0) & (instance.tables.numa[instance.vm_entry] == 1)
    cell = np.where(single, np.log2(np.maximum(masks, 1)).astype(np.int64), -1)
    return np.where(own > 0, np.where(cell < own, cell, -1), 0)


def _checked(instance: Instance, placement: Placement) -> Integers:
    host_of = placement.host_of
    if host_of.shape != (instance.vm_count,):
        raise InputError(f"expected a host number for each of {instance.vm_count} VMs", "placement.host_of")
    if len(host_of) and (host_of.min() < -1 or host_of.max() >= instance.host_count):
        raise InputError(f"host numbers must lie in -1 … {instance.host_count - 1}", "placement.host_of")
    return host_of
