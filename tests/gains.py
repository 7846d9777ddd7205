"""A tiny exact integer program: how to share out a host's rest best, in fractions and integers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor

Row = tuple[dict[int, Fraction], Fraction]
"""A constraint ``sum coefficient * gain <= slack``, coefficients by position, none negative."""


def best_gains(worth: Sequence[Fraction], most: Sequence[int], rows: Sequence[Row]) -> list[int]:
    """Return integers ``0 <= gain <= most`` inside the rows whose ``sum worth * gain`` is largest.

    Branch and bound over the exact simplex method. Every slack must be at least 0.
    """
    if all(sum((parts.get(k, 0) * most[k] for k in range(len(most))), Fraction(0)) <= slack for parts, slack in rows):
        return list(most)
    best, best_value = [0] * len(most), Fraction(0)
    stack = [([0] * len(most), list(most))]
    while stack:
        low, high = stack.pop()
        found = _relaxed(worth, low, high, rows)
        if found is None:
            continue
        value = sum((w * x for w, x in zip(worth, found, strict=True)), Fraction(0))
        if value <= best_value:
            continue
        split = next((k for k, x in enumerate(found) if x.denominator > 1), None)
        if split is None:
            best, best_value = [int(x) for x in found], value
            continue
        below = floor(found[split])
        stack.append(([*low[:split], below + 1, *low[split + 1 :]], high))
        stack.append((low, [*high[:split], below, *high[split + 1 :]]))
    return best


def _relaxed(
    worth: Sequence[Fraction], low: Sequence[int], high: Sequence[int], rows: Sequence[Row]
) -> list[Fraction] | None:
    """Return the best fractions between the bounds, None where the lower bounds do not fit."""
    count = len(low)
    table: list[list[Fraction]] = []
    for parts, slack in rows:
        left = slack - sum((part * low[k] for k, part in parts.items()), Fraction(0))
        if left < 0:
            return None
        table.append([*(parts.get(k, Fraction(0)) for k in range(count)), left])
    table += [
        [*(Fraction(int(k == other)) for other in range(count)), Fraction(high[k] - low[k])] for k in range(count)
    ]
    return [x + low[k] for k, x in enumerate(_simplex(list(worth), table))]


def _simplex(worth: list[Fraction], rows: list[list[Fraction]]) -> list[Fraction]:
    """Maximise ``worth * x`` over ``x >= 0`` inside the rows by Bland's rule; the last column is the right side."""
    count = len(worth)
    size = count + len(rows)
    table = [
        [*row[:-1], *(Fraction(int(at == other)) for other in range(len(rows))), row[-1]] for at, row in enumerate(rows)
    ]
    costs = [*worth, *[Fraction(0)] * len(rows), Fraction(0)]
    basis = list(range(count, size))
    while (enter := next((k for k in range(size) if costs[k] > 0), None)) is not None:
        ratios = [(row[-1] / row[enter], basis[at], at) for at, row in enumerate(table) if row[enter] > 0]
        leave = min(ratios)[2]
        pivot = table[leave][enter]
        table[leave] = [entry / pivot for entry in table[leave]]
        for row in [*(row for at, row in enumerate(table) if at != leave), costs]:
            if factor := row[enter]:
                row[:] = [entry - factor * over for entry, over in zip(row, table[leave], strict=True)]
        basis[leave] = enter
    values = dict(zip(basis, (row[-1] for row in table), strict=True))
    return [values.get(k, Fraction(0)) for k in range(count)]
