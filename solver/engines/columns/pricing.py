"""The pricing problem: which filling of a bin is worth most under given weights, exactly in integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from formulations.tables import Integers
from formulations.vector_packing import Packing, VectorPacking
from solver.deadline import Deadline

Floats = NDArray[np.float64]

import os

CF = float(os.environ.get("CF", "0.85"))
GRID = 1000
"""Capacities of surrogate resources are scaled down to at most so many steps."""

MOST_TABLE_CELLS = 6_000_000
MOST_SURROGATES = 7
MOST_LATTICE_CELLS = 10_000_000
MOST_LATTICE_STEPS = 30_000_000
MOST_PAIR_STEPS = 200
MOST_PAIR_CELLS = 5_000_000
LEAST_PAIR_GRID = 60
NODES_BEFORE_PAIRS = 100_000
"""Searches of more nodes than this are worth the tables of a pair of surrogates."""

NODES_AT_ONCE = 200_000
NODES_OF_A_COMPLEMENT = int(os.environ.get("NC", "100"))
NODES_OF_A_FILLING = 2_000


@dataclass(frozen=True)
class Priced:
    """What pricing found for one bin type.

    Attributes
    ----------
    upper : int
        No pattern of the type is worth more; the value of the best pattern if the search was complete.
    exact : bool
        Whether the search was complete.
    patterns : list of int64 arrays, shape (flavours,)
        Patterns worth more than was asked for, best last.
    """

    upper: int
    exact: bool
    patterns: list[Integers]


class Pricer:
    """Finds patterns for weights of the flavours.

    Parameters
    ----------
    problem : VectorPacking
        Without flavours that take nothing.
    """

    def __init__(self, problem: VectorPacking) -> None:
        self.problem = problem
        self.types = [k for k in range(problem.types) if problem.available[k] > 0 and problem.fits[:, k].any()]
        self._largest: Integers = problem.capacities[self.types].max(axis=0)
        self.nodes = 0

    def price(
        self,
        weights: Integers,
        demand: Integers,
        above: Integers,
        deadline: Deadline,
        nodes: int | None = None,
        complements: int = 0,
        slack: int = 0,
    ) -> dict[int, Priced]:
        """Return per bin type the best patterns worth more than ``above``.

        Parameters
        ----------
        weights : int64 array, shape (flavours,)
            What one item of each flavour is worth, at least 0.
        demand : int64 array, shape (flavours,)
            How many items of each flavour there are.
        above : int64 array, shape (types,)
            Only patterns worth more count.
        deadline : Deadline
        nodes : int, optional
            Search at most so many nodes per type; all when not given.
        complements : int
            Up to so many more patterns of items that the earlier ones leave.
        slack : int
            Patterns that are better than the best one found by no more than this may be missed.
        """
        items = np.flatnonzero((weights > 0) & (demand > 0))
        if not len(items):
            return {k: Priced(0, True, []) for k in self.types}
        view = _View(self.problem, items, weights, demand, self._largest)
        if nodes is None or nodes > NODES_BEFORE_PAIRS:
            view.tabulate_pair()
        answer = self._on_lattice(items, weights, demand, above) if self._lattice_pays(items, demand) else {}
        for k in self.types:
            answer.setdefault(k, None)
            if answer[k] is None:
                answer[k] = view.search(k, int(above[k]), deadline, nodes, slack)
            answer[k].patterns.extend(view.complements(k, answer[k].patterns, int(above[k] * CF), complements))
        self.nodes += view.nodes
        return answer

    def pack(self, weights: Integers, demand: Integers, available: Integers, deadline: Deadline) -> Packing | None:
        """Fill one bin after another with what is worth most per cost, found by short searches.

        Returns None if bins run out, or time.
        """
        left, open_to = demand.copy(), available.copy()
        view = _View(self.problem, np.flatnonzero(demand), np.maximum(weights, 1), demand, self._largest)
        bins: list[tuple[int, Integers, int]] = []
        while left.any():
            if deadline.over:
                return None
            best: tuple[float, int, Integers] | None = None
            for k in self.types:
                if open_to[k] <= 0:
                    continue
                worth, pattern = view.fill(k, left)
                rate = worth / max(int(self.problem.costs[k]), 1e-9)
                if worth and (best is None or rate > best[0]):
                    best = (rate, k, pattern)
            if best is None:
                return None
            _, k, pattern = best
            held = np.flatnonzero(pattern)
            times = min(int((left[held] // pattern[held]).min()), int(open_to[k]))
            bins.append((k, pattern, times))
            left -= times * pattern
            open_to[k] -= times
        return Packing.of(bins, self.problem.flavours)

    # -- a lattice of all capacities --------------------------------------------------------

    def _lattice_pays(self, items: Integers, demand: Integers) -> bool:
        if self.problem.resources > 3:
            return False
        cells = int(np.prod(self._largest.astype(float) + 1))
        fitting = self.problem.most[:, self.types].max(axis=1)[items]
        passes = np.where(demand[items] >= fitting, 1, np.minimum(demand[items], fitting)).sum()
        return cells * len(items) <= MOST_LATTICE_CELLS and cells * int(passes) <= MOST_LATTICE_STEPS

    def _on_lattice(self, items: Integers, weights: Integers, demand: Integers, above: Integers) -> dict[int, Priced]:
        """Price all types with one dynamic program over the lattice of the largest capacities."""
        from solver.engines.columns import kernels  # noqa: PLC0415 - numba is imported when it is needed

        shape = np.ones(3, dtype=np.int64)
        shape[: self.problem.resources] += self._largest
        best = np.zeros(shape, dtype=np.int64)
        took = np.zeros((len(items), *shape), dtype=np.int16)
        sizes = np.zeros((len(items), 3), dtype=np.int64)
        sizes[:, : self.problem.resources] = self.problem.sizes[items]
        for line, i in enumerate(items):
            kernels.lattice_layer(best, sizes[line], int(weights[i]), int(demand[i]), took[line])
        answer = {}
        for k in self.types:
            corner = np.zeros(3, dtype=np.int64)
            corner[: self.problem.resources] = self.problem.capacities[k]
            value = int(best[tuple(corner)])
            patterns = [self._trace(items, sizes, took, corner)] if value > above[k] else []
            answer[k] = Priced(value, True, patterns)
        return answer

    def _trace(self, items: Integers, sizes: Integers, took: NDArray[np.int16], corner: Integers) -> Integers:
        pattern = np.zeros(self.problem.flavours, dtype=np.int64)
        for line in range(len(items) - 1, -1, -1):
            many = int(took[line][tuple(corner)])
            pattern[items[line]] = many
            corner = corner - many * sizes[line]
        return pattern


class _View:
    """The pricing problem under one set of weights: items in the order of search, and tables of bounds."""

    def __init__(
        self, problem: VectorPacking, items: Integers, weights: Integers, demand: Integers, largest: Integers
    ) -> None:
        self.problem = problem
        self.multipliers = multipliers = _multipliers(problem.sizes[items], weights[items], demand[items], largest)
        taken = problem.sizes[items] @ multipliers
        order = np.argsort(-(weights[items] / np.maximum(taken, 1e-12)), kind="stable")
        self.items: Integers = items[order]
        self.values: Integers = weights[self.items]
        self.sizes: Integers = np.ascontiguousarray(problem.sizes[self.items])
        self.demand: Integers = demand[self.items]
        self._largest = largest
        self._surrogates(multipliers, largest)
        self.nodes = 0

    def _surrogates(self, multipliers: Floats, largest: Integers) -> None:
        """Choose single resources and a mixed one, scaled down to the grid, and tabulate what they allow.

        Scaling rounds sizes down: what fits a bin fits each surrogate, so the tables bound from above.
        """
        from solver.engines.columns import kernels  # noqa: PLC0415 - numba is imported when it is needed

        directions: list[Integers] = []
        scaled = np.floor(multipliers / max(multipliers.max(), 1e-300) * 2**20).astype(np.int64)
        if (scaled > 0).sum() > 1:
            directions.append(scaled)
        weight = multipliers * largest
        for r in np.argsort(-weight, kind="stable")[: MOST_SURROGATES - 1]:
            if largest[r] > 0:
                directions.append(np.eye(len(largest), dtype=np.int64)[r])
        grid = min(GRID, MOST_TABLE_CELLS // (len(directions) * (len(self.items) + 1)))
        self._directions = [(direction, int(direction @ largest)) for direction in directions]
        self.grid = grid
        rows = [_scaled(self.sizes @ direction, top, grid) for direction, top in self._directions]
        self.weights: Integers = np.ascontiguousarray(np.array(rows, dtype=np.int64))
        self.tables: Integers = np.empty((len(rows), len(self.items) + 1, grid + 1), dtype=np.int64)
        kernels.suffix_tables(self.weights, self.values, self.demand, grid, self.tables)
        self.pair_weights: Integers = np.zeros((2, len(self.items)), dtype=np.int64)
        self.pairs: Integers = np.zeros((1, 1, 1), dtype=np.int64)
        self._pair: tuple[tuple[Integers, int, int], ...] = ()

    def tabulate_pair(self) -> None:
        """Tabulate one resource of few steps together with a mix of the others: a far better bound, not at once."""
        from solver.engines.columns import kernels  # noqa: PLC0415 - numba is imported when it is needed

        largest = self._largest
        weight = self.multipliers * largest
        open_to = [r for r in np.argsort(-weight).tolist() if weight[r] > 0 and largest[r] <= MOST_PAIR_STEPS]
        if not open_to or (weight > 0).sum() < 2:
            return
        single = np.eye(len(largest), dtype=np.int64)[open_to[0]]
        others = self.multipliers * (1 - single)
        mixed = np.floor(others / others.max() * 2**20).astype(np.int64)
        steps = int(largest[open_to[0]])
        grid = min(GRID, MOST_PAIR_CELLS // ((len(self.items) + 1) * (steps + 1)))
        if grid < LEAST_PAIR_GRID:
            return
        self._pair = ((single, steps, steps), (mixed, int(mixed @ largest), grid))
        rows = [_scaled(self.sizes @ direction, top, most) for direction, top, most in self._pair]
        self.pair_weights = np.ascontiguousarray(np.array(rows, dtype=np.int64))
        shape = (len(self.items) + 1, steps + 1, min(grid, self._pair[1][1]) + 1)
        self.pairs = np.empty(shape, dtype=np.int64)
        kernels.pair_tables(self.pair_weights, self.values, self.demand, self.pairs)

    def pair_rooms(self, k: int) -> Integers:
        """Return what a type holds of the pair."""
        room = self.problem.capacities[k]
        rooms = [int(_scaled(room @ direction, top, most)) for direction, top, most in self._pair]
        return np.array(rooms or [0, 0], dtype=np.int64)

    def rooms(self, k: int) -> Integers:
        """Return what a type holds of each surrogate."""
        room = self.problem.capacities[k]
        return np.array([_scaled(room @ d, top, self.grid) for d, top in self._directions], dtype=np.int64)

    def taken(self, k: int) -> Floats:
        """Return the share of a type's mixed capacity that an item takes, rounded down."""
        whole = float(self.problem.capacities[k] @ self.multipliers)
        shares: Floats = (self.sizes @ self.multipliers) / max(whole, 1e-300) * (1 - 1e-12)
        return np.maximum(shares, 1e-15)

    def search(self, k: int, above: int, deadline: Deadline, nodes: int | None, slack: int) -> Priced:
        """Search the patterns of a type depth first."""
        descent = _Descent(self, k, above, 6, self.demand, slack)
        while not descent.finished:
            step = NODES_AT_ONCE if nodes is None else min(NODES_AT_ONCE, nodes - descent.nodes)
            if step <= 0 or deadline.over:
                break
            descent.proceed(step)
        self.nodes += descent.nodes
        return Priced(descent.upper, descent.finished, self._patterns(descent.found, descent.number))

    def _patterns(self, found: Integers, number: int) -> list[Integers]:
        lines = len(found)
        return [self._whole(found[line % lines]) for line in range(max(0, number - lines), number)]

    def _whole(self, counts: Integers) -> Integers:
        pattern = np.zeros(self.problem.flavours, dtype=np.int64)
        pattern[self.items] = counts
        return pattern

    def fill(self, k: int, left: Integers) -> tuple[int, Integers]:
        """Return what a short search finds for a bin of a type from the items that are left."""
        descent = _Descent(self, k, 0, 1, left[self.items])
        descent.proceed(NODES_OF_A_FILLING)
        self.nodes += descent.nodes
        return (descent.best, self._whole(descent.found[0])) if descent.number else (0, self._whole(descent.found[0]))

    def complements(self, k: int, patterns: list[Integers], above: int, most: int) -> list[Integers]:
        """Return further patterns of the items that the best pattern and its complements leave."""
        if not patterns or not most:
            return []
        extra: list[Integers] = []
        first = patterns[-1][self.items]
        held = np.flatnonzero(first)
        left = self.demand - first * int((self.demand[held] // first[held]).min())
        while len(extra) < most:
            descent = _Descent(self, k, above, 1, left)
            descent.proceed(NODES_OF_A_COMPLEMENT)
            if not descent.number:
                break
            extra.append(self._whole(descent.found[0]))
            held = np.flatnonzero(descent.found[0])
            left = left - descent.found[0] * int((left[held] // descent.found[0][held]).min())
        return extra[::-1]


class _Descent:
    """A depth-first search for patterns of one type, which can be interrupted and continued."""

    def __init__(self, view: _View, k: int, above: int, lines: int, demand: Integers, slack: int = 0) -> None:
        from solver.engines.columns import kernels  # noqa: PLC0415 - numba is imported when it is needed

        self._kernels, self._slack = kernels, slack
        capacity = view.problem.capacities[k]
        most: Integers = np.minimum(view.problem.most[view.items, k], demand)
        items = np.flatnonzero(most)
        self._data = (
            view.sizes,
            view.values,
            most,
            view.weights,
            view.tables,
            view.taken(k),
            view.pair_weights,
            view.pairs,
        )
        smallest = view.sizes[items].min(axis=0) if len(items) else np.ones_like(capacity)
        deepest = int(min([most.sum(), *(capacity // np.maximum(smallest, 1))[smallest > 0].tolist()])) + 2
        self._counts = np.zeros(len(most), dtype=np.int64)
        self._lists = np.zeros((deepest + 1, len(most)), dtype=np.int32)
        self._lists[0, : len(items)] = items
        self._lengths, self._places, self._worths = (np.zeros(deepest + 1, dtype=np.int64) for _ in range(3))
        self._lengths[0] = len(items)
        self._room = np.zeros((deepest + 1, len(capacity)), dtype=np.int64)
        self._room[0] = capacity
        self._rooms = np.zeros((deepest + 1, len(view.weights)), dtype=np.int64)
        self._rooms[0] = view.rooms(k)
        self._pair_rooms = np.zeros((deepest + 1, 2), dtype=np.int64)
        self._pair_rooms[0] = view.pair_rooms(k)
        self._state = np.zeros(kernels.STATE_SIZE, dtype=np.int64)
        self._state[kernels.BEST] = above
        self.found: Integers = np.zeros((lines, len(most)), dtype=np.int64)

    def proceed(self, nodes: int) -> None:
        """Search on, for at most so many nodes."""
        stacks = (self._counts, self._lists, self._lengths, self._places, self._worths, self._room, self._rooms)
        self._kernels.depth_first(*self._data, *stacks, self._pair_rooms, self._state, self.found, self._slack, nodes)

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
        """What the best pattern is worth."""
        return int(self._state[self._kernels.BEST])

    @property
    def number(self) -> int:
        """How many patterns were found, each better than those before."""
        return int(self._state[self._kernels.FOUND])

    @property
    def upper(self) -> int:
        """No pattern is worth more, unless all are worth no more than was asked for."""
        stacks = (self._lists, self._lengths, self._places, self._worths, self._rooms)
        return max(self.best + self._slack, int(self._kernels.left_open(self._data[4], *stacks, self._state)))


def _scaled(amounts: Integers, top: int, grid: int) -> Integers:
    """Return amounts in steps of a grid of the capacity, rounded down; unchanged where they fit the grid."""
    if top <= grid:
        return np.asarray(amounts, dtype=np.int64)
    if top < 2**40:
        scaled: Integers = np.asarray(amounts, dtype=np.int64) * grid // top
        return scaled
    exact = np.asarray(amounts, dtype=object) * grid // top
    return np.asarray(exact, dtype=np.int64)


def _multipliers(sizes: Integers, weights: Integers, demand: Integers, capacity: Integers) -> Floats:
    """Return what each unit of each resource is worth: the duals of the continuous knapsack."""
    if sizes.shape[1] == 1:
        return np.ones(1)
    usable = capacity > 0
    scale = 1.0 / np.maximum(capacity, 1)
    top = float(weights.max())
    answer = linprog(
        -weights / top,
        A_ub=(sizes * scale)[:, usable].T,
        b_ub=np.ones(int(usable.sum())),
        bounds=np.column_stack([np.zeros(len(weights)), demand]),
        method="highs",
    )
    worth = np.zeros(len(capacity))
    if answer.status == 0:
        worth[usable] = np.maximum(-np.asarray(answer.ineqlin.marginals), 0.0)
    if not worth.any():
        worth[usable] = 1.0
    multipliers: Floats = worth * scale
    return multipliers
