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
    c_first, c_row, c_amount, c_limit = claims
    r_first, r_row, r_amount = releases
    s_first, s_row, s_amount, _, s_balance = stores
    n_first, n_leg = nexts
    legs, rows = len(duration), len(load)
    settled = load.copy()
    u_first, u_leg, u_room, u_change = _by_position(position, rows, stores)
    oldest = u_first.copy()
    started = np.zeros(legs, dtype=np.bool_)
    key = np.zeros(legs, dtype=np.float64)
    ending = np.zeros(legs, dtype=np.float64)
    ready = np.empty(legs, dtype=np.int64)
    running = np.empty(legs, dtype=np.int64)
    watched = np.full(rows, NOWHERE, dtype=np.int64)
    watching = np.full(legs, NOWHERE, dtype=np.int64)
    freed = np.empty(rows, dtype=np.int64)  # rows whose watchers are to be woken
    waker = np.full(rows, NOWHERE, dtype=np.int64)
    is_freed = np.zeros(rows, dtype=np.bool_)
    fresh = np.empty(legs, dtype=np.int64)  # legs that wait for no other any longer
    start[:] = NOWHERE
    cause[:] = NOWHERE
    n_ready = n_running = n_started = n_freed = n_fresh = 0
    passed_at = NOWHERE  # how many had started when room that was kept was last given up
    now = np.int64(0)
    for leg in range(legs):
        if waiting_for[leg] == 0:
            fresh[n_fresh] = leg
            n_fresh += 1
    while True:
        # Queue all who watch a row and fit now, let the others watch what refuses them.
        for f in range(n_freed):
            watch = freed[f]
            is_freed[watch] = False
            leg = watched[watch]
            watched[watch] = NOWHERE
            while leg != NOWHERE:
                following = watching[leg]
                cause[leg] = waker[watch]
                refusing = NOWHERE
                for c in range(c_first[leg], c_first[leg + 1]):
                    if load[c_row[c]] + c_amount[c] > c_limit[c]:
                        refusing = c_row[c]
                        break
                if refusing == NOWHERE:
                    fresh[n_fresh] = leg
                    n_fresh += 1
                else:
                    watching[leg] = watched[refusing]
                    watched[refusing] = leg
                leg = following
        n_freed = 0
        # The smaller its key the more urgent a leg is: its bonus, the work that is left in the busiest slots that
        # it uses, and a part of that in the second busiest.
        for f in range(n_fresh):
            leg = fresh[f]
            most = second = 0.0
            for c in range(c_first[leg], c_first[leg + 1]):
                row = c_row[c]
                if slots[row]:
                    if work[row] > most:
                        second = most
                        most = work[row]
                    elif work[row] > second:
                        second = work[row]
            key[leg] = -(bonus[leg] + weights[0] * most + weights[1] * second)
            _push(ready, n_ready, key, leg)
            n_ready += 1
        n_fresh = 0
        if n_ready > 0:
            leg = ready[0]
            _pop(ready, n_ready, key)
            n_ready -= 1
            refusing = NOWHERE
            for c in range(c_first[leg], c_first[leg + 1]):
                if load[c_row[c]] + c_amount[c] > c_limit[c]:
                    refusing = c_row[c]
                    break
            if refusing == NOWHERE and (guarded or (reserving and n_running > 0)):
                for e in range(s_first[leg], s_first[leg + 1]):
                    if s_amount[e] > 0:
                        row = s_row[e]
                        while oldest[row] < u_first[row + 1] and started[u_leg[oldest[row]]]:
                            oldest[row] += 1
            if refusing == NOWHERE and reserving and n_running > 0:
                # Room is kept where a more urgent leg is still to come that would not fit beside this one.
                for e in range(s_first[leg], s_first[leg + 1]):
                    if s_amount[e] == 0:
                        continue
                    row = s_row[e]
                    level = load[row] + s_amount[e]
                    for u in range(oldest[row], u_first[row + 1]):
                        if level > u_room[u]:
                            other = u_leg[u]
                            if key[other] < key[leg] and not started[other]:
                                refusing = row
                                break
                    if refusing != NOWHERE:
                        break
            if refusing == NOWHERE and guarded:
                # In the order of their positions all legs can run one after the other. That stays so for those
                # left when this one goes first, unless it takes room that an earlier one needs before it comes back.
                for e in range(s_first[leg], s_first[leg + 1]):
                    if s_amount[e] == 0:
                        continue
                    row = s_row[e]
                    level = settled[row] + s_balance[e]
                    for u in range(oldest[row], u_first[row + 1]):
                        other = u_leg[u]
                        if position[other] >= position[leg]:
                            break
                        if started[other]:
                            continue
                        if level > u_room[u]:
                            refusing = row
                            break
                        level += u_change[u]
                    if refusing != NOWHERE:
                        break
            if refusing != NOWHERE:
                watching[leg] = watched[refusing]
                watched[refusing] = leg
                continue
            started[leg] = True
            start[leg] = now
            turn[leg] = n_started
            n_started += 1
            late = now + duration[leg] > cutoff
            for c in range(c_first[leg], c_first[leg + 1]):
                row = c_row[c]
                load[row] += c_amount[c]
                settled[row] += c_amount[c]
                if slots[row]:
                    late = late or now + work[row] > cutoff + ROUNDING
                    work[row] -= duration[leg] * share[row]
            if late:
                start[leg] = NOWHERE
                return
            ending[leg] = now + duration[leg]
            _push(running, n_running, ending, leg)
            n_running += 1
            for r in range(r_first[leg], r_first[leg + 1]):
                row = r_row[r]
                settled[row] -= r_amount[r]
                if guarded and not slots[row]:  # what stranded others may strand them no longer
                    waker[row] = leg
                    if not is_freed[row]:
                        is_freed[row] = True
                        freed[n_freed] = row
                        n_freed += 1
            for s in range(n_first[leg], n_first[leg + 1]):
                if next_at_start[s]:
                    waiting_for[n_leg[s]] -= 1
                    cause[n_leg[s]] = leg
                    if waiting_for[n_leg[s]] == 0:
                        fresh[n_fresh] = n_leg[s]
                        n_fresh += 1
            continue
        if n_running == 0:
            if not reserving or passed_at == n_started:
                return
            passed_at = n_started  # nothing runs: room that was kept is free for all
            for row in range(rows):
                waker[row] = NOWHERE
                is_freed[row] = True
                freed[row] = row
            n_freed = rows
            continue
        now = start[running[0]] + duration[running[0]]
        while n_running > 0 and start[running[0]] + duration[running[0]] == now:
            leg = running[0]
            _pop(running, n_running, ending)
            n_running -= 1
            for r in range(r_first[leg], r_first[leg + 1]):
                row = r_row[r]
                load[row] -= r_amount[r]
                waker[row] = leg
                if not is_freed[row]:
                    is_freed[row] = True
                    freed[n_freed] = row
                    n_freed += 1
            for s in range(n_first[leg], n_first[leg + 1]):
                if not next_at_start[s]:
                    waiting_for[n_leg[s]] -= 1
                    cause[n_leg[s]] = leg
                    if waiting_for[n_leg[s]] == 0:
                        fresh[n_fresh] = n_leg[s]
                        n_fresh += 1
