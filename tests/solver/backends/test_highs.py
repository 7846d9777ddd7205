"""HiGHS as a second opinion: the same door, the same honesty."""

from __future__ import annotations

import subprocess
import sys
import time

import pulp
import pytest

from solver.backends import Outcome, Settings
from solver.backends.claims import Ending
from solver.backends.highs import HighsBackend, _ending
from solver.deadline import Deadline
from tests.solver.backends.models import knapsack, market_split


@pytest.mark.parametrize("problem", [market_split(), knapsack()], ids=["no solution in time", "no proof in time"])
def test_deadline_of_a_second_holds(problem: pulp.LpProblem) -> None:
    """The second opinion must keep deadlines too."""
    begin = time.monotonic()
    solution = HighsBackend().solve(problem, deadline=Deadline(1.0), settings=Settings())
    assert time.monotonic() - begin < 2.0
    assert solution.backend == HighsBackend().name
    if problem.name == "market":
        assert solution.outcome is Outcome.UNKNOWN
        assert solution.values == {}
    else:
        assert solution.outcome is Outcome.FEASIBLE
        assert problem.valid()
        assert solution.bound is not None
        assert solution.objective is not None
        assert solution.bound >= solution.objective


def test_deadline_that_is_over() -> None:
    """No time is no error."""
    solution = HighsBackend().solve(knapsack(), deadline=Deadline(0), settings=Settings())
    assert solution.outcome is Outcome.UNKNOWN


def test_no_deadline() -> None:
    """A deadline is not required."""
    assert HighsBackend().solve(knapsack(2, 10), deadline=Deadline(), settings=Settings()).outcome is Outcome.OPTIMAL


def test_start_is_never_lost() -> None:
    """Scipy takes no start, but callers may rely on getting nothing worse back."""
    problem = market_split()
    planted = {variable.name: float(number % 2) for number, variable in enumerate(problem.variables())}
    for row in problem.constraints():
        row.changeRHS(sum(coefficient * planted[variable.name] for variable, coefficient in row.items()))
    solution = HighsBackend().solve(problem, deadline=Deadline(0.05), settings=Settings(), start=planted)
    assert solution.found
    assert solution.objective is not None
    assert solution.objective <= 15


def test_gap_stops_early_with_a_bound_that_says_so() -> None:
    """The gap is one notion for all backends."""
    solution = HighsBackend().solve(knapsack(), deadline=Deadline(20), settings=Settings(gap=0.05))
    assert solution.outcome is Outcome.OPTIMAL
    assert solution.objective is not None
    assert solution.bound is not None
    assert solution.objective <= solution.bound <= 1.05 * solution.objective


@pytest.mark.parametrize(
    ("message", "ending"),
    [
        ("The problem is infeasible. (HiGHS Status 8: model_status is Infeasible)", Ending.INFEASIBLE),
        ("The problem is unbounded or infeasible. (HiGHS Status 9)", Ending.UNBOUNDED),
        ("The HiGHS status code was not recognized. (HiGHS Status 16: Solution limit reached)", Ending.STOPPED),
        ("(HiGHS Status 2: Model error)", Ending.UNCLEAR),
        ("(HiGHS Status 4: Solve error)", Ending.UNCLEAR),
    ],
)
def test_messages_decide_where_the_status_has_two_meanings(message: str, ending: Ending) -> None:
    """Scipy gives an error in the model the status of an infeasible one."""
    assert _ending(message) is ending


def test_nothing_but_the_second_opinion_loads_scipy_optimize() -> None:
    """Its import takes as long as many a solve; only those who ask for it pay."""
    assert "scipy.optimize" in sys.modules
    code = "import sys, solver.backends; assert 'scipy.optimize' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
