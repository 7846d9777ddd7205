"""Flavours of a public cloud on four types of hosts whose costs are not in proportion to their capacities.

Variable-sized bin packing with general costs, in several resources; one resource: Crainic, Perboli, Rei
and Tadei, Computers & Operations Research 38, 2011, doi:10.1016/j.cor.2011.01.001.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.families.base import Case, Family, register
from benchmarks.families.cloud import demand_of, host_of, popularity, sizes_of
from formulations.tables import Integers
from formulations.vector_packing import VectorPacking

SIZES = (100, 300, 1_000, 10_000, 100_000)
SCALES = (0.5, 0.75, 1.0, 1.5)
"""Size of the four types against the host of the family of one type."""

_LIMITED_SHARE = 0.45
"""Share of all VMs that a limited type can hold by volume; the largest type has twice as many."""


def four_types_packing(count: int, resources: int, seed: int, *, limited: bool) -> VectorPacking:
    """Return VMs of 30 flavours and four types of hosts.

    Capacities depart from the common shape by up to a quarter per resource, costs from a
    concave function of size by up to 15 %. The largest type holds every flavour.

    Parameters
    ----------
    count : int
    resources : {2, 3}
    seed : int
    limited : bool
        Whether the hosts of each type are limited: to 0.45 of what the VMs need by volume, and
        to twice as much for the largest type.
    """
    rng = np.random.default_rng([seed, count, resources, limited])
    sizes = sizes_of(30, resources, rng)
    demand = demand_of(count, popularity(sizes, rng), rng)
    sizes, demand = sizes[demand > 0], demand[demand > 0]
    capacities = _capacities(host_of(sizes, demand, rng), sizes, rng)
    costs = np.round(1000 * np.array(SCALES) ** 0.9 * rng.uniform(0.85, 1.15, size=4)).astype(np.int64)
    limits = _limits(sizes, demand, capacities) if limited else np.full(4, count, dtype=np.int64)
    return VectorPacking(sizes, demand, capacities, costs, limits)


def _capacities(host: Integers, sizes: Integers, rng: np.random.Generator) -> Integers:
    shape = rng.uniform(0.75, 1.25, size=(4, len(host)))
    shape[:, 0] = 1.0
    capacities: Integers = np.round(np.array(SCALES)[:, None] * shape * host).astype(np.int64)
    capacities[-1] = np.maximum(capacities[-1], sizes.max(axis=0))
    return capacities


def _limits(sizes: Integers, demand: Integers, capacities: Integers) -> Integers:
    alone = (demand @ sizes / capacities).max(axis=1)
    shares = np.array([_LIMITED_SHARE] * 3 + [2 * _LIMITED_SHARE])
    limits: Integers = np.ceil(shares * alone).astype(np.int64) + 1
    return limits


def four_types_case(count: int, resources: int, seed: int, *, limited: bool) -> Case:
    """Return a named case of the family."""
    word = "limited" if limited else "unlimited"
    return Case(
        family="four_types",
        name=f"n{count}-d{resources}-{word}-s{seed}",
        build=lambda: four_types_packing(count, resources, seed, limited=limited),
        group=word,
        facts={"n": count, "flavours": 30, "resources": resources, "seed": seed, "limited": int(limited)},
    )


def four_types_cases(seeds: Sequence[int]) -> Iterator[Case]:
    """Yield every size, unlimited and limited."""
    for limited in (False, True):
        for resources in (2, 3):
            for count in SIZES:
                yield from (four_types_case(count, resources, seed, limited=limited) for seed in seeds)


register(
    Family(
        name="four_types",
        what="flavours of a public cloud on four types of hosts, limited or not, least cost",
        source="generated; costs in the manner of Crainic et al. 2011",
        cases=four_types_cases,
        by=("resources", "group", "n"),
    )
)
