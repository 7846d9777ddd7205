"""Pricing on the lattice of all capacities: one dynamic program answers every bin type."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers
from formulations.vector_packing import VectorPacking

MOST_AXES = 3
MOST_CELLS = 10_000_000
MOST_STEPS = 30_000_000
"""Where tables would be larger, or take more steps, depth-first search is quicker."""


def lattice_pays(problem: VectorPacking, types: list[int], items: Integers, demand: Integers) -> bool:
    """Whether the lattice is small enough."""
    if problem.resources > MOST_AXES:
        return False
    cells = float(np.prod(problem.capacities[types].max(axis=0).astype(np.float64) + 1))
    fitting = problem.most[:, types].max(axis=1)[items]
    passes = int(np.where(demand[items] >= fitting, 1, np.minimum(demand[items], fitting)).sum())
    return cells * len(items) <= MOST_CELLS and cells * passes <= MOST_STEPS


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
        return int(self.best[tuple(self._corner(k))])

    def pattern(self, k: int) -> Integers:
        """Return a best pattern of a type: shape (flavours,)."""
        pattern: Integers = np.zeros(self.problem.flavours, dtype=np.int64)
        corner = self._corner(k)
        for line in range(len(self.items) - 1, -1, -1):
            many = int(self.took[line][tuple(corner)])
            pattern[self.items[line]] = many
            corner = corner - many * self.sizes[line]
        return pattern

    def _corner(self, k: int) -> Integers:
        corner: Integers = np.zeros(MOST_AXES, dtype=np.int64)
        corner[: self.problem.resources] = self.problem.capacities[k]
        return corner
