"""The inner loop of insertion, compiled: each leg starts at the first moment from which it harms nobody.

Everything but `inserted` is plain Python that numba compiles with it: few legs are timed uncompiled by
``inserted.py_func``, with the same result.
"""

# ruff: noqa: PLR0912, PLR0915, PLR0917 - compiled functions take their arrays one by one, and loop on them at length

from __future__ import annotations

import numpy as np
from numba import njit
from numba.extending import register_jitable
from numpy.typing import NDArray

from formulations.tables import Integers

Flags = NDArray[np.bool_]
Claims = tuple[Integers, Integers, Integers, Integers]
"""Where each leg's claims begin, and their rows, amounts and limits."""
Releases = tuple[Integers, Integers, Integers]
"""Where each leg's releases begin, and their rows and amounts."""
Lists = tuple[Integers, Integers]
"""Where each list begins, and what all of them hold."""

NOWHERE = -1
NEVER = 2**62


@register_jitable
def _push(heap: Integers, size: int, position: int) -> None:
    """Put a position into a heap of ``size`` whose top is the smallest."""
    at = size
    while at > 0:
        parent = (at - 1) // 2
        if heap[parent] <= position:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = position


@register_jitable
def _pop(heap: Integers, size: int) -> None:
    """Take the top off a heap of ``size``; the caller has read it and keeps the new size."""
    last = heap[size - 1]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size - 1:
            break
        if child + 1 < size - 1 and heap[child + 1] < heap[child]:
            child += 1
        if last <= heap[child]:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = last


@register_jitable
def _note(times: Integers, changes: Integers, begin: int, end: int, time: int, change: int) -> None:
    """Add a change to those of a row, in the order of their times."""
    at = end
    while at > begin and times[at - 1] > time:
        times[at] = times[at - 1]
        changes[at] = changes[at - 1]
        at -= 1
    times[at] = time
    changes[at] = change


@register_jitable
def _for_good(times: Integers, changes: Integers, begin: int, end: int, level: int, most: int) -> np.int64:
    """Return the first time from which on a row's level never exceeds ``most``."""
    since = np.int64(0)
    above = level > most
    at = begin
    while at < end:
        now = times[at]
        while at < end and times[at] == now:
            level += changes[at]
            at += 1
        if above and level <= most:
            since = now
        above = level > most
    return np.int64(NEVER) if above else since


@register_jitable
def _for_a_while(
    times: Integers, changes: Integers, begin: int, end: int, level: int, most: int, time: int, duration: int
) -> np.int64:
    """Return the first time from ``time`` on from which a row's level does not exceed ``most`` for so long."""
    at = begin
    while at < end and times[at] <= time:
        level += changes[at]
        at += 1
    since = np.int64(time)
    while True:
        if level <= most and (at >= end or times[at] >= since + duration):
            return since
        if at >= end:
            return np.int64(NEVER)
        above = level > most
        now = times[at]
        while at < end and times[at] == now:
            level += changes[at]
            at += 1
        if above or level > most:
            since = now


@njit(cache=True)
def inserted(
    order: Integers,
    duration: Integers,
    load: Integers,
    limit: Integers,
    slots: Flags,
    claims: Claims,
    releases: Releases,
    nexts: Lists,
    next_at_start: Flags,
    waiting_for: Integers,
    first: Integers,
    cutoff: float,
    start: Integers,
) -> None:
    """Fill in starts, one leg after the other.

    Parameters
    ----------
    order : int64 array, shape (legs,)
        Who comes first. A leg for which there is no room yet, or that waits for another, comes as
        soon as those are in that it waits for.
    duration : int64 array, shape (legs,)
    load, limit : int64 arrays, shape (rows,)
    slots : bool array, shape (rows,)
    claims, releases : tuples of int64 arrays
        As in `Legs`.
    nexts : tuple of int64 arrays
        Per leg those that wait for it.
    next_at_start : bool array
        Whether they wait for its start rather than its end.
    waiting_for : int64 array, shape (legs,)
        Changed: how many others each leg still waits for.
    first : int64 array, shape (rows + 1,)
        Where the changes of each row are kept: as many as it has claims and releases.
    cutoff : float
        Milliseconds; the schedule is given up when it ends later.
    start : int64 array, shape (legs,)
        Changed: the starts, -1 for legs that were not inserted.
    """
    c_first, c_row, c_amount, _ = claims
    r_first, r_row, r_amount = releases
    n_first, n_leg = nexts
    legs, rows = len(duration), len(load)
    times = np.empty(first[rows], dtype=np.int64)
    changes = np.empty(first[rows], dtype=np.int64)
    last = first[:rows].copy()
    position = np.empty(legs, dtype=np.int64)
    earliest = np.zeros(legs, dtype=np.int64)
    skipped = np.zeros(legs, dtype=np.bool_)
    again = np.empty(legs, dtype=np.int64)
    watched = np.full(rows, NOWHERE, dtype=np.int64)
    watching = np.full(legs, NOWHERE, dtype=np.int64)
    start[:] = NOWHERE
    for at in range(legs):
        position[order[at]] = at
    n_again = 0
    at = 0
    while at < legs or n_again > 0:
        if n_again > 0:
            leg = order[again[0]]
            _pop(again, n_again)
            n_again -= 1
        else:
            leg = order[at]
            at += 1
        if waiting_for[leg] > 0:
            skipped[leg] = True
            continue
        now = earliest[leg]
        refusing = NOWHERE
        for c in range(c_first[leg], c_first[leg + 1]):
            row = c_row[c]
            if not slots[row]:
                since = _for_good(times, changes, first[row], last[row], load[row], limit[row] - c_amount[c])
                if since == NEVER:
                    refusing = row
                    break
                now = max(now, since)
        if refusing != NOWHERE:
            watching[leg] = watched[refusing]
            watched[refusing] = leg
            continue
        before = np.int64(-1)
        while now != before:
            before = now
            for c in range(c_first[leg], c_first[leg + 1]):
                row = c_row[c]
                if slots[row]:
                    most = limit[row] - c_amount[c]
                    now = _for_a_while(times, changes, first[row], last[row], load[row], most, now, duration[leg])
        if now + duration[leg] > cutoff:
            return
        start[leg] = now
        for c in range(c_first[leg], c_first[leg + 1]):
            row = c_row[c]
            _note(times, changes, first[row], last[row], now, c_amount[c])
            last[row] += 1
        for r in range(r_first[leg], r_first[leg + 1]):
            row = r_row[r]
            _note(times, changes, first[row], last[row], now + duration[leg], -r_amount[r])
            last[row] += 1
            other = watched[row]
            watched[row] = NOWHERE
            while other != NOWHERE:
                _push(again, n_again, position[other])
                n_again += 1
                other = watching[other]
        for n in range(n_first[leg], n_first[leg + 1]):
            other = n_leg[n]
            earliest[other] = max(earliest[other], now if next_at_start[n] else now + duration[leg])
            waiting_for[other] -= 1
            if waiting_for[other] == 0 and skipped[other]:
                _push(again, n_again, position[other])
                n_again += 1
