"""Item-centric packing: flavour after flavour into the bins that a rule prefers."""

# ruff: noqa: PLR0912, PLR0917 - compiled loops are long, and keywords cost them compile time

from __future__ import annotations

import numpy as np

from formulations.tables import Integers
from solver.engines.heuristics.codes import (
    BEST,
    BINS,
    DONE,
    EVENTS,
    EVENTS_FULL,
    GROUPS,
    GROUPS_FULL,
    LEFT,
    NEXT,
    ONCE,
    PAUSED,
    POSITION,
    POWER,
    STUCK,
    UTILISATION,
    WORST,
)
from solver.engines.heuristics.kernels.compiling import entry, inner, whole
from solver.engines.heuristics.kernels.grouping import brim, open_bins, put, split_off
from solver.engines.heuristics.kernels.measuring import measure, measure_open, room_left, weigh
from solver.engines.heuristics.kernels.sorting import sort_by_key
from solver.engines.heuristics.records import Bins, Floats, Rule, Stock


@entry
def fit(
    rule: Rule,
    stock: Stock,
    bins: Bins,
    order: Integers,
    totals: Integers,
    weights: Floats,
    bin_weights: Floats,
    idle: Floats,
    rate: Floats,
    work: int,
) -> int:
    """Pack flavour after flavour, each into the open bins that the rule prefers, opening bins where none fits.

    ``order`` is followed as it is, or, where weights are renewed, by the largest measure first.
    """
    control, start = bins.control, bins.start
    keys = np.empty(len(start))
    fitting = np.empty(len(start), dtype=np.int64)
    while control[POSITION] < len(order):
        if work <= 0:
            return PAUSED
        if control[LEFT] == 0:
            work -= _begin(rule, stock, bins, order, totals, weights, bin_weights)
        flavour = order[control[POSITION]]
        while control[LEFT] > 0:
            if control[GROUPS] + 4 > len(start):
                return GROUPS_FULL
            if control[EVENTS] + 2 > len(bins.events):
                return EVENTS_FULL
            if work <= 0:
                return PAUSED
            found, best = _look(rule.how, flavour, stock, bins, idle, rate, keys, fitting)
            work -= control[GROUPS]
            if found == 0:
                first = control[GROUPS]
                if not _open_for(rule.how, flavour, stock, bins, idle, rate):
                    return STUCK
                measure_open(first, control[GROUPS], rule.bin_norm, stock, bin_weights, bins)
            elif rule.how == WORST:
                _spread(best, flavour, rule.bin_norm, bin_weights, stock, bins)
            elif found == 1 or control[LEFT] == 1:
                _deal(best, brim(flavour, best, control[LEFT], stock, bins), flavour, rule.bin_norm, bin_weights,
                      stock, bins)  # fmt: skip
            else:  # one group after the other; equal keys in the order in which bins were opened
                sort_by_key(found, fitting, keys, start)
                for at in range(found):
                    if control[LEFT] == 0 or control[GROUPS] + 4 > len(start) or control[EVENTS] + 2 > len(bins.events):
                        break
                    each = brim(flavour, fitting[at], control[LEFT], stock, bins)
                    _deal(fitting[at], each, flavour, rule.bin_norm, bin_weights, stock, bins)
                work -= found
        for r in range(len(totals)):
            totals[r] -= stock.demand[flavour] * stock.sizes[flavour, r]
        control[POSITION] += 1
    return DONE


@inner
def _begin(
    rule: Rule, stock: Stock, bins: Bins, order: Integers, totals: Integers, weights: Floats, bin_weights: Floats
) -> int:
    """Renew weights and choose the next flavour where the rule says so; return the work done."""
    control = bins.control
    work = whole(0)
    if rule.renewal != ONCE or rule.bin_weight >= 0:
        _renew(rule, stock, bins, order, totals, weights, bin_weights)
        work += control[GROUPS] + len(order) - control[POSITION]
    if rule.renewal != ONCE:
        _choose(rule.norm, stock, order, control[POSITION], weights)
        work += len(order) - control[POSITION]
    control[LEFT] = stock.demand[order[control[POSITION]]]
    return int(work)


@inner
def _renew(
    rule: Rule, stock: Stock, bins: Bins, order: Integers, totals: Integers, weights: Floats, bin_weights: Floats
) -> None:
    """Renew the weights, and with them the room left in every open bin."""
    control, scale, room, times = bins.control, stock.scale, bins.room, bins.times
    rooms = np.zeros(len(scale))
    shares = np.empty(len(scale))
    for r in range(len(scale)):
        shares[r] = totals[r] * scale[r]
    if rule.bin_weight >= 0 or rule.weight >= UTILISATION:
        for group in range(control[GROUPS]):
            for r in range(len(scale)):
                rooms[r] += times[group] * (room[group, r] * scale[r])
    if rule.renewal != ONCE:
        items = whole(0)
        for position in range(control[POSITION], len(order)):
            items += stock.demand[order[position]]
        weigh(rule.weight, shares, items, rooms, weights)
    if rule.bin_weight < 0:
        for r in range(len(scale)):
            bin_weights[r] = weights[r]
    elif rule.bin_weight == UTILISATION:
        weigh(rule.bin_weight, shares, control[BINS], rooms, bin_weights)
    else:
        weigh(rule.bin_weight, rooms, control[BINS], rooms, bin_weights)
    measure_open(whole(0), control[GROUPS], rule.bin_norm, stock, bin_weights, bins)


