"""Fifty instances that no engine finishes soon: what is measured is whether the deadline is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from benchmarks.families.base import Case, Family, Question, register
from benchmarks.families.cloud import cloud_packing
from benchmarks.families.distinct import distinct_packing
from benchmarks.families.four_types import four_types_packing
from formulations.bounds import Bounds
from formulations.instance import Instance
from formulations.isolation import Partial
from formulations.machines import VM, Host
from formulations.objective import level
from formulations.resources import Resource
from formulations.rules import Among, Depend, FaultDomains, Fence, Rule, Spread
from formulations.tables import Integers
from formulations.vector_packing import VectorPacking

RESOURCES = [Resource(name="cpu", unit="cores"), Resource(name="memory", unit="GB")]


def triples(count: int, seed: int) -> VectorPacking:
    """Return items of a quarter to a half of a bin in two opposing resources: three at most fit, few do."""
    rng = np.random.default_rng([seed, count])
    first = rng.integers(2501, 5000, size=count)
    second = np.clip(10_000 // 3 * 2 - first + rng.integers(-400, 401, size=count), 2501, 4999)
    sizes: Integers = np.unique(np.column_stack((first, second)), axis=0)
    one = np.ones(1, dtype=np.int64)
    demand = np.ones(len(sizes), dtype=np.int64)
    return VectorPacking(sizes, demand, np.full((1, 2), 10_000, dtype=np.int64), one, one * len(sizes))


def tight(count: int, seed: int) -> VectorPacking:
    """Return distinct items and only as many bins as their volume fills: nobody knows whether they fit."""
    problem = distinct_packing(count, 3, seed)
    need = np.ceil(problem.sizes.sum(axis=0) / problem.capacities[0]).max()
    limits = np.array([int(need)], dtype=np.int64)
    return VectorPacking(problem.sizes, problem.demand, problem.capacities, problem.costs, limits)


def _vms(count: int, rng: np.random.Generator, per_group: int = 5) -> list[VM]:
    """Return VMs in groups of a tenant, of 1 to 12 cores and one to eight GB per core."""
    cpu = rng.integers(1, 13, size=count)
    memory = cpu * rng.integers(1, 9, size=count)
    return [
        VM(name=f"vm{n}", group=f"tenant{n // per_group}", resources={"cpu": int(cpu[n]), "memory": int(memory[n])})
        for n in range(count)
    ]


def _racked(count: int, rng: np.random.Generator) -> list[Host]:
    """Return hosts of several sizes and costs in racks of ten and zones of five racks."""
    cores = rng.choice([64, 80, 96], size=count)
    costs = cores * 12 + rng.integers(0, 200, size=count)
    return [
        Host(
            name=f"host{n}",
            cost=int(costs[n]),
            rack=f"rack{n // 10}",
            zone=f"zone{n // 50}",
            capacity={"cpu": int(cores[n]), "memory": int(cores[n]) * 5},
        )
        for n in range(count)
    ]


def ruled(hosts: int, vms: int, seed: int) -> Instance:
    """Return VMs of which every tenant has a rule, hard ones and priced ones."""
    rng = np.random.default_rng([seed, hosts, vms])
    racks = [f"rack:rack{n}" for n in range(hosts // 10)]
    rules: list[Rule] = []
    for tenant in range(vms // 5):
        who, price = [f"group:tenant{tenant}"], int(rng.integers(1, 50))
        half = [[f"vm{5 * tenant + n}" for n in part] for part in ((0, 1), (2, 3, 4))]
        sets = np.array_split(rng.permutation(racks), 3)
        kinds: list[Rule] = [
            Spread(vms=who),
            Spread(vms=who, level="rack", price=price),
            FaultDomains(domains=half),
            Depend(vms=half[0], on=half[1], level="zone"),
            Among(vms=who, sets=[part.tolist() for part in sets]),
            Fence(vms=who, hosts=sets[0].tolist(), price=price),
        ]
        rules.append(kinds[int(rng.integers(6))])
    return Instance(resources=RESOURCES, vms=_vms(vms, rng), hosts=_racked(hosts, rng), rules=rules)


def unequal(hosts: int, vms: int, seed: int) -> Instance:
    """Return unique hosts whose costs are out of proportion, least cost."""
    rng = np.random.default_rng([seed, hosts, vms])
    sizes = rng.choice([16, 24, 32, 48, 64], size=(hosts, 2))
    return Instance(
        resources=RESOURCES,
        vms=[
            VM(name=f"vm{n}", resources={"cpu": int(cpu), "memory": int(memory)})
            for n, (cpu, memory) in enumerate(rng.integers(1, 13, size=(vms, 2)))
        ],
        hosts=[
            Host(
                name=f"host{n}",
                cost=int(37 * (cpu + memory) + rng.integers(0, 900)),
                capacity={"cpu": int(cpu), "memory": int(memory)},
            )
            for n, (cpu, memory) in enumerate(sizes)
        ],
        objective=[level("cost")],
    )


def elastic(hosts: int, vms: int, seed: int) -> Instance:
    """Return VMs with demand bounds whose demands exceed all hosts by a fifth."""
    rng = np.random.default_rng([seed, hosts, vms])
    demands = rng.integers(2, 13, size=(vms, 2))
    capacity = (demands.sum(axis=0) / 1.2 / hosts).astype(np.int64)
    return Instance(
        resources=RESOURCES,
        vms=[
            VM(
                name=f"vm{n}",
                resources={
                    name: Bounds(reservation=1, demand=int(demand), limit=int(demand) + 2)
                    for name, demand in zip(("cpu", "memory"), row, strict=True)
                },
            )
            for n, row in enumerate(demands)
        ],
        hosts=[Host(name="host", count=hosts, capacity={"cpu": int(capacity[0]), "memory": int(capacity[1])})],
    )


def isolated(hosts: int, vms: int, seed: int) -> Instance:
    """Return bursting VMs with a guaranteed share of half their host's equal part."""
    rng = np.random.default_rng([seed, hosts, vms])
    machines = [
        VM(
            name=f"vm{n}",
            resources={"cpu": Bounds(reservation=1, demand=cpu, limit=16), "memory": cpu * ratio},
        )
        for n, (cpu, ratio) in enumerate(rng.integers((1, 1), (13, 9), size=(vms, 2)).tolist())
    ]
    return Instance(resources=RESOURCES, vms=machines, hosts=_racked(hosts, rng), isolation=Partial(alpha=0.5))


