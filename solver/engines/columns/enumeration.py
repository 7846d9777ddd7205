"""All patterns that a better packing could use: those of small reduced cost, listed exactly."""

from __future__ import annotations

import numpy as np

from formulations.tables import Integers
from solver.deadline import Deadline
from solver.engines.columns.outlook import NODES_AT_ONCE, Outlook


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
