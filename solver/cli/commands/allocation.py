"""``placewright allocate``: share out the hosts' resources for a placement that is given."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from solver.cli.commands.judging import placement_of
from solver.cli.exits import Exit, exit_of_status
from solver.cli.options import FILE, POLICIES, command, drawable, writable
from solver.cli.parsing import COEFFICIENTS, ISOLATION
from solver.cli.session import Session
from solver.inventories.files import write_bytes

if TYPE_CHECKING:
    from formulations.instance import Instance
    from formulations.isolation import AnyIsolation
    from solver.cli.reports import Report

Coefficients = tuple[str | None, Fraction, Fraction]


@command("allocate")
@click.argument("file", type=FILE)
@click.option(
    "--placement",
    "placed",
    type=FILE,
    metavar="RESULT",
    help="Who is where: a result of solve, or a file "
    'with {"placement": {"VM": "HOST"}}. By default where FILE says each VM runs now, or the only host.',
)
@click.option(
    "--model",
    type=click.Choice(["free", "linear", "dynamic"]),
    default="free",
    show_default=True,
    help="free: one amount per VM; linear: a = A * capacity + B * demand; dynamic: the same over periods.",
)
@click.option("--policy", type=click.Choice(POLICIES), help="What the free model aims at.  [default: satisfaction]")
@click.option(
    "--evaluate",
    type=COEFFICIENTS,
    multiple=True,
    help="Judge this linear policy instead of seeking one; per resource or for all.",
)
@click.option("--ranges", is_flag=True, help="The coefficients that the bounds allow (linear, dynamic).")
@click.option("--isolation", type=ISOLATION, metavar="MODE", help="Allocate under this level; as for solve.")
@click.option("--json", "as_json", is_flag=True, help="Print the allocation as one JSON object.")
@click.option("--output", "-o", type=FILE, metavar="RESULT.json", help="Write the JSON object to a file.")
@click.option("--picture", type=FILE, metavar="FILE.png", help="Draw the allocation; with --ranges, the coefficients.")
@click.option("--all", "everything", is_flag=True, help="Show every VM and every host, however many.")
def allocate_command(
    session: Session,
    *,
    file: Path,
    placed: Path | None,
    model: str,
    policy: str | None,
    evaluate: tuple[Coefficients, ...],
    ranges: bool,
    isolation: AnyIsolation | None,
    as_json: bool,
    output: Path | None,
    picture: Path | None,
    everything: bool,
) -> Exit:
    """Share out the hosts' resources for a placement that is given.

    Exit code 1 means that there is no allocation of the kind, or that the
    coefficients given to --evaluate break a bound or a capacity.
    """
    from solver.cli import reports
    from solver.inventories import read_instance

    _check_options(model, policy, evaluate, ranges=ranges, picture=picture)
    writable(output, "--output")
    drawable(picture)
    instance = read_instance(file)
    if isolation is not None:
        instance = instance.replace(isolation=isolation)
    placement = placement_of(instance, placed)
    if evaluate:
        report = reports.of_evaluation(instance, placement, _by_resource(instance, evaluate))
    elif model == "linear":
        report = reports.of_linear(instance, placement, ranges=ranges)
    elif model == "dynamic":
        report = reports.of_dynamic(instance, placement, ranges=ranges)
    else:
        report = reports.of_free(instance, placement, policy or "satisfaction")
    return _deliver(session, report, as_json=as_json, output=output, picture=picture, everything=everything)


def _check_options(
    model: str, policy: str | None, evaluate: tuple[Coefficients, ...], *, ranges: bool, picture: Path | None
) -> None:
    """Refuse options that do not go together rather than ignore one of them."""
    if policy is not None and model != "free":
        raise click.UsageError(f"--policy belongs to the free model, not to --model {model}")
    if ranges and (model == "free" or evaluate):
        raise click.UsageError("--ranges needs --model linear or --model dynamic, and no --evaluate")
    if evaluate and model == "dynamic":
        raise click.UsageError("--evaluate belongs to the linear model, not to --model dynamic")
    if evaluate and policy is not None:
        raise click.UsageError("--evaluate belongs to the linear model, --policy to the free one")
    if evaluate and picture is not None:
        raise click.UsageError("a policy that is only evaluated has no picture")


def _by_resource(instance: Instance, given: tuple[Coefficients, ...]) -> dict[str, tuple[Fraction, Fraction]]:
    """Return the coefficients of every resource: its own, else those given for all."""
    known = [resource.name for resource in instance.resources]
    table: dict[str | None, tuple[Fraction, Fraction]] = {}
    for resource, first, second in given:
        if resource is not None and resource not in known:
            raise click.BadParameter(f"no resource is called {resource!r}", param_hint="--evaluate")
        if resource in table:
            raise click.BadParameter(f"{resource or 'A,B for all'} is given twice", param_hint="--evaluate")
        table[resource] = first, second
    chosen = {name: table.get(name, table.get(None)) for name in known}
    return {name: pair for name, pair in chosen.items() if pair is not None}


def _deliver(
    session: Session, report: Report, *, as_json: bool, output: Path | None, picture: Path | None, everything: bool
) -> Exit:
    """Write the files asked for, then print."""
    for warning in report.warnings:
        session.warn(warning)
    if output is not None:
        write_bytes(output, report.json())
    if picture is not None and report.status != "INFEASIBLE":
        report.draw(picture)
    if as_json:
        session.write(report.json().decode())
    else:
        session.print(*report.text(everything))
    return exit_of_status(report.status)
