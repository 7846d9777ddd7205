"""Workload files: what goes out comes back, and whatever is wrong is named with its line and field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from formulations import VM, Host, InputError, Instance, Resource
from formulations.scheduling.workload import Job, Workload
from solver.inventories import workloads
from solver.inventories.workloads import arrival_of, read_workload, work_of, write_workload

INSTANCE = Instance(
    resources=[Resource(name="cpu")],
    vms=[VM(name="web", count=2, resources={"cpu": 1}, priority=4), VM(name='d,"b', resources={"cpu": 1})],
    hosts=[Host(name="h", capacity={"cpu": 9})],
)


def jobs_in(folder: Path, text: str, name: str = "trace.csv") -> list[Job]:
    """Return the jobs that a file of this text holds."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    workload = read_workload(path, INSTANCE)
    return [workload.job(number) for number in range(len(workload))]


def test_columns_may_stand_in_any_order_and_priorities_may_be_missing(tmp_path: Path) -> None:
    """Traces come from many tools; a job without a priority has its VM's."""
    text = 'cpu_seconds,vm,priority,arrival\n0.5,web-2,,1\n\n.25, web-1 ,-3,2e-3\r\n1,"d,""b",0,0\n'
    assert jobs_in(tmp_path, text) == [Job(1_000_000, 1, 500_000, 4), Job(2_000, 0, 250_000, -3), Job(0, 2, 1_000_000)]
    assert jobs_in(tmp_path, "arrival,vm,cpu_seconds\n0,web-1,1\n") == [Job(0, 0, 1_000_000, 4)]


def test_json_holds_the_same(tmp_path: Path) -> None:
    """Programs write JSON."""
    text = '{"version": 1, "jobs": [{"arrival": 0.1, "vm": "web-1", "cpu_seconds": 2}, \
        {"arrival": 0, "vm": "web-2", "cpu_seconds": 1e-6, "priority": 0}]}'
    assert jobs_in(tmp_path, text, "trace.json") == [Job(100_000, 0, 2_000_000, 4), Job(0, 1, 1, 0)]


@pytest.mark.parametrize("name", ["trace.csv", "trace.json"])
def test_written_work_comes_back(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generated day can be kept, and simulated again with another version; in pieces as well."""
    monkeypatch.setattr(workloads, "CHUNK", 7)
    rng = np.random.default_rng(2)
    columns = (rng.integers(0, high, 50) + low for low, high in ((0, 10**9), (0, 3), (1, 10**7), (-5, 9)))
    before = Workload(*columns)
    write_workload(before, INSTANCE, tmp_path / name)
    after = read_workload(tmp_path / name, INSTANCE)
    assert [after.job(n) for n in range(50)] == [before.job(n) for n in range(50)]


def test_times_are_rounded_to_microseconds_on_the_safe_side() -> None:
    """Work is never less than stated, and nothing arrives later than it does."""
    assert (arrival_of("0.0000019"), work_of("0.0000011")) == (1, 2)
    assert work_of("1e-40") == 1
    assert arrival_of("1e-40") == 0
    assert arrival_of("12.5") == 12_500_000


BROKEN_CSV = {
    "arrival,vm,cpu_second\n": "line 1: unknown column 'cpu_second'",
    "arrival,vm,vm,cpu_seconds\n": "line 1: column 'vm' is given twice",
    "arrival,vm\n": "line 1: column 'cpu_seconds' is missing",
    "arrival,vm,cpu_seconds\n": "expected at least one job",
    "arrival,vm,cpu_seconds\n0,web-1,1\n\n0,web-3,1\n": "line 4, vm: no single VM is called 'web-3'",
    "arrival,vm,cpu_seconds\n0,web,1\n": "line 2, vm: no single VM is called 'web'",
    "arrival,vm,cpu_seconds\nsoon,web-1,1\n": "line 2, arrival: expected a number of seconds, got 'soon'",
    "arrival,vm,cpu_seconds\n-1,web-1,1\n": "line 2, arrival: must not be negative",
    "arrival,vm,cpu_seconds\nNaN,web-1,1\n": "line 2, arrival: expected a finite number",
    "arrival,vm,cpu_seconds\n0,web-1,0\n": "line 2, cpu_seconds: must be positive",
    "arrival,vm,cpu_seconds\n0,web-1,1e400\n": "line 2, cpu_seconds: must be at most",
    "arrival,vm,cpu_seconds\n0,web-1,1,7\n": "line 2: expected 3 fields, got 4",
    "arrival,vm,cpu_seconds,priority\n0,web-1,1,high\n": "line 2, priority: expected a whole number, got 'high'",
    "arrival,vm,cpu_seconds,priority\n0,web-1,1,1000001\n": "line 2, priority: must lie within",
    'arrival,vm,cpu_seconds\n0,"web-1,1\n': "line 2: unexpected end of data",
}


@pytest.mark.parametrize(("text", "message"), BROKEN_CSV.items())
def test_broken_csv_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """In ten million rows only the line number helps."""
    with pytest.raises(InputError) as caught:
        jobs_in(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'trace.csv'}: {message}")


BROKEN_JSON = {
    '{"jobs": [{"arrival": 0, "vm": "web-1", "cpu_seconds": 1, "prio": 2}]}': "jobs[0].prio: unknown field",
    '{"jobs": [{"arrival": 0, "vm": "web-1"}]}': "jobs[0]: required field 'cpu_seconds' is missing",
    '{"jobs": [{"arrival": 0, "vm": "web-7", "cpu_seconds": 1}]}': "jobs[0].vm: no single VM",
    '{"jobs": [{"arrival": 0, "vm": "web-1", "cpu_seconds": 0}]}': "jobs[0].cpu_seconds: must be positive",
    '{"version": 2, "jobs": []}': "version: expected 1, got 2",
    '{"jobs": []}': "expected at least one job",
}


@pytest.mark.parametrize(("text", "message"), BROKEN_JSON.items())
def test_broken_json_is_named_with_its_field(tmp_path: Path, text: str, message: str) -> None:
    """A misspelled field is an error, not a job of the usual priority."""
    with pytest.raises(InputError) as caught:
        jobs_in(tmp_path, text, "trace.json")
    assert str(caught.value).startswith(f"{tmp_path / 'trace.json'}: {message}")


def test_more_jobs_than_the_limit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that is stated holds."""
    monkeypatch.setattr(workloads, "MOST_JOBS", 2)
    with pytest.raises(InputError, match="more than 2 jobs"):
        jobs_in(tmp_path, "arrival,vm,cpu_seconds\n" + "0,web-1,1\n" * 3)
