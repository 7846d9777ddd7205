"""Compiled loops of the pricing problem: the bounded knapsack in several resources, in integers."""

from __future__ import annotations

import numpy as np
from numba import njit

from formulations.tables import Integers

# The layout of the search state that `depth_first` continues from call to call.
POSITION, VALUE, BEST, NODES, FINISHED, FOUND, MET = range(7)
STATE_SIZE = 7

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2**64 divided by the golden ratio: Fibonacci hashing spreads the keys (Knuth, volume 3, 6.4)."""


@njit(cache=True)
def suffix_tables(weights: Integers, values: Integers, most: Integers, grid: int, tables: Integers) -> None:
    """Fill tables[m, i, c]: the best value of items i, i + 1, ... within capacity c of surrogate m.

    weights has shape (surrogates, items); tables (surrogates, items + 1, grid + 1).
    """
    for m in range(weights.shape[0]):
        items = weights.shape[1]
        for c in range(grid + 1):
            tables[m, items, c] = 0
        for i in range(items - 1, -1, -1):
            weight, value, many = weights[m, i], values[i], most[i]
            after, here = tables[m, i + 1], tables[m, i]
            if weight == 0:
                for c in range(grid + 1):
                    here[c] = after[c] + many * value
            elif weight * many >= grid:
                for c in range(min(weight, grid + 1)):
                    here[c] = after[c]
                for c in range(weight, grid + 1):
                    here[c] = max(after[c], here[c - weight] + value)
            elif many == 1:
                for c in range(weight):
                    here[c] = after[c]
                for c in range(weight, grid + 1):
                    here[c] = max(after[c], after[c - weight] + value)
            else:
                for c in range(grid + 1):
                    best = after[c]
                    for k in range(1, min(many, c // weight) + 1):
                        best = max(best, after[c - k * weight] + k * value)
                    here[c] = best


@njit(cache=True)
def pair_tables(weights: Integers, values: Integers, most: Integers, tables: Integers) -> None:
    """Fill tables[i, a, b]: the best value of items i, i + 1, ... within a and b of two surrogates.

    weights has shape (2, items); tables (items + 1, first capacity + 1, second capacity + 1).
    """
    items = weights.shape[1]
    first, second = tables.shape[1], tables.shape[2]
    tables[items] = 0
    for i in range(items - 1, -1, -1):
        x, y, value, many = weights[0, i], weights[1, i], values[i], most[i]
        after, here = tables[i + 1], tables[i]
        fit = many
        if x > 0:
            fit = min(fit, (first - 1) // x)
        if y > 0:
            fit = min(fit, (second - 1) // y)
        unbounded = fit < many and (x > 0 or y > 0)
        for a in range(first):
            for b in range(second):
                best = after[a, b]
                if a >= x and b >= y:
                    if unbounded:
                        best = max(best, here[a - x, b - y] + value)
                    else:
                        for k in range(1, many + 1):
                            if k * x > a or k * y > b:
                                break
                            best = max(best, after[a - k * x, b - k * y] + k * value)
                here[a, b] = best


@njit(cache=True)
def _bound(tables: Integers, position: int, rooms: Integers) -> int:
    best = tables[0, position, rooms[0]]
    for m in range(1, rooms.shape[0]):
        best = min(best, tables[m, position, rooms[m]])
    return int(best)


@njit(cache=True)
def _most_that_fits(size: Integers, room: Integers, most: int) -> int:
    for r in range(size.shape[0]):
        if size[r] > 0:
            most = min(most, room[r] // size[r])
    return most


@njit(cache=True)
def _take(i: int, many: int, sizes: Integers, weights: Integers, room: Integers, rooms: Integers) -> None:
    for r in range(room.shape[0]):
        room[r] -= many * sizes[i, r]
    for m in range(rooms.shape[0]):
        rooms[m] -= many * weights[m, i]


@njit(cache=True)
def _key(first: int, taken: int, room: Integers, radices: Integers) -> tuple[int, int]:
    """Return two words that stand for the room, the first item that may follow, and how many of it there are.

    radices: for each resource the word that it goes into and its number of values; then the
    number of items; then per item whether it may run out.
    """
    resources = room.shape[0]
    low, high = np.int64(first), np.int64(0)
    if radices[2 * resources + 1 + first]:
        low += radices[2 * resources] * taken
    for r in range(resources):
        if radices[2 * r] == 0:
            low = low * radices[2 * r + 1] + room[r]
        else:
            high = high * radices[2 * r + 1] + room[r]
    return int(low), int(high)


@njit(cache=True)
def _entry(low: int, high: int, entries: int) -> int:
    mixed = (np.uint64(low) ^ (np.uint64(high) * GOLDEN)) * GOLDEN
    return int((mixed >> np.uint64(32)) & np.uint64(entries - 1))


@njit(cache=True)
def depth_first(
    sizes: Integers,
    values: Integers,
    most: Integers,
    weights: Integers,
    tables: Integers,
    taken: np.ndarray,
    pair_weights: Integers,
    pairs: Integers,
    counts: Integers,
    lists: np.ndarray,
    lengths: Integers,
    places: Integers,
    worths: Integers,
    room: Integers,
    rooms: Integers,
    pair_rooms: Integers,
    radices: Integers,
    memory: Integers,
    state: Integers,
    found: Integers,
    slack: int,
    node_limit: int,
) -> None:
    """Continue the search for patterns worth more than state[BEST], for at most so many nodes.

    One item more at each depth; ``lists[depth]`` holds the items that still fit beside those
    taken. Bounds: the suffix tables, the number of items that can still fit, and the continuous
    knapsack over the items of the list in the mixed surrogate ``taken``, rounded up safely. What
    cannot be better by more than ``slack`` is left out.

    Where the same items remain for the same room as once before, and what was taken is worth no
    more than it was then, nothing better follows: ``memory``, of shape (entries, 3), keeps the two
    words that tell such situations apart, see `_key`, and the most that was taken on arriving
    there. The number of entries is a power of 2; a single entry stands for no memory.
    """
    resources = sizes.shape[1]
    remembering = memory.shape[0] > 1
    surrogates = weights.shape[0]
    depth, best = state[POSITION], state[BEST]
    paired = pairs.shape[0] > 1
    deepest = lists.shape[0] - 1
    nodes = 0
    while nodes < node_limit:
        # Take the next item of this depth's list, if it can lead to something better.
        place = places[depth]
        value = worths[depth]
        item = lists[depth, place] if place < lengths[depth] else -1
        if item >= 0:
            bound = tables[0, item, rooms[depth, 0]]
            for m in range(1, surrogates):
                bound = min(bound, tables[m, item, rooms[depth, m]])
            if paired:
                bound = min(bound, pairs[item, pair_rooms[depth, 0], pair_rooms[depth, 1]])
            if value + bound <= best + slack:
                item = -1
        if item < 0:
            if depth == 0:
                state[FINISHED] = 1
                break
            depth -= 1
            counts[lists[depth, places[depth]]] -= 1
            places[depth] += 1
            continue
        nodes += 1
        counts[item] += 1
        value += values[item]
        for r in range(resources):
            room[depth + 1, r] = room[depth, r] - sizes[item, r]
        for m in range(surrogates):
            rooms[depth + 1, m] = rooms[depth, m] - weights[m, item]
        for m in range(2):
            pair_rooms[depth + 1, m] = pair_rooms[depth, m] - pair_weights[m, item]
        if value > best:
            best = value
            found[state[FOUND] % found.shape[0], :] = counts
            state[FOUND] += 1
        # The list of the next depth: what still fits.
        length = 0
        top = 0
        if depth + 1 < deepest:
            for at in range(place, lengths[depth]):
                other = lists[depth, at]
                if other == item and counts[item] >= most[item]:
                    continue
                fits = True
                for r in range(resources):
                    if sizes[other, r] > room[depth + 1, r]:
                        fits = False
                        break
                if fits:
                    lists[depth + 1, length] = other
                    length += 1
                    top = max(top, values[other])
        promising = length > 0
        if promising:
            # How many items can still fit, by the least that any of them takes of each resource.
            fit = np.int64(deepest)
            for r in range(resources):
                least = sizes[lists[depth + 1, 0], r]
                for at in range(1, length):
                    least = min(least, sizes[lists[depth + 1, at], r])
                    if least == 0:
                        break
                if least > 0:
                    fit = min(fit, room[depth + 1, r] // least)
            if value + fit * top <= best + slack:
                promising = False
            elif fit == 1:
                # Only one item more: the most valuable, and no need to go deeper.
                for at in range(length):
                    other = lists[depth + 1, at]
                    if value + values[other] > best:
                        best = value + values[other]
                        counts[other] += 1
                        found[state[FOUND] % found.shape[0], :] = counts
                        state[FOUND] += 1
                        counts[other] -= 1
                promising = False
        if promising:
            bound = tables[0, lists[depth + 1, 0], rooms[depth + 1, 0]]
            for m in range(1, surrogates):
                bound = min(bound, tables[m, lists[depth + 1, 0], rooms[depth + 1, m]])
            if paired:
                bound = min(bound, pairs[lists[depth + 1, 0], pair_rooms[depth + 1, 0], pair_rooms[depth + 1, 1]])
            if value + bound <= best + slack:
                promising = False
        if promising:
            mixed = 1.0
            for j in range(depth + 1):
                mixed -= taken[lists[j, places[j]]]
            total = 0.0
            for at in range(length):
                other = lists[depth + 1, at]
                units = most[other] - counts[other]
                amount = units * taken[other]
                if amount <= mixed:
                    total += units * values[other]
                    mixed -= amount
                else:
                    total += values[other] * (max(mixed, 0.0) / taken[other])
                    break
            # What is missing is taken in integers: worths are too large for floats to tell them apart.
            if total * (1.0 + 1e-9) < best + slack - value:
                promising = False
        if promising and remembering:
            first = lists[depth + 1, 0]
            low, high = _key(first, counts[first], room[depth + 1], radices)
            entry = _entry(low, high, memory.shape[0])
            if memory[entry, 0] == low and memory[entry, 1] == high and memory[entry, 2] > value:
                promising = False
                state[MET] += 1
            else:
                memory[entry, 0], memory[entry, 1], memory[entry, 2] = low, high, value + 1
        if promising:
            depth += 1
            lengths[depth] = length
            places[depth] = 0
            worths[depth] = value
        else:
            counts[item] -= 1
            places[depth] += 1
    state[POSITION], state[BEST] = depth, best
    state[NODES] += nodes


@njit(cache=True)
def left_open(
    tables: Integers,
    lists: np.ndarray,
    lengths: Integers,
    places: Integers,
    worths: Integers,
    rooms: Integers,
    state: Integers,
) -> int:
    """Return the largest value that what `depth_first` has not searched yet can have."""
    top = state[BEST]
    if state[FINISHED] == 1:
        return int(top)
    for depth in range(state[POSITION] + 1):
        if places[depth] < lengths[depth]:
            top = max(top, worths[depth] + _bound(tables, lists[depth, places[depth]], rooms[depth]))
    return int(top)


@njit(cache=True)
def enumerate_patterns(
    sizes: Integers,
    values: Integers,
    most: Integers,
    weights: Integers,
    tables: Integers,
    counts: Integers,
    room: Integers,
    rooms: Integers,
    state: Integers,
    found: Integers,
    node_limit: int,
) -> None:
    """Continue listing the maximal patterns worth at least state[BEST], until ``found`` is full.

    A pattern is maximal if no item that is left fits beside it.
    """
    items = sizes.shape[0]
    i, value, least = state[POSITION], state[VALUE], state[BEST]
    nodes = 0
    while nodes < node_limit and state[FOUND] < found.shape[0]:
        nodes += 1
        if i < items and value + _bound(tables, i, rooms) >= least:
            many = _most_that_fits(sizes[i], room, most[i])
            counts[i] = many
            if many > 0:
                _take(i, many, sizes, weights, room, rooms)
                value += many * values[i]
            i += 1
            continue
        if i == items and value >= least:
            maximal = True
            for j in range(items):
                if counts[j] < most[j] and _most_that_fits(sizes[j], room, 1) == 1:
                    maximal = False
                    break
            if maximal:
                found[state[FOUND], :] = counts
                state[FOUND] += 1
        j = i - 1
        while j >= 0 and counts[j] == 0:
            j -= 1
        if j < 0:
            state[FINISHED] = 1
            break
        counts[j] -= 1
        _take(j, -1, sizes, weights, room, rooms)
        value -= values[j]
        i = j + 1
    state[POSITION], state[VALUE] = i, value
    state[NODES] += nodes


@njit(cache=True)
def lattice_layer(best: Integers, size: Integers, value: int, many: int, took: np.ndarray) -> None:
    """Add one flavour to the table of best values over a lattice of three resources.

    best[a, b, c] is the best value within capacities (a, b, c); took says how many items of the
    flavour the best filling holds. Exact for every ``many``: multiples are compared one by one
    where fewer items exist than fit.
    """
    first, second, third = best.shape
    fit = 1 << 60
    for axis in range(3):
        if size[axis] > 0:
            fit = min(fit, (best.shape[axis] - 1) // size[axis])
    x, y, z = size[0], size[1], size[2]
    if many >= fit:
        for a in range(x, first):
            for b in range(y, second):
                for c in range(z, third):
                    with_one = best[a - x, b - y, c - z] + value
                    if with_one > best[a, b, c]:
                        best[a, b, c] = with_one
                        took[a, b, c] = took[a - x, b - y, c - z] + 1
        return
    for a in range(first - 1, x - 1, -1):
        for b in range(second - 1, y - 1, -1):
            for c in range(third - 1, z - 1, -1):
                top, times = best[a, b, c], 0
                for k in range(1, many + 1):
                    if k * x > a or k * y > b or k * z > c:
                        break
                    other = best[a - k * x, b - k * y, c - k * z] + k * value
                    if other > top:
                        top, times = other, k
                best[a, b, c] = top
                took[a, b, c] = times


@njit(cache=True)
def endless_slab(best: np.ndarray, a: int, sizes: Integers, values: np.ndarray) -> None:
    """Fill best[a], the best values of items of which there is no end, where best[:a] is filled.

    best[a, b, c] is the best value within capacities (a, b, c) of three resources. Row after row,
    so that the row being filled stays in the cache; best and values are of the same small type, so
    that several cells are compared at once.
    """
    second, third = best.shape[1], best.shape[2]
    for b in range(second):
        row = best[a, b]
        row[:] = 0
        for i in range(sizes.shape[0]):
            x, y, z, value = sizes[i, 0], sizes[i, 1], sizes[i, 2], values[i]
            if x <= a and y <= b and z < third and (x > 0 or y > 0):
                earlier, later = best[a - x, b - y], row[z:]
                for c in range(later.shape[0]):
                    later[c] = max(later[c], earlier[c] + value)
        for i in range(sizes.shape[0]):
            if sizes[i, 0] == 0 and sizes[i, 1] == 0:
                z = sizes[i, 2]
                for c in range(z, third):
                    row[c] = max(row[c], row[c - z] + values[i])


@njit(cache=True)
def endless_trace(best: np.ndarray, sizes: Integers, values: np.ndarray, corner: Integers, counts: Integers) -> None:
    """Count the items of a filling that is worth best[corner], and lower the corner to the room it leaves."""
    a, b, c = corner[0], corner[1], corner[2]
    while best[a, b, c] > 0:
        for i in range(sizes.shape[0]):
            x, y, z = a - sizes[i, 0], b - sizes[i, 1], c - sizes[i, 2]
            if x >= 0 and y >= 0 and z >= 0 and best[x, y, z] + values[i] == best[a, b, c]:
                counts[i] += 1
                a, b, c = x, y, z
                break
    corner[0], corner[1], corner[2] = a, b, c


@njit(cache=True)
def endless_traces(
    best: np.ndarray, sizes: Integers, values: np.ndarray, corner: Integers, counts: Integers, worths: Integers
) -> None:
    """Fill counts[i] with the best filling of a corner that holds item i, and worths[i]; 0 where it does not fit.

    Both are 0 on entry; counts has shape (items, items).
    """
    for i in range(sizes.shape[0]):
        rest = corner - sizes[i]
        if rest.min() >= 0:
            worths[i] = best[rest[0], rest[1], rest[2]] + values[i]
            counts[i, i] += 1
            endless_trace(best, sizes, values, rest, counts[i])
