"""The decision diagram of all fillings of a bin: one node for all states with the same future."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from formulations.arcflow.levels import NONE, Lattice, Level
from formulations.tables import Integers

SINK = 0
"""The node in which every flavour is decided."""


@dataclass(frozen=True, eq=False)
class Diagram:
    """Every path from a start to the sink is a filling; every filling is part of one at least as full.

    In a node one flavour is decided: one copy more, or none. A node's number is larger than those
    of the nodes that follow it.

    Attributes
    ----------
    level : int64 array, shape (nodes,)
        The level whose flavour is decided; -1 for the sink.
    take, skip : int64 array, shape (nodes,)
        The node that follows when a copy is taken or not; -1 where that leads nowhere better:
        there is no room, or the copy fits beside everything that could come without it.
    latest : int64 array, shape (nodes, resources)
        The most that may be used up in a node for all its paths to fit.
    starts : int64 array, shape (starts,)
        The node in which a bin of each type starts.
    """

    level: Integers
    take: Integers
    skip: Integers
    latest: Integers
    starts: Integers


def diagram_of(lattice: Lattice, levels: list[Level], starts: Integers, stop: Callable[[], bool]) -> Diagram:
    """Return the diagram of the levels: states with the same future become one node.

    That is the reduction of decision diagrams (R. E. Bryant, IEEE Transactions on Computers 35(8), 1986,
    doi:10.1109/TC.1986.1676819), one level after the other from the last to the first.

    Raises
    ------
    TimeoutError
        When ``stop`` says so.
    """
    growing = _Growing(lattice.room)
    following: Integers = np.zeros(1, dtype=np.int64)
    for number in reversed(range(len(levels))):
        if stop():
            raise TimeoutError
        following = growing.add(number, lattice.sizes[number], levels[number], following)
    return growing.diagram(following[starts])


class _Growing:
    """The diagram from the sink up to some level."""

    def __init__(self, room: Integers) -> None:
        self.latest = room[None, :].copy()
        self.edges = [np.array([[NONE, NONE, NONE]])]

    def add(self, number: int, size: Integers, level: Level, following: Integers) -> Integers:
        """Add a level's nodes, given the nodes of the next level's states; return those of its own first block."""
        skip = following[level.skip]
        nodes = skip.copy()  # where no copy fits there is nothing to decide
        keys, known = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        for block in reversed(level.blocks[:-1]):
            states = block.start + np.flatnonzero(level.take[block] >= 0)
            take, without = nodes[level.take[states]], skip[states]
            dominated = (level.used[states] + size <= self.latest[without]).all(axis=1)
            key, which = np.unique((take << 32) + np.where(dominated, 0, without + 1), return_inverse=True)
            new = key[~np.isin(key, keys)]
            known = np.concatenate([known, self._append(number, size, new)])
            keys = np.concatenate([keys, new])
            order = np.argsort(keys)
            nodes[states] = known[order][np.searchsorted(keys, key, sorter=order)][which]
        return nodes[level.blocks[0]]

    def _append(self, number: int, size: Integers, keys: Integers) -> Integers:
        """Add nodes, each given by what follows it; return their numbers."""
        take, skip = keys >> 32, (keys & (2**32 - 1)) - 1
        beside = np.where((skip >= 0)[:, None], self.latest[skip], self.latest[SINK])
        first = len(self.latest)
        self.latest = np.concatenate([self.latest, np.minimum(self.latest[take] - size, beside)])
        self.edges.append(np.column_stack([np.full(len(keys), number), take, skip]))
        return np.arange(first, len(self.latest))

    def diagram(self, starts: Integers) -> Diagram:
        """Return the diagram without the nodes that no path reaches."""
        level, take, skip = np.concatenate(self.edges).T
        reached = np.zeros(len(level), dtype=np.bool_)
        reached[starts] = reached[SINK] = True
        for node in range(len(level) - 1, SINK, -1):
            if reached[node]:
                reached[take[node]] = True
                reached[max(skip[node], SINK)] = True
        place = np.where(reached, np.cumsum(reached) - 1, NONE)
        skip = np.where(skip < 0, NONE, place[skip])
        take = np.where(take < 0, NONE, place[take])
        return Diagram(level[reached], take[reached], skip[reached], self.latest[reached], place[starts])
