"""The pricing problem: which filling of a bin is worth most under given weights, exactly in integers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from formulations.tables import Integers
from formulations.vector_packing import Packing, VectorPacking
from solver.deadline import Deadline
from solver.engines.columns.lattice import EndlessLattice, Lattice, endless_lattice_pays, lattice_pays, steps_of
from solver.engines.columns.outlook import Outlook

NODES_BEFORE_PAIRS = 100_000
"""Searches of more nodes than this are worth the tables of a pair of surrogates."""

NODES_BEFORE_LATTICE = 160_000
"""Where a lattice is small enough, it is asked after so many nodes."""

STEPS_PER_NODE = 4_000
"""Once nodes searched in vain, at so many steps each, make up the lattice of items without end, it is asked sooner.

A node takes as long as 500 to 2,500 steps; where searches fail, they go on failing, so this is on the eager side.
"""

QUICK_STEPS = 4_000_000
"""A lattice that takes some milliseconds is asked at once."""

COMPLEMENT_SHARE = 0.85
"""Complements may be worth this share of what is asked: they are to be columns later."""

NEARLY_BEST_SHARE = 0.95
"""So may the best patterns with each flavour, which the lattice of items without end knows."""


@dataclass(frozen=True)
class Effort:
    """How hard to look for patterns.

    Parameters
    ----------
    deadline : Deadline
    nodes : int, optional
        Search at most so many nodes per type; all when not given.
    slack : int
        Patterns that are better than the best one found by no more than this may be missed.
    complements : int
        Up to so many more patterns of items that the earlier ones leave.
    thorough : bool
        Whether to ask a lattice, where there is one, for a better bound even if patterns were found without it.
    """

    deadline: Deadline = field(default_factory=Deadline)
    nodes: int | None = None
    slack: int = 0
    complements: int = 0
    thorough: bool = False


@dataclass(frozen=True)
class Priced:
    """What pricing found for one bin type.

    Attributes
    ----------
    upper : int
        No pattern of the type is worth more, unless all are worth no more than was asked for.
    exact : bool
        Whether the search was complete, but for the slack.
    patterns : list of int64 arrays, shape (flavours,)
        Patterns worth more than was asked for, the best last; then complements, and others worth nearly as much.
    """

    upper: int
    exact: bool
    patterns: list[Integers]


class _Asked(NamedTuple):
    """One question of pricing: which items, what they are worth, how many there are, and what to beat."""

    outlook: Outlook
    items: Integers
    weights: Integers
    demand: Integers
    above: Integers


class Pricer:
    """Finds patterns for weights of the flavours.

    Parameters
    ----------
    problem : VectorPacking
        Without flavours that take nothing.

    Attributes
    ----------
    types : list of int
        The types that can hold anything.
    nodes : int
        Nodes searched so far.
    endless : bool
        Whether the lattice of items without end is small enough to be asked.
    in_vain : int
        Nodes of searches that neither ended nor found anything, where that lattice could have been asked.
    """

    def __init__(self, problem: VectorPacking) -> None:
        self.problem = problem
        self.types = [k for k in range(problem.types) if problem.available[k] > 0 and problem.fits[:, k].any()]
        self.nodes = 0
        self.endless = False
        self.in_vain = 0

    def price(self, weights: Integers, demand: Integers, above: Integers, effort: Effort) -> dict[int, Priced]:
        """Return per bin type the best patterns worth more than ``above``.

        Parameters
        ----------
        weights : int64 array, shape (flavours,)
            What one item of each flavour is worth, at least 0.
        demand : int64 array, shape (flavours,)
            How many items of each flavour there are.
        above : int64 array, shape (types,)
            Only patterns worth more count.
        effort : Effort
        """
        items = np.flatnonzero((weights > 0) & (demand > 0))
        if not len(items):
            return {k: Priced(0, True, []) for k in self.types}
        outlook = Outlook(self.problem, self.types, items, weights, demand)
        asked = _Asked(outlook, items, weights, demand, above)
        self.endless = False
        whole = lattice_pays(self.problem, self.types, items)
        if whole and (effort.nodes is None or steps_of(self.problem, self.types, items) <= QUICK_STEPS):
            answer = self._looked_up(self.types, asked, effort)
        else:
            answer = self._searched(asked, effort, whole=whole)
        self.nodes += outlook.nodes
        return answer

    def _searched(self, asked: _Asked, effort: Effort, *, whole: bool) -> dict[int, Priced]:
        """Search every type; where that neither ended nor found anything, ask a lattice if there is one."""
        self.endless = not whole and endless_lattice_pays(self.problem, self.types, asked.items, asked.demand)
        nodes = effort.nodes
        if nodes is not None and (whole or self.endless):
            nodes = min(nodes, NODES_BEFORE_LATTICE)
        if nodes is None or nodes > NODES_BEFORE_PAIRS:
            asked.outlook.tabulate_pair()
        answer = {k: self._one(k, asked, replace(effort, nodes=nodes)) for k in self.types}
        if whole:
            answer |= self._looked_up(_open(answer, thorough=effort.thorough), asked, effort)
        elif self.endless and (nodes == NODES_BEFORE_LATTICE or effort.thorough or self._due(answer, asked)):
            answer |= self._estimated(answer, asked, effort, searched=nodes)
        return answer

    def _due(self, answer: dict[int, Priced], asked: _Asked) -> bool:
        """Whether searches in vain have cost as much as the lattice of items without end."""
        if _open(answer):
            self.in_vain += asked.outlook.nodes
        return self.in_vain * STEPS_PER_NODE >= steps_of(self.problem, self.types, asked.items)

    def _one(self, k: int, asked: _Asked, effort: Effort) -> Priced:
        """Price one type by depth-first search."""
        above = int(asked.above[k])
        priced = Priced(*asked.outlook.search(k, above, effort.deadline, effort.nodes, effort.slack))
        return self._complemented(k, priced, asked, effort)

    def _searched_on(self, k: int, upper: int, asked: _Asked, effort: Effort) -> Priced:
        """Search a type longer that is known to be worth no more than ``upper``."""
        priced = self._one(k, asked, effort)
        return replace(priced, upper=min(upper, priced.upper))

    def _looked_up(self, types: list[int], asked: _Asked, effort: Effort) -> dict[int, Priced]:
        """Price some types by looking them up where the whole lattice is known."""
        if not types:
            return {}
        lattice = Lattice(self.problem, self.types, asked.items, asked.weights, asked.demand)
        answer: dict[int, Priced] = {}
        for k in types:
            value = lattice.value(k)
            patterns = [lattice.pattern(k)] if value > asked.above[k] else []
            answer[k] = self._complemented(k, Priced(value, True, patterns), asked, effort)
        return answer

    def _estimated(
        self, known: dict[int, Priced], asked: _Asked, effort: Effort, *, searched: int | None
    ) -> dict[int, Priced]:
        """Price the types that are open in the lattice of items without end; where that is not enough, search on."""
        types = _open(known, thorough=effort.thorough)
        if not types:
            return {}
        lattice = EndlessLattice(self.problem, self.types, asked.items, asked.weights, effort.deadline)
        answer: dict[int, Priced] = {}
        for k in types if lattice.complete else []:
            priced = self._bounded(k, known[k], lattice, asked, effort)
            if searched is not None and searched < (effort.nodes or 0) and _open({k: priced}):
                priced = self._searched_on(k, priced.upper, asked, effort)
            if effort.complements:
                priced.patterns.extend(_nearly_best(lattice, k, asked))
            answer[k] = priced
        return answer

    def _bounded(self, k: int, known: Priced, lattice: EndlessLattice, asked: _Asked, effort: Effort) -> Priced:
        """Improve on what is known of one type by what it could hold if there were no end of items."""
        above, value = int(asked.above[k]), lattice.value(k)
        pattern: Integers = np.minimum(lattice.pattern(k), asked.demand)
        worth = int(pattern @ asked.weights)
        best = max([above, *(int(other @ asked.weights) for other in known.patterns)])
        exact = value <= max(worth, best) + effort.slack
        priced = Priced(min(known.upper, max(value, best)), exact, [pattern] if worth > best else [])
        priced = self._complemented(k, priced, asked, effort)
        priced.patterns.extend(known.patterns)
        return priced

    def _complemented(self, k: int, priced: Priced, asked: _Asked, effort: Effort) -> Priced:
        """Add patterns of the items that the best one leaves."""
        if priced.patterns and effort.complements:
            least = int(asked.above[k] * COMPLEMENT_SHARE)
            priced.patterns.extend(asked.outlook.complements(k, priced.patterns[-1], least, effort.complements))
        return priced

    def pack(self, weights: Integers, demand: Integers, available: Integers, deadline: Deadline) -> Packing | None:
        """Fill one bin after another with what is worth most for its cost, found by short searches.

        Returns None if bins run out, or time.
        """
        left, unused = demand.copy(), available.copy()
        outlook = Outlook(self.problem, self.types, np.flatnonzero(demand), np.maximum(weights, 1), demand)
        bins: list[tuple[int, Integers, int]] = []
        while left.any():
            fillings = [(k, *outlook.fill(k, left)) for k in self.types if unused[k] > 0]
            if deadline.over or not any(worth for _, worth, _ in fillings):
                return None
            k, _, pattern = max(fillings, key=lambda one: one[1] / max(int(self.problem.costs[one[0]]), 1e-9))
            times = min(times_in(pattern, left), int(unused[k]))
            bins.append((k, pattern, times))
            left -= times * pattern
            unused[k] -= times
        self.nodes += outlook.nodes
        return Packing.of(bins, self.problem.flavours)


def _open(answer: dict[int, Priced], *, thorough: bool = False) -> list[int]:
    """Return the types of which neither all was searched nor, unless that does not do, anything found."""
    return [k for k, priced in answer.items() if not priced.exact and (thorough or not priced.patterns)]


def _nearly_best(lattice: EndlessLattice, k: int, asked: _Asked) -> list[Integers]:
    """Return for each flavour the best pattern that holds it, as far as there are items, unless it is worth too little.

    One search for the best pattern says little about all others; together these bring far more duals near the truth.
    """
    patterns, values = lattice.patterns_with_each(k)
    good = values >= int(asked.above[k] * NEARLY_BEST_SHARE)
    return list(np.minimum(patterns[good], asked.demand))


def times_in(pattern: Integers, left: Integers) -> int:
    """Return how often a pattern can be filled from the items that are left."""
    held = np.flatnonzero(pattern)
    return int((left[held] // pattern[held]).min())
