"""The pricing problem under one set of weights: items in the order of search, and tables of what lies ahead."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers
from formulations.vector_packing import VectorPacking
from solver.deadline import Deadline

Floats = NDArray[np.float64]

GRID = 1000
"""Capacities of surrogate resources are scaled down to at most so many steps."""

MOST_TABLE_CELLS = 6_000_000
MOST_SURROGATES = 7
MOST_PAIR_STEPS = 200
MOST_PAIR_CELLS = 5_000_000
LEAST_PAIR_GRID = 60
"""A pair of surrogates has a table where one has few steps and the other still enough."""

MIXING = 2**20
"""Multipliers of a mixed surrogate are integers up to this."""

NODES_AT_ONCE = 200_000
"""So many nodes take some hundredths of a second; then the clock is looked at."""

NODES_BEFORE_MEMORY = 10_000
"""Searches of more nodes remember the situations that they were in."""

MEMORY = 2**20
"""So many situations are remembered, the latest of those that share an entry; 24 bytes each."""

NODES_OF_A_TRIAL, LEAST_MET = 200_000, 0.01
"""Where after so many nodes no more than this share of them met a situation anew, memory does not pay."""

LARGEST_WORD = 2**62
"""Situations are told apart by two words up to this."""

NODES_OF_A_COMPLEMENT = 100
NODES_OF_A_FILLING = 2_000
LINES = 6
"""Of the patterns that a search finds on its way, so many are kept."""


class Surrogate(NamedTuple):
    """A resource made of the others, scaled down to a grid.

    Sizes are rounded down, so that what fits a bin fits the surrogate: its tables bound from above.
    """

    direction: Integers
    top: int
    grid: int

    @property
    def steps(self) -> int:
        """What the largest bin holds."""
        return min(self.top, self.grid)

    def scaled(self, amounts: Integers) -> Integers:
        """Return vectors of resources in steps of the grid."""
        mixed = amounts @ self.direction
        if self.top <= self.grid:
            return np.asarray(mixed, dtype=np.int64)
        if self.top < 2**40:
            return np.asarray(mixed * self.grid // self.top, dtype=np.int64)
        return np.asarray(np.asarray(mixed, dtype=object) * self.grid // self.top, dtype=np.int64)


class Outlook:
    """Items ordered by worth for what they take, and bounds on what the rest of the order can add.

    Parameters
    ----------
    problem : VectorPacking
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
        self.problem = problem
        self.largest: Integers = problem.capacities[types].max(axis=0)
        most: Integers = np.minimum(demand, problem.most[:, types].max(axis=1))
        self.multipliers = _multipliers(problem.sizes[items], weights[items], most[items], self.largest)
        taken = problem.sizes[items] @ self.multipliers
        order = np.argsort(-(weights[items] / np.maximum(taken, 1e-15)), kind="stable")
        self.items: Integers = items[order]
        self.values: Integers = weights[self.items]
        self.sizes: Integers = np.ascontiguousarray(problem.sizes[self.items])
        self.demand: Integers = most[self.items]
        self.nodes = 0
        self._tabulate()
        self.pair_weights: Integers = np.zeros((2, len(self.items)), dtype=np.int64)
        self.pairs: Integers = np.zeros((1, 1, 1), dtype=np.int64)
        self._pair: tuple[Surrogate, ...] = ()

    # -- tables --------------------------------------------------------------------------------

    def _tabulate(self) -> None:
        """Choose single resources and a mixed one, and tabulate what they allow."""
        from solver.engines.columns import kernels  # noqa: PLC0415 - numba is imported when it is needed

        directions = self._directions()
        grid = min(GRID, max(1, MOST_TABLE_CELLS // (len(directions) * (len(self.items) + 1))))
        self.surrogates = [Surrogate(own, int(own @ self.largest), grid) for own in directions]
        rows = [surrogate.scaled(self.sizes) for surrogate in self.surrogates]
        self.weights: Integers = np.ascontiguousarray(np.array(rows, dtype=np.int64))
        self.tables: Integers = np.empty((len(rows), len(self.items) + 1, grid + 1), dtype=np.int64)
        kernels.suffix_tables(self.weights, self.values, self.demand, grid, self.tables)

    def _directions(self) -> list[Integers]:
        unit: Integers = np.eye(len(self.largest), dtype=np.int64)
        scaled = np.floor(self.multipliers / self.multipliers.max() * MIXING).astype(np.int64)
        mixed = [scaled] if (scaled > 0).sum() > 1 else []
        binding = np.argsort(-(self.multipliers * self.largest), kind="stable")[: MOST_SURROGATES - 1]
        return mixed + [unit[r] for r in binding.tolist() if self.largest[r] > 0]

    def tabulate_pair(self) -> None:
        """Tabulate a resource of few steps together with a mix of the others: a far better bound, not at once."""
        from solver.engines.columns import kernels  # noqa: PLC0415 - numba is imported when it is needed

        weight = self.multipliers * self.largest
        few = [r for r in np.argsort(-weight).tolist() if weight[r] > 0 and self.largest[r] <= MOST_PAIR_STEPS]
        if not few or (weight > 0).sum() < 2:
            return
        single: Integers = np.eye(len(weight), dtype=np.int64)[few[0]]
        steps = int(self.largest[few[0]])
        grid = min(GRID, MOST_PAIR_CELLS // ((len(self.items) + 1) * (steps + 1)))
        if grid < LEAST_PAIR_GRID:
            return
        others = self.multipliers * (1 - single)
        mixed = np.floor(others / others.max() * MIXING).astype(np.int64)
        self._pair = (Surrogate(single, steps, steps), Surrogate(mixed, int(mixed @ self.largest), grid))
        rows = [surrogate.scaled(self.sizes) for surrogate in self._pair]
        self.pair_weights = np.ascontiguousarray(np.array(rows, dtype=np.int64))
        self.pairs = np.empty((len(self.items) + 1, steps + 1, self._pair[1].steps + 1), dtype=np.int64)
        kernels.pair_tables(self.pair_weights, self.values, self.demand, self.pairs)

    def rooms(self, k: int) -> Integers:
        """Return what a type holds of each surrogate."""
        room = self.problem.capacities[k]
        return np.array([int(surrogate.scaled(room)) for surrogate in self.surrogates], dtype=np.int64)

    def pair_rooms(self, k: int) -> Integers:
        """Return what a type holds of the pair."""
        room = self.problem.capacities[k]
        return np.array([int(surrogate.scaled(room)) for surrogate in self._pair] or [0, 0], dtype=np.int64)

    def taken(self, k: int) -> Floats:
        """Return the share of a type's mixed capacity that an item takes, rounded down."""
        whole = float(self.problem.capacities[k] @ self.multipliers)
        shares: Floats = (self.sizes @ self.multipliers) / max(whole, 1e-300) * (1 - 1e-12)
        return np.maximum(shares, 1e-15)

    # -- searches --------------------------------------------------------------------------------

    def search(
        self, k: int, above: int, deadline: Deadline, nodes: int | None, slack: int
    ) -> tuple[int, bool, list[Integers]]:
        """Search the patterns of a type; return an upper bound, whether all was searched, and what was found."""
        descent = Descent(self, k, above, self.demand, lines=LINES, slack=slack)
        while not (descent.finished or deadline.over or descent.nodes == nodes):
            descent.proceed(NODES_AT_ONCE if nodes is None else min(NODES_AT_ONCE, nodes - descent.nodes))
        self.nodes += descent.nodes
        return descent.upper, descent.finished, [self._whole(counts) for counts in descent.patterns]

    def fill(self, k: int, left: Integers) -> tuple[int, Integers]:
        """Return what a short search finds for a bin of a type from the items that are left, and its worth."""
        descent = Descent(self, k, 0, left[self.items])
        descent.proceed(NODES_OF_A_FILLING)
        self.nodes += descent.nodes
        return (descent.best if descent.number else 0), self._whole(descent.found[0])

    def complements(self, k: int, pattern: Integers, above: int, most: int) -> list[Integers]:
        """Return further patterns of the items that a pattern and its complements leave."""
        extra: list[Integers] = []
        left, own = self.demand, pattern[self.items]
        while len(extra) < most:
            held = np.flatnonzero(own)
            left = left - own * int((left[held] // own[held]).min())
            descent = Descent(self, k, above, left)
            descent.proceed(NODES_OF_A_COMPLEMENT)
            if not descent.number:
                break
            own = descent.found[0]
            extra.append(self._whole(own))
        return extra

    def _whole(self, counts: Integers) -> Integers:
        pattern: Integers = np.zeros(self.problem.flavours, dtype=np.int64)
        pattern[self.items] = counts
        return pattern


class Descent:
    """A depth-first search for patterns of one type, which can be interrupted and continued.

    Parameters
    ----------
    outlook : Outlook
    k : int
        The bin type.
    above : int
        Only patterns worth more are found.
    demand : int64 array, shape (items,)
        How many of each item of the outlook there are, no more than it was made for.
    lines : int
        How many of the latest patterns to keep.
    slack : int
        What a pattern must be better by to be looked for.
    """

    def __init__(
        self, outlook: Outlook, k: int, above: int, demand: Integers, *, lines: int = 1, slack: int = 0
    ) -> None:
        from solver.engines.columns import kernels  # noqa: PLC0415 - numba is imported when it is needed

        self._kernels, self._slack = kernels, slack
        capacity = outlook.problem.capacities[k]
        most: Integers = np.minimum(outlook.problem.most[outlook.items, k], demand)
        items = np.flatnonzero(most)
        self._tables = (outlook.weights, outlook.tables, outlook.taken(k), outlook.pair_weights, outlook.pairs)
        self._items = (outlook.sizes, outlook.values, most)
        self._radices = _radices(outlook.sizes, capacity, most)
        self._memory: Integers = np.zeros((1, 3), dtype=np.int64)
        smallest = outlook.sizes[items].min(axis=0, initial=int(capacity.max()) + 1)
        fitting = (capacity // np.maximum(smallest, 1))[smallest > 0]
        deepest = int(min([most.sum(), *fitting.tolist()])) + 2
        self._counts: Integers = np.zeros(len(most), dtype=np.int64)
        self._lists: NDArray[np.int32] = np.zeros((deepest + 1, len(most)), dtype=np.int32)
        self._lists[0, : len(items)] = items
        self._lengths, self._places, self._worths = (np.zeros(deepest + 1, dtype=np.int64) for _ in range(3))
        self._lengths[0] = len(items)
        self._room = _stack(deepest, capacity)
        self._rooms = _stack(deepest, outlook.rooms(k))
        self._pair_rooms = _stack(deepest, outlook.pair_rooms(k))
        self._state: Integers = np.zeros(kernels.STATE_SIZE, dtype=np.int64)
        self._state[kernels.BEST] = above
        self.found: Integers = np.zeros((lines, len(most)), dtype=np.int64)

    def proceed(self, nodes: int) -> None:
        """Search on, for at most so many nodes."""
        self._remember()
        if len(self._memory) == 1 and self.nodes < NODES_BEFORE_MEMORY:
            nodes = min(nodes, NODES_BEFORE_MEMORY)
        stacks = (self._counts, self._lists, self._lengths, self._places, self._worths)
        rooms = (self._room, self._rooms, self._pair_rooms)
        last = (self._radices, self._memory, self._state, self.found, self._slack, nodes)
        self._kernels.depth_first(*self._items, *self._tables, *stacks, *rooms, *last)

    def _remember(self) -> None:
        """Begin to remember where the search becomes long, and give it up where that does not help."""
        kernels, nodes = self._kernels, self.nodes
        if len(self._memory) == 1 and len(self._radices) and NODES_BEFORE_MEMORY <= nodes < NODES_OF_A_TRIAL:
            self._memory = np.zeros((MEMORY, 3), dtype=np.int64)
        elif nodes >= NODES_OF_A_TRIAL and self._state[kernels.MET] < LEAST_MET * nodes:
            self._memory = np.zeros((1, 3), dtype=np.int64)

    @property
    def finished(self) -> bool:
        """Whether all was searched."""
        return bool(self._state[self._kernels.FINISHED])

    @property
    def nodes(self) -> int:
        """How many nodes were searched."""
        return int(self._state[self._kernels.NODES])

    @property
    def best(self) -> int:
        """What the best pattern is worth, or what was asked for."""
        return int(self._state[self._kernels.BEST])

    @property
    def number(self) -> int:
        """How many patterns were found, each better than those before."""
        return int(self._state[self._kernels.FOUND])

    @property
    def patterns(self) -> list[Integers]:
        """The latest patterns, the best last."""
        lines = len(self.found)
        return [self.found[line % lines] for line in range(max(0, self.number - lines), self.number)]

    @property
    def upper(self) -> int:
        """No pattern is worth more, unless all are worth no more than was asked for."""
        stacks = (self._lists, self._lengths, self._places, self._worths, self._rooms)
        ahead = int(self._kernels.left_open(self._tables[1], *stacks, self._state))
        return max(self.best + self._slack, ahead)


def _radices(sizes: Integers, capacity: Integers, most: Integers) -> Integers:
    """Return how situations become two words, see `kernels._key`; empty where two words are too small."""
    items = len(most)
    scarce = ((most + 1)[:, None] * sizes <= capacity).all(axis=1)  # room alone does not say how many more fit
    words = [items * (int(most[scarce].max(initial=0)) + 1), 1]
    places: list[int] = []
    for values in (capacity + 1).tolist():
        word = 0 if words[0] * values <= LARGEST_WORD else 1
        words[word] *= values
        places += [word, values]
    if max(words) > LARGEST_WORD:
        return np.zeros(0, dtype=np.int64)
    return np.concatenate([np.array([*places, items], dtype=np.int64), scarce.astype(np.int64)])


def _stack(deepest: int, first: Integers) -> Integers:
    """Return room for one line per depth, the first one filled."""
    stack: Integers = np.zeros((deepest + 1, len(first)), dtype=np.int64)
    stack[0] = first
    return stack


def _multipliers(sizes: Integers, weights: Integers, most: Integers, capacity: Integers) -> Floats:
    """Return what each unit of each resource is worth: the duals of the continuous knapsack, not all 0."""
    usable = capacity > 0
    scale = np.where(usable, 1.0 / np.maximum(capacity, 1), 0.0)
    worth: Floats = np.zeros(len(capacity))
    if usable.sum() > 1:
        from scipy.optimize import linprog  # noqa: PLC0415 - scipy.optimize takes 0.4 s to import

        answer = linprog(
            -weights / float(weights.max()),
            A_ub=(sizes * scale)[:, usable].T,
            b_ub=np.ones(int(usable.sum())),
            bounds=[(0.0, float(many)) for many in most],
            method="highs",
        )
        if answer.status == 0:
            worth[usable] = np.maximum(-np.asarray(answer.ineqlin.marginals), 0.0)
    if not worth.any():
        worth[usable] = 1.0
    multipliers: Floats = worth * scale
    return multipliers
