"""Multi-bin packing: of all pairs of an item and an open bin, always the one of largest score."""

# ruff: noqa: PLR0912, PLR0917 - compiled loops are long, and keywords cost them compile time

from __future__ import annotations

import numpy as np

from formulations.tables import Integers
from solver.engines.heuristics.codes import (
    BINS,
    BY_BINS,
    BY_ITEMS,
    DONE,
    EVENTS,
    EVENTS_FULL,
    FILLING,
    GROUPS,
    GROUPS_FULL,
    LEFT,
    PAUSED,
    POSITION,
    STUCK,
    TRIAL,
)
from solver.engines.heuristics.kernels.compiling import entry, inner, whole
from solver.engines.heuristics.kernels.grouping import open_bins, put, split_off
from solver.engines.heuristics.kernels.measuring import weigh
from solver.engines.heuristics.kernels.scoring import score, shares_of
from solver.engines.heuristics.records import Bins, PairCodes, Pairing, Stock


@entry
def pair(rule: PairCodes, stock: Stock, bins: Bins, state: Pairing, work: int) -> int:
    """Pack into bins that are all open: of all pairs of an item and a bin it fits, always the best one.

    Where no pair is left, one more bin is opened. Bins that are alike follow suit at once where
    taking the item makes a bin less liked, which is what going on pair by pair would do. Every
    group keeps a short list of the items that suit it best, which holds while neither its bins
    nor the weights change.
    """
    control, head, favourite = bins.control, bins.head, bins.favourite
    while control[LEFT] > 0:
        if control[TRIAL] <= 0:
            _renew(rule, stock, bins, state)
            control[TRIAL] = rule.every
            if not rule.lazy:
                control[FILLING] = 0
        while control[FILLING] < control[GROUPS]:
            work -= _suit(control[FILLING], rule.how, stock, bins, state)
            control[FILLING] += 1
            if work <= 0:
                return PAUSED
        if control[GROUPS] + 1 > len(bins.kind):
            return GROUPS_FULL
        if control[EVENTS] + 1 > len(bins.events):
            return EVENTS_FULL
        if work <= 0:
            return PAUSED
        best = whole(-1)
        liked = -np.inf
        for group in range(control[GROUPS]):
            if _look_on(group, state.left, bins):
                work -= _suit(group, rule.how, stock, bins, state)
            at = head[group]
            if favourite[group, at] >= 0:
                liking = bins.liking[group, at]
                if best < 0 or liking > liked or (liking == liked and bins.start[group] < bins.start[best]):
                    best, liked = group, liking
        work -= control[GROUPS] // 8 + 1
        if best < 0:
            if not _open_one_more(state.active, stock, bins):
                return STUCK
            continue
        before = control[LEFT]
        work -= _take(best, liked, rule.how, stock, bins, state)
        control[FILLING] = control[GROUPS]
        control[TRIAL] -= before - control[LEFT]
    return DONE


@inner
def _renew(rule: PairCodes, stock: Stock, bins: Bins, state: Pairing) -> None:
    """Add up what is still to be packed and the room that is open, and renew the weights from it."""
    to_pack, rooms = state.to_pack, state.rooms
    for r in range(len(stock.scale)):
        to_pack[r] = 0.0
        rooms[r] = 0.0
        for at in range(bins.control[POSITION]):
            to_pack[r] += state.left[state.active[at]] * stock.relative[state.active[at], r]
        for group in range(bins.control[GROUPS]):
            rooms[r] += bins.times[group] * (bins.room[group, r] * stock.scale[r])
    if rule.renewal == BY_ITEMS:
        weigh(rule.weight, to_pack, whole(1) if rule.lazy else bins.control[LEFT], rooms, state.weights)
    elif rule.renewal == BY_BINS:
        weigh(rule.weight, rooms, whole(1) if rule.lazy else bins.control[BINS], rooms, state.weights)


