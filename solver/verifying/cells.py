"""Checks of NUMA cells: who lies in which, and what each cell gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.machines import MOST_CELLS
from formulations.tables import Integers
from solver.verifying.capacity import largest_by_group
from solver.verifying.exact_sums import totals
from solver.verifying.occupants import Mask, Occupants
from solver.verifying.verdict import Fault, Violation, listed


def wrong_cells(occupants: Occupants, host_of: Integers, cells: Integers) -> Iterator[Violation]:
    """Yield the VMs whose cells are not as many, or not there, as they must be.

    Parameters
    ----------
    occupants : Occupants
    host_of, cells : int64 arrays, shape (VMs,)
        The cells as bit masks.
    """
    instance = occupants.instance
    here = cells[occupants.vm]
    wanted, there = _wanted(occupants), _cell_counts(instance)[occupants.host_entry]
    wrong = (_bits(here) != wanted) | (here < 0) | (here >> there != 0)

    def make(row: int) -> Violation:
        vm, host = instance.vm_names.name(int(occupants.vm[row])), instance.host_names.name(int(occupants.host[row]))
        found = _called(int(here[row]))
        expected = f"expected {wanted[row]} of {there[row]}" if there[row] else "which has none"
        return Violation(Fault.CELLS, (vm, host), Fraction(1), "", f"{vm}: {found} of {host}, {expected}")

    yield from listed(Fault.CELLS, np.flatnonzero(wrong).tolist(), make)

    def homeless(vm: int) -> Violation:
        name = instance.vm_names.name(vm)
        return Violation(Fault.CELLS, (name,), Fraction(1), "", f"{name} has no host but {_called(int(cells[vm]))}")

    yield from listed(Fault.CELLS, np.flatnonzero((host_of < 0) & (cells != 0)).tolist(), homeless)


def _cell_counts(instance: Instance) -> Integers:
    return np.array([0 if table is None else len(table) for table in instance.tables.cells], dtype=np.int64)


def _wanted(occupants: Occupants) -> Integers:
    tables = occupants.instance.tables
    counted = _cell_counts(occupants.instance)[occupants.host_entry] > 0
    return np.where(counted, tables.numa[occupants.entry], 0)


def _bits(masks: Integers) -> Integers:
    count = np.zeros(len(masks), dtype=np.int64)
    for cell in range(MOST_CELLS):
        count += masks >> cell & 1
    return count


def _called(mask: int) -> str:
    if mask < 0:
        return f"the cells {mask}"
    numbers = [str(cell) for cell in range(mask.bit_length()) if mask >> cell & 1]
    return f"cell {numbers[0]}" if len(numbers) == 1 else f"cells {', '.join(numbers)}" if numbers else "no cell"


@dataclass(frozen=True)
class Touches:
    """Every pair of a placed VM and a cell that it lies in.

    Attributes
    ----------
    row : int64 array, shape (pairs,)
        The VM's row among the occupants.
    place : int64 array, shape (pairs,)
        The cell, numbered over all hosts in use that have cells.
    host, cell : int64 arrays, shape (places,)
        The host of each numbered cell, and its number there.
    """

    row: Integers
    place: Integers
    host: Integers
    cell: Integers

    @classmethod
    def of(cls, occupants: Occupants, cells: Integers) -> Touches:
        """Collect the pairs."""
        here = cells[occupants.vm]
        pairs = [(np.flatnonzero(here >> cell & 1), cell) for cell in range(int(here.max(initial=0)).bit_length())]
        row = np.concatenate([rows for rows, _ in pairs]) if pairs else np.zeros(0, dtype=np.int64)
        cell = np.repeat([cell for _, cell in pairs], [len(rows) for rows, _ in pairs]).astype(np.int64)
        key = occupants.host[row] * (MOST_CELLS + 1) + cell
        distinct, place = np.unique(key, return_inverse=True)
        return cls(row, place.reshape(-1), distinct // (MOST_CELLS + 1), distinct % (MOST_CELLS + 1))


def overloaded_cells(occupants: Occupants, given: Integers, cells: Integers, verb: str) -> Iterator[Violation]:
    """Yield the cells that give more than they have, with and without bursts.

    A VM over ``numa`` cells counts with that part of what it gets in each; the masks must be
    well-formed (`wrong_cells` yields nothing).
    """
    touches = Touches.of(occupants, cells)
    if not len(touches.row):
        return
    instance = occupants.instance
    numa = instance.tables.numa[occupants.entry][touches.row]
    whole = lcm(*set(numa.tolist()))
    part = np.array([whole // split for split in range(1, MOST_CELLS + 1)], dtype=object)[numa - 1]
    protected = occupants.protected[touches.row]
    for r, capacity in enumerate(_cell_capacities(instance, touches)):
        load = totals(touches.place, given[touches.row, r].astype(object) * part, len(touches.host))
        yield from _excess(
            instance, touches, r, load=load, whole=whole, capacity=capacity, kind=Fault.CELL_CAPACITY, verb=verb
        )
        if instance.gamma and protected.any():
            needed = _burst_loads(occupants, touches, given[:, r], r, part=part, protected=protected)
            more = f"needed when {instance.gamma} burst at once,"
            yield from _excess(
                instance, touches, r, load=needed, whole=whole, capacity=capacity, kind=Fault.CELL_BURST, verb=more
            )


def _burst_loads(
    occupants: Occupants, touches: Touches, given: Integers, r: int, *, part: NDArray[Any], protected: Mask
) -> NDArray[Any]:
    base = np.where(occupants.full, given, occupants.floor[:, r])[touches.row].astype(object) * part
    burst = (occupants.upper[:, r] - occupants.lower[:, r])[touches.row].astype(object) * part
    places = len(touches.host)
    top = largest_by_group(touches.place[protected], burst[protected], occupants.instance.gamma)
    concerned = np.zeros(places, dtype=np.bool_)
    concerned[touches.place[protected]] = True
    needed: NDArray[Any] = np.where(concerned, totals(touches.place, base, places) + totals(*top, places), 0)
    return needed


def _cell_capacities(instance: Instance, touches: Touches) -> Iterator[Integers]:
    """Yield per resource the capacity of every numbered cell, -1 where cells do not list it."""
    entries = instance.host_names.entry_of(touches.host)
    tables = [instance.tables.cells[entry] for entry in entries.tolist()]
    for r in range(len(instance.resources)):
        found = [
            -1 if table is None else int(table[cell, r])
            for table, cell in zip(tables, touches.cell.tolist(), strict=True)
        ]
        yield np.array(found, dtype=np.int64)


def _excess(
    instance: Instance,
    touches: Touches,
    r: int,
    *,
    load: NDArray[Any],
    whole: int,
    capacity: Integers,
    kind: Fault,
    verb: str,
) -> Iterator[Violation]:
    """Yield the cells whose load, in parts of ``1 / whole``, is above their capacity."""
    scale = instance.tables.scales[r]

    def make(place: int) -> Violation:
        host, cell = instance.host_names.name(int(touches.host[place])), int(touches.cell[place])
        figure, most = Fraction(int(load[place]), whole), int(capacity[place])
        message = f"{scale.resource.name} of {host}, cell {cell}: {scale.say(figure)} {verb} of {scale.say(most)}"
        amount = (figure - most) * scale.quantum
        return Violation(kind, (host, scale.resource.name), amount, scale.resource.unit, message)

    over = (load > capacity.astype(object) * whole) & (capacity >= 0)
    return listed(kind, np.flatnonzero(over).tolist(), make)
