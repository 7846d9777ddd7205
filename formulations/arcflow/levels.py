"""All loads that a bin can have on its way from the first flavour to the last, level by level.

A bin is filled flavour after flavour, the largest first. A state is what is used up when the next
flavour is to be decided; a bin of a smaller type starts with the room that it lacks used up, so that
one set of states serves all types. Room that no coming items can fill counts as used, too: the
lifting of F. Brandão and J. P. Pedroso, Bin packing and related problems: General arc-flow formulation
with graph compression, Computers & Operations Research 69, 2016, doi:10.1016/j.cor.2015.11.009.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from formulations.errors import UnsupportedError
from formulations.tables import Integers
from formulations.vector_packing import Mask, VectorPacking

NONE = np.int64(-1)

_MOST_SUMS = 20_000
"""Where items have more different sums in a resource than so many, its room is not lifted."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """The sizes and rooms of a problem in its coarsest integers, flavours in the order of decision.

    Attributes
    ----------
    flavours : int64 array, shape (levels,)
        The problem's number of each flavour; those that take nothing are left out.
    sizes : int64 array, shape (levels, resources)
    copies : int64 array, shape (levels,)
        How many items of a flavour a bin can hold.
    types : int64 array, shape (starts,)
        The problem's number of each type that there is and that holds one of these flavours.
    used : int64 array, shape (starts, resources)
        What counts as used in an empty bin of each type.
    room : int64 array, shape (resources,)
        The room of the largest bin.
    """

    flavours: Integers
    sizes: Integers
    copies: Integers
    types: Integers
    used: Integers
    room: Integers

    @classmethod
    def of(cls, problem: VectorPacking) -> Lattice:
        """Return the lattice of a problem."""
        unit = np.maximum(np.gcd.reduce(problem.sizes, axis=0, initial=0), 1)
        sizes: Integers = problem.sizes // unit
        something: Mask = np.asarray(sizes.any(axis=1), dtype=np.bool_)
        types = np.flatnonzero(problem.fits[something].any(axis=0))
        rooms: Integers = np.minimum(problem.capacities[types] // unit, (sizes * problem.demand[:, None]).sum(axis=0))
        room: Integers = rooms.max(axis=0, initial=0)
        share = (sizes / np.maximum(room, 1)).sum(axis=1)
        most = problem.most.max(axis=1, initial=0)
        order = np.argsort(-share, kind="stable")
        order = order[something[order] & (most[order] > 0)]
        return cls(order, sizes[order], most[order], types, room - rooms, room)


@dataclass(frozen=True, eq=False)
class Level:
    """The states in which one flavour is decided, copy after copy.

    Attributes
    ----------
    used : int64 array, shape (states, resources)
    blocks : tuple of slice
        The states in which 0, 1, 2, ... copies are taken already.
    take : int64 array, shape (states,)
        The state after one more copy, -1 where none fits.
    skip : int64 array, shape (states,)
        The state of the next level if no further copy is taken.
    """

    used: Integers
    blocks: tuple[slice, ...]
    take: Integers
    skip: Integers


def levels_of(lattice: Lattice, most: int, stop: Callable[[], bool]) -> tuple[list[Level], Integers]:
    """Return all levels, and the first level's state in which a bin of each type starts.

    Raises
    ------
    UnsupportedError
        If there are more than ``most`` states.
    TimeoutError
        When ``stop`` says so.
    """
    sums = _sums(lattice)
    states, starts = distinct(_lifted(lattice.used, lattice.room, sums[0]))
    levels, count = [], len(states)
    for number in range(len(lattice.sizes)):
        blocks = [states]
        for _ in range(int(lattice.copies[number])):
            after = blocks[-1] + lattice.sizes[number]
            blocks.append(after[(after <= lattice.room).all(axis=1)])
            count += len(blocks[-1])
            _check(count, most, stop)
            if not len(blocks[-1]):
                break
        states, skip = distinct(_lifted(np.concatenate(blocks), lattice.room, sums[number + 1]))
        count += len(states)
        _check(count, most, stop)
        levels.append(_level(blocks, lattice.sizes[number], lattice.room, skip))
    return levels, starts


def _check(count: int, most: int, stop: Callable[[], bool]) -> None:
    if count > most:
        raise UnsupportedError(f"the arc-flow model holds at most {most:,} states, and this problem has more")
    if stop():
        raise TimeoutError


def _level(blocks: list[Integers], size: Integers, room: Integers, skip: Integers) -> Level:
    """Return a level from the states by copies taken: those with room go to the next block in order."""
    bounds = np.cumsum([0, *map(len, blocks)]).tolist()
    take = np.full(bounds[-1], NONE)
    for block, start in zip(blocks[:-1], bounds[:-2], strict=True):
        fit = np.flatnonzero((block + size <= room).all(axis=1))
        take[start + fit] = start + len(block) + np.arange(len(fit))
    slices = tuple(slice(low, high) for low, high in pairwise(bounds))
    return Level(np.concatenate(blocks), slices, take, skip)


def distinct(rows: Integers) -> tuple[Integers, Integers]:
    """Return the distinct rows of a table, and for each row which of them it is."""
    key: Integers = np.zeros(len(rows), dtype=np.int64)
    for column in rows.T:
        values, rank = np.unique(column, return_inverse=True)
        # both ranks are below the number of rows, so the product stays below 2**63
        _, key = np.unique(key * len(values) + rank, return_inverse=True)
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    return rows[first], which.astype(np.int64)


def _lifted(used: Integers, room: Integers, sums: list[Integers | None]) -> Integers:
    """Return the states with the room used up that no sum of the coming items fills."""
    lifted = used.copy()
    for r, reached in enumerate(sums):
        if reached is not None:
            fill = np.searchsorted(reached, room[r] - used[:, r], side="right") - 1
            lifted[:, r] = room[r] - reached[fill]
    return lifted


def _sums(lattice: Lattice) -> list[list[Integers | None]]:
    """Return for each level the sums, by resource, of some of the items from there on; None if too many."""
    table: list[list[Integers | None]] = [[np.zeros(1, dtype=np.int64) for _ in lattice.room]]
    for size, copies in zip(lattice.sizes[::-1], lattice.copies[::-1].tolist(), strict=True):
        table.append([_reached(table[-1][r], int(size[r]), copies, int(lattice.room[r])) for r in range(len(size))])
    return table[::-1]


def _reached(before: Integers | None, size: int, copies: int, room: int) -> Integers | None:
    """Return the sums up to ``room`` of an earlier sum and 0 to ``copies`` times a size."""
    if before is None or size == 0:
        return before
    for part in _binary(min(copies, room // size)):
        before = np.union1d(before, before[before <= room - part * size] + part * size)
        if len(before) > _MOST_SUMS:
            return None
    return before


def _binary(copies: int) -> list[int]:
    """Return parts of which some add up to each number from 0 to ``copies``, and none to more."""
    parts = []
    while copies:
        parts.append((copies + 1) // 2)
        copies //= 2
    return parts
