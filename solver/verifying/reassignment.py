"""The judge of re-placement: whether every VM may be where it is put, and what that costs, in exact integers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from formulations.reassignment import NOWHERE, Reassignment
from formulations.tables import Integers

MOST_LISTED = 100
"""Violations beyond these are only counted."""


@dataclass(frozen=True)
class CostParts:
    """What a placement costs, by cause; each part includes its weight.

    Attributes
    ----------
    load, balance, vm_moves, service_moves, pair_moves : int
    """

    load: int
    balance: int
    vm_moves: int
    service_moves: int
    pair_moves: int

    @property
    def total(self) -> int:
        """The objective."""
        return self.load + self.balance + self.vm_moves + self.service_moves + self.pair_moves


@dataclass(frozen=True)
class Finding:
    """What the judge found.

    Attributes
    ----------
    violations : tuple of str
        One sentence each; empty for a placement that keeps every rule. Beyond the first hundred
        the last one counts the rest.
    parts : CostParts or None
        None if the placement is no list of hosts at all.
    moves : int
        How many VMs are not where they were.
    """

    violations: tuple[str, ...]
    parts: CostParts | None
    moves: int

    @property
    def ok(self) -> bool:
        """Whether nothing is violated."""
        return not self.violations

    @property
    def cost(self) -> int:
        """The objective.

        Raises
        ------
        ValueError
            If the placement is no list of hosts.
        """
        if self.parts is None:
            raise ValueError("a malformed placement has no cost")
        return self.parts.total


def judge(question: Reassignment, hosts: Integers) -> Finding:
    """Check a placement and recompute its cost.

    Parameters
    ----------
    question : Reassignment
    hosts : int64 array, shape (VMs,)
        The new host of every VM.
    """
    if hosts.shape != (question.vms,) or not np.issubdtype(hosts.dtype, np.integer):
        return Finding((f"expected {question.vms} host numbers, got an array of shape {hosts.shape}",), None, 0)
    wrong = np.flatnonzero((hosts < 0) | (hosts >= question.hosts))
    if len(wrong):
        return Finding((f"VM {wrong[0]} is on host {hosts[wrong[0]]}, which does not exist",), None, 0)
    found = list(_violations(question, hosts))
    if len(found) > MOST_LISTED:
        found = [*found[:MOST_LISTED], f"{len(found) - MOST_LISTED:,} more violations"]
    return Finding(tuple(found), cost_parts(question, hosts), len(_moved(question, hosts)))


def _moved(question: Reassignment, hosts: Integers) -> Integers:
    """Return the VMs that leave a host."""
    return np.flatnonzero((question.current != NOWHERE) & (hosts != question.current)).astype(np.int64)


def loads(question: Reassignment, hosts: Integers) -> Integers:
    """Return what is used of every resource of every host: shape (hosts, resources)."""
    used: Integers = np.zeros((question.hosts, question.resources), dtype=np.int64)
    np.add.at(used, hosts, question.sizes)
    return used


def cost_parts(question: Reassignment, hosts: Integers) -> CostParts:
    """Return the cost of a placement, whatever rules it breaks."""
    used = loads(question, hosts)
    over = np.maximum(used - question.safety, 0).sum(axis=0)
    load = sum(int(weight) * int(excess) for weight, excess in zip(question.load_weight, over, strict=True))
    free = question.capacity - used
    balance = 0
    for first, second, target, weight in question.balances.tolist():
        short = sum(
            max(0, target * a - b) for a, b in zip(free[:, first].tolist(), free[:, second].tolist(), strict=True)
        )
        balance += weight * short
    moved = _moved(question, hosts)
    origin, goal = question.host_class[question.current[moved]], question.host_class[hosts[moved]]
    per_service = Counter(question.service[moved].tolist())
    return CostParts(
        load=load,
        balance=balance,
        vm_moves=question.move_weight * sum(question.move_cost[moved].tolist()),
        service_moves=question.service_weight * max(per_service.values(), default=0),
        pair_moves=question.pair_weight * sum(question.pair_cost[origin, goal].tolist()),
    )


def _violations(question: Reassignment, hosts: Integers) -> Iterator[str]:
    yield from _over_capacity(question, hosts)
    yield from _over_transient_capacity(question, hosts)
    yield from _conflicts(question, hosts)
    yield from _spread_too_little(question, hosts)
    yield from _unmet_dependencies(question, hosts)
    if question.allowed is not None:
        for vm in np.flatnonzero(~question.allowed[question.vm_class, hosts]).tolist():
            yield f"VM {vm} is not allowed on host {hosts[vm]}"
    moves = len(_moved(question, hosts))
    if question.most_moves is not None and moves > question.most_moves:
        yield f"{moves} VMs move, {question.most_moves} may"


def _over_capacity(question: Reassignment, hosts: Integers) -> Iterator[str]:
    used = loads(question, hosts)
    for j, r in np.argwhere(used > question.capacity).tolist():
        yield f"resource {r} of host {j}: {used[j, r]} used of {question.capacity[j, r]}"


def _over_transient_capacity(question: Reassignment, hosts: Integers) -> Iterator[str]:
    """Yield hosts that cannot hold at once what is there after the move and what was there before it."""
    used = loads(question, hosts)
    left = _moved(question, hosts)
    np.add.at(used, question.current[left], question.sizes[left])
    for j, r in np.argwhere((used > question.capacity) & question.transient).tolist():
        yield f"transient resource {r} of host {j}: {used[j, r]} needed while VMs move, of {question.capacity[j, r]}"


def _conflicts(question: Reassignment, hosts: Integers) -> Iterator[str]:
    together = Counter(zip(question.service.tolist(), hosts.tolist(), strict=True))
    for (service, host), many in together.items():
        if many > question.most_per_host[service]:
            yield f"host {host} has {many} VMs of service {service}, {question.most_per_host[service]} may be"


def _spread_too_little(question: Reassignment, hosts: Integers) -> Iterator[str]:
    places = _where(question, question.location, hosts)
    for service in np.flatnonzero(question.spread).tolist():
        if len(places[service]) < question.spread[service]:
            yield f"service {service} lies in {len(places[service])} locations, expected {question.spread[service]}"


def _unmet_dependencies(question: Reassignment, hosts: Integers) -> Iterator[str]:
    places = _where(question, question.neighbourhood, hosts)
    for service, other in question.dependencies.tolist():
        for lonely in sorted(places[service] - places[other]):
            yield f"service {service} runs in neighbourhood {lonely}, service {other} that it depends on does not"


def _where(question: Reassignment, part: Integers, hosts: Integers) -> dict[int, set[int]]:
    """Return the parts (locations, neighbourhoods) in which each service has a VM."""
    found: dict[int, set[int]] = defaultdict(set)
    for service, place in zip(question.service.tolist(), part[hosts].tolist(), strict=True):
        found[service].add(place)
    return found
