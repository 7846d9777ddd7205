"""Bin-centric heuristics: one bin after the other takes the item that suits it best, until none fits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from formulations.tables import Integers
from formulations.vector_packing import Packing
from solver.deadline import Deadline
from solver.engines.heuristics.codes import FIRST, LEFT, ONCE, POSITION, UNIT
from solver.engines.heuristics.fitting import FitRule, order_of, weights_of
from solver.engines.heuristics.ground import Ground
from solver.engines.heuristics.open_bins import WORK, OpenBins
from solver.engines.heuristics.records import Bins, Filling


@dataclass(frozen=True)
class FillRule:
    """Which item a bin takes next.

    Attributes
    ----------
    how : int
        The score: DOT, COSINE, SHARE_DOT, DISTANCE, TIGHT_SUM, TIGHT_LEAST, LEAST_LEFT, SIZE,
        PERMUTATION or CHOICE.
    weight, renewal : int
        The weights of the resources, and when these are renewed.
    window : int
        How many resources permutation pack and choose pack compare.
    ties : FitRule, optional
        Among equal scores the first flavour of this order is taken; as given by default.
    """

    how: int
    weight: int = UNIT
    renewal: int = ONCE
    window: int = 0
    ties: FitRule | None = None


def fill(
    ground: Ground, rule: FillRule, opening: Integers, deadline: Deadline, *, lookahead: bool = False
) -> Packing | None:
    """Pack bin after bin; None if the limits or the time do not suffice.

    Parameters
    ----------
    ground : Ground
    rule : FillRule
    opening : int64 array
        Types in the order in which they are opened.
    deadline : Deadline
    lookahead : bool
        Fill a bin of every type on trial and open the one that costs least for what it takes.
    """
    from solver.engines.heuristics.kernels import filling  # noqa: PLC0415 - imports numba

    if ground.hopeless:
        return None
    open_bins = OpenBins(ground)
    flavours, resources = ground.sizes.shape
    open_bins.bins.control[POSITION], open_bins.bins.control[LEFT] = flavours, ground.problem.items
    counts: Integers = np.zeros((4, flavours), dtype=np.int64)
    state = Filling(
        left=ground.demand.copy(),
        active=order_of(ground, rule.ties or FitRule(how=FIRST, order="given"), weights_of(ground, UNIT)),
        candidates=counts[0],
        taken=counts[1],
        best_taken=counts[2],
        last_taken=counts[3],
        room=np.zeros((1, resources), dtype=np.int64),
        totals=ground.totals.copy(),
        closed=np.zeros(resources),
        weights=weights_of(ground, rule.weight),
        best=np.array([-1.0, 0.0]),
    )
    window, stock = min(rule.window, resources), ground.stock(opening)

    def step(bins: Bins) -> int:
        return int(filling.fill(rule.how, window, rule.weight, rule.renewal, lookahead, stock, bins, state, WORK))

    return open_bins.fill(step, deadline)
