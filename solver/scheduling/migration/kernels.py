"""The inner loop of list scheduling, compiled: start whatever fits, most urgent first, and wake who waits.

Everything but `timed` is plain Python that numba compiles with it: few legs are timed uncompiled by
``timed.py_func``, with the same result.
"""

# ruff: noqa: PLR0912, PLR0915, PLR0917 - compiled functions take their arrays one by one, and loop on them at length

from __future__ import annotations

import numpy as np
from numba import njit
from numba.extending import register_jitable
from numpy.typing import NDArray

from formulations.tables import Integers

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Claims = tuple[Integers, Integers, Integers, Integers]
"""Where each leg's claims begin, and their rows, amounts and limits."""
Releases = tuple[Integers, Integers, Integers]
"""Where each leg's releases begin, and their rows and amounts."""
Stores = tuple[Integers, Integers, Integers, Integers, Integers]
"""Where the stores that each leg uses begin: their rows, what it claims, the load that leaves it room, its balance."""
Users = tuple[Integers, Integers, Integers, Integers]
"""Where the users of each store begin: the legs, the loads that leave them room, their balances."""
Lists = tuple[Integers, Integers]
"""Where each list begins, and what all of them hold."""

NOWHERE = -1

ROUNDING = 0.5
"""Milliseconds by which sums of floats may be wrong."""


@register_jitable
def _push(heap: Integers, size: int, key: Floats, leg: int) -> None:
    """Put a leg into a heap of ``size`` whose top has the smallest key, and among equals the smallest number."""
    at = size
    while at > 0:
        parent = (at - 1) // 2
        above = heap[parent]
        if key[above] < key[leg] or (key[above] == key[leg] and above < leg):
            break
        heap[at] = above
        at = parent
    heap[at] = leg


@register_jitable
def _pop(heap: Integers, size: int, key: Floats) -> None:
    """Take the top off a heap of ``size`` legs; the caller has read it and keeps the new size."""
    last = heap[size - 1]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size - 1:
            break
        if child + 1 < size - 1:
            left, right = heap[child], heap[child + 1]
            if key[right] < key[left] or (key[right] == key[left] and right < left):
                child += 1
        below = heap[child]
        if key[last] < key[below] or (key[last] == key[below] and last < below):
            break
        heap[at] = below
        at = child
    heap[at] = last


@register_jitable
def _refusing(leg: int, load: Integers, claims: Claims) -> np.int64:
    """Return the first row that refuses a claim of the leg, ``NOWHERE`` if all fit."""
    first, rows, amount, limit = claims
    for c in range(first[leg], first[leg + 1]):
        if load[rows[c]] + amount[c] > limit[c]:
            return np.int64(rows[c])
    return np.int64(NOWHERE)


@register_jitable
def _stranding(
    leg: int, settled: Integers, started: Flags, position: Integers, stores: Stores, users: Users, oldest: Integers
) -> np.int64:
    """Return a row in which an earlier leg could never start if this one went first, ``NOWHERE`` without one.

    In the order of their positions all legs can run one after the other. That stays so for those
    left when this one goes first, unless it takes room that an earlier one needs before it comes back.
    """
    first, rows, amount, _, balance = stores
    begin, other_of, room, change = users
    for e in range(first[leg], first[leg + 1]):
        if amount[e] == 0:
            continue
        row = rows[e]
        level = settled[row] + balance[e]
        while oldest[row] < begin[row + 1] and started[other_of[oldest[row]]]:
            oldest[row] += 1
        for u in range(oldest[row], begin[row + 1]):
            other = other_of[u]
            if position[other] >= position[leg]:
                break
            if started[other]:
                continue
            if level > room[u]:
                return np.int64(row)
            level += change[u]
    return np.int64(NOWHERE)


@register_jitable
def _reserved(
    leg: int, load: Integers, started: Flags, stores: Stores, users: Users, oldest: Integers, key: Floats
) -> np.int64:
    """Return a row in which a more urgent leg is still to come that would not fit beside this one, or ``NOWHERE``."""
    first, rows, amount, _, _ = stores
    begin, other_of, room, _ = users
    for e in range(first[leg], first[leg + 1]):
        if amount[e] == 0:
            continue
        row = rows[e]
        level = load[row] + amount[e]
        while oldest[row] < begin[row + 1] and started[other_of[oldest[row]]]:
            oldest[row] += 1
        for u in range(oldest[row], begin[row + 1]):
            if level > room[u]:
                other = other_of[u]
                if key[other] < key[leg] and not started[other]:
                    return np.int64(row)
    return np.int64(NOWHERE)


