"""Gantt charts: what happens when, one row per host, core or link, one bar per VM's start, slice or move."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from solver.reporting.figures import count
from solver.reporting.pictures.canvas import (
    ALARM,
    FAINT,
    INK,
    SMALL,
    blank_figure,
    literal,
    owner,
    panel,
    text_inches,
    title,
)
from solver.reporting.pictures.palette import COLOURS, OTHERS, darker, ink_on, lighter

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Unit = Literal["us", "ms"]
Kind = Literal["solid", "hatched", "faint", "alarm"]

MOST_ROWS = 400
"""Rows drawn; of more only the first are, and the picture says so."""

MOST_BARS = 20_000

MOST_LEGEND = 12
"""Colours that a legend explains; beyond that colours only tell neighbours apart."""

WIDE = 8.6
"""Inches of the time axis."""

LANE = 0.15
"""Inches of a bar in a row of many; few rows get up to twice as much."""

HIGHEST = 36.0
"""Inches that all lanes together take at most; of more lanes each is thinner."""

LABELLED_TWICE = 12.0
"""Inches from which on the time axis stands above the chart, too."""

_UNITS: Sequence[tuple[int, str]] = (
    (1, "µs"),
    (1_000, "ms"),
    (1_000_000, "s"),
    (60_000_000, "min"),
    (3_600_000_000, "h"),
)
_MICROSECONDS: Mapping[Unit, int] = {"us": 1, "ms": 1000}


@dataclass(frozen=True)
class Bar:
    """Something that lasts from ``start`` to ``end`` in a row.

    Parameters
    ----------
    row : int
        Which row, from 0.
    start, end : int
        In the chart's unit of time.
    label : str
        Printed in the bar where it fits.
    key : str
        What the colour stands for, such as a VM, a group or a kind of work.
    kind : {"solid", "hatched", "faint", "alarm"}
        The manner of drawing; `gantt_figure` takes words that explain the kinds.
    """

    row: int
    start: int
    end: int
    label: str = ""
    key: str = ""
    kind: Kind = "solid"

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise InputError(f"a bar must end after it starts, from 0 on; got {self.start} to {self.end}")


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
    _check(rows, bars)
    chart = _Chart.of(rows, bars, colours or {}, end, _MICROSECONDS[unit])
    if ax is not None:
        _draw(ax, chart, kinds or {}, marks or {}, dividers)
        return owner(ax)
    said = ". ".join(part for part in (details, chart.omission(len(rows), len(bars))) if part)
    figure, axes = _page(chart, detailed=bool(said))
    _draw(axes, chart, kinds or {}, marks or {}, dividers)
    title(figure, literal(headline, 100), literal(said, 140))
    return figure


def _page(chart: _Chart, *, detailed: bool) -> tuple[Figure, Axes]:
    """Return a new figure as high as the lanes need, and the axes on it."""
    lane = LANE * (2 if chart.lanes <= 24 else 1.4 if chart.lanes <= 60 else 1)
    tall = min(HIGHEST, max(0.6, chart.lanes * lane))
    left = 0.25 + max(text_inches(literal(name), SMALL) for name in chart.rows)
    top = (0.75 if detailed else 0.5) + (0.25 if tall >= LABELLED_TWICE else 0)
    foot = 0.85
    figure = blank_figure(left + WIDE + 0.3, top + tall + foot)
    axes = panel(figure, left, foot, WIDE, tall)
    if tall >= LABELLED_TWICE:
        axes.tick_params(axis="x", top=True, labeltop=True)
    return figure, axes


def _check(rows: Sequence[str], bars: Sequence[Bar]) -> None:
    if not rows:
        raise InputError("expected at least one row to draw")
    for bar in bars:
        if not 0 <= bar.row < len(rows):
            raise InputError(f"bar {bar.label!r} lies in row {bar.row}; there are {count(len(rows), 'row')}")


class _Scale(NamedTuple):
    """The unit that the axis counts in, and how many of the chart's own units it is."""

    name: str
    length: float

    @classmethod
    def of(cls, end: int, microseconds: int) -> _Scale:
        whole = end * microseconds
        length, name = [pair for pair in _UNITS if pair[0] * 2 <= whole or pair[0] == 1][-1]
        return cls(name, length / microseconds)


