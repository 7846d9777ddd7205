"""Rooms: what a host has left when nobody bursts, and what each VM takes of it when it does."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.isolation import Full, Partial, Protected
from formulations.placement import Placement
from formulations.quantities import exact

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class BurstClass:
    """VMs of a host that burst alike: ``count`` of them, each by ``size`` with ``probability``.

    Attributes
    ----------
    size : tuple of int
        One figure per dimension of the room; what exceeds the slack counts as slack + 1.
    """

    size: tuple[int, ...]
    probability: Fraction
    count: int


@dataclass(frozen=True)
class Room:
    """What is left on a host and who may want it.

    Attributes
    ----------
    slack : tuple of int
        Capacity less what is used when nobody bursts, for every resource of the host and of
        each of its NUMA cells (in quanta times the cells' split); a negative one never fits.
    classes : tuple of BurstClass
        VMs that may burst, identical ones counted.
    """

    slack: tuple[int, ...]
    classes: tuple[BurstClass, ...]

    @property
    def members(self) -> int:
        """How many VMs may burst."""
        return sum(own.count for own in self.classes)

    def tolerated(self) -> int:
        """Return the largest number such that any so many of the VMs may burst at once; -1 if none may."""
        if min(self.slack, default=0) < 0:
            return -1
        fits = self.members
        counts = np.array([own.count for own in self.classes], dtype=np.int64)
        for dimension, slack in enumerate(self.slack):
            sizes = np.repeat(np.array([own.size[dimension] for own in self.classes], dtype=np.int64), counts)
            worst = np.cumsum(np.sort(sizes)[::-1])
            fits = min(fits, int(np.searchsorted(worst, slack, side="right")))
        return fits

    def binding(self) -> Room:
        """Return the same question without what can never fail: dimensions with room for all, idle VMs."""
        live = [own for own in self.classes if own.probability > 0]
        total = [sum(own.size[d] * own.count for own in live) for d in range(len(self.slack))]
        kept = [d for d, slack in enumerate(self.slack) if total[d] > slack or slack < 0]
        counts: dict[tuple[tuple[int, ...], Fraction], int] = {}
        for own in live:
            size = tuple(own.size[d] for d in kept)
            if any(size):
                counts[size, own.probability] = counts.get((size, own.probability), 0) + own.count
        slack = tuple(self.slack[d] for d in kept)
        return Room(slack, tuple(BurstClass(size, p, n) for (size, p), n in sorted(counts.items(), reverse=True)))


def room_of(instance: Instance, placement: Placement, host: int, members: Integers, *, everyone: bool) -> Room:
    """Return the room of a host with these members.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        With the allocation where a VM of full isolation is on the host, and with the cells
        where the host has NUMA cells.
    host : int
        The host's number.
    members : int64 array
        The VMs on it.
    everyone : bool
        Whether every VM but those of full isolation bursts, or only the protected ones.

    Raises
    ------
    InputError
        If the placement lacks an allocation or cells that are needed.
    """
    entry = int(instance.host_names.entry_of(np.array([host]))[0])
    base, burst = _sizes(instance, placement, entry, members, everyone=everyone)
    slack = instance.tables.capacity[entry] - base.sum(axis=0)
    if (cells := instance.tables.cells[entry]) is not None:
        slack, burst = _with_cells(instance, placement, members, (slack, base, burst), cells)
    burst = np.minimum(burst, np.maximum(slack, 0) + 1)
    return Room(tuple(slack.tolist()), _classes(instance, members, burst))


def _sizes(
    instance: Instance, placement: Placement, host_entry: int, members: Integers, *, everyone: bool
) -> tuple[Integers, Integers]:
    """Return what each member uses when it does not burst, and what it adds when it does."""
    tables = instance.tables
    upper = tables.upper_on(host_entry)
    base = np.zeros((len(members), len(tables.scales)), dtype=np.int64)
    burst = np.zeros_like(base)
    for row, vm in enumerate(members.tolist()):
        entry = int(instance.vm_entry[vm])
        own = instance.isolation_of(entry)
        if isinstance(own, Full):
            if placement.allocation is None:
                name = instance.vm_names.name(vm)
                raise InputError("expected an allocation: its isolation is full", f"placement.{name}")
            base[row] = placement.allocation[vm]
            continue
        base[row] = tables.lower[entry]
        if isinstance(own, Partial):
            equal = [int(own.fraction * int(c) / len(members)) for c in tables.capacity[host_entry]]
            base[row] = np.maximum(base[row], np.minimum(upper[entry], equal))
        if everyone or isinstance(own, Protected):
            burst[row] = upper[entry] - base[row]
    return base, burst


def _with_cells(
    instance: Instance,
    placement: Placement,
    members: Integers,
    host: tuple[Integers, Integers, Integers],
    cells: Integers,
) -> tuple[Integers, Integers]:
    """Add a dimension for every resource of every cell, scaled so that the parts of a split VM are whole."""
    if placement.cells is None:
        raise InputError("expected the NUMA cells of every VM on a host with cells", "placement")
    slack, base, burst = host
    numa = instance.tables.numa[instance.vm_entry[members]]
    scale = lcm(*numa.tolist())
    touching = (placement.cells[members][:, None] >> np.arange(len(cells))) & 1
    part = touching * (scale // numa)[:, None]
    slacks, bursts = [slack * scale], [burst * scale]
    for cell, capacity in enumerate(cells):
        listed = capacity >= 0
        slacks.append((capacity * scale - (base * part[:, [cell]]).sum(axis=0))[listed])
        bursts.append((burst * part[:, [cell]])[:, listed])
    return np.concatenate(slacks), np.concatenate(bursts, axis=1)


def _classes(instance: Instance, members: Integers, burst: Integers) -> tuple[BurstClass, ...]:
    counts: dict[tuple[tuple[int, ...], Fraction], int] = {}
    for vm, size in zip(members.tolist(), burst.tolist(), strict=True):
        if any(size):
            key = tuple(size), exact(instance.vms[int(instance.vm_entry[vm])].burst_probability)
            counts[key] = counts.get(key, 0) + 1
    return tuple(BurstClass(size, p, n) for (size, p), n in sorted(counts.items(), reverse=True))
