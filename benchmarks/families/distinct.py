"""No two VMs alike: custom sizes on equal hosts, where counting does not help."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.families.base import Case, Family, register
from formulations.tables import Integers
from formulations.vector_packing import VectorPacking

SIZES = (50, 100, 250, 500, 1_000)
SEEDS = tuple(range(10))
CAPACITY = 1_000
SMALLEST, LARGEST = 20, 180
"""Sizes in thousandths of a host: ten VMs fill a host on average."""

HOSTS_PER_VM = 60 / 500
"""Hosts offered: a fifth more than the volume needs."""


def distinct_packing(count: int, resources: int, seed: int) -> VectorPacking:
    """Return ``count`` VMs, all different, and 60 equal hosts for every 500 of them."""
    rng = np.random.default_rng([seed, count, resources])
    sizes: Integers = np.zeros((0, resources), dtype=np.int64)
    while len(sizes) < count:
        more = rng.integers(SMALLEST, LARGEST + 1, size=(count, resources))
        _, first = np.unique(np.concatenate((sizes, more)), axis=0, return_index=True)
        sizes = np.concatenate((sizes, more))[np.sort(first)][:count]
    return VectorPacking(
        sizes=sizes,
        demand=np.ones(count, dtype=np.int64),
        capacities=np.full((1, resources), CAPACITY, dtype=np.int64),
        costs=np.ones(1, dtype=np.int64),
        limits=np.array([math.ceil(HOSTS_PER_VM * count) + 1], dtype=np.int64),
    )


def distinct_case(count: int, resources: int, seed: int) -> Case:
    """Return a named case of the family."""
    return Case(
        family="distinct",
        name=f"n{count}-d{resources}-s{seed}",
        build=lambda: distinct_packing(count, resources, seed),
        facts={"n": count, "flavours": count, "resources": resources, "seed": seed},
    )


def distinct_cases(seeds: Sequence[int]) -> Iterator[Case]:
    """Yield every size with two and four resources."""
    for resources in (2, 4):
        for count in SIZES:
            yield from (distinct_case(count, resources, seed) for seed in seeds)


register(
    Family(
        name="distinct",
        what="no two VMs alike on equal hosts in limited number, fewest hosts",
        source="generated; 60 hosts for 500 VMs and scaled",
        cases=distinct_cases,
        by=("resources", "n"),
    )
)
