"""Model files: read back by PuLP, they say what was written."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pulp
import pytest

from solver.backends.mps import CONSTANT, write_model, write_start
from solver.deadline import Deadline
from tests.solver.backends.models import converted, expression, knapsack, random_model


@pytest.mark.parametrize("seed", range(25))
def test_pulp_reads_what_is_written(seed: int, tmp_path: Path) -> None:
    """Another reader of the format is the second opinion on the writer."""
    matrix = converted(random_model(seed))
    path = tmp_path / "model.mps"
    write_model(matrix, path, Deadline())
    path.write_text(path.read_text().replace("  FREE", ""))
    _, problem = pulp.LpProblem.fromMPS(str(path))
    again = converted(problem)
    columns = [name for name in again.names if name != CONSTANT]
    mine = [int(name[1:]) for name in columns]
    kept = [again.names.index(name) for name in columns]
    assert np.array_equal(again.cost[kept], matrix.cost[mine])
    assert np.array_equal(again.rows.toarray()[:, kept], matrix.rows.toarray()[:, mine])
    assert np.array_equal(again.low, matrix.low)
    assert np.array_equal(again.high, matrix.high)
    assert np.array_equal(again.lower[kept], matrix.lower[mine])
    assert np.array_equal(again.upper[kept], matrix.upper[mine])
    assert np.array_equal(again.integer[kept], matrix.integer[mine])
    assert (
        again.cost[again.names.index(CONSTANT)] == matrix.constant if matrix.constant else CONSTANT not in again.names
    )


def test_figures_keep_their_last_bit(tmp_path: Path) -> None:
    """PuLP's writer would round to 13 digits."""
    problem = pulp.LpProblem("figures")
    problem.setObjective(expression([(problem.add_variable("x", 0, math.pi * 1e8), 1 / 3)]))
    write_model(converted(problem), tmp_path / "model.mps", Deadline())
    words = (tmp_path / "model.mps").read_text().split()
    assert repr(1 / 3) in words
    assert repr(math.pi * 1e8) in words


def test_start_names_known_variables_only(tmp_path: Path) -> None:
    """Starts may come from a larger model or know only a part."""
    matrix = converted(knapsack(1, 3))
    write_start(matrix, {"x2": 1.0, "stranger": 5.0}, tmp_path / "start.sol")
    lines = (tmp_path / "start.sol").read_text().splitlines()
    assert lines[1:] == ["2 X0000002 1.0 0"]


def test_writing_stops_at_the_deadline(tmp_path: Path) -> None:
    """Large models take seconds to write."""
    with pytest.raises(TimeoutError):
        write_model(converted(knapsack()), tmp_path / "model.mps", Deadline(0))
