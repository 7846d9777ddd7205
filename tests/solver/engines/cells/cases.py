"""Random instances whose hosts have NUMA cells, small enough for brute force or large enough for rules to bind."""

from __future__ import annotations

import numpy as np

from formulations import VM, Cell, Host, Instance, Resource
from formulations.objective import ObjectiveLevel, Term, level
from formulations.rules import FaultDomains, Gather, Rule, Spread
from solver.backends import backend_named
from solver.backends.base import Settings
from solver.deadline import Deadline
from solver.engines.search import Search

RESOURCES = [Resource(name="cpu", unit="cores"), Resource(name="memory", unit="GB")]


def celled(seed: int, *, vms: int = 5, hosts: int = 3, ruled: bool = False) -> Instance:
    """Return VMs of few sizes, some spanning both cells, on hosts with two unequal cells."""
    rng = np.random.default_rng(seed)
    numa = rng.integers(1, 3, vms).tolist()
    sizes = rng.integers(1, 4, size=(vms, 2)) * 2
    cells = rng.integers(1, 6, size=(hosts, 2, 2)) * 2
    optional = bool(rng.random() < 0.5)
    terms = [Term(kind="unplaced"), Term(kind="unplaced", resource="memory")]
    counted = [ObjectiveLevel(terms=[term]) for term in terms] if optional else []
    return Instance(
        resources=RESOURCES,
        vms=[
            VM(name=f"vm{n}", resources={"cpu": int(cpu), "memory": int(memory)}, numa=split)
            for n, ((cpu, memory), split) in enumerate(zip(sizes, numa, strict=True))
        ],
        hosts=[
            Host(
                name=f"host{n}",
                cells=[Cell(capacity={"cpu": int(cpu), "memory": int(memory)}) for cpu, memory in pair],
                rack=f"rack{n % 2}",
                cost=int(rng.integers(1, 4)),
            )
            for n, pair in enumerate(cells)
        ],
        rules=_rules(rng, vms) if ruled else [],
        objective=[*counted, level("cost" if rng.random() < 0.5 else "hosts")],
        allow_unplaced=optional,
    )


def _rules(rng: np.random.Generator, vms: int) -> list[Rule]:
    first, second, *rest = [f"vm{n}" for n in rng.permutation(vms).tolist()]
    choices: list[Rule] = [
        Spread(vms=[first, second]),
        Gather(vms=[first, second, *rest[:1]], level="rack"),
        FaultDomains(domains=[[first], [second]]),
    ]
    return [choices[int(rng.integers(0, 3))]]


def racks(seed: int = 0, hosts: int = 24, groups: int = 6) -> Instance:
    """Return racks of hosts, and VMs of a few flavours in groups that stay together or apart."""
    rng = np.random.default_rng(seed)
    flavours = [(2, 4, 1), (4, 8, 1), (4, 16, 1), (8, 16, 2), (16, 32, 2)]
    vms: list[VM] = []
    rules: list[Rule] = []
    for group in range(groups):
        for member in range(int(rng.integers(4, 9))):
            cpu, memory, numa = flavours[int(rng.integers(0, 5))]
            name = f"g{group}-m{member}"
            vms.append(VM(name=name, resources={"cpu": cpu, "memory": memory}, numa=numa, group=f"g{group}"))
        names = [f"group:g{group}"]
        rules.append(Gather(vms=names, level="rack") if group % 2 else Spread(vms=names))
    for lone in range(40):
        cpu, memory, numa = flavours[int(rng.integers(0, 5))]
        vms.append(VM(name=f"lone{lone}", resources={"cpu": cpu, "memory": memory}, numa=numa))
    cells = [[Cell(capacity={"cpu": 16 + 4 * (n % 3), "memory": 40 + 8 * (n % 2)})] * 2 for n in range(hosts)]
    servers = [Host(name=f"host{n}", cells=pair, rack=f"rack{n // 6}") for n, pair in enumerate(cells)]
    return Instance(resources=RESOURCES, vms=vms, hosts=servers, rules=rules, objective=[level("hosts")])


def search_of(instance: Instance, seconds: float = 60.0, seed: int = 0) -> Search:
    """Return a search without an incumbent."""
    return Search(instance, Deadline(seconds), backend_named("cbc"), Settings(seed=seed))
