"""Reading placements: from a result file, or from anybody's list of who is where."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.machines import MOST_CELLS
from formulations.placement import Placement
from formulations.quantities import LARGEST_QUANTITY, Quantity, shown
from formulations.resources import Scale
from solver.inventories.documents import PlacementDocument, ResultDocument
from solver.inventories.json_text import decode_json
from solver.inventories.reading import json_of, named

Integers = NDArray[np.int64]

_FINEST_EXPONENT = -400
"""No float needs more decimals; anything finer is refused before it costs memory."""


class _Marks(msgspec.Struct):
    status: msgspec.Raw = msgspec.Raw()


def read_placement(path: str | Path, instance: Instance) -> Placement:
    """Return the placement in a result file, or in a bare ``{"placement": {VM: host}}``.

    Parameters
    ----------
    path : str or Path
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
    content = json_of(path)
    with named(path):
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

    def _allocation(self, figures: dict[str, dict[str, Quantity]], host_of: Integers) -> Integers:
        known: dict[str, tuple[int, Scale, dict[Quantity, int]]] = {
            scale.resource.name: (r, scale, {}) for r, scale in enumerate(self._instance.tables.scales)
        }
        table = np.zeros((self._instance.vm_count, len(known)), dtype=np.int64)
        missing = host_of >= 0
        for name, row in figures.items():
            vm = self._vm(name, "allocation")
            missing[vm] = False
            for resource, figure in row.items():
                if resource not in known:
                    raise InputError(
                        f"unknown resource; expected one of {', '.join(known)}", f"allocation.{name}.{resource}"
                    )
                r, scale, quanta = known[resource]
                if figure not in quanta:
                    quanta[figure] = quanta_of(figure, scale, f"allocation.{name}.{resource}")
                table[vm, r] = quanta[figure]
        if missing.any():
            name = self._instance.vm_names.name(int(np.argmax(missing)))
            raise InputError(f"placed VM {name!r} has no allocation", "allocation")
        return table

    def _cells(self, cells: dict[str, list[int]]) -> Integers:
        masks = np.zeros(self._instance.vm_count, dtype=np.int64)
        for name, listed in cells.items():
            vm = self._vm(name, "cells")
            if len(set(listed)) < len(listed) or not all(0 <= cell < MOST_CELLS for cell in listed):
                raise InputError(f"expected distinct cells from 0 to {MOST_CELLS - 1}, got {listed}", f"cells.{name}")
            masks[vm] = sum(1 << cell for cell in listed)
        return masks


def quanta_of(figure: Quantity, scale: Scale, field: str) -> int:
    """Return the whole number of quanta that a figure in the resource's unit stands for.

    A figure stands for a multiple of the quantum when it equals it, or is the float nearest to it.

    Raises
    ------
    InputError
        If there is none, naming the nearest.
    """
    decimal = Decimal(repr(figure)) if isinstance(figure, float) else Decimal(figure)
    if not decimal.is_finite() or not 0 <= decimal <= LARGEST_QUANTITY * 1000:
        raise InputError(f"expected a number from 0 to {LARGEST_QUANTITY * 1000:,}, got {shown(decimal)}", field)
    exponent = decimal.as_tuple().exponent
    if decimal and isinstance(exponent, int) and exponent < _FINEST_EXPONENT:
        raise InputError(f"has more than {-_FINEST_EXPONENT} decimals: {shown(decimal)}", field)
    value = Fraction(decimal) if decimal else Fraction(0)
    nearest = round(value / scale.quantum)
    multiple = scale.value(nearest)
    if value != multiple and float(value) != float(multiple):
        near = f"{scale.say(1)}; the nearest is {scale.say(nearest)}"
        raise InputError(f"{shown(decimal)} is no multiple of {near}", field)
    return nearest
