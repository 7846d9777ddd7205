"""Placements as pictures: the form that reads at the number of hosts there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.placement import Placement
from formulations.tables import NO_LIMIT
from solver.reporting.figures import count, percent, seconds, with_unit
from solver.reporting.pictures.bars import ROW, draw_bars
from solver.reporting.pictures.canvas import INK, NORMAL, SMALL, blank_figure, literal, note, panel, text_inches, title
from solver.reporting.pictures.legends import (
    LINE,
    bars_legend,
    fitting,
    members_legend,
    palette_legend,
    print_legend,
    profile_legend,
)
from solver.reporting.pictures.loads import HostLoads, hosts_to_draw
from solver.reporting.pictures.members import ROW as MEMBER_ROW
from solver.reporting.pictures.members import draw_members, lines_of
from solver.reporting.pictures.overview import draw_heat_map, draw_histogram, draw_profile, scarcest
from solver.reporting.pictures.palette import Palette, palette_of
from solver.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_MEMBERS = 16
"""Up to this many VMs each has a bar of its own."""

MOST_HOSTS = 30
"""Up to this many hosts each has a bar; beyond, the picture is an overview."""

FULLEST = 8
MOST_COLUMNS = 4

BOTTOM, GAP, RIGHT, BETWEEN = 0.62, 0.3, 0.2, 0.42
"""Inches for the legend, between panels of bars, at the right, between panels of an overview."""

HEAD, FOOT = 0.3, 0.3
"""Inches for a panel's title and for its axis."""

PROFILE, HISTOGRAM = 1.7, 0.9


def placement_figure(instance: Instance, placement: Placement, *, headline: str = "", details: str = "") -> Figure:
    """Draw who is where and what each gets, against capacities, reservations and limits.

    Up to ``MOST_MEMBERS`` VMs have bars of their own; up to ``MOST_HOSTS`` hosts have one stacked
    bar per resource; more hosts are drawn as a heat map with profiles, histograms and the
    fullest hosts in detail.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        Without an allocation the expected demands are drawn, and the picture says so.
    headline, details : str
        Printed above; by default the instance's name and the numbers of VMs and hosts.

    Raises
    ------
    InputError
        If the placement has another number of VMs than the instance, or there is nothing to draw.
    PlacewrightError
        If matplotlib is not installed.
    """
    loads = HostLoads.of(instance, placement, hosts_to_draw(instance, placement, MOST_HOSTS))
    if not len(loads.hosts):
        raise InputError("no VM has a host: there is nothing to draw", "placement")
    headline = headline or instance.name or "placement"
    details = "\n".join(part for part in (details, _summary(loads)) if part)
    if len(loads.hosts) > MOST_HOSTS:
        return _overview(loads, headline, details)
    return _rows(loads, headline, details)


def result_figure(result: Result) -> Figure:
    """Draw the placement of a result, with its status, objective, bound and gap above.

    Raises
    ------
    InputError
        If the result has no placement.
    PlacewrightError
        If matplotlib is not installed.
    """
    if result.placement is None:
        raise InputError(f"the result is {result.status}: there is no placement to draw")
    name = f"{result.instance.name}: " if result.instance.name else ""
    headline = f"{name}{result.status}"
    details = ""
    if (level := result.headline) is not None:
        unit = "" if level.unit == level.name else level.unit
        bound = "unknown" if level.bound is None else with_unit(level.bound, unit)
        value = with_unit(level.value, unit)
        details = f"{level.name} {value}, bound {bound}, gap {percent(level.gap)}, {seconds(result.seconds)}"
    return placement_figure(result.instance, result.placement, headline=headline, details=details)


def _summary(loads: HostLoads) -> str:
    placement, instance = loads.placement, loads.instance
    hosts = count(len(placement.hosts_used), "host")
    if all(host.count != "unlimited" for host in instance.hosts):
        hosts = f"{len(placement.hosts_used):,} of {count(instance.host_count, 'host')}"
    parts = [f"{int(placement.placed.sum()):,} of {count(instance.vm_count, 'VM')} on {hosts}"]
    if over := int(loads.over.any(axis=1).sum()):
        parts.append(f"{over:,} over capacity")
    if not loads.allocated:
        parts.append("no allocation is given: expected demands are drawn")
    return ", ".join(parts)


def _top(details: str) -> float:
    """Return the room that the title takes."""
    return 0.42 + 0.18 * len(details.splitlines())


