"""Merging what is alike, and leaving out what cannot bind: from rows per entry to a small vector packing."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.quantities import LARGEST_INTEGER, common_quantum
from formulations.tables import Integers, distinct_rows
from formulations.vector_packing import VectorPacking

Mask = NDArray[np.bool_]

INTEGERS = 2**63

MOST_COMPARED = 1_000_000
"""So many figures of items and bins are compared at a time."""


@dataclass(frozen=True, eq=False)
class Merged:
    """A vector packing, and which of its flavours and types the rows went to.

    Attributes
    ----------
    problem : VectorPacking
    unit : Fraction
        What one unit of the problem's costs stands for.
    flavour : int64 array, shape (item rows,)
        -1 for rows that count no item.
    kind : int64 array, shape (bin rows,)
        The bin type; -1 for rows that count no bin, or whose bins can hold no item.
    """

    problem: VectorPacking
    unit: Fraction
    flavour: Integers
    kind: Integers


def merged(sizes: Integers, demand: Integers, capacities: Integers, prices: list[Fraction], limits: Integers) -> Merged:
    """Return the packing of rows of items into rows of bins, rows that are alike counted together.

    Parameters
    ----------
    sizes : int64 array, shape (item rows, resources)
    demand : int64 array, shape (item rows,)
        How many items each row stands for, possibly 0.
    capacities : int64 array, shape (bin rows, resources)
    prices : list of Fraction, one per bin row
    limits : int64 array, shape (bin rows,)
        How many bins each row stands for, possibly 0.

    Raises
    ------
    InputError
        If sums leave 53 bits.
    """
    items, bins = np.flatnonzero(demand), np.flatnonzero(limits)
    small, large = reduced(sizes[items], demand[items], capacities[bins])
    used = {id(prices[row]): prices[row] for row in bins.tolist()}  # hashing fractions is slow
    unit = common_quantum(used.values())
    whole = {key: int(price / unit) for key, price in used.items()}
    if max(whole.values(), default=0) > LARGEST_INTEGER:
        raise InputError("costs are too large to be added exactly", "packing")
    costs: Integers = np.array([whole[id(prices[row])] for row in bins.tolist()], dtype=np.int64)
    flavours, which = distinct_rows(small)
    useful = _holding(flavours, large)
    bins, large, costs = bins[useful], large[useful], costs[useful]
    types, kind = distinct_rows(np.column_stack([costs, large]))
    problem = VectorPacking(
        sizes=flavours,
        demand=_sums(which, demand[items], len(flavours)),
        capacities=np.ascontiguousarray(types[:, 1:]),
        costs=np.ascontiguousarray(types[:, 0]),
        limits=_sums(kind, limits[bins], len(types)),
    )
    return Merged(problem, unit, _spread(which, items, len(sizes)), _spread(kind, bins, len(capacities)))


def _sums(groups: Integers, values: Integers, size: int) -> Integers:
    sums = np.zeros(size, dtype=np.int64)
    np.add.at(sums, groups, values)
    return sums


def _spread(values: Integers, rows: Integers, size: int) -> Integers:
    spread = np.full(size, -1, dtype=np.int64)
    spread[rows] = values
    return spread


def _holding(sizes: Integers, capacities: Integers) -> Mask:
    """Return which bins hold some item; small items are tried first, more at a time as fewer bins are left."""
    holds: Mask = np.zeros(len(capacities), dtype=np.bool_)
    order = np.argsort(sizes.astype(np.float64).sum(axis=1), kind="stable")
    left, begin = np.arange(len(capacities)), 0
    while len(left) and begin < len(order):
        some = order[begin : begin + max(1, MOST_COMPARED // (len(left) * max(1, sizes.shape[1])))]
        holds[left] = (sizes[some, None, :] <= capacities[None, left, :]).all(axis=2).any(axis=0)
        left, begin = left[~holds[left]], begin + len(some)
    return holds


# -- resources -----------------------------------------------------------------------------


def reduced(sizes: Integers, demand: Integers, capacities: Integers) -> tuple[Integers, Integers]:
    """Return sizes and capacities that admit the same packings: fewer resources, smaller figures.

    No bin holds more than all there is; sizes are divided by their greatest common divisor and
    capacities rounded down to it. Then a resource is left out that never binds, or never
    before another one.
    """
    total = [_exact_sum(column, demand) for column in sizes.T]
    binding = [r for r, needed in enumerate(total) if int(capacities[:, r].min(initial=INTEGERS - 1)) < needed]
    sizes, capacities = sizes[:, binding].copy(), capacities[:, binding].copy()
    for r, needed in enumerate(total[r] for r in binding):
        unit = gcd(*np.unique(sizes[:, r]).tolist()) or 1
        capacities[:, r] = np.minimum(capacities[:, r], min(needed, INTEGERS - 1)) // unit
        sizes[:, r] //= unit
    kept = _undominated(sizes, capacities)
    return np.ascontiguousarray(sizes[:, kept]), np.ascontiguousarray(capacities[:, kept])


def _exact_sum(sizes: Integers, times: Integers) -> int:
    """Return the sum of sizes, each taken some times, beyond 64 bits where it must."""
    if float(sizes.astype(np.float64) @ times.astype(np.float64)) < INTEGERS / 2:
        return int(sizes @ times)
    return sum(size * n for size, n in zip(sizes.tolist(), times.tolist(), strict=True))


def _undominated(sizes: Integers, capacities: Integers) -> list[int]:
    """Return the resources that can bind before each of the others kept."""
    kept = list(range(sizes.shape[1]))
    for r in reversed(range(sizes.shape[1])):
        if any(_binds_first(sizes, capacities, s, r) for s in kept if s != r):
            kept.remove(r)
    return kept


def _binds_first(sizes: Integers, capacities: Integers, first: int, second: int) -> bool:
    """Return whether what fits by the first resource always fits by the second.

    So it is when no item takes a larger part of any bin's second resource than of its first:
    ``sizes[:, second] <= ratio * sizes[:, first]`` with the smallest ratio of capacities.
    """
    pairs = np.unique(capacities[:, [first, second]], axis=0)
    ratios = [Fraction(there, here) for here, there in pairs.tolist() if here]
    if not ratios:
        return False
    ratio = min(ratios)
    left, right = sizes[:, second], sizes[:, first]
    if max(int(left.max()) * ratio.denominator, int(right.max()) * ratio.numerator) >= INTEGERS:
        left, right = left.astype(object), right.astype(object)
    return bool((left * ratio.denominator <= right * ratio.numerator).all())