@inner
def _choose(norm: int, stock: Stock, order: Integers, position: int, weights: Floats) -> None:
    """Bring the flavour of largest measure among those not yet packed to a position of the order."""
    sizes, scale = stock.sizes, stock.scale
    best, highest = position, -1.0
    for at in range(position, len(order)):
        value = measure(norm, sizes, order[at], scale, weights)
        if value > highest:
            best, highest = at, value
    chosen = order[best]
    for at in range(best, position, -1):
        order[at] = order[at - 1]
    order[position] = chosen


@inner
def _look(
    how: int, flavour: int, stock: Stock, bins: Bins, idle: Floats, rate: Floats, keys: Floats, fitting: Integers
) -> tuple[int, int]:
    """List the groups whose bins may take an item, with keys; return how many there are and the one of least key."""
    sizes, room, start, times, value, kind = stock.sizes, bins.room, bins.start, bins.times, bins.value, bins.kind
    control, resources = bins.control, len(stock.scale)
    dearest = np.inf
    if how == POWER:
        for k in range(len(bins.unused)):
            if bins.unused[k] > 0 and stock.most[flavour, k] > 0:
                dearest = min(dearest, idle[k] + rate[k] * sizes[flavour, 0])
    found = whole(0)
    best = whole(-1)
    least = np.inf
    for group in range(control[GROUPS]):
        key = 0.0
        if how == NEXT:
            if start[group] + times[group] != control[BINS]:
                continue
            if times[group] > 1:  # only the last bin is still open
                split_off(group, times[group] - 1, bins)
        elif how == BEST:
            key = value[group]
        elif how == WORST:
            key = -value[group]
        elif how == POWER:
            key = rate[kind[group]] * sizes[flavour, 0]
            if key > dearest:
                continue
        fits = True
        for r in range(resources):
            if room[group, r] < sizes[flavour, r]:
                fits = False
                break
        if fits:
            fitting[found], keys[found] = group, key
            found += 1
            if key < least or (key == least and start[group] < start[best]):
                best, least = group, key
    return found, best


@inner
def _open_for(how: int, flavour: int, stock: Stock, bins: Bins, idle: Floats, rate: Floats) -> bool:
    """Open and fill as many bins of the first type that will do as the rest of a flavour needs."""
    chosen = whole(-1)
    least = np.inf
    for at in range(len(stock.opening)):
        k = stock.opening[at]
        if bins.unused[k] > 0 and stock.most[flavour, k] > 0:
            increase = idle[k] + rate[k] * stock.sizes[flavour, 0] if how == POWER else float(at)
            if increase < least:
                chosen, least = k, increase
    if chosen < 0:
        return False
    each, left = stock.most[flavour, chosen], bins.control[LEFT]
    full = min(left // each, bins.unused[chosen])
    if full > 0:
        put(open_bins(full, chosen, stock, bins), flavour, each, stock, bins)
        left -= full * each
    if 0 < left < each and bins.unused[chosen] > 0:
        put(open_bins(whole(1), chosen, stock, bins), flavour, left, stock, bins)
        left = whole(0)
    bins.control[LEFT] = left
    return True


@inner
def _deal(group: int, each: int, flavour: int, norm: int, weights: Floats, stock: Stock, bins: Bins) -> None:
    """Give ``each`` items to one bin of a group after the other until the bins or the items run out."""
    left = bins.control[LEFT]
    full = min(bins.times[group], left // each)
    rest = left - full * each if full < bins.times[group] else whole(0)
    bins.control[LEFT] = left - full * each - rest
    if full > 0:
        target = group if full == bins.times[group] else split_off(group, full, bins)
        put(target, flavour, each, stock, bins)
        bins.value[target] = room_left(
            norm, bins.room, target, stock.capacities, bins.kind[target], stock.scale, weights
        )
    if rest > 0:
        target = group if bins.times[group] == 1 else split_off(group, whole(1), bins)
        put(target, flavour, rest, stock, bins)
        bins.value[target] = room_left(
            norm, bins.room, target, stock.capacities, bins.kind[target], stock.scale, weights
        )


@inner
def _spread(group: int, flavour: int, norm: int, weights: Floats, stock: Stock, bins: Bins) -> None:
    """Give every bin of the emptiest group just so many items that it has less room left than before."""
    low, high = whole(1), brim(flavour, group, bins.control[LEFT], stock, bins)
    trial = np.empty((1, len(stock.scale)), dtype=np.int64)
    while low < high:
        middle = (low + high) // 2
        for r in range(len(stock.scale)):
            trial[0, r] = bins.room[group, r] - middle * stock.sizes[flavour, r]
        value = room_left(norm, trial, whole(0), stock.capacities, bins.kind[group], stock.scale, weights)
        if value < bins.value[group]:
            high = middle
        else:
            low = middle + 1
    _deal(group, low, flavour, norm, weights, stock, bins)
