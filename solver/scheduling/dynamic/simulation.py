"""Simulations: given work on the cores of every host, under one policy or under all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from formulations.errors import InputError
from formulations.scheduling.workload import Workload, exact_sum
from formulations.tables import Integers
from solver.errors import VerificationError
from solver.scheduling.dynamic.compiled import is_built_in, run_compiled
from solver.scheduling.dynamic.machines import Machine
from solver.scheduling.dynamic.plainly import run_plainly
from solver.scheduling.dynamic.policies import (
    FirstCome,
    Policy,
    Priority,
    RoundRobin,
    ShortestJob,
    ShortestRemaining,
)
from solver.scheduling.dynamic.records import NOTHING, Run, Span
from solver.scheduling.dynamic.shares import ProportionalShare
from solver.verifying.schedules.simulation import broken_figures

POLICIES: tuple[Policy, ...] = (
    FirstCome(),
    RoundRobin(),
    ShortestJob(),
    ShortestRemaining(),
    Priority(preemptive=False),
    Priority(),
    ProportionalShare(),
)
"""One of each built-in kind, with the usual settings."""

BATCH = 20_000
"""Jobs that are sent to an executor at least together."""

FEW_TURNS = 500
"""Turns up to which a built-in policy runs in the plain loop, sooner than its compiled loop is loaded."""


@dataclass(frozen=True, eq=False)
class Simulation:
    """What became of every job under one policy.

    Attributes
    ----------
    policy : str
    workload : Workload
    machines : tuple of Machine
    machine, position : int64 arrays, shape (jobs,)
        The machine that each job ran on, and its VM's position there.
    start, finish : int64 arrays, shape (jobs,)
        When each job's first work began and its last work ended, µs.
    events, switches, overhead : int64 arrays, shape (machines,)
        Arrivals and ended turns; changes of a core's job; core time that these took, µs.
    segments : int64 array, shape (segments, 5)
        Machine, core, job, begin and end of every stretch of work that touches the window.
    window : Span
    """

    policy: str
    workload: Workload
    machines: tuple[Machine, ...]
    machine: Integers
    position: Integers
    start: Integers
    finish: Integers
    events: Integers
    switches: Integers
    overhead: Integers
    segments: Integers
    window: Span = NOTHING

    @cached_property
    def _by_machine(self) -> list[Integers]:
        order = np.argsort(self.machine, kind="stable")
        return np.split(order, np.searchsorted(self.machine[order], np.arange(1, len(self.machines))))

    @property
    def hosts(self) -> int:
        """How many hosts take part."""
        return len({one.name for one in self.machines})

    def jobs_on(self, machine: int) -> Integers:
        """Return the numbers of the jobs of one machine, ascending."""
        return self._by_machine[machine]


def compare(
    machines: Sequence[Machine],
    workload: Workload,
    policies: Iterable[Policy] = POLICIES,
    *,
    window: Span = NOTHING,
    executor: Executor | None = None,
) -> tuple[Simulation, ...]:
    """Return what becomes of the same jobs under each of several policies; see `simulate`.

    `solver.scheduling.dynamic.figures.summary` tells the figures of each.
    """
    return tuple(simulate(machines, workload, policy, window=window, executor=executor) for policy in policies)


def simulate(
    machines: Sequence[Machine],
    workload: Workload,
    policy: Policy,
    *,
    window: Span = NOTHING,
    executor: Executor | None = None,
) -> Simulation:
    """Run jobs on the machines of their VMs until all are done.

    Parameters
    ----------
    machines : sequence of Machine
        Such as `machines_of` reads off a placement.
    workload : Workload
        Every job's VM is on one of the machines.
    policy : Policy
        The same on all machines. Built-in ones run compiled; any other runs in a plain loop.
    window : Span, optional
        The stretch of time of which every stretch of work is kept, µs; none by default.
    executor : concurrent.futures.Executor, optional
        Runs machines side by side, with the same result; by default they run one after another here.

    Raises
    ------
    InputError
        If a job's VM is on no machine, or its limit is so low that its work would never end.
    """
    machine, position = located(machines, workload)
    _check_budgets(machines, machine, position, policy)
    order = np.lexsort((workload.arrival, machine))
    groups = np.split(order, np.searchsorted(machine[order], np.arange(1, len(machines))))
    tasks = [(machines[number], _local(workload, position, jobs)) for number, jobs in enumerate(groups)]
    runs = list(_runs(tasks, policy, window, executor))
    start, finish = np.empty_like(machine), np.empty_like(machine)
    for jobs, run in zip(groups, runs, strict=True):
        start[jobs], finish[jobs] = run.start, run.finish
    counts: Integers = np.array([(run.events, run.switches, run.overhead) for run in runs], dtype=np.int64)
    return Simulation(
        policy=policy.name,
        workload=workload,
        machines=tuple(machines),
        machine=machine,
        position=position,
        start=start,
        finish=finish,
        events=counts[:, 0],
        switches=counts[:, 1],
        overhead=counts[:, 2],
        segments=_joined(groups, runs),
        window=window,
    )


def located(machines: Sequence[Machine], workload: Workload) -> tuple[Integers, Integers]:
    """Return each job's machine and its VM's position there: shapes (jobs,).

    Raises
    ------
    InputError
        If there are no machines, a VM is on two of them, or a job's VM is on none.
    """
    if not machines:
        raise InputError("there are no machines to run on")
    vms = np.concatenate([one.vms for one in machines])
    sizes = [len(one.vms) for one in machines]
    owner = np.repeat(np.arange(len(machines)), sizes)
    place = np.concatenate([np.arange(size) for size in sizes])
    order = np.argsort(vms, kind="stable")
    if (vms[order][1:] == vms[order][:-1]).any():
        raise InputError("a VM is on two machines", "machines")
    at = np.minimum(np.searchsorted(vms[order], workload.vm), max(0, len(vms) - 1))
    missing = np.flatnonzero(vms[order][at] != workload.vm) if len(vms) else np.arange(len(workload))
    if len(missing):
        job = int(missing[0])
        raise InputError(f"VM {int(workload.vm[job]):,} is on no machine", f"jobs[{job}].vm")
    return owner[order][at].astype(np.int64), place[order][at].astype(np.int64)


def _check_budgets(machines: Sequence[Machine], machine: Integers, position: Integers, policy: Policy) -> None:
    """Refuse work that a limit would never let end."""
    if not isinstance(policy, ProportionalShare):
        return
    for number, one in enumerate(machines):
        for vm in np.flatnonzero(np.array(policy.budgets(one)) == 0).tolist():
            if ((machine == number) & (position == vm)).any():
                raise InputError(
                    f"VM {int(one.vms[vm]):,} on {one.label} has work, and its limit lets it run for less than 1 µs "
                    f"in {policy.period:,} µs: the work would never end"
                )


def _local(workload: Workload, position: Integers, jobs: Integers) -> Workload:
    """Return the jobs of one machine, their VMs by position."""
    return Workload(workload.arrival[jobs], position[jobs], workload.work[jobs], workload.priority[jobs])


def _runs(
    tasks: list[tuple[Machine, Workload]], policy: Policy, window: Span, executor: Executor | None
) -> Iterator[Run]:
    """Yield the runs of all machines in order."""
    few = sum(_turns(workload, policy) for _, workload in tasks) <= FEW_TURNS
    compiled = is_built_in(policy) and not few
    if executor is None:
        yield from run_machines(tasks, policy, window, compiled=compiled)
        return
    futures = [executor.submit(run_machines, batch, policy, window, compiled=compiled) for batch in _batches(tasks)]
    for future in futures:
        yield from future.result()


def _turns(workload: Workload, policy: Policy) -> int:
    """Return about how many turns a policy makes of a workload."""
    quantum = getattr(policy, "quantum", None)
    return len(workload) + (exact_sum(workload.work // quantum) if quantum else 0)


def _batches(tasks: list[tuple[Machine, Workload]]) -> Iterator[list[tuple[Machine, Workload]]]:
    """Yield the tasks in bundles that are worth sending."""
    batch: list[tuple[Machine, Workload]] = []
    jobs = 0
    for machine, workload in tasks:
        batch.append((machine, workload))
        jobs += len(workload)
        if jobs >= BATCH:
            yield batch
            batch, jobs = [], 0
    if batch:
        yield batch


def run_machines(tasks: list[tuple[Machine, Workload]], policy: Policy, window: Span, *, compiled: bool) -> list[Run]:
    """Run the jobs of several machines, sorted by arrival and with VMs by position, and check what is reported.

    Raises
    ------
    VerificationError
        If a job is said to have been done when it cannot have been.
    """
    run = run_compiled if compiled else run_plainly
    runs = []
    for machine, workload in tasks:
        one = run(machine, workload, policy, window=window)
        if broken := broken_figures(workload, one.start, one.finish, machine.cores):
            raise VerificationError(f"the simulation of {machine.label} under {policy.name} is wrong: {broken[0]}")
        runs.append(one)
    return runs


def _joined(groups: Sequence[Integers], runs: Sequence[Run]) -> Integers:
    """Return the segments of all machines, with the jobs' own numbers: shape (segments, 5)."""
    parts: list[Integers] = []
    for number, (jobs, run) in enumerate(zip(groups, runs, strict=True)):
        table: Integers = np.empty((len(run.segments), 5), dtype=np.int64)
        table[:, 0] = number
        table[:, 1:] = run.segments
        table[:, 2] = jobs[run.segments[:, 1]]
        parts.append(table)
    return np.concatenate(parts)
