"""Shorter schedules by inserting all legs again: disturbed a little, or with one late leg pulled to an early place."""

from __future__ import annotations

import numpy as np

from formulations.scheduling.legs import Legs
from formulations.tables import Integers
from solver.scheduling.migration.insertion import Inserter

PULLING = 0.5
"""Part of the attempts that pull a leg."""

LONGER = 0.1
"""By which part a schedule may be longer on the way."""

MOST_PULLED = 30
"""Legs that come sooner with one that is pulled."""

DEEPEST = 4
"""Before the leg that is late, so many may be looked at that made room for one another."""


class Reinserter:
    """Makes schedules anew by insertion, forwards and backwards in turn (see `Inserter`).

    Parameters
    ----------
    legs, backwards : Legs
        The legs, and the same as they look when time runs backwards.
    random : numpy.random.Generator
    compiled : bool
        Whether the loops are compiled.
    """

    def __init__(self, legs: Legs, backwards: Legs, random: np.random.Generator, *, compiled: bool) -> None:
        self.legs = legs
        self._random = random
        self._forwards = Inserter(legs, compiled=compiled)
        self._backwards = Inserter(backwards, compiled=compiled)
        self._room_makers = RoomMakers(legs)

    def again(self, start: Integers) -> Integers | None:
        """Return the starts of a schedule made from another one's; None where that is much longer or not complete."""
        most = self.legs.makespan(start) * (1.0 + LONGER)
        if self._random.random() < PULLING:
            return self._pulled(start, most)
        return self._shaken(start, most)

    def _shaken(self, start: Integers, most: float) -> Integers | None:
        """Let some legs come sooner or later, by up to a tenth of all."""
        random, legs = self._random, len(start)
        noise = random.normal(size=legs) * most * 10.0 ** random.uniform(-4, -1)
        chosen = random.random(legs) < 10.0 ** random.uniform(-2.5, 0)
        return self._justified(start + self.legs.duration + noise * chosen, most)

    def _pulled(self, start: Integers, most: float) -> Integers | None:
        """Insert a late leg early, before it some of those that make room for it, and some of those before them."""
        random, duration = self._random, self.legs.duration
        place = start.astype(np.float64)
        part = random.random()
        leg = self._late_one(start)
        waiting = [(leg, float(start[leg] * random.random()))]
        seen = {leg}
        while waiting and len(seen) < MOST_PULLED:
            leg, early = waiting.pop()
            place[leg] = min(place[leg], early)
            for other in self._room_makers.of(leg):
                late = place[other] > early - duration[other]
                if late and other not in seen and random.random() < part:
                    seen.add(other)
                    waiting.append((other, max(0.0, early - float(duration[other] * random.random()))))
        pulled = self._forwards.starts(place, most)
        if pulled is None:
            return None
        again = self._justified(pulled + duration, most)
        return pulled if again is None or self.legs.makespan(pulled) < self.legs.makespan(again) else again

    def _late_one(self, start: Integers) -> int:
        """Return one of the last legs, or one that made room for it just in time, or for that one in turn."""
        random = self._random
        end = start + self.legs.duration
        late = np.flatnonzero(end >= end.max() * (1.0 - 10.0 ** random.uniform(-3, -0.5)))
        leg = int(random.choice(late))
        for _ in range(random.integers(DEEPEST)):
            just = [other for other in self._room_makers.of(leg) if end[other] == start[leg]]
            if not just:
                break
            leg = int(random.choice(just))
        return leg

    def _justified(self, end: Integers, most: float) -> Integers | None:
        """Insert legs from the end on, those that end last first, and then from the beginning; return the better."""
        late = self._backwards.starts(-end[::-1], most)
        if late is None:
            return None
        back = self._backwards.legs
        mirrored = np.ascontiguousarray((back.makespan(late) - late - back.duration)[::-1])
        early = self._forwards.starts(mirrored, most)
        return mirrored if early is None or back.makespan(late) < self.legs.makespan(early) else early


class RoomMakers:
    """Who leaves the places that each leg comes to.

    Parameters
    ----------
    legs : Legs
    """

    def __init__(self, legs: Legs) -> None:
        self._leaving: list[list[int]] = [[] for _ in legs.rows]
        for number, leg in enumerate(legs.legs):
            for release in leg.releases:
                self._leaving[release.row].append(number)
        self._places = [[claim.row for claim in leg.claims if not legs.slots[claim.row]] for leg in legs.legs]

    def of(self, leg: int) -> list[int]:
        """Return those that make room for a leg, each once."""
        found = dict.fromkeys(other for row in self._places[leg] for other in self._leaving[row])
        found.pop(leg, None)
        return list(found)
