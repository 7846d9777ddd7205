"""Annealing: put given items into given bins, all of them, by shifts and swaps that may overfill bins on the way.

Simulated annealing on the overflow (Kirkpatrick, Gelatt and Vecchi, Science 220, 1983,
doi:10.1126/science.220.4598.671).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers
from solver.deadline import Deadline
from solver.engines import compiling

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]

HOT = 0.1
"""Temperature at the start, in mean sizes: hotter, and nothing is decided yet."""

COLD = 0.02
"""Temperature at the end: colder, and nothing moves any more."""

FOCUS = 300
"""Of 1024 moves so many look for an item in an overfull bin."""

CHUNK = 1_000_000
"""Moves between two looks at the clock: about 50 ms."""

_LOGS: Floats = -np.log((np.arange(4096) + 0.5) / 4096)


def affordable(deadline: Deadline) -> bool:
    """Whether there is time to load the compiled loop, or even to compile it."""
    return compiling.affordable(deadline, "solver.engines.refilling.kernels", "anneal")


def warm_up() -> None:
    """Load the compiled loop, or compile it, by using it once."""
    one: Integers = np.ones((1, 1), dtype=np.int64)
    items = Items(one, np.zeros(2, dtype=np.int64), np.zeros(0, dtype=np.int64))
    bins = Bins(np.zeros_like(one), np.zeros((0, 0), dtype=np.uint8), np.zeros((1, 0), dtype=np.int64))
    Annealing(items, bins, np.zeros(1, dtype=np.int64), seed=0).run(1, Deadline())


@dataclass(frozen=True, eq=False)
class Items:
    """What is to be put away.

    Parameters
    ----------
    sizes : int64 array, shape (items, resources)
    first, groups : int64 arrays, shapes (items + 1,) and (memberships,)
        Item i is in the groups ``groups[first[i]:first[i + 1]]``.
    """

    sizes: Integers
    first: Integers
    groups: Integers

    @property
    def weights(self) -> Floats:
        """What a unit of each resource counts: a mean item's size counts 1, resources nobody uses nothing."""
        mean = self.sizes.mean(axis=0)
        weights: Floats = np.divide(1.0, mean, out=np.zeros(len(mean)), where=mean > 0)
        return weights


@dataclass(frozen=True, eq=False)
class Bins:
    """What it is to be put into.

    Parameters
    ----------
    capacity : int64 array, shape (bins, resources)
        What is free for the items.
    open_to : uint8 array, shape (items, bins), or (0, 0)
        Which item may go to which bin; everything to all where it is empty.
    most : int64 array, shape (bins, groups)
        How many of each group a bin may still take.
    """

    capacity: Integers
    open_to: Bytes
    most: Integers


class Annealing:
    """One attempt to put items into bins.

    Parameters
    ----------
    items : Items
    bins : Bins
    bin_of : int64 array, shape (items,)
        Where items are at the start; -1 for a random bin.
    seed : int

    Attributes
    ----------
    overflow : float
        What is left to be put right; 0 when everything fits.
    moves : int
        Moves tried so far.
    """

    def __init__(self, items: Items, bins: Bins, bin_of: Integers, seed: int) -> None:
        self.items, self.bins = items, bins
        self.moves = 0
        rng = np.random.default_rng(seed)
        self._state = rng.integers(1, 2**63, 1).astype(np.uint64)
        self.bin_of: Integers = np.where(bin_of >= 0, bin_of, self._random_bins(rng))
        self._weights = items.weights
        self._load: Integers = np.zeros_like(bins.capacity)
        np.add.at(self._load, self.bin_of, items.sizes)
        self._count: Integers = np.zeros_like(bins.most)
        np.add.at(self._count, (np.repeat(self.bin_of, np.diff(items.first)), items.groups), 1)
        self._over: Floats = np.maximum(self._load - bins.capacity, 0) @ self._weights
        self._crowd: Integers = np.maximum(self._count - bins.most, 0).sum(axis=1)
        self.overflow = float(self._over.sum() + self._crowd.sum())

    def _random_bins(self, rng: np.random.Generator) -> Integers:
        """Return a random open bin for every item."""
        if not len(self.bins.open_to):
            return rng.integers(0, len(self.bins.capacity), len(self.items.sizes))
        luck = rng.random(self.bins.open_to.shape) * self.bins.open_to
        bins: Integers = luck.argmax(axis=1)
        return bins

    @property
    def coldest(self) -> float:
        """The temperature to end at: low enough for a single unit too much to count."""
        used = self._weights[self._weights > 0]
        return float(np.clip(0.1 * used.min(initial=1.0), COLD / 20, COLD))

    def run(self, moves: int, deadline: Deadline) -> bool:
        """Cool down over so many moves; return whether everything fits before the deadline passes."""
        from solver.engines.refilling.kernels import BLOCK, anneal  # noqa: PLC0415 - numba is imported when it is needed

        temperature = HOT
        cooling = (self.coldest / HOT) ** (BLOCK / max(moves, BLOCK))
        while moves > 0 and self.overflow > 0 and not deadline.over:
            tried, self.overflow, temperature = anneal(
                self.items.sizes,
                self.bins.capacity,
                self.bins.open_to,
                self.items.first,
                self.items.groups,
                self.bins.most,
                self._weights,
                self.bin_of,
                self._load,
                self._count,
                self._over,
                self._crowd,
                _LOGS,
                temperature,
                cooling,
                min(moves, CHUNK),
                FOCUS,
                self._state,
            )
            moves -= tried
            self.moves += tried
        return self.overflow == 0

    @property
    def short(self) -> Floats:
        """How much of each resource is missing, in mean sizes: shape (resources,)."""
        missing: Floats = np.maximum(self._load - self.bins.capacity, 0).sum(axis=0) * self._weights
        return missing
