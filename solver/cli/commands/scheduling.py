"""``placewright schedule``: from a placement to a start-up order and dispatch tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solver.cli.durations import DURATION, NAMED_DURATION
from solver.cli.exits import Exit, exit_of_result
from solver.cli.options import FILE, POLICIES, command, drawable, writable
from solver.cli.parsing import ISOLATION
from solver.cli.schedules import DISPATCH_WISHES, Schedule, scheduled, wrong_order, wrong_tables
from solver.cli.session import Session, complain
from solver.inventories.files import write_bytes

if TYPE_CHECKING:
    from formulations.instance import Instance
    from formulations.isolation import AnyIsolation
    from formulations.placement import Placement


@command("schedule")
@click.argument("file", type=FILE)
@click.argument("result", type=FILE, required=False)
@click.option("--only", type=click.Choice(["startup", "dispatch"]), help="One of the two parts instead of both.")
@click.option("--starts-per-host", type=click.IntRange(min=1), metavar="N", help="VMs that start at once on a host.")
@click.option("--starts-per-cluster", type=click.IntRange(min=1), metavar="N", help="VMs that start at once in all.")
@click.option(
    "--running",
    is_flag=True,
    help="VMs with a current host run already and need no start; by default everything starts.",
)
@click.option("--frame", type=DURATION, metavar="TIME", help="Length of a frame, such as 20ms or 500us.")
@click.option("--latency", type=DURATION, metavar="TIME", help="Longest time that any vCPU may wait between two runs.")
@click.option(
    "--blackout",
    "blackouts",
    type=NAMED_DURATION,
    multiple=True,
    metavar="VM=TIME",
    help="The same for one VM, entry or group:NAME; can be given again.",
)
@click.option("--quantum", type=DURATION, metavar="TIME", help="Shortest slice.  [default: 1us]")
@click.option("--gang", multiple=True, metavar="VM", help="VM, entry or group:NAME whose vCPUs run at the same time.")
@click.option("--tight", is_flag=True, help="Prove that gangs use as little of the frame as is possible.")
@click.option(
    "--owners",
    type=click.Choice(["full", "pinned"]),
    help="Who owns whole cores: every fully isolated VM, or only those that are pinned.  [default: full]",
)
@click.option(
    "--host", "hosts", multiple=True, metavar="HOST", help="Show this host's table slice by slice; can be given again."
)
@click.option("--isolation", type=ISOLATION, metavar="MODE", help="As for solve.")
@click.option(
    "--allocation",
    "policy",
    type=click.Choice(POLICIES),
    help="How hosts are shared out, where RESULT does not say so.  [default: satisfaction]",
)
@click.option(
    "--time",
    "limit",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="For solving, where no RESULT is given; and again for the tables.",
)
@click.option(
    "--check",
    type=FILE,
    metavar="SCHEDULE.json",
    help="Replay this schedule of RESULT, anybody's, instead of making one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the schedule as one JSON object.")
@click.option("--output", "-o", type=FILE, metavar="SCHEDULE.json", help="Write the JSON object to a file.")
@click.option("--picture", type=FILE, metavar="FILE.png", help="Draw hosts and cores over time.")
@click.option("--all", "everything", is_flag=True, help="Show every wave and every host, however many.")
def schedule_command(
    session: Session,
    *,
    file: Path,
    result: Path | None,
    hosts: tuple[str, ...],
    isolation: AnyIsolation | None,
    policy: str | None,
    limit: float,
    check: Path | None,
    as_json: bool,
    output: Path | None,
    picture: Path | None,
    everything: bool,
    **wishes: Any,
) -> Exit:
    """Order the start-up of a placement's VMs, and give every vCPU its core time.

    RESULT is a result of solve, or any file with {"placement": {"VM": "HOST"}};
    without it FILE is solved first. Waves of VMs start together, dependencies
    (start_after), priorities and limits kept. The dispatch table of a host says
    which vCPU runs on which core, in every frame again. Both are replayed by a
    checker before they are shown. Exit code 1 means that a demand cannot be met,
    or that a schedule given with --check is wrong.
    """
    from solver.inventories import read_instance

    _check_wishes(wishes)
    if check is not None and (result is None or output is not None or picture is not None):
        raise click.UsageError("--check needs RESULT, and makes no schedule to write or draw")
    writable(output, "--output")
    drawable(picture)
    instance = read_instance(file)
    if isolation is not None:
        instance = instance.replace(isolation=isolation)
    shown = instance.hosts_called(hosts, "--host").tolist() if hosts else []
    placement = _placement(session, instance, result, limit, policy)
    if isinstance(placement, Exit):
        return placement
    if check is not None:
        return _checked(session, instance, placement, check, wishes, as_json=as_json)
    schedule = scheduled(instance, placement, wishes, limit)
    for warning in schedule.warnings:
        session.warn(warning)
    return _deliver(session, schedule, shown, as_json=as_json, output=output, picture=picture, everything=everything)


STARTUP_WISHES = ("starts_per_host", "starts_per_cluster", "running")


def _check_wishes(wishes: dict[str, Any]) -> None:
    """Refuse options of the part that is not asked for rather than ignore them."""
    if wishes["only"] is None:
        return
    others = DISPATCH_WISHES if wishes["only"] == "startup" else STARTUP_WISHES
    for name in others:
        if wishes[name]:
            raise click.UsageError(f"--{_option(name)} does not go with --only {wishes['only']}")


def _option(name: str) -> str:
    return {"blackouts": "blackout"}.get(name, name.replace("_", "-"))


def _placement(
    session: Session, instance: Instance, result: Path | None, limit: float, policy: str | None
) -> Placement | Exit:
    """Return the placement in a file, with an allocation, or solve for one; the exit code where there is none."""
    if result is None:
        return _solved(session, instance, limit, policy or "satisfaction")
    from solver.allocating import allocate
    from solver.inventories import read_placement
    from solver.verifying import verify

    placement = read_placement(result, instance)
    if placement.allocation is None or policy is not None:
        shared_out = allocate(instance, placement, policy or "satisfaction")  # type: ignore[arg-type] # click chose
        if shared_out is None:
            complain(f"{result}: the placement has no allocation: some host cannot hold what is reserved on it")
            return Exit.NO_ANSWER
        placement = shared_out
    verdict = verify(instance, placement)
    if not verdict.ok:
        others = f", and {len(verdict.violations) - 1:,} more" if len(verdict.violations) > 1 else ""
        session.warn(f"the placement is not valid: {verdict.violations[0]}{others} (see placewright verify)")
    return placement


def _solved(session: Session, instance: Instance, limit: float, policy: str) -> Placement | Exit:
    from solver.cli.commands.solving import solved
    from solver.reporting.text import result_report

    found = solved(session, instance, limit, {"policy": policy})
    for warning in found.warnings:
        session.warn(warning)
    if found.placement is not None:
        return found.placement
    session.print(*result_report(found))
    return exit_of_result(found)


def _checked(
    session: Session, instance: Instance, placement: Placement, check: Path, wishes: dict[str, Any], *, as_json: bool
) -> Exit:
    """Replay the parts of a schedule that are asked for, and say all that is wrong with them."""
    from solver.reporting.schedules import replay_report

    found: dict[str, list[str]] = {}
    if wishes["only"] != "dispatch":
        found["start-up order"] = wrong_order(instance, placement, check, wishes)
    if wishes["only"] != "startup":
        found["dispatch tables"] = wrong_tables(instance, placement, check, wishes)
    wrong = any(found.values())
    if as_json:
        from solver.reporting.documents import encoded

        session.write(encoded({"accepted": not wrong, "violations": found}).decode())
    else:
        session.print(*replay_report(found))
    return Exit.NO_ANSWER if wrong else Exit.ANSWER


def _deliver(
    session: Session,
    schedule: Schedule,
    shown: list[int],
    *,
    as_json: bool,
    output: Path | None,
    picture: Path | None,
    everything: bool,
) -> Exit:
    """Write the files, then print; a file that cannot be written does not swallow the answer."""
    code = schedule.code
    content = schedule.json() if as_json or output is not None else b""
    try:
        if output is not None:
            write_bytes(output, content)
        if picture is not None:
            _draw(session, schedule, picture, shown)
    except OSError as error:
        complain(f"error: {error}")
        code = Exit.INTERNAL
    if as_json:
        session.write(content.decode())
    else:
        session.print(*schedule.text(everything=everything, shown=shown))
    return code


def _draw(session: Session, schedule: Schedule, picture: Path, shown: list[int]) -> None:
    from solver.reporting.pictures.schedules import dispatch_charts, picture_of_schedule, startup_charts

    startup, dispatch = schedule.startup, schedule.dispatch
    drawn = [] if startup is None else startup_charts(startup)
    if drawn or (dispatch is not None and dispatch_charts(dispatch, shown)):
        picture_of_schedule(startup, dispatch, picture, hosts=shown)
    else:
        session.warn(f"nothing to draw into {picture.name}")
