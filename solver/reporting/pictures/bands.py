"""Bands: a dynamic policy f(t), g(t) over time, and the range that bounds and ramps leave to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from formulations.errors import InputError
from solver.reporting.pictures.canvas import FAINT, INK, NORMAL, SMALL, blank_figure, literal, panel, title
from solver.reporting.pictures.palette import COLOURS, lighter
from solver.reporting.pictures.polygons import check_panels, say_nothing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Band = tuple[float | None, float | None]
"""An interval; None where it has no end."""


@dataclass(frozen=True)
class PolicyCourse:
    """A dynamic policy of one resource over time, for drawing.

    Parameters
    ----------
    label : str
        Printed above the panels.
    f, g : sequence of float, shape (periods,)
        The policy; empty if there is none.
    f_bands, g_bands : sequence of (low, high), shape (periods,)
        The ranges that bounds and ramps imply; empty if they were not asked for.
    """

    label: str
    f: Sequence[float]
    g: Sequence[float]
    f_bands: Sequence[Band] = ()
    g_bands: Sequence[Band] = ()

    def __post_init__(self) -> None:
        lengths = {len(part) for part in (self.f, self.g, self.f_bands, self.g_bands) if part}
        if len(lengths) > 1 or len(self.f) != len(self.g):
            raise InputError(f"expected as many figures of f as of g and of their bands, got {sorted(lengths)}")


def band_figure(courses: Sequence[PolicyCourse], *, headline: str = "Dynamic policy over time") -> Figure:
    """Draw f(t) and g(t) of every resource over the periods, each with its band.

    Parameters
    ----------
    courses : sequence of PolicyCourse
        Two panels each, at most ``MOST_PANELS`` courses.
    headline : str

    Raises
    ------
    InputError
        If there is nothing to draw, or too much.
    PlacewrightError
        If matplotlib is not installed.
    """
    check_panels(len(courses))
    wide, tall, left, top, foot = 4.6, 1.8, 0.8, 0.75, 0.75
    height = top + len(courses) * (tall + foot)
    figure = blank_figure(2 * (left + wide) + 0.25, height)
    for row, course in enumerate(courses):
        bottom = height - top - row * (tall + foot) - tall - 0.2
        for column, name in enumerate(("f", "g")):
            ax = panel(figure, left + column * (left + wide), bottom, wide, tall)
            draw_course(ax, course, name)
    said = "a(t) = f(t) · capacity + g(t) · demand(t); the band is what bounds and ramps allow"
    title(figure, literal(headline, 90), said)
    return figure


def draw_course(ax: Axes, course: PolicyCourse, name: str) -> None:
    """Draw ``f`` or ``g`` of a course, period by period, in its band."""
    values, bands = (course.f, course.f_bands) if name == "f" else (course.g, course.g_bands)
    if not values:
        say_nothing(ax, course.label, "no dynamic policy keeps every bound")
        return
    colour = COLOURS[0] if name == "f" else COLOURS[5]
    edges = np.arange(len(values) + 1, dtype=np.float64) + 0.5
    ax.axhline(0, color=FAINT, linewidth=0.6, zorder=0)
    _fix_range(ax, values, bands)
    if bands:
        low, high = ax.get_ylim()
        lows = [low if band[0] is None else band[0] for band in bands]
        highs = [high if band[1] is None else band[1] for band in bands]
        ax.stairs(highs, edges, baseline=lows, fill=True, color=lighter(colour, 0.65))
    ax.stairs(values, edges, baseline=None, color=colour, linewidth=1.8)
    ax.set_xlim(edges[0], edges[-1])
    if len(values) <= 24:
        ax.set_xticks(np.arange(len(values)) + 1)
    ax.set_xlabel("period", size=SMALL, color=INK)
    ax.set_title(f"{literal(course.label, 44)}: {name}(t)", size=NORMAL, color=INK, loc="left")


def _fix_range(ax: Axes, values: Sequence[float], bands: Sequence[Band]) -> None:
    ends = [end for band in bands for end in band if end is not None]
    low, high = min([*values, *ends]), max([*values, *ends])
    margin = 0.1 * (high - low) or 0.1
    ax.set_ylim(low - margin, high + margin)
