"""``placewright rebalance``, ``repair``, ``drain`` and ``admit``: what to do about VMs that run already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solver.cli.commands.solving import ending_on_request, read_running
from solver.cli.exits import Exit, exit_of_result, exit_of_status
from solver.cli.options import FILE, Command, command, drawable, writable
from solver.cli.parsing import OBJECTIVE
from solver.cli.session import Session, complain
from solver.inventories.files import write_bytes

if TYPE_CHECKING:
    from formulations.instance import Instance
    from formulations.objective import ObjectiveLevel
    from solver.rebalancing import MoveValueCurve, Replacement

PRICE = click.option(
    "--by",
    "price",
    type=click.Choice(["moves", "cost"]),
    default="moves",
    show_default=True,
    help="What is made small: the number of moves, or the sum of the VMs' move costs.",
)


def shared_options(function: Command) -> Command:
    """Add the options that all four commands have."""
    options = [
        click.option(
            "--current",
            type=FILE,
            metavar="PLACEMENT",
            help="Where VMs run now, if FILE does not say: a result, "
            'any JSON or YAML with {"placement": {"VM": "HOST"}}, or an assignment of machine reassignment.',
        ),
        click.option(
            "--time",
            "limit",
            type=click.FloatRange(min=0, min_open=True),
            default=60.0,
            show_default=True,
            metavar="SECONDS",
            help="Stop after so long with the best found.",
        ),
        click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random search."),
        click.option(
            "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="For the MILP solver."
        ),
        click.option(
            "--backend", type=click.Choice(["cbc", "highs"]), default="cbc", show_default=True, help="The MILP solver."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object."),
        click.option(
            "--output",
            "-o",
            type=FILE,
            metavar="RESULT.json",
            help="Write the result to a file, for migrate and verify.",
        ),
        click.option("--all", "everything", is_flag=True, help="Show every move and every violation."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@command("rebalance")
@click.argument("file", type=FILE)
@click.option("--moves", "most_moves", type=click.IntRange(min=0), metavar="K", help="Move at most so many VMs.")
@click.option("--curve", is_flag=True, help="Show what 0, 1, 2, 5, 10, 20, 50 … moves are worth, and the knee.")
@click.option("--picture", type=FILE, metavar="FILE.png", help="Draw the hosts; with --curve, the curve.")
@click.option("--objective", type=OBJECTIVE, metavar="LEVELS", help="Instead of the file's; as for solve.")
@shared_options
def rebalance_command(
    session: Session,
    *,
    file: Path,
    current: Path | None,
    most_moves: int | None,
    curve: bool,
    picture: Path | None,
    objective: list[ObjectiveLevel] | None,
    **options: Any,
) -> Exit:
    """Improve the placement of VMs that run already, for few moves.

    FILE is an instance whose VMs state their hosts (or --current does), or a
    model of machine reassignment. The objective is the file's.
    """
    from solver.rebalancing import rebalance

    drawable(picture)
    instance = read_running(file, current)
    if objective is not None:
        instance = instance.replace(objective=objective)
    if curve:
        if most_moves is not None:
            raise click.UsageError("--curve tries its own numbers of moves: leave out --moves")
        return _curve(session, instance, picture, options)
    return answered(
        session, options, lambda limit, more: rebalance(instance, most_moves=most_moves, seconds=limit, **more), picture
    )


@command("repair")
@click.argument("file", type=FILE)
@PRICE
@shared_options
def repair_command(session: Session, *, file: Path, current: Path | None, price: Any, **options: Any) -> Exit:
    """Mend what is broken with the least movement, and change nothing else.

    Afterwards every hard rule and capacity of FILE holds, hosts in maintenance are
    empty and every VM that is on has a host. Nothing moves where nothing is broken.
    """
    from solver.rebalancing import repair

    instance = read_running(file, current)
    return answered(session, options, lambda limit, more: repair(instance, price=price, seconds=limit, **more))


@command("drain")
@click.argument("file", type=FILE)
@click.argument("hosts", nargs=-1, required=True)
@PRICE
@shared_options
def drain_command(
    session: Session, *, file: Path, hosts: tuple[str, ...], current: Path | None, price: Any, **options: Any
) -> Exit:
    """Empty HOSTS with the least movement.

    HOSTS are names of hosts, or labels such as rack:a.
    """
    from solver.rebalancing import drain

    instance = read_running(file, current)
    return answered(session, options, lambda limit, more: drain(instance, hosts, price=price, seconds=limit, **more))


@command("admit")
@click.argument("file", type=FILE)
@click.argument("vms", nargs=-1, required=True)
@PRICE
@shared_options
def admit_command(
    session: Session, *, file: Path, vms: tuple[str, ...], current: Path | None, price: Any, **options: Any
) -> Exit:
    """Make room now for VMS that do not run yet, with the least movement of others.

    VMS are names of VMs that are off or have no host, or groups such as group:shop.
    """
    from solver.rebalancing import admit

    instance = read_running(file, current)
    return answered(session, options, lambda limit, more: admit(instance, vms, price=price, seconds=limit, **more))


def answered(
    session: Session,
    options: dict[str, Any],
    ask: Callable[[float, dict[str, Any]], Replacement],
    picture: Path | None = None,
) -> Exit:
    """Ask, write the files, and print what moves and why."""
    from solver.reporting.documents import encoded, result_json
    from solver.reporting.replacements import replacement_document, replacement_report

    output = writable(options["output"], "--output")
    settings = {name: options[name] for name in ("seed", "threads", "backend")}
    with ending_on_request():
        answer = ask(options["limit"], settings)
    for warning in answer.result.warnings:
        session.warn(warning)
    code = exit_of_result(answer.result)
    try:
        if output is not None:
            write_bytes(output, result_json(answer.result))
        if picture is not None and answer.result.placement is not None:
            from solver.reporting.pictures import picture_of_result

            picture_of_result(answer.result, picture)
    except OSError as error:
        complain(f"error: {error}")
        code = Exit.INTERNAL
    if options["as_json"]:
        session.write(encoded(replacement_document(answer)).decode())
    else:
        session.print(*replacement_report(answer, everything=options["everything"]))
    return code


def _curve(session: Session, instance: Instance, picture: Path | None, options: dict[str, Any]) -> Exit:
    """Compute, draw and print the move-value curve; --output takes the placement with the most moves."""
    from solver.rebalancing import move_value_curve
    from solver.reporting.documents import encoded, result_json
    from solver.reporting.pictures.curves import picture_of_curve
    from solver.reporting.replacements import curve_document, curve_report

    output = writable(options["output"], "--output")
    settings = {name: options[name] for name in ("seed", "threads", "backend")}
    with ending_on_request():
        curve = move_value_curve(instance, seconds=options["limit"], **settings)
    code = _exit_of_curve(curve)
    try:
        if output is not None:
            write_bytes(output, result_json(curve.results[-1]))
        if picture is not None and code is Exit.ANSWER:
            picture_of_curve(curve, picture)
    except OSError as error:
        complain(f"error: {error}")
        code = Exit.INTERNAL
    if options["as_json"]:
        session.write(encoded(curve_document(curve)).decode())
    else:
        session.print(*curve_report(curve))
    return code


def _exit_of_curve(curve: MoveValueCurve) -> Exit:
    if any(point.values for point in curve.points):
        return Exit.ANSWER
    return exit_of_status(curve.points[-1].status)
