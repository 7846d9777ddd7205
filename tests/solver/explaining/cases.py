"""Instances for the tests of explanations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from formulations import VM, Host, Instance, Resource
from formulations.rules import Ban, Depend, Fence, Rule, Split, Spread
from tests.agreement import seeds
from tests.solver.explaining.deciding import has_placement
from tests.strategies import everything

RESOURCES = [Resource(name="cpu", unit="cores"), Resource(name="memory", unit="GB")]


def cluster(vms: int = 3, hosts: int = 2, rules: list[Rule] | None = None) -> Instance:
    """Return VMs v1, v2, … of 2 cores and 4 GB on hosts h1, h2, … of 8 cores and 16 GB; a rack holds two."""
    return Instance(
        resources=RESOURCES,
        vms=[VM(name=f"v{n}", resources={"cpu": 2, "memory": 4}) for n in range(1, vms + 1)],
        hosts=[
            Host(name=f"h{n}", capacity={"cpu": 8, "memory": 16}, rack=f"r{(n + 1) // 2}") for n in range(1, hosts + 1)
        ],
        rules=rules or [],
    )


def reference() -> Instance:
    """Return the reference case with reservation = demand: cores fit, memory does not."""
    sizes = [(20, 40), (10, 20), (30, 60), (5, 10), (15, 30)]
    vms = [VM(name=f"vm{n}", resources={"cpu": c, "memory": m}) for n, (c, m) in enumerate(sizes, 1)]
    return Instance(resources=RESOURCES, vms=vms, hosts=[Host(name="host-1", capacity={"cpu": 100, "memory": 100})])


def forty_rules() -> Instance:
    """Return an instance of 40 rules: v21 beside v22 beside v23, v21 and v23 apart, and 37 others."""
    rules: list[Rule] = []
    for n in range(37):
        one, other = f"v{n % 20 + 1}", f"v{(n * 7 + 4) % 20 + 1}"
        rules.append(
            (
                Spread(vms=[one, other]),
                Ban(vms=[one], hosts=[f"h{n % 8 + 1}"]),
                Fence(vms=[other], hosts=["rack:r1", "rack:r2", "h5", "h6"]),
                Split(groups=[[one], [other]]),
            )[n % 4 if one != other else 1]
        )
    rules.insert(5, Depend(vms=["v21"], on=["v22"], level="host"))
    rules.insert(17, Depend(vms=["v22"], on=["v23"], level="host"))
    rules.insert(30, Spread(vms=["v21", "v23"]))
    return cluster(24, 8, rules)


def random_infeasible(name: str, count: int) -> Iterator[Instance]:
    """Yield random small instances with every feature that have no placement."""
    found = 0
    for rng in seeds(name, 20 * count):
        instance = random_small(rng)
        if not has_placement(instance):
            yield instance
            found += 1
        if found == count:
            return


def random_small(rng: np.random.Generator) -> Instance:
    """Return a random small instance with hard rules, about half of them infeasible."""
    hosts = int(rng.integers(2, 4))
    return everything(rng, vms=4, hosts=hosts, hard=True, load=None if hosts == 3 else 1.2)
