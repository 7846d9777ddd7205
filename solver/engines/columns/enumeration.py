"""All patterns that a better packing could use, listed exactly: those of small reduced cost, or of little waste."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from formulations.tables import Integers
from formulations.vector_packing import VectorPacking
from solver.deadline import Deadline
from solver.engines.columns.outlook import NODES_AT_ONCE, Outlook

TIGHT = 10
"""A resource is tight if all bins together may waste no more of it than one part in so many of a bin."""

PRECISION = 10**6
"""Tight resources are added up in about so many parts of a bin."""


class Listed(NamedTuple):
    """All patterns that packings of some cost can use, shape (patterns, flavours); and whether these waste nothing."""

    patterns: Integers
    exact: bool = False


def patterns_worth(outlook: Outlook, k: int, least: int, most: int, deadline: Deadline) -> Integers | None:
    """Return the maximal patterns of a type worth ``least`` or more; None if there are too many, or no time.

    A pattern is maximal if no item that is left fits beside it: the others cover nothing that one
    of these does not.

    Parameters
    ----------
    outlook : Outlook
        Of all flavours that must lie somewhere; some of them have a weight.
    k : int
        The bin type.
    least : int
        In units of the outlook's weights.
    most : int
        How many patterns are too many.
    deadline : Deadline

    Returns
    -------
    int64 array, shape (patterns, flavours)
    """
    from solver.engines.columns import kernels  # noqa: PLC0415 - numba is imported when it is needed

    items = len(outlook.items)
    counts: Integers = np.zeros(items, dtype=np.int64)
    state: Integers = np.zeros(kernels.STATE_SIZE, dtype=np.int64)
    state[kernels.BEST] = least
    found: Integers = np.zeros((most + 1, items), dtype=np.int64)
    room: Integers = outlook.problem.capacities[k].copy()
    limits: Integers = np.minimum(outlook.problem.most[outlook.items, k], outlook.demand)
    data = (outlook.sizes, outlook.values, limits, outlook.weights, outlook.tables)
    rooms = outlook.rooms(k)
    while not state[kernels.FINISHED]:
        if deadline.over or state[kernels.FOUND] > most:
            return None
        kernels.enumerate_patterns(*data, counts, room, rooms, state, found, NODES_AT_ONCE)
    patterns: Integers = np.zeros((int(state[kernels.FOUND]), outlook.problem.flavours), dtype=np.int64)
    patterns[:, outlook.items] = found[: len(patterns)]
    return patterns


def tight_patterns(problem: VectorPacking, k: int, bins: int, most: int, deadline: Deadline) -> Listed | None:
    """Return the maximal patterns that packings into so many bins can use, where these have hardly any room to spare.

    No bin wastes more of a resource than all of them together. Prices may not tell such patterns from others;
    sizes do. Packings are exact if a resource that all flavours take is used up: no item lies anywhere twice.

    Parameters
    ----------
    problem : VectorPacking
    k : int
        The bin type.
    bins : int
    most : int
        How many patterns are too many.
    deadline : Deadline

    Returns
    -------
    Listed or None
        None if no resource is tight, if there are too many patterns, or no time.
    """
    capacity = problem.capacities[k]
    spare: Integers = bins * capacity - problem.demand @ problem.sizes
    tight = spare * TIGHT <= capacity
    if (spare < 0).any() or not tight.any():
        return None
    scales: Integers = np.where(tight, np.maximum(1, PRECISION // np.maximum(1, capacity)), 0)
    weights: Integers = problem.sizes @ scales
    outlook = Outlook(problem, [k], np.arange(problem.flavours), weights, problem.demand)
    patterns = patterns_worth(outlook, k, int((capacity - spare) @ scales), most, deadline)
    if patterns is None:
        return None
    little = (patterns @ problem.sizes >= capacity - spare).all(axis=1)
    return Listed(patterns[little], exact=bool(((spare == 0) & (problem.sizes > 0).all(axis=0)).any()))
