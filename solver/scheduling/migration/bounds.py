"""Lower bounds on the makespan of a migration plan: what must happen, and how much of it at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import NamedTuple

import numpy as np

from formulations.scheduling.legs import Legs, Row
from formulations.tables import Integers
from solver.deadline import Deadline

ROUNDS = 20
"""Times that heads and tails are derived from one another at most."""

LARGEST_SUM = 4_000_000
"""Milliseconds up to which the sums that a host's moves can have are enumerated."""


class MakespanBound(NamedTuple):
    """No schedule of the legs ends sooner.

    Attributes
    ----------
    value : int
        Milliseconds.
    proved_by : str
        What takes so long, in words.
    """

    value: int
    proved_by: str


@dataclass(frozen=True)
class Windows:
    """What must come before and after every leg.

    Attributes
    ----------
    head : int64 array, shape (legs,)
        No leg can start earlier (milliseconds).
    tail : int64 array, shape (legs,)
        So much time passes at least between its end and the end of all.
    """

    head: Integers
    tail: Integers


def makespan_bound(legs: Legs, windows: Windows) -> MakespanBound:
    """Return the best of the bounds: the longest chain, the work of all slots, and the room that moves take twice."""
    best = _longest(legs, windows)
    for row, members, most in _slots(legs):
        value = _slots_bound(windows.head[members], legs.duration[members], windows.tail[members], most, best.value)
        if value > best.value:
            best = MakespanBound(value, legs.rows[row].name)
    for value, where in _room_bounds(legs, windows):
        if value > best.value:
            best = MakespanBound(value, where)
    return best


def _longest(legs: Legs, windows: Windows) -> MakespanBound:
    """Return the longest leg with what must come before and after it."""
    if not len(legs):
        return MakespanBound(0, "nothing moves")
    through = windows.head + legs.duration + windows.tail
    longest = int(through.argmax())
    alone = int(through[longest]) == int(legs.duration[longest])
    return MakespanBound(int(through[longest]), "the longest move" if alone else "moves that wait for one another")


# -- slots -----------------------------------------------------------------------------------


def _slots(legs: Legs) -> Iterator[tuple[int, Integers, int]]:
    """Yield the rows of slots with the legs that use them and how many of these can run at once."""
    first, users = legs.users
    for row in np.flatnonzero(legs.slots).tolist():
        members = users[first[row] : first[row + 1]]
        free = legs.rows[row].limit - legs.rows[row].load
        if len(members) and free >= 1:
            yield row, members, free


def _slots_bound(head: Integers, duration: Integers, tail: Integers, most: int, known: int) -> int:
    """Return the best bound over sets of legs that use the same slots.

    For k slots the bound of a set of legs with heads r, durations p and tails q is ``(sum of the k
    smallest r + sum p + sum of the k smallest q) / k``, rounded up (Carlier 1987, European Journal
    of Operational Research 29(3), doi:10.1016/0377-2217(87)90243-8). The sets tried are those of
    all legs whose head and tail are at least some figures.
    """
    best = known
    for least_head in np.unique(head).tolist():
        late = head >= least_head
        for least_tail in np.unique(tail[late]).tolist():
            chosen = late & (tail >= least_tail)
            best = max(best, _bound_of(head[chosen], duration[chosen], tail[chosen], most, best))
    return best


