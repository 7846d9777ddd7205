"""Generated instances of a stated size, for tests of engines and of the command line."""

from __future__ import annotations

import numpy as np

from formulations import VM, Bounds, Host, Instance, Resource
from formulations.objective import level

RESOURCES = [Resource(name="cpu", unit="cores"), Resource(name="memory", unit="GB")]


def unequal_hosts(hosts: int, vms: int, seed: int = 0) -> Instance:
    """Return hosts of different sizes and prices and VMs of different sizes: hard to prove."""
    rng = np.random.default_rng(seed)
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


def cloud(vms: int, flavours: int = 30, seed: int = 0) -> Instance:
    """Return counted flavours for any number of equal hosts."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(vms, np.ones(flavours) / flavours)
    sizes = rng.integers(1, 17, size=(flavours, 2))
    return Instance(
        resources=RESOURCES,
        vms=[
            VM(name=f"flavour{n}", count=int(count), resources={"cpu": int(cpu), "memory": int(4 * memory)})
            for n, (count, (cpu, memory)) in enumerate(zip(counts, sizes, strict=True))
            if count
        ],
        hosts=[Host(name="host", count="unlimited", capacity={"cpu": 64, "memory": 256})],
        objective=[level("hosts")],
    )


def elastic(hosts: int, vms: int, load: float = 1.2, seed: int = 0) -> Instance:
    """Return VMs with demand bounds whose demands exceed the hosts by ``load``."""
    rng = np.random.default_rng(seed)
    demands = rng.integers(2, 13, size=vms)
    capacity = int(demands.sum() / load / hosts)
    return Instance(
        resources=[Resource(name="cpu", unit="cores")],
        vms=[
            VM(name=f"vm{n}", resources={"cpu": Bounds(reservation=1, demand=int(demand), limit=int(demand) + 2)})
            for n, demand in enumerate(demands)
        ],
        hosts=[Host(name="host", count=hosts, capacity={"cpu": capacity})],
    )
