"""HiGHS through scipy: the second opinion."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pulp
import scipy
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, diags_array

from solver.backends.base import Outcome, Settings, Solution
from solver.backends.claims import Claim, Ending, settled, trivial
from solver.backends.matrix import Matrix, Vector
from solver.deadline import Deadline

_COST = 2.0**14
_EVEN = 2.0**10
"""The size that the largest cost is brought to at least."""

_ENDINGS = {0: Ending.OPTIMAL, 1: Ending.STOPPED, 3: Ending.UNBOUNDED}
"""By the status of `scipy.optimize.milp`, where that has one meaning."""

_WORDS = {
    "unbounded or infeasible": Ending.UNBOUNDED,
    "problem is infeasible": Ending.INFEASIBLE,
    "limit reached": Ending.STOPPED,
}
"""By words of its message otherwise: 2 is said of errors in the model too, 4 of a limit of nodes."""

_FOREVER = 1e9
"""Seconds that stand for no deadline, so that nothing hangs on how a version of scipy reads infinity."""


class HighsBackend:
    """HiGHS as scipy bundles it, inside this process.

    scipy offers HiGHS neither a start, nor a seed, nor a number of threads: those settings have no
    effect here, but nothing worse than a complete start is returned. The deadline is held by
    HiGHS itself, which looks at it between steps; a Ctrl-C is seen when it returns.
    """

    @property
    def name(self) -> str:
        """Name and version, such as ``HiGHS (scipy 1.16.3)``."""
        return f"HiGHS (scipy {scipy.__version__})"

    def solve(
        self,
        problem: pulp.LpProblem,
        *,
        deadline: Deadline,
        settings: Settings,
        start: Mapping[str, float] | None = None,
    ) -> Solution:
        """Solve a model; see `Backend.solve`."""
        clock = Deadline(math.inf, deadline.clock)
        solution = _solution(problem, deadline, settings, start)
        return dataclasses.replace(solution, seconds=clock.elapsed, backend=self.name)


def _solution(
    problem: pulp.LpProblem, deadline: Deadline, settings: Settings, start: Mapping[str, float] | None
) -> Solution:
    """Convert, solve and judge."""
    matrix = Matrix.of(problem, deadline)
    if matrix is None:
        return Solution(Outcome.UNKNOWN)
    known = None if start is None else matrix.vector(start)

    def solve(some: Matrix) -> Claim:
        return _claim(some, deadline, settings)

    solution = settled(solve, matrix, settings.gap, solve(matrix), known)
    matrix.assign(solution.values)
    return solution


def _claim(matrix: Matrix, deadline: Deadline, settings: Settings) -> Claim:
    """Return what HiGHS claims."""
    known = trivial(matrix)
    if known is not None:
        return known
    if deadline.over:
        return Claim(Ending.STOPPED)
    answer = _run(matrix, deadline, settings, presolve=True)
    doubtful = answer.ending is Ending.UNCLEAR or (answer.ending is Ending.INFEASIBLE and matrix.is_integer)
    if doubtful and not deadline.over:
        # presolve ends some models with an error, and calls some infeasible that have a solution
        answer = _run(matrix, deadline, settings, presolve=False)
    if answer.ending is Ending.UNCLEAR and not deadline.over:
        # its last check refuses solutions that are off by just its own tolerance
        answer = _run(_with_even_rows(matrix), deadline, settings, presolve=True)
    return answer


def _with_even_rows(matrix: Matrix) -> Matrix:
    """Return the same model with the largest coefficient of every row scaled to `_EVEN`: a finer tolerance."""
    largest = abs(matrix.rows).max(axis=1).toarray().ravel()
    scale = _EVEN / np.where(largest > 0, largest, 1.0)
    rows = csr_array(diags_array(scale) @ matrix.rows)
    return dataclasses.replace(matrix, rows=rows, low=matrix.low * scale, high=matrix.high * scale)


def _factor(matrix: Matrix) -> float:
    """Return a power of two that makes the largest cost about `_COST`.

    HiGHS stops at an absolute gap of 1e-6, which scipy does not let one change: small costs
    would never be proved.
    """
    largest = float(np.abs(matrix.cost).max(initial=0.0))
    return 2.0 ** max(0, math.ceil(math.log2(_COST / largest))) if largest else 1.0


def _options(deadline: Deadline, settings: Settings, *, presolve: bool) -> Any:
    """Return HiGHS's options, in scipy's words (a TypedDict of its stubs, private there)."""
    options = {"mip_rel_gap": settings.gap, "time_limit": min(deadline.left, _FOREVER), "presolve": presolve}
    return options if settings.nodes is None else {**options, "node_limit": settings.nodes}


def _run(matrix: Matrix, deadline: Deadline, settings: Settings, *, presolve: bool) -> Claim:
    """Call HiGHS and translate its answer."""
    factor = _factor(matrix)
    answer = milp(
        matrix.cost * factor,
        integrality=matrix.integer.astype(np.uint8),
        bounds=Bounds(matrix.lower, matrix.upper),
        constraints=LinearConstraint(matrix.rows, matrix.low, matrix.high) if len(matrix.low) else (),
        options=_options(deadline, settings, presolve=presolve),
    )
    ending = _ENDINGS.get(answer.status) or _ending(answer.message)
    x: Vector | None = None if answer.x is None else np.asarray(answer.x, dtype=np.float64)
    bound: float | None = answer.get("mip_dual_bound") if matrix.is_integer else None
    if bound is None or not math.isfinite(bound):
        return Claim(ending, x)
    return Claim(ending, x, bound / factor + matrix.constant)


def _ending(message: str) -> Ending:
    """Return how HiGHS ended, in scipy's words."""
    return next((ending for words, ending in _WORDS.items() if words in message), Ending.UNCLEAR)
