"""Pictures of a comparison: performance profiles and anytime curves; they need the extra ``plot``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.comparing.anytime import gaps_at
from benchmarks.comparing.profiles import Floats, costs_of, profile, ratios
from benchmarks.comparing.summaries import best_values
from benchmarks.protocol import Record
from formulations.errors import InputError
from solver.reporting.pictures.canvas import NORMAL, blank_figure, panel, save_figure, title
from solver.reporting.pictures.palette import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT, LEGEND = 5.6, 3.8, 1.7
"""In inches."""

EARLIEST = 0.05
"""Where the axis of an anytime curve begins, in seconds."""


def comparable(records: Sequence[Record]) -> list[Record]:
    """Return the runs on instances that every subject ran.

    Raises
    ------
    InputError
        If there is no such instance.
    """
    ran: dict[tuple[str, str], set[str]] = {}
    for record in records:
        ran.setdefault((record.family, record.instance), set()).add(record.subject)
    subjects = {record.subject for record in records}
    found = [record for record in records if ran[record.family, record.instance] == subjects]
    if not found:
        raise InputError(f"no instance was run by all of {', '.join(sorted(subjects))}; choose fewer")
    return found


def anytime_curves(records: Sequence[Record], times: Floats) -> dict[str, Floats]:
    """Return every subject's mean primal gap at each time against the best value of all: shape (times,).

    Runs without a verified answer count with a gap of 1; instances that nobody answers do not count.
    """
    best = best_values(records)
    gaps: dict[str, list[Floats]] = {}
    for record in records:
        if (reference := best.get((record.family, record.instance))) is not None:
            trace = record.trace if record.verified else []
            gaps.setdefault(record.subject, []).append(gaps_at(trace, reference, times))
    return {subject: np.mean(rows, axis=0) for subject, rows in gaps.items()}


def draw_anytime(records: Sequence[Record], axes: Axes) -> None:
    """Draw every subject's mean primal gap over time."""
    longest = max(record.limit for record in records)
    times = np.geomspace(EARLIEST, longest, 200)
    for (subject, gaps), style in zip(anytime_curves(records, times).items(), _styles(), strict=False):
        axes.step(times, 100 * gaps, where="post", label=subject, **style)
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_ylim(-0.005, 110)
    axes.set_xlabel("seconds", size=NORMAL)
    axes.set_ylabel("mean primal gap (%)", size=NORMAL)
    _legend(axes)


def draw_profile(records: Sequence[Record], measure: Callable[[Record], float], axes: Axes) -> None:
    """Draw every subject's performance profile under a measure."""
    subjects, costs = costs_of(records, measure)
    found = ratios(costs)
    finite = found[np.isfinite(found)]
    factors = np.geomspace(1, max(10.0, float(finite.max(initial=1.0)) * 1.1), 300)
    for number, (subject, style) in enumerate(zip(subjects, _styles(), strict=False)):
        axes.step(factors, 100 * profile(found[:, number], factors), where="post", label=subject, **style)
    axes.set_xscale("log")
    axes.set_ylim(-1, 102)
    axes.set_xlabel("within this factor of the best", size=NORMAL)
    axes.set_ylabel("instances (%)", size=NORMAL)
    _legend(axes)


def _styles() -> Iterator[dict[str, Any]]:
    """Yield a colour each; where they run out, the same ones dashed and dotted."""
    for dashes in cycle(("-", "--", ":")):
        for colour in COLOURS:
            yield {"color": colour, "linestyle": dashes}


def _legend(axes: Axes) -> None:
    axes.legend(fontsize=NORMAL, frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.02), borderaxespad=0)


def picture(headline: str, details: str, draw: Callable[[Axes], None], path: Path) -> None:
    """Draw one panel with its legend beside it into a PNG, SVG or PDF file."""
    figure = blank_figure(WIDTH + LEGEND, HEIGHT)
    title(figure, headline, details)
    draw(panel(figure, 0.75, 0.6, WIDTH - 0.9, HEIGHT - 1.35))
    save_figure(figure, path)
