"""The shortest schedule of few legs, by every order of starts: in integers, without a solver."""

from __future__ import annotations

import numpy as np

from formulations.scheduling.legs import Legs
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.scheduling.migration.bounds import Windows

LOOK = 100
"""Moments between two looks at the clock."""

Moment = tuple[int, int, tuple[tuple[int, int], ...]]
"""Who has started (bits), when the last of them did, and who still runs: ends and legs."""


class Sequences:
    """Searches all schedules in which each leg starts as soon as it fits after the one before it.

    A leg that starts sooner ends sooner, and an end only makes room: so among the schedules with the
    same order of starts that one is the shortest. Moments that were seen before, and those after
    which tails or the work of some slots leave no way to be shorter than what is known, are left out.

    Parameters
    ----------
    legs : Legs
    windows : Windows
    most : int
        Only schedules that are shorter, in milliseconds, are looked for.
    deadline : Deadline
    """

    def __init__(self, legs: Legs, windows: Windows, most: int, deadline: Deadline) -> None:
        self.legs = legs
        self.best: Integers | None = None
        self.complete = True
        self._most = most
        self._deadline = deadline
        self._duration: list[int] = legs.duration.tolist()
        self._tail: list[int] = windows.tail.tolist()
        self._before: list[list[tuple[int, bool]]] = [[] for _ in legs.legs]
        for pairs, ended in ((legs.after, True), (legs.following, False)):
            for before, leg in pairs:
                self._before[leg].append((before, ended))
        self._slots = [(row, legs.rows[row].limit - legs.rows[row].load) for row in np.flatnonzero(legs.slots).tolist()]
        self._start = [-1] * len(legs)
        self._seen: set[Moment] = set()
        self._looks = 0

    def run(self) -> Integers | None:
        """Return the starts of the shortest schedule, None if none is shorter than ``most``.

        Only where ``complete`` is true afterwards, there is no shorter one.
        """
        self._go_on((0, 0, ()), self.legs.load.tolist())
        return self.best

    def _go_on(self, moment: Moment, load: list[int]) -> None:
        started, now, running = moment
        if started + 1 == 1 << len(self._start):
            self._most = max((end for end, _ in running), default=now)
            self.best = np.array(self._start, dtype=np.int64)
            return
        for leg in range(len(self._start)):
            if started >> leg & 1 or not all(started >> before & 1 for before, _ in self._before[leg]):
                continue
            if self._over():
                return
            self._begin(leg, started, now, running, load)

    def _begin(self, leg: int, started: int, now: int, running: tuple[tuple[int, int], ...], load: list[int]) -> None:
        """Let a leg start as soon as it fits, and go on from there."""
        ready = [self._start[before] + self._duration[before] * ended for before, ended in self._before[leg]]
        found = self._soonest(leg, max(now, *ready) if ready else now, running, load)
        if found is None:
            return
        at, running, load = found
        end = at + self._duration[leg]
        for claim in self.legs.legs[leg].claims:
            load[claim.row] += claim.amount
        moment = started | 1 << leg, at, tuple(sorted((*running, (end, leg))))
        if end + self._tail[leg] >= self._most or moment in self._seen or self._too_late(moment):
            return
        self._seen.add(moment)
        self._start[leg] = at
        self._go_on(moment, load)
        self._start[leg] = -1

    def _soonest(
        self, leg: int, at: int, running: tuple[tuple[int, int], ...], load: list[int]
    ) -> tuple[int, tuple[tuple[int, int], ...], list[int]] | None:
        """Return when a leg fits, who runs then, and how much is taken; None if it never does."""
        load, ended = list(load), 0
        while True:
            while ended < len(running) and running[ended][0] <= at:
                for release in self.legs.legs[running[ended][1]].releases:
                    load[release.row] -= release.amount
                ended += 1
            if all(load[claim.row] + claim.amount <= claim.limit for claim in self.legs.legs[leg].claims):
                return at, running[ended:], load
            if ended == len(running):
                return None
            at = running[ended][0]

    def _too_late(self, moment: Moment) -> bool:
        """Whether the work that is left keeps some slots busy for too long."""
        started, now, running = moment
        left = dict.fromkeys((row for row, _ in self._slots), 0)
        for number, leg in enumerate(self.legs.legs):
            if not started >> number & 1:
                for claim in leg.claims:
                    if claim.row in left:
                        left[claim.row] += self._duration[number]
        for end, number in running:
            for claim in self.legs.legs[number].claims:
                if claim.row in left:
                    left[claim.row] += end - now
        return any(now * slots + left[row] > (self._most - 1) * slots for row, slots in self._slots if left[row])

    def _over(self) -> bool:
        self._looks += 1
        if self._looks % LOOK == 0 and self._deadline.over:
            self.complete = False
        return not self.complete
