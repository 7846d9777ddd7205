"""Checks of what every VM gets and every host gives: floors, limits, whole cores, capacity, bursts."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.tables import Integers
from solver.verifying.exact_sums import totals
from solver.verifying.occupants import Occupants
from solver.verifying.verdict import Fault, Violation, listed


def outside_bounds(occupants: Occupants, given: Integers, verb: str) -> Iterator[Violation]:
    """Yield who gets less than its floor or more than its limit.

    Parameters
    ----------
    occupants : Occupants
    given : int64 array, shape (placed, resources)
        What each gets.
    verb : str
        ``allocated`` or ``needed``, for the message.
    """
    instance = occupants.instance
    for kind, wrong, bound in (
        (Fault.FLOOR, given < occupants.floor, occupants.floor),
        (Fault.LIMIT, given > occupants.upper, occupants.upper),
    ):
        width = len(instance.resources)

        def make(at: int, kind: Fault = kind, bound: Integers = bound, width: int = width) -> Violation:
            row, r = divmod(at, width)
            scale = instance.tables.scales[r]
            name = instance.vm_names.name(int(occupants.vm[row]))
            figure = f"{scale.say(int(given[row, r]))} {verb}, {kind} {scale.say(int(bound[row, r]))}"
            excess = abs(int(given[row, r]) - int(bound[row, r])) * scale.quantum
            message = f"{scale.resource.name} of {name}: {figure}"
            return Violation(kind, (name, scale.resource.name), excess, scale.resource.unit, message)

        yield from listed(kind, np.flatnonzero(wrong).tolist(), make)


def given_without_host(instance: Instance, host_of: Integers, allocation: Integers) -> Iterator[Violation]:
    """Yield the VMs that get something although they have no host."""
    wrong = np.flatnonzero((host_of < 0) & (allocation != 0).any(axis=1))

    def make(vm: int) -> Violation:
        name = instance.vm_names.name(vm)
        return Violation(Fault.LIMIT, (name,), Fraction(1), "", f"{name} has no host but an allocation")

    return listed(Fault.LIMIT, wrong.tolist(), make)


def broken_cores(occupants: Occupants, given: Integers) -> Iterator[Violation]:
    """Yield the pinned slices that are no whole number of their host's cores."""
    instance = occupants.instance
    cpu = instance.tables.cpu
    if cpu is None or not occupants.pinned.any():
        return
    core = instance.tables.core[occupants.host_entry]
    stated = core > 0
    uneven = np.where(stated, given[:, cpu] % np.maximum(core, 1) != 0, occupants.upper[:, cpu] > 0)

    def make(row: int) -> Violation:
        vm, host = instance.vm_names.name(int(occupants.vm[row])), instance.host_names.name(int(occupants.host[row]))
        scale = instance.tables.scales[cpu]
        rest = int(given[row, cpu]) % int(core[row]) if stated[row] else int(occupants.upper[row, cpu])
        figure, worth = scale.say(int(given[row, cpu])), scale.say(int(core[row]))
        why = f"whose cores are {worth} each: {figure} is no whole number of them"
        message = f"{vm} is pinned on {host}, {why if stated[row] else 'which does not state its cores'}"
        return Violation(Fault.CORES, (vm, host), rest * scale.quantum, scale.resource.unit, message)

    yield from listed(Fault.CORES, np.flatnonzero(occupants.pinned & uneven).tolist(), make)


def overloaded(occupants: Occupants, given: Integers, verb: str) -> Iterator[Violation]:
    """Yield the hosts and resources that give more than they have.

    Parameters
    ----------
    occupants : Occupants
    given : int64 array, shape (placed, resources)
    verb : str
        ``allocated`` or ``needed``, for the message.
    """
    instance = occupants.instance
    for r, capacity in enumerate(_capacities(instance)):
        sums = totals(occupants.host, given[:, r], instance.host_count)
        yield from _excess(instance, r, sums, capacity, kind=Fault.CAPACITY, verb=verb)


def crowded_in_transit(occupants: Occupants) -> Iterator[Violation]:
    """Yield the hosts whose arriving VMs do not fit beside all who are there before anybody moves.

    Transient resources only, by reservations. Where those who are there exceed the capacity
    already, nobody may arrive who needs any of it.
    """
    instance = occupants.instance
    now = np.flatnonzero(instance.wanted & (instance.current >= 0))
    came = occupants.host != instance.current[occupants.vm]
    if not len(now) or not came.any():
        return
    for r, capacity in enumerate(_capacities(instance)):
        if not instance.resources[r].transient:
            continue
        arriving = totals(occupants.host[came], occupants.lower[came, r], instance.host_count)
        held = totals(instance.current[now], instance.tables.lower[instance.vm_entry[now], r], instance.host_count)
        needed = np.where(arriving > 0, arriving + held, 0)
        yield from _excess(instance, r, needed, capacity, kind=Fault.TRANSIT, verb="needed while VMs move,")


def bursting(occupants: Occupants, given: Integers) -> Iterator[Violation]:
    """Yield the hosts where the guaranteed part and the largest bursts together do not fit.

    The ``gamma`` largest bursts of the protected VMs come on top of the full slices and of
    the others' floors (Bertsimas and Sim 2004, doi:10.1287/opre.1030.0065).
    """
    instance = occupants.instance
    if instance.gamma == 0 or not occupants.protected.any():
        return
    concerned = np.zeros(instance.host_count, dtype=np.bool_)
    concerned[occupants.host[occupants.protected]] = True
    base = np.where(occupants.full[:, None], given, occupants.floor)
    spread = occupants.upper - occupants.lower
    for r, capacity in enumerate(_capacities(instance)):
        sums = totals(occupants.host, base[:, r], instance.host_count)
        top = largest_by_group(occupants.host[occupants.protected], spread[occupants.protected, r], instance.gamma)
        bursts = totals(*top, instance.host_count)
        needed = np.where(concerned, sums + bursts, 0)
        verb = f"needed when {instance.gamma} burst at once,"
        yield from _excess(instance, r, needed, capacity, kind=Fault.BURST, verb=verb)


def largest_by_group(groups: Integers, values: NDArray[Any], most: int) -> tuple[Integers, NDArray[Any]]:
    """Return the ``most`` largest values of every group, with their groups."""
    order = np.lexsort((-values, groups))
    ordered = groups[order]
    starts = np.searchsorted(ordered, ordered)
    kept = order[np.arange(len(order)) - starts < most]
    return groups[kept], values[kept]


def _capacities(instance: Instance) -> Iterator[Integers]:
    entries = instance.host_names.entries()
    for column in instance.tables.capacity.T:
        yield column[entries]


def _excess(
    instance: Instance, r: int, sums: NDArray[Any], capacity: Integers, *, kind: Fault, verb: str
) -> Iterator[Violation]:
    scale = instance.tables.scales[r]

    def make(host: int) -> Violation:
        name, load, most = instance.host_names.name(host), int(sums[host]), int(capacity[host])
        message = f"{scale.resource.name} of {name}: {scale.say(load)} {verb} of {scale.say(most)}"
        amount = (load - most) * scale.quantum
        return Violation(kind, (name, scale.resource.name), amount, scale.resource.unit, message)

    return listed(kind, np.flatnonzero(sums > capacity).tolist(), make)
