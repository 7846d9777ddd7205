"""The ranges of f(t) and g(t) that bounds and ramps leave, as bands over time."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import pulp

from formulations.allocation.dynamic import DynamicAllocation, Horizon
from solver.allocating.lexicographic import Run, default_run
from solver.allocating.polygon import FeasibleRange, Interval, feasible_range
from solver.allocating.ramp_conflict import feasibility_by
from solver.allocating.rationals import simplest_near
from solver.backends.base import Outcome
from solver.errors import BackendError

logger = logging.getLogger("placewright")


@dataclass(frozen=True)
class Bands:
    """The ranges of f(t) and g(t) that the bounds and ramps imply, one interval per period.

    Attributes
    ----------
    f, g : tuples of Interval, shape (periods,)
    exact : bool
        Whether they are exact; otherwise a backend computed them.
    """

    f: tuple[Interval, ...]
    g: tuple[Interval, ...]
    exact: bool = True


def policy_bands(horizon: Horizon, run: Run | None = None) -> Bands | None:
    """Return the smallest and largest f(t) and g(t) over all feasible policies; None if there are none.

    Exact without ramps. With them, four linear programs per period.

    Parameters
    ----------
    horizon : Horizon
    run : Run, optional
        The backend to use with ramps; CBC without a deadline by default.

    Raises
    ------
    BackendError
        If the backend stops without an answer.
    """
    polygons = [feasible_range(case) for case in horizon.periods]
    found = [polygon for polygon in polygons if polygon is not None]
    if len(found) < len(polygons):
        return None
    if not horizon.coupled:
        return Bands(tuple(one.a_interval for one in found), tuple(one.b_interval for one in found))
    return _bands_with_ramps(horizon, found, run or default_run())


def _bands_with_ramps(horizon: Horizon, polygons: Sequence[FeasibleRange], run: Run) -> Bands | None:
    if not feasibility_by(run)(horizon):
        return None
    program = DynamicAllocation(horizon)
    f_band: list[Interval] = []
    g_band: list[Interval] = []
    for t, (terms, polygon) in enumerate(zip(program.periods, polygons, strict=True)):
        f_band.append(_interval(program, terms.capacity_coefficient, polygon.a_interval, run))
        g_band.append(_interval(program, terms.demand_coefficient, polygon.b_interval, run))
        logger.info("ranges of period %d of %d", t + 1, len(program.periods))
    return Bands(tuple(f_band), tuple(g_band), exact=False)


def _interval(program: DynamicAllocation, variable: pulp.LpVariable, alone: Interval, run: Run) -> Interval:
    """Return the values of a variable that the ramps leave of those its period alone allows.

    Where the period alone sets no end there is none: its allocation, and so every change,
    stays the same along the free direction.
    """
    if alone.low is None or alone.high is None:
        return alone
    return Interval(*(_extreme(program, variable, sign, run) for sign in (-1.0, 1.0)))


def _extreme(program: DynamicAllocation, variable: pulp.LpVariable, sign: float, run: Run) -> Fraction:
    """Return the smallest (sign -1) or largest (sign 1) value of a variable."""
    program.problem.setObjective(pulp.LpAffineExpression({variable: sign}))
    solution = run.solve(program.problem)
    if solution.outcome is not Outcome.OPTIMAL:
        raise BackendError(f"{run.name} calls {program.problem.name} infeasible after a solution")
    return simplest_near(solution.values[variable.name])
