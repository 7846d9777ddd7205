"""List schedules and their improvement keep everything, and are never stuck where an order is known."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from formulations.scheduling.legs import Legs
from solver.deadline import Deadline
from solver.scheduling.migration import improving
from solver.scheduling.migration.bounds import makespan_bound, windows
from solver.scheduling.migration.improving import Listing, listed
from solver.scheduling.migration.listing import ListScheduler, Timing, Urgency, first_rules
from tests.leg_cases import EveryStart, ordered_legs, random_legs


def cases(seeds: range, count: int, hosts: int) -> Iterator[Legs]:
    """Yield tight legs in an order in which they can run one after the other."""
    for seed in seeds:
        legs = ordered_legs(seed, count, hosts, slack=seed % 6)
        if legs is not None:
            yield legs


def best(legs: Legs, seconds: float = 1.0, seed: int = 0) -> Listing:
    """Return the best list schedule."""
    derived = windows(legs, Deadline())
    found = listed(legs, derived, makespan_bound(legs, derived).value, Deadline(seconds), seed)
    assert found is not None
    return found


def test_guarded_schedules_time_every_leg() -> None:
    """Greedy starts can block one another for ever; leaning on a safe order they never do, whatever is urgent."""
    unguarded_stuck = 0
    for seed, legs in enumerate(cases(range(60), 25, 6)):
        scheduler = ListScheduler(legs)
        bonus = np.random.default_rng(seed).normal(size=len(legs)) * 100
        for reserving in (False, True):
            timing = scheduler.timing(Urgency("", bonus, 0.5, 0.1, reserving, guarded=True))
            assert timing.complete
            assert legs.broken(timing.start) == ""
            free = scheduler.timing(Urgency("", bonus, 0.5, 0.1, reserving, guarded=False))
            unguarded_stuck += not free.complete
    assert unguarded_stuck > 0  # else the guard would not have been tested


def test_compiled_and_plain_loops_agree() -> None:
    """Few legs are timed by the same code uncompiled: what is tested on it must hold of the other."""
    for seed in range(40):
        legs = random_legs(seed, 30, 6, slack=seed % 6)
        bonus = np.random.default_rng(seed).normal(size=30) * 100
        urgency = Urgency("", bonus, 0.5, 0.1, reserving=bool(seed % 2), guarded=bool(seed % 3))
        fast, plain = (ListScheduler(legs, compiled=compiled).timing(urgency) for compiled in (True, False))
        assert fast.start.tolist() == plain.start.tolist()
        assert fast.turn.tolist() == plain.turn.tolist()
        assert fast.cause.tolist() == plain.cause.tolist()


def test_a_schedule_is_given_up_only_where_it_would_end_too_late() -> None:
    """What is cut off must be longer than asked for, and what is short enough must come out unchanged."""
    given_up = 0
    for seed, legs in enumerate(cases(range(40), 25, 6)):
        scheduler = ListScheduler(legs, compiled=False)
        bonus = np.random.default_rng(seed).normal(size=len(legs)) * 100
        urgency = Urgency("", bonus, 0.5, 0.1, reserving=bool(seed % 2))
        whole = scheduler.timing(urgency)
        assert scheduler.timing(urgency, whole.makespan).start.tolist() == whole.start.tolist()
        assert not scheduler.timing(urgency, whole.makespan - 1).complete
        given_up += bool((scheduler.timing(urgency, whole.makespan * 0.7).start < 0).sum() > 1)
    assert given_up > 0  # sooner than at the last leg


def test_every_rule_keeps_given_orders() -> None:
    """Steps of one VM and chains of rules come in their order."""
    for seed in range(40):
        legs = random_legs(seed, 8, 4)
        for urgency in first_rules(legs, windows(legs, Deadline())):
            timing = ListScheduler(legs, compiled=False).timing(urgency)
            if timing.complete:
                assert legs.broken(timing.start) == ""
                assert sorted(timing.turn.tolist()) == list(range(8))


def test_the_chain_leads_back_from_the_end_without_idle_time() -> None:
    """What the end waited for is a chain in which each leg starts when the one before it ends or starts."""
    for legs in cases(range(20), 15, 4):
        timing = ListScheduler(legs, compiled=False).timing(Urgency("", np.zeros(15), 1.0, 0.1))
        chain = timing.chain.tolist()
        assert timing.end[chain[0]] == timing.makespan
        assert timing.start[chain[-1]] == 0
        for later, sooner in pairwise(chain):
            assert timing.start[later] in (timing.end[sooner], timing.start[sooner])


def test_improvement_finds_the_shortest_of_few_legs() -> None:
    """On small cases there is nothing better than what the search finds, most of the time."""
    found = [(best(legs, 0.3).makespan, EveryStart(legs).shortest()) for legs in cases(range(12), 5, 3)]
    assert all(least is not None and made >= least for made, least in found)
    assert sum(made == least for made, least in found) >= len(found) - 1


def test_improvement_keeps_everything_and_never_gets_worse() -> None:
    """Schedules made backwards count only if they keep everything forwards."""
    for legs in cases(range(100, 103), 60, 8):
        derived = windows(legs, Deadline())
        first = improving._Search(legs, 0, compiled=True)
        first.try_rules(derived, 0, Deadline())
        better = best(legs, 0.7)
        assert legs.broken(better.start) == ""
        assert first.best is not None
        assert better.makespan <= first.best.makespan
        assert legs.makespan(better.start) == better.makespan
        assert sorted(better.turn.tolist()) == list(range(60))


def test_the_same_seed_gives_the_same_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planner who asks twice must not see two plans; the clock is replaced by the number of passes."""
    legs = next(cases(range(7, 40), 40, 6))
    made = []
    for _ in range(2):
        ticks = iter(range(10**6))
        deadline = Deadline(120, lambda ticks=ticks: float(next(ticks)))  # type: ignore[misc]
        found = listed(legs, windows(legs, Deadline()), 0, deadline, seed=5)
        assert found is not None
        made.append(found)
    assert made[0].passes == made[1].passes > 20
    assert made[0].start.tolist() == made[1].start.tolist()


def test_an_interruption_keeps_the_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """After Ctrl-C the planner still gets what was found."""
    legs = next(cases(range(7, 40), 40, 6))
    timing, calls = ListScheduler.timing, iter(range(1000))

    def interrupted(scheduler: ListScheduler, urgency: Urgency) -> Timing:
        if next(calls) == 15:
            raise KeyboardInterrupt
        return timing(scheduler, urgency)

    monkeypatch.setattr(ListScheduler, "timing", interrupted)
    found = listed(legs, windows(legs, Deadline()), 0, Deadline(60), seed=0)
    assert found is not None
    assert found.interrupted
    assert legs.broken(found.start) == ""


def test_a_deadline_is_kept() -> None:
    """The search stops when the time is over, and has an answer even if it was over before."""
    legs = next(cases(range(7, 60), 120, 10))
    clock = Deadline()
    assert best(legs, 0.0).passes == 1
    assert clock.elapsed < 20
