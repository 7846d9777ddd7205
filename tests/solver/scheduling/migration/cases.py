"""Migration questions for tests: random small ones, and sequences of steps with times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

import numpy as np

from formulations import VM, Host, Instance, Placement, Resource
from formulations.rules import Depend, Gather, Rule, Spread
from formulations.scheduling.migration import MigrationQuestion
from formulations.scheduling.steps import Hop, Step
from tests.oracle import Oracle
from tests.strategies import RULES, random_instance

KNOBS: tuple[dict[str, Any], ...] = (
    {"rules": (), "load": 0.9},
    {"rules": (), "load": 0.8, "elastic": False},
    {"load": 0.6},
    {"isolation": ("partial", "shared"), "load": 0.7, "rules": ()},
    {"isolation": ("protected", "full", "pinned"), "load": 0.6, "rules": ()},
    {"numa": True, "load": 0.7, "rules": (), "vms": 3},
    {"maintenance": True, "ignored": True, "off": True, "load": 0.6},
    {"allow_unplaced": True, "load": 0.8},
)
"""What random questions are made of, one after the other."""


def random_question(seed: int, **settings: Any) -> MigrationQuestion:
    """Return a random small question: tight on memory, or of everything that instances may have."""
    rng = np.random.default_rng(seed)
    if rng.random() < 0.5:
        return tight_question(rng, **settings)
    found = None
    while found is None:
        found = _general_question(rng, KNOBS[seed % len(KNOBS)], settings)
    return found


def tight_question(rng: np.random.Generator, **settings: Any) -> MigrationQuestion:
    """Return a question whose hosts have hardly more room than the two placements need."""
    vms, hosts = int(rng.integers(3, 6)), int(rng.integers(2, 4))
    sizes = rng.integers(1, 6, size=(vms, 2))
    ends = [rng.integers(-1 if rng.random() < 0.1 else 0, hosts, size=vms) for _ in range(2)]
    if rng.random() < 0.6:  # around in a ring, with the first host to spare
        hosts = int(rng.integers(3, 5))
        ends[0] = rng.integers(1, hosts, size=vms)
        ends[1] = ends[0] % (hosts - 1) + 1
    loads = [np.array([sizes[end == host].sum(axis=0) for host in range(hosts)]) for end in ends]
    rooms = np.maximum(*loads) + rng.integers(0, 2, size=(hosts, 2))
    rooms[0] += int(rng.integers(0, 7))
    instance = Instance(
        resources=[Resource(name="memory", unit="GB"), Resource(name="cpu")],
        vms=[VM(name=f"v{n}", resources=_sizes(size), dirty_rate=int(size[0]) / 10) for n, size in enumerate(sizes)],
        hosts=[Host(name=f"h{n}", capacity=_sizes(room), rack=f"r{n % 2}") for n, room in enumerate(rooms)],
        rules=_rules(rng, ends[1]),
        allow_unplaced=True,
    )
    settings.setdefault("bypass_hosts", tuple(host.name for host in instance.hosts if rng.random() < 0.8))
    current, target = (Placement(end.astype(np.int64)) for end in ends)
    return MigrationQuestion(instance, current, target, **{"bandwidth": 1, **settings})


def _sizes(pair: Any) -> dict[str, Any]:
    return {"memory": int(pair[0]), "cpu": int(pair[1])}


def _rules(rng: np.random.Generator, target: Any) -> list[Rule]:
    """Return now and then a rule that the target keeps."""
    some = [f"v{n}" for n in sorted(rng.choice(len(target), 2, replace=False).tolist())]
    a, b = (int(target[int(name[1:])]) for name in some)
    if rng.random() < 0.6:
        return []
    if a != b:
        return [Spread(vms=some)]
    return [Gather(vms=some)] if rng.random() < 0.7 else [Depend(vms=some[:1], on=some[1:], level="rack")]


def _general_question(
    rng: np.random.Generator, knobs: dict[str, Any], settings: dict[str, Any]
) -> MigrationQuestion | None:
    """Return a question between two valid placements of a random instance, now and then from a broken one."""
    knobs = {"vms": 4, "hosts": 3, "current": False, "hard": True, **knobs}
    if "rules" not in knobs:
        knobs["rules"] = rng.choice(RULES, int(rng.integers(1, 3)), replace=False).tolist()
    instance = random_instance(rng, **knobs)
    oracle = Oracle(instance)
    everywhere = [list(chosen) for chosen in product(*(oracle.options(i) for i in range(len(oracle.vms))))]
    rng.shuffle(everywhere)
    fitting = [host_of for host_of in everywhere if _valid(oracle, host_of)]
    if len(fitting) < 2:
        return None
    far = max(fitting, key=lambda host_of: sum(a != b for a, b in zip(host_of, fitting[0], strict=True)))
    current, target = (placement_with_cells(oracle, host_of) for host_of in (fitting[0], far))
    if rng.random() < 0.25 and all(table is None for table in instance.tables.cells):
        anywhere = np.array(everywhere[int(rng.integers(len(everywhere)))], dtype=np.int64)
        current = Placement(np.where(instance.ignored, target.host_of, anywhere), cells=np.zeros_like(anywhere))
    more: dict[str, Any] = {}
    if rng.random() < 0.3:
        more["bypass_hosts"] = tuple(name for name in instance.host_names.all_names() if rng.random() < 0.6)
    if instance.rules and rng.random() < 0.15:
        more["at_end_only"] = (0,)
    return MigrationQuestion(instance, current, target, **{"bandwidth": 1, **more, **settings})


def _valid(oracle: Oracle, host_of: list[int]) -> bool:
    return oracle.obeys(host_of) and all(oracle.filling(j, there) for j, there in oracle.members(host_of).items())


def placement_with_cells(oracle: Oracle, host_of: list[int]) -> Placement:
    """Return a placement in cells that fit."""
    cells = np.zeros(len(host_of), dtype=np.int64)
    for j, members in oracle.members(host_of).items():
        filling = oracle.filling(j, members)
        assert filling is not None
        for i in members:
            cells[i] = sum(1 << cell for cell in filling.cells[i])
    return Placement(np.array(host_of, dtype=np.int64), cells=cells)


def timed(question: MigrationQuestion, hops: Iterable[Hop], *, at_once: bool = False) -> tuple[Step, ...]:
    """Return the hops as steps one after the other, or all from 0 on."""
    steps, now = [], 0
    for hop in hops:
        duration = question.duration(hop.kind, hop.vm, hop.source, hop.target)
        still = question.transfer(hop.vm, hop.source, hop.target).downtime if hop.kind == "move" else 0
        steps.append(Step(hop.vm, hop.kind, hop.source, hop.target, now, now + duration, still, hop.cells))
        now += 0 if at_once else duration
    return tuple(steps)


def plain(sizes: dict[str, int], hosts: dict[str, int], **fields: Any) -> Instance:
    """Return VMs and hosts with memory only."""
    return Instance(
        resources=[Resource(name="memory", unit="GB")],
        vms=[VM(name=name, resources={"memory": size}) for name, size in sizes.items()],
        hosts=[Host(name=name, capacity={"memory": room}) for name, room in hosts.items()],
        **fields,
    )


def between(
    instance: Instance, current: Mapping[str, str | None], target: Mapping[str, str | None], **settings: Any
) -> MigrationQuestion:
    """Return the question from one placement by name to another."""
    here, there = (Placement.from_names(instance, hosts) for hosts in (current, target))
    return MigrationQuestion(instance, here, there, **{"bandwidth": 1, **settings})
