"""``placewright explain``: why there is no placement, or why a VM cannot be somewhere else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from solver.cli.commands.judging import placement_of
from solver.cli.commands.solving import solved
from solver.cli.exits import Exit, exit_of_result
from solver.cli.options import FILE, command
from solver.cli.parsing import ISOLATION
from solver.cli.session import Session

if TYPE_CHECKING:
    from formulations.instance import Instance
    from formulations.isolation import AnyIsolation
    from formulations.naming import CountedNames
    from solver.result import Result


@command("explain")
@click.argument("file", type=FILE)
@click.option(
    "--time",
    "limit",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Stop after so long with what is proved by then.",
)
@click.option("--isolation", type=ISOLATION, metavar="MODE", help="Explain under this level; as for solve.")
@click.option("--why-not", nargs=2, metavar="VM HOST", help="Say instead what keeps a VM from running on a host.")
@click.option(
    "--placement",
    "placed",
    type=FILE,
    metavar="RESULT",
    help="Where everyone else is, for --why-not; by default where FILE says they run now.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as one JSON object.")
def explain_command(
    session: Session,
    *,
    file: Path,
    limit: float,
    isolation: AnyIsolation | None,
    why_not: tuple[str, str] | None,
    placed: Path | None,
    as_json: bool,
) -> Exit:
    """Say why FILE has no placement: a minimal set of facts that conflict, and ways out.

    Exit code 0 means that there is a placement (or that the VM may go there),
    1 that there is none (or that something is in its way).
    """
    from solver.inventories import read_instance

    if placed is not None and not why_not:
        raise click.UsageError("--placement belongs to --why-not")
    instance = read_instance(file)
    if isolation is not None:
        instance = instance.replace(isolation=isolation)
    if why_not:
        return _explain_move(session, instance, *why_not, placed=placed, as_json=as_json)
    result = solved(session, instance.replace(objective=[]), limit, {})
    for warning in result.warnings:
        session.warn(warning)
    _print_reasons(session, result, as_json=as_json)
    return exit_of_result(result)


def _print_reasons(session: Session, result: Result, *, as_json: bool) -> None:
    """Print why there is no placement, or that there is one."""
    from rich.text import Text

    from solver.reporting.documents import encoded, explanation_document
    from solver.reporting.text import headline, reason_text

    if as_json:
        session.write(encoded(explanation_document(result)).decode())
    elif result.placement is not None:
        session.print(Text(f"FEASIBLE: there is a placement, found in {result.seconds:.2f} s"))
    else:
        session.print(headline(result), *(reason_text(reason) for reason in result.reasons))


def _explain_move(
    session: Session, instance: Instance, vm: str, host: str, *, placed: Path | None, as_json: bool
) -> Exit:
    """Print what keeps a VM from a host, everyone else staying where they are."""
    from rich.text import Text

    from solver.explaining import why_not
    from solver.reporting.documents import encoded

    placement = placement_of(instance, placed)
    obstacles = why_not(
        instance, placement, _single(instance.vm_names, "VM", vm), _single(instance.host_names, "host", host)
    )
    if as_json:
        session.write(encoded({"vm": vm, "host": host, "obstacles": list(obstacles)}).decode())
    elif obstacles:
        session.print(Text(f"{vm} cannot run on {host}:"), *(Text(f"- {obstacle}") for obstacle in obstacles))
    else:
        session.print(Text(f"{vm} may run on {host}: no hard rule and no capacity is in the way"))
    return Exit.NO_ANSWER if obstacles else Exit.ANSWER


def _single(names: CountedNames, what: str, name: str) -> int:
    found = names.find(name)
    if found is None or len(found) != 1:
        raise click.BadParameter(f"no single {what} is called {name!r}", param_hint="--why-not")
    return int(found[0])
