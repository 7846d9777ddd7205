"""Random questions of start-up, and the shortest orders of tiny ones by trying everything."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product

import numpy as np

from formulations import VM, Host, Instance, Placement, Resource
from formulations.scheduling.startup import StartLimits, StartupQuestion

HOSTS = 3


def random_question(seed: int, *, entries: int = 5, most: int = 3, priorities: bool = True) -> StartupQuestion:
    """Return a question of a few counted entries that wait for entries, members and groups before them."""
    draw = random.Random(seed)  # noqa: S311 - a seeded sample, not a secret
    vms: list[VM] = []
    for number in range(draw.randint(1, entries)):
        earlier = [vm for vm in vms if vm.power == "on"]
        after = [_name(draw, draw.choice(earlier)) for _ in range(draw.choice([0, 0, 1, 2])) if earlier]
        vms.append(
            VM(
                name=f"e{number}",
                count=draw.randint(1, most),
                group=f"g{number}",
                resources={"cpu": 1},
                priority=draw.choice([0, 0, 1, 5]) if priorities else 0,
                start_after=after,
                boot_seconds=draw.choice([0, 0.001, 0.002, 0.0025, 0.004]),
                power="off" if draw.random() < 0.1 else "on",
            )
        )
    hosts = [Host(name="h", count=HOSTS, capacity={"cpu": 1000})]
    instance = Instance(resources=[Resource(name="cpu")], vms=vms, hosts=hosts, allow_unplaced=True)
    host_of = np.array([draw.randrange(HOSTS) for _ in range(instance.vm_count)], dtype=np.int64)
    host_of[~instance.wanted] = -1
    running = np.array([draw.random() < 0.15 for _ in host_of], dtype=np.bool_) if draw.random() < 0.4 else None
    limits = StartLimits(draw.choice([None, 1, 2]), draw.choice([None, 1, 2, 3]))
    return StartupQuestion(instance, Placement(host_of), limits, running)


def _name(draw: random.Random, vm: VM) -> str:
    if draw.random() < 0.3:
        return f"group:{vm.group}"
    return f"{vm.name}-{draw.randint(1, vm.count)}" if vm.count > 1 and draw.random() < 0.4 else vm.name


@dataclass(frozen=True)
class Oracle:
    """Tries every order of starting, millisecond by millisecond, with dependencies and limits and nothing else."""

    question: StartupQuestion

    def shortest(self) -> int:
        """Return the least makespan of a question of at most some eight VMs."""
        instance, question = self.question.instance, self.question
        vms = np.flatnonzero(question.starts).tolist()
        boots = [max(1, -(-int(float(vm.boot_seconds) * 10**6) // 1000)) for vm in instance.vms]
        entry = instance.vm_entry.tolist()
        self_boot = {vm: boots[entry[vm]] for vm in vms}
        needs = {
            vm: {
                other
                for name in instance.vms[entry[vm]].start_after
                for other in instance.vms_called([name]).tolist()
                if other in self_boot
            }
            for vm in vms
        }
        host = question.placement.host_of.tolist()
        # A state is who is up and who is starting with what is left; time goes on one millisecond at a time.
        states = {(frozenset[int](), frozenset[tuple[int, int]]())}
        now = 0
        while not any(len(up) == len(vms) for up, _ in states):
            now += 1
            states = {
                _tick(up, starting | {(vm, self_boot[vm]) for vm in chosen})
                for up, starting in states
                for chosen in self._choices(vms, up, starting, needs, host)
            }
        return now

    def _choices(
        self,
        vms: list[int],
        up: frozenset[int],
        starting: frozenset[tuple[int, int]],
        needs: dict[int, set[int]],
        host: list[int],
    ) -> list[list[int]]:
        begun = {vm for vm, _ in starting}
        ready = [vm for vm in vms if vm not in up and vm not in begun and needs[vm] <= up]
        limits = self.question.limits
        found = []
        for bits in product((False, True), repeat=len(ready)):
            chosen = [vm for vm, bit in zip(ready, bits, strict=True) if bit]
            together = [*begun, *chosen]
            crowd = max((sum(host[vm] == h for vm in together) for h in range(HOSTS)), default=0)
            if crowd <= (limits.per_host or 99) and len(together) <= (limits.per_cluster or 99):
                found.append(chosen)
        return found


def _tick(
    up: frozenset[int], starting: frozenset[tuple[int, int]]
) -> tuple[frozenset[int], frozenset[tuple[int, int]]]:
    done = {vm for vm, left in starting if left == 1}
    return up | done, frozenset((vm, left - 1) for vm, left in starting if left > 1)
