"""Random legs for tests, and the shortest of all their schedules by brute force."""

from __future__ import annotations

import numpy as np

from formulations.scheduling.legs import Claim, Leg, Legs, Release, Row, RowKind

Running = list[tuple[int, int]]


def random_legs(seed: int, count: int, hosts: int = 3, *, slack: int = 8, longest: int = 60) -> Legs:
    """Return legs between hosts with few slots and little room, in any order; slack 0 leaves none to spare."""
    rng = np.random.default_rng(seed)
    source = rng.integers(0, hosts, count)
    target = (source + rng.integers(1, hosts, count)) % hosts
    size = rng.integers(1, 9, count)
    slots = int(rng.integers(1, 4))
    load = np.bincount(source, size, hosts).astype(np.int64)
    final = np.bincount(target, size, hosts).astype(np.int64)
    limit = np.maximum(load, final) + rng.integers(0, slack + 1, hosts)
    rows = [Row("migrations", f"h{host}", RowKind.SLOTS, 0, slots) for host in range(hosts)]
    rows += [Row("memory", f"h{host}", RowKind.STORE, int(load[host]), int(limit[host])) for host in range(hosts)]
    legs = [
        Leg(
            int(duration),
            (Claim(int(s), 1, slots), Claim(int(t), 1, slots), Claim(hosts + int(t), int(w), int(limit[t]))),
            (Release(int(s), 1), Release(int(t), 1), Release(hosts + int(s), int(w))),
        )
        for s, t, w, duration in zip(source, target, size, rng.integers(1, longest, count), strict=True)
    ]
    after = [(0, count - 1)] if count > 3 and rng.random() < 0.3 else []
    following = [(1, count - 2)] if count > 4 and rng.random() < 0.3 else []
    return Legs(legs, rows, after, following)


def ordered_legs(seed: int, count: int, hosts: int = 3, *, slack: int = 8) -> Legs | None:
    """Return random legs without given orders, renumbered so that they can run one after the other; None if stuck."""
    legs = random_legs(seed, count, hosts, slack=slack)
    load, left, order = legs.load.tolist(), list(range(count)), list[int]()
    while left:
        fitting = [at for at in left if all(load[c.row] + c.amount <= c.limit for c in legs.legs[at].claims)]
        if not fitting:
            return None
        chosen = fitting[0]
        left.remove(chosen)
        order.append(chosen)
        for claim in legs.legs[chosen].claims:
            load[claim.row] += claim.amount
        for release in legs.legs[chosen].releases:
            load[release.row] -= release.amount
    return Legs([legs.legs[at] for at in order], legs.rows)


class EveryStart:
    """All schedules in which each leg starts as soon as it fits after the one before it, for every order of starts.

    Starting sooner only leaves more room later, so the shortest schedule is among them.
    """

    def __init__(self, legs: Legs) -> None:
        self.legs = legs
        self.duration: list[int] = legs.duration.tolist()
        self.best: int | None = None

    def shortest(self) -> int | None:
        """Return the least makespan; None if no order times all legs."""
        self._go_on({}, legs_load(self.legs), [], 0)
        return self.best

    def _go_on(self, start: dict[int, int], load: list[int], running: Running, now: int) -> None:
        makespan = max((at + self.duration[leg] for leg, at in start.items()), default=0)
        if self.best is not None and makespan >= self.best:
            return
        if len(start) == len(self.legs):
            self.best = makespan
            return
        for leg in range(len(self.legs)):
            if leg in start or any(at == leg and before not in start for before, at in self._orders()):
                continue
            found = self._soonest(leg, start, load, running, now)
            if found is not None:
                at, later, going = found
                for claim in self.legs.legs[leg].claims:
                    later[claim.row] += claim.amount
                self._go_on({**start, leg: at}, later, [*going, (at + self.duration[leg], leg)], at)

    def _orders(self) -> list[tuple[int, int]]:
        return [*self.legs.after, *self.legs.following]

    def _soonest(
        self, leg: int, start: dict[int, int], load: list[int], running: Running, now: int
    ) -> tuple[int, list[int], Running] | None:
        ready = [now] + [start[before] + self.duration[before] for before, at in self.legs.after if at == leg]
        at, load, running = max(ready), list(load), sorted(running)
        while True:
            while running and running[0][0] <= at:
                for release in self.legs.legs[running.pop(0)[1]].releases:
                    load[release.row] -= release.amount
            if all(load[claim.row] + claim.amount <= claim.limit for claim in self.legs.legs[leg].claims):
                return at, load, running
            if not running:
                return None
            at = running[0][0]


def legs_load(legs: Legs) -> list[int]:
    """Return what is taken of every row at first."""
    return [row.load for row in legs.rows]
