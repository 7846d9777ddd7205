"""Bin-centric packing: bin after bin takes the item of largest score until none fits."""

# ruff: noqa: PLR0912, PLR0917 - compiled loops are long, and keywords cost them compile time

from __future__ import annotations

import numpy as np

from formulations.tables import Integers
from solver.engines.heuristics.codes import (
    BINS,
    BY_BINS,
    BY_ITEMS,
    CANDIDATES,
    DONE,
    EVENTS,
    EVENTS_FULL,
    FILLING,
    GROUPS,
    GROUPS_FULL,
    LEFT,
    ONCE,
    PAUSED,
    PERMUTATION,
    POSITION,
    SHARE_DOT,
    STUCK,
    TRIAL,
    UTILISATION,
)
from solver.engines.heuristics.kernels.compiling import entry, inner, whole
from solver.engines.heuristics.kernels.grouping import put
from solver.engines.heuristics.kernels.measuring import weigh
from solver.engines.heuristics.kernels.scoring import places_of, score, shares_of
from solver.engines.heuristics.records import Bins, Filling, Floats, Stock


@entry
def fill(
    how: int,
    window: int,
    weight: int,
    renewal: int,
    lookahead: bool,
    stock: Stock,
    bins: Bins,
    state: Filling,
    work: int,
) -> int:
    """Pack bin after bin: of the items that fit, always the one of largest score, until none fits.

    With constant weights a pattern is repeated while the items last. With ``lookahead`` every type
    is filled on trial and the one that costs least for what it takes is opened, otherwise the
    first of the order that takes anything.
    """
    control, best = bins.control, state.best
    repeats = renewal == ONCE and weight < UTILISATION and how != SHARE_DOT
    while control[LEFT] > 0:
        if control[GROUPS] + 1 > len(bins.kind):
            return GROUPS_FULL
        if control[EVENTS] + len(state.left) > len(bins.events):
            return EVENTS_FULL
        while control[TRIAL] < len(stock.opening):
            k = stock.opening[control[TRIAL]]
            if control[FILLING] == 0:
                if bins.unused[k] <= 0:
                    control[TRIAL] += 1
                    continue
                _empty(k, stock, bins, state)
            work = _fill_one(how, window, weight, renewal, repeats, stock, bins, state, work)
            if work <= 0:
                return PAUSED
            control[FILLING] = 0
            control[TRIAL] += 1
            if _compare(k, stock, state) and not lookahead:
                break
        if best[0] < 0:
            return STUCK
        _commit(int(best[0]), repeats, stock, bins, state)
        best[0] = -1.0
        control[TRIAL] = 0
    return DONE


@inner
def _empty(k: int, stock: Stock, bins: Bins, state: Filling) -> None:
    """Begin with an empty bin of a type."""
    control = bins.control
    control[FILLING] = 1
    control[CANDIDATES] = control[POSITION]
    for i in range(len(state.taken)):
        state.taken[i] = 0
    for at in range(control[POSITION]):
        state.candidates[at] = state.active[at]
    for r in range(len(stock.scale)):
        state.room[0, r] = stock.capacities[k, r]


@inner
def _fill_one(
    how: int,
    window: int,
    weight: int,
    renewal: int,
    repeats: bool,
    stock: Stock,
    bins: Bins,
    state: Filling,
    work: int,
) -> int:
    """Fill one bin; return what is left of the work, 0 or less if the bin may not be full yet."""
    control, sizes, relative, lengths, ranks = bins.control, stock.sizes, stock.relative, stock.lengths, stock.ranks
    left, taken, candidates, room, weights = state.left, state.taken, state.candidates, state.room, state.weights
    resources = len(stock.scale)
    shares = np.empty(resources)
    places = np.zeros(resources, dtype=np.int64)
    to_pack = np.empty(resources)
    rooms = np.empty(resources)
    while work > 0:
        squares = shares_of(room, whole(0), stock.scale, shares)
        if how >= PERMUTATION:
            places_of(shares, places)
        if not repeats:
            items = _add_up(stock, bins, state, shares, to_pack, rooms)
            if renewal == BY_BINS:
                weigh(weight, rooms, control[BINS] + 1, rooms, weights)
            elif renewal == BY_ITEMS:
                weigh(weight, to_pack, items, rooms, weights)
        chosen, highest = whole(-1), -np.inf
        kept = whole(0)  # what does not fit now will not fit this bin later
        work -= control[CANDIDATES] + 1
        for at in range(control[CANDIDATES]):
            i = candidates[at]
            if taken[i] >= left[i]:
                continue
            fits = True
            for r in range(resources):
                if sizes[i, r] > room[0, r]:
                    fits = False
                    break
            if fits:
                candidates[kept] = i
                kept += 1
                value = score(
                    how, window, i, relative, lengths, ranks, shares, squares, places, weights, to_pack, rooms
                )
                if value > highest:
                    chosen, highest = i, value
        control[CANDIDATES] = kept
        if chosen < 0:
            return max(work, 1)
        number = left[chosen] - taken[chosen] if lengths[chosen] == 0.0 else whole(1)
        taken[chosen] += number
        for r in range(resources):
            room[0, r] -= number * sizes[chosen, r]
    return work


