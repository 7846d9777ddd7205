"""Spell figures for people: short, never rounded to something they are not."""

from __future__ import annotations

from fractions import Fraction

from formulations.resources import Scale


def figure(value: Fraction | int) -> str:
    """Spell a value: whole numbers in full, others to four decimals, tiny ones by their leading digits.

    Examples
    --------
    >>> figure(Fraction(112400)), figure(Fraction(1, 3)), figure(Fraction(1, 10**7))
    ('112,400', '0.3333', '1e-07')
    """
    value = Fraction(value)
    if value.denominator == 1:
        return f"{int(value):,}"
    if abs(value) < Fraction(1, 1000):
        return f"{float(value):.3g}"
    return f"{float(value):,.4f}".rstrip("0").rstrip(".")


def with_unit(value: Fraction | int, unit: str) -> str:
    """Spell a value with its unit behind it."""
    return f"{figure(value)} {unit}".rstrip()


def percent(share: float | Fraction | None) -> str:
    """Spell a share of one as a percentage; what is not 0 or 100 % never looks as if it were.

    Examples
    --------
    >>> percent(0.625), percent(0), percent(1e-9), percent(0.99999), percent(None)
    ('62.5 %', '0 %', '<0.1 %', '>99.9 %', 'unknown')
    """
    if share is None:
        return "unknown"
    hundredths = float(share) * 100
    if 0 < hundredths < 0.05:
        return "<0.1 %"
    if 99.95 <= hundredths < 100:
        return ">99.9 %"
    return f"{hundredths:.1f}".removesuffix(".0") + " %"


def seconds(duration: float) -> str:
    """Spell a duration in seconds.

    Examples
    --------
    >>> seconds(0.0123), seconds(12.345), seconds(75)
    ('0.012 s', '12.3 s', '75.0 s')
    """
    return f"{duration:.3f} s" if duration < 1 else f"{duration:.1f} s"


def amount(scale: Scale, integer: int) -> str:
    """Spell an integer number of quanta in the resource's unit, to three decimals, without the unit."""
    value = scale.value(int(integer))
    if value.denominator == 1 or abs(value) < Fraction(1, 1000):
        return figure(value)
    return f"{float(value):,.3f}".rstrip("0").rstrip(".")


def share_of_demand(given: int, wanted: int) -> str:
    """Spell what share of a demand is given: nothing if it is exactly that, or nothing is wanted.

    Examples
    --------
    >>> share_of_demand(5, 8), share_of_demand(8, 8), share_of_demand(11, 8), share_of_demand(1, 0)
    ('62.5 %', '', '138 %', '')
    """
    if wanted in (0, given):
        return ""
    if given < wanted:
        return percent(given / wanted)
    return f"{given / wanted * 100:.0f} %" if given * 200 >= wanted * 201 else ">100 %"


def heading(scale: Scale) -> str:
    """Name a resource with its unit, such as ``memory (GB)``."""
    unit = scale.resource.unit
    return f"{scale.resource.name} ({unit})" if unit else scale.resource.name


def count(number: int, what: str) -> str:
    """Spell a number of things: ``1 host``, ``2,000 hosts``."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")
