"""Right-sizing: bins become the cheapest type that holds what lies in them."""

from __future__ import annotations

import numpy as np

from formulations.tables import Integers
from formulations.vector_packing import Packing, VectorPacking


def right_sized(problem: VectorPacking, packing: Packing) -> Packing:
    """Return the packing with every bin turned into the cheapest type that holds its items and is to be had.

    The dearest bins first; a bin that is turned into another type frees its own for the next.
    """
    if problem.types == 1 or not len(packing.times):
        return packing
    loads: Integers = packing.patterns @ problem.sizes
    unused: Integers = problem.limits - packing.bins_of(problem)
    bins: list[tuple[int, Integers, int]] = []
    by_cost: Integers = np.argsort(problem.costs, kind="stable")
    for pattern in np.argsort(-problem.costs[packing.types], kind="stable").tolist():
        kind, left = int(packing.types[pattern]), int(packing.times[pattern])
        for k in by_cost.tolist():
            if problem.costs[k] >= problem.costs[kind] or left == 0:
                break
            moved = min(left, int(unused[k])) if (loads[pattern] <= problem.capacities[k]).all() else 0
            if moved > 0:
                bins.append((k, packing.patterns[pattern], moved))
                unused[k] -= moved
                unused[kind] += moved
                left -= moved
        bins.append((kind, packing.patterns[pattern], left))
    return Packing.of(bins, problem.flavours)
