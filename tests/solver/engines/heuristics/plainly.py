"""The heuristics as the papers tell them: item by item, bin by bin, in plain Python; slow and easy to check."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from formulations.vector_packing import Packing, VectorPacking

Vector = tuple[int, ...]
Weights = Sequence[float]
Measure = Callable[[Vector, Weights], float]
Contents = Counter[tuple[int, tuple[int, ...]]]


def added(values: Iterable[float]) -> float:
    """Add one after the other: `sum` is more accurate from Python 3.12 on, and ties would fall otherwise."""
    total = 0.0
    for value in values:
        total += value
    return total


@dataclass
class Bin:
    """One open bin."""

    kind: int
    room: list[int]
    held: list[int]

    def fits(self, size: Vector) -> bool:
        """Return whether an item still fits."""
        return all(room >= need for room, need in zip(self.room, size, strict=True))

    def put(self, flavour: int, size: Vector) -> None:
        """Put an item in."""
        self.held[flavour] += 1
        self.room = [room - need for room, need in zip(self.room, size, strict=True)]


class Plain:
    """A problem in lists, with the measures of the literature in shares of the largest capacity."""

    def __init__(self, problem: VectorPacking) -> None:
        self.sizes: list[Vector] = [tuple(row) for row in problem.sizes.tolist()]
        self.demand: list[int] = problem.demand.tolist()
        self.capacities: list[list[int]] = problem.capacities.tolist()
        self.unused: list[int] = problem.available.tolist()
        top = [max(column) for column in zip(*self.capacities, strict=True)]
        self.scale = [1.0 / most if most else 0.0 for most in top]
        self.bins: list[Bin] = []

    def shares(self, vector: Sequence[int]) -> list[float]:
        """Return amounts as shares."""
        return [amount * scale for amount, scale in zip(vector, self.scale, strict=True)]

    def measure(self, norm: str, vector: Sequence[int], weights: Weights) -> float:
        """Return a norm of the weighted shares."""
        shares = self.shares(vector)
        if norm == "sum":
            return added(w * s for w, s in zip(weights, shares, strict=True))
        if norm == "max":
            return max(w * s for w, s in zip(weights, shares, strict=True))
        if norm == "squares":
            return added(w * s * s for w, s in zip(weights, shares, strict=True))
        return math.prod(shares)

    def open(self, opening: Sequence[int], size: Vector) -> Bin | None:
        """Open the first type of an order that can take an item."""
        for kind in opening:
            if self.unused[kind] > 0 and all(a >= b for a, b in zip(self.capacities[kind], size, strict=True)):
                return self.add(kind)
        return None

    def add(self, kind: int) -> Bin:
        """Open a bin of a type."""
        self.unused[kind] -= 1
        self.bins.append(Bin(kind, list(self.capacities[kind]), [0] * len(self.sizes)))
        return self.bins[-1]

    def contents(self) -> Contents:
        """Return how often each type is filled in each way."""
        return Counter((one.kind, tuple(one.held)) for one in self.bins if any(one.held))


def contents_of(packing: Packing) -> Contents:
    """Return how often each type is filled in each way."""
    found: Contents = Counter()
    for kind, pattern, times in zip(packing.types, packing.patterns, packing.times, strict=True):
        found[int(kind), tuple(pattern.tolist())] += int(times)
    return found


def fit_plainly(
    problem: VectorPacking, how: str, order: Sequence[int], opening: Sequence[int], norm: str, *, before: int = 0
) -> Contents | None:
    """Next, first, best or worst fit, item by item; None where it gets stuck. ``before`` bins are open at first."""
    plain = Plain(problem)
    ones = [1.0] * len(plain.scale)
    for kind in opening:
        for _ in range(min(before - len(plain.bins), plain.unused[kind])):
            plain.add(kind)
    for flavour in order:
        for _ in range(plain.demand[flavour]):
            size = plain.sizes[flavour]
            open_bins = plain.bins[-1:] if how == "next" else plain.bins
            fitting = [one for one in open_bins if one.fits(size)]
            rooms = [plain.measure(norm, one.room, ones) for one in fitting]
            if not fitting:
                chosen = plain.open(opening, size)
            elif how == "best":
                chosen = fitting[rooms.index(min(rooms))]
            elif how == "worst":
                chosen = fitting[rooms.index(max(rooms))]
            else:
                chosen = fitting[0]
            if chosen is None:
                return None
            chosen.put(flavour, size)
    return plain.contents()


Score = Callable[[list[float], list[float]], float]
"""Of an item's shares and a bin's."""

SCORES: dict[str, Score] = {
    "dot-product": lambda size, room: added(1.0 * s * r for s, r in zip(size, room, strict=True)),
    "L2": lambda size, room: -added(1.0 * (r - s) * (r - s) for s, r in zip(size, room, strict=True)),
    "tight-fill-sum": lambda size, room: added(1.0 * s / r for s, r in zip(size, room, strict=True) if r > 0),
    "best-fit-max": lambda size, room: -max([0.0, *(r - s for s, r in zip(size, room, strict=True))]),
}


def fill_plainly(problem: VectorPacking, score: Score, opening: Sequence[int]) -> Contents | None:
    """Bin after bin, always the item of largest score; None where it gets stuck."""
    plain = Plain(problem)
    left = list(plain.demand)
    while any(left):
        held = _fill_one(plain, score, opening, left)
        if held is None:
            return None
        left = [a - b for a, b in zip(left, held, strict=True)]
    return plain.contents()


def _fill_one(plain: Plain, score: Score, opening: Sequence[int], left: list[int]) -> list[int] | None:
    """Open the first type that takes anything and fill it."""
    for kind in opening:
        fitting = [i for i, count in enumerate(left) if count and _within(plain.sizes[i], plain.capacities[kind])]
        if plain.unused[kind] > 0 and fitting:
            one = plain.add(kind)
            break
    else:
        return None
    while True:
        fitting = [i for i, count in enumerate(left) if count > one.held[i] and one.fits(plain.sizes[i])]
        if not fitting:
            return one.held
        scores = [score(plain.shares(plain.sizes[i]), plain.shares(one.room)) for i in fitting]
        chosen = fitting[scores.index(max(scores))]
        one.put(chosen, plain.sizes[chosen])


def _within(size: Vector, capacity: list[int]) -> bool:
    return all(a <= b for a, b in zip(size, capacity, strict=True))


def pair_plainly(problem: VectorPacking, score: Score, opening: Sequence[int], before: int) -> Contents | None:
    """Of all pairs of an item and an open bin the best one; a bin is opened where no pair is left."""
    plain = Plain(problem)
    left = list(plain.demand)
    for kind in opening:
        for _ in range(min(before - len(plain.bins), plain.unused[kind])):
            plain.add(kind)
    while any(left):
        best: tuple[float, Bin, int] | None = None
        for one in plain.bins:
            for i, count in enumerate(left):
                if count and one.fits(plain.sizes[i]):
                    value = score(plain.shares(plain.sizes[i]), plain.shares(one.room))
                    if best is None or value > best[0]:
                        best = value, one, i
        if best is None:
            if not any(plain.open(opening, plain.sizes[i]) for i in _by_opening(plain, opening, left)):
                return None
            continue
        best[1].put(best[2], plain.sizes[best[2]])
        left[best[2]] -= 1
    return plain.contents()


def _by_opening(plain: Plain, opening: Sequence[int], left: list[int]) -> list[int]:
    """Return one flavour that fits the first type of the order that takes any."""
    for kind in opening:
        for i, count in enumerate(left):
            if count and plain.unused[kind] > 0 and _within(plain.sizes[i], plain.capacities[kind]):
                return [i]
    return []
