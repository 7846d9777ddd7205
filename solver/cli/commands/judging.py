"""``placewright verify``: judge a placement, whoever made it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from solver.cli.exits import Exit
from solver.cli.options import FILE, command
from solver.cli.parsing import ISOLATION
from solver.cli.session import Session

if TYPE_CHECKING:
    from formulations.instance import Instance
    from formulations.isolation import AnyIsolation
    from formulations.placement import Placement


@command("verify")
@click.argument("file", type=FILE)
@click.argument("placement", type=FILE, required=False)
@click.option("--isolation", type=ISOLATION, metavar="MODE", help="Judge under this level; as for solve.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as one JSON object.")
@click.option("--all", "everything", is_flag=True, help="Show every violation listed, however many.")
def verify_command(
    session: Session,
    *,
    file: Path,
    placement: Path | None,
    isolation: AnyIsolation | None,
    as_json: bool,
    everything: bool,
) -> Exit:
    """Check a placement against every rule and capacity of FILE, in integers.

    PLACEMENT is a result of solve, or any JSON or YAML file with
    {"placement": {"VM": "HOST"}}; without it the hosts that FILE states for now
    are judged. A result's stated objective is compared with what its placement
    is worth. Exit code 0 means accepted, 1 rejected.
    """
    from solver.cli.claims import false_claims
    from solver.inventories import read_instance
    from solver.verifying import verify

    instance = read_instance(file)
    if isolation is not None:
        instance = instance.replace(isolation=isolation)
    verdict = verify(instance, placement_of(instance, placement))
    claims = () if placement is None else false_claims(placement, instance, verdict)
    if as_json:
        from solver.reporting.documents import encoded, verdict_document

        session.write(encoded(verdict_document(instance, verdict, claims)).decode())
    else:
        from solver.reporting.judgement import verdict_report

        session.print(*verdict_report(instance, verdict, claims, everything=everything))
    return Exit.ANSWER if verdict.ok and not claims else Exit.NO_ANSWER


def placement_of(instance: Instance, path: Path | None) -> Placement:
    """Return the placement in a file; without one the current hosts, or the only host there is.

    Raises
    ------
    InputError
        If no file is given and a VM that must be placed has no current host.
    """
    from formulations.errors import InputError
    from formulations.placement import Placement
    from solver.inventories import read_placement

    if path is not None:
        return read_placement(path, instance)
    host_of = instance.current.copy()
    if instance.host_count == 1:
        host_of[instance.wanted] = 0
    homeless = (instance.wanted & (host_of < 0)).nonzero()[0]
    if len(homeless) and not instance.allow_unplaced:
        name = instance.vm_names.name(int(homeless[0]))
        raise InputError(f"{name!r} has no current host; expected a placement file, or a host for every VM", "vms")
    host_of[~instance.wanted] = -1
    return Placement(host_of)
