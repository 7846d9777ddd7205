"""Pictures of schedules: who starts when on which host, and who runs when on which core."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from formulations.instance import Instance
from formulations.scheduling.dispatch import DispatchTable
from solver.reporting.figures import count
from solver.reporting.pictures.canvas import save_figure
from solver.reporting.pictures.gantt import MOST_ROWS, Bar, Gantt, gantt_page
from solver.reporting.pictures.palette import palette_of
from solver.reporting.schedules import duration, microseconds
from solver.scheduling.dispatch import DispatchAnswer
from solver.scheduling.startup import StartupResult


def picture_of_schedule(
    startup: StartupResult | None, dispatch: DispatchAnswer | None, path: str | Path, *, hosts: Sequence[int] = ()
) -> None:
    """Draw a start-up order and dispatch tables into a file, below one another.

    Parameters
    ----------
    startup : StartupResult or None
    dispatch : DispatchAnswer or None
    path : str or Path
        Its ending says in which format.
    hosts : sequence of int
        The hosts whose cores are drawn; by default all that have a table.

    Raises
    ------
    InputError
        If there is nothing to draw, or the ending is unknown.
    PlacewrightError
        If matplotlib is not installed.
    OSError
        If the file cannot be written.
    """
    charts = [] if startup is None else startup_charts(startup)
    if dispatch is not None:
        charts += dispatch_charts(dispatch, hosts)
    save_figure(gantt_page(charts), path)


def startup_charts(result: StartupResult) -> list[Gantt]:
    """Return the chart of a start-up order, a row per host; none where nothing starts."""
    if result.order is None or not len(result.order.started):
        return []
    instance, order = result.question.instance, result.order
    keys, colours = _keys(instance)
    host_of = result.question.placement.host_of[order.started].tolist()
    hosts = sorted(set(host_of))
    rows = {host: row for row, host in enumerate(hosts)}
    bars = [
        Bar(rows[host], start, end, name, keys[entry])
        for host, start, end, name, entry in zip(
            host_of,
            order.start[order.started].tolist(),
            order.end[order.started].tolist(),
            instance.vm_names.names_of(order.started),
            instance.vm_entry[order.started].tolist(),
            strict=True,
        )
    ]
    marks = {"all up": order.makespan}
    if result.bound is not None and result.bound < order.makespan:
        marks["no order is shorter"] = result.bound
    return [
        Gantt(
            rows=[instance.host_names.name(host) for host in hosts],
            bars=bars,
            headline="Start-up order",
            details=f"{count(len(bars), 'VM')} in {duration(order.makespan)}: {result.status}",
            colours=colours,
            marks=marks,
        )
    ]


def dispatch_charts(answer: DispatchAnswer, hosts: Sequence[int] = ()) -> list[Gantt]:
    """Return the chart of dispatch tables, a row per core; none where no host has a table."""
    tables = [one for one in answer.tables if not hosts or one.host in hosts]
    if not tables:
        return []
    instance = answer.question.instance
    keys, colours = _keys(instance)
    rows: list[str] = []
    bars: list[Bar] = []
    dividers: list[int] = []
    for one in tables:
        dividers.append(len(rows))
        if len(rows) < MOST_ROWS:  # the rest is left out of the picture, which says so
            bars += _slices(instance, one, len(rows), keys)
        rows += _cores(instance, one)
    frames = {one.frame for one in tables}
    return [
        Gantt(
            rows=rows,
            bars=bars,
            headline="Dispatch tables, the same in every frame",
            details=f"{count(len(tables), 'host')}, {count(len(rows), 'core')}, {_frames(frames)}",
            unit="us",
            colours=colours,
            kinds={"hatched": "core of its own"},
            dividers=dividers,
            end=max(frames),
        )
    ]


def _frames(frames: set[int]) -> str:
    shortest, longest = microseconds(min(frames)), microseconds(max(frames))
    return f"frames of {shortest}" if len(frames) == 1 else f"frames of {shortest} to {longest}"


def _slices(instance: Instance, one: DispatchTable, first: int, keys: list[str]) -> list[Bar]:
    return [
        Bar(
            first + piece.core,
            piece.start,
            piece.end,
            f"{instance.vm_names.name(piece.vm)}.{piece.vcpu}",
            keys[int(instance.vm_entry[piece.vm])],
            "hatched" if one.owners[piece.core] >= 0 else "solid",
        )
        for piece in one.slices
    ]


def _cores(instance: Instance, one: DispatchTable) -> list[str]:
    """Return the names of a host's cores, with their cells where there are several."""
    name = instance.host_names.name(one.host)
    celled = len(set(one.cells)) > 1
    return [f"{name} core {core}" + (f", cell {cell}" if celled else "") for core, cell in enumerate(one.cells)]


def _keys(instance: Instance) -> tuple[list[str], dict[str, str]]:
    """Return what the colour of every VM entry stands for, and the colours."""
    palette = palette_of(instance)
    spoken = {colour: key for key, colour in palette.legend}
    keys = [spoken.get(colour, vm.name) for vm, colour in zip(instance.vms, palette.colours, strict=True)]
    return keys, dict(zip(keys, palette.colours, strict=True))
