"""Workloads hold what they may hold, and their sums are exact."""

from __future__ import annotations

import numpy as np
import pytest

from formulations import VM, Host, InputError, Instance, Resource
from formulations.scheduling.workload import LONGEST, Job, Workload, exact_sum, own_priorities


def test_jobs_come_back_as_they_went_in() -> None:
    """Arrays are how jobs are kept, not what they mean."""
    jobs = [Job(5, 0, 10, 2), Job(0, 3, 1)]
    workload = Workload.of_jobs(jobs)
    assert [workload.job(number) for number in range(len(workload))] == jobs
    assert workload.subset(np.array([1])).job(0) == jobs[1]


@pytest.mark.parametrize(
    ("job", "field"),
    [
        (Job(-1, 0, 1), r"jobs\[0\]\.arrival"),
        (Job(0, -1, 1), r"jobs\[0\]\.vm"),
        (Job(0, 0, 0), r"jobs\[0\]\.work"),
        (Job(0, 0, 1, 2_000_000), r"jobs\[0\]\.priority"),
        (Job(LONGEST + 1, 0, 1), r"jobs\[0\]\.arrival"),
    ],
)
def test_figures_out_of_range_are_refused_by_name(job: Job, field: str) -> None:
    """A job without work, or before time began, would make nonsense of every figure."""
    with pytest.raises(InputError, match=field):
        Workload.of_jobs([job])


def test_more_work_than_time_can_count_is_refused() -> None:
    """Ends of jobs must fit into 64 bits whatever the policy."""
    with pytest.raises(InputError, match="all work together"):
        Workload.of_jobs([Job(0, 0, LONGEST), Job(0, 0, 1)])


def test_arrays_of_different_length_are_refused() -> None:
    """A forgotten column is not filled in silently."""
    one = np.ones(1, dtype=np.int64)
    with pytest.raises(InputError, match="priority"):
        Workload(one, one, one, np.ones(2, dtype=np.int64))


def test_sums_are_exact_beyond_64_bits() -> None:
    """Ten million waiting times of years add up to more than an int64 holds."""
    assert exact_sum(np.full(5, 2**62, dtype=np.int64)) == 5 * 2**62


def test_jobs_have_their_vms_priorities() -> None:
    """Members of a counted entry share its priority."""
    vms = [VM(name="a", resources={"cpu": 1}, count=2, priority=3), VM(name="b", resources={"cpu": 1})]
    instance = Instance(resources=[Resource(name="cpu")], vms=vms, hosts=[Host(name="h", capacity={"cpu": 9})])
    assert own_priorities(instance, np.array([2, 1, 0])).tolist() == [0, 3, 3]
