"""Heuristics against what is proved, as people and programs read it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from formulations.quantities import json_number
from solver.engines.heuristics.comparison import Comparison, Trial
from solver.reporting.figures import count, figure, percent
from solver.reporting.tables import Column, table
from solver.reporting.text import headline

MOST_TRIALS = 20
"""More trials than these are shown only when all are asked for."""

COLUMNS = ("heuristic", "family", "value", "excess", "seconds", "note", "sources")


def comparison_report(comparison: Comparison, *, everything: bool = False) -> Iterator[RenderableType]:
    """Yield the result, what the heuristics are measured by, and the heuristics from the best on.

    Parameters
    ----------
    comparison : Comparison
    everything : bool
        Show every heuristic, however many.
    """
    yield headline(comparison.result)
    if comparison.uncounted:
        yield Text(f"Heuristics for vector packing do not apply: {comparison.uncounted}.")
        if comparison.trials:
            yield Text("Greedy variants that obey the rules:")
    yield Text(_measured_by(comparison))
    ranked = comparison.ranked
    if ranked:
        yield Text(f"{_summary(comparison)}\n")
        shown = ranked if everything else ranked[:MOST_TRIALS]
        yield _trials_table(comparison, shown)
        if len(shown) < len(ranked):
            yield Text(f"… and {len(ranked) - len(shown):,} more (--all shows them)")
    yield from _without_value(comparison, everything=everything)
    if comparison.interrupted:
        yield Text("interrupted before the last heuristic")


def _measured_by(comparison: Comparison) -> str:
    """Say what the figures are relative to."""
    level, reference = comparison.level, comparison.reference
    if level is None or reference is None:
        return "Nothing is proved that heuristics could be measured by."
    if comparison.proved:
        return f"Measured by the proved optimum of {level.name}: {figure(reference)}."
    return (
        f"Measured by the lower bound of {level.name}, {figure(reference)}, as the optimum is not proved: "
        f"the true excess may be less. Best known: {figure(level.value)}."
    )


def _summary(comparison: Comparison) -> str:
    """Say how good the best, the one in the middle and the worst are, and how many reach the reference."""
    ranked = comparison.ranked
    excesses = [comparison.excess(value) for value in _values(ranked)]
    known = [excess for excess in excesses if excess is not None]
    if not known:
        return f"{count(len(ranked), 'heuristic')} with an answer."
    reached = sum(excess == 0 for excess in known)
    goal = "the optimum" if comparison.proved else "the bound"
    return (
        f"{count(len(ranked), 'heuristic')}: {reached:,} reach {goal}; best +{percent(known[0])}, "
        f"median +{percent(known[len(known) // 2])}, worst +{percent(known[-1])}."
    )


def _values(trials: tuple[Trial, ...]) -> list[Fraction]:
    return [trial.value for trial in trials if trial.value is not None]


def _trials_table(comparison: Comparison, trials: tuple[Trial, ...]) -> RenderableType:
    values = _values(trials)
    return table(
        [
            Column("heuristic", [trial.name for trial in trials], name=True),
            Column("family", [trial.family for trial in trials], name=True),
            Column("value", [figure(value) for value in values]),
            Column("above", [_above(comparison, value) for value in values]),
            Column("time (ms)", [f"{1000 * trial.seconds:,.1f}" for trial in trials]),
        ]
    )


def _above(comparison: Comparison, value: Fraction) -> str:
    excess = comparison.excess(value)
    return "?" if excess is None else f"+{percent(excess)}" if excess else "0 %"


def _without_value(comparison: Comparison, *, everything: bool) -> Iterator[RenderableType]:
    """Say which heuristics have no answer and why: reasons in one line each unless all is asked for."""
    failed = [trial for trial in comparison.trials if trial.value is None]
    if everything:
        yield from (Text(f"- {trial.name}: {trial.note}") for trial in failed)
        return
    by_reason: dict[str, list[str]] = {}
    for trial in failed:
        by_reason.setdefault(trial.note.removeprefix(f"{trial.name} "), []).append(trial.name)
    for reason, names in by_reason.items():
        told = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"
        yield Text(f"- {told}: {reason}")


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain data."""
    result, level = comparison.result, comparison.level
    return {
        "instance": result.instance.name,
        "status": result.status.value,
        "level": None if level is None else level.name,
        "value": None if level is None else json_number(level.value),
        "bound": None if level is None or level.bound is None else json_number(level.bound),
        "proved": comparison.proved,
        "proved_by": "" if level is None else level.proved_by,
        "seconds": result.seconds,
        "not_counted": comparison.uncounted,
        "interrupted": comparison.interrupted or result.interrupted,
        "heuristics": [
            {
                "name": trial.name,
                "family": trial.family,
                "value": None if trial.value is None else json_number(trial.value),
                "excess": None if trial.value is None else _share(comparison.excess(trial.value)),
                "seconds": trial.seconds,
                "note": trial.note,
                "sources": list(trial.cites),
            }
            for trial in comparison.trials
        ],
        "settings": dict(result.settings),
        "versions": dict(result.versions),
    }


def _share(excess: Fraction | None) -> float | None:
    return None if excess is None else float(excess)


def comparison_csv(comparison: Comparison) -> bytes:
    """Return a comparison as comma-separated values, one heuristic a row, in UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for trial in comparison.trials:
        excess = None if trial.value is None else _share(comparison.excess(trial.value))
        value = "" if trial.value is None else json_number(trial.value)
        row = [trial.name, trial.family, value, "" if excess is None else excess, f"{trial.seconds:.6f}"]
        writer.writerow([*row, trial.note, " | ".join(trial.cites)])
    return text.getvalue().encode()
