"""Dispatch tables in files, as ``placewright schedule --output`` writes them: names, whole microseconds."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from formulations.cores import MOST_CORES
from formulations.errors import InputError
from formulations.instance import Instance
from formulations.naming import CountedNames
from formulations.scheduling.dispatch import LONGEST_FRAME, DispatchTable, Excess, Slice, VirtualCpu
from solver.inventories.documents import StatusWord
from solver.inventories.files import named
from solver.inventories.json_text import decode_json
from solver.inventories.reading import json_of

MOST_SLICES = 1_000_000
"""Slices of a core in a file at most."""

FINEST_EXCESS = 10**6
"""Unused cores are read as the fraction with at most this denominator that a figure stands for."""


class SliceDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vCPU on a core, from ``start_us`` to ``end_us`` of every frame."""

    start_us: int
    end_us: int
    vm: str
    vcpu: int


class CoreDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a core does.

    Parameters
    ----------
    core : int
        Its number; cores stand in this order.
    cell : int
        Its NUMA cell.
    owner : str or null, optional
        The VM that owns it.
    idle_us : int, optional
        Not read: it follows from the slices.
    slices : list of SliceDocument
    """

    core: int
    cell: int = 0
    owner: str | None = None
    idle_us: int | None = None
    slices: list[SliceDocument]

    def __post_init__(self) -> None:
        if len(self.slices) > MOST_SLICES:
            raise InputError(f"at most {MOST_SLICES:,}, got {len(self.slices):,}", "slices")


class VirtualCpuDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a vCPU gets: microseconds of every frame, its longest blackout (null: it never runs), its cores."""

    vm: str
    vcpu: int
    cell: int
    share_us: int
    blackout_us: int | None
    cores: int


class TableDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table of a host.

    Parameters
    ----------
    frame_us : int
    cores : list of CoreDocument
    vcpus : list of VirtualCpuDocument
    excess_cores : dict of str to number
        By VM the cores that it is allocated and cannot use.
    migrating_vcpus, longest_blackout_us, gangs : optional
        Not read: they follow from the slices, or say who proved what.
    """

    frame_us: int
    cores: list[CoreDocument]
    vcpus: list[VirtualCpuDocument]
    excess_cores: dict[str, float] = {}
    migrating_vcpus: int | None = None
    longest_blackout_us: int | None = None
    gangs: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.frame_us <= LONGEST_FRAME:
            raise InputError(f"must be from 1 to {LONGEST_FRAME:,} µs, got {self.frame_us:,}", "frame_us")
        if len(self.cores) > MOST_CORES:
            raise InputError(f"at most {MOST_CORES:,}, got {len(self.cores):,}", "cores")
        for place, core in enumerate(self.cores):
            if core.core != place:
                raise InputError(f"expected core {place}, as cores stand in order, got {core.core}", f"cores[{place}]")


class DispatchDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tables of all hosts, by host name."""

    hosts: dict[str, TableDocument]
    status: StatusWord | None = None
    refusals: list[dict[str, Any]] = []


class _Schedule(msgspec.Struct):
    """A whole schedule, of which the tables are a part; the start-up order is not read."""

    dispatch: DispatchDocument | None = None


class _Marks(msgspec.Struct):
    dispatch: msgspec.Raw = msgspec.Raw()


def read_tables(path: str | Path, instance: Instance) -> tuple[DispatchTable, ...]:
    """Return the dispatch tables in a file.

    Parameters
    ----------
    path : str or Path
        JSON or YAML: what ``placewright schedule --output`` writes, or its part ``dispatch``.
    instance : Instance
        Which the names belong to.

    Returns
    -------
    tuple of DispatchTable
        By host. Nothing is checked but names and limits: that is for `check_dispatch`.

    Raises
    ------
    InputError
        With the file and the field, if anything is malformed, or a name is unknown or not of a single member.
    """
    path = Path(path)
    content = json_of(path)
    with named(path):
        document = _document(content)
        tables = [_table(instance, host, own) for host, own in document.hosts.items()]
    return tuple(sorted(tables, key=lambda table: table.host))


def _document(content: bytes) -> DispatchDocument:
    if not _is_schedule(content):
        return decode_json(content, DispatchDocument)
    found = decode_json(content, _Schedule).dispatch
    if found is None:
        raise InputError("the schedule holds no dispatch tables", "dispatch")
    return found


def _is_schedule(content: bytes) -> bool:
    try:
        return bool(bytes(msgspec.json.decode(content, type=_Marks).dispatch))
    except (msgspec.MsgspecError, RecursionError):
        return False  # decoding as tables says what is wrong


def _table(instance: Instance, host: str, own: TableDocument) -> DispatchTable:
    path = f"hosts.{host}"
    vms: dict[str, int] = {}

    def number(name: str, where: str) -> int:
        if name not in vms:
            vms[name] = _number(instance.vm_names, name, "VM", f"{path}.{where}")
        return vms[name]

    return DispatchTable(
        host=_number(instance.host_names, host, "host", path),
        frame=own.frame_us,
        cells=tuple(core.cell for core in own.cores),
        owners=tuple(
            -1 if core.owner is None else number(core.owner, f"cores[{core.core}].owner") for core in own.cores
        ),
        slices=tuple(
            Slice(core.core, one.start_us, one.end_us, number(one.vm, f"cores[{core.core}].slices[{at}].vm"), one.vcpu)
            for core in own.cores
            for at, one in enumerate(core.slices)
        ),
        vcpus=tuple(
            VirtualCpu(number(one.vm, f"vcpus[{at}].vm"), one.vcpu, one.cell, one.share_us, one.blackout_us, one.cores)
            for at, one in enumerate(own.vcpus)
        ),
        excess=tuple(
            Excess(number(name, "excess_cores"), _cores(figure, f"{path}.excess_cores.{name}"))
            for name, figure in own.excess_cores.items()
        ),
    )


def _cores(figure: float, path: str) -> Fraction:
    """Return the simple fraction that a figure is nearest to, or the figure itself."""
    if not 0 <= figure <= MOST_CORES:
        raise InputError(f"expected a number from 0 to {MOST_CORES:,}, got {figure:g}", path)
    simple = Fraction(figure).limit_denominator(FINEST_EXCESS)
    return simple if float(simple) == figure else Fraction(figure)


def _number(names: CountedNames, name: str, what: str, path: str) -> int:
    found = names.find(name)
    if found is None or len(found) != 1:
        raise InputError(
            f"no {what} is called {name!r}" if found is None else f"{len(found)} are called {name!r}", path
        )
    return int(found[0])
