"""Backends by name."""

from __future__ import annotations

import re

import pulp
import pytest

from solver.backends import BACKENDS, DEFAULT_BACKEND, BackendInterrupted, Outcome, Settings, Solution, backend_named
from solver.deadline import Deadline
from tests.solver.backends.models import expression, knapsack


@pytest.mark.parametrize("name", BACKENDS)
def test_every_name_gives_a_backend_that_solves(name: str) -> None:
    """The command line offers these names."""
    backend = backend_named(name)
    assert re.fullmatch(r"(CBC|HiGHS) .*\d.*", backend.name)
    problem = pulp.LpProblem("one")
    problem.setObjective(expression([(problem.add_variable("x", 2, 3), 1)]))
    assert backend.solve(problem, deadline=Deadline(10), settings=Settings()).objective == 2


def test_default_is_one_of_them() -> None:
    """The default must be offered, too."""
    assert DEFAULT_BACKEND in BACKENDS


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    """A typing error is answered with what there is."""
    with pytest.raises(ValueError, match="no backend 'gurobi'; there are cbc, highs"):
        backend_named("gurobi")


def test_interruptions_pass_for_ctrl_c() -> None:
    """Code that knows nothing of incumbents must still stop at a Ctrl-C."""
    stop = BackendInterrupted(Solution(Outcome.UNKNOWN))
    assert isinstance(stop, KeyboardInterrupt)
    assert not isinstance(stop, Exception)


@pytest.mark.parametrize("name", BACKENDS)
def test_integer_model_infeasible_under_an_unbounded_relaxation(name: str) -> None:
    """Calling it unbounded would send its user to look for a missing limit that is there."""
    problem = pulp.LpProblem("trap", pulp.LpMaximize)
    x, y, z = (problem.add_variable(letter, 0, None, pulp.LpInteger) for letter in "xyz")
    problem.setObjective(expression([(z, 1)]))
    problem.addConstraint(pulp.LpConstraint(expression([(x, 2), (y, -2)]), pulp.LpConstraintEQ, "parity", 1))
    problem.addConstraint(pulp.LpConstraint(expression([(x, 1), (y, 1)]), pulp.LpConstraintLE, "box", 9))
    problem.addConstraint(pulp.LpConstraint(expression([(z, 1), (x, -1)]), pulp.LpConstraintGE, "ray", 0))
    assert backend_named(name).solve(problem, deadline=Deadline(20), settings=Settings()).outcome is Outcome.INFEASIBLE


@pytest.mark.parametrize("name", BACKENDS)
def test_free_integer_in_no_row_is_unbounded(name: str) -> None:
    """CBC 2.10.3 forgets such a variable and calls the model infeasible."""
    problem = pulp.LpProblem("free", pulp.LpMaximize)
    x = problem.add_variable("x", cat=pulp.LpInteger)
    y = problem.add_variable("y", None, 5, pulp.LpInteger)
    problem.setObjective(expression([(x, 1), (y, -4)]))
    problem.addConstraint(pulp.LpConstraint(expression([(y, -4.5)]), pulp.LpConstraintLE, "row", 3))
    assert backend_named(name).solve(problem, deadline=Deadline(20), settings=Settings()).outcome is Outcome.UNBOUNDED


@pytest.mark.parametrize("name", BACKENDS)
def test_limit_of_nodes_gives_the_same_answer_every_time(name: str) -> None:
    """Time differs from machine to machine; whoever must repeat a result limits nodes."""
    backend = backend_named(name)
    first, second = (
        backend.solve(knapsack(3, 60), deadline=Deadline(60), settings=Settings(nodes=2)) for _ in range(2)
    )
    assert first.outcome is Outcome.FEASIBLE
    assert (first.values, first.bound) == (second.values, second.bound)
    assert first.bound is not None
    assert first.objective is not None
    assert first.bound > first.objective
