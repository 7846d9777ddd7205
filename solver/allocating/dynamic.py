"""The best dynamic policy of a host's resource over a horizon, and the ranges of f(t) and g(t)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from formulations.allocation.dynamic import DynamicAllocation, Horizon
from formulations.allocation.linear import evaluate
from solver.allocating.affine import AffinePolicy, best_policy, policy_of
from solver.allocating.bands import Bands, policy_bands
from solver.allocating.lexicographic import Run, default_run, maximise_in_order
from solver.allocating.polygon import ZERO
from solver.allocating.ramp_conflict import feasibility_by, reason_of_ramps
from solver.allocating.rationals import simplest_near
from solver.backends.base import Outcome
from solver.errors import VerificationError
from solver.result import Reason, Status

__all__ = ["Bands", "DynamicAnswer", "best_dynamic_policy", "policy_bands"]

TOLERANCE = Fraction(1, 10**6)
"""How far figures that a backend computed may be off, as a part of the capacity."""


@dataclass(frozen=True)
class DynamicAnswer:
    """The best dynamic policy of one resource of one host, or why there is none.

    Attributes
    ----------
    horizon : Horizon
    status : Status
        OPTIMAL or INFEASIBLE.
    policies : tuple of AffinePolicy, shape (periods,)
        ``f(t)`` is the capacity's coefficient in period t and ``g(t)`` the demand's; empty
        without a policy.
    exact : bool
        Whether the figures are exact; otherwise a backend computed them, to ``TOLERANCE``.
    proved_by : str
        Who proved the answer: ``exact vertices``, or the backend's name.
    reason : Reason or None
    seconds : float
    """

    horizon: Horizon
    status: Status
    policies: tuple[AffinePolicy, ...] = ()
    exact: bool = True
    proved_by: str = "exact vertices"
    reason: Reason | None = None
    seconds: float = 0.0

    @property
    def f(self) -> tuple[Fraction, ...]:
        """The capacity's coefficient in every period."""
        return tuple(policy.capacity_coefficient for policy in self.policies)

    @property
    def g(self) -> tuple[Fraction, ...]:
        """The demand's coefficient in every period."""
        return tuple(policy.demand_coefficient for policy in self.policies)

    @property
    def utilisation(self) -> Fraction:
        """``sum a / C`` summed over periods."""
        return sum((policy.utilisation for policy in self.policies), ZERO)

    @property
    def satisfaction(self) -> Fraction:
        """The sum over periods of the period's smallest satisfaction."""
        return sum((policy.smallest_satisfaction for policy in self.policies), ZERO)


def best_dynamic_policy(horizon: Horizon, run: Run | None = None) -> DynamicAnswer:
    """Return the dynamic policy of the largest total utilisation, then satisfaction, then smallest |f|.

    Without ramps the periods are independent linear models, solved exactly. That is also the
    answer with ramps whenever it happens to keep them. Otherwise the backend solves one
    program over the whole horizon, and what it finds is checked in exact arithmetic.

    Parameters
    ----------
    horizon : Horizon
    run : Run, optional
        The backend to use where ramps bind; CBC without a deadline by default.

    Raises
    ------
    BackendError
        If the backend stops without an answer.
    VerificationError
        If what it found breaks a bound by more than ``TOLERANCE`` of the capacity.
    """
    began = time.monotonic()
    periods = [best_policy(case) for case in horizon.periods]
    policies = tuple(answer.policy for answer in periods if answer.policy is not None)
    if len(policies) < len(periods):
        first = next(t for t, answer in enumerate(periods) if answer.policy is None)
        return DynamicAnswer(horizon, Status.INFEASIBLE, reason=_in_period(periods[first].reason, first))
    if horizon.worst_jump([policy.allocation for policy in policies]) <= 0:
        return DynamicAnswer(horizon, Status.OPTIMAL, policies, seconds=time.monotonic() - began)
    return _with_ramps(horizon, run or default_run())


def _in_period(reason: Reason | None, period: int) -> Reason:
    if reason is None:
        raise VerificationError(f"period {period} has no linear policy and no conflict either")
    return Reason(f"in period {period}, {reason.message}", reason.facts)


def _with_ramps(horizon: Horizon, run: Run) -> DynamicAnswer:
    program = DynamicAllocation(horizon)
    solution, _, seconds = maximise_in_order(program.problem, program.levels, run)
    if solution.outcome is Outcome.INFEASIBLE:
        reason = reason_of_ramps(horizon, feasibility_by(run))
        return DynamicAnswer(horizon, Status.INFEASIBLE, (), False, run.name, reason, seconds)
    found = program.decode(solution.values)
    policies = _decoded(horizon, found, simplest_near)
    if _worst(horizon, policies):  # simple fractions keep all bounds nearly always
        policies = _decoded(horizon, found, Fraction)
    worst = _worst(horizon, policies)
    if worst > TOLERANCE * max(Fraction(1), horizon.periods[0].capacity):
        raise VerificationError(f"the dynamic policy breaks a bound by {horizon.periods[0].say(worst)}")
    return DynamicAnswer(horizon, Status.OPTIMAL, policies, False, run.name, None, seconds)


def _decoded(
    horizon: Horizon, found: Sequence[tuple[float, float]], fraction: Callable[[float], Fraction]
) -> tuple[AffinePolicy, ...]:
    pairs = zip(horizon.periods, found, strict=True)
    return tuple(policy_of(case, fraction(first), fraction(second)) for case, (first, second) in pairs)


def _worst(horizon: Horizon, policies: Sequence[AffinePolicy]) -> Fraction:
    """Return the largest amount by which a bound, a capacity or a ramp is broken, 0 if none is."""
    worst = horizon.worst_jump([policy.allocation for policy in policies])
    for case, policy in zip(horizon.periods, policies, strict=True):
        seen = evaluate(case, policy.capacity_coefficient, policy.demand_coefficient)
        worst = max(worst, seen.excess, *(broken.amount for broken in seen.broken))
    return worst