def _left_margin(names: list[str]) -> float:
    return 0.25 + max(text_inches(literal(name), NORMAL) for name in names)


def _rows(loads: HostLoads, headline: str, details: str) -> Figure:
    """Draw one row per host, or per host and VM where there are few."""
    instance = loads.instance
    in_detail = int(loads.placement.placed.sum()) <= MOST_MEMBERS
    lines = lines_of(loads) if in_detail else []
    vms = [instance.vm_names.name(line.vm) for line in lines if line.vm is not None]
    left = _left_margin(loads.names + vms)
    tall = max(1.0, len(lines) * MEMBER_ROW if in_detail else len(loads.hosts) * ROW) + 0.15
    count = len(instance.resources)
    columns = min(count, 3)
    bands = -(-count // columns)
    wide = {1: 7.0, 2: 5.2, 3: 3.9}[columns]
    top = _top(details)
    height = top + bands * (tall + HEAD + FOOT) + BOTTOM
    figure = blank_figure(left + columns * (wide + GAP) + RIGHT, height)
    palette = palette_of(instance)
    for resource in range(count):
        band, column = divmod(resource, columns)
        bottom = height - top - band * (tall + HEAD + FOOT) - HEAD - tall
        ax = panel(figure, left + column * (wide + GAP), bottom, wide, tall)
        draw = draw_members if in_detail else draw_bars
        draw(ax, loads, resource, palette, named=column == 0)
    title(figure, literal(headline, 100), details)
    if in_detail:
        unlimited = bool((instance.tables.upper == NO_LIMIT).any())
        print_legend(figure, members_legend(unlimited=unlimited), 0.12)
    else:
        _explain_bars(figure, palette, 0.12)
    return figure


def _explain_bars(figure: Figure, palette: Palette, bottom: float) -> None:
    colours = fitting(palette_legend(palette), figure.get_size_inches()[0])
    print_legend(figure, colours, bottom)
    print_legend(figure, bars_legend(), bottom + (LINE if colours else 0))


def _overview(loads: HostLoads, headline: str, details: str) -> Figure:
    """Draw the heat map of all, a profile and a histogram per resource, and the fullest hosts."""
    shown = scarcest(loads, MOST_COLUMNS)
    fullest = loads.fullest(FULLEST)
    resources = loads.instance.resources
    left = _left_margin([*fullest.names, *(resource.name for resource in resources)])
    wide = {1: 9.0, 2: 5.6, 3: 4.2}.get(len(shown), 3.5)
    across = len(shown) * (wide + BETWEEN) - BETWEEN
    heights = (max(0.6, 0.24 * len(resources)), PROFILE, HISTOGRAM, len(fullest.hosts) * ROW)
    spaces = (_top(details) + HEAD, 0.85, 0.5, 1.1)
    height = sum(heights) + sum(spaces) + BOTTOM + FOOT
    figure = blank_figure(left + across + 0.75, height)
    floors = [height - sum(heights[: n + 1]) - sum(spaces[: n + 1]) for n in range(len(heights))]

    image = draw_heat_map(panel(figure, left, floors[0], across, heights[0]), loads)
    scale = figure.colorbar(image, cax=panel(figure, left + across + 0.12, floors[0], 0.12, heights[0]), extend="max")
    scale.ax.tick_params(labelsize=SMALL, length=2)
    scale.ax.set_title("%", size=SMALL, color=INK)
    palette = palette_of(loads.instance)
    for column, resource in enumerate(shown):
        at = left + column * (wide + BETWEEN)
        profile = panel(figure, at, floors[1], wide, heights[1])
        draw_profile(profile, loads, resource)
        histogram = panel(figure, at, floors[2], wide, heights[2])
        draw_histogram(histogram, loads, resource)
        draw_bars(panel(figure, at, floors[3], wide, heights[3]), fullest, resource, palette, named=column == 0)
        if column == 0:
            profile.set_ylabel("% of capacity", size=SMALL, color=INK)
            histogram.set_ylabel("hosts", size=SMALL, color=INK)
    note(figure, floors[3] + heights[3] + 0.3, f"the {len(fullest.hosts)} fullest hosts")
    title(figure, literal(headline, 100), details)
    print_legend(figure, profile_legend(), floors[1] + heights[1] + 0.27)
    _explain_bars(figure, palette, 0.12)
    return figure
