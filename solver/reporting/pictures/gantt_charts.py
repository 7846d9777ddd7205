"""Gantt charts as data: rows, bars, and the lane that each bar gets in its row."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from solver.reporting.figures import count
from solver.reporting.pictures.palette import COLOURS

Unit = Literal["us", "ms"]
Kind = Literal["solid", "hatched", "faint", "alarm"]

MOST_ROWS = 400
"""Rows drawn; of more only the first are, and the picture says so."""

MOST_BARS = 20_000

MOST_LEGEND = 12
"""Colours that a legend explains; beyond that colours only tell neighbours apart."""

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


@dataclass(frozen=True, kw_only=True)
class Gantt:
    """A chart that shares a page with others; the fields are the parameters of `gantt_figure`."""

    rows: Sequence[str]
    bars: Sequence[Bar]
    headline: str
    details: str = ""
    unit: Unit = "ms"
    colours: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[Kind, str] = field(default_factory=dict)
    marks: Mapping[str, int] = field(default_factory=dict)
    dividers: Sequence[int] = ()
    end: int | None = None

    def __post_init__(self) -> None:
        if not self.rows:
            raise InputError("expected at least one row to draw")
        for bar in self.bars:
            if not 0 <= bar.row < len(self.rows):
                raise InputError(f"bar {bar.label!r} lies in row {bar.row}; there are {count(len(self.rows), 'row')}")


class Scale(NamedTuple):
    """The unit that the axis counts in, and how many of the chart's own units it is."""

    name: str
    length: float

    @classmethod
    def of(cls, end: int, microseconds: int) -> Scale:
        """Return the unit in which a chart of this length is at least two long."""
        whole = end * microseconds
        length, name = [pair for pair in _UNITS if pair[0] * 2 <= whole or pair[0] == 1][-1]
        return cls(name, length / microseconds)


@dataclass(frozen=True, eq=False)
class Chart:
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
    scale : Scale
    end : int
    colours : dict of key to colour
    explained : bool
        Whether each key has a colour of its own.
    """

    rows: tuple[str, ...]
    bars: tuple[Bar, ...]
    lane: NDArray[np.int64]
    first: NDArray[np.int64]
    scale: Scale
    end: int
    colours: dict[str, str]
    explained: bool

    @classmethod
    def of(cls, asked: Gantt) -> Chart:
        """Return what of a chart is drawn, and where."""
        visible = (bar for bar in asked.bars if bar.row < MOST_ROWS)
        shown = sorted(visible, key=lambda bar: (bar.start, bar.row))[:MOST_BARS]
        within, counts = _lanes(shown, min(len(asked.rows), MOST_ROWS))
        first = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        lane = first[[bar.row for bar in shown]] + within if shown else within
        last = max((bar.end for bar in asked.bars), default=0) if asked.end is None else asked.end
        rank = {key: n for n, key in enumerate(asked.colours)}
        keys = sorted(dict.fromkeys(bar.key for bar in shown if bar.key), key=lambda key: rank.get(key, len(rank)))
        chosen = {key: asked.colours.get(key, COLOURS[n % len(COLOURS)]) for n, key in enumerate(keys)}
        return cls(
            rows=tuple(asked.rows[:MOST_ROWS]),
            bars=tuple(shown),
            lane=lane,
            first=first,
            scale=Scale.of(max(1, last), _MICROSECONDS[asked.unit]),
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
