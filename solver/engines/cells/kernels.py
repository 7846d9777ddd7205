"""Compiled loops of pricing: the best filling of one cell, and of all cells of a host, for every room at once."""

from __future__ import annotations

import numpy as np
from numba import njit

from formulations.tables import Integers


@njit(cache=True)
def fill_rooms(  # noqa: PLR0917 (loops on arrays take arrays)
    sizes: Integers,
    offsets: Integers,
    weights: Integers,
    most: Integers,
    rooms: Integers,
    value: Integers,
    taken: Integers,
) -> None:
    """Fill value[room] with the most that items are worth in each room, and taken[item, room] with how many are in.

    A knapsack in several resources by dynamic programming; rooms holds the coordinates of every room, shape
    (rooms, resources), in lexicographic order, and an item leads from a room to the one ``offsets`` before.
    """
    resources = sizes.shape[1]
    value[:] = 0
    for i in range(len(weights)):
        worth, back = weights[i], offsets[i]
        taken[i, :] = 0
        if worth <= 0:
            continue
        for room in range(len(rooms) - 1, -1, -1):
            fits = most[i]
            for r in range(resources):
                if sizes[i, r] > 0:
                    fits = min(fits, rooms[room, r] // sizes[i, r])
            best, count = value[room], 0
            for k in range(1, fits + 1):
                other = value[room - k * back] + k * worth
                if other > best:
                    best, count = other, k
            value[room] = best
            taken[i, room] = count


@njit(cache=True)
def fill_hosts(  # noqa: PLR0917
    cells: Integers, least: Integers, alone: Integers, spanning: Integers, rooms: Integers, best: Integers
) -> None:
    """Fill best[type] with its best value and the room that spanning items take of every cell.

    ``cells`` holds the room of each cell, shape (types, cells); ``least`` the smallest coordinates of a type's
    cells, shape (types, resources); ``best`` has shape (types, 2).
    """
    types, number = cells.shape
    resources = rooms.shape[1]
    for k in range(types):
        best[k, 0], best[k, 1] = -1, 0
        for room in range(len(rooms)):
            inside = True
            for r in range(resources):
                if rooms[room, r] > least[k, r]:
                    inside = False
            if inside:
                worth = spanning[room]
                for cell in range(number):
                    worth += alone[cells[k, cell] - room]
                if worth > best[k, 0]:
                    best[k, 0], best[k, 1] = worth, room
                if spanning[len(rooms) - 1] == 0:
                    break


@njit(cache=True)
def read_back(room: int, offsets: Integers, taken: Integers, counts: Integers) -> None:
    """Add to counts[item] how many of each item the best filling of a room holds."""
    for i in range(len(offsets) - 1, -1, -1):
        many = taken[i, room]
        counts[i] += many
        room -= many * offsets[i]


def lattice(shape: Integers) -> Integers:
    """Return the coordinates of every room up to ``shape`` (ends included), in lexicographic order."""
    rooms = np.indices(tuple((shape + 1).tolist())).reshape(len(shape), -1).T
    return np.ascontiguousarray(rooms, dtype=np.int64)
