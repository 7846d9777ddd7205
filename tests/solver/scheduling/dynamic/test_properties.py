"""What must hold of every simulation: optimality of SRTF, shares, limits, no core idle without need."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from formulations.scheduling.workload import SECOND, Workload
from solver.scheduling.dynamic import Machine, Policy, ProportionalShare, ShortestRemaining, simulate
from solver.scheduling.dynamic.compiled import run_compiled
from solver.scheduling.dynamic.records import Run
from tests.solver.scheduling.dynamic.cases import EVERYTHING, random_case, random_policies

# -- shortest remaining time first -------------------------------------------------------------


def least_total_of_ends(workload: Workload) -> int:
    """Return the least sum of ends over every way to run the jobs on one core, microsecond by microsecond."""
    arrival = tuple(workload.arrival.tolist())

    @cache
    def best(now: int, left: tuple[int, ...]) -> int:
        if not any(left):
            return 0
        totals = [best(now + 1, left)] if any(a > now and w for a, w in zip(arrival, left, strict=True)) else []
        for job, work in enumerate(left):
            if work and arrival[job] <= now:
                rest = (*left[:job], work - 1, *left[job + 1 :])
                totals.append(best(now + 1, rest) + (now + 1 if work == 1 else 0))
        return min(totals)

    return best(0, tuple(workload.work.tolist()))


def check_srtf(seed: int) -> None:
    """Compare shortest remaining time first with every schedule of a few jobs."""
    rng = np.random.default_rng(seed)
    many = int(rng.integers(1, 6))
    arrival = np.sort(rng.integers(0, 7, many))
    jobs = Workload(arrival, np.arange(many), rng.integers(1, 5, many), np.zeros(many, dtype=np.int64))
    found = simulate([Machine.of(1, many)], jobs, ShortestRemaining())
    assert int(found.finish.sum()) == least_total_of_ends(jobs), seed


@pytest.mark.parametrize("seed", range(25))
def test_srtf_has_the_least_mean_turnaround(seed: int) -> None:
    """On one core nothing is better (Schrage 1968); a wrong tie or event order would show."""
    check_srtf(seed)


@pytest.mark.campaign
def test_srtf_has_the_least_mean_turnaround_in_five_hundred_cases() -> None:
    """As above, in 500 cases."""
    for seed in range(1000, 1500):
        check_srtf(seed)


# -- proportional share ------------------------------------------------------------------------


def always_busy(rng: np.random.Generator) -> tuple[Machine, Workload, ProportionalShare]:
    """Return VMs on one core that have work all the time, and shares for them."""
    vms = int(rng.integers(1, 12))
    shares = rng.integers(1, int(rng.choice([3, 20, 1000])), vms)
    quantum = int(rng.integers(1, 50))
    each = int(rng.integers(1, 4))
    owner = np.repeat(np.arange(vms), each)
    many = len(owner)
    work = np.full(many, 400 * quantum // each)
    jobs = Workload(np.zeros(many, dtype=np.int64), owner, work, np.zeros(many, dtype=np.int64))
    return Machine.of(1, vms, shares=shares.tolist()), jobs, ProportionalShare(quantum)


def check_shares(seed: int) -> None:
    """Follow what every VM has got, turn by turn, until the first job is done."""
    machine, jobs, policy = always_busy(np.random.default_rng(seed))
    run = run_compiled(machine, jobs, policy, window=EVERYTHING)
    got = [0] * len(machine.vms)
    total = int(machine.shares.sum())
    for _, job, begin, end in run.segments.tolist():
        if end > run.finish.min():
            break
        got[int(jobs.vm[job])] += end - begin
        for vm, shares in enumerate(machine.shares.tolist()):
            assert abs(got[vm] * total - shares * end) <= policy.quantum * total, (seed, vm, end)


@pytest.mark.parametrize("seed", range(12))
def test_core_time_is_within_a_quantum_of_the_shares(seed: int) -> None:
    """The promise of shares on one core: at every moment nobody is further than one quantum from its part."""
    check_shares(seed)


@pytest.mark.campaign
def test_core_time_is_within_a_quantum_of_the_shares_in_many_cases() -> None:
    """As above, in 1,000 cases."""
    for seed in range(1000, 2000):
        check_shares(seed)


@pytest.mark.parametrize("seed", range(8))
def test_several_cores_are_divided_by_shares_too(seed: int) -> None:
    """A VM whose part is more than its vCPUs can use gets those; the others divide the rest by shares."""
    rng = np.random.default_rng(seed)
    cores, vms, quantum = int(rng.integers(2, 6)), int(rng.integers(6, 10)), 10
    vcpus, shares = rng.integers(1, 3, vms), rng.integers(1, 30, vms)
    owner = np.repeat(np.arange(vms), vcpus)
    zeros = np.zeros(len(owner), dtype=np.int64)
    jobs = Workload(zeros, owner, np.full(len(owner), 20_000), zeros)
    machine = Machine.of(cores, vms, vcpus=vcpus.tolist(), shares=shares.tolist())
    run = run_compiled(machine, jobs, ProportionalShare(quantum), window=EVERYTHING)
    until = int(run.finish.min())
    got = np.zeros(vms)
    table = run.segments[run.segments[:, 2] < until]
    np.add.at(got, owner[table[:, 1]], np.minimum(table[:, 3], until) - table[:, 2])
    due = until * water_filled(cores, shares.tolist(), vcpus.tolist())
    assert np.abs(got - due).max() <= 4 * quantum


def water_filled(cores: int, shares: list[int], most: list[int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return cores divided by shares, nobody above its own most: raise the level until they are used up."""
    low, high = 0.0, float(cores)
    for _ in range(200):
        level = (low + high) / 2
        used = sum(min(cap, share * level) for cap, share in zip(most, shares, strict=True))
        low, high = (level, high) if used < cores else (low, level)
    return np.array([min(cap, share * high) for cap, share in zip(most, shares, strict=True)])


