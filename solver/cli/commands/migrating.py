"""``placewright migrate``: from where VMs run now to where they should, step by step and as fast as is safe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solver.cli.durations import DURATION
from solver.cli.exits import Exit, exit_of_result, exit_of_status
from solver.cli.limits import HOST_LIMIT, LINK, RATE
from solver.cli.options import FILE, command, drawable, writable
from solver.cli.session import Session, complain
from solver.inventories.files import write_bytes

if TYPE_CHECKING:
    from formulations.instance import Instance
    from formulations.placement import Placement
    from formulations.scheduling.migration import MigrationPlan, MigrationQuestion

SOLVING = 0.5
"""Part of the time for a placement, where none is given; the rest is for the plan."""


@command("migrate")
@click.argument("file", type=FILE)
@click.argument("result", type=FILE, required=False)
@click.option("--current", type=FILE, metavar="PLACEMENT", help="Where VMs run now, if FILE does not say.")
@click.option(
    "--per-host",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    metavar="N",
    help="Migrations that a host takes part in at a time, in and out together.",
)
@click.option(
    "--host-limit",
    "host_limits",
    type=HOST_LIMIT,
    multiple=True,
    metavar="HOST=N",
    help="The same for one host or label; can be given again.",
)
@click.option("--per-cluster", type=click.IntRange(min=1), metavar="N", help="Migrations at a time in all.")
@click.option(
    "--link",
    "links",
    type=LINK,
    multiple=True,
    metavar="ENDS=LIMIT",
    help="A shared link: rack:a=4 (its uplink, 4 migrations at a time), rack:a,rack:b=2.5/s (between the two, "
    "2.5 memory units per second); can be given again.",
)
@click.option(
    "--bandwidth",
    type=RATE,
    metavar="RATE",
    help="Migration bandwidth of hosts that state none, in memory units per second.",
)
@click.option("--rounds", type=click.IntRange(1, 1000), default=30, show_default=True, help="Of copying, at most.")
@click.option("--downtime", type=DURATION, metavar="TIME", help="A VM may stand still for so long.  [default: 300ms]")
@click.option("--no-bypass", is_flag=True, help="Every VM goes straight to its target.")
@click.option("--bypass-hosts", multiple=True, metavar="HOST", help="Visit only these on the way; can be given again.")
@click.option("--allow-stops", is_flag=True, help="Stop VMs and start them again where there is no other way.")
@click.option(
    "--at-end-only",
    multiple=True,
    metavar="RULE",
    help="A hard rule that need not hold on the way: its position in FILE from 1, its kind, or its words as "
    "reported; can be given again.",
)
@click.option(
    "--time",
    "limit",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Stop after so long with the best plan found.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random search.")
@click.option(
    "--backend", type=click.Choice(["cbc", "highs"]), default="cbc", show_default=True, help="The MILP solver."
)
@click.option("--check", type=FILE, metavar="PLAN.json", help="Replay this plan, anybody's, instead of making one.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as one JSON object.")
@click.option("--output", "-o", type=FILE, metavar="PLAN.json", help="Write the plan to a file.")
@click.option("--picture", type=FILE, metavar="FILE.png", help="Draw the hosts' migrations over time.")
@click.option("--all", "everything", is_flag=True, help="Show every step, however many.")
def migrate_command(
    session: Session,
    *,
    file: Path,
    result: Path | None,
    current: Path | None,
    check: Path | None,
    limit: float,
    as_json: bool,
    output: Path | None,
    picture: Path | None,
    everything: bool,
    **wishes: Any,
) -> Exit:
    """Plan the live migrations from where VMs run now to RESULT.

    RESULT is a result of solve, repair, drain, admit or rebalance, or any file
    with {"placement": {"VM": "HOST"}}; VMs that are off in FILE and have a host
    there are started. Without it FILE is solved first. Steps run in parallel as limits allow. No
    host becomes too full and no hard rule broken on the way, with every moving
    VM counted on both hosts; circles are broken by way of a third host. The
    plan is replayed by a checker before it is shown. Exit code 1 means that
    there is provably no order, or that a plan given with --check is wrong.
    """
    from formulations.scheduling.migration import MigrationQuestion
    from solver.rebalancing.questions import switched_on

    writable(output, "--output")
    drawable(picture)
    instance, here = _now(file, current)
    settings = _settings(instance, here, wishes)
    if check is not None:
        if output is not None or picture is not None:
            raise click.UsageError("--check makes no plan to write or draw")
        return _checked(session, instance, check, result, settings=settings, as_json=as_json)
    target, left = _target(session, instance, result, limit, wishes)
    if isinstance(target, Exit):
        return target
    question = MigrationQuestion.towards(switched_on(instance, target), target, **_alike(settings, target))
    plan = _planned(question, left, wishes)
    for warning in plan.warnings:
        session.warn(warning)
    return _deliver(session, plan, as_json=as_json, output=output, picture=picture, everything=everything)


# -- the question ------------------------------------------------------------------------------


def _now(file: Path, current: Path | None) -> tuple[Instance, Placement]:
    """Return the instance, and where its VMs run now."""
    import numpy as np

    from formulations.errors import InputError
    from formulations.placement import Placement
    from solver.cli.commands.solving import read_running
    from solver.inventories import read_placement

    instance = read_running(file, current)
    host_of = np.where(instance.wanted, instance.current, -1)
    if instance.vm_count and not bool((host_of >= 0).any()):
        raise InputError("no VM states its host; expected hosts in the file, or --current", "vms", str(file))
    cells = None if current is None else read_placement(current, instance).cells
    return instance, Placement(host_of, cells=cells)


def _settings(instance: Instance, here: Placement, wishes: dict[str, Any]) -> dict[str, Any]:
    """Return the question's fields that options set."""
    from formulations.scheduling.precopy import PreCopy

    if wishes["no_bypass"] and wishes["bypass_hosts"]:
        raise click.UsageError("--no-bypass does not go with --bypass-hosts")
    downtime = 300 if wishes["downtime"] is None else wishes["downtime"] // 1000
    return {
        "current": here,
        "per_host": wishes["per_host"],
        "host_limits": dict(wishes["host_limits"]),
        "per_cluster": wishes["per_cluster"],
        "links": tuple(wishes["links"]),
        "bandwidth": wishes["bandwidth"],
        "precopy": PreCopy(wishes["rounds"], downtime),
        "at_end_only": tuple(sorted({at for words in wishes["at_end_only"] for at in _rules(instance, words)})),
        "bypass_hosts": () if wishes["no_bypass"] else wishes["bypass_hosts"] or ("*",),
        "allow_stops": wishes["allow_stops"],
    }


