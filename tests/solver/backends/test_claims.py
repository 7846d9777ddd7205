"""What stands of a solver's claims."""

from __future__ import annotations

import numpy as np
import pulp
import pytest

from solver.backends.base import Outcome
from solver.backends.claims import Claim, Ending, judged, settled, trivial
from solver.backends.matrix import Matrix, Vector
from tests.solver.backends.models import converted, expression


def matrix(upper: float | None = 10, sense: int = pulp.LpMinimize, side: float = 3) -> Matrix:
    """Return x >= 3, x integer in [0, upper], cost x."""
    problem = pulp.LpProblem("one", sense)
    x = problem.add_variable("x", 0, upper, pulp.LpInteger)
    problem.setObjective(expression([(x, 1)]))
    problem.addConstraint(pulp.LpConstraint(expression([(x, 1)]), pulp.LpConstraintGE, "row", side))
    return converted(problem)


def at(value: float) -> Vector:
    return np.array([value])


@pytest.mark.parametrize(
    ("claim", "gap", "outcome", "bound"),
    [
        (Claim(Ending.OPTIMAL, at(3)), 0.0, Outcome.OPTIMAL, 3.0),
        (Claim(Ending.OPTIMAL, at(4), 3.0), 0.0, Outcome.FEASIBLE, 3.0),
        (Claim(Ending.OPTIMAL, at(4), 3.0), 0.25, Outcome.OPTIMAL, 3.0),
        (Claim(Ending.STOPPED, at(4), 3.0), 0.0, Outcome.FEASIBLE, 3.0),
        (Claim(Ending.STOPPED, at(4), 4.0), 0.0, Outcome.OPTIMAL, 4.0),
        (Claim(Ending.STOPPED, at(4)), 0.0, Outcome.FEASIBLE, None),
        (Claim(Ending.STOPPED, at(4), 5.0), 0.0, Outcome.FEASIBLE, None),
        (Claim(Ending.STOPPED, None, 2.0), 0.0, Outcome.UNKNOWN, 2.0),
        (Claim(Ending.OPTIMAL, at(2)), 0.0, Outcome.UNKNOWN, None),
        (Claim(Ending.OPTIMAL, at(3.4)), 0.0, Outcome.UNKNOWN, None),
        (Claim(Ending.OPTIMAL, None), 0.0, Outcome.UNKNOWN, None),
        (Claim(Ending.INFEASIBLE), 0.0, Outcome.INFEASIBLE, None),
        (Claim(Ending.INFEASIBLE, at(4)), 0.0, Outcome.FEASIBLE, None),
    ],
)
def test_each_claim(claim: Claim, gap: float, outcome: Outcome, bound: float | None) -> None:
    """The table of what is believed: never more than the numbers show."""
    solution = judged(claim, matrix(), gap)
    assert solution.outcome is outcome
    assert solution.bound == bound
    assert solution.found == bool(solution.values) == (solution.objective is not None)


def test_maximisation_is_turned_back() -> None:
    """Bounds of a maximisation are above."""
    solution = judged(Claim(Ending.STOPPED, at(4), -7.0), matrix(sense=pulp.LpMaximize), 0.0)
    assert solution.objective == 4
    assert solution.bound == 7


def test_start_wins_over_worse_and_refutes() -> None:
    """A known solution is returned if nothing better came, and no claim may deny it."""
    assert judged(Claim(Ending.STOPPED, at(5), 2.0), matrix(), 0.0, at(4)).values == {"x": 4.0}
    assert judged(Claim(Ending.STOPPED, at(4), 2.0), matrix(), 0.0, at(5)).values == {"x": 4.0}
    assert judged(Claim(Ending.STOPPED, None, 2.0), matrix(), 0.0, at(5)).outcome is Outcome.FEASIBLE
    assert judged(Claim(Ending.INFEASIBLE), matrix(), 0.0, at(5)).outcome is Outcome.FEASIBLE
    # called optimal, yet beaten by the start: the claim's value cannot be a bound
    beaten = judged(Claim(Ending.OPTIMAL, at(5)), matrix(), 0.0, at(4))
    assert beaten.outcome is Outcome.FEASIBLE
    assert beaten.bound is None


@pytest.mark.parametrize(
    ("point", "relaxed", "outcome"),
    [
        (Claim(Ending.OPTIMAL, at(3)), Claim(Ending.UNBOUNDED), Outcome.UNBOUNDED),
        (Claim(Ending.OPTIMAL, at(3)), Claim(Ending.OPTIMAL, at(3)), Outcome.FEASIBLE),
        (Claim(Ending.INFEASIBLE), Claim(Ending.UNBOUNDED), Outcome.INFEASIBLE),
        (Claim(Ending.STOPPED), Claim(Ending.UNBOUNDED), Outcome.UNKNOWN),
    ],
)
def test_unbounded_takes_a_solution_and_an_unbounded_relaxation(point: Claim, relaxed: Claim, outcome: Outcome) -> None:
    """Solvers say unbounded of models that are infeasible, and the other way round."""

    def solve(asked: Matrix) -> Claim:
        return relaxed if not asked.is_integer else point

    assert settled(solve, matrix(None), 0.0, Claim(Ending.UNBOUNDED)).outcome is outcome


@pytest.mark.parametrize(
    ("point", "outcome"),
    [
        (Claim(Ending.OPTIMAL, at(3)), Outcome.FEASIBLE),
        (Claim(Ending.INFEASIBLE), Outcome.INFEASIBLE),
        (Claim(Ending.UNCLEAR), Outcome.UNKNOWN),
    ],
)
def test_unclear_answers_are_asked_again(point: Claim, outcome: Outcome) -> None:
    """Without its objective a model may be easier to say something true about."""
    assert settled(lambda _: point, matrix(), 0.0, Claim(Ending.UNCLEAR)).outcome is outcome


def test_interrupted_answers_are_not_asked_again() -> None:
    """After a Ctrl-C no new run may begin."""

    def solve(_: Matrix) -> Claim:
        raise AssertionError

    answer = Claim(Ending.UNCLEAR, interrupted=True)
    assert settled(solve, matrix(), 0.0, answer).outcome is Outcome.UNKNOWN


def test_crossed_bounds_need_no_solver() -> None:
    """CBC reads a file with crossed bounds in its own way."""
    crossed = trivial(matrix(-1))
    assert crossed is not None
    assert crossed.ending is Ending.INFEASIBLE
    assert trivial(matrix()) is None
