"""Pictures of a comparison: performance profiles and anytime curves; they need the extra ``plot``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.comparing.anytime import gaps_at
from benchmarks.comparing.profiles import Floats, costs_of, profile, ratios
from benchmarks.comparing.summaries import best_values
from benchmarks.protocol import Record
from solver.reporting.pictures.canvas import NORMAL, blank_figure, panel, save_figure, title
from solver.reporting.pictures.palette import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 6.4, 3.8
EARLIEST = 0.05
"""Where the axis of an anytime curve begins, in seconds."""


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
    for (subject, gaps), colour in zip(anytime_curves(records, times).items(), cycle(COLOURS), strict=False):
        axes.step(times, 100 * gaps, where="post", color=colour, label=subject)
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_ylim(0, 110)
    axes.set_xlabel("seconds", size=NORMAL)
    axes.set_ylabel("mean primal gap (%)", size=NORMAL)
    axes.legend(fontsize=NORMAL, frameon=False)


def draw_profile(records: Sequence[Record], measure: Callable[[Record], float], axes: Axes) -> None:
    """Draw every subject's performance profile under a measure."""
    subjects, costs = costs_of(records, measure)
    found = ratios(costs)
    finite = found[np.isfinite(found)]
    factors = np.geomspace(1, max(10.0, float(finite.max(initial=1.0)) * 1.1), 300)
    for number, (subject, colour) in enumerate(zip(subjects, cycle(COLOURS), strict=False)):
        axes.step(factors, 100 * profile(found[:, number], factors), where="post", color=colour, label=subject)
    axes.set_xscale("log")
    axes.set_ylim(0, 102)
    axes.set_xlabel("within this factor of the best", size=NORMAL)
    axes.set_ylabel("instances (%)", size=NORMAL)
    axes.legend(fontsize=NORMAL, frameon=False, loc="lower right")


def picture(headline: str, details: str, draw: Callable[[Axes], None], path: Path) -> None:
    """Draw one panel into a PNG, SVG or PDF file."""
    figure = blank_figure(WIDTH, HEIGHT)
    title(figure, headline, details)
    draw(panel(figure, 0.75, 0.6, WIDTH - 1.0, HEIGHT - 1.35))
    save_figure(figure, path)
