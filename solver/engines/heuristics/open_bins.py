"""The bins that a compiled loop is filling: arrays that grow, and the packing they become."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from formulations.tables import Integers
from formulations.vector_packing import Packing
from solver.deadline import Deadline
from solver.engines.heuristics.codes import (
    BINS,
    CONTROLS,
    DONE,
    EVENTS,
    EVENTS_FULL,
    GROUPS,
    GROUPS_FULL,
    STUCK,
)
from solver.engines.heuristics.ground import Ground
from solver.engines.heuristics.records import Bins

WORK = 2_000_000
"""Looks at an item or a bin before a compiled loop lets Python look at the clock: some 10 ms."""

FAVOURITES = 16
"""Items that a bin keeps in mind while its contents do not change."""


class OpenBins:
    """Groups of bins with equal contents, and the events that filled them."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        groups = 4 * len(ground.sizes) + 2 * len(ground.capacities) + 16
        self.bins = Bins(
            kind=_integers(groups),
            start=_integers(groups),
            times=_integers(groups),
            room=_integers(groups, len(ground.scale)),
            value=np.zeros(groups),
            favourite=_integers(groups, FAVOURITES),
            liking=np.zeros((groups, FAVOURITES)),
            head=_integers(groups),
            events=_integers(2 * len(ground.sizes) + 256, 4),
            unused=np.ascontiguousarray(ground.problem.available, dtype=np.int64).copy(),
            control=_integers(CONTROLS),
        )
        self._past: list[Integers] = []

    def open(self, sequence: Iterable[tuple[int, int]]) -> None:
        """Open bins, given as (type, number), before anything is packed."""
        bins = self.bins
        for k, number in sequence:
            group = int(bins.control[GROUPS])
            bins.kind[group], bins.start[group], bins.times[group] = k, bins.control[BINS], number
            bins.room[group] = self.ground.capacities[k]
            bins.unused[k] -= number
            bins.control[GROUPS] += 1
            bins.control[BINS] += number

    def fill(self, step: Callable[[Bins], int], deadline: Deadline) -> Packing | None:
        """Call a compiled loop until it ends; return the packing if everything is packed."""
        while True:
            ended = step(self.bins)
            if ended == DONE:
                return self._packing()
            if ended == GROUPS_FULL:
                self._grow()
            elif ended == EVENTS_FULL:
                self._drain()
            if ended == STUCK or deadline.over:
                return None

    def _grow(self) -> None:
        """Make room for twice as many groups."""
        growing = self.bins._replace(events=self.bins.kind[:0], unused=self.bins.kind[:0], control=self.bins.kind[:0])
        longer = Bins(*(np.concatenate([array, np.zeros_like(array)]) for array in growing))
        self.bins = longer._replace(events=self.bins.events, unused=self.bins.unused, control=self.bins.control)

    def _drain(self) -> None:
        """Put the events aside, so that the loop can write new ones."""
        self._past.append(self.bins.events[: self.bins.control[EVENTS]].copy())
        self.bins.control[EVENTS] = 0

    def _packing(self) -> Packing:
        """Return what lies in the bins."""
        from solver.engines.heuristics.kernels import grouping  # noqa: PLC0415 - numba is imported when it is needed

        self._drain()
        groups = int(self.bins.control[GROUPS])
        order: Integers = np.argsort(self.bins.start[:groups], kind="stable")
        patterns = _integers(groups, len(self.ground.sizes))
        grouping.lay_out(np.concatenate(self._past), self.bins.start[order], patterns)
        used = patterns.any(axis=1)
        return Packing(self.bins.kind[order][used], patterns[used], self.bins.times[order][used])


def _integers(*shape: int) -> Integers:
    zeros: Integers = np.zeros(shape, dtype=np.int64)
    return zeros
