"""The arc-flow graph: every path from a bin's start to the sink is a filling of that bin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from formulations.arcflow.diagram import SINK, Diagram
from formulations.arcflow.levels import NONE, Lattice, distinct
from formulations.tables import Integers
from formulations.vector_packing import Mask

LARGEST_VALUE = 2**62
"""No path may be worth more than this, so that sums stay exact."""


@dataclass(frozen=True, eq=False)
class Graph:
    """A directed graph without circles, whose arcs take one item of a flavour or none.

    Attributes
    ----------
    nodes : int
    tails, heads : int64 array, shape (arcs,)
    levels : int64 array, shape (arcs,)
        Which of the lattice's flavours an arc takes one item of; -1 for none.
    starts : int64 array, shape (starts,)
        The node in which a bin of each of the lattice's types starts.
    sink : int
    """

    nodes: int
    tails: Integers
    heads: Integers
    levels: Integers
    starts: Integers
    sink: int

    @classmethod
    def of(cls, diagram: Diagram) -> Graph:
        """Return the diagram as a graph."""
        nodes = np.arange(len(diagram.level))
        taking, skipping = nodes[diagram.take >= 0], nodes[diagram.skip >= 0]
        return cls(
            len(nodes),
            np.concatenate([taking, skipping]),
            np.concatenate([diagram.take[taking], diagram.skip[skipping]]),
            np.concatenate([diagram.level[taking], np.full(len(skipping), NONE)]),
            diagram.starts,
            SINK,
        )

    @property
    def arcs(self) -> int:
        """How many arcs there are."""
        return len(self.tails)

    @cached_property
    def waves(self) -> list[Integers]:
        """The arcs in groups: all arcs into the tails of a group are in earlier groups."""
        order = np.argsort(self.tails, kind="stable")
        first = np.searchsorted(self.tails[order], np.arange(self.nodes + 1))
        missing = np.bincount(self.heads, minlength=self.nodes)
        ready, waves = np.flatnonzero(missing == 0), []
        while len(ready):
            count = first[ready + 1] - first[ready]
            within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
            arcs = order[np.repeat(first[ready], count) + within]
            np.subtract.at(missing, self.heads[arcs], 1)
            reached = np.unique(self.heads[arcs])
            ready = reached[missing[reached] == 0]
            waves.append(arcs)
        return waves

    def compressed(self, lattice: Lattice, latest: Integers) -> Graph:
        """Return a smaller graph, in which nodes that may be passed at the same load are one.

        First by the most that may be used up for all later paths to fit (``latest``), then by the
        most that is used up on the way: main and final compression of F. Brandão and
        J. P. Pedroso, Computers & Operations Research 69, 2016, doi:10.1016/j.cor.2015.11.009.
        Every path is still a filling. There may be more paths, some with more items of a
        flavour than there are: the linear relaxation can become weaker, the optimum stays.
        """
        main = self.merged(latest)
        return main.merged(main.earliest(lattice))

    def earliest(self, lattice: Lattice) -> Integers:
        """Return the most that is used up on the way to each node; more than fits for the sink."""
        earliest: Integers = np.zeros((self.nodes, len(lattice.room)), dtype=np.int64)
        np.maximum.at(earliest, self.starts, lattice.used)
        sizes = np.vstack([lattice.sizes, np.zeros_like(lattice.room)])  # the last row serves level -1
        for arcs in self.waves:
            np.maximum.at(earliest, self.heads[arcs], earliest[self.tails[arcs]] + sizes[self.levels[arcs]])
        earliest[self.sink] = lattice.room + 1
        return earliest

    def merged(self, labels: Integers) -> Graph:
        """Return the graph with nodes of equal labels as one, equal arcs as one, and no arc to itself."""
        rows, which = distinct(labels)
        arcs = np.column_stack([which[self.tails], which[self.heads], self.levels])
        arcs, _ = distinct(arcs[arcs[:, 0] != arcs[:, 1]])
        tails, heads, levels = np.ascontiguousarray(arcs.T)
        return Graph(len(rows), tails, heads, levels, which[self.starts], int(which[self.sink]))

    def most(self, worth: Integers) -> Integers:
        """Return the most that a filling of each start's bin is worth, exactly.

        Parameters
        ----------
        worth : int64 array, shape (levels,)
            Of one item of each of the lattice's flavours, at least 0.

        Returns
        -------
        int64 array, shape (starts,)

        Raises
        ------
        OverflowError
            If a path could be worth more than `LARGEST_VALUE`.
        """
        return self._to_sink(worth)[self.starts]

    def through(self, worth: Integers, prices: Integers) -> Integers:
        """Return for each arc the most that a filling with it is worth beyond the price of its bin.

        Parameters
        ----------
        worth : int64 array, shape (levels,)
            As in `most`.
        prices : int64 array, shape (starts,)
            What a bin that begins in each start costs, from 0 to `LARGEST_VALUE`.

        Returns
        -------
        int64 array, shape (arcs,)
            Negative where every filling with the arc is worth less than its bin.

        Raises
        ------
        OverflowError
            As in `most`.
        """
        after = self._to_sink(worth)
        before: Integers = np.full(self.nodes, -2 * LARGEST_VALUE + 1)
        np.maximum.at(before, self.starts, -prices)
        gain = np.append(worth, 0)[self.levels]
        for arcs in self.waves:
            np.maximum.at(before, self.heads[arcs], before[self.tails[arcs]] + gain[arcs])
        through: Integers = before[self.tails] + gain + after[self.heads]
        return through

    def _to_sink(self, worth: Integers) -> Integers:
        """Return the most that the rest of a path from each node is worth."""
        if int(worth.max(initial=0)) * len(self.waves) > LARGEST_VALUE:
            raise OverflowError(f"a path could be worth more than {LARGEST_VALUE}")
        prizes = np.append(worth, 0)  # the last one serves level -1
        best: Integers = np.zeros(self.nodes, dtype=np.int64)
        for arcs in reversed(self.waves):
            np.maximum.at(best, self.tails[arcs], best[self.heads[arcs]] + prizes[self.levels[arcs]])
        return best

    def restricted(self, kept: Mask) -> Graph:
        """Return the graph with some of its arcs only."""
        return replace(self, tails=self.tails[kept], heads=self.heads[kept], levels=self.levels[kept])
