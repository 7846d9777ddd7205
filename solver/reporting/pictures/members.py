"""Members: few VMs in detail, each with its own bar, its bounds, and the host's bar above them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from formulations.tables import NO_LIMIT
from solver.reporting.figures import percent
from solver.reporting.pictures.bars import HALF, draw_bars, plain_amount
from solver.reporting.pictures.canvas import INK, NORMAL, SMALL, literal
from solver.reporting.pictures.loads import HostLoads
from solver.reporting.pictures.palette import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW = 0.34
"""Inches from one bar to the next."""


@dataclass(frozen=True)
class Line:
    """One row of the picture: a host, or a VM on it."""

    host: int
    vm: int | None = None


def lines_of(loads: HostLoads) -> list[Line]:
    """Return the rows of the picture: every host, followed by its VMs."""
    lines: list[Line] = []
    for row, host in enumerate(loads.hosts.tolist()):
        lines.append(Line(row))
        lines.extend(Line(row, vm) for vm in np.flatnonzero(loads.placement.host_of == host).tolist())
    return lines


def draw_members(ax: Axes, loads: HostLoads, resource: int, palette: Palette, *, named: bool = True) -> None:
    """Draw hosts and their VMs for one resource.

    A VM's bar is what it gets. The line through it runs from its reservation to its limit; the
    diamond is the demand. A VM without a limit has an arrow instead of the line's right end.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    loads : HostLoads
    resource : int
    palette : Palette
    named : bool
        Whether names stand at the left.
    """
    lines = lines_of(loads)
    hosts = [place for place, line in enumerate(lines) if line.vm is None]
    draw_bars(ax, loads, resource, palette, named=named, places=hosts)
    amounts = _amounts(loads, resource)
    right = ax.get_xlim()[1]
    for place, line in enumerate(lines):
        if line.vm is not None:
            colour = palette.colours[int(loads.instance.vm_entry[line.vm])]
            ax.barh(place, amounts[line.vm], 1.5 * HALF, color=colour, linewidth=0)
            end = _bounds(ax, loads, line, resource, place)
            ax.annotate(
                _figures(loads, line.vm, resource, float(amounts[line.vm])),
                (min(right, max(end, float(amounts[line.vm]))), place),
                (6, 0),
                textcoords="offset points",
                size=SMALL,
                color=INK,
                va="center",
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6},
            )
    ax.set_ylim(len(lines) - 0.35, -0.65)
    _name(ax, loads, lines, named=named)


def _figures(loads: HostLoads, vm: int, resource: int, amount: float) -> str:
    """Spell what a VM gets, and how much of its demand that is."""
    scale = loads.instance.tables.scales[resource]
    demand = float(scale.value(int(loads.instance.tables.demand[loads.instance.vm_entry[vm], resource])))
    if demand == 0:
        return plain_amount(amount)
    if amount > demand * (1 + 1e-9):
        return f"{plain_amount(amount)} (demand {plain_amount(demand)})"
    return f"{plain_amount(amount)} of {plain_amount(demand)} ({percent(round(amount / demand, 9))})"


def _amounts(loads: HostLoads, resource: int) -> NDArray[np.float64]:
    scale = loads.instance.tables.scales[resource]
    given = loads.placement.allocation
    whole = loads.instance.tables.demand[loads.instance.vm_entry] if given is None else given
    return scale.floats(whole[:, resource])


def _bounds(ax: Axes, loads: HostLoads, line: Line, resource: int, place: int) -> float:
    """Draw the line from reservation to limit and the demand on it; return where it ends."""
    tables = loads.instance.tables
    entry = int(loads.instance.vm_entry[line.vm or 0])
    scale = tables.scales[resource]
    low, expected = (float(scale.value(int(t[entry, resource]))) for t in (tables.lower, tables.demand))
    missing = tables.upper[entry, resource] == NO_LIMIT
    right = ax.get_xlim()[1]
    high = loads.capacity[line.host, resource] if missing else scale.value(int(tables.upper[entry, resource]))
    end = min(float(max(high, expected)), right)
    open_end = bool(missing) or float(high) > right
    ax.plot([low, end], [place, place], "-", color=INK, linewidth=0.9, zorder=4)
    ax.plot([low], [place], "|", color=INK, markersize=9, markeredgewidth=1.6, zorder=4)
    ax.plot([end], [place], ">" if open_end else "|", color=INK, markersize=4 if open_end else 9, zorder=4)
    ax.plot(
        [expected],
        [place],
        "D",
        markerfacecolor="white",
        markeredgecolor=INK,
        markeredgewidth=0.8,
        markersize=4,
        clip_on=False,
        zorder=5,
    )
    return end


def _name(ax: Axes, loads: HostLoads, lines: list[Line], *, named: bool) -> None:
    ax.set_yticks(np.arange(len(lines)))
    if not named:
        ax.set_yticklabels([])
        return
    names = loads.names
    vms = loads.instance.vm_names
    labels = [names[line.host] if line.vm is None else vms.name(line.vm) for line in lines]
    ax.set_yticklabels([literal(label) for label in labels])
    for label, line in zip(ax.get_yticklabels(), lines, strict=True):
        label.set_fontweight("bold" if line.vm is None else "normal")
        label.set_fontsize(NORMAL if line.vm is None else SMALL)
        label.set_color(INK)
