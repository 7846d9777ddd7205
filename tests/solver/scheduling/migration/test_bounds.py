"""Lower bounds of makespans lie below every schedule."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from solver.deadline import Deadline
from solver.scheduling.migration.bounds import least_sum, makespan_bound, windows
from tests.leg_cases import EveryStart, random_legs


def tightness(seed: int, count: int) -> float | None:
    """Hold the bound against the shortest schedule; return its share of it."""
    legs = random_legs(seed, count, hosts=2 + seed % 3, slack=seed % 9)
    least = EveryStart(legs).shortest()
    if least is None:
        return None
    derived = windows(legs, Deadline())
    bound = makespan_bound(legs, derived)
    assert 0 < bound.value <= least, (seed, bound, least)
    assert bool((derived.head + legs.duration + derived.tail <= least).all())
    assert bound.proved_by
    return bound.value / least


def test_bounds_lie_below_the_shortest_schedule() -> None:
    """A bound above the truth would turn a bad plan into a proved one; one far below says nothing."""
    shares = [share for seed in range(60) if (share := tightness(seed, 5)) is not None]
    assert len(shares) > 30
    assert sum(shares) / len(shares) > 0.9
    assert sum(share == 1.0 for share in shares) > len(shares) / 2


@pytest.mark.campaign
def test_bounds_of_many_lie_below_the_shortest_schedule() -> None:
    """The same on a thousand cases."""
    assert sum(tightness(seed, 3 + seed % 4) is not None for seed in range(1000, 2000)) > 500


def test_the_least_sum_is_that_of_all_subsets() -> None:
    """What some slot is busy for is a sum of durations: the enumeration must miss none."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        durations = rng.integers(1, 50, size=rng.integers(1, 9)).tolist()
        least = int(rng.integers(0, sum(durations) + 1))
        sums = {sum(some) for size in range(len(durations) + 1) for some in combinations(durations, size)}
        assert least_sum(durations, least) == min(total for total in sums if total >= least)


def test_the_least_sum_of_very_long_moves_is_not_enumerated() -> None:
    """Enumerating days in milliseconds would take the memory of the machine."""
    assert least_sum([10**9, 10**9 + 1], 5) == 5
