"""Flavours of a public cloud on hosts of one type.

Sizes follow the catalogues of public clouds: cpu in powers of two, memory at 2, 4 or 8 GB per core, network
bandwidth in three tiers per core, and custom sizes in between. A few flavours are far more popular than
the rest and small ones more than large ones, as measured by Cortez et al., Resource Central, SOSP 2017,
doi:10.1145/3132747.3132772, and Hadary et al., Protean, OSDI 2020.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.families.base import Case, Family, register
from formulations.tables import Integers
from formulations.vector_packing import VectorPacking

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
SIZE_FOR_PEERS = 300
FLAVOURS = (30, 60, 120, 250, 500)
CORES = (64, 80, 96, 112, 128)
VMS_PER_HOST = 14
"""What hosts are chosen for, on average and without waste."""

_STANDARD_SHARE = 0.6
_ZIPF = 0.8


def sizes_of(flavours: int, resources: int, rng: np.random.Generator) -> Integers:
    """Return distinct sizes of VMs in cores, GB and 100 Mbit/s: shape (flavours, resources).

    Parameters
    ----------
    flavours : int
        How many: most from the catalogue while it lasts, the rest custom.
    resources : {2, 3}
    rng : Generator
    """
    catalogue = [
        (cpu, cpu * ratio, cpu * tier)[:resources]
        for cpu in (1, 2, 4, 8, 16, 32)
        for ratio in (2, 4, 8)
        for tier in ((1, 2, 4) if resources == 3 else (1,))
    ]
    standard = min(len(catalogue), round(_STANDARD_SHARE * flavours))
    chosen = {catalogue[at] for at in rng.choice(len(catalogue), standard, replace=False).tolist()}
    while len(chosen) < flavours:
        chosen.add(_custom(rng)[:resources])
    sizes: Integers = np.array(sorted(chosen), dtype=np.int64)
    return sizes


def _custom(rng: np.random.Generator) -> tuple[int, ...]:
    """Draw a custom size: one core or an even number, small ones more often."""
    cpu = max(1, 2 * int(16 ** rng.random()))
    memory = max(1, round(cpu * rng.uniform(1, 8)))
    return cpu, memory, max(1, round(cpu * rng.uniform(0.5, 4)))


def popularity(sizes: Integers, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the share of every flavour: Zipf's law over a ranking that favours small ones."""
    rank = np.argsort(np.argsort(sizes[:, 0] * np.exp(rng.normal(size=len(sizes)))))
    weights = np.asarray((rank + 1.0) ** -_ZIPF, dtype=np.float64)
    shares: NDArray[np.float64] = np.divide(weights, weights.sum())
    return shares


def demand_of(count: int, shares: NDArray[np.float64], rng: np.random.Generator) -> Integers:
    """Return how many VMs of each flavour there are, at least one each where ``count`` allows."""
    once = 1 if count >= len(shares) else 0
    demand: Integers = once + rng.multinomial(count - once * len(shares), shares)
    return demand.astype(np.int64)


def host_of(sizes: Integers, demand: Integers, rng: np.random.Generator) -> Integers:
    """Return the capacity of a host that is about equally tight in every resource: shape (resources,)."""
    mean = demand @ sizes / demand.sum()
    cores = min(CORES, key=lambda option: abs(option - VMS_PER_HOST * mean[0]))
    ideal = cores * mean[1:] / mean[0] * rng.uniform(0.9, 1.1, size=len(mean) - 1)
    steps = np.array([32, 8])[: len(ideal)]
    rest = -(-np.maximum(ideal.astype(np.int64), sizes[:, 1:].max(axis=0)) // steps) * steps
    return np.concatenate(([cores], rest)).astype(np.int64)


def cloud_packing(count: int, flavours: int, resources: int, seed: int) -> VectorPacking:
    """Return ``count`` VMs of so many distinct flavours (fewer where there are fewer VMs) on equal hosts."""
    rng = np.random.default_rng([seed, count, flavours, resources])
    sizes = sizes_of(flavours, resources, rng)
    demand = demand_of(count, popularity(sizes, rng), rng)
    sizes, demand = sizes[demand > 0], demand[demand > 0]
    one = np.ones(1, dtype=np.int64)
    return VectorPacking(sizes, demand, host_of(sizes, demand, rng)[None, :], one, one * count)


def cloud_case(count: int, flavours: int, resources: int, seed: int) -> Case:
    """Return a named case of the family."""
    return Case(
        family="cloud",
        name=f"n{count}-f{flavours}-d{resources}-s{seed}",
        build=lambda: cloud_packing(count, flavours, resources, seed),
        group=f"{flavours} flavours",
        facts={"n": count, "flavours": flavours, "resources": resources, "seed": seed},
    )


def cloud_cases(seeds: Sequence[int]) -> Iterator[Case]:
    """Yield every size with 30 flavours, and 10,000 VMs with more."""
    for resources in (2, 3):
        for seed in seeds:
            yield from (cloud_case(count, 30, resources, seed) for count in (*SIZES, SIZE_FOR_PEERS))
            yield from (cloud_case(10_000, flavours, resources, seed) for flavours in FLAVOURS[1:])


register(
    Family(
        name="cloud",
        what="flavours of a public cloud on hosts of one type, fewest hosts",
        source="generated; popularity after Cortez et al. 2017 and Hadary et al. 2020",
        cases=cloud_cases,
        by=("resources", "flavours", "n"),
    )
)
