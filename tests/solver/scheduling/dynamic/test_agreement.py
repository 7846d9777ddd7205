"""Compiled and plain loops agree to the microsecond, and the judge accepts every course."""

from __future__ import annotations

import numpy as np
import pytest

from formulations.scheduling.workload import SECOND, Workload
from solver.scheduling.dynamic import Machine, ProportionalShare, Span
from solver.scheduling.dynamic.compiled import run_compiled
from solver.scheduling.dynamic.plainly import run_plainly
from solver.scheduling.dynamic.policies import LONGEST_QUANTUM
from solver.scheduling.dynamic.records import Run
from solver.verifying.schedules.simulation import broken_course
from tests.solver.scheduling.dynamic.cases import EVERYTHING, ground_of, random_case, random_policies


def everything_of(run: Run) -> tuple[object, ...]:
    """Return all that a run reports, for comparison."""
    figures = (run.events, run.switches, run.overhead)
    return (run.start.tolist(), run.finish.tolist(), *figures, run.segments.tolist())


def check(seed: int, jobs: int = 40) -> None:
    """Run a random case under every policy in both loops."""
    rng = np.random.default_rng(seed)
    machine, workload = random_case(rng, jobs)
    for policy in random_policies(rng, workload):
        plain = run_plainly(machine, workload, policy, window=EVERYTHING)
        compiled = run_compiled(machine, workload, policy, window=EVERYTHING)
        assert everything_of(plain) == everything_of(compiled), (seed, policy)
        broken = broken_course(ground_of(machine, policy), workload, plain.start, plain.finish, plain.segments)
        assert not broken, (seed, policy, broken)


@pytest.mark.parametrize("seed", range(8))
def test_both_loops_do_the_same(seed: int) -> None:
    """The plain loop says what a policy means; the compiled one must mean nothing else."""
    check(seed)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(100, 500))
def test_both_loops_do_the_same_in_many_cases(seed: int) -> None:
    """Rare ties of ranks, periods and quanta come up in many cases only."""
    check(seed, 150 if seed % 10 == 0 else 40)


@pytest.mark.campaign
@pytest.mark.parametrize("shares", [(1, 1), (1, 2**18), (2**18, 2**18 - 1)])
def test_both_loops_do_the_same_for_weeks(shares: tuple[int, int]) -> None:
    """Virtual time would leave 64 bits within weeks if it were not counted anew; the plain loop needs none of that."""
    machine = Machine.of(1, 2, shares=shares)
    many, week = 8, 604_800 * SECOND
    arrival = np.arange(many) * week // 16
    zeros = np.zeros(many, dtype=np.int64)
    workload = Workload(arrival, np.arange(many) % 2, np.full(many, week), zeros)
    policy = ProportionalShare(LONGEST_QUANTUM)
    window = Span(0, week // 4)
    plain = run_plainly(machine, workload, policy, window=window)
    compiled = run_compiled(machine, workload, policy, window=window)
    assert everything_of(plain) == everything_of(compiled)
