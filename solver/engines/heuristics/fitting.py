"""Item-centric heuristics: one flavour after the other goes into the bins that a rule prefers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from formulations.tables import Integers
from formulations.vector_packing import Packing
from solver.deadline import Deadline
from solver.engines.heuristics.codes import GROUPS, ONCE, POWER, SUM, UNIT
from solver.engines.heuristics.ground import Ground
from solver.engines.heuristics.open_bins import WORK, OpenBins
from solver.engines.heuristics.records import Bins, Floats, Rule

IDLE_SHARE = 0.7
"""What an idle host draws of its peak power (Beloglazov and Buyya 2012)."""


@dataclass(frozen=True)
class FitRule:
    """How items are ordered and which bin takes them.

    Attributes
    ----------
    how : int
        NEXT, FIRST, BEST, WORST or POWER.
    order : str
        "given", "measure", "lexicographic", "rank" or "first resource"; decreasing except "given".
    norm, weight, renewal : int
        The measure of items, the weights of the resources, and when these are renewed.
    bin_norm, bin_weight : int, optional
        The measure of bins and, where they differ from the items' and come from the room that
        is open, the weights for it.
    """

    how: int
    order: str = "measure"
    norm: int = SUM
    weight: int = UNIT
    renewal: int = ONCE
    bin_norm: int | None = None
    bin_weight: int = -1


def fit(ground: Ground, rule: FitRule, opening: Integers, deadline: Deadline, bins: int = 0) -> Packing | None:
    """Pack by a rule; None if the limits or the time do not suffice.

    Parameters
    ----------
    ground : Ground
    rule : FitRule
    opening : int64 array
        Types in the order in which they are opened.
    deadline : Deadline
    bins : int
        Open so many bins beforehand, and more where an item fits none of them.
    """
    from solver.engines.heuristics.kernels import fitting, measuring  # noqa: PLC0415 - imports numba

    if ground.hopeless:
        return None
    open_bins = OpenBins(ground)
    open_bins.open(ground.sequence(opening, bins))
    stock, weights = ground.stock(opening), weights_of(ground, rule.weight)
    bin_norm = rule.norm if rule.bin_norm is None else rule.bin_norm
    codes = Rule(rule.how, rule.norm, rule.weight, rule.renewal, rule.bin_weight, bin_norm)
    order, totals, bin_weights = order_of(ground, rule, weights), ground.totals.copy(), weights.copy()
    idle, rate = power_of(ground, rule.how)
    measuring.measure_open(0, int(open_bins.bins.control[GROUPS]), bin_norm, stock, weights, open_bins.bins)

    def step(bins: Bins) -> int:
        return int(fitting.fit(codes, stock, bins, order, totals, weights, bin_weights, idle, rate, WORK))

    return open_bins.fill(step, deadline)


def weights_of(ground: Ground, weight: int) -> Floats:
    """Return the weights of the resources before anything is packed."""
    from solver.engines.heuristics.kernels import measuring  # noqa: PLC0415 - imports numba

    weights: Floats = np.ones(len(ground.scale))
    rooms: Floats = np.ones(len(ground.scale))
    measuring.weigh(weight, ground.totals * ground.scale, ground.problem.items, rooms, weights)
    return weights


def order_of(ground: Ground, rule: FitRule, weights: Floats) -> Integers:
    """Return the flavours in the order in which they are packed."""
    flavours = len(ground.sizes)
    if rule.order == "given":
        return np.arange(flavours, dtype=np.int64)
    if rule.order == "lexicographic":
        return np.lexsort(-ground.relative.T[::-1]).astype(np.int64)
    if rule.order == "rank":
        ranks = np.argsort(np.argsort(ground.relative, axis=0, kind="stable"), axis=0, kind="stable")
        return np.argsort(-ranks.sum(axis=1), kind="stable").astype(np.int64)
    if rule.order == "first resource":
        return np.argsort(-ground.sizes[:, 0], kind="stable").astype(np.int64)
    return np.argsort(-measures(ground, rule.norm, weights), kind="stable").astype(np.int64)


def measures(ground: Ground, norm: int, weights: Floats) -> Floats:
    """Return the measure of every flavour, exactly as the compiled loops compute it."""
    from solver.engines.heuristics.kernels import measuring  # noqa: PLC0415 - imports numba

    values: Floats = np.empty(len(ground.sizes))
    measuring.measure_all(norm, ground.sizes, ground.scale, weights, values)
    return values


def power_of(ground: Ground, how: int) -> tuple[Floats, Floats]:
    """Return what each type draws when idle, and in addition per unit of its first resource.

    A bin's cost is its peak power; the first resource plays the processor.
    """
    if how != POWER:
        return np.zeros(len(ground.capacities)), np.zeros(len(ground.capacities))
    peak: Floats = ground.problem.costs.astype(np.float64)
    rate: Floats = (1.0 - IDLE_SHARE) * peak / np.maximum(ground.capacities[:, 0], 1)
    return IDLE_SHARE * peak, rate
