"""Column generation: patterns are priced in until the bound of the pattern model is known.

Gilmore and Gomory, Operations Research 9, 1961, doi:10.1287/opre.9.6.849; the bound at any
weights is Farley's, Operations Research 38, 1990, doi:10.1287/opre.38.5.922; the smoothing of
the weights is that of Wentges (International Transactions in Operational Research 4, 1997) as
studied by Pessoa et al., INFORMS Journal on Computing 30, 2018, doi:10.1287/ijoc.2017.0784.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers
from formulations.vector_packing import VectorPacking
from solver.deadline import Deadline
from solver.engines.columns.master import LEFT_OUT, Master
from solver.engines.columns.pricing import Effort, Priced, Pricer

Floats = NDArray[np.float64]

SMOOTHING = 0.8
"""How much the weights that are priced keep to the best ones so far; measured best among 0.8 and 0.9."""

LESS_SMOOTHING = 0.4

WORTH = 2**42
"""The dearest bin's cost in units of the integer weights, where that keeps sums within `LARGEST`."""

LARGEST = 2**60
"""No sum of integer weights exceeds it."""

SLACK_AT_FIRST, LEAST_SLACK = 1e-3, 1e-7
"""What pricing may miss, in shares of the dearest bin's cost."""

NODES_AT_FIRST = 20_000
MORE_NODES = 8
MOST_NODES = 2**40
STALL_ROUNDS, STALL = 10, 1e-3
"""Where so many rounds gain less than this share, longer searches may find more."""

PATIENCE = 8
"""Where so many rounds did not raise the bound, one of them is priced thoroughly."""

COMPLEMENTS = 25
IMPROVING = 1e-7
"""A pattern must save at least this share of a bin's cost to be worth a column."""


@dataclass
class Relaxation:
    """What is known of the linear program of all patterns.

    Attributes
    ----------
    value : float
        Its value over the patterns known.
    bound : Fraction
        An exact lower bound of its value over all patterns.
    weights : int64 array of shape (flavours,), or None
        The weights that prove the bound.
    uppers : dict of int to int
        Per type the most that a pattern is worth under them.
    prices : float64 array of shape (flavours,), or None
        The weights in units of cost, scaled down until no pattern is worth more than its bin.
    converged : bool
        Whether no further pattern can help.
    rounds : int
    stalled : int
        Rounds since the bound was raised, or a thorough search tried to.
    """

    value: float = float("inf")
    bound: Fraction = Fraction(0)
    weights: Integers | None = None
    uppers: dict[int, int] = field(default_factory=dict)
    prices: Floats | None = None
    converged: bool = False
    rounds: int = 0
    stalled: int = 0


Enough = Callable[[Relaxation], bool]
Watch = Callable[[Integers, dict[int, Priced]], None]


