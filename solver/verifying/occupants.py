"""Occupants: the placed VMs with their limits and guaranteed floors on the hosts that they have."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.isolation import AnyIsolation, Full, Partial, Protected
from formulations.tables import NO_LIMIT, Integers

Mask = NDArray[np.bool_]


class Occupants:
    """The placed VMs, one row each.

    Parameters
    ----------
    instance : Instance
    host_of : int64 array, shape (VMs,)
        Well-formed: every number is -1 or that of a host.

    Attributes
    ----------
    vm, host, entry, host_entry : int64 arrays, shape (placed,)
        The VM, its host, and the entries of both.
    full, pinned, protected : bool arrays, shape (placed,)
        The isolation level.
    """

    def __init__(self, instance: Instance, host_of: Integers) -> None:
        self.instance = instance
        self.vm = np.flatnonzero(host_of >= 0)
        self.host = host_of[self.vm]
        self.entry = instance.vm_entry[self.vm]
        self.host_entry = instance.host_names.entry_of(self.host)
        distinct: dict[AnyIsolation | None, int] = {None: 0}
        numbers = [distinct.setdefault(vm.isolation, len(distinct)) for vm in instance.vms]
        self._levels = [own or instance.isolation for own in distinct]
        self._level = np.array(numbers, dtype=np.int64)[self.entry]
        self.full = self._mask([isinstance(own, Full) for own in self._levels])
        self.protected = self._mask([isinstance(own, Protected) for own in self._levels])
        self.pinned = self._mask([isinstance(own, Full) and own.pinned for own in self._levels])

    def _mask(self, of_level: list[bool]) -> Mask:
        mask: Mask = np.array(of_level, dtype=np.bool_)[self._level]
        return mask

    @cached_property
    def lower(self) -> Integers:
        """The reservations: shape (placed, resources)."""
        return self.instance.tables.lower[self.entry]

    @cached_property
    def upper(self) -> Integers:
        """The limits; a missing one is the host's capacity, or the demand if that is larger."""
        tables = self.instance.tables
        upper = tables.upper[self.entry]
        row, column = np.nonzero(upper == NO_LIMIT)
        capacity = tables.capacity[self.host_entry[row], column]
        upper[row, column] = np.maximum(capacity, tables.demand[self.entry[row], column])
        return upper

    @cached_property
    def floor(self) -> Integers:
        """What each is guaranteed: its reservation, or its part of the host where that is more."""
        partial = np.flatnonzero(self._mask([isinstance(own, Partial) for own in self._levels]))
        if not len(partial):
            return self.lower
        floor = self.lower.copy()
        equal = np.minimum(self.upper[partial], self._equal_parts(partial))
        floor[partial] = np.maximum(self.lower[partial], equal)
        return floor

    def _equal_parts(self, partial: Integers) -> Integers:
        """Return ``floor(alpha * C / N)`` for partially isolated VMs: shape (len(partial), resources)."""
        alphas = [own.fraction if isinstance(own, Partial) else Fraction(0) for own in self._levels]
        members = np.bincount(self.host, minlength=self.instance.host_count)[self.host[partial]]
        cases = np.stack([self._level[partial], self.host_entry[partial], members])
        distinct, which = np.unique(cases, axis=1, return_inverse=True)
        capacity = self.instance.tables.capacity
        parts = [
            [int(alphas[at] * int(whole) / count) for whole in capacity[host]]
            for at, host, count in distinct.T.tolist()
        ]
        return np.array(parts, dtype=np.int64)[which.reshape(-1)]

    @cached_property
    def least(self) -> Integers:
        """The smallest allocation: the floor, for pinned slices a whole number of cores above it."""
        cpu = self.instance.tables.cpu
        if cpu is None or not self.pinned.any():
            return self.floor
        least = self.floor.copy()
        core = self.instance.tables.core[self.host_entry[self.pinned]]
        worth = np.maximum(core, 1)
        least[self.pinned, cpu] = -(-least[self.pinned, cpu] // worth) * worth
        return least