@inner
def _add_up(stock: Stock, bins: Bins, state: Filling, shares: Floats, to_pack: Floats, rooms: Floats) -> int:
    """Fill in what is still to be packed and the room that is open; return how many items are left."""
    items = int(bins.control[LEFT])
    for r in range(len(shares)):
        to_pack[r] = state.totals[r] * stock.scale[r]
        rooms[r] = state.closed[r] + shares[r]
    for i in range(len(state.taken)):
        if state.taken[i] > 0:
            items -= state.taken[i]
            for r in range(len(shares)):
                to_pack[r] -= state.taken[i] * stock.relative[i, r]
    return items


@inner
def _compare(k: int, stock: Stock, state: Filling) -> bool:
    """Keep what a bin has taken if it costs least for that; return whether it has taken anything."""
    taken, worth = state.taken, stock.worth
    gained, items = 0.0, whole(0)
    for i in range(len(taken)):
        items += taken[i]
        gained += taken[i] * worth[i]
    if items == 0:
        return False
    price = stock.costs[k] / gained if gained > 0.0 else stock.costs[k] * 1e300
    if state.best[0] < 0 or price < state.best[1]:
        state.best[0], state.best[1] = k, price
        for i in range(len(taken)):
            state.best_taken[i] = taken[i]
    return True


@inner
def _commit(k: int, repeats: bool, stock: Stock, bins: Bins, state: Filling) -> None:
    """Open bins with the pattern that was found: one, or as many as its items last for."""
    control, left, taken = bins.control, state.left, state.best_taken
    times = bins.unused[k] if repeats else whole(1)
    same = control[GROUPS] > 0 and bins.kind[control[GROUPS] - 1] == k
    for i in range(len(left)):
        if taken[i] > 0 and repeats:
            times = min(times, left[i] // taken[i])
        same = same and taken[i] == state.last_taken[i]
    group = control[GROUPS] - 1
    if same:
        bins.times[group] += times
    else:
        group = _open_group(k, times, bins)
    control[BINS] += times
    bins.unused[k] -= times
    for r in range(len(stock.scale)):
        state.closed[r] += times * (stock.capacities[k, r] * stock.scale[r])
    for i in range(len(left)):
        if taken[i] > 0:
            left[i] -= times * taken[i]
            control[LEFT] -= times * taken[i]
            if not same:
                put(group, i, taken[i], stock, bins)
            for r in range(len(stock.scale)):
                state.totals[r] -= times * taken[i] * stock.sizes[i, r]
                state.closed[r] -= times * taken[i] * stock.relative[i, r]
        state.last_taken[i] = taken[i]
    _forget_packed(state.active, left, control)


@inner
def _open_group(k: int, times: int, bins: Bins) -> int:
    """Begin a new group of bins at the end; return its index."""
    group = int(bins.control[GROUPS])
    bins.control[GROUPS] += 1
    bins.kind[group], bins.start[group], bins.times[group] = k, bins.control[BINS], times
    return group


@inner
def _forget_packed(active: Integers, left: Integers, control: Integers) -> None:
    """Drop the flavours of which nothing is left."""
    kept = whole(0)
    for at in range(control[POSITION]):
        if left[active[at]] > 0:
            active[kept] = active[at]
            kept += 1
    control[POSITION] = kept
