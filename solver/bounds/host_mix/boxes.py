"""Boxes of bin numbers and what can be cut off them without losing every cheapest mix.

One cheapest mix is singled out: of all cheapest ones that with the fewest bins, of these the one
that uses types before those that they dominate. Everything that is cut off here lacks this mix, so
that all the ways of cutting may be combined, and with branching too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers
from solver.bounds.host_mix.rows import Rows

MOST_COMPARED = 2 * 10**8
"""Types are not compared with each other where that takes more single comparisons."""

MOST_ROUNDS = 10
"""Boxes are not tightened more often in a row."""

Mask = NDArray[np.bool_]


class Tightening:
    """Tightens boxes of one program.

    Parameters
    ----------
    costs : int64 array, shape (types,)
    limits : int64 array, shape (types,)
        How many bins of each type there are.
    rows : Rows
        Only its cuts are used: rows of values of 0 and more.
    """

    def __init__(self, costs: Integers, limits: Integers, rows: Rows) -> None:
        self.limits = limits
        self.values: Integers = rows.values[: rows.cuts]
        self.least: Integers = rows.least[: rows.cuts]
        self._divisors: Integers = np.maximum(self.values, 1)
        self._largest: Integers = self.values.max(axis=1, initial=0)
        dominates = dominance(costs, self.values)
        dominates[limits == 0] = False
        self._better, self._worse = np.nonzero(direct(dominates))

    def tighten(self, lower: Integers, upper: Integers) -> bool:
        """Tighten a box in place; say whether it may still hold the cheapest mix."""
        for _ in range(MOST_ROUNDS):
            before = int((upper - lower).sum())
            if not self._once(lower, upper):
                return False
            if int((upper - lower).sum()) == before:
                break
        return True

    def _once(self, lower: Integers, upper: Integers) -> bool:
        if (lower > upper).any():
            return False
        slack = self.values @ upper - self.least
        if (slack < 0).any():
            return False
        self._raise(lower, upper, slack)
        self._clip(lower, upper)
        self._replace(lower, upper)
        return not (lower > upper).any()

    def _raise(self, lower: Integers, upper: Integers, slack: Integers) -> None:
        """Raise lower bounds: what a cut lacks even with all other bins must come from this type."""
        width = int((upper - lower).max(initial=0))
        for t in np.flatnonzero(slack // max(1, width) < self._largest).tolist():
            spare = slack[t] // self._divisors[t]
            np.copyto(lower, np.maximum(lower, upper - spare), where=self.values[t] > 0)

    def _clip(self, lower: Integers, upper: Integers) -> None:
        """Lower upper bounds: no more bins of a type than suffice without any of another type."""
        missing = self.least - self.values @ lower
        short = missing > 0
        enough = -(-missing[short, None] // self._divisors[short])
        useful = np.where(self.values[short] > 0, enough, 0).max(axis=0, initial=0)
        np.minimum(upper, lower + useful, out=upper)

    def _replace(self, lower: Integers, upper: Integers) -> None:
        """Use a type only where there is no bin left of any type that dominates it."""
        upper[self._worse[upper[self._better] < self.limits[self._better]]] = 0
        exhausted = self._better[lower[self._worse] > 0]
        lower[exhausted] = self.limits[exhausted]


def dominance(costs: Integers, values: Integers) -> Mask:
    """Return which type dominates which: costs no more and holds no less in any row; shape (types, types).

    Of equal types the earlier dominates the later.
    """
    types = len(costs)
    dominates = np.zeros((types, types), dtype=np.bool_)
    if types * values.size > MOST_COMPARED:
        return dominates
    for k in range(types):
        dominates[k] = (costs[k] <= costs) & (values[:, k, None] >= values).all(axis=0)
    later = ~np.tri(types, dtype=np.bool_)
    return dominates & (later | ~dominates.T)


def direct(dominates: Mask) -> Mask:
    """Return a transitive relation without the pairs that follow from others."""
    weights = dominates.astype(np.float32)
    followed: Mask = weights @ weights > 0
    return dominates & ~followed
