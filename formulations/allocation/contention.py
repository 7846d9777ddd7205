"""Contention: one resource of one host, and the bounds of the VMs that share it, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

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
