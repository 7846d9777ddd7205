"""One size per VM and one capacity per host: where isolation and NUMA cells come down to that, and where not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.isolation import AnyIsolation, Full, Partial, Protected
from formulations.program import ContradictionError
from formulations.tables import Integers

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sizing:
    """What VM entries take, and what host entries have.

    Attributes
    ----------
    sizes : int64 array, shape (VM entries, resources)
        In quanta: reservations, or demands where these are to be met.
    capacity : int64 array, shape (host entries, resources)
        What one host has, its cells considered.
    faults : tuple of str
        Why "the sizes on a host do not exceed its capacity" says less than the instance does;
        empty when it says the same.
    """

    sizes: Integers
    capacity: Integers
    faults: tuple[str, ...]


def sized(instance: Instance, vms: Integers, hosts: Integers, *, served: bool) -> Sizing:
    """Return sizes and capacities that every placement respects.

    Parameters
    ----------
    instance : Instance
    vms, hosts : int64 arrays
        The entries that are to be placed, and those that may hold them.
    served : bool
        Whether every VM gets its demand, or its reservation only.

    Raises
    ------
    ContradictionError
        If pinned VMs cannot have whole cores within their limits.
    """
    tables = instance.tables
    sizes = (tables.demand if served else tables.lower).copy()
    faults = _isolation_faults(instance, vms)
    if (uneven := _in_whole_cores(instance, vms, hosts, sizes)) is not None:
        faults.append(uneven)
    capacity, celled = _capacities(instance, vms, hosts)
    return Sizing(sizes, capacity, tuple(faults + celled))


def _isolation_faults(instance: Instance, vms: Integers) -> list[str]:
    """Return why floors are not the reservations, for the first VM where they are not."""
    tables = instance.tables
    rigid = (tables.lower == tables.upper).all(axis=1)
    for entry in vms[~rigid[vms]].tolist():
        if (why := _asks_more(instance, instance.isolation_of(entry))) is not None:
            return [f"{instance.vms[entry].name} is isolated {why}"]
    return []


def _asks_more(instance: Instance, own: AnyIsolation) -> str | None:
    """Return how a level guarantees an elastic VM more than its reservation; None where it does not."""
    if isinstance(own, Partial) and own.fraction > 0:
        return "partially: its floor depends on how many share its host"
    if isinstance(own, Protected) and instance.gamma > 0:
        return "by protected bursts: what they need depends on who shares its host"
    return None


def _in_whole_cores(instance: Instance, vms: Integers, hosts: Integers, sizes: Integers) -> str | None:
    """Round the cpu sizes of pinned VMs up to whole cores, where a core is worth the same on every host.

    Returns
    -------
    str or None
        Why it cannot be done; None when it is done or nobody is pinned.
    """
    cpu = instance.tables.cpu
    pinned = _pinned(instance, vms)
    if cpu is None or not len(pinned):
        return None
    limit, cores = instance.tables.upper[pinned, cpu], np.unique(instance.tables.core[hosts])
    pinned, limit = pinned[limit > 0], limit[limit > 0]
    if not len(pinned) or not len(cores):
        return None
    if len(cores) > 1 or cores[0] == 0:
        return f"{instance.vms[int(pinned[0])].name} is pinned to cores, and a core is not worth the same on every host"
    sizes[pinned, cpu] = -(-sizes[pinned, cpu] // cores[0]) * cores[0]
    over = sizes[pinned, cpu] > limit
    if over.any():
        name = instance.vms[int(pinned[np.argmax(over)])].name
        raise ContradictionError(f"{name}: no whole number of cores lies between what it needs and its limit")
    return None


def _pinned(instance: Instance, vms: Integers) -> Integers:
    """Return the entries of these whose cpu slice is whole cores."""
    named = [(vm.isolation or instance.isolation) for vm in instance.vms]
    pinned = np.array([isinstance(own, Full) and own.pinned for own in named], dtype=np.bool_)
    return vms[pinned[vms]]


def _capacities(instance: Instance, vms: Integers, hosts: Integers) -> tuple[Integers, list[str]]:
    """Return the capacities, bounded by the cells where every VM is spread evenly over all cells of its host.

    A VM over all ``k`` cells of a host gives each cell ``1 / k`` of its size, so that the
    smallest cell binds: sizes add up to at most ``k`` times what it has.
    """
    capacity = instance.tables.capacity.copy()
    faults: list[str] = []
    spans = np.unique(instance.tables.numa[vms])
    for entry in hosts.tolist():
        cells = instance.tables.cells[entry]
        if cells is None or not len(spans):
            continue
        if len(spans) == 1 and spans[0] == len(cells):
            least = cells.min(axis=0)
            capacity[entry] = np.where(least < 0, capacity[entry], np.minimum(capacity[entry], len(cells) * least))
        elif not faults:
            faults.append(f"{instance.hosts[entry].name} has NUMA cells between which VMs choose")
    return capacity, faults
