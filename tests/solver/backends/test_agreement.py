"""CBC, HiGHS and enumeration agree."""

from __future__ import annotations

import itertools
import math

import pulp
import pytest

from solver.backends import Outcome, Settings, Solution, backend_named
from solver.deadline import Deadline
from tests.solver.backends.models import random_binary_model, random_model

SIDES = {pulp.LpConstraintLE: float.__le__, pulp.LpConstraintGE: float.__ge__, pulp.LpConstraintEQ: float.__eq__}


def solved(name: str, problem: pulp.LpProblem) -> Solution:
    return backend_named(name).solve(problem, deadline=Deadline(20), settings=Settings())


def check_solution(problem: pulp.LpProblem, solution: Solution) -> None:
    """Assert that values keep the model and that the bound brackets the objective."""
    assert solution.objective is not None
    assert solution.bound is not None
    assert set(solution.values) == {variable.name for variable in problem.variables()}
    assert problem.valid(eps=1e-5)
    constant = 0.0 if problem.objective is None else problem.objective.value()
    assert solution.objective == pytest.approx(constant, abs=1e-9)
    direction = -1 if problem.sense == pulp.LpMaximize else 1
    assert direction * solution.bound <= direction * solution.objective


def check_agreement(seed: int) -> None:
    """Assert that both backends say the same of one random model."""
    problem = random_model(seed)
    cbc = solved("cbc", problem)
    if cbc.found:
        check_solution(problem, cbc)
    highs = solved("highs", problem)
    if highs.found:
        check_solution(problem, highs)
    assert cbc.outcome is highs.outcome
    assert cbc.outcome in (Outcome.OPTIMAL, Outcome.INFEASIBLE, Outcome.UNBOUNDED)
    if cbc.found:
        assert cbc.objective == pytest.approx(highs.objective, abs=1e-5)


def enumerated(problem: pulp.LpProblem) -> float | None:
    """Return the best objective over all integer points, or None."""
    variables = problem.variables()
    best = None
    for point in itertools.product((-1.0, 0.0, 1.0, 2.0), repeat=len(variables)):
        for variable, value in zip(variables, point, strict=True):
            variable.varValue = value
        if all(SIDES[row.sense](float(row.value()), 0.0) for row in problem.constraints()):
            value = problem.objective.value()
            pick = max if problem.sense == pulp.LpMaximize else min
            best = value if best is None else pick(best, value)
    return best


def check_against_enumeration(seed: int) -> None:
    """Assert that both backends find the enumerated optimum, or prove that there is none."""
    problem = random_binary_model(seed)
    best = enumerated(problem)
    for name in ("cbc", "highs"):
        solution = solved(name, problem)
        assert solution.outcome is (Outcome.INFEASIBLE if best is None else Outcome.OPTIMAL)
        assert solution.objective == (None if best is None else pytest.approx(best, abs=1e-6))
        assert all(math.isclose(value, round(value), abs_tol=0) for value in solution.values.values())


@pytest.mark.parametrize("seed", range(40))
def test_backends_agree_on_random_models(seed: int) -> None:
    """Two solvers that share nothing but the conversion must not contradict each other."""
    check_agreement(seed)


@pytest.mark.parametrize("seed", range(10))
def test_backends_agree_with_enumeration(seed: int) -> None:
    """Both could share an error of the conversion; enumeration shares nothing with it."""
    check_against_enumeration(seed)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(1000, 1300))
def test_backends_agree_on_many_random_models(seed: int) -> None:
    """Rare corners (empty rows, crossed bounds, free integers) need hundreds of models to come up."""
    check_agreement(seed)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(1000, 1300))
def test_backends_agree_with_enumeration_on_many_models(seed: int) -> None:
    """The everyday sample at the size that is reported."""
    check_against_enumeration(seed)
