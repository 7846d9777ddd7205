"""Insertion keeps every row, starts nobody later than before, and the right order makes a shortest schedule."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from formulations.scheduling.legs import Legs
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.scheduling.migration.bounds import windows
from solver.scheduling.migration.insertion import Inserter
from solver.scheduling.migration.listing import ListScheduler, first_rules
from solver.scheduling.migration.reinserting import Reinserter
from tests.leg_cases import EveryStart, random_legs


def inserted(legs: Legs, urgency: Integers, *, compiled: bool = False) -> Integers | None:
    return Inserter(legs, compiled=compiled).starts(urgency)


def listed(seeds: range, count: int, hosts: int) -> Iterator[tuple[Legs, Integers]]:
    """Yield legs, some with given orders, with the starts of list schedules."""
    for seed in seeds:
        legs = random_legs(seed, count, hosts, slack=seed % 8)
        for urgency in first_rules(legs, windows(legs, Deadline())):
            timing = ListScheduler(legs, compiled=False).timing(urgency)
            if timing.complete:
                yield legs, timing.start


def test_every_row_and_order_is_kept_in_any_order_of_insertion() -> None:
    complete = 0
    for seed in range(300):
        legs = random_legs(seed, 12, 4, slack=seed % 8)
        start = inserted(legs, np.random.default_rng(seed).permutation(12))
        if start is not None:
            assert legs.broken(start) == ""
            complete += 1
    assert complete > 100


def test_nobody_starts_later_than_in_a_schedule_whose_order_is_taken() -> None:
    """Reading a schedule again by its own starts can only help."""
    sooner = 0
    for legs, start in listed(range(60), 12, 4):
        again = inserted(legs, start)
        assert again is not None
        assert (again <= start).all()
        sooner += int((again < start).sum())
    assert sooner > 0


def test_some_order_makes_the_shortest_schedule() -> None:
    """All orders of insertion together know no longer shortest schedule than all schedules there are."""
    possible = 0
    for seed in range(25):
        legs = random_legs(seed, 5, 3, slack=seed % 6)
        inserter = Inserter(legs, compiled=False)
        made = [inserter.starts(np.array(order)) for order in permutations(range(5))]
        lengths = [legs.makespan(start) for start in made if start is not None]
        shortest = EveryStart(legs).shortest()
        assert min(lengths, default=None) == shortest
        possible += shortest is not None
    assert possible > 10


def test_a_schedule_is_given_up_only_where_it_would_end_too_late() -> None:
    for legs, start in listed(range(40), 12, 4):
        inserter = Inserter(legs, compiled=False)
        whole = inserter.starts(start)
        assert whole is not None
        same = inserter.starts(start, legs.makespan(whole))
        assert same is not None
        assert same.tolist() == whole.tolist()
        assert inserter.starts(start, legs.makespan(whole) - 1) is None


def test_compiled_and_plain_loops_agree() -> None:
    for seed in range(60):
        legs = random_legs(seed, 30, 6, slack=seed % 8)
        order = np.random.default_rng(seed).permutation(30)
        fast, plain = inserted(legs, order, compiled=True), inserted(legs, order)
        assert (fast is None) == (plain is None)
        assert fast is None or plain is None or fast.tolist() == plain.tolist()


def test_reinserted_schedules_keep_everything_and_some_are_shorter() -> None:
    made = shorter = 0
    for seed, (legs, start) in enumerate(listed(range(2), 20, 5)):
        reinserter = Reinserter(legs, legs.backwards(), np.random.default_rng(seed), compiled=False)
        for _ in range(20):
            again = reinserter.again(start)
            if again is not None:
                assert legs.following or legs.broken(again) == ""  # backwards, who follows whom at its start is lost
                made += 1
                shorter += legs.makespan(again) < legs.makespan(start)
    assert made > 30
    assert shorter > 5
