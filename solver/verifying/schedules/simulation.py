"""The judge of simulations: replays who ran where and when, and says what cannot have been."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formulations.scheduling.workload import SECOND, Workload
from formulations.tables import Integers

MOST_TOLD = 5
"""Violations of one kind that are told."""


@dataclass(frozen=True, eq=False)
class Ground:
    """What a machine allows: the judge's own view of it.

    Attributes
    ----------
    cores : int
    vcpus : int64 array, shape (VMs,)
    caps : int64 array, shape (VMs,), optional
        Core time per second, µs; negative where there is none. Checked only together with ``period``.
    period : int
        µs in which caps hold; 0 where they do not matter.
    switch_cost : int
        µs between two different jobs on one core.
    """

    cores: int
    vcpus: Integers
    caps: Integers | None = None
    period: int = 0
    switch_cost: int = 0


def broken_figures(workload: Workload, start: Integers, finish: Integers, cores: int) -> tuple[str, ...]:
    """Return what is wrong with the jobs' own times; enough to ask of every simulation.

    Parameters
    ----------
    workload : Workload
        Of one machine.
    start, finish : int64 arrays, shape (jobs,)
        First and last moment of each job's work, µs.
    cores : int
    """
    found = [
        *_told(start < workload.arrival, "job {} starts before it arrives"),
        *_told(finish - start < workload.work, "job {} ends sooner than its work takes"),
    ]
    if not found and len(workload):
        span = int(finish.max()) - int(workload.arrival.min())
        if int(workload.work.sum()) > cores * span:
            found.append(f"more work is done in {span:,} µs than {cores} cores can do")
    return tuple(found)


def broken_course(
    ground: Ground, workload: Workload, start: Integers, finish: Integers, segments: Integers
) -> tuple[str, ...]:
    """Return what is wrong with a whole course: overlaps, too much at once, work not done or done twice.

    Parameters
    ----------
    ground : Ground
    workload : Workload
        Of the machine; ``vm`` is a position on it.
    start, finish : int64 arrays, shape (jobs,)
        As reported, µs.
    segments : int64 array, shape (segments, 4)
        Core, job, begin and end of all work that was done.
    """
    core, job, begin, end = segments.T
    if not len(segments) or (begin >= end).any() or (core < 0).any() or (core >= ground.cores).any():
        return ("a stretch of work is empty or on a core that does not exist",) if len(workload) else ()
    return (
        *broken_figures(workload, start, finish, ground.cores),
        *_overlaps(core, begin, end, "core {} does two things at once"),
        *_overlaps(job, begin, end, "job {} runs on two cores at once"),
        *_wrong_work(workload, start, finish, segments),
        *_crowds(ground, workload, segments),
        *_hasty_switches(ground, segments),
        *_excesses(ground, workload, segments),
    )


def _told(wrong: NDArray[np.bool_], sentence: str) -> Iterator[str]:
    for number in np.flatnonzero(wrong)[:MOST_TOLD].tolist():
        yield sentence.format(number)


def _overlaps(owner: Integers, begin: Integers, end: Integers, sentence: str) -> Iterator[str]:
    """Tell of owners of whom one stretch begins before the one before it has ended."""
    order = np.lexsort((begin, owner))
    same = owner[order][1:] == owner[order][:-1]
    early = begin[order][1:] < end[order][:-1]
    for number in np.unique(owner[order][1:][same & early])[:MOST_TOLD].tolist():
        yield sentence.format(number)


def _wrong_work(workload: Workload, start: Integers, finish: Integers, segments: Integers) -> Iterator[str]:
    _, job, begin, end = segments.T
    many = len(workload)
    done: Integers = np.zeros(many, dtype=np.int64)
    np.add.at(done, job, end - begin)
    first: Integers = np.full(many, 2**62, dtype=np.int64)
    np.minimum.at(first, job, begin)
    last: Integers = np.zeros(many, dtype=np.int64)
    np.maximum.at(last, job, end)
    yield from _told(done != workload.work, "job {} does not get exactly its work")
    yield from _told(first != start, "job {} starts at another time than reported")
    yield from _told(last != finish, "job {} ends at another time than reported")


def _crowds(ground: Ground, workload: Workload, segments: Integers) -> Iterator[str]:
    """Tell of VMs that run on more cores at once than they have vCPUs."""
    _, job, begin, end = segments.T
    vm = np.concatenate((workload.vm[job], workload.vm[job]))
    change = np.repeat(np.array([1, -1], dtype=np.int64), len(job))
    order = np.lexsort((change, np.concatenate((begin, end)), vm))  # at one moment, ends before beginnings
    vm, at_once = vm[order], np.cumsum(change[order])  # every VM's changes add up to 0
    for number in np.unique(vm[at_once > ground.vcpus[vm]])[:MOST_TOLD].tolist():
        yield f"VM {number} runs on more cores at once than its {int(ground.vcpus[number])} vCPUs"


def _hasty_switches(ground: Ground, segments: Integers) -> Iterator[str]:
    """Tell of cores that turn to another job without the time that this takes."""
    core, job, begin, end = segments[np.lexsort((segments[:, 2], segments[:, 0]))].T
    other = (core[1:] == core[:-1]) & (job[1:] != job[:-1])
    hasty = other & (begin[1:] - end[:-1] < ground.switch_cost)
    for number in np.unique(core[1:][hasty])[:MOST_TOLD].tolist():
        yield f"core {number} changes jobs in less than {ground.switch_cost:,} µs"


def _excesses(ground: Ground, workload: Workload, segments: Integers) -> Iterator[str]:
    """Tell of VMs that get more than their limit in some period."""
    if ground.caps is None or not ground.period:
        return
    _, job, begin, end = segments.T
    for vm in np.flatnonzero(ground.caps >= 0).tolist():
        mine = workload.vm[job] == vm
        used: dict[int, int] = {}
        for since, until in zip(begin[mine].tolist(), end[mine].tolist(), strict=True):
            for number in range(since // ground.period, (until - 1) // ground.period + 1):
                inside = min(until, (number + 1) * ground.period) - max(since, number * ground.period)
                used[number] = used.get(number, 0) + inside
        budget = int(ground.caps[vm]) * ground.period // SECOND
        if used and max(used.values()) > budget:
            yield f"VM {vm} gets {max(used.values()):,} µs in one period, more than its {budget:,} µs"
