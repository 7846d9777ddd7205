"""CBC's words, read as what they prove and no more."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from solver.backends import cbc_files
from solver.backends.claims import Ending
from solver.errors import BackendError
from tests.solver.backends.models import converted, knapsack

X = np.array([1.0, 2.0])

PARTIAL = """Continuous objective value is 11.8819 - 0.00 seconds
Cbc0010I After 0 nodes, 1 on tree, 1e+50 best solution, best possible 12.072538 (0.12 seconds)
Cbc0020I Exiting on maximum time
Cbc0005I Partial search - best objective 1e+50 (best possible 12.072538), took 94581 iterations and 58343 nodes
Result - Stopped on time limit
No feasible solution found
Lower bound:                    12.073
"""


def test_bound_is_never_above_what_was_proved() -> None:
    """CBC printed 12.073 for 12.072538: taken at its word, the bound would be a lie."""
    bound = cbc_files.bound(PARTIAL)
    assert bound is not None
    assert 12.0725 < bound <= 12.0725375


@pytest.mark.parametrize(
    ("log", "least", "most"),
    [
        ("Continuous objective value is -46995.3 - 0.00 seconds", -46995.36, -46995.34999),
        ("Continuous objective value is 0 - 0.00 seconds", 0.0, 0.0),
        ("Continuous objective value is 1.23457e+06 - 0.1 seconds", 1234564.9, 1234565.1),
        ("Cbc0005I Partial search - best objective 5 (best possible -89810.205), took", -89810.2056, -89810.2054),
        ("Cbc0010I After 0 nodes, 1 on tree, 1e+50 best solution, best possible 2.5e-05 (0.1 seconds)", 2.4e-5, 2.5e-5),
        ("Lower bound:                    -89810.205", -89810.2056, -89810.2054),
        ("Lower bound:                    13", 12.5, 12.5),
    ],
)
def test_bounds_in_all_forms(log: str, least: float, most: float) -> None:
    """CBC prints bounds with three decimals, six digits or eight."""
    bound = cbc_files.bound(log)
    assert bound is not None
    assert least <= bound <= most


@pytest.mark.parametrize(
    "log",
    [
        "",
        "Cuts at root node changed objective from 2 to -1.79769e+308",
        "Cbc0010I After 0 nodes, 1 on tree, 1e+50 best solution, best possible -1.7976931e+308 (0.00 seconds)",
        "Lower bound:                    -179769313486231570000.000e300",
        "Objective value:                5.00000000",
        "Cbc0038I Pass   1: suminf.    0.45556 (2) obj. -26639.4 iterations 8",
    ],
)
def test_what_is_no_bound(log: str) -> None:
    """Infinity, incumbents and points of heuristics prove nothing."""
    assert cbc_files.bound(log) is None


@pytest.mark.parametrize(
    ("header", "ending", "has_values"),
    [
        ("Optimal - objective value 4.00000000", Ending.OPTIMAL, True),
        ("Optimal (within gap tolerance) - objective value 4.00000000", Ending.OPTIMAL, True),
        ("Stopped on time - objective value 4.00000000", Ending.STOPPED, True),
        ("Stopped on iterations - objective value 4.00000000", Ending.STOPPED, True),
        ("Stopped on time (no integer solution - continuous used) - objective value 3.5", Ending.STOPPED, False),
        ("Infeasible - objective value 2.00000000", Ending.INFEASIBLE, False),
        ("Integer infeasible - objective value 2.00000000", Ending.INFEASIBLE, False),
        ("Unbounded - objective value 0.00000000", Ending.UNBOUNDED, False),
        ("Status unknown - objective value 0.0", Ending.UNCLEAR, False),
        ("Abandoned - objective value 0.0", Ending.UNCLEAR, False),
    ],
)
def test_every_header(header: str, ending: Ending, has_values: bool) -> None:
    """The header decides whether there are values to look at; the unknown is not guessed."""
    claim = cbc_files.claim("", header, X)
    assert claim.ending is ending
    assert (claim.x is X) is has_values


def test_gap_stop_keeps_the_bound_and_a_proof_needs_none() -> None:
    """An optimum is its own bound, better than a printed one; a gap stop is not."""
    assert (
        cbc_files.claim("Lower bound:   3.000", "Optimal (within gap tolerance) - objective value 4", X).bound == 2.9995
    )
    assert cbc_files.claim("Lower bound:   3.000", "Optimal - objective value 4", X).bound is None


@pytest.mark.parametrize(
    "log",
    [
        "Postprocessed model infeasible - possible tolerance issue - try without preprocessing",
        "Model infeasible after postprocessing",
        "Cbc0020I Exiting on maximum time",
        "Result - Stopped on time limit",
        "Cbc0027I Exiting on user event",
    ],
)
def test_infeasibility_after_a_limit_or_postprocessing_is_doubtful(log: str) -> None:
    """Such claims are on record as wrong."""
    assert cbc_files.claim(log, "Integer infeasible - objective value 4", X).ending is Ending.UNCLEAR


def test_values_are_read_to_the_last_bit(tmp_path: Path) -> None:
    """The text solution would give 8 digits."""
    matrix = converted(knapsack(2, 3))
    values = [1 / 3, 123456789.123456789, -0.0]
    content = struct.pack("<iid4d3d3d", 2, 3, 0.5, *[9.0] * 4, *values, *[9.0] * 3)
    (tmp_path / "values.bin").write_bytes(content)
    assert cbc_files.read_values(tmp_path / "values.bin", matrix).tolist() == values


@pytest.mark.parametrize("size", [0, 15, 100])
def test_short_files_are_errors(size: int, tmp_path: Path) -> None:
    """A file cut by a full disk must not be read as zeros."""
    matrix = converted(knapsack(2, 3))
    (tmp_path / "values.bin").write_bytes(struct.pack("<ii", 2, 3).ljust(size, b"\0")[:size])
    with pytest.raises(BackendError, match="disk full"):
        cbc_files.read_values(tmp_path / "values.bin", matrix)
    with pytest.raises(BackendError, match="disk full"):
        cbc_files.read_header(tmp_path / "status.txt")
