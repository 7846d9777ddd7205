"""Quantities as people write them, and the integers that stand for them inside."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING

from formulations.errors import InputError

if TYPE_CHECKING:
    Quantity = int | float | Decimal
else:  # what files may hold: msgspec reads every JSON number exactly
    Quantity = int | Decimal

LARGEST_QUANTITY = 10**12
"""No single quantity may exceed this, in its own unit."""

MOST_DECIMALS = 9
"""No quantity may have more decimal places than this."""

LARGEST_INTEGER = 2**53
"""No capacity or size may exceed this after scaling to integers (floats stay exact)."""


def exact(value: Quantity, field: str = "") -> Fraction:
    """Return a non-negative quantity as an exact fraction.

    A float is taken at its shortest decimal spelling: ``0.1`` is one tenth.

    Raises
    ------
    InputError
        If the value is no number, NaN, infinite, negative, above ``LARGEST_QUANTITY``
        or has more than ``MOST_DECIMALS`` decimals.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise InputError(f"expected a number, got {value!r}", field)
    decimal = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not decimal.is_finite():
        raise InputError(f"expected a finite number, got {value}", field)
    if decimal < 0:
        raise InputError(f"must not be negative, got {value}", field)
    if decimal > LARGEST_QUANTITY:
        raise InputError(f"must be at most {LARGEST_QUANTITY:,}, got {decimal:.3E}", field)
    exponent = decimal.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > MOST_DECIMALS:
        raise InputError(f"has more than {MOST_DECIMALS} decimals: {value}", field)
    return Fraction(decimal)


def common_quantum(values: Iterable[Fraction]) -> Fraction:
    """Return the largest fraction of which every given value is a whole multiple (1 if all are 0).

    Examples
    --------
    >>> common_quantum([Fraction(1, 2), Fraction(3, 4)])
    Fraction(1, 4)
    """
    numerator, denominator = 0, 1
    for value in set(values):
        numerator, denominator = (
            gcd(numerator * value.denominator, value.numerator * denominator),
            denominator * value.denominator,
        )
        shared = gcd(numerator, denominator)
        if shared > 1:
            numerator, denominator = numerator // shared, denominator // shared
    return Fraction(numerator, denominator) if numerator else Fraction(1)


def common_denominator(values: Iterable[Fraction]) -> int:
    """Return the smallest integer that makes every given value whole when multiplied by it."""
    return lcm(*{value.denominator for value in values}) if values else 1


def plain(value: Fraction | int, decimals: int = 6) -> str:
    """Spell a fraction for people: whole if whole, otherwise at most ``decimals`` places."""
    if Fraction(value).denominator == 1:
        return str(int(value))
    return f"{float(value):.{decimals}f}".rstrip("0").rstrip(".")


def json_number(value: Fraction | int) -> int | float:
    """Return the number that JSON can hold: an int where the value is whole."""
    whole = Fraction(value)
    return int(whole) if whole.denominator == 1 else float(whole)
