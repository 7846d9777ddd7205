"""Counted NUMA packing: VMs that lie in one cell or in all cells of a host, and hosts by their cells."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from formulations.errors import UnsupportedError
from formulations.instance import Instance
from formulations.isolation import Full, Shared
from formulations.objective import ObjectiveLevel, Term
from formulations.quantities import common_quantum, exact
from formulations.tables import Integers, distinct_rows

Mask = NDArray[np.bool_]

COUNTED_TERMS = frozenset({"unplaced", "hosts", "cost"})
"""Terms that a packing knows the value of."""


@dataclass(frozen=True, eq=False)
class LinearLevel:
    """An objective level as a sum over hosts in use and VMs left out, in whole steps.

    Attributes
    ----------
    number : int
        Of the level in the instance's objective.
    costs : int64 array, shape (types,)
        What one host of each type in use adds.
    refusals : int64 array, shape (flavours,)
        What one VM of each flavour without a host adds.
    step : Fraction
        What one step is worth.
    """

    number: int
    costs: Integers
    refusals: Integers
    step: Fraction


@dataclass(frozen=True, eq=False)
class CellPacking:
    """VMs counted by flavour, hosts of equally many NUMA cells counted by type.

    A VM of flavour ``f`` takes ``sizes[f]`` of one cell of its host, or of every cell when it spans. Rules, and
    what a host has beside its cells, are left out: whatever is proved of the packing holds for the instance.

    Attributes
    ----------
    sizes : int64 array, shape (flavours, resources)
        In steps of each resource: the greatest common divisor of what VMs take.
    spans : bool array, shape (flavours,)
    demand : int64 array, shape (flavours,)
        How many VMs there are.
    cells : int64 array, shape (types, cells, resources)
        Whole steps in each cell, the roomiest cells first.
    number : int64 array, shape (types,)
        How many hosts there are.
    optional : bool
        Whether VMs may be left out.
    levels : tuple of LinearLevel
        The levels of the objective that a packing tells the value of.
    flavour_of : int64 array, shape (VMs,)
        -1 for VMs that are not wanted.
    type_of : int64 array, shape (hosts,)
        -1 for hosts that take no VM.
    cell_order : int64 array, shape (hosts, cells)
        Which cell of a host each cell of its type is.
    """

    sizes: Integers
    spans: Mask
    demand: Integers
    cells: Integers
    number: Integers
    optional: bool
    levels: tuple[LinearLevel, ...]
    flavour_of: Integers
    type_of: Integers
    cell_order: Integers

    @classmethod
    def of(cls, instance: Instance) -> CellPacking:
        """Count an instance.

        Raises
        ------
        UnsupportedError
            If hosts differ in their number of cells or have something that no cell lists, if VMs lie in some cells
            but not all, if what VMs get may vary, or if some VMs stay where they are.
        """
        _check(instance)
        hosts = np.flatnonzero(instance.usable_entries[instance.host_names.entries()])
        entries = instance.host_names.entries()[hosts]
        used = np.unique(entries)
        cells = np.stack([table for entry in used.tolist() if (table := instance.tables.cells[entry]) is not None])
        vms = np.flatnonzero(instance.wanted)
        own = instance.vm_entry[vms]
        sizes = instance.tables.lower // instance.tables.numa[:, None]
        step = np.maximum(np.gcd.reduce(sizes[own], axis=0), 1)
        order = np.argsort(-cells[:, :, 0] * (2.0**-53) - cells.sum(axis=2), axis=1, kind="stable")
        sorted_cells = np.take_along_axis(cells, order[:, :, None], axis=1) // step
        levels = [(at, stated) for at, stated in enumerate(instance.levels) if _counted(stated)]
        prices = [_prices(instance, stated) for _, stated in levels]
        spans = instance.tables.numa > 1
        kinds, flavour = distinct_rows(
            np.column_stack([spans[own], sizes[own] // step, *[refusals[own] for _, refusals, _ in prices]])
        )
        shapes, kind = distinct_rows(
            np.column_stack([sorted_cells.reshape(len(used), -1), *[costs[used] for costs, _, _ in prices]])
        )
        position = np.searchsorted(used, entries)
        resources, width = len(step), cells.shape[1] * len(step)
        flavour_of: Integers = np.full(instance.vm_count, -1, dtype=np.int64)
        flavour_of[vms] = flavour
        type_of: Integers = np.full(instance.host_count, -1, dtype=np.int64)
        type_of[hosts] = kind[position]
        cell_order: Integers = np.zeros((instance.host_count, cells.shape[1]), dtype=np.int64)
        cell_order[hosts] = order[position]
        return cls(
            sizes=np.ascontiguousarray(kinds[:, 1 : 1 + resources]),
            spans=kinds[:, 0] > 0,
            demand=np.bincount(flavour, minlength=len(kinds)).astype(np.int64),
            cells=np.ascontiguousarray(shapes[:, :width].reshape(len(shapes), -1, resources)),
            number=np.bincount(type_of[hosts], minlength=len(shapes)).astype(np.int64),
            optional=instance.allow_unplaced,
            levels=tuple(
                LinearLevel(at, shapes[:, width + n], kinds[:, 1 + resources + n], prices[n][2])
                for n, (at, _) in enumerate(levels)
            ),
            flavour_of=flavour_of,
            type_of=type_of,
            cell_order=cell_order,
        )


def _check(instance: Instance) -> None:
    """Refuse what a packing of cells would misread."""
    tables = instance.tables
    usable = np.flatnonzero(instance.usable_entries).tolist()
    counts = {0 if (cells := tables.cells[entry]) is None else len(cells) for entry in usable}
    if len(counts) != 1 or min(counts) < 2:
        raise UnsupportedError("cells: hosts must have equally many NUMA cells, two or more")
    for entry in usable:
        cells = tables.cells[entry]
        if cells is None or (cells < 0).any() or (cells.sum(axis=0) > tables.capacity[entry]).any():
            raise UnsupportedError(f"cells: {instance.hosts[entry].name} has more or less than its cells have together")
    wanted = np.unique(instance.vm_entry[instance.wanted])
    if not len(wanted) or not set(tables.numa[wanted].tolist()) <= {1, *counts}:
        raise UnsupportedError("cells: every VM must lie in one cell or span all of its host's")
    plain = all(
        isinstance(own := instance.isolation_of(entry), Shared) or (isinstance(own, Full) and not own.pinned)
        for entry in wanted.tolist()
    )
    served = any(term.kind == "unmet_demand" for stated in instance.levels for term in stated.terms)
    if not plain or (served and (tables.demand[wanted] > tables.lower[wanted]).any()):
        raise UnsupportedError("cells: what VMs get depends on more than their reservations")
    if instance.arrival_room is not None or bool((instance.wanted & instance.ignored).any()):
        raise UnsupportedError("cells: some VMs stay where they are")


def _counted(stated: ObjectiveLevel) -> bool:
    return all(term.kind in COUNTED_TERMS for term in stated.terms)


def _prices(instance: Instance, stated: ObjectiveLevel) -> tuple[Integers, Integers, Fraction]:
    """Return what hosts in use cost per entry, VMs left out per entry, and the step, on one level."""
    hosts = [_of_host(instance, stated, entry) for entry in range(len(instance.hosts))]
    known: dict[tuple[int, bytes], Fraction] = {}  # thousands of VMs have few sizes
    vms: list[Fraction] = []
    for entry, vm in enumerate(instance.vms):
        key = vm.priority, instance.tables.demand[entry].tobytes()
        if key not in known:
            known[key] = _of_vm(instance, stated, entry)
        vms.append(known[key])
    step = common_quantum({*hosts, *vms})
    return (
        np.array([int(cost / step) for cost in hosts], dtype=np.int64),
        np.array([int(cost / step) for cost in vms], dtype=np.int64),
        step,
    )


def _of_host(instance: Instance, stated: ObjectiveLevel, entry: int) -> Fraction:
    cost = exact(instance.hosts[entry].cost or 0)
    parts = {"hosts": Fraction(1), "cost": cost}
    return sum((exact(term.weight) * parts.get(term.kind, Fraction(0)) for term in stated.terms), Fraction(0))


def _of_vm(instance: Instance, stated: ObjectiveLevel, entry: int) -> Fraction:
    counted = [term for term in stated.terms if term.kind == "unplaced"]
    return sum((exact(term.weight) * _of_term(instance, term, entry) for term in counted), Fraction(0))


def _of_term(instance: Instance, term: Term, entry: int) -> Fraction:
    if term.priority not in {None, instance.vms[entry].priority}:
        return Fraction(0)
    if term.resource is None:
        return Fraction(1)
    r = instance.tables.resource_names.index(term.resource)
    return int(instance.tables.demand[entry, r]) * instance.tables.scales[r].quantum