@dataclass(frozen=True, eq=False)
class _Chart:
    """What is drawn, with a lane for every bar.

    Attributes
    ----------
    rows : tuple of str
    bars : tuple of Bar
        By their start.
    lane : int64 array, shape (bars,)
        Counted from the top of the chart.
    first : int64 array, shape (rows + 1,)
        The first lane of every row, and the number of all lanes.
    scale : _Scale
    end : int
    colours : dict of key to colour
    explained : bool
        Whether each key has a colour of its own.
    """

    rows: tuple[str, ...]
    bars: tuple[Bar, ...]
    lane: NDArray[np.int64]
    first: NDArray[np.int64]
    scale: _Scale
    end: int
    colours: dict[str, str]
    explained: bool

    @classmethod
    def of(
        cls, rows: Sequence[str], bars: Sequence[Bar], colours: Mapping[str, str], end: int | None, microseconds: int
    ) -> _Chart:
        shown = sorted((bar for bar in bars if bar.row < MOST_ROWS), key=lambda bar: (bar.start, bar.row))[:MOST_BARS]
        within, counts = _lanes(shown, min(len(rows), MOST_ROWS))
        first = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        lane = first[[bar.row for bar in shown]] + within if shown else within
        last = max((bar.end for bar in bars), default=0) if end is None else end
        keys = list(dict.fromkeys(bar.key for bar in shown if bar.key))
        chosen = {key: colours.get(key, COLOURS[n % len(COLOURS)]) for n, key in enumerate(keys)}
        return cls(
            rows=tuple(rows[:MOST_ROWS]),
            bars=tuple(shown),
            lane=lane,
            first=first,
            scale=_Scale.of(max(1, last), microseconds),
            end=max(1, last),
            colours=chosen,
            explained=len(set(chosen.values())) == len(keys) <= MOST_LEGEND,
        )

    @property
    def lanes(self) -> int:
        """How many lanes there are in all rows."""
        return int(self.first[-1])

    def omission(self, rows: int, bars: int) -> str:
        """Say what is not drawn."""
        if rows > len(self.rows):
            return f"The first {len(self.rows):,} of {rows:,} rows"
        return f"The first {len(self.bars):,} of {bars:,} bars" if bars > len(self.bars) else ""


