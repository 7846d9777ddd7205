"""Mixed-integer rounding of rows in a box: stronger rows that every integer mix satisfies.

H. Marchand, L. A. Wolsey, Aggregation and mixed integer rounding to solve MIPs, Operations
Research 49, 2001, doi:10.1287/opre.49.3.363.11211; here all is integer, so that all arithmetic is.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers
from solver.bounds.host_mix.rows import ROOM, Floats

MOST_DIVISORS = 12
"""So many divisors are tried per row, those of the most fractional numbers first."""

Mask = NDArray[np.bool_]


class Rounded(NamedTuple):
    """A row ``values.n >= least`` and how far a fractional mix breaks it, by its Euclidean norm."""

    values: Integers
    least: int
    violation: float


class Shift(NamedTuple):
    """A row seen from a corner of the box: in variables x, distances from the corner, ``values.x >= least``."""

    values: Integers
    least: int
    from_above: Mask


def shifted(values: Integers, least: int, lower: Integers, upper: Integers, from_above: Mask) -> Shift:
    """Return a row in distances from the lower bounds, or from the upper ones where told."""
    corner = np.where(from_above, upper, lower)
    return Shift(np.where(from_above, -values, values), least - int(values @ corner), from_above)


def rounded(row: Shift, divisor: int, lower: Integers, upper: Integers) -> tuple[Integers, int] | None:
    """Return the mixed-integer rounding of a shifted row by a divisor, in n; None if it says nothing.

    With ``r = least mod divisor``, every integer x >= 0 with ``values.x >= least`` satisfies
    ``sum_k (r floor(v_k / divisor) + min(r, v_k mod divisor)) x_k >= r ceil(least / divisor)``.
    """
    whole, rest = divmod(row.least, divisor)
    if rest == 0:
        return None
    steps, left = np.divmod(row.values, divisor)
    reach = (int(np.abs(steps).max(initial=0)) * rest + rest) * max(1, int(np.abs(upper).sum()))
    if reach >= ROOM // 4:
        return None
    values = rest * steps + np.minimum(rest, left)
    back = np.where(row.from_above, -values, values)
    corner = np.where(row.from_above, upper, lower)
    least = rest * (whole + 1) + int(back @ corner)
    unit = gcd(*back.tolist()) or 1
    return back // unit, -(-least // unit)


def roundings(values: Integers, least: int, lower: Integers, upper: Integers, numbers: Floats) -> Iterator[Rounded]:
    """Yield rows rounded from one row that a fractional mix breaks, the best of every corner tried.

    Parameters
    ----------
    values, least : int64 array of shape (types,), int
        The row, valid in the box.
    lower, upper : int64 arrays, shape (types,)
    numbers : float64 array, shape (types,)
        The mix to cut off.
    """
    nearer_above = numbers - lower > upper - numbers
    for from_above in (nearer_above, nearer_above & (numbers > upper - 1e-6)):
        row = shifted(values, least, lower, upper, from_above)
        tried = (rounded(row, divisor, lower, upper) for divisor in _divisors(row, lower, upper, numbers))
        broken = [judged for found in tried if found is not None and (judged := _judged(*found, numbers)) is not None]
        if broken:
            yield max(broken, key=lambda cut: cut.violation)


def _judged(values: Integers, least: int, numbers: Floats) -> Rounded | None:
    """Return a row with its violation; None where the mix satisfies it."""
    size = float(np.sqrt((values.astype(np.float64) ** 2).sum())) or 1.0
    violation = (least - float(values @ numbers)) / size
    return Rounded(values, least, violation) if violation > 1e-5 else None


def _divisors(row: Shift, lower: Integers, upper: Integers, numbers: Floats) -> list[int]:
    """Return divisors worth trying: coefficients of numbers strictly inside the box, and parts of these."""
    depth = np.minimum(numbers - lower, upper - numbers)
    inside = np.flatnonzero((depth > 1e-6) & (row.values != 0))
    order = inside[np.argsort(-depth[inside], kind="stable")]
    plain = list(dict.fromkeys(abs(int(row.values[k])) for k in order))
    parts = [value // part for value in plain[:2] for part in (2, 4, 8)]
    divisors = [value for value in dict.fromkeys([*plain, *parts]) if value > 1]
    return divisors[:MOST_DIVISORS]