@register_jitable
def _by_position(position: Integers, rows: int, stores: Stores) -> Users:
    """Return who uses each store, in the order of their positions."""
    first, row_of, _, room, balance = stores
    legs = len(position)
    begin = np.zeros(rows + 1, dtype=np.int64)
    for row in row_of:
        begin[row + 1] += 1
    for row in range(rows):
        begin[row + 1] += begin[row]
    order = np.empty(legs, dtype=np.int64)
    for number in range(legs):
        order[position[number]] = number
    at = begin.copy()
    legs_of = np.empty(len(row_of), dtype=np.int64)
    rooms = np.empty(len(row_of), dtype=np.int64)
    changes = np.empty(len(row_of), dtype=np.int64)
    for leg in order:
        for e in range(first[leg], first[leg + 1]):
            row = row_of[e]
            legs_of[at[row]] = leg
            rooms[at[row]] = room[e]
            changes[at[row]] = balance[e]
            at[row] += 1
    return begin, legs_of, rooms, changes


@register_jitable
def _key(leg: int, work: Floats, slots: Flags, claims: Claims, bonus: Floats, weights: Floats) -> float:
    """Return the rank of a leg, the smaller the more urgent.

    Its bonus, the work that is left in the busiest slots that it uses, and a part of that in the
    second busiest.
    """
    most = 0.0
    second = 0.0
    for c in range(claims[0][leg], claims[0][leg + 1]):
        row = claims[1][c]
        if slots[row]:
            if work[row] > most:
                second = most
                most = work[row]
            elif work[row] > second:
                second = work[row]
    return float(-(bonus[leg] + weights[0] * most + weights[1] * second))


@njit(cache=True)
def timed(
    duration: Integers,
    load: Integers,
    work: Floats,
    share: Floats,
    slots: Flags,
    claims: Claims,
    releases: Releases,
    stores: Stores,
    position: Integers,
    nexts: Lists,
    next_at_start: Flags,
    waiting_for: Integers,
    bonus: Floats,
    weights: Floats,
    guarded: bool,
    reserving: bool,
    cutoff: float,
    start: Integers,
    turn: Integers,
    cause: Integers,
) -> None:
    """Fill in the starts of a list schedule.

    Parameters
    ----------
    duration : int64 array, shape (legs,)
    load : int64 array, shape (rows,)
        Changed: what is taken of every row.
    work : float64 array, shape (rows,)
        Changed: for slots, the time that what is left keeps them busy.
    share : float64 array, shape (rows,)
        One over the number of slots.
    slots : bool array, shape (rows,)
    claims, releases : tuples of int64 arrays
        As in `Legs`.
    stores : tuple of int64 arrays
        Per leg the rows other than slots that it claims or releases.
    position : int64 array, shape (legs,)
        An order in which the legs can run one after the other; matters when guarded.
    nexts : tuple of int64 arrays
        Per leg those that wait for it.
    next_at_start : bool array
        Whether they wait for its start rather than its end.
    waiting_for : int64 array, shape (legs,)
        Changed: how many others each leg still waits for.
    bonus : float64 array, shape (legs,)
    weights : float64 array, shape (2,)
        Of the work left in the busiest and the second busiest slots of a leg.
    guarded : bool
        Whether no leg may start that would leave others stuck.
    reserving : bool
        Whether room is kept for legs that are more urgent.
    cutoff : float
        Milliseconds; the schedule is given up as soon as it is known to end later.
    start, turn, cause : int64 arrays, shape (legs,)
        Changed: the starts, -1 for legs that never start; the order of the starts; the leg whose
        end or start made room for each, -1 for those that did not wait.
    """
    legs = len(duration)
    settled = load.copy()
    users = _by_position(position, len(load), stores)
    oldest = users[0].copy()
    started = np.zeros(legs, dtype=np.bool_)
    queued = np.zeros(legs, dtype=np.bool_)
    key = np.zeros(legs, dtype=np.float64)
    ending = np.zeros(legs, dtype=np.float64)
    ready = np.empty(legs, dtype=np.int64)
    running = np.empty(legs, dtype=np.int64)
    watched = np.full(len(load), NOWHERE, dtype=np.int64)
    watching = np.full(legs, NOWHERE, dtype=np.int64)
    start[:] = NOWHERE
    cause[:] = NOWHERE
    n_ready = 0
    n_running = 0
    n_started = 0
    now = np.int64(0)
    for leg in range(legs):
        key[leg] = _key(leg, work, slots, claims, bonus, weights)
        if waiting_for[leg] == 0:
            _push(ready, n_ready, key, leg)
            n_ready += 1
            queued[leg] = True
    while True:
        while n_ready > 0:
            leg = ready[0]
            _pop(ready, n_ready, key)
            n_ready -= 1
            queued[leg] = False
            row = _refusing(leg, load, claims)
            if row == NOWHERE and reserving and n_running > 0:
                row = _reserved(leg, load, started, stores, users, oldest, key)
            if row == NOWHERE and guarded:
                row = _stranding(leg, settled, started, position, stores, users, oldest)
            if row != NOWHERE:
                watching[leg] = watched[row]
                watched[row] = leg
                continue
            started[leg] = True
            start[leg] = now
            turn[leg] = n_started
            n_started += 1
            late = now + duration[leg] > cutoff
            for c in range(claims[0][leg], claims[0][leg + 1]):
                row = claims[1][c]
                load[row] += claims[2][c]
                settled[row] += claims[2][c]
                if slots[row]:
                    late = late or now + work[row] > cutoff + ROUNDING
                    work[row] -= duration[leg] * share[row]
            if late:
                start[leg] = NOWHERE
                return
            ending[leg] = now + duration[leg]
            _push(running, n_running, ending, leg)
            n_running += 1
            for d in range(releases[0][leg], releases[0][leg + 1]):
                row = releases[1][d]
                settled[row] -= releases[2][d]
                if guarded and not slots[row]:  # what stranded others may strand them no longer
                    n_ready = _wake(
                        row, leg, watched, watching, cause, ready, n_ready, queued, key,
                        load, work, slots, claims, bonus, weights,
                    )  # fmt: skip
            n_ready = _follow(
                leg, True, nexts, next_at_start, waiting_for, cause, ready, n_ready, queued, key,
                work, slots, claims, bonus, weights,
            )  # fmt: skip
        if n_running == 0:
            # Nothing runs: room that was kept is free for all, if that helps.
            for row in range(len(load)):
                n_ready = _wake(
                    row, NOWHERE, watched, watching, cause, ready, n_ready, queued, key,
                    load, work, slots, claims, bonus, weights,
                )  # fmt: skip
            if not reserving or not _any_fits(
                ready, n_ready, load, claims, guarded, settled, started, position, stores, users, oldest
            ):
                return
            continue
        now = start[running[0]] + duration[running[0]]
        while n_running > 0 and start[running[0]] + duration[running[0]] == now:
            leg = running[0]
            _pop(running, n_running, ending)
            n_running -= 1
            for d in range(releases[0][leg], releases[0][leg + 1]):
                row = releases[1][d]
                load[row] -= releases[2][d]
                n_ready = _wake(
                    row, leg, watched, watching, cause, ready, n_ready, queued, key,
                    load, work, slots, claims, bonus, weights,
                )  # fmt: skip
            n_ready = _follow(
                leg, False, nexts, next_at_start, waiting_for, cause, ready, n_ready, queued, key,
                work, slots, claims, bonus, weights,
            )  # fmt: skip


