"""Start-up orders in files, as ``placewright schedule --output`` writes them: names, whole milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.placement import Placement
from formulations.scheduling.startup import LONGEST_TOGETHER, StartLimits, StartupOrder
from solver.inventories.documents import StatusWord
from solver.inventories.files import named
from solver.inventories.json_text import decode_json
from solver.inventories.reading import json_of


class StartDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a VM starts and is up, in milliseconds from the beginning, and on which host (if it is said)."""

    start_ms: int
    end_ms: int
    host: str | None = None

    def __post_init__(self) -> None:
        for field, time in (("start_ms", self.start_ms), ("end_ms", self.end_ms)):
            if not 0 <= time <= LONGEST_TOGETHER:
                raise InputError(f"must be from 0 to {LONGEST_TOGETHER:,}, got {time:,}", field)


class StartupDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A start-up order.

    Parameters
    ----------
    vms : dict of str to StartDocument
        Every VM that starts.
    starts_per_host, starts_per_cluster : int or null, optional
        The limits that it was made for.
    bound_ms : int or null, optional
        No order is said to be shorter.
    makespan_ms, gap, waves, proved_by, found_by, reasons, warnings, status : optional
        Not read: they follow from the times, or say who found what.
    """

    vms: dict[str, StartDocument]
    starts_per_host: int | None = None
    starts_per_cluster: int | None = None
    bound_ms: int | None = None
    makespan_ms: int | None = None
    gap: float | None = None
    waves: list[dict[str, Any]] = []
    proved_by: str = ""
    found_by: str = ""
    reasons: list[dict[str, Any]] = []
    warnings: list[str] = []
    status: StatusWord | None = None

    @property
    def limits(self) -> StartLimits:
        """The limits that it was made for."""
        return StartLimits(self.starts_per_host, self.starts_per_cluster)


class _Schedule(msgspec.Struct):
    """A whole schedule, of which the order is a part."""

    startup: StartupDocument | None = None


class _Marks(msgspec.Struct):
    startup: msgspec.Raw = msgspec.Raw()


def read_startup(path: str | Path) -> StartupDocument:
    """Return the start-up order in a file as it stands there.

    Parameters
    ----------
    path : str or Path
        JSON or YAML: what ``placewright schedule --output`` writes, or its part ``startup``.

    Raises
    ------
    InputError
        With the file and the field, if anything is malformed.
    """
    path = Path(path)
    content = json_of(path)
    with named(path):
        if not _is_schedule(content):
            return decode_json(content, StartupDocument)
        found = decode_json(content, _Schedule).startup
        if found is None:
            raise InputError("the schedule holds no start-up order", "startup")
        return found


def _is_schedule(content: bytes) -> bool:
    try:
        return bool(bytes(msgspec.json.decode(content, type=_Marks).startup))
    except (msgspec.MsgspecError, RecursionError):
        return False  # decoding as an order says what is wrong


def order_of(document: StartupDocument, instance: Instance, placement: Placement) -> StartupOrder:
    """Return the order of a document in the instance's numbers; whether it holds is for `check_startup`.

    Raises
    ------
    InputError
        If a name is unknown or not of a single member, or a VM is said to start on another host
        than the placement's.
    """
    start = np.full(instance.vm_count, -1, dtype=np.int64)
    end = np.full(instance.vm_count, -1, dtype=np.int64)
    numbers = {name: vm for vm, name in enumerate(instance.vm_names.all_names())}
    for name, own in document.vms.items():
        vm = numbers.get(name)
        if vm is None:
            raise InputError("no single VM is called so", f"vms.{name}")
        host = int(placement.host_of[vm])
        expected = instance.host_names.name(host) if host >= 0 else None
        if own.host is not None and own.host != expected:
            where = "has no host" if expected is None else f"is on {expected}"
            raise InputError(f"starts on {own.host}, but {where} in the placement", f"vms.{name}.host")
        start[vm], end[vm] = own.start_ms, own.end_ms
    return StartupOrder(start, end)
