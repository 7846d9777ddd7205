"""Exact sums of integers by group, whatever their size."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers

EXACT_FLOATS = 2**53
EXACT_INTEGERS = 2**63


def totals(groups: Integers, values: NDArray[Any], size: int) -> NDArray[Any]:
    """Return the exact sum of the values of every group.

    Parameters
    ----------
    groups : int64 array, shape (n,)
        The group of each value, 0 to ``size`` - 1.
    values : integer array, shape (n,)
    size : int
        How many groups there are.

    Returns
    -------
    array, shape (size,)
        int64, or Python integers (dtype object) where int64 could overflow.
    """
    largest = max((int(values.max()), -int(values.min()))) if len(values) else 0
    if largest * len(values) < EXACT_FLOATS:
        return np.bincount(groups, weights=values.astype(np.float64), minlength=size).astype(np.int64)
    wide = values.dtype == object or largest * len(values) >= EXACT_INTEGERS
    sums: NDArray[Any] = np.zeros(size, dtype=object if wide else np.int64)
    np.add.at(sums, groups, values.astype(object) if wide else values)
    return sums


def times(values: NDArray[Any], factors: Integers) -> NDArray[Any]:
    """Return the exact products, as Python integers where int64 could overflow."""
    bound = int(values.max(initial=0)) * int(factors.max(initial=0))
    return values.astype(object) * factors if bound >= EXACT_INTEGERS else values * factors


def fraction_sum(parts: Sequence[Fraction]) -> Fraction:
    """Return the sum of many fractions: in halves, so that large denominators meet late."""
    if len(parts) <= 2:
        return sum(parts, Fraction(0))
    middle = len(parts) // 2
    return fraction_sum(parts[:middle]) + fraction_sum(parts[middle:])
