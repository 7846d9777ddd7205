"""The judge of simulations accepts what happened and rejects whatever is changed about it."""

from __future__ import annotations

import numpy as np
import pytest

from formulations.scheduling.workload import Job, Workload
from formulations.tables import Integers
from solver.verifying.schedules.simulation import Ground, broken_course, broken_figures

GROUND = Ground(2, np.array([1, 2]), np.array([500_000, -1]), period=10, switch_cost=1)

JOBS = Workload.of_jobs([Job(0, 0, 4), Job(0, 1, 6), Job(2, 1, 5), Job(6, 0, 2)])

START, FINISH = np.array([0, 0, 5, 10]), np.array([4, 6, 10, 12])

COURSE = np.array([[0, 0, 0, 4], [1, 1, 0, 6], [0, 2, 5, 10], [1, 3, 10, 12]])
"""Core, job, begin, end: VM 0 has used 4 of its 5 in the first ten."""


def judged(segments: Integers, start: Integers = START, finish: Integers = FINISH) -> tuple[str, ...]:
    """Return what the judge finds."""
    return broken_course(GROUND, JOBS, start, finish, segments)


def changed(row: int, column: int, value: int) -> Integers:
    """Return the course with one figure changed."""
    table = COURSE.copy()
    table[row, column] = value
    return table


def test_a_true_course_is_accepted() -> None:
    """A judge that rejects everything would be as useless as one that accepts it."""
    assert judged(COURSE) == ()


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        (changed(3, 2, 9), "job 3 does not get exactly its work"),
        (changed(1, 3, 5), "job 1 ends at another time than reported"),
        (changed(2, 0, 1), "core 1 does two things at once"),
        (changed(3, 1, 2), "job 3 does not get exactly its work"),
        (changed(2, 2, 4), "core 0 changes jobs in less than 1 µs"),
        (changed(0, 0, 7), "a stretch of work is empty or on a core that does not exist"),
        (changed(0, 3, 0), "a stretch of work is empty or on a core that does not exist"),
        (COURSE[:3], "job 3 does not get exactly its work"),
        (np.vstack((COURSE, COURSE[3:])), "job 3 runs on two cores at once"),
        (COURSE[:0], "a stretch of work is empty or on a core that does not exist"),
    ],
)
def test_a_changed_course_is_rejected(segments: Integers, message: str) -> None:
    """Every way in which a record can be false is found."""
    assert message in judged(segments)


def test_false_times_are_rejected() -> None:
    """What is reported of a job must be what its turns show."""
    assert "job 0 starts at another time than reported" in judged(COURSE, start=np.array([1, 0, 5, 10]))
    assert "job 2 starts before it arrives" in broken_figures(JOBS, np.array([0, 0, 1, 10]), FINISH, 2)
    assert "job 3 ends sooner than its work takes" in broken_figures(JOBS, np.array([0, 0, 5, 11]), FINISH, 2)
    crowded = broken_figures(Workload.of_jobs([Job(0, 0, 4)] * 3), np.array([0, 0, 0]), np.array([4, 4, 5]), 2)
    assert crowded == ("more work is done in 5 µs than 2 cores can do",)


def test_more_cores_than_vcpus_are_rejected() -> None:
    """A VM of one vCPU cannot run two jobs at once, but one after the other it can."""
    jobs = Workload.of_jobs([Job(0, 0, 4), Job(0, 0, 4)])
    ground = Ground(2, np.array([1]))
    together = np.array([[0, 0, 0, 4], [1, 1, 3, 7]])
    found = broken_course(ground, jobs, together[:, 2], together[:, 3], together)
    assert found == ("VM 0 runs on more cores at once than its 1 vCPUs",)
    after = np.array([[0, 0, 0, 4], [1, 1, 4, 8]])
    assert broken_course(ground, jobs, after[:, 2], after[:, 3], after) == ()


def test_more_than_the_limit_is_rejected() -> None:
    """A limit holds in every period, for stretches that cross its border as well."""
    jobs = Workload.of_jobs([Job(0, 0, 6)])
    table = np.array([[0, 0, 2, 8]])
    assert broken_course(GROUND, jobs, table[:, 2], table[:, 3], table) == (
        "VM 0 gets 6 µs in one period, more than its 5 µs",
    )
    over = np.array([[0, 0, 7, 13]])
    assert broken_course(GROUND, jobs, over[:, 2], over[:, 3], over) == ()
