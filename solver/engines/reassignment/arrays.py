"""The arrays that the compiled search works on: the terms of a question, and the state of a search."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.reassignment import NOWHERE, Reassignment
from formulations.tables import Integers

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Shorts = NDArray[np.int32]
Words = NDArray[np.uint64]

COST, MOST_MOVED, MOVES, BEST, CHANGED, ACCEPTED, SCANS, FOUND = range(8)
"""The layout of ``State.totals``."""

TOTALS = 8

SAMPLE = 20_000
"""So many pairs of a VM and a host show which resources exclude most."""


class Terms(NamedTuple):
    """What does not change during a search.

    Loads and balances become one list of *excesses* per host: each is a signed integer that a VM
    raises by ``delta`` when it comes, and that costs what it is above zero. Resources stand in the
    order that ``order_of_resources`` gives: transient ones first.

    Attributes
    ----------
    sizes : int64 array, shape (VMs, resources)
    transient : int64 array, shape (1,)
        How many resources are transient; they come first.
    delta : int64 array, shape (VMs, excesses)
    service : int64 array, shape (VMs,)
    home : int64 array, shape (VMs,)
        Where each VM is at first; -1 for none.
    away : int64 array, shape (VMs,)
        What moving costs wherever the VM goes, with its weight.
    relief : int64 array, shape (VMs,)
        How much less a host can cost at most when the VM comes to it.
    host_class : int64 array, shape (hosts,)
    pair_cost : int32 array, shape (classes, classes)
    weights : int64 array, shape (3,)
        Of service moves and of pair costs, and the most moves.
    vm_class : int64 array, shape (VMs,)
    allowed : uint8 array, shape (VM classes, hosts), or (0, 0)
    location, neighbourhood : int64 arrays, shape (hosts,)
    crowd_row, spread_row, near_row : int64 arrays, shape (VMs,)
        The row of the VM's service in the counts per host, location, and neighbourhood; -1 where
        its service has no such rule that could bind.
    crowd_limit, spread_limit : int64 arrays, shape (rows,)
    needs_first, needs, needed_first, needed : int64 arrays
        Row n depends on rows ``needs[needs_first[n]:needs_first[n + 1]]`` and the other way round.
    logs : float64 array, shape (4096,)
        ``-log(u)`` at even steps of u.
    """

    sizes: Integers
    transient: Integers
    delta: Integers
    service: Integers
    home: Integers
    away: Integers
    relief: Integers
    host_class: Integers
    pair_cost: Shorts
    weights: Integers
    vm_class: Integers
    allowed: Bytes
    location: Integers
    neighbourhood: Integers
    crowd_row: Integers
    spread_row: Integers
    near_row: Integers
    crowd_limit: Integers
    spread_limit: Integers
    needs_first: Integers
    needs: Integers
    needed_first: Integers
    needed: Integers
    logs: Floats


class State(NamedTuple):
    """What changes with every move.

    Attributes
    ----------
    host_of : int64 array, shape (VMs,)
    first, following, preceding : int64 arrays, shapes (hosts,), (VMs,), (VMs,)
        The VMs of every host as a circular list linked both ways; -1 for none.
    room : int64 array, shape (resources, hosts)
        Capacity less what is there, and of transient resources less what has left, too.
    excess : int64 array, shape (hosts, excesses)
    host_cost : int64 array, shape (hosts,)
        The positive parts of its excesses.
    crowd : int32 array, shape (rows, hosts)
    spread : int32 array, shape (rows, locations)
    spread_used : int64 array, shape (rows,)
    near : int32 array, shape (rows, neighbourhoods)
    moved : int64 array, shape (services,)
        Moved VMs of every service.
    histogram : int64 array, shape (largest service + 2,)
        How many services have that many moved VMs.
    totals : int64 array, shape (TOTALS,)
    best : int64 array, shape (VMs,)
        The cheapest placement seen, brought up to date when it is about to be left.
    changed, marks : int64 array, uint8 array, shape (VMs,)
        Which VMs may lie elsewhere than in ``best``.
    random : uint64 array, shape (1,)
    """

    host_of: Integers
    first: Integers
    following: Integers
    preceding: Integers
    room: Integers
    excess: Integers
    host_cost: Integers
    crowd: Shorts
    spread: Shorts
    spread_used: Integers
    near: Shorts
    moved: Integers
    histogram: Integers
    totals: Integers
    best: Integers
    changed: Integers
    marks: Bytes
    random: Words


def order_of_resources(question: Reassignment) -> Integers:
    """Return the resources, transient ones first, and of either kind first those that exclude most."""
    rng = np.random.default_rng(0)
    vms, hosts = rng.integers(0, question.vms, SAMPLE), rng.integers(0, question.hosts, SAMPLE)
    room: Integers = question.capacity.copy()
    known = np.flatnonzero(question.current != NOWHERE)
    np.subtract.at(room, question.current[known], question.sizes[known])
    excluding = (question.sizes[vms] > room[hosts]).sum(axis=0)
    return np.lexsort((-excluding, ~question.transient)).astype(np.int64)


def _weighted(question: Reassignment) -> Integers:
    """Return the resources whose load costs something."""
    return np.flatnonzero(question.load_weight).astype(np.int64)


def deltas_of(question: Reassignment) -> Integers:
    """Return how much a VM raises each excess of its host: shape (VMs, excesses)."""
    loads = _weighted(question)
    columns = [question.sizes[:, loads] * question.load_weight[loads]]
    for first, second, target, weight in question.balances.tolist():
        columns.append((weight * (question.sizes[:, second] - target * question.sizes[:, first]))[:, None])
    return np.ascontiguousarray(np.concatenate(columns, axis=1))


def empty_excesses(question: Reassignment) -> Integers:
    """Return the excesses of hosts without VMs: shape (hosts, excesses)."""
    loads = _weighted(question)
    columns = [-question.safety[:, loads] * question.load_weight[loads]]
    for first, second, target, weight in question.balances.tolist():
        columns.append((weight * (target * question.capacity[:, first] - question.capacity[:, second]))[:, None])
    return np.ascontiguousarray(np.concatenate(columns, axis=1))


def _rows(wanted: NDArray[np.bool_], service: Integers) -> tuple[Integers, Integers]:
    """Return the services that get a row, and the row of every VM."""
    chosen = np.flatnonzero(wanted).astype(np.int64)
    row: Integers = np.full(len(wanted), -1, dtype=np.int64)
    row[chosen] = np.arange(len(chosen))
    return chosen, row[service]


def _lists(pairs: Integers, rows: int) -> tuple[Integers, Integers]:
    """Return the second entries of pairs, by the first: where each row's list begins, and the lists."""
    first: Integers = np.zeros(rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(pairs[:, 0], minlength=rows), out=first[1:])
    order = np.argsort(pairs[:, 0], kind="stable")
    return first, np.ascontiguousarray(pairs[order, 1])


