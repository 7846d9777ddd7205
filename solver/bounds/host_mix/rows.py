"""Rows of a host-mix program as integer matrices in which no sum can overflow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from formulations.host_mix import Cut
from formulations.tables import Integers

Floats = NDArray[np.float64]

ROOM = 2**62
"""No sum of products may reach this: int64 then holds every partial sum."""


class Rows:
    """Requirements ``sum_k values[t, k] n_k >= least[t]`` on integer n between 0 and ``most``.

    The first ``cuts`` rows come from cuts, with values of 0 and more; rows derived from them
    in a box may have any sign.

    Parameters
    ----------
    cuts : iterable of Cut
        Where its largest sum would leave 62 bits, a cut is rounded to a coarser unit, which only
        weakens it.
    most : int64 array, shape (types,)
        The largest numbers of bins.

    Attributes
    ----------
    values : int64 array, shape (rows, types)
    least : int64 array, shape (rows,)
    reach : list of int
        Per row the largest absolute value that a sum of its terms can take, right side included.
    """

    def __init__(self, cuts: Iterable[Cut], most: Integers) -> None:
        self._span: list[int] = [max(1, n) for n in most.tolist()]
        fitting = [self._fitted(cut) for cut in cuts]
        self.cuts = len(fitting)
        self.values: Integers = np.array([cut.values for cut in fitting], dtype=np.int64).reshape(self.cuts, len(most))
        self.least: Integers = np.array([cut.least for cut in fitting], dtype=np.int64)
        self.reach = [self._reach(cut.values, cut.least) for cut in fitting]
        self._scale()

    def add(self, cut: Cut) -> None:
        """Add a cut behind the others; there must be no derived row yet."""
        cut = self._fitted(cut)
        self.append(cut.values, cut.least)
        self.cuts += 1

    def _fitted(self, cut: Cut) -> Cut:
        reach = self._reach(cut.values, cut.least)
        while reach >= ROOM:
            cut = cut.rounded(2 ** max(1, reach.bit_length() - ROOM.bit_length() + 1))
            reach = self._reach(cut.values, cut.least)
        return cut

    def _reach(self, values: Sequence[int], least: int) -> int:
        terms = (abs(value) * n for value, n in zip(values, self._span, strict=True))
        return sum(terms, abs(least))

    def _scale(self) -> None:
        """Prepare the floats: every row divided by its largest coefficient."""
        self.scale: Floats = np.maximum(np.abs(self.values).max(axis=1, initial=1), 1).astype(np.float64)
        self.floats: Floats = self.values / self.scale[:, None]
        self.right: Floats = self.least / self.scale

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.least)

    def append(self, values: Sequence[int], least: int) -> bool:
        """Add a row derived from others; say whether it is small enough to be taken."""
        reach = self._reach(values, least)
        if reach >= ROOM:
            return False
        self.values = np.vstack([self.values, np.array([values], dtype=np.int64)])
        self.least = np.append(self.least, np.int64(least))
        self.reach.append(reach)
        self._scale()
        return True

    def broken(self, numbers: Floats, tolerance: float = 1e-7) -> Integers:
        """Return the rows that a fractional mix breaks, the worst first."""
        short = self.right - self.floats @ numbers
        rows = np.flatnonzero(short > tolerance * np.maximum(1.0, np.abs(self.right)))
        worst: Integers = rows[np.argsort(-short[rows], kind="stable")]
        return worst

    def passed(self, mix: Integers) -> bool:
        """Whether an integer mix satisfies every row."""
        return bool((self.values @ mix >= self.least).all())
