"""Processors of a host: their numbers, cell by cell, and which of them each VM may run on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import networkx as nx

from formulations.errors import InputError, UnsupportedError
from formulations.instance import Instance
from formulations.machines import Host
from formulations.units import CORES
from solver.scheduling.enforcement.units import Measure


@dataclass(frozen=True)
class Seat:
    """What one VM asks of the processors of its host.

    Attributes
    ----------
    vm : int
    cells : tuple of int
        Its NUMA cells; empty on a host without cells.
    cores : int
        Whole cores for it alone; 0 for a VM that shares.
    runs : bool
        Whether it needs any cpu.
    """

    vm: int
    cells: tuple[int, ...]
    cores: int
    runs: bool


def seated(
    instance: Instance, measure: Measure, entry: int, name: str, seats: Sequence[Seat]
) -> dict[int, tuple[int, ...] | None]:
    """Return the processors that every VM of a host may run on; None for any.

    Cores are numbered from 0, cell after cell. VMs with cores of their own take the lowest free
    ones of their cells in the order of their numbers; nobody else may run there. Where the cpu
    capacity is a whole multiple ``t`` of the cores, core ``c`` of ``m`` has the processors ``c``,
    ``c + m``, … (``t`` of them), as Linux numbers hardware threads.

    Parameters
    ----------
    instance : Instance
    measure : Measure
    entry : int
        The host's entry.
    name : str
        The host's name, for messages.
    seats : sequence of Seat
        All VMs of the host.

    Raises
    ------
    InputError
        If a VM shares a host of which all cores are taken.
    UnsupportedError
        If cells state fewer cores than the pinned VMs have there.
    """
    host = instance.hosts[entry]
    layout = _layout(instance, measure, host)
    pinned = [seat for seat in seats if seat.cores]
    if layout is None or (not pinned and not host.cells):
        return {seat.vm: None for seat in seats}
    free = [list(cell) for cell in layout]
    own = _owned(instance, pinned, free, name)
    threads, total = _threads(instance, measure, host), sum(len(cell) for cell in layout)
    found: dict[int, tuple[int, ...] | None] = {}
    for seat in seats:
        cores = own[seat.vm] if seat.cores else _shared(seat, free, name, instance)
        found[seat.vm] = tuple(sorted(core + thread * total for core in cores for thread in range(threads)))
    return found


def _layout(instance: Instance, measure: Measure, host: Host) -> list[range] | None:
    """Return the numbers of every cell's cores, one range for a host without cells; None where not stated."""
    counts = _counts(instance, measure, host)
    if counts is None:
        return None
    starts = [sum(counts[:cell]) for cell in range(len(counts))]
    return [range(start, start + count) for start, count in zip(starts, counts, strict=True)]


def _counts(instance: Instance, measure: Measure, host: Host) -> list[int] | None:
    if not host.cells:
        return [host.cores] if host.cores else None
    stated = [cell.cores for cell in host.cells]
    if None not in stated:
        return [cores for cores in stated if cores is not None]
    if not host.cores or measure.cpu is None:
        return None
    capacities = host.cell_usable(instance.resources[measure.cpu].name)
    if capacities is None or not sum(capacities):
        return None
    parts = [capacity * host.cores / sum(capacities) for capacity in capacities]
    return None if any(part.denominator > 1 for part in parts) else [int(part) for part in parts]


def _threads(instance: Instance, measure: Measure, host: Host) -> int:
    """Return the hardware threads per core that the capacity tells of; 1 where it does not."""
    if measure.cpu is None or not host.cores or measure.cpu_unit not in CORES:
        return 1
    processors = host.physical(instance.resources[measure.cpu].name) * CORES[measure.cpu_unit]
    threads = Fraction(processors, host.cores)
    return int(threads) if threads.denominator == 1 and threads > 1 else 1


def _owned(instance: Instance, pinned: Sequence[Seat], free: list[list[int]], host: str) -> dict[int, list[int]]:
    """Take the cores of pinned VMs off the free ones: as evenly over their cells as whole cores go."""
    everywhere = tuple(range(len(free)))
    rests = _rests([(seat.cells or everywhere, seat.cores) for seat in pinned], [len(cell) for cell in free])
    if rests is None:
        names = ", ".join(instance.vm_names.name(seat.vm) for seat in pinned[:3]) + (", …" if len(pinned) > 3 else "")
        raise UnsupportedError(f"pinned VMs on {host} ({names}) have more whole cores than its cells state")
    owned: dict[int, list[int]] = {}
    for seat, rest in zip(pinned, rests, strict=True):
        cells = seat.cells or everywhere
        owned[seat.vm] = []
        for cell in cells:
            count = seat.cores // len(cells) + (cell in rest)
            owned[seat.vm] += free[cell][:count]
            del free[cell][:count]
    return owned


def _rests(wishes: Sequence[tuple[tuple[int, ...], int]], room: list[int]) -> list[frozenset[int]] | None:
    """Return in which of its cells every VM has one core more than in the others; None if they do not fit.

    Every VM has ``cores // cells`` in each of its cells; which cells give the rest is a flow,
    and since all capacities are whole, whole cores fit wherever parts of cores do.
    """
    for cells, cores in wishes:
        for cell in cells:
            room[cell] -= cores // len(cells)
    network: nx.DiGraph[object] = nx.DiGraph()
    network.add_nodes_from(("source", "sink"))
    for at, (cells, cores) in enumerate(wishes):
        network.add_edge("source", ("vm", at), capacity=cores % len(cells))
        network.add_edges_from(((("vm", at), ("cell", cell)) for cell in cells), capacity=1)
    for cell, left in enumerate(room):
        network.add_edge(("cell", cell), "sink", capacity=max(0, left))
    value, flow = nx.maximum_flow(network, "source", "sink")
    if min(room) < 0 or value < sum(cores % len(cells) for cells, cores in wishes):
        return None
    return [frozenset(cell for cell in cells if flow["vm", at]["cell", cell]) for at, (cells, _) in enumerate(wishes)]


def _shared(seat: Seat, free: Sequence[Sequence[int]], host: str, instance: Instance) -> list[int]:
    """Return the cores that nobody has alone, in the seat's cells."""
    cores = [core for cell in (seat.cells or range(len(free))) for core in free[cell]]
    if seat.runs and not cores:
        name = instance.vm_names.name(seat.vm)
        raise InputError(f"{name} shares {host}, where pinned VMs have every core: it could not run", "placement")
    return cores
