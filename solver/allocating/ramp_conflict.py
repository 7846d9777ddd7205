"""Why no dynamic policy keeps all ramp limits: the shortest run of periods, and whose limits."""

from __future__ import annotations

from collections.abc import Callable

import pulp

from formulations.allocation.dynamic import DynamicAllocation, Horizon
from solver.allocating.lexicographic import Run
from solver.allocating.polygon import ZERO, feasible_range
from solver.backends.base import Outcome
from solver.result import Reason


def feasibility_by(run: Run) -> Callable[[Horizon], bool]:
    """Return a test of whether some policy keeps a horizon's bounds and ramps."""

    def feasible(horizon: Horizon) -> bool:
        if not horizon.coupled:
            return all(feasible_range(case) is not None for case in horizon.periods)
        program = DynamicAllocation(horizon)
        program.problem.setObjective(pulp.LpAffineExpression({program.periods[0].size: -1.0}))
        return run.solve(program.problem).outcome is Outcome.OPTIMAL

    return feasible


def reason_of_ramps(horizon: Horizon, feasible: Callable[[Horizon], bool]) -> Reason:
    """Name the shortest run of periods that no policy gets through, and the ramp limits to blame.

    A longer prefix cannot become feasible again, so its end and then its beginning are found
    by bisection; then every limit without which the run stays impossible is dropped.
    """
    last = _bisect(0, len(horizon.periods) - 1, lambda t: not feasible(horizon.window(0, t)))
    first = last - _bisect(0, last, lambda back: not feasible(horizon.window(last - back, last)))
    run = horizon.window(first, last)
    blamed = list(run.ramped)
    for vm in run.ramped:
        without = [other for other in blamed if other != vm]
        if not feasible(run.with_ramps_of(without)):
            blamed = without
    case = run.periods[0]
    facts = [f"{case.vms[vm]} changes by at most {case.say(run.ramps[vm] or ZERO)} per period" for vm in blamed]
    bounds = f"bounds and capacity of {case.resource} hold in periods {first} to {last}"
    start = ["the allocation before the first period is given"] if run.initial is not None else []
    return Reason(
        f"{case.resource}: no policy gets from period {first} to period {last} within the ramp limits",
        (*facts, bounds, *start),
    )


def _bisect(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the smallest number for which a monotone property holds; it does for ``high``."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
