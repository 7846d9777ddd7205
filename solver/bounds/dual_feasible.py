"""Bounds on the number of bins from the sizes of the items, by dual feasible functions.

S. P. Fekete, J. Schepers, New classes of fast lower bounds for bin packing problems,
Mathematical Programming 91, 2001, doi:10.1007/s101070100243; S. Martello, P. Toth, Lower bounds and
reduction procedures for the bin packing problem, Discrete Applied Mathematics 28, 1990,
doi:10.1016/0166-218X(90)90094-S.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

LARGEST_K = 20
"""The functions u(1) … u(LARGEST_K) are tried."""


def ceiling(numerator: int, denominator: int) -> int:
    """Return the exact quotient of two integers, rounded up."""
    return -(-numerator // denominator)


def bins_by_stairs(sizes: Sequence[int], counts: Sequence[int], capacity: int, k: int) -> int:
    """Return the bound of the function u(k): a size x (a part of the bin) counts ``floor((k+1) x) / k``.

    Where ``(k+1) x`` is whole, x counts as it is. Sizes lie in [0, capacity].
    """
    total = 0
    for size, count in zip(sizes, counts, strict=True):
        steps, rest = divmod((k + 1) * size, capacity)
        total += count * (steps * capacity if rest else k * size)
    return ceiling(total, k * capacity)


def bins_by_large_items(sizes: Sequence[int], counts: Sequence[int], capacity: int) -> int:
    """Return the bound L2: items above half a bin need one each, and smaller ones fill what these leave.

    The best over all thresholds of what counts as too small to matter. Sizes lie in [0, capacity].
    """
    ordered = sorted((size, count) for size, count in zip(sizes, counts, strict=True) if size > 0)
    keys = [size for size, _ in ordered]
    number = [0, *accumulate(count for _, count in ordered)]
    volume = [0, *accumulate(size * count for size, count in ordered)]
    half = bisect_right(keys, capacity // 2)
    best = 0
    for low in dict.fromkeys([0, *keys[:half]]):
        alone = bisect_right(keys, capacity - low)
        first = bisect_left(keys, low)
        large = number[-1] - number[half]
        free = (number[alone] - number[half]) * capacity - (volume[alone] - volume[half])
        small = volume[half] - volume[first]
        best = max(best, large + max(0, ceiling(small - free, capacity)))
    return best


def bin_bounds(sizes: Sequence[int], counts: Sequence[int], capacity: int) -> Iterator[tuple[int, str]]:
    """Yield bounds on the number of equal bins that the items need, each with its name.

    Parameters
    ----------
    sizes, counts : sequence of int
        Sizes in [0, capacity] and how many items have each.
    capacity : int
        Positive.
    """
    yield bins_by_large_items(sizes, counts, capacity), "L2"
    for k in range(1, LARGEST_K + 1):
        yield bins_by_stairs(sizes, counts, capacity, k), f"dual feasible function u({k})"
