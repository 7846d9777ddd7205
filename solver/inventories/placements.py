"""Reading placements: from a result file, or from anybody's list of who is where."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.machines import MOST_CELLS
from formulations.placement import Placement
from formulations.quantities import LARGEST_QUANTITY
from formulations.resources import Scale
from solver.inventories.collection import uncollected
from solver.inventories.documents import PlacementDocument, ResultDocument
from solver.inventories.files import named, read_bytes
from solver.inventories.json_text import decode_json
from solver.inventories.machine_reassignment import is_assignment, read_hosts
from solver.inventories.reading import json_of

Integers = NDArray[np.int64]

LARGEST_ALLOCATION = LARGEST_QUANTITY * 1000
"""No figure in a placement file may exceed this, in the resource's unit."""


class _Marks(msgspec.Struct):
    status: msgspec.Raw = msgspec.Raw()


def read_placement(path: str | Path, instance: Instance) -> Placement:
    """Return the placement in a result file, or in a bare ``{"placement": {VM: host}}``.

    Parameters
    ----------
    path : str or Path
        An assignment file of machine reassignment, if it holds whole numbers only; otherwise
        JSON or YAML, with ``allocation`` and ``cells`` where they are known. VMs not named
        have no host; a placed VM may not be missing from an allocation that is given.
    instance : Instance
        Which the names and figures belong to.

    Raises
    ------
    InputError
        With the file and the field: a name that is unknown or not of a single member, an
        allocation that is no whole number of quanta, or a result that holds no placement.
    """
    path = Path(path)
    if is_assignment(whole := read_bytes(path)):
        with named(path):
            return Placement(read_hosts(whole, instance.vm_count, instance.host_count))
    content = json_of(path)
    with named(path), uncollected():
        return _Restorer(instance).placement(_document(content))


def _document(content: bytes) -> PlacementDocument:
    if not _is_result(content):
        return decode_json(content, PlacementDocument)
    result = decode_json(content, ResultDocument)
    if result.placement is None:
        raise InputError(f"the result holds no placement: it is {result.status}", "placement")
    return PlacementDocument(placement=result.placement, allocation=result.allocation, cells=result.cells)


def _is_result(content: bytes) -> bool:
    try:
        return bool(bytes(msgspec.json.decode(content, type=_Marks).status))
    except (msgspec.MsgspecError, RecursionError):
        return False  # decoding as a placement says what is wrong


class _Restorer:
    """Turns names and figures back into numbers and quanta."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._vms = {name: vm for vm, name in enumerate(instance.vm_names.all_names())}

    def placement(self, read: PlacementDocument) -> Placement:
        """Return the placement that a document describes."""
        host_of = self._hosts(read.placement)
        allocation = None if read.allocation is None else self._allocation(read.allocation, host_of)
        cells = None if read.cells is None else self._cells(read.cells)
        return Placement(host_of, allocation, cells)

    def _vm(self, name: str, field: str) -> int:
        if (vm := self._vms.get(name)) is None:
            counted = self._instance.vm_names.find(name)
            what = "no VM is called" if counted is None else f"{len(counted)} VMs are called"
            raise InputError(f"{what} {name!r}", f"{field}.{name}")
        return vm

    def _hosts(self, placement: dict[str, str | None]) -> Integers:
        host_of = np.full(self._instance.vm_count, -1, dtype=np.int64)
        hosts: dict[str | None, int] = {None: -1}
        for name, host in placement.items():
            vm = self._vm(name, "placement")
            if host not in hosts:
                hosts[host] = self._host(name, host or "")
            host_of[vm] = hosts[host]
        return host_of

    def _host(self, vm: str, host: str) -> int:
        found = self._instance.host_names.find(host)
        if found is None or len(found) != 1:
            what = "no host is called" if found is None else f"{len(found)} hosts are called"
            raise InputError(f"{what} {host!r}", f"placement.{vm}")
        return int(found[0])

    def _allocation(self, figures: dict[str, dict[str, float]], host_of: Integers) -> Integers:
        scales = self._instance.tables.scales
        names = [scale.resource.name for scale in scales]
        for name, row in figures.items():
            for resource in row.keys() - set(names):
                field = f"allocation.{name}.{resource}"
                raise InputError(f"unknown resource; expected one of {', '.join(names)}", field)
        vms = [self._vm(name, "allocation") for name in figures]
        missing = host_of >= 0
        missing[vms] = False
        if missing.any():
            name = self._instance.vm_names.name(int(np.argmax(missing)))
            raise InputError(f"placed VM {name!r} has no allocation", "allocation")
        table = np.zeros((len(host_of), len(names)), dtype=np.int64)
        for r, scale in enumerate(scales):
            column = np.array([row.get(names[r], 0.0) for row in figures.values()], dtype=np.float64)
            table[vms, r] = _quanta(column, scale, list(figures))
        return table

    def _cells(self, cells: dict[str, list[int]]) -> Integers:
        masks = np.zeros(self._instance.vm_count, dtype=np.int64)
        for name, listed in cells.items():
            vm = self._vm(name, "cells")
            if len(set(listed)) < len(listed) or not all(0 <= cell < MOST_CELLS for cell in listed):
                raise InputError(f"expected distinct cells from 0 to {MOST_CELLS - 1}, got {listed}", f"cells.{name}")
            masks[vm] = sum(1 << cell for cell in listed)
        return masks


def _quanta(column: NDArray[np.float64], scale: Scale, names: list[str]) -> Integers:
    """Return figures in quanta; each distinct one is computed once."""
    distinct, which = np.unique(column, return_inverse=True)
    quanta = np.zeros(len(distinct), dtype=np.int64)
    for number, figure in enumerate(distinct.tolist()):
        try:
            quanta[number] = quanta_of(figure, scale)
        except InputError as error:
            name = names[int(np.argmax(which == number))]
            raise error.inside(f"allocation.{name}.{scale.resource.name}") from None
    whole: Integers = quanta[which]
    return whole


def quanta_of(figure: float, scale: Scale) -> int:
    """Return the whole number of quanta that a figure in the resource's unit stands for.

    A figure stands for a multiple of the quantum when it is the float nearest to it.

    Raises
    ------
    InputError
        If there is none, naming the nearest.
    """
    if not 0 <= figure <= LARGEST_ALLOCATION:
        raise InputError(f"expected a number from 0 to {LARGEST_ALLOCATION:,}, got {figure:g}")
    nearest = round(Fraction(figure) / scale.quantum)
    if figure != float(scale.value(nearest)):
        raise InputError(f"{figure} is no multiple of {scale.say(1)}; the nearest is {scale.say(nearest)}")
    return nearest
