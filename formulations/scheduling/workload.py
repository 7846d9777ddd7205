"""Workloads: the bursts of work that VMs bring to the cores of their hosts, in whole microseconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.tables import Integers

SECOND = 1_000_000
"""Microseconds."""

MOST_JOBS = 10_000_000
"""No workload may hold more jobs."""

LONGEST = 10**9 * SECOND
"""No arrival may be later than this, nor all work together take longer (µs)."""

LARGEST_PRIORITY = 1_000_000


class Job(NamedTuple):
    """One burst of work: it needs a single core for so long, in one piece or in several.

    Attributes
    ----------
    arrival : int
        When it becomes ready, µs.
    vm : int
        The VM's number.
    work : int
        Core time needed, µs.
    priority : int
        Larger is more urgent.
    """

    arrival: int
    vm: int
    work: int
    priority: int = 0


@dataclass(frozen=True, eq=False)
class Workload:
    """Jobs as arrays, in any order.

    Parameters
    ----------
    arrival : int64 array, shape (jobs,)
        When each becomes ready, µs.
    vm : int64 array, shape (jobs,)
        The VM's number in the instance.
    work : int64 array, shape (jobs,)
        Core time needed, µs, at least 1.
    priority : int64 array, shape (jobs,)
        Larger is more urgent.

    Raises
    ------
    InputError
        If the arrays differ in length, hold more than ``MOST_JOBS`` jobs, or a figure is out of range.
    """

    arrival: Integers
    vm: Integers
    work: Integers
    priority: Integers

    def __post_init__(self) -> None:
        for field in ("arrival", "vm", "work", "priority"):
            array = np.ascontiguousarray(getattr(self, field), dtype=np.int64)
            if array.shape != (len(self.arrival),):
                raise InputError(f"expected one figure for each of {len(self.arrival):,} jobs", field)
            object.__setattr__(self, field, array)
        if len(self.arrival) > MOST_JOBS:
            raise InputError(f"at most {MOST_JOBS:,} jobs, got {len(self.arrival):,}")
        self._within("arrival", 0, LONGEST)
        self._within("vm", 0, 2**62)
        self._within("work", 1, LONGEST)
        self._within("priority", -LARGEST_PRIORITY, LARGEST_PRIORITY)
        if exact_sum(self.work) > LONGEST:
            raise InputError(f"all work together exceeds {LONGEST // SECOND:,} s", "work")

    def _within(self, field: str, low: int, high: int) -> None:
        array = getattr(self, field)
        wrong = np.flatnonzero((array < low) | (array > high))
        if len(wrong):
            job = int(wrong[0])
            raise InputError(f"must lie in {low:,} … {high:,}, got {int(array[job]):,}", f"jobs[{job}].{field}")

    @classmethod
    def of_jobs(cls, jobs: Iterable[Job]) -> Self:
        """Return the workload of these jobs."""
        table = np.array(list(jobs), dtype=np.int64).reshape(-1, 4)
        return cls(*(table[:, column] for column in range(4)))

    def __len__(self) -> int:
        return len(self.arrival)

    def job(self, number: int) -> Job:
        """Return one job."""
        return Job(*(int(array[number]) for array in (self.arrival, self.vm, self.work, self.priority)))

    def subset(self, jobs: Integers) -> Workload:
        """Return the jobs of these numbers, in this order."""
        return Workload(self.arrival[jobs], self.vm[jobs], self.work[jobs], self.priority[jobs])


def own_priorities(instance: Instance, vm: Integers) -> Integers:
    """Return the priority of the VM of every job: shape (jobs,)."""
    of_entry: Integers = np.array([entry.priority for entry in instance.vms], dtype=np.int64)
    return of_entry[instance.vm_entry[vm]]


def exact_sum(figures: Integers) -> int:
    """Return the sum of integers whose sum may need more than 64 bits."""
    return (int((figures >> 31).sum()) << 31) + int((figures & (2**31 - 1)).sum())
