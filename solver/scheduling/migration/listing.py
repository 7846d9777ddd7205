"""List scheduling: start whatever may start, most urgent first, and learn from who came late."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from formulations.scheduling.legs import Legs
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.scheduling.migration.bounds import Windows

log = logging.getLogger("placewright")

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Urgency:
    """What decides who starts first.

    Attributes
    ----------
    name : str
    bonus : float64 array, shape (legs,)
        In milliseconds; a larger one goes first.
    work_left : float
        Weight of the time that what is left keeps the busiest of a leg's slots busy.
    second : float
        Weight of that of the second busiest.
    reserving : bool
        Whether room is kept for larger legs that are more urgent.
    """

    name: str
    bonus: Floats
    work_left: float = 1.0
    second: float = 0.1
    reserving: bool = False


@dataclass(frozen=True, eq=False)
class Timing:
    """A schedule, and how it came about.

    Attributes
    ----------
    start : int64 array, shape (legs,)
        -1 where a leg never starts.
    turn : int64 array, shape (legs,)
        The order of the starts.
    cause : int64 array, shape (legs,)
        The leg whose end or start made room for each, -1 for those that did not wait.
    end : int64 array, shape (legs,)
    """

    start: Integers
    turn: Integers
    cause: Integers
    end: Integers = field(repr=False)

    @property
    def complete(self) -> bool:
        """Whether every leg starts."""
        return bool((self.start >= 0).all())

    @property
    def makespan(self) -> int:
        """When the last leg ends."""
        return int(self.end.max(initial=0))

    @property
    def worth(self) -> tuple[int, int]:
        """The makespan, and by how much all legs together reach into its last part."""
        makespan = self.makespan
        return makespan, int(np.maximum(0, self.end - makespan * 19 // 20).sum())

    @property
    def chain(self) -> Integers:
        """The last leg to end and, one after the other, the legs that each waited for."""
        chain = [int(self.end.argmax())]
        while (cause := int(self.cause[chain[-1]])) >= 0:
            chain.append(cause)
        return np.array(chain, dtype=np.int64)


class ListScheduler:
    """Times legs by their urgency, again and again on the same arrays.

    Parameters
    ----------
    legs : Legs
    guarded : bool
        Whether nothing may start that would leave others stuck; needs legs in an order in which
        they can run one after the other, and then always times all of them.
    """

    def __init__(self, legs: Legs, *, guarded: bool) -> None:
        self.legs = legs
        self.guarded = guarded
        shares = [
            1.0 / max(1, row.limit - row.load) if slots else 0.0
            for row, slots in zip(legs.rows, legs.slots, strict=True)
        ]
        self._share: Floats = np.array(shares, dtype=np.float64)
        first, row, _, _ = legs.claims
        leg = np.repeat(np.arange(len(legs)), np.diff(first))
        work = np.bincount(row, weights=legs.duration[leg], minlength=len(legs.rows))
        self._work: Floats = work.astype(np.float64) * self._share
        self._nexts, self._next_at_start, self._waiting_for = _nexts(legs)

    def timing(self, urgency: Urgency) -> Timing:
        """Return the schedule in which the most urgent leg that may start goes first."""
        from solver.scheduling.migration.kernels import timed  # noqa: PLC0415 - numba is imported when it is needed

        start, turn, cause = (np.zeros(len(self.legs), dtype=np.int64) for _ in range(3))
        timed(
            self.legs.duration,
            self.legs.load.copy(),
            self._work.copy(),
            self._share,
            self.legs.slots,
            self.legs.claims,
            self.legs.releases,
            self.legs.users,
            self._nexts,
            self._next_at_start,
            self._waiting_for.copy(),
            urgency.bonus,
            np.array([urgency.work_left, urgency.second], dtype=np.float64),
            self.guarded,
            urgency.reserving,
            start,
            turn,
            cause,
        )
        return Timing(start, turn, cause, start + self.legs.duration)


def _nexts(legs: Legs) -> tuple[tuple[Integers, Integers], NDArray[np.bool_], Integers]:
    """Return who waits for each leg (offsets and legs), whether for its start, and for how many each waits."""
    pairs = [(before, leg, False) for before, leg in legs.after]
    pairs += [(before, leg, True) for before, leg in legs.following]
    pairs.sort()
    before = np.array([pair[0] for pair in pairs], dtype=np.int64)
    leg = np.array([pair[1] for pair in pairs], dtype=np.int64)
    at_start = np.array([pair[2] for pair in pairs], dtype=np.bool_)
    first: Integers = np.searchsorted(before, np.arange(len(legs) + 1)).astype(np.int64)
    return (first, leg), at_start, np.bincount(leg, minlength=len(legs)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Listing:
    """The best schedule found.

    Attributes
    ----------
    timing : Timing
    found_by : str
    passes : int
        How many schedules were made.
    """

    timing: Timing
    found_by: str
    passes: int


def first_rules(legs: Legs, windows: Windows) -> Iterator[Urgency]:
    """Yield the rules that are tried first."""
    duration = legs.duration.astype(np.float64)
    tail = windows.tail.astype(np.float64)
    nothing = np.zeros(len(legs), dtype=np.float64)
    for reserving in (False, True):
        kept = ", with room kept" if reserving else ""
        yield Urgency(f"busiest host first{kept}", nothing, 1.0, 0.1, reserving)
        yield Urgency(f"busiest host and longest tail first{kept}", tail, 1.0, 0.1, reserving)
        yield Urgency(f"longest tail first{kept}", tail + duration, 0.0, 0.0, reserving)
        yield Urgency(f"longest move first{kept}", duration, 0.3, 0.03, reserving)
        yield Urgency(f"busiest host and longest move first{kept}", 3 * duration, 1.0, 0.1, reserving)


def listed(scheduler: ListScheduler, windows: Windows, bound: int, deadline: Deadline, seed: int) -> Listing | None:
    """Return the best list schedule until the deadline or the bound; None if none times all legs.

    The rules of `first_rules` are tried one after the other; from the best on the urgency of legs
    on which the end waited, and of some at random, is changed as long as nothing gets worse
    (squeaky wheel optimisation: Joslin and Clements 1999, doi:10.1613/jair.561).
    """
    best: Listing | None = None
    kept: Urgency | None = None
    for passes, urgency in enumerate(first_rules(scheduler.legs, windows), start=1):
        timing = scheduler.timing(urgency)
        if timing.complete and (best is None or timing.worth < best.timing.worth):
            best, kept = Listing(timing, urgency.name, passes), urgency
        if best is not None and (deadline.over or best.timing.makespan <= bound):
            break
    if best is None or kept is None:
        return None
    return Improvement(scheduler, best, kept, seed).run(bound, deadline)


class Improvement:
    """Raises the urgency of who came late, and changes that of others at random."""

    def __init__(self, scheduler: ListScheduler, best: Listing, urgency: Urgency, seed: int) -> None:
        self._scheduler = scheduler
        self._best = best
        self._urgency = urgency
        self._random = np.random.default_rng(seed)

    def run(self, bound: int, deadline: Deadline) -> Listing:
        """Return the best schedule until the deadline, the bound or an interruption."""
        urgency, timing, passes = self._urgency, self._best.timing, self._best.passes
        while not deadline.over and self._best.timing.makespan > bound:
            tried = self._changed(urgency, timing)
            found = self._scheduler.timing(tried)
            passes += 1
            if found.complete and found.worth <= timing.worth:
                urgency, timing = tried, found
                if timing.makespan < self._best.timing.makespan:
                    self._best = Listing(timing, "improvement of urgencies", passes)
        return replace(self._best, passes=passes)

    def _changed(self, urgency: Urgency, timing: Timing) -> Urgency:
        """Return urgencies some of which have changed: of those that the end waited for, of late ones, or of any."""
        random, makespan = self._random, timing.makespan
        scale = makespan * 10.0 ** random.uniform(-2.5, -0.3)
        bonus = urgency.bonus.copy()
        draw = random.random()
        if draw < 0.75:
            late = timing.chain if draw < 0.6 else np.flatnonzero(timing.end >= makespan * random.uniform(0.9, 1.0))
            raised = late[random.random(len(late)) < random.random()]
            bonus[raised] += scale * random.random(len(raised))
        else:
            some = random.integers(0, len(bonus), size=random.integers(1, 4 + len(bonus) // 50))
            bonus[some] += scale * random.normal(size=len(some))
        reserving = urgency.reserving != (random.random() < 0.02)
        return replace(urgency, bonus=bonus, reserving=reserving)
