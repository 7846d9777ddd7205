"""Problems as arrays: converted, evaluated and checked."""

from __future__ import annotations

import math

import numpy as np
import pulp
import pytest

from solver.backends.matrix import Matrix
from solver.deadline import Deadline
from tests.solver.backends.models import converted, expression, knapsack, random_model


def small() -> pulp.LpProblem:
    """Return max 3 a - b + 5, a + 2 b <= 8, a - b = 1, a >= -2, a integer in [0.5, 4.5], b free."""
    problem = pulp.LpProblem("small", pulp.LpMaximize)
    a = problem.add_variable("a", 0.5, 4.5, pulp.LpInteger)
    b = problem.add_variable("b")
    problem.setObjective(expression([(a, 3), (b, -1)], 5))
    problem.addConstraint(pulp.LpConstraint(expression([(a, 1), (b, 2)]), pulp.LpConstraintLE, "le", 8))
    problem.addConstraint(pulp.LpConstraint(expression([(a, 1), (b, -1)]), pulp.LpConstraintEQ, "eq", 1))
    problem.addConstraint(pulp.LpConstraint(expression([(a, 1), (b, 0)]), pulp.LpConstraintGE, "ge", -2))
    return problem


def test_every_figure_is_where_it_belongs() -> None:
    """Everything else builds on this conversion."""
    matrix = converted(small())
    assert matrix.names == ("a", "b")
    assert matrix.sign == -1
    assert matrix.cost.tolist() == [-3, 1]
    assert matrix.constant == -5
    assert matrix.rows.toarray().tolist() == [[1, 2], [1, -1], [1, 0]]
    assert matrix.low.tolist() == [-math.inf, 1, -2]
    assert matrix.high.tolist() == [8, 1, math.inf]
    assert matrix.lower.tolist() == [1, -math.inf]
    assert matrix.upper.tolist() == [4, math.inf]
    assert matrix.integer.tolist() == [True, False]
    assert matrix.is_integer


def test_values_and_objectives_have_their_directions() -> None:
    """Inside, all is minimised; outside, the problem's own direction counts."""
    matrix = converted(small())
    value = matrix.value(np.array([2.0, 1.0]))
    assert value == -10
    assert matrix.objective(value) == 10
    assert matrix.objective(None) is None


@pytest.mark.parametrize("seed", range(30))
def test_admits_what_pulp_admits(seed: int) -> None:
    """PuLP's own, slower check of rows and bounds is the second opinion."""
    problem = random_model(seed)
    matrix = converted(problem)
    chance = np.random.default_rng(seed)
    for _ in range(40):
        x = chance.integers(-4, 6, len(matrix.names)).astype(np.float64)
        for variable, value in zip(problem.variables(), x.tolist(), strict=True):
            variable.varValue = value
        assert matrix.admits(x) == problem.valid(eps=1e-6)


def test_rows_are_judged_on_their_own_scale() -> None:
    """A byte is nothing beside a terabyte, and much beside two."""
    problem = pulp.LpProblem("scales")
    a = problem.add_variable("a")
    problem.setObjective(expression([(a, 1)]))
    problem.addConstraint(pulp.LpConstraint(expression([(a, 1)]), pulp.LpConstraintLE, "row", 1e12))
    matrix = converted(problem)
    assert matrix.admits(np.array([1e12 + 1]))
    assert not matrix.admits(np.array([1.00001e12]))
    problem.constraints()[0].changeRHS(2)
    matrix = converted(problem)
    assert matrix.admits(np.array([2.000001]))
    assert not matrix.admits(np.array([2.1]))


def test_rounding_takes_integers_only_and_only_a_hair() -> None:
    """Half a VM must not become a whole one."""
    matrix = converted(small())
    rounded = matrix.rounded(np.array([2.000004, 0.3]))
    assert rounded is not None
    assert rounded.tolist() == [2.0, 0.3]
    assert matrix.rounded(np.array([2.00002, 0.3])) is None
    assert matrix.rounded(np.array([2.0, math.nan])) is None
    assert matrix.rounded(np.array([2.0, math.inf])) is None


def test_starts_are_complete_integral_and_fit_or_are_none() -> None:
    """Only such a start is an incumbent."""
    matrix = converted(small())
    whole = matrix.vector({"a": 2.0, "b": 1.0, "more": 7.0})
    assert whole is not None
    assert matrix.named(whole) == {"a": 2.0, "b": 1.0}
    assert matrix.vector({"a": 2.0}) is None
    assert matrix.vector({"a": 2.0, "c": 1.0}) is None
    assert matrix.vector({"a": 2.5, "b": 1.5}) is None
    assert matrix.vector({"a": 4.0, "b": 3.0}) is None


def test_derived_models_change_one_thing_each() -> None:
    """Follow-up questions must be about the same rows."""
    matrix = converted(small())
    assert matrix.without_objective().value(np.array([2.0, 1.0])) == 0
    assert not matrix.relaxed().is_integer
    fixed = matrix.with_integers_fixed(np.array([3.0, 9.9]))
    assert (fixed.lower[0], fixed.upper[0]) == (3, 3)
    assert (fixed.lower[1], fixed.upper[1]) == (-math.inf, math.inf)
    assert not fixed.is_integer
    assert matrix.upper[0] == 4


def test_falling_costs_are_seen() -> None:
    """Only where costs can fall for ever can a model be unbounded."""
    assert converted(small()).falls.tolist() == [False, True]
    assert not converted(knapsack(2, 5)).falls.any()


def test_conversion_stops_at_the_deadline() -> None:
    """A model too large for its deadline must not eat it up before the solver starts."""
    problem = small()
    problem.variables()[0].varValue = 7
    assert Matrix.of(problem, Deadline(0)) is None
    assert problem.variables()[0].value() is None