class Generation:
    """Prices patterns into a master program.

    Weights are integers, so that pricing is exact and the bound survives rounding.

    Parameters
    ----------
    problem : VectorPacking
    master : Master
    pricer : Pricer
    """

    def __init__(self, problem: VectorPacking, master: Master, pricer: Pricer) -> None:
        self.problem = problem
        self.master = master
        self.pricer = pricer
        self.dearest = int(problem.costs.max(initial=1)) or 1
        most = max(1, min(int(problem.most.sum(axis=0).max(initial=1)), problem.items))
        self.scale = max(1, min(WORTH, LARGEST // (int(LEFT_OUT) * most)) // self.dearest)
        self.nodes = NODES_AT_FIRST
        self.slack = SLACK_AT_FIRST
        self._smoothing = SMOOTHING
        self._centre: Floats | None = None

    def converge(
        self,
        deadline: Deadline,
        *,
        enough: Enough = lambda _: False,
        watch: Watch | None = None,
        rounds: int | None = None,
        exact: bool = True,
        complements: int = COMPLEMENTS,
        start: Floats | None = None,
    ) -> Relaxation:
        """Price patterns in until none helps, the relaxation is known well enough, or the time is over.

        Parameters
        ----------
        deadline : Deadline
        enough : callable
            Told what is known, says whether to stop.
        watch : callable, optional
            Told of all weights that were priced, and the answer.
        rounds : int, optional
            Stop after so many rounds.
        exact : bool
            Whether to search to the end where a short search finds no pattern, and thoroughly where bounds stall.
        complements : int
            Patterns added beside the best of a type per round.
        start : float64 array, shape (flavours,), optional
            Weights to begin with.
        """
        known = Relaxation()
        self._centre, self._smoothing = start, SMOOTHING if start is None else 1.0
        self.nodes = self.nodes if exact else NODES_AT_FIRST
        before = float("inf")
        while not (deadline.over or known.converged or known.rounds == rounds) and self.master.solve(deadline):
            known.rounds += 1
            known.value = self.master.objective
            if enough(known):
                break
            point, weights, priced = self._price(deadline, complements, thorough=exact and known.stalled >= PATIENCE)
            self._bound(known, weights, priced)
            if watch is not None:
                watch(weights, priced)
            added = self._add(priced)
            if enough(known) or not (added or self._search_harder(known, point, priced, exact=exact)):
                break
            if added:
                self._smoothing = SMOOTHING
                # Where the lattice answers what short searches leave open, long ones do not pay.
                self.nodes = NODES_AT_FIRST if self.pricer.endless else self.nodes
            if known.rounds % STALL_ROUNDS == 0:
                self._search_longer(before - known.value, known, priced)
                before = known.value
        self.nodes = max(NODES_AT_FIRST, self.nodes // MORE_NODES)
        return known

    def _price(
        self, deadline: Deadline, complements: int, *, thorough: bool
    ) -> tuple[Floats, Integers, dict[int, Priced]]:
        """Price weights between those of the master and the best so far."""
        own = 1.0 if self._centre is None else 1.0 - self._smoothing
        point = self.master.duals if self._centre is None else self._smoothing * self._centre + own * self.master.duals
        weights: Integers = np.floor(point * self.scale).astype(np.int64)
        asked = self.problem.costs * (1 + IMPROVING) + own * self.master.rents
        above: Integers = np.floor(asked * self.scale).astype(np.int64)
        slack = int(self.slack * self.scale * self.dearest)
        effort = Effort(deadline, self.nodes, slack, complements, thorough)
        return point, weights, self.pricer.price(weights, self.master.demand, above, effort)

    def _bound(self, known: Relaxation, weights: Integers, priced: dict[int, Priced]) -> None:
        """Take over a better bound; its weights are the centre of those to come."""
        bound = self.bound(weights, priced)
        known.stalled = 0 if bound > known.bound or known.stalled >= PATIENCE else known.stalled + 1
        if bound > known.bound or known.weights is None:
            known.bound = max(bound, known.bound)
            known.weights, known.uppers = weights, {k: answer.upper for k, answer in priced.items()}
            known.prices = self._centre = self._feasible(weights, priced)

    def _add(self, priced: dict[int, Priced]) -> bool:
        """Add what was found to the master; say whether any pattern is worth more than its bin there."""
        improving = False
        for k, answer in priced.items():
            worth = self.problem.costs[k] * (1 + IMPROVING) + self.master.rents[k]
            for pattern in answer.patterns:
                new = self.master.add(k, pattern)
                improving = improving or (new and float(pattern @ self.master.duals) > worth)
        return improving

    def _search_harder(self, known: Relaxation, point: Floats, priced: dict[int, Priced], *, exact: bool) -> bool:
        """Where no pattern was found: look nearer the master, more closely, further; False if that is all."""
        if self._smoothing > 0 and (point != self.master.duals).any():
            self._smoothing = self._smoothing - LESS_SMOOTHING if self._smoothing > LESS_SMOOTHING else 0.0
        elif not all(answer.exact for answer in priced.values()):
            if not exact:
                return False
            self.nodes = min(MOST_NODES, self.nodes * MORE_NODES)
        elif self.slack > LEAST_SLACK:
            self.slack /= 10
        else:
            known.converged = True
        return True

    def _search_longer(self, gained: float, known: Relaxation, priced: dict[int, Priced]) -> None:
        if gained < STALL * known.value and not all(answer.exact for answer in priced.values()):
            self.nodes = min(MOST_NODES, self.nodes * MORE_NODES)

    def _feasible(self, weights: Integers, priced: dict[int, Priced]) -> Floats:
        """Return the weights scaled down until no pattern is worth more than its bin."""
        worth = {k: max(float(self.problem.costs[k]) * self.scale, 1e-9) for k in priced}
        ratio = max((answer.upper / worth[k] for k, answer in priced.items()), default=1.0)
        feasible: Floats = weights / self.scale / max(ratio, 1e-12)
        return feasible

    def bound(self, weights: Integers, priced: dict[int, Priced]) -> Fraction:
        """Return the least cost of bins whose fillings are worth as much as all items together, exactly.

        Bins in limited number are used in the order of what a unit of worth costs in them.
        """
        needed = worth_of(weights, self.master.demand)
        useful = [k for k, answer in priced.items() if answer.upper > 0]
        total = Fraction(0)
        for rate, k in sorted((Fraction(int(self.problem.costs[k]), priced[k].upper), k) for k in useful):
            held = min(needed, priced[k].upper * int(self.master.available[k]))
            total += rate * held
            needed -= held
            if needed <= 0:
                break
        return total


def worth_of(weights: Integers, demand: Integers) -> int:
    """Return what items are worth together, however large the sum."""
    return sum(w * b for w, b in zip(weights.tolist(), demand.tolist(), strict=True))
