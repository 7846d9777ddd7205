"""Traces: how the best known value fell over time, who found it, and the bound below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from formulations.errors import InputError
from solver.reporting.figures import seconds, with_unit
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
    title,
)
from solver.reporting.pictures.palette import COLOURS
from solver.result import LevelResult, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def trace_figure(result: Result, *, level: int | None = None, ax: Axes | None = None) -> Figure:
    """Draw the value of one objective level over time, with its bound.

    Parameters
    ----------
    result : Result
        With a trace.
    level : int, optional
        Which level; by default the one that `Result.objective` speaks of.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure drawn on.

    Raises
    ------
    InputError
        If the result has no trace, or no such level.
    PlacewrightError
        If matplotlib is not installed.
    """
    if not result.trace or not result.levels:
        raise InputError(f"the result is {result.status} and has no trace to draw")
    number = _headline(result) if level is None else level
    if not 0 <= number < len(result.levels):
        raise InputError(f"must lie in 0 … {len(result.levels) - 1}, got {number}", "level")
    own = result.levels[number]
    if ax is None:
        figure = blank_figure(7.2, 3.9)
        ax = panel(figure, 0.95, 0.55, 6.0, 2.5)
        name = f"{result.instance.name}: " if result.instance.name else ""
        title(
            figure,
            literal(f"{name}{result.status}", 80),
            f"{own.name} after earlier levels, over {seconds(result.seconds)}",
        )
    _draw_trace(ax, result, number, own)
    return owner(ax)


def _headline(result: Result) -> int:
    return next(n for n, own in enumerate(result.levels) if own is result.headline)


def _draw_trace(ax: Axes, result: Result, number: int, own: LevelResult) -> None:
    times = [line.seconds for line in result.trace]
    values = [float(line.values[number]) for line in result.trace]
    end = max(result.seconds, times[-1])
    finders = list(dict.fromkeys(line.found_by for line in result.trace))
    ax.step([*times, end], [*values, values[-1]], where="post", color=FAINT, linewidth=1.2, zorder=1)
    for n, finder in enumerate(finders):
        at = [k for k, line in enumerate(result.trace) if line.found_by == finder]
        style = "osD^v<>P"[n % 8]
        colour = COLOURS[n % len(COLOURS)]
        found = np.array(times)[at], np.array(values)[at]
        ax.plot(*found, style, color=colour, markersize=5, label=f" found by {literal(finder, 48)}", zorder=3)
    if own.bound is not None:
        bound = float(own.bound)
        said = f" bound {with_unit(own.bound, own.unit)}" + (
            f" by {literal(own.proved_by, 40)}" if own.proved_by else ""
        )
        ax.axhline(bound, color=ALARM, linewidth=1.1, linestyle="--", label=said, zorder=2)
    ax.set_xlim(0, end * 1.02 or 1.0)
    ax.set_xlabel("seconds", size=SMALL, color=INK)
    ax.set_ylabel(
        literal(f"{own.name} [{own.unit}]" if own.unit not in {"", own.name} else own.name, 40), size=SMALL, color=INK
    )
    ax.set_title(f"value {with_unit(own.value, own.unit)}", size=NORMAL, color=INK, loc="left")
    ax.margins(y=0.12)
    if all(value == int(value) for value in values):
        ax.locator_params(axis="y", integer=True)
    ax.legend(fontsize=SMALL, frameon=False, loc="upper right")