def _bound_of(head: Integers, duration: Integers, tail: Integers, most: int, known: int) -> int:
    """Return the bound of one set of legs on ``most`` slots."""
    if len(head) <= most:
        return int((head + duration + tail).max())
    volume = int(np.sort(head)[:most].sum() + duration.sum() + np.sort(tail)[:most].sum())
    around = int(head.min()) + int(tail.min())
    longest: Integers = np.sort(duration)[::-1]
    pair = int(longest[most - 1] + longest[most])  # two of the k + 1 longest share a slot
    bound = max(-(-volume // most), around + pair)
    if bound + int(longest[0]) > known:  # else no sum can matter
        bound = max(bound, around + least_sum(duration.tolist(), -(-int(duration.sum()) // most)))
    return bound


def least_sum(durations: Sequence[int], least: int) -> int:
    """Return the least sum of some of the durations that is not below ``least``.

    Some slot is busy for at least the mean, and what it is busy for is a sum of durations.
    """
    if sum(durations) > LARGEST_SUM:
        return least
    sums = 1  # bit n is set where n is a sum
    for time in durations:
        sums |= sums << time
    above = sums >> least
    return least + (above & -above).bit_length() - 1


# -- room ------------------------------------------------------------------------------------


def _room_bounds(legs: Legs, windows: Windows) -> Iterator[tuple[int, str]]:
    """Yield bounds from the room that moving VMs take on both hosts.

    Over a whole plan of length T the places H have room for ``T * sum C``. Who stays takes its size
    all the time, who comes from its start on, who leaves until its end: a leg from one of the
    places to another takes its size for ``T + duration``.
    """
    by_resource: dict[str, list[int]] = {}
    for number, row in enumerate(legs.rows):
        if not legs.slots[number] and row.load <= row.limit:
            by_resource.setdefault(row.what, []).append(number)
    for what, numbers in by_resource.items():
        room = _Room(legs, windows, numbers)
        yield room.bound(range(len(numbers))), f"{what} of all full hosts together"
        for at, number in enumerate(numbers):
            yield room.bound([at]), legs.rows[number].name


class _Room:
    """Who claims and releases how much in the rows of one resource."""

    def __init__(self, legs: Legs, windows: Windows, rows: list[int]) -> None:
        self._rows = [legs.rows[number] for number in rows]
        position = {number: at for at, number in enumerate(rows)}
        self._windows = windows
        self._legs = legs
        self._claimed: list[list[tuple[int, int]]] = [[] for _ in rows]
        self._released: list[list[tuple[int, int]]] = [[] for _ in rows]
        for number, leg in enumerate(legs.legs):
            for row, amount, _ in leg.claims:
                if row in position:
                    self._claimed[position[row]].append((number, amount))
            for row, amount in leg.releases:
                if row in position:
                    self._released[position[row]].append((number, amount))

    def bound(self, chosen: range | list[int]) -> int:
        """Return how long the legs take in some of the rows, 0 where nothing follows."""
        come: dict[int, int] = {}
        go: dict[int, int] = {}
        free = 0
        for at in chosen:
            free += self._rows[at].limit - self._rows[at].load
            for table, entries in ((come, self._claimed[at]), (go, self._released[at])):
                for leg, amount in entries:
                    table[leg] = table.get(leg, 0) + amount
        free += sum(go.values())
        taken = 0
        for leg in come.keys() | go.keys():
            share, fixed = self._taken(leg, come.get(leg, 0), go.get(leg, 0))
            free -= share
            taken += fixed
        return -(-taken // free) if free > 0 else 0

    def _taken(self, leg: int, come: int, go: int) -> tuple[int, int]:
        """Return what a leg takes at least over the plan: so much times its length, and so much."""
        head, tail = int(self._windows.head[leg]), int(self._windows.tail[leg])
        duration = int(self._legs.duration[leg])
        if go >= come:  # sooner is less
            return come, go * (head + duration) - come * head
        return go, come * (duration + tail) - go * tail


# -- heads and tails ---------------------------------------------------------------------------


def windows(legs: Legs, deadline: Deadline) -> Windows:
    """Return heads and tails from what must leave before something can come, and the order that is given.

    A leg that needs more room than there is waits until enough has left, and whatever leaves takes
    slots: the smallest time in which enough can have left is a head. What must still come into the
    room that a leg leaves is a tail, by the same argument from the end.
    """
    derivation = _Derivation(legs)
    for _ in range(ROUNDS):
        if deadline.over or not derivation.improve():
            break
    return Windows(derivation.head, derivation.tail)


@dataclass(frozen=True)
class _Flow:
    """The legs that claim a row, or those that release it: who, how much, and through how many slots at most."""

    legs: Integers
    amounts: Integers
    durations: Integers
    gate: int

    @cached_property
    def cheapest(self) -> list[tuple[int, int, int, int]]:
        """Amount and time so far, then of the next leg: the least time per amount first."""
        pairs = [(a, t) for a, t in zip(self.amounts.tolist(), self.durations.tolist(), strict=True) if a]
        pairs.sort(key=lambda pair: Fraction(pair[1], pair[0]))
        done, spent, table = 0, 0, []
        for amount, time in pairs:
            table.append((done, spent, amount, time))
            done, spent = done + amount, spent + time
        return table

    def least_work(self, amount: int) -> int:
        """Return a lower bound on the durations of legs that carry the amount together."""
        done, spent, size, time = next(row for row in reversed(self.cheapest) if row[0] < amount)
        return spent + ceil(Fraction((amount - done) * time, size))


@dataclass(frozen=True)
class _Store:
    """A row in which room must be made: who comes, under which limits, and who goes."""

    row: Row
    come: _Flow
    limits: Integers
    go: _Flow

    @property
    def binding(self) -> bool:
        """Whether not everything can come before anything has left."""
        return bool(len(self.come.legs)) and self.row.load + int(self.come.amounts.sum()) > int(self.limits.min())


class _Derivation:
    """Heads and tails that grow from one another until nothing changes."""

    def __init__(self, legs: Legs) -> None:
        self.legs = legs
        self.head: Integers = np.zeros(len(legs), dtype=np.int64)
        self.tail: Integers = np.zeros(len(legs), dtype=np.int64)
        self._stores = [store for store in _stores(legs) if store.binding]

    def improve(self) -> bool:
        """Derive every head and tail once more; return whether any grew."""
        before = int(self.head.sum() + self.tail.sum())
        for store in self._stores:
            self._wait_for_room(store)
            self._leave_in_time(store)
        self._keep_order()
        return int(self.head.sum() + self.tail.sum()) > before

    def _wait_for_room(self, store: _Store) -> None:
        """Raise the heads of the legs that come before which something must have left."""
        clock = _Clock(store.go, self.head)
        lacking = store.row.load + store.come.amounts - store.limits
        for at in np.flatnonzero((lacking > 0) & (store.come.amounts > 0)).tolist():
            leg = int(store.come.legs[at])
            self.head[leg] = max(int(self.head[leg]), clock.soonest(int(lacking[at])))

    def _leave_in_time(self, store: _Store) -> None:
        """Raise the tails of the legs after whose end something must still come.

        When the last of those starts that come while the leg is there, all that has come, all that
        never leaves and the leg itself must fit; the rest comes after its end.
        """
        coming = int(store.come.amounts.sum())
        staying = store.row.load - int(store.go.amounts.sum())
        clock = _Clock(store.come, self.tail)
        lacking = np.minimum(staying + coming + store.go.amounts - int(store.limits.max()), coming)
        for at in np.flatnonzero((lacking > 0) & (store.go.amounts > 0)).tolist():
            leg = int(store.go.legs[at])
            self.tail[leg] = max(int(self.tail[leg]), clock.soonest(int(lacking[at])))

    def _keep_order(self) -> None:
        duration = self.legs.duration
        for before, leg in self.legs.after:
            self.head[leg] = max(int(self.head[leg]), int(self.head[before] + duration[before]))
        for before, leg in self.legs.following:
            self.head[leg] = max(int(self.head[leg]), int(self.head[before]))
        for before, leg in reversed(self.legs.after):
            self.tail[before] = max(int(self.tail[before]), int(self.tail[leg] + duration[leg]))


class _Clock:
    """How soon amounts can have been carried, when each leg carries its own at its end."""

    def __init__(self, flow: _Flow, head: Integers) -> None:
        self._flow = flow
        end = head[flow.legs] + flow.durations
        order = np.argsort(end, kind="stable")
        self._end: Integers = end[order]
        self._carried: Integers = np.cumsum(flow.amounts[order])
        self._least_head = int(head[flow.legs].min(initial=np.iinfo(np.int64).max))

    def soonest(self, amount: int) -> int:
        """Return a time before which the amount cannot have been carried; 0 if all together do not."""
        at = int(np.searchsorted(self._carried, amount))
        if at == len(self._carried):
            return 0
        alone = int(self._end[at])
        if not self._flow.gate:
            return alone
        return max(alone, self._least_head + ceil(Fraction(self._flow.least_work(amount), self._flow.gate)))


def _stores(legs: Legs) -> Iterator[_Store]:
    coming: dict[int, list[tuple[int, int, int]]] = {}
    going: dict[int, list[tuple[int, int]]] = {}
    for number, leg in enumerate(legs.legs):
        for row, amount, limit in leg.claims:
            if not legs.slots[row]:
                coming.setdefault(row, []).append((number, amount, limit))
        for row, amount in leg.releases:
            if not legs.slots[row]:
                going.setdefault(row, []).append((number, amount))
    for row, come in coming.items():
        table = np.array(come, dtype=np.int64).reshape(-1, 3)
        gone = np.array(going.get(row, []), dtype=np.int64).reshape(-1, 2)
        yield _Store(
            legs.rows[row], _flow(legs, table[:, 0], table[:, 1]), table[:, 2], _flow(legs, gone[:, 0], gone[:, 1])
        )


def _flow(legs: Legs, members: Integers, amounts: Integers) -> _Flow:
    return _Flow(members, amounts, legs.duration[members], _common_gate(legs, members))


def _common_gate(legs: Legs, members: Integers) -> int:
    """Return the fewest slots that all of the legs have to share, 0 if there are no such."""
    used = [
        {claim.row: claim.limit - legs.rows[claim.row].load for claim in legs.legs[leg].claims if legs.slots[claim.row]}
        for leg in members.tolist()
    ]
    if not used:
        return 0
    shared = set.intersection(*(set(slots) for slots in used))
    return min((used[0][row] for row in shared), default=0)
