"""The pricing problem: which filling of a bin is worth most under given weights, exactly in integers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from formulations.tables import Integers
from formulations.vector_packing import Packing, VectorPacking
from solver.deadline import Deadline
from solver.engines.columns.lattice import EndlessLattice, Lattice, endless_lattice_pays, lattice_pays
from solver.engines.columns.outlook import Outlook

NODES_BEFORE_PAIRS = 100_000
"""Searches of more nodes than this are worth the tables of a pair of surrogates."""

NODES_BEFORE_LATTICE = 160_000
"""Where the lattice of items without end is small enough, it is asked after so many nodes."""

COMPLEMENT_SHARE = 0.85
"""Complements may be worth this share of what is asked: they are to be columns later."""


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
    """

    deadline: Deadline = field(default_factory=Deadline)
    nodes: int | None = None
    slack: int = 0
    complements: int = 0


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
        Patterns worth more than was asked for, the best last; then complements.
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
    """

    def __init__(self, problem: VectorPacking) -> None:
        self.problem = problem
        self.types = [k for k in range(problem.types) if problem.available[k] > 0 and problem.fits[:, k].any()]
        self.nodes = 0
        self.endless = False

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
        # Items without end must not overflow: each takes a unit of some resource at least.
        most = int(self.problem.capacities[self.types].max(axis=0).sum())
        self.endless = int(weights.max()) * most < 2**63 and endless_lattice_pays(self.problem, self.types, items)
        if self.endless and effort.nodes is not None:
            effort = replace(effort, nodes=min(effort.nodes, NODES_BEFORE_LATTICE))
        if effort.nodes is None or effort.nodes > NODES_BEFORE_PAIRS:
            outlook.tabulate_pair()
        whole = None
        if lattice_pays(self.problem, self.types, items):
            whole = Lattice(self.problem, self.types, items, weights, demand)
        answer = {k: self._one(k, int(above[k]), effort, outlook, whole) for k in self.types}
        if self.endless and effort.nodes == NODES_BEFORE_LATTICE:
            self._look_up(answer, asked, effort)
        self.nodes += outlook.nodes
        return answer

    def _look_up(self, answer: dict[int, Priced], asked: _Asked, effort: Effort) -> None:
        """Where a long search neither ended nor found anything, ask the lattice of items without end."""
        open_types = [k for k, priced in answer.items() if not (priced.exact or priced.patterns)]
        if not open_types:
            return
        lattice = EndlessLattice(self.problem, self.types, asked.items, asked.weights, effort.deadline)
        for k in open_types if lattice.complete else []:
            above, value = int(asked.above[k]), lattice.value(k)
            pattern: Integers = np.minimum(lattice.pattern(k), asked.demand)
            worth = int(pattern @ asked.weights)
            found = [pattern] if worth > above else []
            if found:
                least = int(above * COMPLEMENT_SHARE)
                found += asked.outlook.complements(k, pattern, least, effort.complements)
            answer[k] = Priced(min(answer[k].upper, max(value, above)), worth == value or value <= above, found)

    def _one(self, k: int, above: int, effort: Effort, outlook: Outlook, whole: Lattice | None) -> Priced:
        """Price one type: by looking it up where the whole lattice is known, else by depth-first search."""
        if whole is not None:
            value = whole.value(k)
            priced = Priced(value, True, [whole.pattern(k)] if value > above else [])
        else:
            priced = Priced(*outlook.search(k, above, effort.deadline, effort.nodes, effort.slack))
        if priced.patterns and effort.complements:
            least = int(above * COMPLEMENT_SHARE)
            priced.patterns.extend(outlook.complements(k, priced.patterns[-1], least, effort.complements))
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


def times_in(pattern: Integers, left: Integers) -> int:
    """Return how often a pattern can be filled from the items that are left."""
    held = np.flatnonzero(pattern)
    return int((left[held] // pattern[held]).min())
