"""Diving: patterns are fixed one after another, and new ones priced in for what is left."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers
from formulations.vector_packing import Packing, VectorPacking
from solver.deadline import Deadline
from solver.engines.columns.generation import Generation, Relaxation
from solver.engines.packing_search import PackingSearch

Floats = NDArray[np.float64]

ROUNDS, FLAVOURS_PER_ROUND = 12, 40
"""Rounds of pricing between two steps, and a round more for every so many flavours."""

TOLERATED = 3.0
"""A pattern may waste so many times what a bin may waste on average if the target is to be met."""

TINY = 1e-9
LEAST_THRIFTY = 0.2
"""Where no thrifty pattern is used so often, all patterns count."""

COMPLEMENTS = 25
NEARLY_WHOLE = 0.85
"""Patterns used at least so often beyond a whole number are rounded up without asking again."""


class Dive:
    """One descent from the relaxation to a packing.

    Parameters
    ----------
    search : PackingSearch
    generation : Generation
        Its master is restricted on the way, and set back at the end.
    rng : numpy.random.Generator or None
        Chooses among the patterns to round up; None takes the largest.
    portion : float
        The share of the bins still needed that is fixed before patterns are priced anew.
    available : int64 array, shape (types,), optional
        Use at most so many bins of each type.
    prices : float64 array, shape (flavours,), optional
        What items are worth in the relaxation, to begin with.
    """

    def __init__(
        self,
        search: PackingSearch,
        generation: Generation,
        rng: np.random.Generator | None,
        portion: float,
        *,
        available: Integers | None = None,
        prices: Floats | None = None,
    ) -> None:
        self.portion = portion
        self.search = search
        self.problem: VectorPacking = search.problem
        self.generation = generation
        self.master = generation.master
        self.rng = rng
        self.left: Integers = self.problem.demand.copy()
        self.available: Integers = (self.problem.available if available is None else available).copy()
        self.bins: list[tuple[int, Integers, int]] = []
        self.spent = 0
        self.prices = prices
        self._known = Relaxation()

    def run(self, deadline: Deadline, found_by: str) -> bool:
        """Dive; return whether the incumbent improved."""
        try:
            complete = self._descend(deadline)
        finally:
            self.master.restrict(self.problem.demand, self.problem.available)
        return complete and self.search.offer(Packing.of(self.bins, self.problem.flavours), found_by)

    def _descend(self, deadline: Deadline) -> bool:
        while self.left.any():
            if deadline.over or self._hopeless(Fraction(0)):
                return False
            self._ask_for_the_rest()
            known = self._converge(deadline)
            if known.value == float("inf") or self._hopeless(known.bound) or not self._fix(known):
                return False
        return True

    def _converge(self, deadline: Deadline) -> Relaxation:
        """Price patterns for what is left, beginning with what items were worth before."""
        rounds = ROUNDS + self.problem.flavours // FLAVOURS_PER_ROUND
        known = self.generation.converge(
            deadline, enough=self._enough, rounds=rounds, exact=False, complements=COMPLEMENTS, start=self.prices
        )
        self.prices = self.prices if known.prices is None else known.prices
        return known

    def _ask_for_the_rest(self) -> None:
        """Restrict the master to what is left; patterns in use lose the items that are packed."""
        if self.bins:
            for column in np.flatnonzero(self.master.values > 1e-6).tolist():
                rest: Integers = np.minimum(self.master.patterns[column], self.left)
                if rest.any():
                    self.master.add(int(self.master.types[column]), rest)
        self.master.restrict(self.left, self.available)

    def _enough(self, known: Relaxation) -> bool:
        return ceil(known.bound - Fraction(1, 10**6)) >= ceil(known.value - 1e-6)

    def _hopeless(self, bound: Fraction) -> bool:
        """Whether what is fixed and what is left cost as much as the incumbent."""
        return self.search.cost is not None and self.spent + ceil(bound) >= self.search.cost

    def _fix(self, known: Relaxation) -> bool:
        """Fix the whole part of every pattern, then those nearly whole, then a portion of the rest."""
        values = self._thrifty(known)
        whole = np.floor(values + 1e-6).astype(np.int64)
        fixed = sum(self._take(column, int(whole[column])) for column in np.flatnonzero(whole).tolist())
        fractions = values - whole
        if self.rng is not None:
            fractions = np.where(fractions > 1e-9, fractions * self.rng.uniform(0.7, 1.0, size=len(fractions)), 0.0)
        wanted = max(1.0, self.portion * float(values.sum()))
        for column in np.argsort(-fractions, kind="stable").tolist():
            if fractions[column] <= 1e-9 or (fixed >= wanted and values[column] - whole[column] < NEARLY_WHOLE):
                break
            fixed += self._take(column, 1)
        return fixed > 0

    def _thrifty(self, known: Relaxation) -> Floats:
        """Return how often patterns are used; where one type is unlimited, without those that waste much.

        A packing costs the bound and what its patterns waste, each its cost less what it is worth:
        together no more than the target leaves.
        """
        values = self.master.values
        if known.prices is None or self.master.limited:
            return values
        cost = int(self.problem.costs[self.master.types[0]]) or 1
        target = max(self.search.bound, self.spent + ceil(known.bound / cost) * cost)
        allowed = TOLERATED * (target - self.spent - float(known.bound)) / max(1.0, float(values.sum()))
        wasted = cost - self.master.patterns[: len(values)] @ known.prices
        thrifty: Floats = np.where(wasted <= allowed + TINY * cost, values, 0.0)
        return thrifty if thrifty.max(initial=0.0) >= LEAST_THRIFTY else values

    def _take(self, column: int, times: int) -> int:
        """Use a pattern so often, as far as items are left and bins available; return how often."""
        pattern, kind = self.master.patterns[column], int(self.master.types[column])
        held = np.flatnonzero(pattern)
        times = min(times, int(self.available[kind]), int((self.left[held] // pattern[held]).min()))
        if times > 0:
            self.bins.append((kind, pattern.copy(), times))
            self.left = self.left - times * pattern
            self.available[kind] -= times
            self.spent += times * int(self.problem.costs[kind])
        return max(times, 0)
