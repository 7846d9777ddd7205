"""Whatever a subject does, its run gives a row, and what it packed decides what the row says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import benchmarks
from benchmarks.families import Case
from benchmarks.families.hard import elastic
from benchmarks.measuring import Task, measure, metered
from benchmarks.problems import write_problem
from benchmarks.protocol import Limits, Record
from tests.benchmarks import fakes
from tests.benchmarks.fakes import subject, tiny_case

METER = Path(benchmarks.__file__).with_name("meter.py")
LIMITS = Limits(seconds=5)


def _measured(program: str, tmp_path: Path, limits: Limits = LIMITS) -> Record:
    problem = write_problem(tiny_case(), tmp_path)
    with subject("fake", program) as name:
        return measure(Task(problem=problem, subject=name, limits=limits))


def test_an_honest_answer_is_recomputed(tmp_path: Path) -> None:
    """Value, trace and integral are as packed, and a bound in floats is lifted to a whole number."""
    record = _measured(fakes.HONEST, tmp_path)
    assert (record.status, record.value, record.bound, record.verified) == ("FEASIBLE", 5, 1, True)
    assert (record.proof, record.first, record.seconds) == ("", 0.01, 0.02)
    assert record.primal_integral == pytest.approx(0.01)
    assert (record.n, record.flavours, record.resources, record.types) == (5, 2, 2, 1)
    assert record.wall > 0
    assert record.date


def test_a_value_is_what_the_patterns_are_worth_not_what_is_claimed(tmp_path: Path) -> None:
    """A subject that claims one bin and fills five has five."""
    record = _measured(fakes.BOASTER, tmp_path)
    assert (record.value, record.bound, record.verified, record.proof) == (5, 1, True, "")


def test_an_answer_that_leaves_items_out_is_none(tmp_path: Path) -> None:
    """The judge says what is missing."""
    record = _measured(fakes.FORGETFUL, tmp_path)
    assert (record.value, record.verified, record.proof) == (None, False, "")
    assert record.message == "judge: flavour 0: 0 of 3 items packed"


def test_a_crash_is_a_row_with_its_last_words(tmp_path: Path) -> None:
    """A campaign goes on, and somebody can see why a row is empty."""
    record = _measured(fakes.CRASH, tmp_path)
    assert (record.status, record.message, record.verified) == ("CRASHED", "out of luck", False)


def test_a_garbled_answer_is_a_crash(tmp_path: Path) -> None:
    """Half an answer is none."""
    assert _measured(fakes.GARBLED, tmp_path).status == "CRASHED"


def test_a_subject_that_does_not_end_is_ended(tmp_path: Path) -> None:
    """Its time is over some seconds after the limit, not never."""
    record = _measured(fakes.ENDLESS, tmp_path, Limits(seconds=0.2, grace=0.2))
    assert record.status == "KILLED"
    assert record.wall < 30


def test_cpu_and_memory_include_children_and_exclude_the_campaign(tmp_path: Path) -> None:
    """Solvers that start other programs, and campaigns that hold much memory, must not falsify figures."""
    ballast = bytearray(300_000_000)
    record = _measured(fakes.BUSY, tmp_path)
    assert len(ballast) == 300_000_000
    assert record.cpu >= 0.6
    assert record.memory is not None
    assert 80 <= record.memory < 250


def test_a_run_keeps_to_its_core_and_its_memory(tmp_path: Path) -> None:
    """Equal cores and memory for all are what a comparison rests on."""
    core = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    said = "import os; print(sorted(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else [None])"
    metered([sys.executable, "-S", "-c", said], tmp_path, LIMITS, core)
    assert fakes.log_of(tmp_path).strip() == f"[{core}]"
    greedy = "bytearray(2_000_000_000)"
    usage = metered([sys.executable, "-S", "-c", greedy], tmp_path, Limits(seconds=5, memory=500), core)
    if sys.platform == "linux":
        assert usage.code == 1
        assert "MemoryError" in fakes.log_of(tmp_path)


def test_an_interrupted_meter_ends_what_it_measures(tmp_path: Path) -> None:
    """A campaign stopped by Ctrl-C must not leave solvers behind that falsify the next one."""
    stubborn = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid(), flush=True)"
    command = [
        sys.executable,
        "-S",
        str(METER),
        "--usage",
        str(tmp_path / "usage.json"),
        "--log",
        str(tmp_path / "log"),
    ]
    command += ["--seconds", "60", "--", sys.executable, "-S", "-c", f"{stubborn}; time.sleep(60)"]
    meter = subprocess.Popen(command)
    deadline = time.monotonic() + 30
    while not ((tmp_path / "log").exists() and fakes.log_of(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    subject_id = int(fakes.log_of(tmp_path))
    meter.terminate()
    assert meter.wait(timeout=30) == 128 + signal.SIGINT
    while _alive(subject_id) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(subject_id)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and status.read_text(encoding="utf-8").split()[2] == "Z")  # dead, not yet reaped


def test_a_packing_subject_is_not_blamed_for_an_instance_that_is_none(tmp_path: Path) -> None:
    """Rules are no part of a packing file: the run is skipped."""
    problem = write_problem(Case(family="hard", name="elastic", build=lambda: elastic(3, 8, 0)), tmp_path)
    with subject("fake", fakes.HONEST) as name:
        record = measure(Task(problem=problem, subject=name, limits=LIMITS))
    assert record.status == "SKIPPED"
    assert "no vector packing" in record.message


@pytest.mark.parametrize("name", ["command-line", "arc-flow", pytest.param("columns", marks=pytest.mark.campaign)])
def test_our_own_subjects_solve_and_agree(name: str, tmp_path: Path) -> None:
    """Three bins of the tiny packing, judged and proved, whichever way placewright is asked."""
    problem = write_problem(tiny_case(), tmp_path)
    record = measure(Task(problem=problem, subject=name, limits=Limits(seconds=20)))
    assert (record.status, record.value, record.verified) == ("OPTIMAL", 3, True), record.message
    assert record.proof in ("exact", "solver")
    assert record.seconds is not None
    assert record.trace
    assert record.versions["placewright"]
