"""Is the relaxation right: its value that of all patterns, its bound below every packing, however far it got."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from formulations.tables import Integers
from formulations.vector_packing import VectorPacking
from solver.deadline import Deadline
from solver.engines.columns.generation import Generation, Relaxation
from solver.engines.columns.master import Master
from solver.engines.columns.pricing import Pricer
from tests.agreement import seeds
from tests.packing_oracle import cheapest_packing
from tests.solver.engines.columns.cases import drawn_weights, packable, patterns_of, price, problem


def generation(question: VectorPacking) -> Generation:
    return Generation(question, Master(question), Pricer(question))


def over_all_patterns(question: VectorPacking) -> float | None:
    """Return the value of the relaxation over every pattern there is; None if bins run out."""
    kinds = [k for k in range(question.types) if question.available[k]]
    patterns = {k: patterns_of(question, k) for k in kinds}
    owner = np.repeat(kinds, [len(patterns[k]) for k in kinds])
    fillings = np.concatenate([patterns[k] for k in kinds])
    rows = np.concatenate([-fillings.T, [owner == k for k in kinds]])
    right = np.concatenate([-question.demand, question.available[kinds]])
    answer = linprog(question.costs[owner], A_ub=rows, b_ub=right, method="highs")
    return None if answer.fun is None else float(answer.fun)


def limited(name: str, count: int) -> list[tuple[np.random.Generator, VectorPacking]]:
    """Return random problems, some with as few bins as can be, or fewer."""
    drawn = []
    for rng in seeds(name, count):
        question = packable(rng)
        if rng.random() < 0.4:
            question = replace(question, limits=rng.integers(1, 4, size=question.types))
        drawn.append((rng, question))
    return drawn


def converged(name: str, count: int) -> None:
    """Assert of random problems that value and bound are those of the relaxation over every pattern."""
    possible = impossible = 0
    for _, question in limited(name, count):
        own = generation(question)
        known = own.converge(Deadline())
        assert known.converged
        best, value = cheapest_packing(question), over_all_patterns(question)
        assert best is None or known.bound <= best
        if value is None:
            assert own.master.left_out > 1e-6
            impossible += 1
        else:
            assert own.master.left_out < 1e-6
            assert known.value == pytest.approx(value, rel=1e-5, abs=1e-5)
            assert value * (1 - 1e-3) - 1e-3 <= float(known.bound) <= value * (1 + 1e-9) + 1e-9
            possible += 1
    assert possible > count / 2
    assert impossible > count / 20


def test_the_relaxation_is_that_of_all_patterns() -> None:
    """A column that never came in would spoil the value, a wrong bound every proof: no packing may contradict it."""
    converged("relaxed", 30)


@pytest.mark.campaign
def test_the_relaxation_is_that_of_all_patterns_of_hundreds() -> None:
    """The same for hundreds of problems."""
    converged("relaxed again", 500)


def test_bounds_on_the_way_hold_too() -> None:
    """A search may be stopped in any round: what it says by then must be true, and only grow."""
    checked = 0
    for rng, question in limited("on the way", 20):
        best = cheapest_packing(question)
        steps = list[Fraction]()

        def watched(known: Relaxation, into: list[Fraction] = steps) -> bool:
            into.append(known.bound)
            return False

        own = generation(question)
        own.converge(
            Deadline(),
            enough=watched,
            rounds=int(rng.integers(1, 6)),
            exact=bool(rng.integers(2)),
            complements=int(rng.integers(3)),
        )
        assert steps == sorted(steps)
        if best is not None:
            assert steps[-1] <= best
            checked += len(steps)
    assert checked > 50


def test_any_weights_bound_every_packing() -> None:
    """Farley's bound holds at all weights, not at the duals only, with scarce bins, and in exact fractions."""
    tight = 0
    for rng, question in limited("any weights", 40):
        best = cheapest_packing(question)
        weights = drawn_weights(rng, question)
        own = generation(question)
        bound = own.bound(weights, price(question, weights, np.zeros(question.types, dtype=np.int64)))
        if best is not None:
            assert 0 <= bound <= best
            tight += 2 * bound > best > 0
    assert tight > 10


def test_scarce_bins_raise_the_bound() -> None:
    """Where the cheap bins run out the dear ones must be paid for, and the bound says so."""
    plenty = problem([[2]], [6], [[4], [4]], [1, 10], [9, 9])
    scarce = replace(plenty, limits=np.array([1, 9]))
    assert generation(plenty).converge(Deadline()).bound == pytest.approx(3, abs=1e-2)
    assert generation(scarce).converge(Deadline()).bound == pytest.approx(21, abs=1e-2)


def rest(rng: np.random.Generator, question: VectorPacking) -> tuple[Integers, Integers]:
    """Return what may be left of items and bins in the middle of a dive; some item at least."""
    left = rng.integers(0, question.demand + 1)
    left[int(rng.integers(len(left)))] = 1
    return left, rng.integers(0, question.available + 1)


def test_the_relaxation_of_what_is_left_is_bounded_by_its_packings() -> None:
    """Dives give up on this bound: one too high would lose packings, a master not restored all that follows."""
    checked = 0
    for rng, question in limited("left", 10):
        own = generation(question)
        before = own.converge(Deadline())
        for _ in range(3):
            left, bins = rest(rng, question)
            own.master.restrict(left, bins)
            known = own.converge(Deadline())
            items = np.flatnonzero(left)
            smaller = replace(question, sizes=question.sizes[items], demand=left[items], limits=bins)
            best = cheapest_packing(smaller)
            if best is not None:
                assert known.bound <= best
                assert known.value <= best + 1e-6
                checked += 1
        own.master.restrict(question.demand, question.available)
        assert own.converge(Deadline()).value == pytest.approx(before.value, rel=1e-5, abs=1e-5)
    assert checked > 8


def test_enough_is_enough() -> None:
    """The engine stops a relaxation that can teach it nothing more."""
    question = packable(np.random.default_rng(4))
    assert generation(question).converge(Deadline(), enough=lambda _: True).rounds == 1
    assert generation(question).converge(Deadline(), rounds=0).rounds == 0
    late = generation(question).converge(Deadline(0))
    assert (late.rounds, late.bound, late.converged) == (0, Fraction(0), False)
