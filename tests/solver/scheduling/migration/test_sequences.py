"""The search over every order of starts finds the shortest schedule, and says when it could not end."""

from __future__ import annotations

import numpy as np

from solver.deadline import Deadline
from solver.scheduling.migration.bounds import windows
from solver.scheduling.migration.sequences import Sequences
from tests.leg_cases import EveryStart, random_legs

FAR = 10**9


def test_the_shortest_schedule_is_that_of_brute_force() -> None:
    """A proof by this search must not depend on what it leaves out: moments seen before, slots that are too busy."""
    found = 0
    for seed in range(120):
        legs = random_legs(seed, 2 + seed % 4, 3, slack=seed % 6)
        search = Sequences(legs, windows(legs, Deadline()), FAR, Deadline())
        start, least = search.run(), EveryStart(legs).shortest()
        assert search.complete
        assert (start is None) == (least is None)
        if start is not None:
            assert legs.makespan(start) == least
            assert legs.broken(start) == ""
            found += 1
    assert 60 < found < 120  # both answers occur


def test_only_shorter_schedules_are_looked_for() -> None:
    """What is known already must not be found again, and one millisecond less must not be claimed."""
    for seed in range(30):
        legs = random_legs(seed, 5, 3)
        derived, least = windows(legs, Deadline()), EveryStart(legs).shortest()
        if least is not None:
            assert Sequences(legs, derived, least, Deadline()).run() is None
            assert Sequences(legs, derived, least + 1, Deadline()).run() is not None


def test_what_is_not_searched_to_the_end_is_no_proof() -> None:
    """A deadline in the middle of the search leaves it incomplete."""
    legs = random_legs(3, 12, 4)
    ticks = iter(np.arange(10**6))
    search = Sequences(legs, windows(legs, Deadline()), FAR, Deadline(3, lambda: float(next(ticks))))
    search.run()
    assert not search.complete
