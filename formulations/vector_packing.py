"""The counted question: how many bins of which types hold items of a few flavours.

Variable-sized vector bin packing with bin types in limited number: Gilmore and Gomory,
Operations Research 9, 1961, doi:10.1287/opre.9.6.849, in several resources.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.quantities import LARGEST_INTEGER
from formulations.tables import Integers

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class VectorPacking:
    """Items of a few flavours, to be put into bins of a few types at the least cost.

    Minimise ``sum_k costs[k] n_k`` over bins such that every item lies in one bin, the sizes in
    a bin of type k do not exceed ``capacities[k]`` in any resource, and ``n_k <= limits[k]``.

    Parameters
    ----------
    sizes : int64 array, shape (flavours, resources)
        What one item of each flavour takes; zeros are allowed.
    demand : int64 array, shape (flavours,)
        How many items of each flavour there are, at least 1.
    capacities : int64 array, shape (types, resources)
        What a bin of each type holds.
    costs : int64 array, shape (types,)
        What a bin of each type costs, at least 0.
    limits : int64 array, shape (types,)
        How many bins of each type there are.

    Raises
    ------
    InputError
        If shapes do not match, an entry is negative, or sums leave 53 bits.
    """

    sizes: Integers
    demand: Integers
    capacities: Integers
    costs: Integers
    limits: Integers

    def __post_init__(self) -> None:
        flavours, resources = self.sizes.shape
        types = len(self.capacities)
        if self.demand.shape != (flavours,) or self.capacities.shape != (types, resources):
            raise InputError("sizes, demand and capacities do not match in shape", "packing")
        if self.costs.shape != (types,) or self.limits.shape != (types,):
            raise InputError("costs and limits need one entry per type", "packing")
        for name in ("sizes", "demand", "capacities", "costs", "limits"):
            if (getattr(self, name) < (name == "demand")).any():
                raise InputError(f"{name} must not be {'below 1' if name == 'demand' else 'negative'}", "packing")
        total = (self.sizes.astype(object) * self.demand[:, None]).sum(axis=0) if flavours else [0]
        dearest = int(self.costs.max(initial=0)) * max(1, int(self.demand.sum()))
        if max([dearest, *total, int(self.capacities.max(initial=0))]) > LARGEST_INTEGER:
            raise InputError("sizes or costs are too large to be added exactly", "packing")

    @property
    def flavours(self) -> int:
        """How many flavours there are."""
        return len(self.sizes)

    @property
    def resources(self) -> int:
        """How many resources there are."""
        return int(self.sizes.shape[1])

    @property
    def types(self) -> int:
        """How many types of bins there are."""
        return len(self.capacities)

    @cached_property
    def items(self) -> int:
        """How many items there are in all."""
        return int(self.demand.sum())

    @cached_property
    def available(self) -> Integers:
        """How many bins of each type can be of use: the limit, at most one bin per item."""
        return np.minimum(self.limits, self.items)

    @cached_property
    def fits(self) -> Mask:
        """Which flavour fits which empty bin: shape (flavours, types)."""
        inside = (self.sizes[:, None, :] <= self.capacities[None, :, :]).all(axis=2)
        fits: Mask = np.asarray(inside & (self.available > 0), dtype=np.bool_)
        return fits

    @cached_property
    def most(self) -> Integers:
        """How many items of a flavour one bin of a type can hold: shape (flavours, types)."""
        sizes = np.maximum(self.sizes, 1)[:, None, :]
        rooms = np.where(self.sizes[:, None, :] > 0, self.capacities[None, :, :] // sizes, LARGEST_INTEGER)
        most: Integers = np.minimum(rooms.min(axis=2, initial=LARGEST_INTEGER), self.demand[:, None])
        return np.where(self.fits, most, 0)


@dataclass(frozen=True, eq=False)
class Packing:
    """An answer to a `VectorPacking`: patterns of bin types, and how often each is used.

    Parameters
    ----------
    types : int64 array, shape (patterns,)
        The bin type of each pattern.
    patterns : int64 array, shape (patterns, flavours)
        How many items of each flavour lie in one bin.
    times : int64 array, shape (patterns,)
        How many bins are filled so.
    """

    types: Integers
    patterns: Integers
    times: Integers

    @classmethod
    def of(cls, bins: list[tuple[int, Integers, int]], flavours: int) -> Packing:
        """Return the packing of (type, pattern, times) triples; patterns used 0 times are left out."""
        used = [entry for entry in bins if entry[2] > 0]
        patterns = np.array([pattern for _, pattern, _ in used], dtype=np.int64).reshape(len(used), flavours)
        types = np.array([kind for kind, _, _ in used], dtype=np.int64)
        return cls(types, patterns, np.array([times for _, _, times in used], dtype=np.int64))

    @property
    def bins(self) -> int:
        """How many bins are used."""
        return int(self.times.sum())

    def cost(self, problem: VectorPacking) -> int:
        """Return what the bins cost together."""
        return int((problem.costs[self.types] * self.times).sum())

    def bins_of(self, problem: VectorPacking) -> Integers:
        """Return how many bins of each type are used: shape (types,)."""
        return np.bincount(self.types, weights=self.times, minlength=problem.types).astype(np.int64)

    def faults(self, problem: VectorPacking) -> list[str]:
        """Return what is wrong with the packing, judged in integers; empty when it is an answer."""
        faults = []
        if (self.patterns < 0).any() or (self.times < 0).any():
            faults.append("a count is negative")
        packed = self.times @ self.patterns if len(self.times) else np.zeros(problem.flavours, dtype=np.int64)
        faults += [
            f"flavour {i}: {int(packed[i])} of {int(problem.demand[i])} items packed"
            for i in np.flatnonzero(packed != problem.demand)
        ]
        over = (self.patterns @ problem.sizes > problem.capacities[self.types]).any(axis=1)
        faults += [f"pattern {p} overfills type {int(self.types[p])}" for p in np.flatnonzero(over)]
        used = self.bins_of(problem)
        faults += [
            f"type {k}: {int(used[k])} bins used, {int(problem.limits[k])} exist"
            for k in np.flatnonzero(used > problem.limits)
        ]
        return faults

    def trimmed(self, problem: VectorPacking) -> Packing:
        """Return the packing with items beyond the demand taken out, bins left empty removed."""
        surplus = self.times @ self.patterns - problem.demand if len(self.times) else -problem.demand
        if not (surplus > 0).any():
            return self
        bins: list[tuple[int, Integers, int]] = []
        surplus = np.maximum(surplus, 0)
        for kind, pattern, times in zip(self.types.tolist(), self.patterns, self.times.tolist(), strict=True):
            left = times
            while left:
                out = np.minimum(surplus, pattern)
                held = np.flatnonzero(out)
                alike = min([left, *(surplus[held] // out[held]).tolist()]) if len(held) else left
                bins.append((kind, pattern - out, alike))
                surplus = surplus - alike * out
                left -= alike
        return Packing.of([entry for entry in bins if entry[1].any()], problem.flavours)
