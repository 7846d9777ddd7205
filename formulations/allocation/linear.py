"""Linear allocation: one policy ``a = A * C + B * d`` per resource for all VMs of a host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

import pulp

from formulations.allocation.contention import Amount, HostResource
from formulations.errors import InputError
from formulations.quantities import exact


def coefficient(value: Amount | str, field: str = "") -> Fraction:
    """Return a coefficient of either sign as an exact fraction.

    A float is taken at its shortest decimal spelling; text may be a decimal or a ratio (``-1/3``).

    Raises
    ------
    InputError
        If it is no finite number.
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?\d{1,12}(\.\d{1,9}|/0*[1-9]\d{0,11})?", value.strip(), flags=re.ASCII):
            raise InputError(f"expected a decimal or a ratio such as -1/3, got {value!r}", field)
        return Fraction(value.strip())
    if not str(value).startswith("-"):
        return exact(value, field)
    return -exact(value.copy_negate() if isinstance(value, Decimal) else -value, field)


# -- a given policy -------------------------------------------------------------------------


class BrokenBound(NamedTuple):
    """A VM that a policy gives more than its limit or less than its reservation."""

    vm: str
    bound: Literal["reservation", "limit"]
    allocation: Fraction
    stated: Fraction

    @property
    def amount(self) -> Fraction:
        """By how much, positive."""
        return abs(self.allocation - self.stated)


@dataclass(frozen=True)
class Evaluation:
    """What a given policy does, exactly.

    Attributes
    ----------
    case : HostResource
    capacity_coefficient, demand_coefficient : Fraction
        A and B.
    allocation : tuple of Fraction, shape (VMs,)
        ``A * C + B * d``.
    broken : tuple of BrokenBound
        Who is above the limit or below the reservation.
    """

    case: HostResource
    capacity_coefficient: Fraction
    demand_coefficient: Fraction
    allocation: tuple[Fraction, ...]
    broken: tuple[BrokenBound, ...]

    @property
    def total(self) -> Fraction:
        """What all VMs get together."""
        return sum(self.allocation, Fraction(0))

    @property
    def excess(self) -> Fraction:
        """By how much the total is over the capacity, 0 if it is not."""
        return max(Fraction(0), self.total - self.case.capacity)

    @property
    def feasible(self) -> bool:
        """Whether the policy keeps every bound and the capacity."""
        return not self.broken and not self.excess

    @property
    def utilisation(self) -> Fraction:
        """``sum a / C``."""
        return self.case.utilisation(self.allocation)

    @property
    def smallest_satisfaction(self) -> Fraction:
        """The smallest ``min(a, d) / d``; below 0 where a VM gets a negative amount."""
        return self.case.smallest_satisfaction(self.allocation)

    def sentences(self) -> tuple[str, ...]:
        """Say what is wrong, one sentence each; nothing if the policy is feasible."""
        case = self.case
        said = []
        if self.excess:
            said.append(
                f"{case.resource}: {case.say(self.total)} allocated of {case.say(case.capacity)}, "
                f"over capacity by {case.say(self.excess)}"
            )
        for broken in self.broken:
            side = "above its limit" if broken.bound == "limit" else "below its reservation"
            said.append(
                f"{case.resource}: {broken.vm} gets {case.say(broken.allocation)}, "
                f"{case.say(broken.amount)} {side} of {case.say(broken.stated)}"
            )
        return tuple(said)


def evaluate(case: HostResource, capacity_coefficient: Amount | str, demand_coefficient: Amount | str) -> Evaluation:
    """Return what the policy ``a = A * C + B * d`` does, in exact arithmetic.

    Parameters
    ----------
    case : HostResource
    capacity_coefficient, demand_coefficient : number or str
        A and B, of either sign; text may be a decimal or a ratio.

    Raises
    ------
    InputError
        If a coefficient is not a finite number.
    """
    first, second = coefficient(capacity_coefficient, "A"), coefficient(demand_coefficient, "B")
    allocation = case.allocation(first, second)
    broken = []
    for vm, got in enumerate(allocation):
        if got > case.upper[vm]:
            broken.append(BrokenBound(case.vms[vm], "limit", got, case.upper[vm]))
        elif got < case.lower[vm]:
            broken.append(BrokenBound(case.vms[vm], "reservation", got, case.lower[vm]))
    return Evaluation(case, first, second, allocation, tuple(broken))


# -- the best policy ------------------------------------------------------------------------


class Level(NamedTuple):
    """One objective of a lexicographic program: a name, and an expression to make large."""

    name: str
    expression: pulp.LpAffineExpression


