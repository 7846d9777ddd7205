"""Tests of the gang program: its patterns, and its optimum against search over every schedule."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import pytest

from formulations.scheduling.gang import GangKind, GangProgram, fitting
from solver.backends import Settings, backend_named
from solver.deadline import Deadline


def test_patterns_leave_no_room() -> None:
    """Patterns within others are of no use: more gangs at once never hurt."""
    patterns = fitting([GangKind((3,), (5,)), GangKind((2,), (5, 5, 5)), GangKind((1,), (5, 5))], [5])
    assert patterns.complete
    assert sorted(patterns.counts.tolist()) == [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 1, 0]]
    for counts in patterns.counts.tolist():
        assert 3 * counts[0] + 2 * counts[1] + counts[2] <= 5


def test_patterns_respect_every_cell() -> None:
    """A gang over two cells takes cores in both."""
    patterns = fitting([GangKind((1, 1), (4, 4)), GangKind((2, 0), (4,))], [2, 2])
    assert sorted(patterns.counts.tolist()) == [[0, 1], [2, 0]]


def test_too_many_patterns_are_told() -> None:
    """A program that does not see everything must not prove anything."""
    kinds = [GangKind((width,), (7,) * 9) for width in range(1, 6)]
    patterns = fitting(kinds, [40], most=10)
    assert len(patterns.counts) == 10
    assert not patterns.complete
    program = GangProgram(kinds, [40], most_patterns=10)
    assert program.proved_by_prices([1.0] * len(list(program.rows()))) == 0


def shortest(jobs: list[tuple[int, int]], cores: int) -> int:
    """Return the least length of a preemptive gang schedule in whole time units, by trying every choice."""

    @cache
    def rest(left: tuple[int, ...]) -> int:
        if not any(left):
            return 0
        waiting = [job for job, time in enumerate(left) if time]
        sides = [
            side
            for size in range(1, len(waiting) + 1)
            for side in combinations(waiting, size)
            if sum(jobs[job][0] for job in side) <= cores
        ]
        return 1 + min(rest(tuple(time - (job in side) for job, time in enumerate(left))) for side in sides)

    return rest(tuple(time for _, time in jobs))


@pytest.mark.parametrize("seed", range(12))
def test_the_program_finds_the_shortest_schedule(seed: int) -> None:
    """The aggregated rows must say exactly what gangs can do: neither more nor less."""
    rng = np.random.default_rng(seed)
    cores = int(rng.integers(2, 6))
    jobs = [(int(rng.integers(1, cores + 1)), int(rng.integers(1, 4))) for _ in range(int(rng.integers(3, 6)))]
    widths = sorted({width for width, _ in jobs}, reverse=True)
    kinds = [GangKind((w,), tuple(sorted((time for width, time in jobs if width == w), reverse=True))) for w in widths]
    program = GangProgram(kinds, [cores])
    solution = backend_named("cbc").solve(program.problem, deadline=Deadline(20), settings=Settings())
    lasting = program.decode(solution.values)
    assert lasting is not None
    assert sum(lasting) == shortest(jobs, cores)
    assert program.proved_by_prices([1.0] * len(list(program.rows()))) <= sum(lasting)


def test_figures_that_break_a_row_are_no_answer() -> None:
    """A solver's figures are rounded and then have to satisfy the rows in integers."""
    program = GangProgram([GangKind((1,), (10,))], [1])
    name = program.lasting[0].name
    assert program.decode({name: 10.0000001}) == [10]
    assert program.decode({name: 9.4}) is None
