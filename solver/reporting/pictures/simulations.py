"""Pictures of simulations: how turnaround is spread under each policy, and who runs where for a moment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.scheduling.workload import SECOND
from formulations.tables import Integers
from solver.reporting.figures import count
from solver.reporting.pictures.canvas import FAINT, INK, NORMAL, SMALL, blank_figure, literal, panel, save_figure, title
from solver.reporting.pictures.gantt import Bar, gantt_figure
from solver.reporting.pictures.palette import COLOURS
from solver.scheduling.dynamic import Simulation, Span

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE, TALL = 8.2, 2.9
"""Inches of the panel of distributions."""

HEAD, FOOT = 0.75, 0.6
"""Inches above and below it."""

CORE = 0.17
"""Inches of a core's row."""

MOST_CORES = 8
"""Cores of the host that are drawn."""

MOST_POINTS = 2_000
"""Points of a curve."""

DASHES = ("solid", (0, (5, 2)), "dashdot", (0, (1, 1.5)))


def picture_of_simulations(instance: Instance, simulations: Sequence[Simulation], path: str | Path) -> None:
    """Draw simulations of the same work into a file; see `simulation_figure` and `save_figure`."""
    save_figure(simulation_figure(instance, simulations), path)


def simulation_figure(instance: Instance, simulations: Sequence[Simulation]) -> Figure:
    """Draw the part of jobs that is done within a time, and the cores of the busiest host in the window.

    Parameters
    ----------
    instance : Instance
        For names.
    simulations : sequence of Simulation
        Of the same work. Cores are drawn for those that kept segments.

    Raises
    ------
    InputError
        If there is nothing to draw.
    PlacewrightError
        If matplotlib is not installed.
    """
    if not simulations:
        raise InputError("there is no simulation to draw")
    shown = [one for one in simulations if len(one.segments)]
    machine = _busiest(shown)
    rows = min(MOST_CORES, simulations[0].machines[machine].cores)
    each = rows * CORE + 0.85
    height = HEAD + TALL + FOOT + len(shown) * each
    figure = blank_figure(WIDE + 1.1, height)
    workload = simulations[0].workload
    span = (int(workload.arrival.max()) - int(workload.arrival.min())) / SECOND
    told = f"{instance.name}: turnaround" if instance.name else "Turnaround"
    details = f"{count(len(workload), 'job')} that arrive in {span:,.1f} s, on {count(simulations[0].hosts, 'host')}"
    title(figure, literal(f"{told} under each policy", 80), literal(details, 110))
    draw_distributions(panel(figure, 0.75, height - HEAD - TALL, WIDE, TALL), simulations)
    names = _labels(instance, shown, machine, rows)
    for at, one in enumerate(shown):
        bottom = height - HEAD - TALL - FOOT - (at + 1) * each + 0.6
        _draw_cores(panel(figure, 0.75, bottom, WIDE, rows * CORE), one, machine, rows, names)
    return figure


def draw_distributions(ax: Axes, simulations: Sequence[Simulation]) -> None:
    """Draw for each simulation which part of the jobs is done within a time, on a logarithmic axis."""
    for at, one in enumerate(simulations):
        times, parts = distribution(one.finish - one.workload.arrival)
        style, colour = DASHES[at % len(DASHES)], COLOURS[at % len(COLOURS)]  # curves lie upon one another
        ax.step(times / 1000, parts, where="post", color=colour, linestyle=style, label=f" {literal(one.policy)}")
    ax.set_xscale("log")
    ax.set_xlim(
        left=max(0.001, min(float(np.quantile(one.finish - one.workload.arrival, 0.005)) for one in simulations) / 1000)
    )
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(lambda part, _: f"{part * 100:.0f} %")
    ax.xaxis.set_major_formatter(_told)
    ax.grid(visible=True, axis="both", color=FAINT, alpha=0.25, linewidth=0.5)
    ax.set_xlabel("turnaround: from a job's arrival to its end", size=SMALL, color=INK)
    ax.set_ylabel("jobs done", size=SMALL, color=INK)
    ax.legend(fontsize=SMALL, frameon=False, loc="lower right")


def _told(milliseconds: float, _position: float = 0) -> str:
    if milliseconds < 1:
        return f"{milliseconds * 1000:g} µs"
    return f"{milliseconds:g} ms" if milliseconds < 1000 else f"{milliseconds / 1000:g} s"


def distribution(times: Integers) -> tuple[Integers, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Return times, ascending, and which part of all is no longer: at most ``MOST_POINTS`` of them."""
    ordered = np.sort(times)
    ranks = np.unique(np.linspace(0, len(ordered) - 1, min(MOST_POINTS, len(ordered))).astype(np.int64))
    return ordered[ranks], (ranks + 1) / len(ordered)


def _busiest(simulations: Sequence[Simulation]) -> int:
    """Return the machine that works most in the window; the first one where nobody looked."""
    if not simulations:
        return 0
    busy = np.zeros(len(simulations[0].machines), dtype=np.int64)
    for one in simulations:
        table = _within(one.segments, one.window)
        np.add.at(busy, table[:, 0], table[:, 4] - table[:, 3])
    return int(busy.argmax())


def _within(segments: Integers, window: Span) -> Integers:
    """Return segments cut off at the borders of the window."""
    cut: Integers = segments.copy()
    np.clip(cut[:, 3:], window.begin, window.end, out=cut[:, 3:])
    return cut


def _labels(instance: Instance, simulations: Sequence[Simulation], machine: int, rows: int) -> dict[int, str]:
    """Return the names of the VMs that are drawn."""
    vms: set[int] = set()
    for one in simulations:
        seen = one.segments[(one.segments[:, 0] == machine) & (one.segments[:, 1] < rows)]
        vms.update(np.unique(one.workload.vm[seen[:, 2]]).tolist())
    return dict(zip(sorted(vms), instance.vm_names.names_of(np.array(sorted(vms), dtype=np.int64)), strict=True))


def _draw_cores(ax: Axes, simulation: Simulation, machine: int, rows: int, names: dict[int, str]) -> None:
    """Draw who runs on the first cores of a host in the window."""
    begin = simulation.window.begin
    table = _within(simulation.segments, simulation.window)
    table = table[(table[:, 0] == machine) & (table[:, 1] < rows)]
    owners = [names[vm] for vm in simulation.workload.vm[table[:, 2]].tolist()]
    bars = [
        Bar(core, since - begin, until - begin, label=owner, key=owner)
        for (_, core, _, since, until), owner in zip(table.tolist(), owners, strict=True)
    ]
    one = simulation.machines[machine]
    gantt_figure(
        [f"core {core}" for core in range(rows)],
        bars,
        headline=simulation.policy,
        unit="us",
        colours={name: COLOURS[at % len(COLOURS)] for at, name in enumerate(names.values())},
        end=simulation.window.end - begin,
        ax=ax,
    )
    of_all = f"cores of {one.label}" if rows == one.cores else f"{rows} of {one.cores} cores of {one.label}"
    told = f"{simulation.policy}: {of_all}, from {begin / SECOND:,.3f} s"
    ax.set_title(literal(told, 100), size=NORMAL, color=INK, loc="left")
