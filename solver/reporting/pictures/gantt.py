"""Gantt charts: what happens when, one row per host, core or link, one bar per VM's start, slice or move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from formulations.errors import InputError
from solver.reporting.pictures.canvas import INK, LARGE, NORMAL, SMALL, blank_figure, literal, owner, panel, text_inches
from solver.reporting.pictures.gantt_charts import MOST_BARS, MOST_ROWS, Bar, Chart, Gantt, Kind, Unit
from solver.reporting.pictures.gantt_drawing import draw_gantt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MOST_BARS", "MOST_ROWS", "Bar", "Gantt", "Kind", "Unit", "gantt_figure", "gantt_page"]

WIDE = 8.6
"""Inches of the time axis."""

LANE = 0.15
"""Inches of a bar in a row of many; few rows get up to twice as much."""

HIGHEST = 36.0
"""Inches that all lanes together take at most; of more lanes each is thinner."""

LABELLED_TWICE = 12.0
"""Inches from which on the time axis stands above the chart, too."""

HEAD, FOOT = 0.8, 0.85
"""Inches above and below a chart: for its headline, and for the time axis and the legend."""


def gantt_figure(
    rows: Sequence[str],
    bars: Sequence[Bar],
    *,
    headline: str,
    details: str = "",
    unit: Unit = "ms",
    colours: Mapping[str, str] | None = None,
    kinds: Mapping[Kind, str] | None = None,
    marks: Mapping[str, int] | None = None,
    dividers: Sequence[int] = (),
    end: int | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw bars over time, a row of them for every host, core or link.

    Bars of one row that overlap in time are put into lanes below one another.

    Parameters
    ----------
    rows : sequence of str
        The rows' names, from top to bottom; at most ``MOST_ROWS`` of them are drawn.
    bars : sequence of Bar
        In any order; at most ``MOST_BARS`` are drawn, those that start first.
    headline, details : str
        Printed above the chart, unless it is drawn on given axes.
    unit : {"us", "ms"}
        Of the bars' times; the axis chooses its own unit by the length of the chart.
    colours : mapping of key to colour, optional
        Keys without one get a colour of the palette in turn.
    kinds : mapping of kind to words, optional
        What the kinds of bars mean, for the legend.
    marks : mapping of words to time, optional
        Vertical lines, such as the makespan and a bound below it.
    dividers : sequence of int
        Rows above which a line is drawn, such as the first core of every host.
    end : int, optional
        Where the time axis ends; by default with the last bar.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; by default those of a new figure that is as high as the rows need.

    Returns
    -------
    matplotlib.figure.Figure
        The figure drawn on.

    Raises
    ------
    InputError
        If there are no rows, or a bar lies in none of them.
    PlacewrightError
        If matplotlib is not installed.
    """
    asked = Gantt(
        rows=rows,
        bars=bars,
        headline=headline,
        details=details,
        unit=unit,
        colours=colours or {},
        kinds=kinds or {},
        marks=marks or {},
        dividers=dividers,
        end=end,
    )
    if ax is None:
        return gantt_page([asked])
    draw_gantt(ax, Chart.of(asked), asked)
    return owner(ax)


def gantt_page(charts: Sequence[Gantt]) -> Figure:
    """Draw charts below one another on a new figure that is as high as their rows need.

    Raises
    ------
    InputError
        If there is no chart.
    PlacewrightError
        If matplotlib is not installed.
    """
    if not charts:
        raise InputError("expected at least one chart to draw")
    drawn = [Chart.of(asked) for asked in charts]
    heights = [_height(chart) for chart in drawn]
    left = 0.25 + max(text_inches(literal(name), SMALL) for chart in drawn for name in chart.rows)
    figure = blank_figure(left + WIDE + 0.3, sum(HEAD + tall + FOOT for tall in heights))
    top = float(figure.get_size_inches()[1])
    for asked, chart, tall in zip(charts, drawn, heights, strict=True):
        bottom = top - HEAD - tall
        axes = panel(figure, left, bottom, WIDE, tall)
        if tall >= LABELLED_TWICE:
            axes.tick_params(axis="x", top=True, labeltop=True)
        draw_gantt(axes, chart, asked)
        said = ". ".join(part for part in (asked.details, chart.omission(len(asked.rows), len(asked.bars))) if part)
        _print_head(figure, top, literal(asked.headline, 100), literal(said, 140))
        top = bottom - FOOT
    return figure


def _height(chart: Chart) -> float:
    """Return how many inches the lanes of a chart take."""
    lane = LANE * (2 if chart.lanes <= 24 else 1.4 if chart.lanes <= 60 else 1)
    return min(HIGHEST, max(0.6, chart.lanes * lane))


def _print_head(figure: Figure, top: float, headline: str, details: str) -> None:
    width, height = figure.get_size_inches()
    left = 0.12 / width
    figure.text(left, (top - 0.1) / height, headline, size=LARGE, weight="bold", color=INK, va="top")
    figure.text(left, (top - 0.36) / height, details, size=NORMAL, color=INK, va="top")
