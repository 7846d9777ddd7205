"""Pricing on the lattice of all capacities: one dynamic program answers every bin type."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers
from formulations.vector_packing import VectorPacking
from solver.deadline import Deadline

MOST_AXES = 3
MOST_CELLS = 25_000_000
"""Where tables would be larger, depth-first search is quicker."""


PLENTY = 0.7
"""Of so many flavours there must be more items than a bin can hold."""

MOST_ENDLESS_CELLS = 40_000_000
MOST_ENDLESS_STEPS = 2_000_000_000
"""The largest lattice takes some tenths of a second; it is asked where longer searches did not end."""

LARGEST_VALUE = 2**31 - 1
"""Values of the lattice of items without end are kept in 32 bits: its cells are many."""


def lattice_pays(problem: VectorPacking, types: list[int], items: Integers) -> bool:
    """Whether the lattice is small enough."""
    if problem.resources > MOST_AXES:
        return False
    return steps_of(problem, types, items) <= MOST_CELLS


def steps_of(problem: VectorPacking, types: list[int], items: Integers) -> float:
    """Return how many steps it takes to fill the lattice: for every flavour one per cell."""
    return float(np.prod(problem.capacities[types].max(axis=0).astype(np.float64) + 1)) * len(items)


def endless_lattice_pays(problem: VectorPacking, types: list[int], items: Integers, demand: Integers) -> bool:
    """Whether the lattice of items without end is small enough, and says nearly the truth where so many are left."""
    if problem.resources > MOST_AXES:
        return False
    plenty = demand[items] > problem.most[:, types].max(axis=1)[items]
    steps = steps_of(problem, types, items)
    small = steps <= min(MOST_ENDLESS_STEPS, MOST_ENDLESS_CELLS * len(items))
    return small and bool(plenty.mean() >= PLENTY)


class Lattice:
    """The best value of a bin for every capacity up to the largest.

    Parameters
    ----------
    problem : VectorPacking
        Of at most `MOST_AXES` resources.
    types : list of int
        The bin types that matter.
    items : int64 array
        The flavours that may be used.
    weights, demand : int64 arrays, shape (flavours,)
        What an item is worth, and how many there are.
    """

    def __init__(
        self, problem: VectorPacking, types: list[int], items: Integers, weights: Integers, demand: Integers
    ) -> None:
        from solver.engines.columns import kernels  # noqa: PLC0415 - numba is imported when it is needed

        self.problem, self.items = problem, items
        shape: Integers = np.ones(MOST_AXES, dtype=np.int64)
        shape[: problem.resources] += problem.capacities[types].max(axis=0)
        self.best: Integers = np.zeros(shape, dtype=np.int64)
        self.took: NDArray[np.int32] = np.zeros((len(items), *shape), dtype=np.int32)
        self.sizes: Integers = np.zeros((len(items), MOST_AXES), dtype=np.int64)
        self.sizes[:, : problem.resources] = problem.sizes[items]
        for line, (weight, many) in enumerate(zip(weights[items].tolist(), demand[items].tolist(), strict=True)):
            kernels.lattice_layer(self.best, self.sizes[line], weight, many, self.took[line])

    def value(self, k: int) -> int:
        """Return what the best pattern of a type is worth."""
        return int(self.best[tuple(_corner(self.problem, k))])

    def pattern(self, k: int) -> Integers:
        """Return a best pattern of a type: shape (flavours,)."""
        pattern: Integers = np.zeros(self.problem.flavours, dtype=np.int64)
        corner = _corner(self.problem, k)
        for line in range(len(self.items) - 1, -1, -1):
            many = int(self.took[line][tuple(corner)])
            pattern[self.items[line]] = many
            corner = corner - many * self.sizes[line]
        return pattern


class EndlessLattice:
    """The best value of a bin for every capacity, if there were no end of items of any flavour.

    An upper bound always, and the truth where the best filling can be had: on instances of many
    items it mostly can. Values are counted in a coarser unit than weights, each rounded up.

    Parameters
    ----------
    problem : VectorPacking
        Of at most `MOST_AXES` resources.
    types : list of int
        The bin types that matter.
    items : int64 array
        The flavours that may be used.
    weights : int64 array, shape (flavours,)
        What an item is worth.

    Attributes
    ----------
    complete : bool
        Whether there was time to fill the table.
    """

    def __init__(
        self, problem: VectorPacking, types: list[int], items: Integers, weights: Integers, deadline: Deadline
    ) -> None:
        from solver.engines.columns import kernels  # noqa: PLC0415 - numba is imported when it is needed

        self.problem, self.items = problem, items
        largest = problem.capacities[types].max(axis=0)
        self._axes = np.argsort(largest, kind="stable")  # the longest last, where memory runs on
        shape: Integers = np.ones(MOST_AXES, dtype=np.int64)
        shape[MOST_AXES - problem.resources :] += largest[self._axes]
        self.sizes: Integers = np.zeros((len(items), MOST_AXES), dtype=np.int64)
        self.sizes[:, MOST_AXES - problem.resources :] = problem.sizes[items][:, self._axes]
        self.unit = _unit(weights[items], problem.sizes[items], largest)
        self.values: NDArray[np.int32] = (-(-weights[items] // self.unit)).astype(np.int32)
        self.best: NDArray[np.int32] = np.empty(shape, dtype=np.int32)
        self.complete = True
        for a in range(len(self.best)):
            if deadline.over:
                self.complete = False
                break
            kernels.endless_slab(self.best, a, self.sizes, self.values)

    def value(self, k: int) -> int:
        """Return what the best pattern of a type would be worth, or a little more."""
        return int(self.best[tuple(self._corner(k))]) * self.unit

    def pattern(self, k: int) -> Integers:
        """Return the best pattern of a type, of more items than there are perhaps: shape (flavours,)."""
        from solver.engines.columns import kernels  # noqa: PLC0415 - numba is imported when it is needed

        counts: Integers = np.zeros(len(self.items), dtype=np.int64)
        kernels.endless_trace(self.best, self.sizes, self.values, self._corner(k), counts)
        pattern: Integers = np.zeros(self.problem.flavours, dtype=np.int64)
        pattern[self.items] = counts
        return pattern

    def patterns_with_each(self, k: int) -> tuple[Integers, Integers]:
        """Return for each flavour the best pattern of a type that holds at least one of it, and what it is worth.

        Returns
        -------
        patterns : int64 array, shape (items, flavours)
            Of more items than there are perhaps; empty where the flavour does not fit.
        values : int64 array, shape (items,)
            What they are worth, or a little more.
        """
        from solver.engines.columns import kernels  # noqa: PLC0415 - numba is imported when it is needed

        counts: Integers = np.zeros((len(self.items), len(self.items)), dtype=np.int64)
        values: Integers = np.zeros(len(self.items), dtype=np.int64)
        kernels.endless_traces(self.best, self.sizes, self.values, self._corner(k), counts, values)
        patterns: Integers = np.zeros((len(self.items), self.problem.flavours), dtype=np.int64)
        patterns[:, self.items] = counts
        return patterns, values * self.unit

    def _corner(self, k: int) -> Integers:
        corner: Integers = np.zeros(MOST_AXES, dtype=np.int64)
        corner[MOST_AXES - self.problem.resources :] = self.problem.capacities[k][self._axes]
        return corner


def _unit(weights: Integers, sizes: Integers, capacity: Integers) -> int:
    """Return a unit in which no filling of the largest bin is worth more than `LARGEST_VALUE`, rounding included.

    A bin holds no more worth than the densest item fills it with, whatever mix of resources is looked at.
    """
    worths = weights.tolist()
    shares = [2**40 // max(1, room) for room in capacity.tolist()]
    mixes = [*np.eye(len(shares), dtype=np.int64).tolist(), shares]
    most = int(capacity.sum())  # each item takes a unit of some resource at least
    worth = int(weights.max()) * most
    for mix in mixes:
        taken, whole = (sizes @ mix).tolist(), int(capacity @ mix)
        if min(taken) > 0:
            worth = min(worth, max(-(-value * whole // one) for value, one in zip(worths, taken, strict=True)))
    return -(-worth // (LARGEST_VALUE - most))


def _corner(problem: VectorPacking, k: int) -> Integers:
    corner: Integers = np.zeros(MOST_AXES, dtype=np.int64)
    corner[: problem.resources] = problem.capacities[k]
    return corner
