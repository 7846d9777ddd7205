"""The table of machine reassignment: each instance against the best of the challenge, at every limit."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.comparing.tables import markdown, percent
from benchmarks.protocol import Record

TOLERANCE = 1e-5
"""Costs within this part of another count as equal to it."""

Way = tuple[int, str, float]
"""How runs were made: cores, subject, and limit in seconds."""


def reassignment_table(records: Sequence[Record]) -> str:
    """Return a row per instance, and sentences that sum up: best and median of the runs for every way and limit.

    Parameters
    ----------
    records : sequence of Record
        Runs whose first incumbent is the placement that was given.
    """
    runs = [record for record in records if record.verified and record.known_value]
    ways = sorted({(record.cores, record.subject, record.limit) for record in runs})
    names = list(dict.fromkeys(record.instance for record in runs))
    rows = [_row([r for r in runs if r.instance == name], ways) for name in sorted(names)]
    headings = [
        "instance",
        "VMs",
        "cost at first",
        "best of 2012",
        "bound",
        *(h for way in ways for h in _headings(way)),
    ]
    return "\n".join([markdown(headings, rows), *(_summary(way, runs) for way in ways)])


def _headings(way: Way) -> list[str]:
    _, subject, limit = way
    return [f"{subject}, {limit:g} s, best of runs", "against 2012", "median"]


def _row(runs: Sequence[Record], ways: Sequence[Way]) -> list[str]:
    """Return the row of an instance."""
    known = runs[0].known_value or 0.0
    bound = max((run.bound for run in runs if run.bound is not None), default=None)
    cells = [runs[0].instance, f"{runs[0].n:,}", f"{_at_first(runs[0]):,.0f}", f"{known:,.0f}"]
    cells.append("-" if bound is None else f"{bound:,.0f}")
    for way in ways:
        values = _values(runs, way)
        if values:
            cells += [f"{min(values):,.0f}", _against(min(values), known), _against(median(values), known)]
        else:
            cells += ["-"] * 3
    return cells


def _values(runs: Sequence[Record], way: Way) -> list[float]:
    """Return what the runs of one way cost."""
    return [run.value for run in runs if (run.cores, run.subject, run.limit) == way and run.value is not None]


def _against(value: float, known: float) -> str:
    difference = value / known - 1
    return f"{'+' if difference > 0 else ''}{percent(difference, 3)}"


def _at_first(run: Record) -> float:
    return run.trace[0][1] if run.trace else 0.0


def _summary(way: Way, runs: Sequence[Record]) -> str:
    """Return how many instances reach the best of the challenge, and the sum of scores over set B."""
    _, subject, limit = way
    by_instance = {run.instance: run for run in runs}
    best = {name: min(values) for name in by_instance if (values := _values(_of(runs, name), way))}
    middle = {name: median(_values(_of(runs, name), way)) for name in best}
    reached = sum(best[name] <= (by_instance[name].known_value or 0.0) * (1 + TOLERANCE) for name in best)
    scores = [sum(_score(by_instance[n], v) for n, v in values.items() if n[0] == "b") for values in (best, middle)]
    return (
        f"{subject}, {limit:g} s: {reached} of {len(best)} at or below the best of 2012 (within {TOLERANCE:g}); "
        f"sum of the challenge's scores over set B {scores[0]:+.2f} for the best runs, {scores[1]:+.2f} for the "
        "medians (below 0: better than the best of all teams together).\n"
    )


def _of(runs: Sequence[Record], name: str) -> list[Record]:
    return [run for run in runs if run.instance == name]


def _score(run: Record, value: float) -> float:
    """Return the challenge's score: the difference to the best of all teams, in per cent of the cost at first."""
    return 100 * (value - (run.known_value or 0.0)) / _at_first(run)