def _alike(settings: dict[str, Any], target: Placement) -> dict[str, Any]:
    """Return the settings without the current NUMA cells where those of the target are not known."""
    from formulations.placement import Placement

    here = settings["current"]
    return settings if target.cells is not None else {**settings, "current": Placement(here.host_of)}


def _rules(instance: Instance, words: str) -> list[int]:
    """Return the positions of the hard rules that an option means: a position from 1, a kind, or the rule's words."""
    if words.isascii() and words.isdigit() and 1 <= int(words) <= len(instance.rules):
        found = [int(words) - 1]
    else:
        asked = words.strip().replace("-", "_")
        found = [
            at
            for at, rule in enumerate(instance.rules)
            if asked == rule.__struct_config__.tag or words.strip() in (str(rule), rule.note)
        ]
    found = [at for at in found if instance.rules[at].hard]
    if not found:
        named = "; ".join(f"{at}: {rule}" for at, rule in enumerate(instance.rules, start=1) if rule.hard)
        raise click.BadParameter(f"no hard rule is {words!r}; there are {named or 'none'}", param_hint="--at-end-only")
    return found


def _target(
    session: Session, instance: Instance, result: Path | None, limit: float, wishes: dict[str, Any]
) -> tuple[Placement | Exit, float]:
    """Return the placement to reach and the seconds left for the plan; the exit code where there is no placement."""
    from solver.inventories import read_placement
    from solver.rebalancing.questions import switched_on

    if result is not None:
        target = read_placement(result, instance)
        _warn_of_faults(session, switched_on(instance, target), target)
        return target, limit
    from solver.cli.commands.solving import solved
    from solver.reporting.text import result_report

    found = solved(session, instance, limit * SOLVING, {"seed": wishes["seed"], "backend": wishes["backend"]})
    for warning in found.warnings:
        session.warn(warning)
    if found.placement is None:
        session.print(*result_report(found))
        return exit_of_result(found), 0.0
    return found.placement, max(limit * (1 - SOLVING), limit - found.seconds)


