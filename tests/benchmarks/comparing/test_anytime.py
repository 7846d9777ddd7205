"""The primal integral is what Berthold's definition gives by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.comparing.anytime import first_of, gaps_at, primal_gap, primal_integral


@pytest.mark.parametrize(
    ("value", "reference", "gap"),
    [(10, 10, 0.0), (0, 0, 0.0), (20, 10, 0.5), (10, 0, 1.0), (-1, 1, 1.0), (12.5, 10, 0.2)],
)
def test_primal_gap_by_hand(value: float, reference: float, gap: float) -> None:
    """Equal is 0, opposite signs are 1, otherwise the difference over the larger."""
    assert primal_gap(value, reference) == pytest.approx(gap)


def test_without_an_incumbent_the_integral_is_the_whole_time() -> None:
    """Nothing found is the worst answer."""
    assert primal_integral([], 10, 60) == 60


def test_the_optimum_at_once_costs_nothing() -> None:
    """And the best answer is found at second 0."""
    assert primal_integral([(0.0, 10)], 10, 60) == 0


def test_a_staircase_by_hand() -> None:
    """1 until second 2, a half until 5, a fifth until 10, then 0: 2 + 1.5 + 1."""
    trace = [(2.0, 20.0), (5.0, 12.5), (10.0, 10.0)]
    assert primal_integral(trace, 10, 60) == pytest.approx(4.5)


def test_a_run_that_ends_early_keeps_its_gap() -> None:
    """A heuristic that stops at a poor answer is not rewarded for stopping: 1 second of 1, then 59 of a half."""
    assert primal_integral([(1.0, 20.0)], 10, 60) == pytest.approx(1 + 29.5)


def test_incumbents_after_the_limit_do_not_count() -> None:
    """Time limits are equal for all."""
    assert primal_integral([(1.0, 20.0), (61.0, 10.0)], 10, 60) == primal_integral([(1.0, 20.0)], 10, 60)


def test_gaps_at_times_agree_with_the_integral() -> None:
    """The curve that is drawn and the figure in the table are the same thing."""
    trace = [(2.0, 20.0), (5.0, 12.5), (10.0, 10.0)]
    times = np.arange(0, 60, 0.01)
    assert gaps_at(trace, 10, np.array([0.0, 1.99, 2.0, 7.0, 10.0])).tolist() == pytest.approx([1, 1, 0.5, 0.2, 0])
    assert gaps_at(trace, 10, times).mean() * 60 == pytest.approx(primal_integral(trace, 10, 60), abs=0.02)


def test_the_first_incumbent() -> None:
    """None found is not found at second 0."""
    assert first_of([(3.0, 1.0), (4.0, 0.5)]) == 3
    assert first_of([]) is None
