"""Figures of a simulation: waiting, response, turnaround, throughput, use of the cores, fairness."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.scheduling.workload import SECOND, exact_sum
from formulations.tables import Integers
from solver.scheduling.dynamic.entitlement import entitled
from solver.scheduling.dynamic.simulation import Simulation

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """How times are spread, µs.

    Attributes
    ----------
    mean : Fraction
    p95 : int
        The smallest figure that 95 % of all do not exceed.
    largest : int
    """

    mean: Fraction
    p95: int
    largest: int


def spread(times: Integers) -> Spread:
    """Return mean, 95th percentile and largest of some times, µs.

    Raises
    ------
    InputError
        If there are none.
    """
    if not len(times):
        raise InputError("there are no jobs to tell of")
    rank = -(-95 * len(times) // 100) - 1
    return Spread(Fraction(exact_sum(times), len(times)), int(np.partition(times, rank)[rank]), int(times.max()))


@dataclass(frozen=True)
class Figures:
    """What a policy made of a workload, for one VM or for all.

    Attributes
    ----------
    jobs : int
    work : int
        Core time needed, µs.
    waiting : Spread
        From a job's arrival to its end, less its work.
    response : Spread
        From a job's arrival to the beginning of its work.
    turnaround : Spread
        From a job's arrival to its end.
    """

    jobs: int
    work: int
    waiting: Spread
    response: Spread
    turnaround: Spread


@dataclass(frozen=True)
class Summary:
    """A policy's figures over all jobs.

    Attributes
    ----------
    policy : str
    figures : Figures
        Over all jobs.
    seconds : Fraction
        From the first arrival to the last end.
    throughput : Fraction
        Jobs per second of that time.
    utilisation : Fraction
        Part of all core time in that time that is spent on work.
    overhead : Fraction
        Part of it that is spent on switches.
    switches, events : int
    fairness : float
        Jain's index over the VMs of core time received by core time entitled to; 1 is fair.
    """

    policy: str
    figures: Figures
    seconds: Fraction
    throughput: Fraction
    utilisation: Fraction
    overhead: Fraction
    switches: int
    events: int
    fairness: float


def jain_index(parts: Floats) -> float:
    """Return Jain's index of fairness of what each gets, in proportion to what is fair.

    ``(sum x)^2 / (n * sum x^2)``: 1 where all get alike, ``1 / n`` where one gets all (Jain, Chiu
    and Hawe, A Quantitative Measure of Fairness and Discrimination for Resource Allocation in
    Shared Computer Systems, DEC-TR-301, 1984).

    Raises
    ------
    InputError
        If there is nobody, or nobody gets anything.
    """
    if not len(parts) or not parts.any():
        raise InputError("there is nobody to be fair to")
    scaled = parts / np.abs(parts).max()
    return float(scaled.sum() ** 2 / (len(scaled) * (scaled**2).sum()))


def summary(simulation: Simulation) -> Summary:
    """Return the figures of a simulation over all its jobs.

    Raises
    ------
    InputError
        If it has no jobs.
    """
    everything = np.arange(len(simulation.workload))
    figures = _figures(simulation, everything)
    span = int(simulation.finish.max()) - int(simulation.workload.arrival.min())
    capacity = span * sum(machine.cores for machine in simulation.machines)
    received, due = core_time(simulation)
    taking_part = received > 0
    return Summary(
        policy=simulation.policy,
        figures=figures,
        seconds=Fraction(span, SECOND),
        throughput=Fraction(figures.jobs * SECOND, span),
        utilisation=Fraction(figures.work, capacity),
        overhead=Fraction(int(simulation.overhead.sum()), capacity),
        switches=int(simulation.switches.sum()),
        events=int(simulation.events.sum()),
        fairness=jain_index(received[taking_part] / due[taking_part]),
    )


def vm_figures(simulation: Simulation) -> dict[int, Figures]:
    """Return the figures of every VM that has jobs, by its number."""
    order = np.argsort(simulation.workload.vm, kind="stable")
    vms, starts = np.unique(simulation.workload.vm[order], return_index=True)
    groups = np.split(order, starts[1:])
    return {vm: _figures(simulation, group) for vm, group in zip(vms.tolist(), groups, strict=True)}


def core_time(simulation: Simulation) -> tuple[Integers, Floats]:
    """Return the core time that each VM of the machines received and was entitled to, µs.

    Both have shape (VMs,), machine by machine and in the order of the machine's VMs. How a VM's
    entitlement is found, `entitled` says; by shares, whatever the policy goes by.
    """
    received: list[Integers] = []
    due: list[Floats] = []
    for number, machine in enumerate(simulation.machines):
        jobs = simulation.jobs_on(number)
        vm = simulation.position[jobs]
        total: Integers = np.zeros(len(machine.vms), dtype=np.int64)
        np.add.at(total, vm, simulation.workload.work[jobs])
        received.append(total)
        due.append(entitled(machine, simulation.workload.arrival[jobs], simulation.finish[jobs], vm))
    return np.concatenate(received), np.concatenate(due)


def _figures(simulation: Simulation, jobs: Integers) -> Figures:
    workload = simulation.workload
    arrival, work = workload.arrival[jobs], workload.work[jobs]
    turnaround: Integers = simulation.finish[jobs] - arrival
    return Figures(
        jobs=len(jobs),
        work=exact_sum(work),
        waiting=spread(turnaround - work),
        response=spread(simulation.start[jobs] - arrival),
        turnaround=spread(turnaround),
    )
