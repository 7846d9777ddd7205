"""Groups of bins with equal contents: opening them, splitting them, putting items into all of them."""

from __future__ import annotations

import numpy as np

from formulations.tables import Integers
from solver.engines.heuristics.codes import BINS, EVENTS, GROUPS
from solver.engines.heuristics.kernels.compiling import entry, inner
from solver.engines.heuristics.records import Bins, Stock


@inner
def open_bins(number: int, k: int, stock: Stock, bins: Bins) -> int:
    """Open empty bins of a type as one group; return its index."""
    group = int(bins.control[GROUPS])
    bins.control[GROUPS] += 1
    bins.kind[group] = k
    bins.start[group] = bins.control[BINS]
    bins.times[group] = number
    bins.control[BINS] += number
    bins.unused[k] -= number
    for r in range(len(stock.scale)):
        bins.room[group, r] = stock.capacities[k, r]
    return group


@inner
def split_off(group: int, number: int, bins: Bins) -> int:
    """Make the first bins of a group a group of their own, the last one; return its index."""
    other = int(bins.control[GROUPS])
    bins.control[GROUPS] += 1
    bins.kind[other] = bins.kind[group]
    bins.start[other] = bins.start[group]
    bins.times[other] = number
    bins.value[other] = bins.value[group]
    for r in range(bins.room.shape[1]):
        bins.room[other, r] = bins.room[group, r]
    bins.start[group] += number
    bins.times[group] -= number
    return other


@inner
def put(group: int, flavour: int, each: int, stock: Stock, bins: Bins) -> None:
    """Put so many items of a flavour into every bin of a group."""
    event = bins.control[EVENTS]
    bins.control[EVENTS] += 1
    bins.events[event, 0] = bins.start[group]
    bins.events[event, 1] = bins.times[group]
    bins.events[event, 2] = flavour
    bins.events[event, 3] = each
    for r in range(len(stock.scale)):
        bins.room[group, r] -= each * stock.sizes[flavour, r]


@inner
def brim(flavour: int, group: int, most: int, stock: Stock, bins: Bins) -> int:
    """Return how many more items of a flavour fit into each bin of a group, at most ``most``."""
    number = most
    for r in range(len(stock.scale)):
        size = stock.sizes[flavour, r]
        if size > 0:
            number = min(number, int(bins.room[group, r] // size))
    return number


@entry
def lay_out(events: Integers, starts: Integers, patterns: Integers) -> None:
    """Add the items of events to the patterns of groups given by ascending first bins."""
    for event in range(len(events)):
        row = np.searchsorted(starts, events[event, 0])
        end = events[event, 0] + events[event, 1]
        while row < len(starts) and starts[row] < end:
            patterns[row, events[event, 2]] += events[event, 3]
            row += 1
