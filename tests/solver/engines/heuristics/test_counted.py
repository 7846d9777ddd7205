"""Do counted heuristics do what the papers tell, item by item."""

from __future__ import annotations

import numpy as np
import pytest

from formulations.vector_packing import VectorPacking
from solver.deadline import Deadline
from solver.engines.heuristics import codes
from solver.engines.heuristics.filling import FillRule, fill
from solver.engines.heuristics.fitting import FitRule, fit, order_of, weights_of
from solver.engines.heuristics.ground import Ground
from solver.engines.heuristics.pairing import PairRule, pair
from tests.packing_oracle import random_packing
from tests.solver.engines.heuristics.plainly import SCORES, contents_of, fill_plainly, fit_plainly, pair_plainly

HOWS = {"next": codes.NEXT, "first": codes.FIRST, "best": codes.BEST, "worst": codes.WORST}
NORMS = {"sum": codes.SUM, "max": codes.LARGEST, "squares": codes.SQUARES, "product": codes.PRODUCT}
SCORE_CODES = {
    "dot-product": codes.DOT,
    "L2": codes.DISTANCE,
    "tight-fill-sum": codes.TIGHT_SUM,
    "best-fit-max": codes.LEAST_LEFT,
}


def problem(seed: int) -> VectorPacking:
    """Return a problem of a few dozen items: many alike, sizes of 0, several types in limited number."""
    return random_packing(np.random.default_rng(seed), most_items=int(np.random.default_rng(seed).integers(1, 40)))


def same_fit(seed: int) -> None:
    """Assert that a counted fit fills the same bins as the plain one."""
    rng = np.random.default_rng(seed)
    question, how, norm = problem(seed), str(rng.choice(list(HOWS))), str(rng.choice(list(NORMS)))
    ground, before = Ground(question), int(rng.integers(0, 6)) * int(rng.integers(0, 2))
    rule = FitRule(HOWS[how], str(rng.choice(["given", "measure", "rank", "lexicographic"])), NORMS[norm])
    for opening in ground.openings:
        order = order_of(ground, rule, weights_of(ground, codes.UNIT)).tolist()
        found = fit(ground, rule, opening, Deadline(), before)
        plain = None if ground.hopeless else fit_plainly(question, how, order, opening.tolist(), norm, before=before)
        assert (None if found is None else contents_of(found)) == plain


def same_fill(seed: int) -> None:
    """Assert that counted bin-centric filling fills the same bins as the plain one."""
    question, name = problem(seed), str(np.random.default_rng(seed).choice(list(SCORES)))
    ground = Ground(question)
    for opening in ground.openings:
        found = fill(ground, FillRule(SCORE_CODES[name]), opening, Deadline())
        plain = None if ground.hopeless else fill_plainly(question, SCORES[name], opening.tolist())
        assert (None if found is None else contents_of(found)) == plain


def same_pair(seed: int) -> None:
    """Assert that counted pairing fills the same bins as going on pair by pair."""
    rng = np.random.default_rng(seed)
    question, name, before = problem(seed), str(rng.choice(list(SCORES))), int(rng.integers(0, 12))
    ground = Ground(question)
    for opening in ground.openings:
        found = pair(ground, PairRule(SCORE_CODES[name]), opening, Deadline(), before)
        plain = None if ground.hopeless else pair_plainly(question, SCORES[name], opening.tolist(), before)
        assert (None if found is None else contents_of(found)) == plain


@pytest.mark.parametrize("same", [same_fit, same_fill, same_pair])
def test_counted_fills_the_same_bins(same: object) -> None:
    """Counting must change the time and nothing else: otherwise a name stands for another algorithm."""
    assert callable(same)
    for seed in range(100):
        same(seed)


@pytest.mark.campaign
@pytest.mark.parametrize("same", [same_fit, same_fill, same_pair])
def test_counted_fills_the_same_bins_often(same: object) -> None:
    """Rare coincidences (ties, limits that run out in the middle of a flavour) need many cases."""
    assert callable(same)
    for seed in range(1_000, 6_000):
        same(seed)
