"""Brute force for vector packing: every way to fill bins, by a table over all sub-multisets of the items.

Shares no code with the engines: Python integers, tuples and dictionaries. `random_packing` draws the
small problems that engines are compared on.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from formulations.vector_packing import VectorPacking

Counts = tuple[int, ...]


def cheapest_packing(problem: VectorPacking) -> int | None:
    """Return the least cost of all packings, or None where there is none.

    For one bin type after the other, the least number of its bins that hold each sub-multiset of
    the items is tabled; then the sub-multisets are shared out among the types. Takes about the
    square of the number of sub-multisets: for about 8 items.
    """
    best: dict[Counts, int] = {(0,) * problem.flavours: 0}
    wanted = tuple(problem.demand.tolist())
    for kind in range(problem.types):
        cost, limit = int(problem.costs[kind]), int(problem.limits[kind])
        held = {counts: bins for counts, bins in _fewest_bins(problem, kind).items() if bins <= limit}
        joined: dict[Counts, int] = {}
        for before, paid in best.items():
            for counts, bins in held.items():
                both = tuple(a + b for a, b in zip(before, counts, strict=True))
                if all(a <= b for a, b in zip(both, wanted, strict=True)):
                    joined[both] = min(joined.get(both, paid + cost * bins), paid + cost * bins)
        best = joined
    return best.get(wanted)


def _fewest_bins(problem: VectorPacking, kind: int) -> dict[Counts, int]:
    """Return how many bins of one type each multiset needs that they can hold at all."""
    patterns = [counts for counts in _multisets(problem) if any(counts) and _fits(problem, kind, counts)]
    fewest: dict[Counts, int] = {}
    for counts in _multisets(problem):  # in lexicographic order: what is left after a pattern came before
        if not any(counts):
            fewest[counts] = 0
            continue
        lefts = (tuple(a - b for a, b in zip(counts, pattern, strict=True)) for pattern in patterns)
        bins = [fewest[left] for left in lefts if left in fewest]
        if bins:
            fewest[counts] = 1 + min(bins)
    return fewest


def _multisets(problem: VectorPacking) -> Iterator[Counts]:
    return product(*(range(count + 1) for count in problem.demand.tolist()))


def _fits(problem: VectorPacking, kind: int, counts: Counts) -> bool:
    loads = [
        sum(count * size for count, size in zip(counts, column, strict=True)) for column in problem.sizes.T.tolist()
    ]
    return all(load <= room for load, room in zip(loads, problem.capacities[kind].tolist(), strict=True))


def random_packing(rng: np.random.Generator, most_items: int = 8) -> VectorPacking:
    """Return a small problem: 1-5 flavours, 1-3 resources, 1-3 types, few items; now and then without an answer.

    Sizes of 0, flavours that are equal or take nothing at all, types that are equal, cost nothing,
    hold nothing or do not exist, and items that fit nowhere all occur.
    """
    resources, types = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    flavours = int(rng.integers(1, min(5, most_items) + 1))
    largest = int(rng.choice([4, 10, 100]))
    sizes = rng.integers(0, largest // 2 + 2, size=(flavours, resources))
    sizes[rng.random(sizes.shape) < 0.15] = 0
    if flavours > 1 and rng.random() < 0.15:
        sizes[-1] = sizes[0]
    if rng.random() < 0.1:
        sizes[int(rng.integers(flavours))] = 0
    demand = np.ones(flavours, dtype=np.int64)
    for _ in range(int(rng.integers(0, most_items - flavours + 1))):
        demand[int(rng.integers(flavours))] += 1
    capacities = rng.integers(largest // 2, largest + 1, size=(types, resources))
    capacities[rng.random(types) < 0.05] = 0
    costs = np.ones(types, dtype=np.int64) if rng.random() < 0.4 else rng.integers(0, 12, size=types)
    if types > 1 and rng.random() < 0.1:
        capacities[-1], costs[-1] = capacities[0], costs[0]
    plenty = rng.random() < 0.4
    limits = np.full(types, 10**6) if plenty else rng.integers(0, 2 + int(demand.sum()), size=types)
    return VectorPacking(
        *(np.ascontiguousarray(part, dtype=np.int64) for part in (sizes, demand, capacities, costs, limits))
    )
