"""Tests of frames that were not asked for: short enough for bounds, long enough for the quantum, and true refusals."""

from __future__ import annotations

import pickle
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest

from formulations import VM
from formulations.scheduling.dispatch import LONGEST_FRAME, DispatchQuestion
from solver.scheduling.dispatch.collecting import Collector
from solver.scheduling.dispatch.demand import Part
from solver.scheduling.dispatch.frames import frame_for, frames_worth_trying
from solver.scheduling.dispatch.refusal import RefusedError
from tests.solver.scheduling.dispatch.cases import one_host


def part(rate: Fraction, bound: int = 0) -> Part:
    return Part(vm=0, name="vm", cell=0, first=0, vcpus=1, cores=rate, bound=bound)


def possible(rate: Fraction, bound: int, quantum: int, frame: int) -> bool:
    """Return whether counting runs and gaps leaves a way, with the time rounded down or up."""
    times = (floor(rate * frame), min(frame, ceil(rate * frame)))
    return any(
        time >= quantum and max(1, -(-(frame - time) // bound)) * quantum <= time for time in times if time <= frame
    )


def is_refused(rate: Fraction, bound: int, quantum: int) -> bool:
    try:
        next(frames_worth_trying([part(rate, bound)], None, quantum))
    except RefusedError as error:
        return error.proved
    return False


@pytest.mark.parametrize("seed", range(8))
def test_a_refusal_for_every_frame_is_true_for_every_frame(seed: int) -> None:
    """The argument over all frames has to survive the frames where rounding helps."""
    rng = np.random.default_rng(seed)
    refused = 0
    for _ in range(20):
        rate = Fraction(int(rng.integers(1, 60)), 60)
        bound, quantum = int(rng.integers(1, 40)), int(rng.integers(1, 40))
        if is_refused(rate, bound, quantum):
            refused += 1
            assert not any(possible(rate, bound, quantum, frame) for frame in range(1, 600))
    assert refused > 0


def test_the_frame_fits_the_tightest_bound() -> None:
    """In the first frame tried, every bound holds with one run per frame."""
    parts = [part(Fraction(1, 4), 3000), part(Fraction(1, 2), 5000), part(Fraction(1), 10), part(Fraction(1, 3))]
    frames = list(frames_worth_trying(parts, None, 1))
    assert frames[0] == 4000
    assert frames == sorted(frames)


def test_the_quantum_makes_the_frame_longer() -> None:
    """Where the tightest bound asks for a frame in which others are below the quantum, multiples of it do."""
    parts = [part(Fraction(1, 2), 1000), part(Fraction(1, 100))]
    frames = list(frames_worth_trying(parts, None, 100))
    assert frame_for(parts, 100) == 10_000
    assert frames[0] == 16_000
    assert all(frame >= 10_000 for frame in frames)


def test_a_frame_beyond_measure_is_refused() -> None:
    """A VM with a millionth of a core and a quantum of a second would need days."""
    with pytest.raises(RefusedError, match=f"{LONGEST_FRAME:,} is the longest"):
        next(frames_worth_trying([part(Fraction(1, 10**6))], None, 10**6))


def test_demands_travel() -> None:
    """Hosts are handed to other processes as plain data."""
    question = DispatchQuestion(*one_host([VM(name="a", resources={"cpu": 2}), VM(name="b", resources={"cpu": 1})]))
    demand = Collector(question).demand(0, [0, 1])
    assert pickle.loads(pickle.dumps(demand)) == demand  # noqa: S301 - our own bytes