KINDS: dict[str, Callable[[int], Question]] = {
    "million": lambda seed: cloud_packing(1_000_000, 250, 3, seed),
    "many-flavours": lambda seed: cloud_packing(100_000, 1_000, 3, seed),
    "four-types": lambda seed: four_types_packing(100_000, 3, seed, limited=True),
    "distinct": lambda seed: distinct_packing(2_000, 4, seed),
    "triples": lambda seed: triples(1_000, seed),
    "tight": lambda seed: tight(400, seed),
    "unequal": lambda seed: unequal(400, 1_500, seed),
    "ruled": lambda seed: ruled(100, 800, seed),
    "elastic": lambda seed: elastic(80, 600, seed),
    "isolated": lambda seed: isolated(40, 200, seed),
}


def hard_cases(seeds: Sequence[int]) -> Iterator[Case]:
    """Yield a case of every kind for every seed."""
    for kind, build in KINDS.items():
        for seed in seeds:
            yield Case(
                family="hard", name=f"{kind}-s{seed}", build=partial(build, seed), group=kind, facts={"seed": seed}
            )


register(
    Family(
        name="hard",
        what="ten kinds of instances beyond what can be finished, from a million VMs to rules and isolation",
        source="generated",
        cases=hard_cases,
        by=("group",),
    )
)
