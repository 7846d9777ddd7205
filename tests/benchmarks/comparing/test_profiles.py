"""Performance profiles are what Dolan and Moré's definition gives by hand."""

from __future__ import annotations

import numpy as np

from benchmarks.comparing.profiles import costs_of, profile, ratios, seconds_to_proof
from tests.benchmarks.rows import row, solved


def test_a_profile_by_hand() -> None:
    """Two subjects on three instances, one of which only one solves."""
    costs = np.array([[1.0, 2.0], [6.0, 3.0], [5.0, np.inf]])
    found = ratios(costs)
    assert found.tolist() == [[1.0, 2.0], [2.0, 1.0], [1.0, np.inf]]
    factors = np.array([1.0, 1.9, 2.0, 100.0])
    assert profile(found[:, 0], factors).tolist() == [2 / 3, 2 / 3, 1.0, 1.0]
    assert profile(found[:, 1], factors).tolist() == [1 / 3, 1 / 3, 2 / 3, 2 / 3]


def test_an_instance_that_nobody_solves_helps_nobody() -> None:
    """Infinite over infinite is a failure, not a tie."""
    assert np.isinf(ratios(np.array([[np.inf, np.inf]]))).all()


def test_only_instances_that_all_ran_count() -> None:
    """Half a campaign must not favour whoever ran the easy half."""
    runs = [
        solved(1, 1, instance="a", seconds=1.0),
        solved(1, 1, instance="a", subject="peer", seconds=4.0),
        solved(1, 1, instance="b", seconds=1.0),
    ]
    subjects, costs = costs_of(runs, seconds_to_proof)
    assert subjects == ["placewright", "peer"]
    assert costs.tolist() == [[1.0, 4.0]]


def test_a_run_without_proof_costs_infinitely_much() -> None:
    """The profile is about proofs."""
    assert seconds_to_proof(solved(2, 1)) == float("inf")
    assert seconds_to_proof(row()) == float("inf")
