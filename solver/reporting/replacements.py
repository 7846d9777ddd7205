"""Re-placement as people and programs read it: what is wrong now, what moves and why, and the move-value curve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from rich.console import RenderableType
from rich.text import Text

from formulations.quantities import json_number
from solver.inventories import document
from solver.rebalancing import CurvePoint, MoveValueCurve, Replacement
from solver.reporting.figures import count, figure, percent
from solver.reporting.tables import Column, table
from solver.reporting.text import headline, levels_table, reason_text

MOST_MOVES = 40
"""More moves than these are shown only when all are asked for."""

MOST_WRONG = 10


def replacement_report(answer: Replacement, *, everything: bool = False) -> Iterator[RenderableType]:
    """Yield what is wrong now, the headline, the levels, and every move with its reason.

    Parameters
    ----------
    answer : Replacement
    everything : bool
        Show every move, however many.
    """
    result = answer.result
    yield from _wrong_now(answer, everything=everything)
    yield headline(result)
    if answer.no_action_needed:
        yield Text("No action needed: everything may stay where it is.")
    if result.placement is not None and len(result.levels) > 1:
        yield levels_table(result)
        yield ""
    yield from _moves(answer, everything=everything)
    for reason in result.reasons:
        yield reason_text(reason)


def _wrong_now(answer: Replacement, *, everything: bool) -> Iterator[RenderableType]:
    wrong = answer.before.violations
    if not wrong:
        return
    yield Text(f"Now {count(len(wrong), 'violation')}:")
    for violation in wrong if everything else wrong[:MOST_WRONG]:
        yield Text(f"  {violation}")
    if len(wrong) > MOST_WRONG and not everything:
        yield Text(f"  … and {len(wrong) - MOST_WRONG:,} more (--all shows them)")
    yield ""


def _moves(answer: Replacement, *, everything: bool) -> Iterator[RenderableType]:
    if answer.started:
        names = ", ".join(answer.started[:MOST_WRONG]) + (" …" if len(answer.started) > MOST_WRONG else "")
        yield Text(f"{count(len(answer.started), 'VM')} without a host until now: {names}")
    if not answer.moves:
        return
    shown = answer.moves if everything else answer.moves[:MOST_MOVES]
    yield Text(count(len(answer.moves), "move"))
    yield table(
        [
            Column("VM", [move.vm for move in shown], name=True),
            Column("from", [move.source for move in shown], name=True),
            Column("to", [move.target for move in shown], name=True),
            Column("why", [", ".join(move.reasons) for move in shown], name=True),
        ]
    )
    if len(shown) < len(answer.moves):
        yield Text(f"… and {len(answer.moves) - len(shown):,} more (--all shows them)")


def replacement_document(answer: Replacement) -> dict[str, Any]:
    """Return the result's document with the moves, their reasons, and what is wrong now."""
    plain: dict[str, Any] = msgspec.to_builtins(document(answer.result))
    return {
        **plain,
        "no_action_needed": answer.no_action_needed,
        "wrong_now": [str(violation) for violation in answer.before.violations],
        "moves": [
            {"vm": move.vm, "from": move.source, "to": move.target, "why": list(move.reasons)} for move in answer.moves
        ],
        "started": list(answer.started),
    }


# -- the move-value curve ------------------------------------------------------------------


def curve_report(curve: MoveValueCurve) -> Iterator[RenderableType]:
    """Yield a row per budget: what is reached with how many moves, how sure that is, and the knee."""
    level = curve.level
    stated = curve.instance.levels[level]
    knee = curve.knee
    yield Text(f"{stated.name} by the number of moves that are allowed")
    yield table(
        [
            Column("moves allowed", [f"{point.most:,}" for point in curve.points]),
            Column("made", ["-" if point.moves is None else f"{point.moves:,}" for point in curve.points]),
            Column("value", [_at(point, level) for point in curve.points]),
            Column("bound", [figure(point.bounds[level]) if point.bounds else "-" for point in curve.points]),
            Column("gap", [_gap(point, level) for point in curve.points]),
            Column("", ["knee" if point is knee else point.status.value.lower() for point in curve.points], name=True),
        ]
    )


def _at(point: CurvePoint, level: int) -> str:
    return figure(point.values[level]) if point.values else "no placement"


def _gap(point: CurvePoint, level: int) -> str:
    if not point.values:
        return "-"
    value, bound = point.values[level], point.bounds[level]
    return percent(0 if value <= bound else (value - bound) / value)


def curve_document(curve: MoveValueCurve) -> dict[str, Any]:
    """Return the curve as plain data: all levels of every point."""
    knee = curve.knee
    return {
        "levels": [{"name": level.name, "unit": level.said_unit} for level in curve.instance.levels],
        "level": curve.level,
        "knee": None if knee is None else knee.most,
        "points": [
            {
                "most": point.most,
                "moves": point.moves,
                "status": point.status.value,
                "values": [json_number(value) for value in point.values],
                "bounds": [json_number(bound) for bound in point.bounds],
            }
            for point in curve.points
        ],
    }
