"""``placewright bench``: an instance against every heuristic, measured by what is proved of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solver.cli.commands.solving import ending_on_request, solved
from solver.cli.exits import Exit, exit_of_result
from solver.cli.options import FILE, command, writable
from solver.cli.session import Session, complain

if TYPE_CHECKING:
    from solver.engines.heuristics.comparison import Comparison


@command("bench")
@click.argument("file", type=FILE)
@click.option(
    "--time",
    "--seconds",
    "limit",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Prove so long, then run heuristics as long at most.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the search for the proof.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="For the MILP solver.")
@click.option(
    "--backend", type=click.Choice(["cbc", "highs"]), default="cbc", show_default=True, help="The MILP solver."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.option("--csv", "table", type=FILE, metavar="FILE.csv", help="Write one row per heuristic to a file.")
@click.option("--all", "everything", is_flag=True, help="Show every heuristic.")
def bench_command(
    session: Session, *, file: Path, limit: float, as_json: bool, table: Path | None, everything: bool, **settings: Any
) -> Exit:
    """Run every heuristic on FILE and say how far each is from the optimum.

    Placewright solves the instance first: heuristics are measured by the proved
    optimum, or by the lower bound where the time does not suffice for a proof.
    Where rules bind, greedy variants that obey them run instead.
    """
    from solver.deadline import Deadline
    from solver.engines.heuristics.comparison import compare
    from solver.inventories import read_instance

    writable(table, "--csv")
    instance = read_instance(file)
    result = solved(session, instance, limit, {**settings, "reasons": False})
    for warning in result.warnings:
        session.warn(warning)
    with ending_on_request():
        comparison = compare(instance, result, Deadline(limit))
    return _deliver(session, comparison, as_json=as_json, table=table, everything=everything)


def _deliver(session: Session, comparison: Comparison, *, as_json: bool, table: Path | None, everything: bool) -> Exit:
    """Write the table, then print; a file that cannot be written does not swallow the answer."""
    from solver.inventories.files import write_bytes
    from solver.reporting.comparison import comparison_csv, comparison_document, comparison_report
    from solver.reporting.documents import encoded

    code = exit_of_result(comparison.result)
    try:
        if table is not None:
            write_bytes(table, comparison_csv(comparison))
    except OSError as error:
        complain(f"error: {error}")
        code = Exit.INTERNAL
    if as_json:
        session.write(encoded(comparison_document(comparison)).decode())
    else:
        session.print(*comparison_report(comparison, everything=everything))
    return code
