"""Small re-placement questions drawn at random, and a slow reading of their rules and cost, word by word."""

from __future__ import annotations

from itertools import product

import numpy as np

from formulations.reassignment import NOWHERE, Reassignment
from formulations.tables import Integers


def random_question(
    seed: int, vms: int = 6, hosts: int = 3, *, newcomers: bool = False, budget: bool = False, tight: float = 1.3
) -> Reassignment:
    """Return a question whose current placement keeps every rule; VMs without a host where newcomers are asked for."""
    rng = np.random.default_rng(seed)
    resources, services = int(rng.integers(1, 4)), max(1, vms // 2)
    sizes = rng.integers(0, 9, (vms, resources))
    service, places = rng.integers(0, services, vms), rng.integers(0, hosts, vms)
    location, neighbourhood = rng.integers(0, 2, hosts), rng.integers(0, min(2, hosts), hosts)
    loads = np.zeros((hosts, resources), dtype=np.int64)
    np.add.at(loads, places, sizes)
    capacity = np.maximum((loads * tight).astype(np.int64), rng.integers(4, 16, (hosts, resources)))
    together = np.zeros((services, hosts), dtype=np.int64)
    np.add.at(together, (service, places), 1)
    spread = np.array([len(set(location[places[service == s]].tolist())) for s in range(services)], dtype=np.int64)
    near = [set(neighbourhood[places[service == s]].tolist()) for s in range(services)]
    pairs = [(s, t) for s in range(services) for t in range(services) if near[s] <= near[t] and rng.random() < 0.4]
    classes = int(rng.integers(1, 4))
    allowed = rng.random((2, hosts)) < 0.8
    vm_class = rng.integers(0, 2, vms)
    allowed[vm_class, places] = True
    current = places.astype(np.int64)
    if newcomers:
        current = np.where(rng.random(vms) < 0.3, NOWHERE, current)
    return Reassignment(
        sizes=sizes,
        service=service,
        current=current,
        capacity=capacity,
        safety=(capacity * rng.random((hosts, resources))).astype(np.int64),
        location=location,
        neighbourhood=neighbourhood,
        transient=rng.random(resources) < 0.4,
        load_weight=rng.integers(0, 4, resources),
        balances=np.column_stack([rng.integers(0, resources, (2, 2)), rng.integers(1, 4, (2, 2))])[
            : rng.integers(0, 3)
        ],
        spread=(spread * (rng.random(services) < 0.5)).astype(np.int64),
        most_per_host=np.maximum(together.max(axis=1), rng.integers(1, 3, services)),
        dependencies=np.array(pairs, dtype=np.int64).reshape(len(pairs), 2),
        move_cost=rng.integers(0, 5, vms),
        move_weight=int(rng.integers(0, 3)),
        service_weight=int(rng.integers(0, 4)),
        pair_weight=int(rng.integers(0, 3)),
        host_class=rng.integers(0, classes, hosts),
        pair_cost=rng.integers(0, 5, (classes, classes)).astype(np.int32),
        vm_class=vm_class,
        allowed=allowed if rng.random() < 0.5 else None,
        most_moves=int(rng.integers(0, vms)) if budget else None,
    )


def slow_cost(question: Reassignment, hosts: Integers) -> int:
    """Return the objective, one term after the other."""
    q, total = question, 0
    where, before = hosts.tolist(), q.current.tolist()
    for j in range(q.hosts):
        here = [i for i in range(q.vms) if where[i] == j]
        used = [sum(int(q.sizes[i, r]) for i in here) for r in range(q.resources)]
        free = [int(q.capacity[j, r]) - used[r] for r in range(q.resources)]
        total += sum(int(q.load_weight[r]) * max(0, used[r] - int(q.safety[j, r])) for r in range(q.resources))
        for one, two, target, weight in q.balances.tolist():
            total += weight * max(0, target * free[one] - free[two])
    moved = [i for i in range(q.vms) if before[i] != NOWHERE and before[i] != where[i]]
    for i in moved:
        total += q.move_weight * int(q.move_cost[i])
        total += q.pair_weight * int(q.pair_cost[q.host_class[before[i]], q.host_class[where[i]]])
    counts = [sum(1 for i in moved if q.service[i] == s) for s in range(q.services)]
    return total + q.service_weight * max(counts, default=0)


def keeps_rules(question: Reassignment, hosts: Integers) -> bool:
    """Return whether a placement keeps every hard rule, read word by word."""
    q, where, before = question, hosts.tolist(), question.current.tolist()
    for j in range(q.hosts):
        for r in range(q.resources):
            there = [i for i in range(q.vms) if where[i] == j or (q.transient[r] and before[i] == j)]
            if sum(int(q.sizes[i, r]) for i in there) > q.capacity[j, r]:
                return False
    of = [[i for i in range(q.vms) if q.service[i] == s] for s in range(q.services)]
    for s, members in enumerate(of):
        if any(sum(1 for i in members if where[i] == j) > q.most_per_host[s] for j in range(q.hosts)):
            return False
        if len({int(q.location[where[i]]) for i in members}) < q.spread[s]:
            return False
    for s, t in q.dependencies.tolist():
        if not {int(q.neighbourhood[where[i]]) for i in of[s]} <= {int(q.neighbourhood[where[i]]) for i in of[t]}:
            return False
    if q.allowed is not None and not all(q.allowed[q.vm_class[i], where[i]] for i in range(q.vms)):
        return False
    moves = sum(1 for i in range(q.vms) if before[i] not in (NOWHERE, where[i]))
    return q.most_moves is None or moves <= q.most_moves


def cheapest(question: Reassignment) -> int | None:
    """Return the least cost of all placements that keep every rule; None where there is none."""
    every = (np.array(hosts, dtype=np.int64) for hosts in product(range(question.hosts), repeat=question.vms))
    return min((slow_cost(question, hosts) for hosts in every if keeps_rules(question, hosts)), default=None)
