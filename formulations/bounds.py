"""Demand bounds: what one VM must have, expects and may have at most of one resource."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import msgspec

from formulations.errors import InputError
from formulations.quantities import Quantity, exact, plain

MOST_PERIODS = 10_000

Triple = tuple[Fraction, Fraction, Fraction | None]
"""Reservation, demand and limit; a missing limit is None."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
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
        exact(self.reservation, "reservation")
        if self.limit is not None:
            exact(self.limit, "limit")
        exact(self.shares, "shares")
        if self.shares == 0:
            raise InputError("must be positive, got 0", "shares")
        if self.ramp is not None:
            exact(self.ramp, "ramp")
        if not isinstance(self.demand, list):
            _ordered(self.reservation, self.demand, self.limit)
            return
        if not 1 <= len(self.demand) <= MOST_PERIODS:
            raise InputError(f"expected 1 to {MOST_PERIODS} periods, got {len(self.demand)}", "demand")
        for value in self.profile:
            _check_between(exact(self.reservation), value, None if self.limit is None else exact(self.limit))

    @property
    def profile(self) -> tuple[Fraction, ...]:
        """The expected demand per period; one period unless ``demand`` is a list."""
        if isinstance(self.demand, list):
            return tuple(exact(value, f"demand[{t}]") for t, value in enumerate(self.demand))
        return (self.triple()[1],)

    def triple(self) -> Triple:
        """Return reservation, (largest) demand and limit; the limit is None if missing."""
        if not isinstance(self.demand, list):
            return _ordered(self.reservation, self.demand, self.limit)
        limit = None if self.limit is None else exact(self.limit)
        return exact(self.reservation), max(self.profile), limit


@lru_cache(maxsize=2**16, typed=True)
def _ordered(reservation: Quantity, demand: Quantity | None, limit: Quantity | None) -> Triple:
    """Return the triple of scalar bounds; remembered, since most VMs are of few flavours."""
    low = exact(reservation, "reservation")
    high = None if limit is None else exact(limit, "limit")
    expected = exact(demand, "demand") if demand is not None else low if high is None else high
    if high is not None and low > high:
        raise InputError(f"reservation {plain(low)} is above limit {plain(high)}", "reservation")
    _check_between(low, expected, high)
    return low, expected, high


def _check_between(low: Fraction, expected: Fraction, high: Fraction | None) -> None:
    if expected < low:
        raise InputError(f"demand {plain(expected)} is below reservation {plain(low)}", "demand")
    if high is not None and expected > high:
        raise InputError(f"demand {plain(expected)} is above limit {plain(high)}", "demand")


Size = Quantity | Bounds
"""A bare number means reservation = demand = limit."""


def triple_of(size: Size, field: str = "") -> Triple:
    """Return reservation, demand and limit (None if missing) of a size or of bounds."""
    if isinstance(size, Bounds):
        return size.triple()
    exact(size, field)
    return _rigid(size)


@lru_cache(maxsize=2**16, typed=True)
def _rigid(size: Quantity) -> Triple:
    value = exact(size)
    return value, value, value


def shares_of(size: Size) -> Fraction:
    """Return the shares of a size: 1 unless stated."""
    return exact(size.shares if isinstance(size, Bounds) else 1)
