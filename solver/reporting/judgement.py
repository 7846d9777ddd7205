"""Verdicts as people read them: accepted or rejected, what is violated, and what the placement is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from formulations.instance import Instance
from solver.reporting.figures import count, with_unit
from solver.reporting.tables import Column, table
from solver.verifying import Verdict

MOST_VIOLATIONS = 20


def verdict_report(
    instance: Instance, verdict: Verdict, claims: Sequence[str] = (), *, everything: bool = False
) -> Iterator[RenderableType]:
    """Yield the report of a verdict.

    Parameters
    ----------
    instance : Instance
    verdict : Verdict
    claims : sequence of str
        What the placement's file states wrongly.
    everything : bool
        Show every violation that is listed, however many.
    """
    if verdict.ok and not claims:
        yield Text("ACCEPTED", style="bold green").append(": every rule and capacity holds", style="not bold default")
    else:
        found = count(len(verdict.violations), "violation")
        found += f", {count(len(claims), 'false claim')}" if claims else ""
        yield Text("REJECTED", style="bold red").append(f": {found}", style="not bold default")
    shown = verdict.violations if everything else verdict.violations[:MOST_VIOLATIONS]
    for violation in shown:
        yield Text(f"- {violation.message}")
    yield from (Text(f"- {claim}") for claim in claims)
    if len(shown) < len(verdict.violations):
        yield Text(f"… and {len(verdict.violations) - len(shown):,} more (--all shows them)")
    if verdict.values:
        yield ""
        yield table(
            [
                Column("level", [level.name for level in instance.levels], name=True),
                Column(
                    "value", [with_unit(v, lv.said_unit) for v, lv in zip(verdict.values, instance.levels, strict=True)]
                ),
            ]
        )