def _warn_of_faults(session: Session, instance: Instance, target: Placement) -> None:
    """Warn of a target that is no valid placement: a plan may still reach it, if it makes nothing worse."""
    from solver.verifying import verify

    verdict = verify(instance, target)
    if not verdict.ok:
        others = f", and {len(verdict.violations) - 1:,} more" if len(verdict.violations) > 1 else ""
        session.warn(f"the target is not valid: {verdict.violations[0]}{others} (see placewright verify)")


# -- the answer --------------------------------------------------------------------------------


def _planned(question: MigrationQuestion, seconds: float, wishes: dict[str, Any]) -> MigrationPlan:
    from solver.backends import backend_named
    from solver.cli.commands.solving import ending_on_request
    from solver.scheduling.migration.planning import plan_migration

    with ending_on_request():
        backend = None if wishes["backend"] == "cbc" else backend_named(wishes["backend"])
        return plan_migration(question, seconds=seconds, seed=wishes["seed"], backend=backend)


def _deliver(
    session: Session, plan: MigrationPlan, *, as_json: bool, output: Path | None, picture: Path | None, everything: bool
) -> Exit:
    """Write the files, then print; a file that cannot be written does not swallow the answer."""
    from solver.reporting.migrations import plan_json, plan_report
    from solver.result import Status

    code = exit_of_status(Status(plan.status.value))
    content = plan_json(plan) if as_json or output is not None else b""
    try:
        if output is not None:
            write_bytes(output, content)
        if picture is not None:
            _draw(session, plan, picture)
    except OSError as error:
        complain(f"error: {error}")
        code = Exit.INTERNAL
    if as_json:
        session.write(content.decode())
    else:
        session.print(*plan_report(plan, everything=everything))
    return code


def _draw(session: Session, plan: MigrationPlan, picture: Path) -> None:
    from solver.reporting.pictures.migrations import picture_of_migration

    if plan.steps:
        picture_of_migration(plan, picture)
    else:
        session.warn(f"nothing to draw into {picture.name}: the plan has no steps")


def _checked(
    session: Session, instance: Instance, check: Path, result: Path | None, *, settings: dict[str, Any], as_json: bool
) -> Exit:
    """Replay a plan; without a result the target is where its steps lead."""
    from formulations.scheduling.migration import MigrationQuestion
    from solver.inventories import read_placement
    from solver.inventories.files import named
    from solver.inventories.migrations import destination, plan_of, read_plan
    from solver.rebalancing.questions import switched_on
    from solver.reporting.migrations import check_json, check_report
    from solver.verifying.schedules.migration import check_migration

    document = read_plan(check)
    with named(check):
        target = (
            destination(document, instance, settings["current"]) if result is None else read_placement(result, instance)
        )
    question = MigrationQuestion.towards(switched_on(instance, target), target, **_alike(settings, target))
    with named(check):
        plan = plan_of(document, question)
    violations = check_migration(question, plan)
    if as_json:
        session.write(check_json(violations, len(plan.steps)).decode())
    else:
        session.print(*check_report(violations, len(plan.steps)))
    return Exit.NO_ANSWER if violations else Exit.ANSWER