def terms_of(question: Reassignment) -> Terms:
    """Return the terms of a question."""
    service, order, delta = question.service, order_of_resources(question), deltas_of(question)
    _, crowd_row = _rows(question.members > question.most_per_host, service)
    crowded = np.flatnonzero(question.members > question.most_per_host)
    spreading, spread_row = _rows(question.spread > 1, service)
    pairs = question.dependencies[question.dependencies[:, 0] != question.dependencies[:, 1]]
    pairs = np.unique(pairs[question.members[pairs[:, 0]] > 0], axis=0)
    related = np.zeros(question.services, dtype=np.bool_)
    related[pairs.ravel()] = True
    relations, near_row = _rows(related, service)
    pairs = np.searchsorted(relations, pairs).astype(np.int64).reshape(-1, 2)
    needs_first, needs = _lists(pairs, len(relations))
    needed_first, needed = _lists(np.ascontiguousarray(pairs[:, ::-1]), len(relations))
    most_moves = question.vms if question.most_moves is None else min(question.most_moves, question.vms)
    allowed = np.zeros((0, 0), dtype=np.uint8) if question.allowed is None else question.allowed.astype(np.uint8)
    return Terms(
        sizes=np.ascontiguousarray(question.sizes[:, order]),
        transient=np.array([int(question.transient.sum())], dtype=np.int64),
        delta=delta,
        service=service,
        home=question.current,
        away=question.move_weight * question.move_cost,
        relief=np.maximum(-delta, 0).sum(axis=1),
        host_class=question.host_class,
        pair_cost=question.pair_cost,
        weights=np.array([question.service_weight, question.pair_weight, most_moves], dtype=np.int64),
        vm_class=question.vm_class,
        allowed=np.ascontiguousarray(allowed),
        location=question.location,
        neighbourhood=question.neighbourhood,
        crowd_row=crowd_row,
        spread_row=spread_row,
        near_row=near_row,
        crowd_limit=question.most_per_host[crowded],
        spread_limit=question.spread[spreading],
        needs_first=needs_first,
        needs=needs,
        needed_first=needed_first,
        needed=needed,
        logs=-np.log((np.arange(4096) + 0.5) / 4096),
    )


