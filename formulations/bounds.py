"""Demand bounds: what one VM must have, expects and may have at most of one resource."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from formulations.errors import InputError
from formulations.quantities import Quantity, exact

MOST_PERIODS = 10_000


class Bounds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reservation, expected demand, limit and shares of one resource for one VM.

    Parameters
    ----------
    reservation : number, optional
        Guaranteed at all times; 0 if missing.
    demand : number or list of numbers, optional
        Expected use, or one figure per period for the dynamic allocation model (placement
        then uses the largest). If missing: the limit if given, otherwise the reservation.
    limit : number, optional
        Never exceeded; the host's capacity if missing.
    shares : number
        Weight in competition for what is left, positive.
    ramp : number, optional
        Largest change of the allocation from one period to the next.
    """

    reservation: Quantity = 0
    demand: Quantity | list[Quantity] | None = None
    limit: Quantity | None = None
    shares: Quantity = 1
    ramp: Quantity | None = None

    def __post_init__(self) -> None:
        low = exact(self.reservation, "reservation")
        high = None if self.limit is None else exact(self.limit, "limit")
        if high is not None and low > high:
            raise InputError(f"reservation {self.reservation} is above limit {self.limit}", "reservation")
        if isinstance(self.demand, list) and not 1 <= len(self.demand) <= MOST_PERIODS:
            raise InputError(f"expected 1 to {MOST_PERIODS} periods, got {len(self.demand)}", "demand")
        for expected in self.profile:
            if expected < low:
                raise InputError(f"demand {float(expected):g} is below reservation {self.reservation}", "demand")
            if high is not None and expected > high:
                raise InputError(f"demand {float(expected):g} is above limit {self.limit}", "demand")
        if exact(self.shares, "shares") == 0:
            raise InputError("must be positive, got 0", "shares")
        if self.ramp is not None:
            exact(self.ramp, "ramp")

    @property
    def profile(self) -> tuple[Fraction, ...]:
        """The expected demand per period; one period unless ``demand`` is a list."""
        if isinstance(self.demand, list):
            return tuple(exact(value, f"demand[{t}]") for t, value in enumerate(self.demand))
        if self.demand is not None:
            return (exact(self.demand, "demand"),)
        return (exact(self.reservation if self.limit is None else self.limit),)

    def triple(self) -> tuple[Fraction, Fraction, Fraction | None]:
        """Return reservation, (largest) demand and limit; the limit is None if missing."""
        limit = None if self.limit is None else exact(self.limit)
        return exact(self.reservation), max(self.profile), limit


Size = Quantity | Bounds
"""A bare number means reservation = demand = limit."""


def triple_of(size: Size, field: str = "") -> tuple[Fraction, Fraction, Fraction | None]:
    """Return reservation, demand and limit (None if missing) of a size or of bounds."""
    if isinstance(size, Bounds):
        return size.triple()
    rigid = exact(size, field)
    return rigid, rigid, rigid


def shares_of(size: Size) -> Fraction:
    """Return the shares of a size: 1 unless stated."""
    return exact(size.shares) if isinstance(size, Bounds) else Fraction(1)
