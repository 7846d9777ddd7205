"""Lower bounds on the cost of a re-placement: on aggregates, and by Lagrangian relaxation.

Relaxing whatever couples VMs leaves a cheapest host for every VM (Fisher, Management Science
27(1), 1981, doi:10.1287/mnsc.27.1.1). Prices are searched in floats; what they prove is computed
in integers, so that a bound is never above the truth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formulations.reassignment import Reassignment
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.engines.reassignment.relaxation import Relaxation
from solver.engines.reassignment.settling import settled

Floats = NDArray[np.float64]

MOST_ENTRIES = 40_000_000
"""The relaxation is not built where it would have more coefficients (8 bytes each)."""

PRICE_UNITS = 2**16
"""Prices are rounded to such parts of the cost's unit, or larger ones where sums would leave 62 bits."""

FIRST_STEP, LAST_STEP = 0.1, 0.0005
"""How far prices go in a step, in parts of what they are like."""

MEMORY, LONG_MEMORY = 0.9, 0.99
"""Decay of the mean slope and of its mean square."""


@dataclass(frozen=True)
class LowerBound:
    """No placement costs less.

    Attributes
    ----------
    value : int
    proved_by : str
    """

    value: int
    proved_by: str


def aggregate_bound(question: Reassignment) -> LowerBound:
    """Return what load and balance cost at least if all hosts were one."""
    total = question.sizes.astype(object).sum(axis=0) if question.vms else np.zeros(question.resources, dtype=object)
    room = question.capacity.astype(object).sum(axis=0) - total
    excess = total - question.safety.astype(object).sum(axis=0)
    value = sum(int(w) * max(0, int(x)) for w, x in zip(question.load_weight, excess, strict=True))
    for first, second, target, weight in question.balances.tolist():
        value += weight * max(0, target * int(room[first]) - int(room[second]))
    return LowerBound(value, "aggregate")


def relaxed_bound(question: Reassignment, deadline: Deadline, target: int, steps: int = 1000) -> LowerBound:
    """Return the better of the aggregate bound and the one by Lagrangian relaxation.

    Parameters
    ----------
    question : Reassignment
    deadline : Deadline
    target : int
        The cost of a known placement; a bound that meets it ends the search.
    steps : int
        So many prices are tried.
    """
    best = aggregate_bound(question)
    if best.value >= target or not question.vms or Relaxation.entries(question) > MOST_ENTRIES:
        return best
    reduced = settled(question)
    if reduced.impossible or not reduced.question.vms:
        return best
    relaxation = Relaxation(reduced.question)
    if not relaxation.possible:
        return best
    prices = searched_prices(relaxation, deadline, target - reduced.constant, steps)
    value = reduced.constant + proved(relaxation, prices)
    return LowerBound(value, "Lagrangian relaxation") if value > best.value else best


def searched_prices(relaxation: Relaxation, deadline: Deadline, target: int, steps: int) -> list[Floats]:
    """Return good prices for every term, found by steps along slopes of which means are kept.

    Adam (Kingma and Ba, International Conference on Learning Representations, 2015, arXiv:1412.6980).
    """
    terms = relaxation.terms
    prices: list[Floats] = [np.full(term.shape, float(term.first)) for term in terms]
    means = [np.zeros(term.shape) for term in terms]
    squares = [np.zeros(term.shape) for term in terms]
    fixed: Floats = np.where(relaxation.fixed < 0, np.inf, relaxation.fixed.astype(np.float64))
    best_value, best = -np.inf, prices
    for step in range(steps):
        value, slopes = _evaluated(relaxation, prices, fixed)
        if value > best_value:
            best_value, best = value, prices
        if deadline.over or value >= target:
            break
        progress = max(step / steps, 0.0 if math.isinf(deadline.seconds) else deadline.elapsed / deadline.seconds)
        length = FIRST_STEP * (LAST_STEP / FIRST_STEP) ** min(progress, 1.0)
        following: list[Floats] = []
        for k, (term, slope) in enumerate(zip(terms, slopes, strict=True)):
            means[k] = MEMORY * means[k] + (1 - MEMORY) * slope
            squares[k] = LONG_MEMORY * squares[k] + (1 - LONG_MEMORY) * slope**2
            spread = np.sqrt(squares[k] / (1 - LONG_MEMORY ** (step + 1))) + 1e-9
            highest = np.inf if term.most is None else float(term.most)
            following.append(np.clip(prices[k] + length * term.scale * means[k] / spread, 0.0, highest))
        prices = following
    return best


def _evaluated(relaxation: Relaxation, prices: Sequence[Floats], fixed: Floats) -> tuple[float, list[Floats]]:
    """Return the bound at some prices, and how it grows with each."""
    costs = fixed.copy()
    value = 0.0
    for term, price in zip(relaxation.terms, prices, strict=True):
        if price.any():
            term.add(costs, price)
            value += float(term.constant(price))
    host_of: Integers = costs.argmin(axis=1)
    value += float(costs[np.arange(len(costs)), host_of].sum())
    return value, [term.slope(host_of, price) for term, price in zip(relaxation.terms, prices, strict=True)]


def proved(relaxation: Relaxation, prices: Sequence[Floats]) -> int:
    """Return what prices prove: no placement costs less, in exact integers.

    Parameters
    ----------
    relaxation : Relaxation
    prices : sequence of float64 arrays
        Per term; rounded to multiples of a small unit, which changes the bound but not its truth.
    """
    units = _units(relaxation, prices)
    impossible = relaxation.fixed < 0
    costs: Integers = relaxation.fixed * units
    total: int = 0
    for term, price in zip(relaxation.terms, prices, strict=True):
        highest = None if term.most is None else term.most * units
        whole: Integers = np.clip(np.rint(price * units).astype(np.int64), 0, highest)
        if whole.any():
            term.add(costs, whole)
            total += int(term.constant(whole))
    costs[impossible] = np.iinfo(np.int64).max
    total += sum(costs.min(axis=1).tolist())
    return -(-total // units)


def _units(relaxation: Relaxation, prices: Sequence[Floats]) -> int:
    """Return into how many parts the cost's unit may be divided without leaving 62 bits."""
    highest = float(relaxation.fixed.max(initial=0)) + 1.0
    for term, price in zip(relaxation.terms, prices, strict=True):
        probe = np.zeros(relaxation.fixed.shape)
        if price.any():
            term.add(probe, price + 1.0)
            highest += float(np.abs(probe).max(initial=0.0))
    units = PRICE_UNITS
    while units > 1 and highest * units > 2.0**60:
        units //= 2
    return units