def _counted(row: Integers, place: Integers, rows: int, places: int) -> Shorts:
    counts: Shorts = np.zeros((rows, places), dtype=np.int32)
    known = row >= 0
    np.add.at(counts, (row[known], place[known]), 1)
    return counts


def random_words(seed: int) -> Words:
    """Return a state of random numbers that is never 0."""
    return np.random.default_rng(seed).integers(1, 2**63, 1).astype(np.uint64)


def _linked(hosts: Integers, number: int) -> tuple[Integers, Integers, Integers]:
    """Return the VMs of every host as linked lists."""
    order = np.argsort(hosts, kind="stable").astype(np.int64)
    there = hosts[order]
    begins = np.flatnonzero(np.diff(there, prepend=-1)).astype(np.int64)
    ends = np.append(begins[1:], len(hosts)) - 1
    first, following, preceding = (np.full(n, -1, dtype=np.int64) for n in (number, len(hosts), len(hosts)))
    first[there[begins]] = order[begins]
    following[order] = np.roll(order, -1)
    preceding[order] = np.roll(order, 1)
    following[order[ends]] = order[begins]
    preceding[order[begins]] = order[ends]
    return first, following, preceding


def state_of(question: Reassignment, terms: Terms, hosts: Integers, random: Words) -> State:
    """Return the state of a search at a placement that keeps every rule; ``random`` goes on from where it is."""
    order = order_of_resources(question)
    room: Integers = question.capacity[:, order]
    np.subtract.at(room, hosts, terms.sizes)
    moved = np.flatnonzero((terms.home != NOWHERE) & (terms.home != hosts))
    left: Integers = terms.sizes[moved].copy()
    left[:, int(terms.transient[0]) :] = 0
    np.subtract.at(room, terms.home[moved], left)
    excess = empty_excesses(question)
    np.add.at(excess, hosts, terms.delta)
    host_cost: Integers = np.maximum(excess, 0).sum(axis=1)
    spread = _counted(terms.spread_row, terms.location[hosts], len(terms.spread_limit), question.locations)
    per_service = np.bincount(terms.service[moved], minlength=question.services).astype(np.int64)
    histogram = np.bincount(per_service, minlength=int(question.members.max(initial=0)) + 2).astype(np.int64)
    pair = terms.pair_cost[terms.host_class[terms.home[moved]], terms.host_class[hosts[moved]]].astype(np.int64)
    totals: Integers = np.zeros(TOTALS, dtype=np.int64)
    totals[MOST_MOVED] = per_service.max(initial=0)
    totals[MOVES] = len(moved)
    totals[COST] = totals[BEST] = (
        host_cost.sum()
        + terms.away[moved].sum()
        + terms.weights[1] * pair.sum()
        + terms.weights[0] * totals[MOST_MOVED]
    )
    first, following, preceding = _linked(hosts, question.hosts)
    return State(
        host_of=hosts.copy(),
        first=first,
        following=following,
        preceding=preceding,
        room=np.ascontiguousarray(room.T),
        excess=excess,
        host_cost=host_cost,
        crowd=_counted(terms.crowd_row, hosts, len(terms.crowd_limit), question.hosts),
        spread=spread,
        spread_used=(spread > 0).sum(axis=1).astype(np.int64),
        near=_counted(terms.near_row, terms.neighbourhood[hosts], len(terms.needs_first) - 1, question.neighbourhoods),
        moved=per_service,
        histogram=histogram,
        totals=totals,
        best=hosts.copy(),
        changed=np.zeros(question.vms, dtype=np.int64),
        marks=np.zeros(question.vms, dtype=np.uint8),
        random=random,
    )
