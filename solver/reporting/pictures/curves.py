"""The move-value curve as a picture: what is reached with so many moves, the bounds, and the knee."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from formulations.errors import InputError
from solver.rebalancing import MoveValueCurve
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
    save_figure,
    title,
)
from solver.reporting.pictures.palette import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def curve_figure(curve: MoveValueCurve, *, ax: Axes | None = None) -> Figure:
    """Draw the level that differs against the number of moves allowed.

    Parameters
    ----------
    curve : MoveValueCurve
        With at least one placement.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; by default those of a new figure.

    Raises
    ------
    InputError
        If no budget has a placement.
    PlacewrightError
        If matplotlib is not installed.
    """
    if not any(point.values for point in curve.points):
        raise InputError("there is no placement for any number of moves: nothing to draw")
    stated = curve.instance.levels[curve.level]
    if ax is None:
        figure = blank_figure(7.2, 3.9)
        ax = panel(figure, 0.95, 0.55, 6.0, 2.5)
        name = f"{curve.instance.name}: " if curve.instance.name else ""
        title(figure, literal(f"{name}what moves are worth", 80), f"{stated.name} by the number of moves allowed")
    _draw(ax, curve)
    ax.set_xlabel("moves allowed", size=SMALL, color=INK)
    unit = stated.said_unit
    ax.set_ylabel(literal(f"{stated.name} [{unit}]" if unit not in {"", stated.name} else stated.name, 40), size=SMALL)
    return owner(ax)


def _draw(ax: Axes, curve: MoveValueCurve) -> None:
    level, known = curve.level, [point for point in curve.points if point.values]
    moves = [point.most for point in known]
    values = [float(point.values[level]) for point in known]
    bounds = [float(point.bounds[level]) for point in known]
    ax.fill_between(moves, bounds, values, step="post", color=FAINT, alpha=0.2, linewidth=0, label="not decided")
    ax.step(moves, bounds, where="post", color=ALARM, linewidth=1.0, linestyle="--", label="bound")
    ax.step(moves, values, where="post", color=COLOURS[0], linewidth=1.4, zorder=3)
    ax.plot(moves, values, "o", color=COLOURS[0], markersize=4.5, label="best known", zorder=4)
    if (knee := curve.knee) is not None:
        where = knee.most, float(knee.values[level])
        ax.plot(*where, "o", color="none", markeredgecolor=ALARM, markersize=10, zorder=5)
        ax.annotate(
            f"knee: {knee.most} moves", where, xytext=(10, 8), textcoords="offset points", size=SMALL, color=INK
        )
    if all(value == int(value) for value in values):
        ax.locator_params(axis="y", integer=True)
    if max(moves) > 50:
        ax.set_xscale("symlog", linthresh=10)
        ax.set_xticks(moves, [f"{number:,}" for number in moves])
        ax.minorticks_off()
    ax.set_xlim(0, max(moves) * 1.04 or 1)
    ax.margins(y=0.15)
    ax.legend(fontsize=SMALL, frameon=False, loc="upper right")
    ax.set_title("", size=NORMAL)


def picture_of_curve(curve: MoveValueCurve, path: str | Path) -> None:
    """Draw the curve into a PNG, SVG or PDF file, whole or not at all."""
    save_figure(curve_figure(curve), path)
