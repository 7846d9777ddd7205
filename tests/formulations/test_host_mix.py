"""Tests of cuts of the host-mix program: what is done to them keeps what they say."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from formulations.errors import InputError
from formulations.host_mix import Cut, stated, volume_cuts
from solver.backends import backend_named
from solver.backends.base import Outcome, Settings
from solver.deadline import Deadline
from tests.agreement import seeds
from tests.packing_oracle import cheapest_packing, random_packing

MOST = 6
"""Mixes of up to so many bins of each type are tried."""


def random_cut(rng: np.random.Generator, types: int = 2) -> Cut:
    """Return a cut of small or huge integers."""
    largest = int(rng.choice([4, 30, 2**70 // 7]))
    values = tuple(int(largest * part) for part in rng.random(types))
    return Cut(values, int(largest * rng.random() * MOST * types * 0.7) - 1)


def mixes(types: int = 2) -> list[tuple[int, ...]]:
    """Return all small mixes."""
    return list(product(range(MOST + 1), repeat=types))


def test_a_reduced_cut_passes_the_same_mixes() -> None:
    """Reduction changes the integers and not what they demand of whole bins."""
    smaller = 0
    for rng in seeds("reduced cuts", 100):
        cut = random_cut(rng)
        reduced = cut.reduced()
        assert [reduced.passes(mix) for mix in mixes()] == [cut.passes(mix) for mix in mixes()]
        assert reduced.least <= max(0, cut.least)
        smaller += reduced.least < cut.least
    assert smaller > 5


def test_a_divided_cut_passes_whatever_the_cut_passes() -> None:
    """Division and rounding up is valid for whole bins; a coarser unit is valid for all."""
    stronger = 0
    for rng in seeds("divided cuts", 100):
        cut = random_cut(rng)
        divisor = int(rng.choice([value for value in cut.values if value] or [1]))
        divided, rounded = cut.divided(divisor), cut.rounded(divisor)
        for mix in mixes():
            assert not cut.passes(mix) or (divided.passes(mix) and rounded.passes(mix))
        boundary = cut.least / max(1, sum(cut.values))  # so many bins of each type just pass the cut
        stronger += boundary * sum(divided.values) < divided.least * (1 - 1e-9)
    assert stronger > 5


def test_implication_is_never_claimed_falsely() -> None:
    """A cut that another implies may be left out, so every mix that passes the one must pass the other."""
    claimed = 0
    for rng in seeds("implied cuts", 300):
        first, second = random_cut(rng), random_cut(rng)
        if first.implies(second):
            claimed += 1
            assert all(second.passes(mix) for mix in mixes() if first.passes(mix))
    assert claimed > 10
    assert Cut((2, 3), 9).implies(Cut((2, 3), 8))
    assert not Cut((2, 3), 8).implies(Cut((2, 3), 9))


def test_a_bin_holds_no_negative_weight() -> None:
    """The proofs rely on more bins never breaking a cut."""
    with pytest.raises(InputError, match="negative"):
        Cut((3, -1), 2)


def test_the_volume_bounds_every_packing() -> None:
    """As stated for a backend, the program's optimum is at most what the cheapest packing costs."""
    compared = 0
    for rng in seeds("volume cuts", 12):
        problem = random_packing(rng)
        if (cheapest := cheapest_packing(problem)) is None:
            continue
        cuts = list(volume_cuts(problem))
        program = stated(problem.costs.tolist(), problem.available.tolist(), cuts)
        solution = backend_named("cbc").solve(program.problem, deadline=Deadline(30), settings=Settings())
        assert solution.outcome is Outcome.OPTIMAL
        mix = [round(solution.values.get(f"number_{k}", 0.0)) for k in range(problem.types)]
        assert all(cut.passes(mix) for cut in cuts)
        assert int(problem.costs @ np.array(mix)) <= cheapest
        compared += 1
    assert compared > 5
    assert {cut.source for cut in cuts} == {f"volume of resource {r}" for r in range(problem.resources)}
