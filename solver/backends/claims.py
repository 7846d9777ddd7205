"""What a solver claims, and what of it is believed after checking."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from solver.backends.base import Outcome, Solution
from solver.backends.matrix import Matrix, Vector

logger = logging.getLogger("placewright")

NOISE = 1e-6
"""How much a proved value and its bound may differ, relative to the value: LPs are solved in floats."""


class Ending(StrEnum):
    """How a solver says that it ended."""

    OPTIMAL = "optimal"
    STOPPED = "stopped"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    """Or infeasible: solvers see it in the linear relaxation."""
    UNCLEAR = "unclear"


@dataclass(frozen=True, eq=False)
class Claim:
    """A solver's own words about a minimisation.

    Attributes
    ----------
    ending : Ending
    x : array of shape (n,) or None
        The solution it left; to be checked.
    bound : float or None
        The dual bound it printed. An OPTIMAL claim without one means its own value.
    interrupted : bool
        Whether it was cut short by a Ctrl-C.
    """

    ending: Ending
    x: Vector | None = None
    bound: float | None = None
    interrupted: bool = False


Solve = Callable[[Matrix], Claim]
"""Runs a solver once."""


def settled(solve: Solve, matrix: Matrix, gap: float, answer: Claim, start: Vector | None = None) -> Solution:
    """Return what stands of a claim, asking the solver again for any solution where it left that open.

    Solvers call a model unbounded because its relaxation is. An integer program with rational
    figures is unbounded exactly if its relaxation is and it has a solution at all (R. R. Meyer,
    On the existence of optimal solutions to integer and mixed-integer programming problems, 1974,
    doi:10.1007/BF01585518).
    """
    if answer.interrupted:
        return judged(answer, matrix, gap, start)
    if answer.ending not in (Ending.UNBOUNDED, Ending.UNCLEAR):
        return judged(mended(solve, matrix, answer), matrix, gap, start)
    point = solve(matrix.without_objective())
    feasible = judged(point, matrix.without_objective(), gap, start)
    if not feasible.found:
        return Solution(feasible.outcome)
    if answer.ending is Ending.UNBOUNDED and (not matrix.is_integer or _is_unbounded(solve(matrix.relaxed()))):
        return Solution(Outcome.UNBOUNDED)
    return judged(Claim(Ending.STOPPED, point.x), matrix, gap, start)


def mended(solve: Solve, matrix: Matrix, answer: Claim) -> Claim:
    """Solve for the continuous variables again where rounding the integer ones broke a row."""
    if answer.x is None or not matrix.integer.any() or matrix.integer.all():
        return answer
    x = matrix.rounded(answer.x)
    if x is None or matrix.admits(x):
        return answer
    again = solve(matrix.with_integers_fixed(x))
    if again.ending is not Ending.OPTIMAL:
        return answer
    bound = matrix.value(answer.x) if answer.bound is None and answer.ending is Ending.OPTIMAL else answer.bound
    return Claim(answer.ending, again.x, bound)


def _is_unbounded(answer: Claim) -> bool:
    """Whether a claim about a model that has a solution says that it is unbounded."""
    return answer.ending is Ending.UNBOUNDED


def judged(claim: Claim, matrix: Matrix, gap: float, start: Vector | None = None) -> Solution:
    """Return what of a claim stands after its solution was checked against the model.

    Parameters
    ----------
    claim : Claim
    matrix : Matrix
    gap : float
        The gap within which a solution counts as proved.
    start : array of shape (n,), optional
        A checked solution known beforehand: nothing worse is returned.
    """
    x = _checked(claim, matrix)
    if start is not None and (x is None or matrix.value(start) < matrix.value(x)):
        x = start
    if x is None:
        return _without_solution(claim, matrix)
    if claim.ending in (Ending.INFEASIBLE, Ending.UNBOUNDED):
        logger.warning("the solver called a model %s that has a solution; its claim is dropped", claim.ending)
        return _solution(Outcome.FEASIBLE, matrix, x, None)
    return _with_solution(claim, matrix, gap, x)


def _checked(claim: Claim, matrix: Matrix) -> Vector | None:
    """Return the claimed solution, rounded, if it keeps the model."""
    if claim.x is None:
        return None
    x = matrix.rounded(claim.x)
    return x if x is not None and matrix.admits(x) else None


def _without_solution(claim: Claim, matrix: Matrix) -> Solution:
    """Return the outcome of a claim with no solution that stands."""
    if claim.ending is Ending.INFEASIBLE:
        return Solution(Outcome.INFEASIBLE)
    if claim.ending is Ending.OPTIMAL:
        logger.warning("the solver called a solution optimal that breaks the model; it is dropped")
        return Solution(Outcome.UNKNOWN)
    bound = claim.bound if claim.ending is Ending.STOPPED else None
    return Solution(Outcome.UNKNOWN, bound=matrix.objective(bound))


def _with_solution(claim: Claim, matrix: Matrix, gap: float, x: Vector) -> Solution:
    """Return a solution that stands, with its bound unless that contradicts it."""
    value = matrix.value(x)
    noise = NOISE * max(1.0, abs(value))
    bound = claim.bound
    if bound is None and claim.ending is Ending.OPTIMAL and claim.x is not None:
        bound = matrix.value(claim.x)
    if bound is None:
        return _solution(Outcome.FEASIBLE, matrix, x, None)
    if bound > value + noise:
        logger.warning("the solver's bound %.9g contradicts a solution of %.9g; it is dropped", bound, value)
        return _solution(Outcome.FEASIBLE, matrix, x, None)
    proved = value - bound <= gap * abs(value) + noise
    return _solution(Outcome.OPTIMAL if proved else Outcome.FEASIBLE, matrix, x, min(bound, value))


def _solution(outcome: Outcome, matrix: Matrix, x: Vector, bound: float | None) -> Solution:
    """Return a solution with its objective recomputed, in the problem's own direction."""
    return Solution(outcome, matrix.named(x), matrix.objective(matrix.value(x)), matrix.objective(bound))


def trivial(matrix: Matrix) -> Claim | None:
    """Return the claim that needs no solver, or None.

    Crossed bounds, a variable in no row that falls for ever (CBC 2.10.3 forgets it), no variables.
    """
    if (matrix.lower > matrix.upper).any():
        return Claim(Ending.INFEASIBLE)
    if (matrix.falls & ~matrix.in_rows).any():
        return Claim(Ending.UNBOUNDED)
    if not matrix.names:
        x = matrix.cost.copy()
        return Claim(Ending.OPTIMAL, x) if matrix.admits(x) else Claim(Ending.INFEASIBLE)
    return None
