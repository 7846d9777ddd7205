"""Quantities as people write them, and the integers that stand for them inside."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from fractions import Fraction
from functools import lru_cache
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

_DIGITS = Context(prec=40, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
_FINEST = Decimal(1).scaleb(-MOST_DECIMALS)


def exact(value: Quantity, field: str = "") -> Fraction:
    """Return a non-negative quantity as an exact fraction.

    A float is taken at its shortest decimal spelling: ``0.1`` is one tenth. Equal quantities
    return the same object as long as it is remembered, so that it may be told by ``id``.

    Raises
    ------
    InputError
        If the value is no number, NaN, infinite, negative, above ``LARGEST_QUANTITY``
        or has more than ``MOST_DECIMALS`` decimals.
    """
    try:
        return _exact(value)
    except InputError as error:
        raise InputError(error.message, field) from None
    except TypeError:  # it cannot be hashed, so it is no number; a signalling NaN cannot either
        raise InputError(f"expected a number, got {value!r}", field) from None


@lru_cache(maxsize=2**16, typed=True)
def _exact(value: Quantity) -> Fraction:
    if type(value) is int and 0 <= value <= LARGEST_QUANTITY:
        return Fraction(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise InputError(f"expected a number, got {value!r}")
    decimal = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not decimal.is_finite():
        raise InputError(f"expected a finite number, got {value}")
    if decimal < 0:
        raise InputError(f"must not be negative, got {shown(decimal)}")
    if decimal > LARGEST_QUANTITY:
        raise InputError(f"must be at most {LARGEST_QUANTITY:,}, got {shown(decimal)}")
    # Comparing first keeps every step below cheap, however large the exponent is in the file.
    if _DIGITS.remainder(decimal, _FINEST):
        raise InputError(f"has more than {MOST_DECIMALS} decimals: {shown(decimal)}")
    return Fraction(int(_DIGITS.scaleb(decimal, MOST_DECIMALS)), 10**MOST_DECIMALS)


def shown(value: Decimal) -> str:
    """Spell a decimal for an error message, shortly however many digits it has."""
    spelled = str(value)
    if len(spelled) <= 24:
        return spelled
    return f"{value:.3E}" if abs(value) > LARGEST_QUANTITY else f"{spelled[:20]}…"


def common_quantum(values: Iterable[Fraction]) -> Fraction:
    """Return the largest fraction of which every given value is a whole multiple (1 if all are 0).

    Examples
    --------
    >>> common_quantum([Fraction(1, 2), Fraction(3, 4)])
    Fraction(1, 4)
    """
    given = [value for value in values if value]
    denominator = common_denominator(given)
    return Fraction(gcd(*(value.numerator * (denominator // value.denominator) for value in given)) or 1, denominator)


def common_denominator(values: Iterable[Fraction]) -> int:
    """Return the smallest integer that makes every given value whole when multiplied by it."""
    return lcm(*{value.denominator for value in values})


def plain(value: Fraction | int, decimals: int = 6) -> str:
    """Spell a fraction for people: whole if whole, otherwise at most ``decimals`` places."""
    if Fraction(value).denominator == 1:
        return str(int(value))
    rounded = f"{float(value):.{decimals}f}".rstrip("0").rstrip(".")
    return rounded if rounded not in ("0", "-0") else f"{float(value):.3g}"


def json_number(value: Fraction | int) -> int | float:
    """Return the number that JSON can hold: an int where the value is whole."""
    whole = Fraction(value)
    return int(whole) if whole.denominator == 1 else float(whole)
