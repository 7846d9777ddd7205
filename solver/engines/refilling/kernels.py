"""The inner loop of annealing on overflow, compiled."""

# ruff: noqa: PLR0917 - compiled functions take their arrays one by one

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from formulations.tables import Integers

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

BLOCK = 1000
"""Moves tried at one temperature."""

TRIES = 8
"""Items drawn to find one in an overfull bin, where one is wanted."""


@njit(cache=True)
def _random(state: Words) -> np.uint64:
    """Return 64 random bits (Marsaglia's xorshift, Journal of Statistical Software 8(14), 2003)."""
    x: np.uint64 = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return x


@njit(cache=True)
def _below(state: Words, n: int) -> np.int64:
    """Return a random integer in [0, n)."""
    return np.int64(((_random(state) >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@njit(cache=True)
def _overflow(
    load: Integers, capacity: Integers, sizes: Integers, weights: Floats, b: int, come: int, go: int
) -> float:
    """Return a bin's weighted overflow after one item has come and one (-1: none) has gone."""
    total = 0.0
    for r in range(load.shape[1]):
        x = load[b, r] + sizes[come, r] - capacity[b, r]
        if go >= 0:
            x -= sizes[go, r]
        if x > 0:
            total += x * weights[r]
    return total


@njit(cache=True)
def _overflow_without(load: Integers, capacity: Integers, sizes: Integers, weights: Floats, b: int, go: int) -> float:
    """Return a bin's weighted overflow after one item has gone."""
    total = 0.0
    for r in range(load.shape[1]):
        x = load[b, r] - sizes[go, r] - capacity[b, r]
        if x > 0:
            total += x * weights[r]
    return total


@njit(cache=True)
def _in_group(first: Integers, groups: Integers, item: int, group: int) -> bool:
    """Return whether an item is in a group."""
    found = False
    for p in range(first[item], first[item + 1]):
        found |= groups[p] == group
    return found


@njit(cache=True)
def _crowding(first: Integers, groups: Integers, count: Integers, most: Integers, b: int, come: int, go: int) -> int:
    """Return how the items too many of their groups change when one comes and one goes (-1: none)."""
    change = 0
    if come >= 0:
        for p in range(first[come], first[come + 1]):
            g = groups[p]
            if not (go >= 0 and _in_group(first, groups, go, g)) and count[b, g] >= most[b, g]:
                change += 1
    if go >= 0:
        for p in range(first[go], first[go + 1]):
            g = groups[p]
            if not (come >= 0 and _in_group(first, groups, come, g)) and count[b, g] > most[b, g]:
                change -= 1
    return change


@njit(cache=True)
def _move(
    first: Integers,
    groups: Integers,
    sizes: Integers,
    load: Integers,
    count: Integers,
    item: int,
    here: int,
    there: int,
) -> None:
    """Take an item from one bin to another in all sums."""
    for r in range(load.shape[1]):
        load[here, r] -= sizes[item, r]
        load[there, r] += sizes[item, r]
    for p in range(first[item], first[item + 1]):
        count[here, groups[p]] -= 1
        count[there, groups[p]] += 1


@njit(cache=True)
def anneal(  # noqa: PLR0912, PLR0915 - one loop, unrolled for the compiler
    sizes: Integers,
    capacity: Integers,
    open_to: Bytes,
    first: Integers,
    groups: Integers,
    most: Integers,
    weights: Floats,
    bin_of: Integers,
    load: Integers,
    count: Integers,
    over: Floats,
    crowd: Integers,
    logs: Floats,
    temperature: float,
    cooling: float,
    steps: int,
    focus: int,
    state: Words,
) -> tuple[int, float, float]:
    """Try shifts and swaps of items between bins until nothing overflows, or so many have been tried.

    Parameters
    ----------
    sizes : int64 array, shape (items, resources)
    capacity : int64 array, shape (bins, resources)
    open_to : uint8 array, shape (items, bins), or (0, 0)
        Which item may go to which bin; everything to all where it is empty.
    first, groups : int64 arrays
        Item i is in the groups ``groups[first[i]:first[i + 1]]``.
    most : int64 array, shape (bins, groups)
        How many of a group a bin takes.
    weights : float64 array, shape (resources,)
        What a unit of overflow counts; an item too many of its group counts 1.
    bin_of : int64 array, shape (items,)
    load : int64 array, shape (bins, resources)
    count : int64 array, shape (bins, groups)
    over : float64 array, shape (bins,)
    crowd : int64 array, shape (bins,)
        The state, changed in place.
    logs : float64 array, shape (4096,)
        ``-log(u)`` at even steps of u.
    temperature, cooling : float
        The latter multiplies the former after every block.
    steps : int
    focus : int
        Of 1024 moves, so many look for an item in an overfull bin.
    state : uint64 array, shape (1,)
        Of the random numbers, not 0.

    Returns
    -------
    tuple of (int, float, float)
        Moves tried, overflow left (exactly 0 when nothing overflows), temperature reached.
    """
    items, bins = len(sizes), len(capacity)
    masked = len(open_to) > 0
    grouped = most.shape[1] > 0
    energy = 0.0
    for b in range(bins):
        energy += over[b] + crowd[b]
    for step in range(steps):
        if step % BLOCK == BLOCK - 1:
            temperature *= cooling
        bits = _random(state)
        threshold = temperature * logs[np.int64(bits & np.uint64(4095))]
        item = _below(state, items)
        here = bin_of[item]
        if np.int64((bits >> np.uint64(20)) & np.uint64(1023)) < focus:
            for _ in range(TRIES):
                if over[here] > 0 or crowd[here] > 0:
                    break
                item = _below(state, items)
                here = bin_of[item]
        other = -1
        if (bits >> np.uint64(12)) & np.uint64(1):
            other = _below(state, items)
            there = bin_of[other]
        else:
            there = _below(state, bins)
        if here == there:
            continue
        if masked and (open_to[item, there] == 0 or (other >= 0 and open_to[other, here] == 0)):
            continue
        limit = threshold + over[here] + over[there]
        more_there = more_here = 0
        if grouped:
            more_there = _crowding(first, groups, count, most, there, item, other)
            more_here = _crowding(first, groups, count, most, here, other, item)
            limit -= more_here + more_there
        new_there = _overflow(load, capacity, sizes, weights, there, item, other)
        if new_there > limit:
            continue
        if other >= 0:
            new_here = _overflow(load, capacity, sizes, weights, here, other, item)
        else:
            new_here = _overflow_without(load, capacity, sizes, weights, here, item)
        if new_here + new_there > limit:
            continue
        _move(first, groups, sizes, load, count, item, here, there)
        bin_of[item] = there
        if other >= 0:
            _move(first, groups, sizes, load, count, other, there, here)
            bin_of[other] = here
        energy += new_here + new_there - over[here] - over[there] + more_here + more_there
        over[here] = new_here
        over[there] = new_there
        crowd[here] += more_here
        crowd[there] += more_there
        if energy < 1e-7:
            energy = 0.0
            for b in range(bins):
                energy += over[b] + crowd[b]
            if energy == 0.0:
                return step + 1, energy, temperature
    return steps, energy, temperature
