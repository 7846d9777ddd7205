"""``placewright show``: an instance, or a result of it, in tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from solver.cli.exits import Exit
from solver.cli.options import FILE, command, drawable
from solver.cli.session import Session

if TYPE_CHECKING:
    from formulations.instance import Instance


@command("show")
@click.argument("file", type=FILE)
@click.argument("result", type=FILE, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a summary as one JSON object.")
@click.option("--picture", type=FILE, metavar="FILE.png", help="Draw the hosts and what each VM of RESULT gets.")
@click.option("--all", "everything", is_flag=True, help="Show every VM, host and rule, however many.")
def show_command(
    session: Session, *, file: Path, result: Path | None, as_json: bool, picture: Path | None, everything: bool
) -> Exit:
    """Show the instance in FILE, or the RESULT of solving it."""
    from solver.inventories import read_instance
    from solver.reporting.documents import encoded, instance_document

    drawable(picture)
    instance = read_instance(file)
    if result is not None:
        return _show_result(session, instance, result, as_json=as_json, picture=picture, everything=everything)
    if picture is not None:
        raise click.UsageError("a picture needs a RESULT")
    if as_json:
        session.write(encoded(instance_document(instance)).decode())
    else:
        from solver.reporting.text_instance import instance_report

        session.print(*instance_report(instance, everything=everything))
    return Exit.ANSWER


def _show_result(
    session: Session, instance: Instance, path: Path, *, as_json: bool, picture: Path | None, everything: bool
) -> Exit:
    """Show a placement: judged anew, whatever its file says of itself."""
    from solver.inventories import read_placement
    from solver.reporting.documents import encoded, verdict_document
    from solver.reporting.judgement import verdict_report
    from solver.reporting.text import placement_report
    from solver.verifying import verify

    placement = read_placement(path, instance)
    verdict = verify(instance, placement)
    if picture is not None:
        from solver.reporting.pictures import picture_of_placement

        picture_of_placement(instance, placement, picture)
    if as_json:
        used = {"hosts_used": len(placement.hosts_used)}
        session.write(encoded(used | verdict_document(instance, verdict)).decode())
    else:
        session.print(*verdict_report(instance, verdict, everything=everything), "")
        session.print(*placement_report(instance, placement, everything=everything))
    return Exit.ANSWER
