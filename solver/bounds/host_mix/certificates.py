"""Exact lower bounds from floating dual prices: Lagrangian bounds in integers.

A. Neumaier, O. Shcherbina, Safe bounds in linear and mixed-integer linear programming,
Mathematical Programming 99, 2004, doi:10.1007/s10107-003-0433-3.
"""

from __future__ import annotations

from math import ceil, frexp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers
from solver.bounds.host_mix.rows import ROOM, Floats, Rows

DIGITS = 30
"""Binary digits of prices beyond the size of the right sides, where 62 bits leave room for them."""

FEWEST_DIGITS = 10
"""With fewer digits than this in 62 bits, integers of any length are used instead."""

Exact = NDArray[Any]
"""int64 where 62 bits are enough, otherwise Python's integers as objects."""


class Certificate:
    """Prices of rows, rounded to a common denominator: they bound the cost in every box.

    For prices ``y >= 0`` and every n in a box that satisfies the rows, ``c.n`` is at least
    ``y.least + sum_k min over n_k of (c_k - y.values_k) n_k``. With ``y = Y / 2**digits`` in
    integers Y, all of it is whole numbers. Whatever the prices are, the bound holds.

    Parameters
    ----------
    costs : int64 array, shape (types,)
        Zeros ask whether the rows contradict each other: then a bound above 0 proves it.
    rows : Rows
    prices : float64 array, shape (rows,)
        In cost per unit of each row; negative ones count as 0.
    dearest : int
        The cost of all bins, at least one of each type.
    """

    def __init__(self, costs: Integers, rows: Rows, prices: Floats, dearest: int) -> None:
        used = np.flatnonzero(prices > 0)
        priced = [(int(t), float(prices[t])) for t in used if np.isfinite(prices[t])]
        self.digits = self._digits(rows, priced, dearest)
        scaled = [(t, round(_shifted(price, self.digits))) for t, price in priced]
        total = (dearest << self.digits) + sum(price * rows.reach[t] for t, price in scaled)
        kind = np.int64 if total < ROOM else np.object_
        slopes: Exact = costs.astype(kind) * (1 << self.digits)
        for t, price in scaled:
            slopes = slopes - rows.values[t].astype(kind) * price
        self.constant = sum(price * int(rows.least[t]) for t, price in scaled)
        self.slopes: Exact = slopes

    @staticmethod
    def _digits(rows: Rows, priced: list[tuple[int, float]], dearest: int) -> int:
        """Return how many binary digits to keep: many, yet few enough for 62 bits where that is precise enough."""
        wanted = max((rows.reach[t] for t, _ in priced), default=1).bit_length()
        largest = dearest + sum(ceil(price * rows.reach[t]) for t, price in priced) + 1
        room = ROOM.bit_length() - 3 - largest.bit_length()
        return min(wanted + DIGITS, room) if room >= wanted + FEWEST_DIGITS else wanted + DIGITS

    def scaled_bound(self, lower: Integers, upper: Integers) -> int:
        """Return the bound in a box, times ``2**digits``."""
        at = np.where(self.slopes > 0, lower, upper)
        return self.constant + int((self.slopes * at).sum())

    def bound(self, lower: Integers, upper: Integers) -> int:
        """Return the bound in a box, rounded up to an integer."""
        return -((-self.scaled_bound(lower, upper)) >> self.digits)

    def tighten(self, lower: Integers, upper: Integers, cutoff: int) -> bool:
        """Cut off, in place, what in a box costs more than ``cutoff``; say whether anything is left.

        Reduced cost fixing: a number far from its cheaper end costs too much.
        """
        gap = (cutoff << self.digits) - self.scaled_bound(lower, upper)
        if gap < 0:
            return False
        rises, falls = self.slopes > 0, self.slopes < 0
        steps = gap // np.maximum(np.abs(self.slopes), 1)
        if steps.dtype == np.object_:
            steps = np.minimum(steps, ROOM)
        reach = np.minimum(steps.astype(np.int64), upper - lower)
        np.copyto(upper, lower + reach, where=rises)
        np.copyto(lower, upper - reach, where=falls)
        return True


def _shifted(price: float, digits: int) -> float:
    """Return ``price * 2**digits``, a whole number where that is large."""
    mantissa, exponent = frexp(price)
    return mantissa * 2.0 ** (exponent + digits)
