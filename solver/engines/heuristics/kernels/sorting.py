"""A heap sort of groups by key, in place: numba's own sorts take seconds to compile."""

from __future__ import annotations

from formulations.tables import Integers
from solver.engines.heuristics.kernels.compiling import inner
from solver.engines.heuristics.records import Floats


@inner
def sort_by_key(number: int, groups: Integers, keys: Floats, start: Integers) -> None:
    """Sort the first groups by key, equal keys by the number of their first bin."""
    for begin in range(number // 2 - 1, -1, -1):
        _sift(begin, number, groups, keys, start)
    for end in range(number - 1, 0, -1):
        _exchange(0, end, groups, keys)
        _sift(0, end, groups, keys, start)


@inner
def _later(one: int, other: int, groups: Integers, keys: Floats, start: Integers) -> bool:
    """Return whether the group at one place comes after that at another."""
    if keys[one] != keys[other]:
        return bool(keys[one] > keys[other])
    return bool(start[groups[one]] > start[groups[other]])


@inner
def _exchange(one: int, other: int, groups: Integers, keys: Floats) -> None:
    group, key = groups[one], keys[one]
    groups[one], keys[one] = groups[other], keys[other]
    groups[other], keys[other] = group, key


@inner
def _sift(place: int, end: int, groups: Integers, keys: Floats, start: Integers) -> None:
    """Let a place of the heap sink to where nothing below it comes later."""
    while 2 * place + 1 < end:
        below = 2 * place + 1
        if below + 1 < end and _later(below + 1, below, groups, keys, start):
            below += 1
        if not _later(below, place, groups, keys, start):
            return
        _exchange(place, below, groups, keys)
        place = below
