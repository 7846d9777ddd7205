"""Draws Gantt charts: stripes, bars, labels where they fit, marks, row names and a legend."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from solver.reporting.pictures.canvas import ALARM, FAINT, INK, SMALL, literal, owner, text_inches
from solver.reporting.pictures.gantt_charts import Bar, Chart, Gantt, Kind
from solver.reporting.pictures.palette import OTHERS, darker, ink_on, lighter

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes


def draw_gantt(ax: Axes, chart: Chart, asked: Gantt) -> None:
    """Draw a chart on axes."""
    ax.set_xlim(0, chart.end / chart.scale.length * 1.005)
    ax.set_ylim(chart.lanes, 0)
    _stripe(ax, chart)
    _draw_bars(ax, chart)
    _label_bars(ax, chart)
    for row in asked.dividers:
        if 0 < row < len(chart.rows):
            ax.axhline(chart.first[row], color=INK, linewidth=0.7)
    lines = [_draw_mark(ax, chart, words, at, number) for number, (words, at) in enumerate(asked.marks.items())]
    _name_rows(ax, chart)
    ax.set_xlabel(f"time ({chart.scale.name})", size=SMALL, color=INK)
    _explain(ax, chart, asked.kinds, lines)


def _stripe(ax: Axes, chart: Chart) -> None:
    """Shade every second row, so that the eye finds the name to a bar far from it."""
    for row in range(1, len(chart.rows), 2):
        ax.axhspan(float(chart.first[row]), float(chart.first[row + 1]), color="#f3f3f3", linewidth=0, zorder=0)


def _draw_bars(ax: Axes, chart: Chart) -> None:
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


def _boxes(ax: Axes, chart: Chart) -> NDArray[np.float64]:
    """Return left, top, right and bottom of every bar; one without length gets a hair's breadth."""
    starts = np.array([bar.start for bar in chart.bars], dtype=np.float64) / chart.scale.length
    ends = np.array([bar.end for bar in chart.bars], dtype=np.float64) / chart.scale.length
    hair = 0.012 / _inches_per_unit(ax)
    top = chart.lane + 0.1
    return np.stack([starts, top, np.maximum(ends, starts + hair), top + 0.8], axis=1)


def _inches_per_unit(ax: Axes) -> float:
    low, high = ax.get_xlim()
    return float(ax.get_position().width * owner(ax).get_size_inches()[0] / (high - low))


def _face(chart: Chart, bar: Bar) -> str:
    colour = chart.colours.get(bar.key, OTHERS)
    if bar.kind == "alarm":
        return ALARM
    return lighter(colour, 0.72) if bar.kind == "faint" else lighter(colour, 0.4) if bar.kind == "hatched" else colour


def _edge(kind: Kind, face: str) -> str:
    return darker(face, 0.45) if kind in {"hatched", "faint"} else "#ffffff"


def _label_bars(ax: Axes, chart: Chart) -> None:
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


def _draw_mark(ax: Axes, chart: Chart, words: str, at: int, number: int) -> Artist:
    style = ("--", ":", "-.")[number % 3]
    colour = (INK, ALARM, FAINT)[number % 3]
    place = at / chart.scale.length
    line: Artist = ax.axvline(
        place, color=colour, linestyle=style, linewidth=1.1, zorder=2.5, clip_on=False, label=words
    )
    return line


def _name_rows(ax: Axes, chart: Chart) -> None:
    middles = (chart.first[:-1] + chart.first[1:]) / 2
    ax.set_yticks(middles)
    ax.set_yticklabels([literal(name) for name in chart.rows])
    rows_inches = ax.get_position().height * owner(ax).get_size_inches()[1] / len(chart.rows)
    ax.tick_params(axis="y", length=0, labelsize=min(SMALL, 0.8 * 72 * rows_inches))


def _explain(ax: Axes, chart: Chart, kinds: Mapping[Kind, str], lines: list[Artist]) -> None:
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
