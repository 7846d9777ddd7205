"""Column generation: patterns are priced in until the bound of the pattern model is known.

Gilmore and Gomory, Operations Research 9, 1961, doi:10.1287/opre.9.6.849; the bound at any
weights is Farley's, Operations Research 38, 1990, doi:10.1287/opre.38.5.922; the smoothing of
the weights is that of Wentges (International Transactions in Operational Research 4, 1997) as
studied by Pessoa et al., INFORMS Journal on Computing 30, 2018, doi:10.1287/ijoc.2017.0784.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers
from formulations.vector_packing import VectorPacking
from solver.deadline import Deadline
from solver.engines.columns.master import Master
from solver.engines.columns.pricing import Priced, Pricer

log = logging.getLogger("placewright")

Floats = NDArray[np.float64]

import os

SMOOTHING = float(os.environ.get("SM", "0.8"))
WORTH = 2**42
"""The dearest bin's cost in units of the integer weights."""

STALL_ROUNDS, STALL = 10, 1e-3
"""Where so many rounds gain less than this share, longer searches may find more."""

LARGEST = 2**60
"""No pattern's worth in integer weights exceeds it."""

SLACK_AT_FIRST, LEAST_SLACK = 1e-3, 1e-7
"""What pricing may miss, in shares of the dearest bin's cost."""

NODES_AT_FIRST = 20_000
MORE_NODES = 8
COMPLEMENTS = int(os.environ.get("CO", "25"))
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
    converged : bool
        Whether no further pattern can help.
    rounds : int
    """

    value: float = float("inf")
    bound: Fraction = Fraction(0)
    converged: bool = False
    rounds: int = 0


class Generation:
    """Prices patterns into a master program.

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
        most = int(problem.most.sum(axis=0).max(initial=1))
        self.scale = max(1, min(WORTH, LARGEST // (100 * max(1, min(most, problem.items)))) // self.dearest)
        self.nodes = NODES_AT_FIRST
        self.slack = SLACK_AT_FIRST

    def converge(
        self,
        deadline: Deadline,
        *,
        enough: Callable[[Relaxation], bool] = lambda _: False,
        rounds: int | None = None,
        exact: bool = True,
        complements: int = COMPLEMENTS,
        watch: Callable[[Relaxation, Integers, dict[int, Priced]], None] | None = None,
        centre: Floats | None = None,
    ) -> Relaxation:
        """Price patterns in until none helps, the relaxation is known well enough, or the time is over.

        Parameters
        ----------
        deadline : Deadline
        enough : callable
            Told what is known, says whether to stop.
        rounds : int, optional
            Stop after so many rounds.
        exact : bool
            Whether to search to the end where a short search finds no pattern.
        complements : int
            Patterns added beside the best of a type per round.
        watch : callable, optional
            Told of all weights that were priced, and the answer.
        centre : float64 array, shape (flavours,), optional
            Weights to begin with.
        """
        known = Relaxation()
        given = centre is not None
        smoothing = SMOOTHING
        demand = self.master.demand
        last = float("inf")
        while not deadline.over and (rounds is None or known.rounds < rounds):
            known.rounds += 1
            if not self.master.solve(deadline):
                break
            known.value = self.master.objective
            if enough(known):
                break
            duals = self.master.duals
            point = duals if centre is None else smoothing * centre + (1 - smoothing) * duals
            rents = self.master.rents * (1.0 if centre is None else 1 - smoothing)
            weights, priced = self._price(point, rents, demand, deadline, complements)
            bound = self.bound(weights, priced, demand)
            if bound > known.bound or centre is None or given:
                given = False
                known.bound = max(bound, known.bound)
                centre = self._feasible(weights, priced)
            if watch is not None:
                watch(known, weights, priced)
            added = self._add(priced)
            if known.rounds % STALL_ROUNDS == 0:
                if last - known.value < STALL * known.value and any(not answer.exact for answer in priced.values()):
                    self.nodes *= MORE_NODES
                last = known.value
            if enough(known):
                break
            if added:
                smoothing = SMOOTHING
                continue
            if smoothing > 0 and (point != duals).any():
                smoothing = smoothing - 0.4 if smoothing > 0.4 else 0.0
            elif self.slack > LEAST_SLACK:
                self.slack = self.slack / 10
            elif all(answer.exact for answer in priced.values()):
                known.converged = True
                break
            elif exact:
                self.nodes *= MORE_NODES
            else:
                break
        self.nodes = max(NODES_AT_FIRST, self.nodes // MORE_NODES)
        return known

    def _price(
        self, point: Floats, rents: Floats, demand: Integers, deadline: Deadline, complements: int
    ) -> tuple[Integers, dict[int, Priced]]:
        weights: Integers = np.floor(point * self.scale).astype(np.int64)
        above: Integers = np.floor((self.problem.costs * (1 + IMPROVING) + rents) * self.scale).astype(np.int64)
        return weights, self.pricer.price(
            weights, demand, above, deadline, self.nodes, complements, int(self.slack * self.scale * self.dearest)
        )

    def _add(self, priced: dict[int, Priced]) -> int:
        """Add what was found to the master; return how many patterns are worth more than their bin there."""
        improving = 0
        for k, answer in priced.items():
            worth = self.problem.costs[k] * (1 + IMPROVING) + self.master.rents[k]
            for pattern in answer.patterns:
                new = self.master.add(k, pattern)
                improving += new and float(pattern @ self.master.duals) > worth
        return improving

    def _feasible(self, weights: Integers, priced: dict[int, Priced]) -> Floats:
        """Return the weights scaled down until no pattern is worth more than its bin."""
        ratio = max(
            (answer.upper / max(float(self.problem.costs[k]) * self.scale, 1e-9) for k, answer in priced.items()),
            default=1.0,
        )
        return weights / self.scale / max(ratio, 1e-12)

    def bound(self, weights: Integers, priced: dict[int, Priced], demand: Integers) -> Fraction:
        """Return the least cost of bins whose fillings are worth as much as the whole demand, exactly.

        Bins in limited number are used in the order of what a unit of worth costs in them.
        """
        needed = sum(int(w) * int(b) for w, b in zip(weights.tolist(), demand.tolist(), strict=True))
        offers = sorted(
            (Fraction(int(self.problem.costs[k]), answer.upper), k) for k, answer in priced.items() if answer.upper > 0
        )
        total = Fraction(0)
        for rate, k in offers:
            held = min(needed, priced[k].upper * int(self.master.available[k]))
            total += rate * held
            needed -= held
            if needed <= 0:
                break
        return total


def rounded_up(bound: Fraction) -> int:
    """Return the least integer that is not below."""
    return ceil(bound)
