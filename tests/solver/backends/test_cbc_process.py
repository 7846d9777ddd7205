"""The CBC process: killed, interrupted, ignored, orphaned."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from solver.backends import CbcBackend, Outcome, Settings
from solver.deadline import Deadline
from solver.errors import BackendError
from tests.solver.backends.fakes import fake_cbc, python_cbc
from tests.solver.backends.models import knapsack

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes through /proc")

SESSION = """
import signal, sys
from solver.backends import BackendInterrupted, CbcBackend, Settings
from solver.deadline import Deadline
from tests.solver.backends.models import knapsack
signal.signal(signal.SIGINT, signal.default_int_handler)
backend = CbcBackend(sys.argv[1] if len(sys.argv) > 1 else None)
try:
    backend.solve(knapsack(), deadline=Deadline(60), settings=Settings())
except BackendInterrupted as stop:
    print(stop.solution.outcome, stop.solution.objective, stop.solution.bound, stop.solution.backend)
except KeyboardInterrupt:
    print("plain")
"""


def processes(folder: Path) -> list[int]:
    """Return the processes that work in a folder below the given one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                place = (entry / "cwd").readlink()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if place.is_relative_to(folder) and state != "Z":
                found.append(int(entry.name))
    return found


def eventually(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for a condition, or fail."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a temporary folder of its own, to see what is left in it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def session(*arguments: str) -> subprocess.Popen[str]:
    """Start a Python process that solves a hard model."""
    root = Path(__file__).parents[3]
    return subprocess.Popen([sys.executable, "-c", SESSION, *arguments], cwd=root, stdout=subprocess.PIPE, text=True)


def test_killed_from_outside(temporary: Path) -> None:
    """The kernel kills what takes too much memory: that is an error, said at once, without litter."""
    caught: list[BaseException] = []

    def solve() -> None:
        try:
            CbcBackend().solve(knapsack(), deadline=Deadline(60), settings=Settings())
        except BackendError as error:
            caught.append(error)

    thread = threading.Thread(target=solve)
    thread.start()
    eventually(lambda: processes(temporary))
    time.sleep(0.1)
    for process in processes(temporary):
        os.kill(process, signal.SIGKILL)
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert "was killed by signal 9" in str(caught[0])
    assert list(temporary.iterdir()) == []


def test_program_that_hangs_and_ignores_sigint(tmp_path: Path, temporary: Path) -> None:
    """CBC looks at its limit between steps only; a long step must not cost the deadline, nor its bound."""
    body = "trap '' INT\necho 'Cbc0010I After 0 nodes, 1 on tree, 1e+50 best solution, best possible -99999'\n"
    path = fake_cbc(tmp_path / "cbc", body + "sleep 60 & \nwhile :; do sleep 0.1; done")
    begin = time.monotonic()
    solution = CbcBackend(path).solve(knapsack(), deadline=Deadline(0.5), settings=Settings())
    assert 0.5 <= time.monotonic() - begin < 1.5
    assert solution.outcome is Outcome.UNKNOWN
    assert solution.bound is not None
    assert 99999 <= solution.bound < 99999.01
    assert processes(temporary) == []
    assert list(temporary.iterdir()) == []


def test_bound_survives_a_kill(tmp_path: Path, temporary: Path) -> None:
    """A program that holds its output back, as C programs do behind a pipe, must not take the bound with it."""
    body = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("Continuous objective value is -99999 - 0.01 seconds")
time.sleep(60)
"""
    path = python_cbc(tmp_path / "cbc", body)
    solution = CbcBackend(path).solve(knapsack(), deadline=Deadline(2), settings=Settings())
    assert solution.outcome is Outcome.UNKNOWN
    assert solution.bound is not None
    assert 99999 <= solution.bound < 100000


def test_program_that_closes_its_output_and_stays(tmp_path: Path, temporary: Path) -> None:
    """The end of the output is not yet the end of the process."""
    path = fake_cbc(tmp_path / "cbc", "exec >&- 2>&-\nsleep 60")
    begin = time.monotonic()
    solution = CbcBackend(path).solve(knapsack(), deadline=Deadline(0.5), settings=Settings())
    assert time.monotonic() - begin < 2
    assert solution.outcome is Outcome.UNKNOWN
    assert processes(temporary) == []


def test_ctrl_c_gives_the_incumbent(temporary: Path) -> None:
    """Whoever loses patience keeps what was found, and CBC does not run on."""
    python = session()
    eventually(lambda: processes(temporary))
    time.sleep(1.5)
    begin = time.monotonic()
    python.send_signal(signal.SIGINT)
    said, _ = python.communicate(timeout=60)
    assert time.monotonic() - begin < 3
    outcome, objective, bound, *name = said.split()
    assert outcome == "FEASIBLE"
    assert 80_000 < float(objective) <= float(bound)
    assert name[0] == "CBC"
    assert processes(temporary) == []
    assert list(temporary.iterdir()) == []


def test_ctrl_c_on_a_program_that_ignores_it(tmp_path: Path, temporary: Path) -> None:
    """The user's wish counts for more than the solver's; nothing is found, nothing is left."""
    python = session(fake_cbc(tmp_path / "cbc", "trap '' INT\nwhile :; do sleep 0.1; done"))
    eventually(lambda: processes(temporary))
    time.sleep(0.3)
    begin = time.monotonic()
    python.send_signal(signal.SIGINT)
    said, _ = python.communicate(timeout=60)
    assert time.monotonic() - begin < 3
    assert said.split()[:3] == ["UNKNOWN", "None", "None"]
    assert processes(temporary) == []
    assert list(temporary.iterdir()) == []


def test_second_ctrl_c_ends_at_once(tmp_path: Path, temporary: Path) -> None:
    """Impatience is obeyed, still without an orphan."""
    python = session(fake_cbc(tmp_path / "cbc", "trap '' INT\nwhile :; do sleep 0.1; done"))
    eventually(lambda: processes(temporary))
    time.sleep(0.3)
    python.send_signal(signal.SIGINT)
    time.sleep(0.5)
    begin = time.monotonic()
    python.send_signal(signal.SIGINT)
    said, _ = python.communicate(timeout=60)
    assert time.monotonic() - begin < 2
    assert said.split() == ["plain"]
    assert processes(temporary) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_orphan_when_python_dies(number: signal.Signals, temporary: Path) -> None:
    """A batch system's signal leaves neither a process that takes a core nor files."""
    python = session()
    eventually(lambda: processes(temporary))
    time.sleep(0.3)
    python.send_signal(number)
    python.communicate(timeout=60)
    eventually(lambda: not processes(temporary), 3)
    eventually(lambda: not list(temporary.iterdir()), 3)


def test_full_disk_by_a_limit_on_file_size(temporary: Path) -> None:
    """The real thing as near as a test can come: no file may grow beyond 2000 bytes."""
    script = """
import resource
from solver.backends import CbcBackend, Settings
from solver.deadline import Deadline
from solver.errors import BackendError
from tests.solver.backends.models import knapsack
backend = CbcBackend()
backend.name
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    backend.solve(knapsack(), deadline=Deadline(20), settings=Settings())
except BackendError as error:
    print(error)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False
    )
    assert "cannot hand the model to CBC" in ended.stdout
    assert ended.stderr == ""
    assert list(temporary.iterdir()) == []