class PolicyTerms:
    """The variables A and B of one policy in a program, and the rows that bound it.

    Rows are divided by the capacity, so that their figures are near 1 whatever the unit.

    Parameters
    ----------
    problem : pulp.LpProblem
        Gets the variables and rows.
    case : HostResource
    suffix : str
        Ends every name, so that a program may hold several policies.
    """

    def __init__(self, problem: pulp.LpProblem, case: HostResource, suffix: str = "") -> None:
        self.problem = problem
        self.case = case
        self.suffix = suffix
        self.scale = case.capacity or max(case.demand) or Fraction(1)
        most_a, most_b = most_coefficients(case)
        self.capacity_coefficient = problem.add_variable(f"A{suffix}", -most_a, most_a)
        self.demand_coefficient = problem.add_variable(f"B{suffix}", -most_b, most_b)
        self.satisfaction = problem.add_variable(f"smallest_satisfaction{suffix}", 0, 1)
        self.size = problem.add_variable(f"size_of_A{suffix}", lowBound=0)

    def share(self, demand: Fraction) -> pulp.LpAffineExpression:
        """Return ``(A * C + B * d) / scale`` for a VM of that demand."""
        return self._weighted(self.case.capacity, demand)

    def total(self) -> pulp.LpAffineExpression:
        """Return ``sum a / scale``; the scale is the capacity where there is any."""
        return self._weighted(self.case.capacity * self.case.count, sum(self.case.demand, Fraction(0)))

    def _weighted(self, capacity: Fraction, demand: Fraction) -> pulp.LpAffineExpression:
        weights = {
            self.capacity_coefficient: float(capacity / self.scale),
            self.demand_coefficient: float(demand / self.scale),
        }
        return pulp.LpAffineExpression(weights)

    def every_vm_gets_its_reservation_and_no_more_than_its_limit(self) -> None:
        """Add ``l <= A * C + B * d <= u`` for every kind of VM."""
        for vm in self.case.distinct:
            share = self.share(self.case.demand[vm])
            name = f"{vm}_{re.sub(r'[^A-Za-z0-9]', '_', self.case.vms[vm])[:60]}{self.suffix}"
            self.require(share >= float(self.case.lower[vm] / self.scale), f"reservation_{name}")
            self.require(share <= float(self.case.upper[vm] / self.scale), f"limit_{name}")

    def all_vms_fit_into_the_capacity(self) -> None:
        """Add ``sum a <= C``."""
        self.require(self.total() <= float(self.case.capacity / self.scale), f"capacity{self.suffix}")

    def no_vm_is_less_satisfied_than_the_smallest_satisfaction(self) -> None:
        """Add ``s * d <= a`` for every demand; with ``s <= 1`` the largest s is the smallest min(a, d)/d."""
        for row, demand in enumerate(sorted({demand for demand in self.case.demand if demand})):
            wanted = pulp.LpAffineExpression({self.satisfaction: float(demand / self.scale)})
            self.require(self.share(demand) - wanted >= 0, f"satisfaction_{row}{self.suffix}")

    def the_size_of_the_capacity_coefficient_is_measured(self) -> None:
        """Add ``-size <= A <= size``."""
        self.require(self.size - self.capacity_coefficient >= 0, f"size_above{self.suffix}")
        self.require(self.size + self.capacity_coefficient >= 0, f"size_below{self.suffix}")

    def require(self, constraint: pulp.LpConstraint, name: str) -> None:
        """Add a row under a name."""
        self.problem.addConstraint(constraint, name)

    def decode(self, values: Mapping[str, float]) -> tuple[float, float]:
        """Return (A, B) from a solution's values."""
        return values[self.capacity_coefficient.name], values[self.demand_coefficient.name]


def most_coefficients(case: HostResource) -> tuple[float, float]:
    """Return bounds on |A| and |B| that some policy with any feasible allocation keeps.

    A line within [0, u] at the smallest and at the largest demand can be so steep and start so
    high at most. Where all demands are equal only ``A * C + B * d`` matters, so that A may be 0
    (B where no VM has demand); where there is no capacity, A. Without such bounds solvers
    wander far along these free directions and lose their digits.
    """
    least, spread, top = min(case.demand), max(case.demand) - min(case.demand), max(case.upper)
    if spread:
        steepest = top / spread
        return float((top + least * steepest) / case.capacity) if case.capacity else 0.0, float(steepest)
    if least:
        return 0.0, float(top / least)
    return float(top / case.capacity) if case.capacity else 0.0, 0.0


class LinearAllocation:
    """The linear program of the best linear policy of one resource of one host.

    Variables are A and B, of either sign. ``levels`` are maximised one after the other, each
    kept while the next is sought: utilisation ``sum a / C``; the smallest satisfaction
    ``min(a, d) / d``; then ``-|A|``, because (A, B) is not unique when all demands are equal.

    Parameters
    ----------
    case : HostResource
    """

    def __init__(self, case: HostResource) -> None:
        self.problem = pulp.LpProblem("linear_allocation", pulp.LpMaximize)
        self.terms = PolicyTerms(self.problem, case)
        self.terms.every_vm_gets_its_reservation_and_no_more_than_its_limit()
        self.terms.all_vms_fit_into_the_capacity()
        self.terms.no_vm_is_less_satisfied_than_the_smallest_satisfaction()
        self.terms.the_size_of_the_capacity_coefficient_is_measured()
        self.levels = (
            Level("utilisation", self.terms.total()),
            Level("smallest satisfaction", pulp.LpAffineExpression({self.terms.satisfaction: 1.0})),
            Level("size of A", pulp.LpAffineExpression({self.terms.size: -1.0})),
        )

    def decode(self, values: Mapping[str, float]) -> tuple[float, float]:
        """Return (A, B) from a solution's values."""
        return self.terms.decode(values)
