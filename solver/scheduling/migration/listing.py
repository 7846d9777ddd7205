"""List scheduling: start whatever may start, most urgent first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import NDArray

from formulations.scheduling.legs import Legs
from formulations.tables import Integers
from solver.scheduling.migration.bounds import Windows

Floats = NDArray[np.float64]

ANY_LOAD = 2**62
"""More than any row is loaded with."""


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
        Whether room is kept for legs that are more urgent.
    guarded : bool
        Whether nothing may start that would leave others stuck. Where the order that the scheduler
        leans on is one in which the legs can run one after the other, all are timed; without the
        guard some may never start.
    """

    name: str
    bonus: Floats
    work_left: float = 1.0
    second: float = 0.1
    reserving: bool = False
    guarded: bool = True


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
    compiled : bool
        Whether the loop is compiled; the first time on a machine that takes longer than few legs take.
    """

    def __init__(self, legs: Legs, *, compiled: bool = True) -> None:
        from solver.scheduling.migration.kernels.timing import timed  # noqa: PLC0415 - numba is imported when it is needed

        self.legs = legs
        self._timed = timed if compiled else timed.py_func
        shares = [
            1.0 / max(1, row.limit - row.load) if slots else 0.0
            for row, slots in zip(legs.rows, legs.slots, strict=True)
        ]
        self._share: Floats = np.array(shares, dtype=np.float64)
        first, row, _, _ = legs.claims
        leg = np.repeat(np.arange(len(legs)), np.diff(first))
        work = np.bincount(row, weights=legs.duration[leg], minlength=len(legs.rows))
        self._work: Floats = work.astype(np.float64) * self._share
        self._nexts, self._next_at_start, self._waiting_for = nexts_of(legs)
        self._stores = _stores(legs)
        self.lean_on(np.arange(len(legs), dtype=np.int64))

    def lean_on(self, position: Integers) -> None:
        """Take over an order in which the legs can run one after the other: guarded schedules never leave it."""
        self._position = position

    def timing(self, urgency: Urgency, cutoff: float = np.inf) -> Timing:
        """Return the schedule in which the most urgent leg that may start goes first.

        It is not complete where it would end later than ``cutoff`` milliseconds.
        """
        start, turn, cause = (np.zeros(len(self.legs), dtype=np.int64) for _ in range(3))
        self._timed(
            self.legs.duration,
            self.legs.load.copy(),
            self._work.copy(),
            self._share,
            self.legs.slots,
            self.legs.claims,
            self.legs.releases,
            self._stores,
            self._position,
            self._nexts,
            self._next_at_start,
            self._waiting_for.copy(),
            urgency.bonus,
            np.array([urgency.work_left, urgency.second], dtype=np.float64),
            urgency.guarded,
            urgency.reserving,
            cutoff,
            start,
            turn,
            cause,
        )
        return Timing(start, turn, cause, start + self.legs.duration)


def _stores(legs: Legs) -> tuple[Integers, Integers, Integers, Integers, Integers]:
    """Return per leg the stores that it uses: offsets, rows, claims, loads that leave it room, and balances."""
    first, table = [0], []
    for leg in legs.legs:
        uses: dict[int, list[int]] = {}
        for row, amount, limit in leg.claims:
            if not legs.slots[row]:
                use = uses.setdefault(row, [0, ANY_LOAD, 0])
                uses[row] = [use[0] + amount, min(use[1], limit - amount), use[2] + amount]
        for row, amount in leg.releases:
            if not legs.slots[row]:
                uses.setdefault(row, [0, ANY_LOAD, 0])[2] -= amount
        table += [(row, *use) for row, use in uses.items()]
        first.append(len(table))
    columns = np.ascontiguousarray(np.array(table, dtype=np.int64).reshape(-1, 4).T)
    return np.array(first, dtype=np.int64), columns[0], columns[1], columns[2], columns[3]


def nexts_of(legs: Legs) -> tuple[tuple[Integers, Integers], NDArray[np.bool_], Integers]:
    """Return who waits for each leg (offsets and legs), whether for its start, and for how many each waits."""
    pairs = [(before, leg, False) for before, leg in legs.after]
    pairs += [(before, leg, True) for before, leg in legs.following]
    pairs.sort()
    before = np.array([pair[0] for pair in pairs], dtype=np.int64)
    leg = np.array([pair[1] for pair in pairs], dtype=np.int64)
    at_start = np.array([pair[2] for pair in pairs], dtype=np.bool_)
    first: Integers = np.searchsorted(before, np.arange(len(legs) + 1)).astype(np.int64)
    return (first, leg), at_start, np.bincount(leg, minlength=len(legs)).astype(np.int64)


def first_rules(legs: Legs, windows: Windows) -> Iterator[Urgency]:
    """Yield the rules that are tried first."""
    duration = legs.duration.astype(np.float64)
    tail = windows.tail.astype(np.float64)
    nothing = np.zeros(len(legs), dtype=np.float64)
    for guarded, reserving in product((True, False), (False, True)):
        kept = (", with room kept" if reserving else "") + ("" if guarded else ", unguarded")
        yield Urgency(f"busiest host first{kept}", nothing, 1.0, 0.1, reserving, guarded)
        yield Urgency(f"busiest host and longest tail first{kept}", tail, 1.0, 0.1, reserving, guarded)
        yield Urgency(f"longest tail first{kept}", tail + duration, 0.0, 0.0, reserving, guarded)
        yield Urgency(f"longest move first{kept}", duration, 0.3, 0.03, reserving, guarded)
        yield Urgency(f"busiest host and longest move first{kept}", 3 * duration, 1.0, 0.1, reserving, guarded)
