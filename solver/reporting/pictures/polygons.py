"""Polygons: the feasible policies (A, B) of the linear allocation model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from solver.reporting.pictures.canvas import (
    ALARM,
    FAINT,
    INK,
    NORMAL,
    SMALL,
    blank_figure,
    literal,
    owner,
    panel,
    text_inches,
    title,
)
from solver.reporting.pictures.palette import COLOURS, lighter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = tuple[float, float]
"""A policy (A, B)."""

Box = tuple[float, float, float, float]
"""Left, bottom, right and top in inches."""

Floats = NDArray[np.float64]

MOST_CORNERS = 8
"""A polygon with more corners has none of them labelled."""

MOST_PANELS = 12


@dataclass(frozen=True)
class PolicyRange:
    """The feasible policies (A, B) of one resource, for drawing.

    Parameters
    ----------
    label : str
        Printed above the panel, such as ``host-1, cpu``.
    vertices : sequence of (A, B)
        Of the polygon, in order round it; two for a segment, one for a point.
    optimum : (A, B), optional
    lines : sequence of (A, B)
        Directions in which the polygon goes on without end, both ways.
    """

    label: str
    vertices: Sequence[Point]
    optimum: Point | None = None
    lines: Sequence[Point] = ()


def policy_range_figure(ranges: Sequence[PolicyRange], *, headline: str = "Feasible linear policies") -> Figure:
    """Draw the feasible polygon of (A, B) of every resource, with the optimum and the intervals.

    Parameters
    ----------
    ranges : sequence of PolicyRange
        One panel each, at most ``MOST_PANELS``.
    headline : str

    Raises
    ------
    InputError
        If there is nothing to draw, or too much.
    PlacewrightError
        If matplotlib is not installed.
    """
    check_panels(len(ranges))
    columns = min(len(ranges), 3)
    rows = -(-len(ranges) // columns)
    wide, tall, left, top = 3.9, 3.1, 0.8, 0.62
    height = top + rows * (tall + 1.0)
    figure = blank_figure(max(6.0, columns * (left + wide) + 0.25), height)
    for place, one in enumerate(ranges):
        row, column = divmod(place, columns)
        bottom = height - top - row * (tall + 1.0) - 0.45 - tall
        draw_policy_range(panel(figure, left + column * (left + wide), bottom, wide, tall), one)
    title(
        figure, literal(headline, 90), "a = A · capacity + B · demand keeps every bound for (A, B) in the shaded area"
    )
    return figure


def draw_policy_range(ax: Axes, one: PolicyRange) -> None:
    """Draw one polygon: corners, optimum, and the intervals of A and B along the axes."""
    if not one.vertices or len(one.lines) > 1:
        text = "no linear policy keeps every bound" if not one.vertices else "every (A, B) is feasible"
        say_nothing(ax, one.label, text)
        return
    corners = np.array(one.vertices, dtype=np.float64)
    shown = _strip(corners, one.lines[0]) if one.lines else corners
    _set_limits(ax, shown if one.optimum is None else np.vstack([shown, [one.optimum]]), closed=not one.lines)
    ax.fill(shown[:, 0], shown[:, 1], facecolor=lighter(COLOURS[0], 0.65), edgecolor=COLOURS[0], linewidth=1.4)
    ax.axhline(0, color=FAINT, linewidth=0.6, zorder=0)
    ax.axvline(0, color=FAINT, linewidth=0.6, zorder=0)
    if one.optimum is not None:
        ax.plot(*one.optimum, "*", color=ALARM, markersize=11, zorder=5, clip_on=False)
    if not one.lines:
        ax.plot(corners[:, 0], corners[:, 1], "o", color=COLOURS[0], markersize=3.5)
        _draw_intervals(ax, corners)
    _label_points(ax, corners, one)
    _name_axes(ax, one, corners)


def _strip(corners: Floats, line: Point) -> Floats:
    """Return a piece of a strip without end: where both coefficients stay within sight of the corners."""
    along = np.array(line, dtype=np.float64)
    reach = 1.5 * max(1.0, float(np.abs(corners).max())) / float(np.abs(along).max())
    ends = corners[[0, -1]]
    return np.vstack(
        [ends[0] - reach * along, ends[0] + reach * along, ends[1] + reach * along, ends[1] - reach * along]
    )


def _set_limits(ax: Axes, points: Floats, *, closed: bool) -> None:
    low, high = points.min(axis=0), points.max(axis=0)
    span = np.where(high > low, high - low, np.maximum(0.1, 0.1 * np.abs(high)))
    margin = span * (0.36 if closed else -0.12)
    ax.set_xlim(low[0] - margin[0], high[0] + margin[0])
    ax.set_ylim(low[1] - margin[1], high[1] + margin[1])


def _draw_intervals(ax: Axes, corners: Floats) -> None:
    """Draw the ranges of A and of B as thick lines on the axes, with faint lines to the polygon."""
    (left, low), (right, high) = corners.min(axis=0), corners.max(axis=0)
    style: dict[str, Any] = {"color": COLOURS[5], "linewidth": 3.5, "solid_capstyle": "butt", "clip_on": False}
    ax.plot([left, right], [0, 0], transform=ax.get_xaxis_transform(), **style)
    ax.plot([0, 0], [low, high], transform=ax.get_yaxis_transform(), **style)
    for a in {left, right}:
        ax.axvline(a, color=COLOURS[5], linewidth=0.5, linestyle=":", zorder=0)
    for b in {low, high}:
        ax.axhline(b, color=COLOURS[5], linewidth=0.5, linestyle=":", zorder=0)


def _label_points(ax: Axes, corners: Floats, one: PolicyRange) -> None:
    """Print the coordinates of the optimum and then of the corners, wherever there is room."""
    points = [] if one.optimum is None else [(one.optimum, f"best {spelled(one.optimum)}", ALARM)]
    if not one.lines and len(corners) <= MOST_CORNERS:
        known = [point for point, _, _ in points]
        points += [((a, b), spelled((a, b)), INK) for a, b in corners.tolist() if (a, b) not in known]
    frame = _Frame.of(ax)
    outline = frame.inches(corners)
    taken: list[Box] = []
    for point, text, colour in points:
        sides = [(right, up, frame.box(point, text, right=right, up=up)) for right in (1, 0) for up in (1, 0)]
        free = [side for side in sides if frame.holds(side[2]) and not any(_overlap(side[2], other) for other in taken)]
        if free:
            right, up, box = min(free, key=lambda side: _covered(side[2], outline))
            taken.append(box)
            ax.annotate(
                text,
                point,
                (7 if right else -7, 6 if up else -6),
                textcoords="offset points",
                size=SMALL,
                color=colour,
                ha="left" if right else "right",
                va="bottom" if up else "top",
            )


@dataclass(frozen=True)
class _Frame:
    """Where the data of a panel stand, in inches from its lower left corner."""

    low: Floats
    scale: Floats
    size: Floats

    @classmethod
    def of(cls, ax: Axes) -> _Frame:
        place, whole = ax.get_position(), np.asarray(owner(ax).get_size_inches(), dtype=np.float64)
        size = np.array([place.width, place.height]) * whole
        (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
        return cls(np.array([left, low]), size / np.array([right - left, high - low]), size)

    def inches(self, points: Floats) -> Floats:
        """Return data points in inches."""
        return np.asarray((points - self.low) * self.scale, dtype=np.float64)

    def box(self, point: Point, text: str, *, right: int, up: int) -> Box:
        """Return the place of a label beside a point."""
        x, y = self.inches(np.array(point)).tolist()
        across, upwards = text_inches(text, SMALL), SMALL / 72
        left = x + 0.1 if right else x - 0.1 - across
        bottom = y + 0.08 if up else y - 0.08 - upwards
        return left, bottom, left + across, bottom + upwards

    def holds(self, box: Box) -> bool:
        """Whether a label stays within the panel."""
        return box[0] >= 0 and box[1] >= 0.05 and box[2] <= self.size[0] + 0.1 and box[3] <= self.size[1]


def _covered(box: Box, outline: Floats) -> int:
    """Return how much of a label lies on a convex polygon, in points of a grid."""
    x, y = np.meshgrid(np.linspace(box[0], box[2], 9), np.linspace(box[1], box[3], 3))
    step = np.roll(outline, -1, axis=0) - outline
    across, upwards = (part[:, None, None] for part in step.T)
    turn = across * (y - outline[:, 1, None, None]) - upwards * (x - outline[:, 0, None, None])
    return int(((turn >= 0).all(axis=0) | (turn <= 0).all(axis=0)).sum())


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _name_axes(ax: Axes, one: PolicyRange, corners: Floats) -> None:
    ax.set_xlabel("A (part of the capacity)", size=SMALL, color=INK)
    ax.set_ylabel("B (part of the demand)", size=SMALL, color=INK)
    if one.lines:
        said = "goes on without end along one line"
    else:
        (left, low), (right, high) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        said = f"A in {interval(left, right)}, B in {interval(low, high)}"
    ax.set_title(f"{literal(one.label, 44)}\n{said}", size=NORMAL, color=INK, loc="left", linespacing=1.3)


def say_nothing(ax: Axes, label: str, text: str) -> None:
    """Leave the panel empty but for its title and one sentence."""
    ax.set_title(literal(label, 44), size=NORMAL, color=INK, loc="left")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.text(0.5, 0.5, text, size=NORMAL, color=INK, ha="center", va="center", transform=ax.transAxes)


def check_panels(count: int) -> None:
    """Refuse a figure of no panels or of too many to read."""
    if not 1 <= count <= MOST_PANELS:
        raise InputError(f"expected 1 to {MOST_PANELS} resources of hosts to draw, got {count}; choose fewer hosts")


def coefficient(value: float) -> str:
    """Spell a coefficient to four decimals at most."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def interval(low: float, high: float) -> str:
    """Spell an interval."""
    return f"[{coefficient(low)}, {coefficient(high)}]"


def spelled(point: Point) -> str:
    """Spell a policy (A, B)."""
    return f"({coefficient(point[0])}, {coefficient(point[1])})"
