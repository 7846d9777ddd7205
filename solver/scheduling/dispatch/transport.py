"""Dealing out microseconds: integral flows from items to intervals of time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from formulations.errors import UnsupportedError

Integers = NDArray[np.int64]

LARGEST_FLOW = 2**31 - 1
"""The flow code counts in 32 bits."""


def dealt(supply: Integers, most: Integers, room: Integers) -> Integers | None:
    """Deal every item's supply out to intervals, within what each pair and each interval takes.

    Parameters
    ----------
    supply : int64 array, shape (items,)
    most : int64 array, shape (items, intervals)
        How much of an item an interval takes.
    room : int64 array, shape (intervals,)
        How much an interval takes of all items.

    Returns
    -------
    int64 array, shape (items, intervals), or None where no dealing exists.

    Raises
    ------
    UnsupportedError
        If the figures are too large to be counted.
    """
    if int(room.min(initial=0)) < 0:
        return None
    if int(supply.sum()) > LARGEST_FLOW:
        raise UnsupportedError(f"more than {LARGEST_FLOW:,} core microseconds in a frame cannot be dealt out")
    if not supply.any():
        return np.zeros(most.shape, dtype=np.int64)
    flow = _flow(supply, np.minimum(most, supply[:, None]), np.minimum(room, LARGEST_FLOW))
    return flow if (flow.sum(axis=1) == supply).all() else None


def _flow(supply: Integers, most: Integers, room: Integers) -> Integers:
    from scipy.sparse import csr_array  # noqa: PLC0415 - scipy.sparse takes long to import
    from scipy.sparse.csgraph import maximum_flow  # noqa: PLC0415

    items, intervals = most.shape
    source, sink = items + intervals, items + intervals + 1
    item, interval = np.nonzero(most)
    tails = np.concatenate([np.full(items, source), item, items + np.arange(intervals)])
    heads = np.concatenate([np.arange(items), items + interval, np.full(intervals, sink)])
    sizes = np.concatenate([supply, most[item, interval], room]).astype(np.int32)
    graph: Any = csr_array((sizes, (tails, heads)), shape=(sink + 1, sink + 1))
    answer = maximum_flow(graph, source, sink).flow
    return np.asarray(answer[:items, items : items + intervals].toarray(), dtype=np.int64)
