"""Wrap-around: items laid one after the other over the cores, cut where a core ends."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SHUFFLES = 60
"""Random orders tried where the quantum leaves no room for the given one."""


class Piece(NamedTuple):
    """An item on a core from ``start`` to ``end``."""

    item: int
    core: int
    start: int
    end: int


def wrapped(times: Sequence[int], cores: int, length: int, quantum: int = 1) -> list[Piece] | None:
    """Lay items over cores so that none is on two at once, in pieces no shorter than the quantum.

    McNaughton's wrap-around (Scheduling with Deadlines and Loss Functions, Management Science
    6(1), 1959, doi:10.1287/mnsc.6.1.1): an item that a core has no room for goes on at the
    beginning of the next core. At most ``cores - 1`` items are cut, each once, and with a quantum
    of 1 every set of items fits whose total does. A larger quantum forbids some cuts: then the
    order decides, and some are tried.

    Parameters
    ----------
    times : sequence of int
        Of the items, from ``quantum`` to ``length``; in the given order wherever that works.
    cores, length, quantum : int

    Returns
    -------
    list of Piece, or None where no order that was tried fits.
    """
    if sum(times) > cores * length:
        return None
    given = list(range(len(times)))
    if (pieces := _laid(given, times, cores, length, quantum)) is not None or quantum == 1:
        return pieces
    falling = sorted(given, key=lambda item: -times[item])
    rng = np.random.default_rng(0)
    shuffled = (rng.permutation(len(times)).tolist() for _ in range(SHUFFLES))
    for order in (falling, falling[::-1], *shuffled):
        if (pieces := _laid(order, times, cores, length, quantum)) is not None:
            return pieces
    return whole(times, cores, length)


def whole(times: Sequence[int], cores: int, length: int) -> list[Piece] | None:
    """Lay items over cores without cutting any, the largest first: evenly, or else as tightly as they go.

    Where each goes to the core with the most room, the vCPUs of a VM run side by side as long as
    cores are free. Where that leaves no room for somebody, each goes where the least remains.

    Returns
    -------
    list of Piece, or None where this does not fit.
    """
    return _whole(times, cores, length, evenly=True) or _whole(times, cores, length, evenly=False)


def _whole(times: Sequence[int], cores: int, length: int, *, evenly: bool) -> list[Piece] | None:
    ends = [(0, -core) for core in reversed(range(cores))]  # sorted; of equal ones the first core comes last
    pieces: list[Piece] = []
    for item in sorted(range(len(times)), key=lambda item: -times[item]):
        latest = length - times[item]
        fits = bisect_right(ends, (min(latest, ends[0][0]) if evenly else latest, 0))
        if not fits:
            return None
        end, core = ends.pop(fits - 1)
        pieces.append(Piece(item, -core, end, end + times[item]))
        insort(ends, (end + times[item], core))
    return pieces


def _laid(order: Sequence[int], times: Sequence[int], cores: int, length: int, quantum: int) -> list[Piece] | None:
    waiting = list(order)
    pieces: list[Piece] = []
    core = at = 0
    while waiting:
        if core == cores:
            return None
        room = length - at
        position, head = _choice(waiting, times, room, quantum)
        if position < 0:
            core, at = core + 1, 0
            continue
        item = waiting.pop(position)
        if head == times[item]:
            pieces.append(Piece(item, core, at, at + head))
            at += head
        else:  # at the very end of the core, so that it is over before the rest begins on the next
            pieces.append(Piece(item, core, length - head, length))
            core, at = core + 1, times[item] - head
            if core == cores:
                return None
            pieces.append(Piece(item, core, 0, at))
    return pieces


def _choice(waiting: Sequence[int], times: Sequence[int], room: int, quantum: int) -> tuple[int, int]:
    """Return the place of the item that comes next on a core and how much of it; -1 to leave the core's rest idle.

    The first item that leaves nothing useless is taken, else the one that leaves least.
    """
    best, waste = (-1, 0), room
    for position, item in enumerate(waiting):
        time = times[item]
        if time <= room:
            head, left = time, room - time
            left = 0 if left >= quantum else left
        else:
            head = min(room, time - quantum)
            left = room - head
        if head < quantum:
            continue
        if left == 0:
            return position, head
        if left < waste:
            best, waste = (position, head), left
    return best
