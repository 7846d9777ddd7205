"""Multi-bin heuristics: so many bins are open from the start, and the fewest that suffice are searched for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from formulations.tables import Integers
from formulations.vector_packing import Packing, VectorPacking
from solver.deadline import Deadline
from solver.engines.heuristics.codes import FIRST, LEFT, ONCE, POSITION, SHARE_DOT, UNIT
from solver.engines.heuristics.fitting import FitRule, fit, weights_of
from solver.engines.heuristics.ground import Ground
from solver.engines.heuristics.open_bins import WORK, OpenBins
from solver.engines.heuristics.records import Bins, PairCodes, Pairing

RENEWALS = 25
"""How often changing weights are renewed while all items are packed: every time all pairs are scored anew."""


@dataclass(frozen=True)
class PairRule:
    """How the best pair of an item and a bin is chosen.

    Attributes
    ----------
    how : int
        The score: DOT, COSINE, BIN_DOT, SHARE_DOT, DISTANCE, TIGHT_SUM or TIGHT_LEAST.
    weight, renewal : int
        The weights of the resources, and what they are renewed from.
    lazy : bool
        Renew weights with every item, and score anew only the bin that took it; otherwise weights
        are renewed `RENEWALS` times and all pairs scored anew.
    """

    how: int
    weight: int = UNIT
    renewal: int = ONCE
    lazy: bool = False

    @property
    def changing(self) -> bool:
        """Whether scores depend on what is left and open."""
        return self.renewal != ONCE or self.how == SHARE_DOT


def pair(ground: Ground, rule: PairRule, opening: Integers, deadline: Deadline, bins: int) -> Packing | None:
    """Pack into so many open bins and those that must be opened in addition, the best pair of item and bin first."""
    from solver.engines.heuristics.kernels import pairing  # noqa: PLC0415 - imports numba

    if ground.hopeless:
        return None
    open_bins = OpenBins(ground)
    open_bins.open(ground.sequence(opening, bins))
    flavours, items = len(ground.sizes), ground.problem.items
    open_bins.bins.control[POSITION], open_bins.bins.control[LEFT] = flavours, items
    every = max(1, 1 if rule.lazy else items // RENEWALS) if rule.changing else items
    codes, stock = PairCodes(rule.how, rule.weight, rule.renewal, every, rule.lazy), ground.stock(opening)
    state = Pairing(
        left=ground.demand.copy(),
        active=np.arange(flavours, dtype=np.int64),
        weights=weights_of(ground, rule.weight),
        to_pack=np.zeros(len(ground.scale)),
        rooms=np.zeros(len(ground.scale)),
    )

    def step(bins: Bins) -> int:
        return int(pairing.pair(codes, stock, bins, state, WORK))

    return open_bins.fill(step, deadline)


Attempt = Callable[[int], Packing | None]
"""Packs into a number of bins that are open from the start, and more where those do not suffice."""


def fewest(ground: Ground, opening: Integers, attempt: Attempt, deadline: Deadline) -> Packing | None:
    """Return the cheapest packing met by a binary search for the fewest bins, the first of an opening order.

    The search runs between the number that the volume needs and the number that first fit
    decreasing takes. As attempts may fail with more bins than they succeed with, the number is
    not always the fewest.
    """
    low, high = _least(ground, opening), _taken(ground, opening, deadline)
    cheapest: Packing | None = None
    while low <= high and not deadline.over:
        middle = (low + high) // 2
        packing = attempt(middle)
        if packing is not None:
            cheapest = cheaper(ground.problem, cheapest, packing)
        if packing is None or packing.bins > middle:
            low = middle + 1
        else:
            high = packing.bins - 1
    return cheapest


def cheaper(problem: VectorPacking, one: Packing | None, other: Packing | None) -> Packing | None:
    """Return the packing that costs less, or takes fewer bins at the same cost; the first of equals."""
    if one is None or other is None:
        return other if one is None else one
    return other if (other.cost(problem), other.bins) < (one.cost(problem), one.bins) else one


def _least(ground: Ground, opening: Integers) -> int:
    """Return how many bins of the order hold the total volume of every resource."""
    asked = np.array(ground.totals, dtype=object)
    bins = 0
    for k in opening.tolist():
        number = int(ground.problem.available[k])
        capacity = ground.capacities[k].astype(object)
        needs = [-(-int(a) // int(c)) for a, c in zip(asked, capacity, strict=True) if a > 0 and c > 0]
        short = any(a > 0 and c == 0 for a, c in zip(asked, capacity, strict=True))
        needed = number if short else max(needs, default=0)
        if needed <= number and not short:
            return max(1, bins + needed)
        bins += number
        asked = asked - number * capacity
    return max(1, bins)


def _taken(ground: Ground, opening: Integers, deadline: Deadline) -> int:
    """Return how many bins first fit decreasing takes; what there is if it gets stuck."""
    packing = fit(ground, FitRule(FIRST), opening, deadline)
    return int(ground.problem.available.sum()) if packing is None else max(1, packing.bins)
