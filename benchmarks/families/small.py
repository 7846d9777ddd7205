"""Small random packings with every oddity: limited hosts, several types, zero sizes, free hosts, no answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.families.base import Case, Family, register
from formulations.tables import Integers
from formulations.vector_packing import VectorPacking

SEEDS = tuple(range(500))
MOST_ITEMS = 8
_CAPACITY = 12


def small_packing(seed: int) -> VectorPacking:
    """Return a packing of up to 8 items of up to 4 flavours, 3 resources and 3 types of bins."""
    rng = np.random.default_rng([seed, MOST_ITEMS])
    flavours, resources, types = (int(rng.integers(1, most + 1)) for most in (4, 3, 3))
    sizes: Integers = rng.integers(1, _CAPACITY + 1, size=(flavours, resources))
    sizes = np.where(rng.random(sizes.shape) < 0.2, 0, sizes)
    sizes = np.unique(sizes, axis=0)
    items = int(rng.integers(len(sizes), MOST_ITEMS + 1))
    extra = rng.multinomial(items - len(sizes), np.full(len(sizes), 1 / len(sizes)))
    return VectorPacking(
        sizes=sizes,
        demand=1 + extra.astype(np.int64),
        capacities=rng.integers(_CAPACITY // 2, 2 * _CAPACITY + 1, size=(types, resources)),
        costs=np.ones(types, dtype=np.int64) if rng.random() < 0.3 else rng.integers(0, 10, size=types),
        limits=rng.integers(1, 5, size=types),
    )


def small_case(seed: int) -> Case:
    """Return a named case of the family."""
    return Case(family="small", name=f"s{seed}", build=lambda: small_packing(seed), facts={"seed": seed})


def small_cases(seeds: Sequence[int]) -> Iterator[Case]:
    """Yield a case per seed."""
    yield from map(small_case, seeds)


register(
    Family(
        name="small",
        what="small random packings with limited hosts, several types and zero sizes, some without an answer",
        source="generated",
        cases=small_cases,
        by=("types", "resources"),
    )
)
