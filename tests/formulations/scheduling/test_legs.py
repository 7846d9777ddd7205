"""Legs: what a schedule of them must keep."""

from __future__ import annotations

import numpy as np
import pytest

from formulations.errors import InputError
from formulations.scheduling.legs import Claim, Leg, Legs, Release, Row, RowKind
from tests.leg_cases import random_legs


def one_slot(durations: list[int], **orders: list[tuple[int, int]]) -> Legs:
    """Return legs that all need the same slot."""
    row = Row("migrations", "h", RowKind.SLOTS, 0, 1)
    return Legs([Leg(time, (Claim(0, 1, 1),), (Release(0, 1),)) for time in durations], [row], **orders)


def at(*starts: int) -> np.ndarray:
    """Return starts as an array."""
    return np.array(starts, dtype=np.int64)


def test_what_ends_makes_room_for_what_starts_at_that_moment() -> None:
    """Ends count before starts: otherwise every handover would cost a millisecond."""
    legs = one_slot([5, 7])
    assert legs.broken(at(0, 5)) == ""
    assert legs.broken(at(0, 4)) == "migrations of h: 2 of 1 at 4 ms"
    assert legs.makespan(at(0, 5)) == 12


def test_orders_are_kept() -> None:
    """A second step of a VM waits for the first to end; a chained one for its start."""
    two = [Leg(5, (), ()), Leg(7, (), ())]
    assert Legs(two, [], after=[(0, 1)]).broken(at(0, 4)) == "leg 1 starts before leg 0 has ended"
    assert Legs(two, [], following=[(0, 1)]).broken(at(3, 2)) == "leg 1 starts before leg 0 has started"
    assert not Legs(two, [], after=[(0, 1)], following=[(0, 1)]).broken(at(0, 5))


def test_starts_before_zero_or_missing_are_refused() -> None:
    """A leg that never starts is no schedule."""
    assert one_slot([5, 7]).broken(at(0, -1))
    assert one_slot([5, 7]).broken(at(0))


@pytest.mark.parametrize(
    ("leg", "said"),
    [
        (Leg(0, (Claim(0, 1, 1),), (Release(0, 1),)), "legs[0].duration: too short: 0 ms"),
        (Leg(1, (Claim(0, -1, 1),), ()), "legs[0]: amounts must not be negative"),
        (Leg(1, (Claim(0, 1, 1), Claim(0, 2, 3)), ()), "legs[0].claims: a row stands twice"),
        (Leg(1, (), (Release(1, 1),)), "legs[0].releases: there are 1 rows, from 0"),
    ],
)
def test_impossible_legs_are_refused(leg: Leg, said: str) -> None:
    """Illegal data must not reach compiled loops, which check nothing."""
    with pytest.raises(InputError, match=said.replace("[", r"\[").replace("]", r"\]")):
        Legs([leg], [Row("migrations", "h", RowKind.SLOTS, 0, 1)])


def test_orders_go_forward() -> None:
    """Pairs that go forward cannot form a circle."""
    with pytest.raises(InputError, match="expected an earlier and a later leg"):
        one_slot([1, 1], after=[(1, 0)])


def test_a_schedule_read_backwards_keeps_everything() -> None:
    """Improvement reads schedules backwards: what keeps all rows forwards must keep them in both directions."""
    kept = 0
    for seed in range(200):
        legs = random_legs(seed, 5)
        start = np.random.default_rng(seed).integers(0, 200, 5)
        if legs.following or legs.broken(start):
            continue
        mirrored = (legs.makespan(start) - start - legs.duration)[::-1]
        assert legs.backwards().broken(mirrored) == ""
        kept += 1
    assert kept > 20


def test_twice_backwards_is_forwards() -> None:
    """Nothing that a row counts gets lost."""
    legs = random_legs(3, 6)
    again = legs.backwards().backwards()
    assert again.rows == legs.rows
    assert list(again.legs) == list(legs.legs)
    assert list(again.after) == list(legs.after)
