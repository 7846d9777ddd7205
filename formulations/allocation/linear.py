"""Linear allocation: one policy ``a = A * C + B * d`` per resource for all VMs of a host."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

import pulp

from formulations.errors import InputError
from formulations.quantities import Quantity, exact, plain

Amount = Quantity | Fraction
"""What callers may give for an amount; fractions are taken as they are."""


@dataclass(frozen=True)
class HostResource:
    """One resource of one host, and what the VMs there must have, expect and may have of it.

    Make it with `HostResource.of`, which takes plain numbers.

    Parameters
    ----------
    capacity : Fraction
        What the VMs may use together.
    lower, demand, upper : tuples of Fraction, shape (VMs,)
        Guaranteed floor (the reservation, or what an isolation level makes of it), expected
        demand and limit; ``0 <= lower <= upper`` and ``0 <= demand <= upper``.
    vms : tuple of str, shape (VMs,)
        Their names, for messages.
    resource, unit : str
        For messages.
    """

    capacity: Fraction
    lower: tuple[Fraction, ...]
    demand: tuple[Fraction, ...]
    upper: tuple[Fraction, ...]
    vms: tuple[str, ...]
    resource: str = "resource"
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.vms:
            raise InputError("expected at least one VM", "vms")
        for field in ("lower", "demand", "upper"):
            if len(getattr(self, field)) != len(self.vms):
                raise InputError(f"expected {len(self.vms)} figures, one per VM", field)
        for vm, (low, expected, high) in enumerate(zip(self.lower, self.demand, self.upper, strict=True)):
            if low > high:
                raise InputError(f"{self.say(low)} is above the limit {self.say(high)}", f"lower[{vm}]")
            if expected > high:
                raise InputError(f"{self.say(expected)} is above the limit {self.say(high)}", f"demand[{vm}]")

    @classmethod
    def of(
        cls,
        capacity: Amount,
        lower: Sequence[Amount],
        demand: Sequence[Amount],
        upper: Sequence[Amount | None] | None = None,
        *,
        vms: Sequence[str] | None = None,
        resource: str = "resource",
        unit: str = "",
    ) -> HostResource:
        """Return the case that plain numbers state; a missing limit is the capacity, or the demand if larger.

        Raises
        ------
        InputError
            If a figure is negative, not finite or out of order, or the lengths differ.
        """
        whole = amount(capacity, "capacity")
        expected = tuple(amount(value, f"demand[{vm}]") for vm, value in enumerate(demand))
        limits = [None] * len(expected) if upper is None else list(upper)
        if len(limits) != len(expected):
            raise InputError(f"expected {len(expected)} figures, one per VM", "upper")
        return cls(
            capacity=whole,
            lower=tuple(amount(value, f"lower[{vm}]") for vm, value in enumerate(lower)),
            demand=expected,
            upper=tuple(
                max(whole, expected[vm]) if value is None else amount(value, f"upper[{vm}]")
                for vm, value in enumerate(limits)
            ),
            vms=tuple(f"vm-{vm + 1}" for vm in range(len(expected))) if vms is None else tuple(vms),
            resource=resource,
            unit=unit,
        )

    @property
    def count(self) -> int:
        """How many VMs there are."""
        return len(self.vms)

    @property
    def distinct(self) -> tuple[int, ...]:
        """The first VM of every kind: VMs with equal bounds and demand always get the same."""
        first: dict[tuple[Fraction, Fraction, Fraction], int] = {}
        for vm, kind in enumerate(zip(self.lower, self.demand, self.upper, strict=True)):
            first.setdefault(kind, vm)
        return tuple(first.values())

    def allocation(self, capacity_coefficient: Fraction, demand_coefficient: Fraction) -> tuple[Fraction, ...]:
        """Return ``A * C + B * d`` for every VM."""
        base = capacity_coefficient * self.capacity
        return tuple(base + demand_coefficient * expected for expected in self.demand)

    def utilisation(self, allocation: Sequence[Fraction]) -> Fraction:
        """Return ``sum a / C``, 0 where there is no capacity."""
        return sum(allocation, Fraction(0)) / self.capacity if self.capacity else Fraction(0)

    def smallest_satisfaction(self, allocation: Sequence[Fraction]) -> Fraction:
        """Return the smallest ``min(a, d) / d`` over the VMs, which is 1 where ``d = 0``."""
        pairs = zip(allocation, self.demand, strict=True)
        return min((min(got, expected) / expected for got, expected in pairs if expected), default=Fraction(1))

    def say(self, value: Fraction) -> str:
        """Spell an amount with its unit, such as ``62.5 GB``."""
        return f"{plain(value)} {self.unit}".rstrip()


def amount(value: Amount, field: str = "") -> Fraction:
    """Return a non-negative amount as an exact fraction."""
    if isinstance(value, Fraction):
        if value < 0:
            raise InputError(f"must not be negative, got {value}", field)
        return value
    return exact(value, field)


def coefficient(value: Amount, field: str = "") -> Fraction:
    """Return a coefficient of either sign as an exact fraction; a float at its shortest decimal spelling."""
    if isinstance(value, Fraction):
        return value
    decimal = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return exact(decimal, field) if not decimal < 0 else -exact(-decimal, field)


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


def evaluate(case: HostResource, capacity_coefficient: Amount, demand_coefficient: Amount) -> Evaluation:
    """Return what the policy ``a = A * C + B * d`` does, in exact arithmetic.

    Parameters
    ----------
    case : HostResource
    capacity_coefficient, demand_coefficient : number
        A and B, of either sign.

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
        self.capacity_coefficient = problem.add_variable(f"A{suffix}")
        self.demand_coefficient = problem.add_variable(f"B{suffix}")
        self.satisfaction = problem.add_variable(f"smallest_satisfaction{suffix}", upBound=1)
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
        return pulp.LpAffineExpression({variable: weight for variable, weight in weights.items() if weight})

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


class LinearAllocation:
    """The linear program of the best linear policy of one resource of one host.

    Variables are A and B, free in sign. ``levels`` are maximised one after the other, each
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