def _lanes(bars: Sequence[Bar], rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each bar's lane within its row, and how many lanes each row has, at least one."""
    busy: list[list[tuple[int, int]]] = [[] for _ in range(rows)]
    free: list[list[int]] = [[] for _ in range(rows)]
    counts = np.zeros(rows, dtype=np.int64)
    lane = np.zeros(len(bars), dtype=np.int64)
    for position, bar in enumerate(bars):
        ends, open_lanes = busy[bar.row], free[bar.row]
        while ends and ends[0][0] <= bar.start:
            heapq.heappush(open_lanes, heapq.heappop(ends)[1])
        if open_lanes:
            lane[position] = heapq.heappop(open_lanes)
        else:
            lane[position] = counts[bar.row]
            counts[bar.row] += 1
        heapq.heappush(ends, (max(bar.end, bar.start + 1), int(lane[position])))
    return lane, np.maximum(counts, 1)


def _draw(
    ax: Axes, chart: _Chart, kinds: Mapping[Kind, str], marks: Mapping[str, int], dividers: Sequence[int]
) -> None:
    ax.set_xlim(0, chart.end / chart.scale.length * 1.005)
    ax.set_ylim(chart.lanes, 0)
    _stripe(ax, chart)
    _draw_bars(ax, chart)
    _label_bars(ax, chart)
    for row in dividers:
        if 0 < row < len(chart.rows):
            ax.axhline(chart.first[row], color=INK, linewidth=0.7)
    lines = [_draw_mark(ax, chart, words, at, number) for number, (words, at) in enumerate(marks.items())]
    _name_rows(ax, chart)
    ax.set_xlabel(f"time ({chart.scale.name})", size=SMALL, color=INK)
    _explain(ax, chart, kinds, lines)


def _stripe(ax: Axes, chart: _Chart) -> None:
    """Shade every second row, so that the eye finds the name to a bar far from it."""
    for row in range(1, len(chart.rows), 2):
        ax.axhspan(float(chart.first[row]), float(chart.first[row + 1]), color="#f3f3f3", linewidth=0, zorder=0)


def _draw_bars(ax: Axes, chart: _Chart) -> None:
    """Draw all bars of one kind at once; bars too narrow for an outline are outlined in their own colour."""
    collections = import_module("matplotlib.collections")
    boxes = _boxes(ax, chart)
    narrow = (boxes[:, 2] - boxes[:, 0]) * _inches_per_unit(ax) < 0.06
    for kind in dict.fromkeys(bar.kind for bar in chart.bars):
        chosen = [n for n, bar in enumerate(chart.bars) if bar.kind == kind]
        faces = [_face(chart, chart.bars[n]) for n in chosen]
        edges = [face if narrow[n] else _edge(kind, face) for n, face in zip(chosen, faces, strict=True)]
        corners = boxes[chosen][:, [0, 1, 0, 3, 2, 3, 2, 1]].reshape(-1, 4, 2)
        ax.add_collection(
            collections.PolyCollection(
                corners,
                facecolors=faces,
                edgecolors=edges,
                linewidths=[0.25 if narrow[n] else 0.6 for n in chosen],
                hatch="//////" if kind == "hatched" else None,
                zorder=2,
            ),
            autolim=False,
        )


def _boxes(ax: Axes, chart: _Chart) -> NDArray[np.float64]:
    """Return left, top, right and bottom of every bar; one without length gets a hair's breadth."""
    starts = np.array([bar.start for bar in chart.bars], dtype=np.float64) / chart.scale.length
    ends = np.array([bar.end for bar in chart.bars], dtype=np.float64) / chart.scale.length
    hair = 0.012 / _inches_per_unit(ax)
    top = chart.lane + 0.1
    return np.stack([starts, top, np.maximum(ends, starts + hair), top + 0.8], axis=1)


def _inches_per_unit(ax: Axes) -> float:
    low, high = ax.get_xlim()
    return float(ax.get_position().width * owner(ax).get_size_inches()[0] / (high - low))


def _face(chart: _Chart, bar: Bar) -> str:
    colour = chart.colours.get(bar.key, OTHERS)
    if bar.kind == "alarm":
        return ALARM
    return lighter(colour, 0.72) if bar.kind == "faint" else lighter(colour, 0.4) if bar.kind == "hatched" else colour


def _edge(kind: Kind, face: str) -> str:
    return darker(face, 0.45) if kind in {"hatched", "faint"} else "#ffffff"


def _label_bars(ax: Axes, chart: _Chart) -> None:
    """Print the labels that fit into their bars."""
    inches = _inches_per_unit(ax) / chart.scale.length
    tall = ax.get_position().height * owner(ax).get_size_inches()[1] / chart.lanes * 72
    size = min(SMALL, 0.62 * tall)
    if size < 4:
        return
    for bar, lane in zip(chart.bars, chart.lane.tolist(), strict=True):
        room = (bar.end - bar.start) * inches - 0.05
        if bar.label and text_inches(bar.label, size) <= room:
            middle = (bar.start + bar.end) / 2 / chart.scale.length
            colour = ink_on(_face(chart, bar))
            text = literal(bar.label, 60)
            plate: dict[str, Any] = (
                {"bbox": {"facecolor": _face(chart, bar), "edgecolor": "none", "pad": 0.4}}
                if bar.kind == "hatched"
                else {}
            )
            ax.text(
                middle,
                lane + 0.52,
                text,
                size=size,
                color=colour,
                ha="center",
                va="center",
                zorder=3,
                clip_on=True,
                **plate,
            )


def _draw_mark(ax: Axes, chart: _Chart, words: str, at: int, number: int) -> Artist:
    style = ("--", ":", "-.")[number % 3]
    colour = (INK, ALARM, FAINT)[number % 3]
    place = at / chart.scale.length
    line: Artist = ax.axvline(
        place, color=colour, linestyle=style, linewidth=1.1, zorder=2.5, clip_on=False, label=words
    )
    return line


def _name_rows(ax: Axes, chart: _Chart) -> None:
    middles = (chart.first[:-1] + chart.first[1:]) / 2
    ax.set_yticks(middles)
    ax.set_yticklabels([literal(name) for name in chart.rows])
    rows_inches = ax.get_position().height * owner(ax).get_size_inches()[1] / len(chart.rows)
    ax.tick_params(axis="y", length=0, labelsize=min(SMALL, 0.8 * 72 * rows_inches))


def _explain(ax: Axes, chart: _Chart, kinds: Mapping[Kind, str], lines: list[Artist]) -> None:
    """Print what colours, kinds and lines mean below the time axis, in as many columns as fit."""
    patches = import_module("matplotlib.patches")
    handles: list[Artist] = []
    if chart.explained:
        handles = [patches.Patch(facecolor=colour, label=literal(key)) for key, colour in chart.colours.items()]
    used = {bar.kind for bar in chart.bars}
    for kind, words in kinds.items():
        if kind in used:
            sample = {"solid": "#909090", "hatched": "#d0d0d0", "faint": "#e8e8e8", "alarm": ALARM}[kind]
            hatch = "//////" if kind == "hatched" else None
            handles.append(patches.Patch(facecolor=sample, edgecolor=INK, linewidth=0.5, hatch=hatch, label=words))
    handles += lines
    if not handles:
        return
    labels = [f" {handle.get_label()}" for handle in handles]  # matplotlib hides labels that begin with _
    widest = max(text_inches(label, SMALL) for label in labels) + 0.5
    across = ax.get_position().width * owner(ax).get_size_inches()[0]
    down = 0.4 / (ax.get_position().height * owner(ax).get_size_inches()[1])
    ax.legend(
        handles=handles,
        labels=labels,
        loc="upper left",
        bbox_to_anchor=(0, -down),
        ncols=max(1, min(len(handles), int(across / widest))),
        fontsize=SMALL,
        frameon=False,
        borderaxespad=0,
        borderpad=0,
        handlelength=1.6,
        columnspacing=1.2,
    )
