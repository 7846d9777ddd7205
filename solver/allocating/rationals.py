"""Fractions that stand for a solver's floating figures."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

NEARNESS = Fraction(1, 10**7)
"""How far a fraction may be from the figure it stands for, relative to figures above 1."""


def simplest_near(figure: float) -> Fraction:
    """Return the fraction of the smallest denominator within ``NEARNESS`` of a figure.

    Examples
    --------
    >>> simplest_near(0.33333333219)
    Fraction(1, 3)
    """
    exact = Fraction(figure)
    slack = NEARNESS * max(Fraction(1), abs(exact))
    return simplest_between(exact - slack, exact + slack)


def simplest_between(low: Fraction, high: Fraction) -> Fraction:
    """Return the fraction of the smallest denominator in a closed interval (continued fractions)."""
    if low <= 0 <= high:
        return Fraction(0)
    if high < 0:
        return -simplest_between(-high, -low)
    if ceil(low) <= high:
        return Fraction(ceil(low))
    whole = floor(low)
    return whole + 1 / simplest_between(1 / (high - whole), 1 / (low - whole))
