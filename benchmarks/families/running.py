"""Clusters of VMs that run already, drawn at random: every rule holds now, but some hosts are hot and others idle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formulations.reassignment import Reassignment
from formulations.tables import Integers

Floats = NDArray[np.float64]

CORES, CORES_POPULARITY = (1, 2, 4, 8, 16), (0.3, 0.3, 0.2, 0.15, 0.05)
GIGABYTES_PER_CORE, GIGABYTES_POPULARITY = (2, 4, 8), (0.35, 0.45, 0.2)
HOST_SIZES = (1, 2, 4)
"""Hosts are of three types, so many times as large as the smallest."""

UTILISATION = 0.6
"""Of the scarcest resource; of the others less."""

SAFETY = 0.7
"""Load beyond this part of a host costs."""

NEIGHBOURHOODS = 5
HOSTS_PER_RACK = 10
TRIES = 12
"""So many hosts are drawn for a VM before all are looked at."""


@dataclass(frozen=True, eq=False)
class _Sizes:
    """What there is to be placed, and where."""

    sizes: Integers
    capacity: Integers
    service: Integers


def running_question(vms: int, hosts: int, seed: int, *, distances: bool = False) -> Reassignment:
    """Return a re-placement question whose current placement keeps every rule.

    Four resources (cores, memory, disk, which is transient, and network), half of the VMs in
    services of 2 to 12 that spread over hosts and racks and partly depend on one another, and
    costs of load, balance and moves.

    Parameters
    ----------
    vms, hosts : int
    seed : int
    distances : bool
        Whether moves to another rack cost more; as many figures as pairs of racks.
    """
    rng = np.random.default_rng([vms, hosts, seed])
    given = _Sizes(_vm_sizes(vms, rng), np.zeros((hosts, 4), dtype=np.int64), _services(vms, hosts, rng))
    given.capacity[:] = _capacities(given.sizes, hosts, rng)
    current = _placed(given, rng)
    rack: Integers = np.arange(hosts, dtype=np.int64) // min(HOSTS_PER_RACK, max(1, hosts // 3))
    neighbourhood: Integers = np.arange(hosts, dtype=np.int64) * min(NEIGHBOURHOODS, max(1, hosts // 4)) // hosts
    racks = int(rack[-1]) + 1
    apart = rng.integers(1, 10, (racks, racks)).astype(np.int32)
    return Reassignment(
        sizes=given.sizes,
        service=given.service,
        current=current,
        capacity=given.capacity,
        safety=(given.capacity * np.array([SAFETY, SAFETY, 1.0, SAFETY])).astype(np.int64),
        location=rack,
        neighbourhood=neighbourhood,
        transient=np.array([False, False, True, False]),
        load_weight=np.array([100, 25, 0, 1], dtype=np.int64),
        balances=np.array([[0, 1, 4, 2]], dtype=np.int64),
        spread=_spread(given.service, rack[current]),
        dependencies=_dependencies(given.service, neighbourhood[current], rng),
        move_cost=1 + given.sizes[:, 1] // 4,
        move_weight=1,
        service_weight=10,
        pair_weight=int(distances),
        host_class=rack if distances else np.zeros(hosts, dtype=np.int64),
        pair_cost=apart if distances else np.zeros((1, 1), dtype=np.int32),
        name=f"{vms:,} VMs on {hosts:,} hosts",
    )


def _vm_sizes(vms: int, rng: np.random.Generator) -> Integers:
    """Return cores, GB of memory, GB of disk, and Mbit/s: shape (vms, 4)."""
    cores = rng.choice(CORES, vms, p=CORES_POPULARITY)
    memory = cores * rng.choice(GIGABYTES_PER_CORE, vms, p=GIGABYTES_POPULARITY)
    disk = np.ceil(rng.lognormal(4.0, 0.8, vms))
    network = np.ceil(cores * rng.lognormal(4.0, 0.6, vms))
    return np.column_stack([cores, memory, disk, network]).astype(np.int64)


def _capacities(sizes: Integers, hosts: int, rng: np.random.Generator) -> Integers:
    """Return what hosts hold: in all as much more than is needed as the utilisation says."""
    times = rng.choice(HOST_SIZES, hosts)
    unit = sizes.sum(axis=0) / UTILISATION / times.sum() * np.array([1.0, 1.1, 1.3, 1.3])
    capacity: Integers = np.ceil(times[:, None] * np.maximum(unit, sizes.max(axis=0))).astype(np.int64)
    return capacity


def _services(vms: int, hosts: int, rng: np.random.Generator) -> Integers:
    """Return the service of every VM: half of them alone, the others by 2 to 12, as far as there are hosts."""
    members = np.concatenate([rng.integers(2, min(13, hosts + 1), vms // 14 + 1), np.ones(vms, dtype=np.int64)])
    return np.repeat(np.arange(len(members)), members)[:vms].astype(np.int64)


def _placed(given: _Sizes, rng: np.random.Generator) -> Integers:
    """Return a host for every VM, drawn unevenly: some hosts are sought after.

    Where nothing is left for a VM the roomiest host that its service is not on is made larger.
    """
    hosts = len(given.capacity)
    sought: Floats = given.capacity[:, 0] * rng.lognormal(0.0, 0.6, hosts)
    room = given.capacity.copy()
    host_of: Integers = np.full(len(given.sizes), -1, dtype=np.int64)
    drawn = rng.choice(hosts, (len(given.sizes), TRIES), p=sought / sought.sum())
    order = np.argsort(-given.sizes[:, 0], kind="stable")
    taken: dict[int, list[int]] = {}
    for vm in order.tolist():
        others = taken.setdefault(int(given.service[vm]), [])
        host = _first(drawn[vm], room, given.sizes[vm], others)
        if host is None:
            host = _first(rng.permutation(hosts), room, given.sizes[vm], others)
        if host is None:
            free = np.setdiff1d(np.arange(hosts), others)
            host = int(free[room[free, 0].argmax()])
            given.capacity[host] += np.maximum(given.sizes[vm] - room[host], 0)
        host_of[vm] = host
        room[host] = np.maximum(room[host] - given.sizes[vm], 0)
        others.append(host)
    return host_of


def _first(hosts: Integers, room: Integers, size: Integers, others: list[int]) -> int | None:
    """Return the first host with room that no other VM of the service is on."""
    fitting = hosts[(room[hosts] >= size).all(axis=1)].tolist()
    return next((host for host in fitting if host not in others), None)


def _spread(service: Integers, rack: Integers) -> Integers:
    """Return in how many racks each service must lie: two, where it lies in two and has four VMs or more."""
    members = np.bincount(service)
    pairs = np.unique(np.column_stack([service, rack]), axis=0)
    racks = np.bincount(pairs[:, 0], minlength=len(members))
    return np.where((members >= 4) & (racks >= 2), 2, 0).astype(np.int64)


def _dependencies(service: Integers, neighbourhood: Integers, rng: np.random.Generator) -> Integers:
    """Return pairs of services of which the first runs where the second does, drawn among those that do now."""
    members = np.bincount(service)
    near = np.zeros((len(members), int(neighbourhood.max()) + 1), dtype=np.bool_)
    near[service, neighbourhood] = True
    several = np.flatnonzero(members > 1)
    if len(several) < 2:
        return np.zeros((0, 2), dtype=np.int64)
    drawn: Integers = rng.choice(several, (len(several), 2))
    holds = (near[drawn[:, 1]] | ~near[drawn[:, 0]]).all(axis=1) & (drawn[:, 0] != drawn[:, 1])
    pairs: Integers = np.unique(drawn[holds], axis=0)
    return pairs
