"""Bars: one stacked bar per host and resource, what each VM gets against the host's capacity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from solver.reporting.figures import percent
from solver.reporting.pictures.canvas import ALARM, INK, NORMAL, SMALL, literal, owner, text_inches
from solver.reporting.pictures.loads import HostLoads, Segment
from solver.reporting.pictures.palette import OTHERS, Palette, darker, ink_on, lighter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HALF = 0.36
"""Half the height of a bar; bars stand one apart."""

STRIP = 0.18
"""Height of the strip that shows what is reserved."""

ROW = 0.32
"""Inches from one bar to the next."""


def draw_bars(
    ax: Axes,
    loads: HostLoads,
    resource: int,
    palette: Palette,
    *,
    named: bool = True,
    places: Sequence[int] | None = None,
) -> None:
    """Draw the hosts' stacked bars of one resource.

    A segment is as long as what its VMs get; the dark strip at its foot is what is reserved. The
    outline is the capacity. Below a bar a black mark stands at the sum of reservations and a
    hollow one at the sum of limits.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    loads : HostLoads
    resource : int
    palette : Palette
    named : bool
        Whether the hosts' names stand at the left.
    places : sequence of int, optional
        Where the bars stand, counted from the top; one below the other by default.
    """
    right = _scale(ax, loads, resource)
    inches = _inches(ax)
    for row, place in enumerate(range(len(loads.hosts)) if places is None else places):
        _stack(ax, loads.segments(row, resource), place, palette, inches / right, strips=places is None)
        _capacity(ax, loads, (row, resource), place)
        if places is None:
            _sums(ax, loads, (row, resource), place, right)
    _frame(ax, loads, resource, named=named)


def _scale(ax: Axes, loads: HostLoads, resource: int) -> float:
    """Set the range of the axes: room for the fullest bar and for the figures at its right."""
    widest = float(max(loads.capacity[:, resource].max(initial=0), loads.amount[:, resource].max(initial=0)))
    widest = widest or 1.0
    figures = text_inches(max((_figures(loads, row, resource) for row in range(len(loads.hosts))), key=len), SMALL)
    inches = _inches(ax)
    right = widest * inches / max(inches - figures - 0.1, inches / 2)
    ax.set_xlim(0, right)
    ax.set_ylim(len(loads.hosts) - 0.35, -0.65)
    return right


def _inches(ax: Axes) -> float:
    return float(ax.get_position().width * owner(ax).get_size_inches()[0])


def _stack(
    ax: Axes, segments: list[Segment], row: int, palette: Palette, inches_per_unit: float, *, strips: bool
) -> None:
    left = 0.0
    for own in segments:
        colour = OTHERS if own.entry < 0 else palette.colours[own.entry]
        fill = lighter(colour, 0.25)
        ax.barh(row, own.amount, 2 * HALF, left, color=fill, edgecolor="white", linewidth=0.7)
        if strips:
            reserved = min(own.reservation, own.amount)
            ax.barh(row + HALF - STRIP / 2, reserved, STRIP, left, color=darker(colour), linewidth=0)
        place = (left + own.amount / 2, row - (STRIP / 2 if strips else 0))
        _label(ax, place, own, own.amount * inches_per_unit, ink_on(fill))
        left += own.amount


def _label(ax: Axes, place: tuple[float, float], own: Segment, room: float, ink: str) -> None:
    """Print a segment's name where it fits, with its amount where that fits too."""
    amount = plain_amount(own.amount)
    for text in (f"{own.label}  {amount}", own.label):
        if text_inches(text, SMALL) < room - 0.06:
            ax.text(*place, literal(text, 60), size=SMALL, color=ink, ha="center", va="center", clip_on=True)
            return


def _capacity(ax: Axes, loads: HostLoads, at: tuple[int, int], y: float) -> None:
    capacity, amount = loads.capacity[at], loads.amount[at]
    over = bool(loads.over[at])
    edge = ALARM if over else INK
    ax.barh(y, capacity, 2 * HALF + 0.08, facecolor="none", edgecolor=edge, linewidth=1.4 if over else 0.9)
    place = (max(capacity, amount), y)
    ax.annotate(_figures(loads, *at), place, (4, 0), textcoords="offset points", size=SMALL, color=edge, va="center")


def _figures(loads: HostLoads, row: int, resource: int) -> str:
    capacity, amount = loads.capacity[row, resource], loads.amount[row, resource]
    share = f" ({percent(round(float(amount / capacity), 9))})" if capacity > 0 else ""
    return f"{plain_amount(amount)} of {plain_amount(capacity)}{share}"


def _sums(ax: Axes, loads: HostLoads, at: tuple[int, int], y: float, right: float) -> None:
    """Mark the sums of reservations and limits; a sum beyond the picture points to the right."""
    reserved, limit = float(loads.reservation[at]), float(loads.limit[at])
    if not loads.amount[at] and not limit:
        return
    hollow: dict[str, Any] = {"markerfacecolor": "white", "markeredgewidth": 0.8, "markersize": 4.2, "zorder": 5}
    if limit <= right:
        ax.plot([limit], [y + HALF + 0.1], "^", color=INK, clip_on=False, **hollow)
    else:
        ax.plot([right], [y], ">", color=INK, clip_on=False, **hollow)
    ax.plot([min(reserved, right)], [y + HALF + 0.1], "^", color=INK, markersize=3.4, clip_on=False, zorder=6)


def _frame(ax: Axes, loads: HostLoads, resource: int, *, named: bool) -> None:
    stated = loads.instance.resources[resource]
    unit = f" [{stated.unit}]" if stated.unit else ""
    ax.set_title(literal(f"{stated.name}{unit}"), size=NORMAL, color=INK, loc="left")
    ax.set_yticks(np.arange(len(loads.hosts)))
    ax.set_yticklabels([literal(name) for name in loads.names] if named else [])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_axisbelow(True)
    ax.grid(visible=True, axis="x", color="#e6e6e6", linewidth=0.6)


def plain_amount(value: float) -> str:
    """Spell an amount: whole where it is whole, otherwise to two decimals or two digits."""
    if abs(value - round(value)) < 1e-9 * max(1.0, abs(value)):
        return f"{round(value):,}"
    return f"{value:,.2f}".rstrip("0").rstrip(".") if abs(value) >= 0.1 else f"{value:.2g}"
