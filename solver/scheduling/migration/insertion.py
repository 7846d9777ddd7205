"""Schedules made by inserting legs one after the other, each as soon as it harms nobody who is in already."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from formulations.scheduling.legs import Legs
from formulations.tables import Integers
from solver.scheduling.migration.listing import nexts_of

Floats = NDArray[np.float64]

ROOMY = 2**62
"""The limit of a row that nobody claims."""


class Inserter:
    """Makes schedules by serial insertion (Kelley 1963): a leg may start sooner than others that are in before it.

    Unlike list scheduling, which never leaves idle what somebody could use, this keeps room for a leg that
    was inserted early and starts late; with the right order it makes a shortest schedule.

    Parameters
    ----------
    legs : Legs
    compiled : bool
        Whether the loop is compiled.
    """

    def __init__(self, legs: Legs, *, compiled: bool = True) -> None:
        from solver.scheduling.migration.kernels.inserting import inserted  # noqa: PLC0415 - numba, when it is needed

        self.legs = legs
        self._inserted = inserted if compiled else inserted.py_func
        rows = len(legs.rows)
        _, claimed, _, limits = legs.claims
        self._limit: Integers = np.full(rows, ROOMY, dtype=np.int64)
        np.minimum.at(self._limit, claimed, limits)
        changes = np.bincount(claimed, minlength=rows) + np.bincount(legs.releases[1], minlength=rows)
        self._first: Integers = np.concatenate(([0], np.cumsum(changes))).astype(np.int64)
        self._nexts, self._next_at_start, self._waiting_for = nexts_of(legs)

    def starts(self, urgency: Floats | Integers, cutoff: float = np.inf) -> Integers | None:
        """Return the starts if the legs are inserted by ascending urgency, None if some never fit or it takes too long.

        Parameters
        ----------
        urgency : array, shape (legs,)
        cutoff : float
            Milliseconds; a schedule that would end later is given up.
        """
        start: Integers = np.empty(len(self.legs), dtype=np.int64)
        self._inserted(
            np.argsort(urgency, kind="stable"),
            self.legs.duration,
            self.legs.load,
            self._limit,
            self.legs.slots,
            self.legs.claims,
            self.legs.releases,
            self._nexts,
            self._next_at_start,
            self._waiting_for.copy(),
            self._first,
            cutoff,
            start,
        )
        return start if bool((start >= 0).all()) else None