@inner
def _take(
    best: int,
    liked: float,
    how: int,
    stock: Stock,
    bins: Bins,
    state: Pairing,
) -> int:
    """Let the first bin of a group take its favourite, and the others follow suit; return the work done."""
    control, times, left, active = bins.control, bins.times, state.left, state.active
    i = bins.favourite[best, bins.head[best]]
    number = left[i] if stock.lengths[i] == 0.0 else whole(1)
    target = best if times[best] == 1 else split_off(best, whole(1), bins)
    put(target, i, number, stock, bins)
    _pack(i, number, left, active, control)
    work = _suit(target, how, stock, bins, state)
    less = bins.favourite[target, 0] < 0 or bins.liking[target, 0] < liked
    if target != best and left[i] > 0 and less:
        # The first bin and those that follow it hold the same again: they are one group.
        followers = min(times[best], left[i])
        bins.events[control[EVENTS] - 1, 1] += followers
        times[target] += followers
        bins.start[best] += followers
        times[best] -= followers
        _pack(i, followers, left, active, control)
        if times[best] == 0:
            _remove(best, bins)
    return int(work)


@inner
def _suit(group: int, how: int, stock: Stock, bins: Bins, state: Pairing) -> int:
    """List the items that suit a group's bins best, the best first, -1 after the last; return the work done."""
    sizes, relative, lengths, ranks = stock.sizes, stock.relative, stock.lengths, stock.ranks
    room, favourite, liking = bins.room, bins.favourite, bins.liking
    active, weights, to_pack, rooms = state.active, state.weights, state.to_pack, state.rooms
    resources, length, number = len(stock.scale), favourite.shape[1], bins.control[POSITION]
    shares = np.empty(resources)
    places = np.zeros(1, dtype=np.int64)  # of use to no score that pairs are chosen by
    squares = shares_of(room, group, stock.scale, shares)
    listed = whole(0)
    for at in range(number):
        i = active[at]
        fits = True
        for r in range(resources):
            if sizes[i, r] > room[group, r]:
                fits = False
                break
        if not fits:
            continue
        value = score(how, whole(0), i, relative, lengths, ranks, shares, squares, places, weights, to_pack, rooms)
        if listed == length and value <= liking[group, length - 1]:
            continue
        place = min(listed, length - 1)
        while place > 0 and value > liking[group, place - 1]:
            favourite[group, place] = favourite[group, place - 1]
            liking[group, place] = liking[group, place - 1]
            place -= 1
        favourite[group, place], liking[group, place] = i, value
        listed = min(listed + 1, length)
    if listed < length:
        favourite[group, listed] = -1
    bins.head[group] = 0
    return int(number + 1)


@inner
def _look_on(group: int, left: Integers, bins: Bins) -> bool:
    """Pass over items that have run out; return whether the list of a group is at its end and not complete."""
    favourite = bins.favourite
    at = bins.head[group]
    while at < favourite.shape[1] and favourite[group, at] >= 0 and left[favourite[group, at]] == 0:
        at += 1
    bins.head[group] = at
    return bool(at == favourite.shape[1])


@inner
def _open_one_more(active: Integers, stock: Stock, bins: Bins) -> bool:
    """Open a bin of the first type of the order that can take any item that is left; return whether there is one."""
    for order in range(len(stock.opening)):
        k = stock.opening[order]
        if bins.unused[k] > 0:
            for at in range(bins.control[POSITION]):
                if stock.most[active[at], k] > 0:
                    open_bins(whole(1), k, stock, bins)
                    return True
    return False


@inner
def _pack(flavour: int, number: int, left: Integers, active: Integers, control: Integers) -> None:
    """Note that items are packed; a flavour that has run out is no longer active."""
    left[flavour] -= number
    control[LEFT] -= number
    if left[flavour] > 0:
        return
    kept = whole(0)
    for at in range(control[POSITION]):
        if active[at] != flavour:
            active[kept] = active[at]
            kept += 1
    control[POSITION] = kept


@inner
def _remove(group: int, bins: Bins) -> None:
    """Put the last group into the place of one that holds no bin any more."""
    bins.control[GROUPS] -= 1
    last = bins.control[GROUPS]
    bins.kind[group], bins.start[group], bins.times[group] = bins.kind[last], bins.start[last], bins.times[last]
    bins.value[group], bins.head[group] = bins.value[last], bins.head[last]
    for r in range(bins.room.shape[1]):
        bins.room[group, r] = bins.room[last, r]
    for at in range(bins.favourite.shape[1]):
        bins.favourite[group, at], bins.liking[group, at] = bins.favourite[last, at], bins.liking[last, at]
