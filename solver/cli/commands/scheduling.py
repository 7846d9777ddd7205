"""``placewright schedule``: from a placement to a start-up order and dispatch tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solver.cli.durations import DURATION, NAMED_DURATION
from solver.cli.exits import Exit, exit_of_result, exit_of_status
from solver.cli.options import FILE, POLICIES, command, drawable, writable
from solver.cli.parsing import ISOLATION
from solver.cli.session import Session, complain
from solver.inventories.files import write_bytes

if TYPE_CHECKING:
    from rich.console import RenderableType

    from formulations.instance import Instance
    from formulations.isolation import AnyIsolation
    from formulations.placement import Placement
    from formulations.scheduling.dispatch import DispatchQuestion
    from solver.scheduling.dispatch import DispatchAnswer
    from solver.scheduling.startup import StartupResult


@command("schedule")
@click.argument("file", type=FILE)
@click.argument("result", type=FILE, required=False)
@click.option("--only", type=click.Choice(["startup", "dispatch"]), help="One of the two parts instead of both.")
@click.option("--starts-per-host", type=click.IntRange(min=1), metavar="N", help="VMs that may be starting on a host.")
@click.option("--starts-per-cluster", type=click.IntRange(min=1), metavar="N", help="VMs that may be starting in all.")
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
    checker before they are shown. Exit code 1 means that a demand cannot be met.
    """
    from solver.inventories import read_instance

    _check_wishes(wishes)
    writable(output, "--output")
    drawable(picture)
    instance = read_instance(file)
    if isolation is not None:
        instance = instance.replace(isolation=isolation)
    shown = instance.hosts_called(hosts, "--host").tolist() if hosts else []
    placement = _placement(session, instance, result, limit, policy)
    if isinstance(placement, Exit):
        return placement
    schedule = _scheduled(instance, placement, wishes, limit)
    for warning in schedule.warnings:
        session.warn(warning)
    return _deliver(session, schedule, shown, as_json=as_json, output=output, picture=picture, everything=everything)


STARTUP_WISHES = ("starts_per_host", "starts_per_cluster", "running")
DISPATCH_WISHES = ("frame", "latency", "blackouts", "quantum", "gang", "tight")


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


@dataclass(frozen=True)
class Schedule:
    """Both parts of a schedule, as far as they were asked for.

    Attributes
    ----------
    startup : StartupResult or None
    dispatch : DispatchAnswer or None
    warnings : tuple of str
    """

    startup: StartupResult | None
    dispatch: DispatchAnswer | None
    warnings: tuple[str, ...] = ()

    @property
    def code(self) -> Exit:
        """The exit code: a proved refusal of either part comes before anything else."""
        codes = [exit_of_status(part.status) for part in (self.startup, self.dispatch) if part is not None]
        order = (Exit.NO_ANSWER, Exit.UNKNOWN, Exit.ANSWER)
        return next(code for code in order if code in codes)

    def text(self, *, everything: bool, shown: list[int]) -> Iterator[RenderableType]:
        """Yield the reports for people."""
        from solver.reporting.schedules import dispatch_report, startup_report

        if self.startup is not None:
            yield from startup_report(self.startup, everything=everything)
        if self.startup is not None and self.dispatch is not None:
            yield ""
        if self.dispatch is not None:
            yield from dispatch_report(self.dispatch, everything=everything, shown=shown)

    def json(self) -> bytes:
        """Return the report for programs."""
        from solver.reporting.documents import encoded
        from solver.reporting.schedule_documents import dispatch_document, startup_document

        return encoded(
            {
                "startup": None if self.startup is None else startup_document(self.startup),
                "dispatch": None if self.dispatch is None else dispatch_document(self.dispatch),
                "warnings": list(self.warnings),
            }
        )


def _scheduled(instance: Instance, placement: Placement, wishes: dict[str, Any], limit: float) -> Schedule:
    """Make the parts asked for; tables that the file says too little for are left out with a word."""
    from formulations.errors import UnsupportedError
    from solver.scheduling.dispatch import dispatch_tables

    startup = _started(instance, placement, wishes) if wishes["only"] != "dispatch" else None
    warnings = () if startup is None else startup.warnings
    if wishes["only"] == "startup":
        return Schedule(startup, None, warnings)
    try:
        question = _dispatch_question(instance, placement, wishes)
    except UnsupportedError as error:
        if wishes["only"] == "dispatch" or any(wishes[name] for name in DISPATCH_WISHES):
            raise
        return Schedule(startup, None, (*warnings, f"no dispatch tables: {error}"))
    return Schedule(startup, dispatch_tables(question, seconds=limit), warnings)


def _started(instance: Instance, placement: Placement, wishes: dict[str, Any]) -> StartupResult:
    from formulations.scheduling.startup import StartLimits
    from solver.scheduling.startup import running_now, startup_order

    limits = StartLimits(wishes["starts_per_host"], wishes["starts_per_cluster"])
    running = running_now(instance) if wishes["running"] else None
    return startup_order(instance, placement, limits=limits, running=running)


def _dispatch_question(instance: Instance, placement: Placement, wishes: dict[str, Any]) -> DispatchQuestion:
    from formulations.scheduling.dispatch import DispatchQuestion

    return DispatchQuestion(
        instance,
        placement,
        frame=wishes["frame"],
        latency=wishes["latency"],
        blackouts=_least(wishes["blackouts"]),
        quantum=wishes["quantum"] or 1,
        gang=wishes["gang"],
        shortest=wishes["tight"],
    )


def _least(given: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the bound of every name; of several the least."""
    bounds: dict[str, int] = {}
    for name, bound in given:
        bounds[name] = min(bound, bounds.get(name, bound))
    return bounds


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
