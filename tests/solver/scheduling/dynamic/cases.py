"""Cases of the dynamic schedule: random small machines with jobs, and the classic table of four jobs."""

from __future__ import annotations

import numpy as np

from formulations.scheduling.workload import Job, Workload
from solver.scheduling.dynamic import (
    FirstCome,
    Machine,
    Policy,
    Priority,
    ProportionalShare,
    RoundRobin,
    ShortestJob,
    ShortestRemaining,
    Span,
)
from solver.verifying.schedules.simulation import Ground

EVERYTHING = Span(0, 10**15)
"""A window that nothing lies outside of."""

FOUR = Workload.of_jobs(
    [
        Job(arrival=0, vm=0, work=6, priority=1),
        Job(arrival=1, vm=1, work=3, priority=2),
        Job(arrival=3, vm=2, work=8, priority=4),
        Job(arrival=4, vm=3, work=2, priority=3),
    ]
)
"""Jobs A, B, C and D, small enough to be scheduled by hand."""


def random_case(rng: np.random.Generator, jobs: int = 40) -> tuple[Machine, Workload]:
    """Return a machine with jobs that crowd, tie and repeat."""
    cores, vms, many = int(rng.integers(1, 5)), int(rng.integers(1, 6)), int(rng.integers(1, jobs))
    caps = [int(cap) if rng.random() < 0.4 else -1 for cap in rng.integers(20_000, 1_500_000, vms)]
    machine = Machine.of(
        cores,
        vms,
        vcpus=rng.integers(1, cores + 1, vms).tolist(),
        shares=rng.integers(1, 9, vms).tolist(),
        caps=caps if rng.random() < 0.5 else None,
        switch_cost=int(rng.choice([0, 0, 1, 3])),
    )
    unit = int(rng.choice([1, 5, 1000]))
    arrival = np.sort(rng.integers(0, int(rng.choice([3, 30, 100])), many)) * unit
    priority = rng.integers(-2, 3, many)
    return machine, Workload(arrival, rng.integers(0, vms, many), rng.integers(1, 20, many) * unit, priority)


def random_policies(rng: np.random.Generator, workload: Workload) -> tuple[Policy, ...]:
    """Return one policy of every built-in kind, with settings that fit the jobs."""
    quantum = max(1, int(workload.work.mean() * rng.uniform(0.05, 1.2)))
    return (
        FirstCome(),
        RoundRobin(quantum),
        ShortestJob(),
        ShortestRemaining(),
        Priority(preemptive=False),
        Priority(),
        Priority(preemptive=False, ageing=quantum + 4),
        Priority(ageing=quantum + 4),
        ProportionalShare(quantum, period=int(rng.choice([1000, 2000, 10_000]))),
    )


def ground_of(machine: Machine, policy: Policy) -> Ground:
    """Return what the judge needs to know of a machine under a policy."""
    shares = isinstance(policy, ProportionalShare)
    period = policy.period if isinstance(policy, ProportionalShare) else 0
    return Ground(machine.cores, machine.vcpus, machine.caps if shares else None, period, machine.switch_cost)
