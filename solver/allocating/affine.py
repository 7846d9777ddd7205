"""The best linear policy of a host's resource: exact, and by linear programs as a second opinion."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from formulations.allocation.contention import HostResource
from formulations.allocation.linear import LinearAllocation
from formulations.instance import Instance
from formulations.placement import Placement
from solver.allocating.conflict import reason_of_conflict
from solver.allocating.contentions import host_resources
from solver.allocating.lexicographic import Run, maximise_in_order
from solver.allocating.polygon import ZERO, FeasibleRange, feasible_range
from solver.backends.base import Outcome
from solver.result import Reason, Status

logger = logging.getLogger("placewright")

AGREEMENT = 1e-6
"""Values by linear programs agree with exact ones within this."""


@dataclass(frozen=True)
class AffinePolicy:
    """A linear policy and what it gives, exactly.

    Attributes
    ----------
    capacity_coefficient, demand_coefficient : Fraction
        A and B of ``a = A * C + B * d``.
    allocation : tuple of Fraction, shape (VMs,)
    utilisation : Fraction
        ``sum a / C``, 0 where there is no capacity.
    smallest_satisfaction : Fraction
        The smallest ``min(a, d) / d``.
    """

    capacity_coefficient: Fraction
    demand_coefficient: Fraction
    allocation: tuple[Fraction, ...]
    utilisation: Fraction
    smallest_satisfaction: Fraction


@dataclass(frozen=True)
class Opinion:
    """What a backend's linear programs say.

    Attributes
    ----------
    backend : str
    outcome : Outcome
        OPTIMAL, or INFEASIBLE without a policy.
    coefficients : (float, float) or None
        Its A and B.
    levels : tuple of float
        The value of every level, in order: utilisation, smallest satisfaction, -|A|.
    seconds : float
    """

    backend: str
    outcome: Outcome
    coefficients: tuple[float, float] | None = None
    levels: tuple[float, ...] = ()
    seconds: float = 0.0

    def agrees(self, policy: AffinePolicy | None) -> bool:
        """Whether the programs found what the exact computation did, within ``AGREEMENT``.

        Each level may be better than the exact one: the levels before it have some slack.
        """
        if policy is None or self.outcome is Outcome.INFEASIBLE:
            return policy is None and self.outcome is Outcome.INFEASIBLE
        exact = (policy.utilisation, policy.smallest_satisfaction, -abs(policy.capacity_coefficient))
        reached = all(own >= float(best) - _tolerance(best) for own, best in zip(self.levels, exact, strict=True))
        return reached and self.levels[0] <= float(exact[0]) + _tolerance(exact[0])


@dataclass(frozen=True)
class AffineAnswer:
    """The best linear policy of one resource of one host, or why there is none.

    Attributes
    ----------
    case : HostResource
    status : Status
        OPTIMAL or INFEASIBLE; both are proved in exact arithmetic.
    policy : AffinePolicy or None
    range : FeasibleRange or None
        Every feasible (A, B).
    reason : Reason or None
        A minimal set of bounds that no linear policy keeps together.
    opinion : Opinion or None
        The linear programs' answer, where a backend was given.
    """

    case: HostResource
    status: Status
    policy: AffinePolicy | None = None
    range: FeasibleRange | None = None
    reason: Reason | None = None
    opinion: Opinion | None = None

    @property
    def free_utilisation(self) -> Fraction | None:
        """The largest ``sum a / C`` of any allocation within the bounds; None if there is none."""
        return largest_utilisation(self.case)

    @property
    def price_of_linearity(self) -> Fraction | None:
        """How much utilisation the linear form costs; None where there is no policy."""
        free = self.free_utilisation
        return None if self.policy is None or free is None else free - self.policy.utilisation


def best_policy(case: HostResource, run: Run | None = None) -> AffineAnswer:
    """Return the linear policy of the largest utilisation, then smallest satisfaction, then smallest |A|.

    The answer is exact: an optimum lies at a vertex of the polygon of feasible (A, B), or
    where the best edge meets A = 0. With a run, its backend is asked the same as a sequence of
    linear programs, and what it says is reported beside the answer.

    Parameters
    ----------
    case : HostResource
    run : Run, optional
        The backend to ask for a second opinion.

    Raises
    ------
    BackendError
        If the backend stops without an answer.
    """
    opinion = None if run is None else second_opinion(case, run)
    polygon = feasible_range(case)
    if polygon is None:
        answer = AffineAnswer(case, Status.INFEASIBLE, reason=reason_of_conflict(case), opinion=opinion)
    else:
        answer = AffineAnswer(case, Status.OPTIMAL, _best(case, polygon), polygon, opinion=opinion)
    if opinion is not None and not opinion.agrees(answer.policy):
        logger.warning("%s: %s disagrees with the exact policy beyond %g", case.resource, opinion.backend, AGREEMENT)
    return answer


def _best(case: HostResource, polygon: FeasibleRange) -> AffinePolicy:
    """Return the best policy of a polygon, by comparing the few points that can be it.

    Where utilisation is largest it is so along an edge at most, and there the amount at the
    mean demand is fixed. The smallest satisfaction is ``min(P / d + B)`` at the largest d if
    P >= 0, at the smallest positive d otherwise; along that edge it falls with |P| either
    way. So the point with the smallest |A| is best in both respects.
    """
    corners = polygon.vertices
    candidates = list(corners)
    for here, corner in enumerate(corners):
        (a_first, b_first), (a_second, b_second) = corners[here - 1], corner
        if a_first * a_second < 0:
            candidates.append((ZERO, b_first + (b_second - b_first) * a_first / (a_first - a_second)))
    whole = sum(case.demand, ZERO)
    totals = [case.count * first * case.capacity + second * whole for first, second in candidates]
    most = max(totals)
    policies = [policy_of(case, *point) for point, total in zip(candidates, totals, strict=True) if total == most]
    return max(policies, key=_rank)


def _rank(policy: AffinePolicy) -> tuple[Fraction, ...]:
    size = abs(policy.capacity_coefficient)
    return policy.smallest_satisfaction, -size, -abs(policy.demand_coefficient)


def policy_of(case: HostResource, capacity_coefficient: Fraction, demand_coefficient: Fraction) -> AffinePolicy:
    """Return the policy of given coefficients with what it gives."""
    allocation = case.allocation(capacity_coefficient, demand_coefficient)
    used, least = case.utilisation(allocation), case.smallest_satisfaction(allocation)
    return AffinePolicy(capacity_coefficient, demand_coefficient, allocation, used, least)


def largest_utilisation(case: HostResource) -> Fraction | None:
    """Return the largest ``sum a / C`` with ``l <= a <= u`` and ``sum a <= C``; None if there is no such a."""
    if sum(case.lower, ZERO) > case.capacity:
        return None
    return case.utilisation((min(case.capacity, sum(case.upper, ZERO)),))


def second_opinion(case: HostResource, run: Run) -> Opinion:
    """Return what a backend finds for the same question by a sequence of linear programs."""
    program = LinearAllocation(case)
    solution, levels, seconds = maximise_in_order(program.problem, program.levels, run)
    if solution.outcome is Outcome.INFEASIBLE:
        return Opinion(run.name, Outcome.INFEASIBLE, seconds=seconds)
    return Opinion(run.name, Outcome.OPTIMAL, program.decode(solution.values), levels, seconds)


def _tolerance(value: Fraction) -> float:
    return AGREEMENT * max(1.0, abs(float(value)))


# -- hosts of an instance -------------------------------------------------------------------


def linear_answers(
    instance: Instance,
    placement: Placement,
    hosts: Sequence[int] | None = None,
    run: Run | None = None,
) -> dict[int, dict[str, AffineAnswer]]:
    """Return the best linear policy of every resource of hosts, by host number and resource name.

    Parameters
    ----------
    instance : Instance
    placement : Placement
    hosts : sequence of int, optional
        Hosts in use; all of them by default.
    run : Run, optional
        The backend to ask for a second opinion on each.

    Raises
    ------
    InputError
        If a host runs no VM.
    UnsupportedError
        If a host has NUMA cells, or a VM there is pinned or protected.
    BackendError
        If the backend stops without an answer.
    """
    return {
        host: {name: best_policy(case, run) for name, case in cases.items()}
        for host, cases in host_resources(instance, placement, hosts).items()
    }


def linear_placement(
    instance: Instance, placement: Placement, answers: Mapping[int, Mapping[str, AffineAnswer]] | None = None
) -> Placement | None:
    """Return the placement with the allocation of the best linear policies, in whole quanta.

    Amounts are rounded down and the whole quanta that this leaves of the total go to the
    largest remainders, so that every amount stays within its bounds and the capacity.

    Parameters
    ----------
    instance : Instance
    placement : Placement
    answers : mapping, optional
        From `linear_answers`, for every host in use; computed if missing.

    Returns
    -------
    Placement or None
        None if some resource of some host has no linear policy.
    """
    known = linear_answers(instance, placement) if answers is None else answers
    allocation = np.zeros((instance.vm_count, len(instance.resources)), dtype=np.int64)
    for host, members in placement.members_by_host().items():
        for r, scale in enumerate(instance.tables.scales):
            policy = known[host][scale.resource.name].policy
            if policy is None:
                return None
            allocation[members, r] = whole_quanta([share / scale.quantum for share in policy.allocation])
    return placement.with_allocation(allocation)


def whole_quanta(shares: Sequence[Fraction]) -> list[int]:
    """Round non-negative shares to integers of the sum's integer part: largest remainders first."""
    rounded = [share.numerator // share.denominator for share in shares]
    missing = int(sum(shares, ZERO)) - sum(rounded)
    order = sorted(range(len(shares)), key=lambda vm: (rounded[vm] - shares[vm], vm))
    for vm in order[:missing]:
        rounded[vm] += 1
    return rounded
