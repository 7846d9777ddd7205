"""VMs that can be in one place only: put there for good, which leaves less room for the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formulations.reassignment import NOWHERE, Reassignment
from formulations.tables import Integers

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Settled:
    """A smaller question, whose every placement costs ``constant`` less than the larger one's at least.

    Attributes
    ----------
    question : Reassignment
        Without the VMs that have one host left, on hosts without what these take.
    constant : int
        What they cost where they are, whatever the others do.
    impossible : bool
        Whether some VM has no host at all.
    """

    question: Reassignment
    constant: int
    impossible: bool = False


def possible_hosts(question: Reassignment) -> Mask:
    """Return where each VM fits beside nothing but what transient resources hold: shape (VMs, hosts)."""
    q = question
    home = np.arange(q.hosts)[None, :] == q.current[:, None]
    inflow = inflow_of(q)
    possible = np.ones((q.vms, q.hosts), dtype=np.bool_) if q.allowed is None else q.allowed[q.vm_class]
    for r in range(q.resources):
        coming = inflow if q.transient[r] else q.capacity
        possible &= q.sizes[:, [r]] <= np.where(home, q.capacity[None, :, r], coming[None, :, r])
    return possible


def inflow_of(question: Reassignment) -> Integers:
    """Return what is free on each host if nobody leaves: shape (hosts, resources)."""
    known = np.flatnonzero(question.current != NOWHERE)
    held: Integers = np.zeros_like(question.capacity)
    np.add.at(held, question.current[known], question.sizes[known])
    return question.capacity - held


def settled(question: Reassignment) -> Settled:
    """Settle VMs until every other one has two hosts or more."""
    reduced = Settled(question, 0)
    while not reduced.impossible:
        possible = possible_hosts(reduced.question)
        choices = possible.sum(axis=1)
        if not (choices == 1).any() or (choices == 0).any():
            return Settled(reduced.question, reduced.constant, bool((choices == 0).any()))
        reduced = _without(reduced, possible, choices == 1)
    return reduced


def _without(before: Settled, possible: Mask, alone: Mask) -> Settled:
    """Return what is left when some VMs are put into their only host."""
    q = before.question
    vms, others = np.flatnonzero(alone), np.flatnonzero(~alone)
    hosts = possible[vms].argmax(axis=1)
    base: Integers = np.zeros_like(q.capacity)
    np.add.at(base, hosts, q.sizes[vms])
    held = base.copy()
    left = (q.current[vms] != NOWHERE) & (q.current[vms] != hosts)
    np.add.at(held, q.current[vms[left]], q.sizes[vms[left]] * q.transient)
    capacity = q.capacity - held
    if (capacity < 0).any():
        return Settled(q, before.constant, impossible=True)
    together = np.zeros((q.services, q.hosts), dtype=np.int64)
    np.add.at(together, (q.service[vms], hosts), 1)
    full = (together >= q.most_per_host[:, None])[q.service[others]]
    question = Reassignment(
        sizes=q.sizes[others],
        service=q.service[others],
        current=q.current[others],
        capacity=capacity,
        safety=np.maximum(q.safety - base, 0),
        location=q.location,
        neighbourhood=q.neighbourhood,
        transient=q.transient,
        load_weight=q.load_weight,
        balances=q.balances,
        spread=_spread_left(q, vms, hosts),
        most_per_host=q.most_per_host,
        dependencies=_dependencies_left(q, vms),
        move_cost=q.move_cost[others],
        move_weight=q.move_weight,
        service_weight=0,
        pair_weight=q.pair_weight,
        host_class=q.host_class,
        pair_cost=q.pair_cost,
        vm_class=np.arange(len(others), dtype=np.int64),
        allowed=possible[others] & ~full,
        most_moves=None if q.most_moves is None else max(0, q.most_moves - int(left.sum())),
        name=q.name,
    )
    return Settled(question, before.constant + _cost_of(q, vms, hosts, base))


def _cost_of(q: Reassignment, vms: Integers, hosts: Integers, base: Integers) -> int:
    """Return what VMs cost on their hosts for their moves, and for load by themselves."""
    over = np.maximum(base - q.safety, 0).sum(axis=0)
    cost: int = sum(w * x for w, x in zip(q.load_weight.tolist(), over.tolist(), strict=True))
    for vm, host in zip(vms.tolist(), hosts.tolist(), strict=True):
        if q.current[vm] not in {NOWHERE, host}:
            pair = int(q.pair_cost[q.host_class[q.current[vm]], q.host_class[host]])
            cost += q.move_weight * int(q.move_cost[vm]) + q.pair_weight * pair
    return cost


def _spread_left(q: Reassignment, vms: Integers, hosts: Integers) -> Integers:
    """Return in how many further locations each service must lie."""
    found = np.zeros((q.services, q.locations), dtype=np.bool_)
    found[q.service[vms], q.location[hosts]] = True
    left: Integers = np.maximum(q.spread - found.sum(axis=1), 0).astype(np.int64)
    return left


def _dependencies_left(q: Reassignment, vms: Integers) -> Integers:
    """Return the dependencies between services of which no VM is settled; a bound may do without the others."""
    touched = np.isin(q.dependencies, np.unique(q.service[vms])).any(axis=1)
    return q.dependencies[~touched]