def test_a_limit_holds_however_idle_the_host_is() -> None:
    """A VM limited to a quarter of a core takes four times as long as its work, period by period."""
    machine = Machine.of(2, 2, caps=[SECOND // 4, -1])
    zeros = np.zeros(2, dtype=np.int64)
    jobs = Workload(zeros, np.array([0, 1]), np.array([SECOND, SECOND]), zeros)
    simulation = simulate([machine], jobs, ProportionalShare())
    # 25 ms in each of 40 periods of 100 ms, the last from 3.9 s on.
    assert simulation.finish.tolist() == [3_925_000, SECOND]


# -- every policy ------------------------------------------------------------------------------


def idle_without_need(machine: Machine, jobs: Workload, run: Run) -> bool:
    """Whether at some moment a core is idle while a job of a VM with a free vCPU waits."""
    begin, end = np.sort(run.segments[:, 2]), np.sort(run.segments[:, 3])
    moments = np.unique(np.concatenate((jobs.arrival, run.finish, begin, end)))
    busy = np.searchsorted(begin, moments, side="right") - np.searchsorted(end, moments, side="right")
    usable = np.zeros(len(moments), dtype=np.int64)
    for vm, vcpus in enumerate(machine.vcpus.tolist()):
        arrival, finish = np.sort(jobs.arrival[jobs.vm == vm]), np.sort(run.finish[jobs.vm == vm])
        pending = np.searchsorted(arrival, moments, side="right") - np.searchsorted(finish, moments, side="right")
        usable += np.minimum(pending, vcpus)
    return bool((busy != np.minimum(usable, machine.cores)).any())


@pytest.mark.parametrize("seed", range(6))
def test_no_core_is_idle_while_somebody_could_run(seed: int) -> None:
    """Without limits and switches every policy keeps cores busy; what is done is what was to be done."""
    rng = np.random.default_rng(seed)
    drawn, jobs = random_case(rng)
    machine = Machine.of(drawn.cores, len(drawn.vms), vcpus=drawn.vcpus.tolist(), shares=drawn.shares.tolist())
    for policy in random_policies(rng, jobs):
        run = run_compiled(machine, jobs, policy, window=EVERYTHING)
        assert not idle_without_need(machine, jobs, run), policy
        assert int((run.segments[:, 3] - run.segments[:, 2]).sum()) == int(jobs.work.sum())


def test_the_order_of_machines_and_jobs_changes_nothing() -> None:
    """Results belong to jobs, whichever order they are listed in."""
    rng = np.random.default_rng(5)
    machine, jobs = random_case(rng)
    other = Machine("other", 2, machine.vms + 100, machine.vcpus, machine.shares, machine.caps)
    both = Workload(
        np.concatenate((jobs.arrival, jobs.arrival)),
        np.concatenate((jobs.vm, jobs.vm + 100)),
        np.concatenate((jobs.work, jobs.work)),
        np.concatenate((jobs.priority, jobs.priority)),
    )
    policy: Policy
    for policy in random_policies(rng, jobs):
        one = simulate([machine, other], both, policy)
        # Jobs that arrive together keep their order, so only whole blocks are exchanged.
        swapped = np.concatenate((np.arange(len(jobs), 2 * len(jobs)), np.arange(len(jobs))))
        two = simulate([other, machine], both.subset(swapped), policy)
        assert one.finish[swapped].tolist() == two.finish.tolist()
