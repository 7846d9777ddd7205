"""Shorter and shorter schedules: read backwards, with more urgency for who came late, or inserted leg by leg."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from formulations.scheduling.legs import Legs
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.engines import compiling
from solver.scheduling.migration.bounds import Windows
from solver.scheduling.migration.listing import ListScheduler, Timing, Urgency, first_rules
from solver.scheduling.migration.reinserting import Reinserter, RoomMakers

Floats = NDArray[np.float64]

KERNELS = "solver.scheduling.migration.kernels"
LOOPS = (("timing", "timed"), ("inserting", "inserted"))

FEW = 40
"""Legs that are timed without compiling the loop."""

MANY = 400
"""Legs that take longer to be timed by the plain loop than the compiled one takes to be loaded."""

PATIENCE = 300
"""Schedules without a new best, after which the search goes on from the best one."""

LENIENCE = 0.5
"""By which part, at most, a schedule may be longer than the best for the search to go on from it."""

STRICTER = 0.03
"""The same for schedules in which some legs are more urgent."""

PULLING = 0.7
"""Part of the attempts with raised urgencies that raise one leg, and those that make room for it."""

MOST_PULLED = 40
"""Legs that become more urgent with one of them."""

TURN, RAISE, INSERT = 0, 1, 2
"""The ways to a new schedule."""

NAMES = ("reading backwards", "raised urgencies", "insertion")


@dataclass(frozen=True, eq=False)
class Listing:
    """The best schedule found.

    Attributes
    ----------
    start, turn : int64 arrays, shape (legs,)
        The starts, and their order.
    makespan : int
    found_by : str
    passes : int
        How many schedules were made.
    interrupted : bool
        Whether a Ctrl-C ended the search.
    """

    start: Integers
    turn: Integers
    makespan: int
    found_by: str
    passes: int
    interrupted: bool = False


@dataclass(frozen=True, eq=False)
class Attempt:
    """A schedule that time running one way or the other led to, and the urgency behind it."""

    backwards: bool
    urgency: Urgency
    timing: Timing

    @property
    def start(self) -> Integers:
        """The starts as time runs."""
        if not self.backwards:
            return self.timing.start
        return np.ascontiguousarray((self.timing.makespan - self.timing.end)[::-1])


def listed(legs: Legs, windows: Windows, bound: int, deadline: Deadline, seed: int) -> Listing | None:
    """Return the best list schedule until the deadline, the bound or a Ctrl-C; None if none times all legs.

    Parameters
    ----------
    legs : Legs
        In an order in which they can run one after the other, as far as one is known.
    windows : Windows
    bound : int
        A proved bound of the makespan.
    deadline : Deadline
        One rule at least is tried, whatever it says.
    seed : int
    """
    search = _Search(legs, seed, compiled=worth_compiling(legs, deadline))
    try:
        search.try_rules(windows, bound, deadline)
        search.improve(bound, deadline)
    except KeyboardInterrupt:
        if search.best is None:
            raise
        return replace(search.best, interrupted=True, passes=search.passes)
    return None if search.best is None else replace(search.best, passes=search.passes)


def worth_compiling(legs: Legs, deadline: Deadline) -> bool:
    """Whether there are so many legs, and so much time, that the loop had better be compiled."""
    if len(legs) <= FEW:
        return False
    loops = [(f"{KERNELS}.{module}", entry) for module, entry in LOOPS]
    if len(legs) > MANY and all(compiling.cached(*loop) for loop in loops):
        return True
    return all(compiling.affordable(deadline, *loop) for loop in loops)


class _Search:
    """Schedules made forwards and backwards in turn, with noise, raised urgencies in between, and by insertion.

    A schedule that is read backwards and made again by its own order gets rid of idle time that
    late legs left (forward-backward improvement: Valls, Ballestin and Quintanilla 2005,
    doi:10.1016/j.ejor.2004.04.008); more urgency for the legs that the end waited for is squeaky
    wheel optimisation (Joslin and Clements 1999, doi:10.1613/jair.561). Both start whatever may start;
    insertion (see `Reinserter`) can keep room for who needs much of it. The way that won last is
    taken more often.
    """

    def __init__(self, legs: Legs, seed: int, *, compiled: bool) -> None:
        self.legs = legs
        self.best: Listing | None = None
        self.passes = 0
        self._random = np.random.default_rng(seed)
        self._forwards = ListScheduler(legs, compiled=compiled)
        backwards = legs.backwards()
        self._backwards = ListScheduler(backwards, compiled=compiled)
        self._room_makers = {False: RoomMakers(legs), True: RoomMakers(backwards)}
        self._reinserter = Reinserter(legs, backwards, self._random, compiled=compiled)
        self._attempt: Attempt | None = None
        self._best_attempt: Attempt | None = None
        self._gains = np.ones(len(NAMES))

    # -- the first schedules -----------------------------------------------------------------------

    def try_rules(self, windows: Windows, bound: int, deadline: Deadline) -> None:
        """Make a schedule by one rule after the other, and keep the best; the first times all legs of a safe order."""
        for urgency in first_rules(self.legs, windows):
            timing = self._forwards.timing(urgency)
            self.passes += 1
            if timing.complete and (self._attempt is None or timing.worth < self._attempt.timing.worth):
                self._attempt = Attempt(False, urgency, timing)
                self._offer(self._attempt, urgency.name)
            if deadline.over or (self.best is not None and self.best.makespan <= bound):
                return

    # -- better ones -------------------------------------------------------------------------------

    def improve(self, bound: int, deadline: Deadline) -> None:
        """Go from schedule to schedule until the deadline or the bound."""
        stale = 0
        while self.best is not None and self._attempt is not None:
            if deadline.over or self.best.makespan <= bound:
                return
            way = int(self._random.choice(len(NAMES), p=self._gains / self._gains.sum()))
            attempt = (self._turned, self._raised, self._inserted)[way](self._attempt)
            self.passes += 1
            if attempt is not None and (way != INSERT or attempt.timing.worth <= self._attempt.timing.worth):
                self._attempt = attempt
            won = attempt is not None and self._offer(attempt, NAMES[way])
            self._gains[way] = np.clip(self._gains[way] * (1.25 if won else 0.99), 0.2, 2.0)
            stale = 0 if won else stale + 1
            if stale > PATIENCE:
                self._attempt, stale = self._best_attempt, 0

    def _turned(self, attempt: Attempt) -> Attempt | None:
        """Read a schedule the other way and make it again by its own order, somewhat disturbed."""
        timing, random = attempt.timing, self._random
        noise = random.normal(size=len(self.legs)) * timing.makespan * 10.0 ** random.uniform(-3, -1)
        bonus: Floats = np.ascontiguousarray((timing.end + noise)[::-1])
        urgency = Urgency("", bonus, 0.0, 0.0, reserving=bool(random.random() < 0.95))
        return self._made(not attempt.backwards, urgency, _reversed(timing.turn), self._most(LENIENCE))

    def _raised(self, attempt: Attempt) -> Attempt | None:
        """Make some legs more urgent, and go on from what comes of it unless it is much longer."""
        timing, urgency = attempt.timing, attempt.urgency
        bonus = urgency.bonus.copy()
        pulling = self._random.random() < PULLING
        if pulling:
            self._pull(attempt, bonus)
        else:
            self._raise(timing, bonus)
        guarded = urgency.guarded != (self._random.random() < 0.1)
        reserving = urgency.reserving or (pulling and self._random.random() < 0.8)
        urgency = replace(urgency, bonus=bonus, guarded=guarded, reserving=reserving)
        most = max(float(timing.makespan), self._most(STRICTER))
        return self._made(attempt.backwards, urgency, timing.turn, most)

    def _raise(self, timing: Timing, bonus: Floats) -> None:
        """Raise legs that the end waited for, or late ones, or change any at random."""
        random = self._random
        scale = timing.makespan * 10.0 ** random.uniform(-2.5, -0.3)
        draw = random.random()
        if draw < 0.75:
            late = (
                timing.chain if draw < 0.6 else np.flatnonzero(timing.end >= timing.makespan * random.uniform(0.9, 1))
            )
            raised = late[random.random(len(late)) < random.random()]
            bonus[raised] += scale * random.random(len(raised))
        else:
            some = random.integers(0, len(bonus), size=random.integers(1, 4 + len(bonus) // 50))
            bonus[some] += scale * random.normal(size=len(some))

    def _pull(self, attempt: Attempt, bonus: Floats) -> None:
        """Raise a leg that the end waited for, some of those that make room for it, and some of those before them."""
        random, makers = self._random, self._room_makers[attempt.backwards]
        part = random.random()
        leg = int(random.choice(attempt.timing.chain))
        waiting = [(leg, attempt.timing.makespan * 10.0 ** random.uniform(-2.0, 0.0))]
        seen = {leg}
        while waiting:
            leg, scale = waiting.pop()
            bonus[leg] += scale
            for other in makers.of(leg):
                if other not in seen and len(seen) < MOST_PULLED and random.random() < part:
                    seen.add(other)
                    waiting.append((other, scale * random.uniform(0.7, 1.2)))

    def _inserted(self, attempt: Attempt) -> Attempt | None:
        """Insert all legs again in a disturbed order; None if that breaks something and would be the best."""
        start = self._reinserter.again(attempt.start)
        if start is None:
            return None
        shortest = self.best is None or self.legs.makespan(start) < self.best.makespan
        if shortest and self.legs.broken(start):  # made backwards, see `Legs.backwards`
            return None
        urgency = Urgency("", -start.astype(np.float64), 0.0, 0.0, reserving=True)
        end = start + self.legs.duration
        return Attempt(False, urgency, Timing(start, turns(start, self.legs.duration), _causes(start, end), end))

    def _most(self, lenience: float) -> float:
        """Return how long a schedule may be for the search to go on from it: somewhat longer than the best."""
        return np.inf if self.best is None else self.best.makespan * (1.0 + lenience * self._random.random())

    def _made(self, backwards: bool, urgency: Urgency, turn: Integers, most: float) -> Attempt | None:
        """Make a schedule; None where not all legs are timed or it ends later than ``most``."""
        scheduler = self._backwards if backwards else self._forwards
        scheduler.lean_on(turn)
        timing = scheduler.timing(urgency, most)
        return Attempt(backwards, urgency, timing) if timing.complete else None

    def _offer(self, attempt: Attempt, found_by: str) -> bool:
        """Take a schedule over as the best if it is shorter and, made backwards, keeps everything forwards."""
        timing = attempt.timing
        if self.best is not None and timing.makespan >= self.best.makespan:
            return False
        start, turn = attempt.start, timing.turn
        if attempt.backwards:
            turn = turns(start, self.legs.duration)
            if self.legs.broken(start):
                return False
        self.best = Listing(start, turn, timing.makespan, found_by, self.passes)
        self._best_attempt = attempt
        return True


def turns(start: Integers, duration: Integers) -> Integers:
    """Return an order of starts; of those at one moment the legs that take no time go first."""
    turn: Integers = np.empty(len(start), dtype=np.int64)
    turn[np.lexsort((np.arange(len(start)), duration > 0, start))] = np.arange(len(start))
    return turn


def _reversed(turn: Integers) -> Integers:
    """Return the order in which the legs start again when it is read backwards."""
    positions: Integers = np.ascontiguousarray(len(turn) - 1 - turn[::-1])
    return positions


def _causes(start: Integers, end: Integers) -> Integers:
    """Return a leg at whose end each one starts, -1 where there is none: who may have made room for it."""
    order = np.argsort(end, kind="stable")
    at = np.minimum(np.searchsorted(end[order], start), len(end) - 1)
    causes: Integers = np.where((end[order[at]] == start) & (start[order[at]] < start), order[at], -1)
    return causes
