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

MOST_ENDLESS_CELLS = 8_000_000
MOST_ENDLESS_STEPS = 600_000_000
"""The larger lattice takes up to about a second; it is asked where long searches did not end."""


def lattice_pays(problem: VectorPacking, types: list[int], items: Integers) -> bool:
    """Whether the lattice is small enough."""
    if problem.resources > MOST_AXES:
        return False
    cells = float(np.prod(problem.capacities[types].max(axis=0).astype(np.float64) + 1))
    return cells * len(items) <= MOST_CELLS


def endless_lattice_pays(problem: VectorPacking, types: list[int], items: Integers) -> bool:
    """Whether the lattice of items without end is small enough, and says nearly the truth."""
    if problem.resources > MOST_AXES:
        return False
    plenty = problem.demand[items] > problem.most[:, types].max(axis=1)[items]
    cells = float(np.prod(problem.capacities[types].max(axis=0).astype(np.float64) + 1))
    small = cells <= MOST_ENDLESS_CELLS and cells * len(items) <= MOST_ENDLESS_STEPS
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
    items it mostly can.

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
        shape[: problem.resources] += largest[self._axes]
        self.best: Integers = np.zeros(shape, dtype=np.int64)
        self.last: NDArray[np.int16] = np.full(shape, -1, dtype=np.int16)
        self.sizes: Integers = np.zeros((len(items), MOST_AXES), dtype=np.int64)
        self.sizes[:, : problem.resources] = problem.sizes[items][:, self._axes]
        self.complete = True
        for line, weight in enumerate(weights[items].tolist()):
            if deadline.over:
                self.complete = False
                break
            kernels.endless_layer(self.best, self.sizes[line], weight, line, self.last)

    def value(self, k: int) -> int:
        """Return what the best pattern of a type is worth."""
        return int(self.best[tuple(_corner(self.problem, k, self._axes))])

    def pattern(self, k: int) -> Integers:
        """Return a best pattern of a type, perhaps with more items than there are: shape (flavours,)."""
        pattern: Integers = np.zeros(self.problem.flavours, dtype=np.int64)
        corner = _corner(self.problem, k, self._axes)
        while (line := int(self.last[tuple(corner)])) >= 0:
            pattern[self.items[line]] += 1
            corner = corner - self.sizes[line]
        return pattern


def _corner(problem: VectorPacking, k: int, axes: Integers | None = None) -> Integers:
    corner: Integers = np.zeros(MOST_AXES, dtype=np.int64)
    corner[: problem.resources] = problem.capacities[k] if axes is None else problem.capacities[k][axes]
    return corner
