"""What CBC says is read as it is meant."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.peers.scripts.cbc import run_cbc
from tests.benchmarks.peers.cases import attempt_at, one_type

FAKE = """#!{python}
import sys, time
from pathlib import Path
print({log!r}, flush=True)
time.sleep({seconds})
if {solution!r}:
    Path(sys.argv[-1]).write_text({solution!r})
"""


def fake(folder: Path, log: str, solution: str, seconds: float = 0.0) -> str:
    """Return a program that speaks as CBC does, and takes its time."""
    path = folder / "cbc"
    path.write_text(FAKE.format(python=sys.executable, log=log, solution=solution, seconds=seconds), encoding="utf-8")
    path.chmod(0o755)
    return str(path)


STOPPED = """Version: 2.10.3
Cbc0038I Solution found of 24
Cbc0012I Integer solution of 23 found by DiveCoefficient after 0 iterations and 0 nodes (0.05 seconds)
Cbc0004I Integer solution of 22 found after 123 iterations and 4 nodes (1.25 seconds)
Result - Stopped on time limit

Objective value:                22.00000000
Lower bound:                    20.250
"""


@pytest.mark.parametrize(
    ("log", "solution", "expected"),
    [
        (STOPPED, "Stopped on time - objective value 22.0\n 3 x_0_1 1 0\n** 4 y_1 1 0\n", ("FEASIBLE", 22, 20.25)),
        ("", "Optimal - objective value 21.0\n 3 x_0_1 1 0\n", ("OPTIMAL", 21, 21)),
        (
            "Cbc0020I Exiting on maximum time\nLower bound: 50.1",
            "Infeasible - objective value 50.1\n 0 y_0 0.5 0\n",
            ("UNKNOWN", None, 50.1),
        ),
        ("Lower bound: 1e+50", "Infeasible - objective value 0.0\n", ("INFEASIBLE", None, None)),
        (
            "Lower bound: 19.5",
            "Stopped on time (no integer solution - continuous used) - objective value 20.5\n 0 y_0 0.5 0\n",
            ("UNKNOWN", None, 19.5),
        ),
        ("Cbc0010I 24 on tree, 1e+50 best solution, best possible 18.5 (5.05 seconds)", "", ("UNKNOWN", None, 18.5)),
        ("", "", ("UNKNOWN", None, None)),
    ],
)
def test_endings(log: str, solution: str, expected: tuple[str, float | None, float | None], tmp_path: Path) -> None:
    """A fractional solution is none, a stop is no optimum, and 1e50 is no bound."""
    attempt = attempt_at(one_type(), tmp_path)
    found = run_cbc(attempt, fake(tmp_path, log, solution), tmp_path / "model.mps")
    assert (found.status, found.value, found.bound) == expected
    if found.status == "FEASIBLE":
        assert found.values == {"x_0_1": 1.0, "y_1": 1.0}


def test_what_is_called_infeasible_at_the_limit_is_unknown(tmp_path: Path) -> None:
    """CBC says so of problems that it had no time for."""
    program = fake(tmp_path, "", "Infeasible - objective value 50\n", seconds=0.3)
    found = run_cbc(attempt_at(one_type(), tmp_path, seconds=0.2), program, tmp_path / "model.mps")
    assert found.status == "UNKNOWN"


def test_incumbents_come_with_their_time(tmp_path: Path) -> None:
    """Times in the log count from the start of CBC, and only better values are noted."""
    attempt = attempt_at(one_type(), tmp_path)
    run_cbc(attempt, fake(tmp_path, STOPPED, ""), tmp_path / "model.mps")
    assert [value for _, value in attempt.trace] == [23, 22]
    assert attempt.trace[1][0] - attempt.trace[0][0] == pytest.approx(1.2)
    assert attempt.versions["cbc"] == "2.10.3"


def test_a_cbc_that_overlooks_its_limit_is_ended(tmp_path: Path) -> None:
    """In a long LP it does, and what it said before must not be lost."""
    program = fake(tmp_path, "Cbc0010I best possible 18.5", "", seconds=60)
    attempt = attempt_at(one_type(), tmp_path, seconds=0.2)
    found = run_cbc(attempt, program, tmp_path / "model.mps")
    assert (found.status, found.bound) == ("UNKNOWN", 18.5)
    assert attempt.elapsed < 30
