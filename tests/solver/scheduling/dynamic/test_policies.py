"""The classic policies on four jobs that are scheduled by hand, and policies of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest

from formulations import InputError
from formulations.scheduling.workload import Job, Workload
from solver.scheduling.dynamic import (
    FirstCome,
    Machine,
    Policy,
    Priority,
    ProportionalShare,
    Ranked,
    Ranking,
    RoundRobin,
    ShortestJob,
    ShortestRemaining,
    Task,
    simulate,
    summary,
)
from solver.scheduling.dynamic.compiled import run_compiled
from solver.scheduling.dynamic.plainly import run_plainly
from tests.solver.scheduling.dynamic.cases import EVERYTHING, FOUR

ONE_CORE = Machine.of(1, 4)

Means = tuple[Fraction, Fraction, Fraction]
"""Of waiting, response and turnaround."""

# A arrives at 0 and needs 6, B at 1 and 3, C at 3 and 8, D at 4 and 2; priorities 1, 2, 4, 3.
BY_HAND: list[tuple[Policy, str, list[int], Means]] = [
    # A runs 0-6, B 6-9, C 9-17, D 17-19. Waiting 0, 5, 6, 13; turnaround 6, 8, 14, 15.
    (FirstCome(), "A6 B9 C17 D19", [0, 6, 9, 17], (Fraction(24, 4), Fraction(24, 4), Fraction(43, 4))),
    # At 2 A queues behind B; at 4 D queues before B, whose quantum ends just then:
    # A 0-2, B 2-4, A 4-6, C 6-8, D 8-10, B 10-11, A 11-13, C 13-19.
    # Waiting 7, 7, 8, 4; response 0, 1, 3, 4; turnaround 13, 10, 16, 6.
    (
        RoundRobin(2),
        "A2 B4 A6 C8 D10 B11 A13 C15 C17 C19",
        [0, 2, 6, 8],
        (Fraction(26, 4), Fraction(8, 4), Fraction(45, 4)),
    ),
    # At 6 there wait B (3), C (8) and D (2): D 6-8, B 8-11, C 11-19.
    # Waiting 0, 7, 8, 2; turnaround 6, 10, 16, 4.
    (ShortestJob(), "A6 D8 B11 C19", [0, 8, 11, 6], (Fraction(17, 4), Fraction(17, 4), Fraction(36, 4))),
    # At 1 B (3) is shorter than the rest of A (5); at 4 D (2) goes before A (5) and C (8); then A, then C.
    # Waiting 5, 0, 8, 0; response 0, 0, 8, 0; turnaround 11, 3, 16, 2.
    (ShortestRemaining(), "A1 B4 D6 A11 C19", [0, 1, 11, 4], (Fraction(13, 4), Fraction(8, 4), Fraction(32, 4))),
    # At 6 C (4) goes first, then D (3), then B (2): C 6-14, D 14-16, B 16-19.
    # Waiting 0, 15, 3, 10; turnaround 6, 18, 11, 12.
    (
        Priority(preemptive=False),
        "A6 C14 D16 B19",
        [0, 16, 6, 14],
        (Fraction(28, 4), Fraction(28, 4), Fraction(47, 4)),
    ),
    # B (2) takes the core from A (1) at 1, C (4) takes it from B at 3 and keeps it; D (3) 11-13, B 13-14, A 14-19.
    # Waiting 13, 10, 0, 7; response 0, 0, 0, 7; turnaround 19, 13, 8, 9.
    (Priority(), "A1 B3 C11 D13 B14 A19", [0, 1, 3, 11], (Fraction(30, 4), Fraction(7, 4), Fraction(49, 4))),
]


@pytest.mark.parametrize(("policy", "course", "start", "means"), BY_HAND)
def test_four_jobs_run_as_worked_out_by_hand(policy: Policy, course: str, start: list[int], means: Means) -> None:
    """What a policy is called must be what textbooks mean by it, to the microsecond."""
    simulation = simulate([ONE_CORE], FOUR, policy, window=EVERYTHING)
    assert " ".join(f"{'ABCD'[job]}{end}" for _, _, job, _, end in simulation.segments.tolist()) == course
    assert simulation.start.tolist() == start
    figures = summary(simulation).figures
    assert (figures.waiting.mean, figures.response.mean, figures.turnaround.mean) == means


def test_shares_take_turns_by_deadline() -> None:
    """Two jobs with shares 2 and 1 and a quantum of 2: X has run 4 of 6 when the first pair of turns is over."""
    machine = Machine.of(1, 2, shares=[2, 1])
    jobs = Workload.of_jobs([Job(0, 0, 8), Job(0, 1, 4)])
    simulation = simulate([machine], jobs, ProportionalShare(2), window=EVERYTHING)
    # Virtual times (work by shares) begin at 0. Deadlines 1 and 2: X runs 0-2 and stands at 1; the mean
    # is 2/3, so only Y is eligible: 2-4, at 2; the mean is 4/3: X 4-6, at 2; at the mean of 2 both are
    # eligible and X's deadline 3 comes before Y's 4.
    assert [job for _, _, job, *_ in simulation.segments.tolist()] == [0, 1, 0, 0, 1, 0]
    assert simulation.finish.tolist() == [12, 10]


def test_a_waiting_job_grows_old_enough_to_take_the_core() -> None:
    """X waits from 1 with priority 0; at 31 it has grown to 3, one more than Y, which it interrupts."""
    jobs = Workload.of_jobs([Job(0, 0, 100, 2), Job(1, 1, 5, 0)])
    for run in (run_plainly, run_compiled):
        course = run(Machine.of(1, 2), jobs, Priority(ageing=10))
        assert course.start.tolist() == [0, 31]
        assert course.finish.tolist() == [105, 36]


def test_ageing_ends_starvation() -> None:
    """Jobs of priority 2 arrive without end; at 20 X has waited its way up to them, and longer than they have."""
    jobs = Workload.of_jobs([Job(0, 0, 5, 0), *(Job(4 * at, 1, 4, 2) for at in range(30))])
    machine = Machine.of(1, 2)
    kept = simulate([machine], jobs, Priority(preemptive=False))
    aged = simulate([machine], jobs, Priority(preemptive=False, ageing=10))
    assert kept.start[0] == 120
    assert aged.start[0] == 20


def test_a_switch_costs_time_but_going_on_does_not() -> None:
    """Round robin with one job alone must not pay for switches to itself."""
    machine = Machine.of(1, 2, switch_cost=3)
    alone = simulate([machine], Workload.of_jobs([Job(0, 0, 10)]), RoundRobin(2))
    assert (alone.finish.tolist(), alone.switches.tolist()) == ([10], [0])
    both = simulate([machine], Workload.of_jobs([Job(0, 0, 4), Job(0, 1, 2)]), RoundRobin(2))
    # A 0-2, switch, B 5-7, switch, A 10-12.
    assert (both.finish.tolist(), both.switches.tolist(), both.overhead.tolist()) == ([12, 7], [2], [6])


@dataclass(frozen=True)
class Caring:
    """A policy with a memory of its own: VMs that have had least core time so far go first."""

    name: str = "caring"
    preemptive: bool = False

    def ranking(self, machine: Machine) -> Ranking:
        """Remember nothing yet."""
        return _Caring(len(machine.vms))


class _Caring(Ranking):
    def __init__(self, vms: int) -> None:
        self.had = [0] * vms

    def rank(self, task: Task, _now: int) -> int:
        return self.had[task.vm]

    def turn(self, _task: Task, _now: int) -> int:
        return 2

    def stopped(self, task: Task, ran: int, _now: int) -> None:
        self.had[task.vm] += ran


def test_a_policy_of_ones_own_takes_a_few_lines() -> None:
    """Users compare what they run with the built-in policies, with or without a memory of what was."""
    machine = Machine.of(1, 4)
    jobs = Workload.of_jobs([Job(0, 0, 4), Job(0, 0, 4), Job(0, 1, 4)])
    caring = simulate([machine], jobs, Caring(), window=EVERYTHING)
    assert [job for _, _, job, *_ in caring.segments.tolist()] == [0, 2, 1, 2, 0, 1]
    deadline = Ranked("deadline", lambda task, _: task.arrival + 10 * task.work, preemptive=True)
    # Due at 60, 31, 83 and 24: B takes the core from A at 1, D comes when B has just ended.
    earliest = simulate([ONE_CORE], FOUR, deadline, window=EVERYTHING)
    assert earliest.finish.tolist() == [11, 4, 19, 6]


def test_ranked_policies_say_what_the_built_in_ones_do() -> None:
    """The protocol is strong enough for what is built in: shortest remaining time first in one line."""
    own = Ranked("own", lambda task, now: task.left(now), preemptive=True)
    ours, built_in = (simulate([ONE_CORE], FOUR, policy, window=EVERYTHING) for policy in (own, ShortestRemaining()))
    assert ours.segments.tolist() == built_in.segments.tolist()


@pytest.mark.parametrize("wrong", [lambda: RoundRobin(0), lambda: Priority(ageing=0), lambda: ProportionalShare(0)])
def test_settings_out_of_range_are_refused(wrong: type) -> None:
    """A quantum of nothing would never let anybody run."""
    with pytest.raises(InputError, match="must lie in 1"):
        wrong()


def test_periods_out_of_range_are_refused() -> None:
    """Limits hold in periods that control groups know."""
    with pytest.raises(InputError, match="period"):
        ProportionalShare(period=10)