@register_jitable
def _wake(
    row: int,
    waker: int,
    watched: Integers,
    watching: Integers,
    cause: Integers,
    ready: Integers,
    n_ready: int,
    queued: Flags,
    key: Floats,
    load: Integers,
    work: Floats,
    slots: Flags,
    claims: Claims,
    bonus: Floats,
    weights: Floats,
) -> int:
    """Queue all who watch a row and fit now, let the others watch what refuses them; return the queue's length."""
    other = watched[row]
    watched[row] = NOWHERE
    while other != NOWHERE:
        following = watching[other]
        cause[other] = waker
        refusing = _refusing(other, load, claims)
        if refusing != NOWHERE:
            watching[other] = watched[refusing]
            watched[refusing] = other
        elif not queued[other]:
            key[other] = _key(other, work, slots, claims, bonus, weights)
            _push(ready, n_ready, key, other)
            n_ready += 1
            queued[other] = True
        other = following
    return n_ready


@register_jitable
def _follow(
    leg: int,
    at_start: bool,
    nexts: Lists,
    next_at_start: Flags,
    waiting_for: Integers,
    cause: Integers,
    ready: Integers,
    n_ready: int,
    queued: Flags,
    key: Floats,
    work: Floats,
    slots: Flags,
    claims: Claims,
    bonus: Floats,
    weights: Floats,
) -> int:
    """Queue the legs that waited for this one as the last; return the length of the queue."""
    for s in range(nexts[0][leg], nexts[0][leg + 1]):
        if next_at_start[s] == at_start:
            other = nexts[1][s]
            waiting_for[other] -= 1
            cause[other] = leg
            if waiting_for[other] == 0:
                key[other] = _key(other, work, slots, claims, bonus, weights)
                _push(ready, n_ready, key, other)
                n_ready += 1
                queued[other] = True
    return n_ready


@register_jitable
def _any_fits(
    ready: Integers,
    n_ready: int,
    load: Integers,
    claims: Claims,
    guarded: bool,
    settled: Integers,
    started: Flags,
    position: Integers,
    stores: Stores,
    users: Users,
    oldest: Integers,
) -> bool:
    """Whether any leg of the queue may start now."""
    for at in range(n_ready):
        if _refusing(ready[at], load, claims) == NOWHERE and not (
            guarded and _stranding(ready[at], settled, started, position, stores, users, oldest) != NOWHERE
        ):
            return True
    return False
