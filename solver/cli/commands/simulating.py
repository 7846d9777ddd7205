"""``placewright simulate``: how long given work waits for the cores of its hosts, policy by policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solver.cli.durations import DURATION
from solver.cli.exits import Exit, exit_of_result
from solver.cli.options import FILE, command, drawable, writable
from solver.cli.session import Session, complain
from solver.inventories.files import write_bytes

if TYPE_CHECKING:
    from formulations.instance import Instance
    from formulations.placement import Placement
    from formulations.scheduling.workload import Workload
    from solver.scheduling.dynamic import Machine, Policy, Simulation, Span

POLICY_NAMES = ("fcfs", "rr", "sjf", "srtf", "priority", "priority-kept", "shares")
KIND_NAMES = ("poisson", "pareto", "bursty")


@command("simulate")
@click.argument("file", type=FILE)
@click.argument("result", type=FILE, required=False)
@click.option(
    "--work", type=FILE, metavar="TRACE", help="CSV (arrival,vm,cpu_seconds,priority) or JSON; instead of --generate."
)
@click.option(
    "--generate",
    "kind",
    type=click.Choice(KIND_NAMES),
    help="Random work: one by one, with a heavy tail of sizes, or in bursts.  [default: poisson]",
)
@click.option(
    "--load",
    type=click.FloatRange(min=0, max=2, min_open=True),
    help="Generated work as a share of what VMs can use of the cores.  [default: 0.8]",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="How long generated work arrives.  [default: 60]",
)
@click.option("--burst", type=DURATION, metavar="TIME", help="Mean core time of generated jobs.  [default: 20ms]")
@click.option("--seed", type=click.IntRange(min=0), help="Of the generated work.  [default: 0]")
@click.option("--save-work", type=FILE, metavar="TRACE", help="Write the generated work to a CSV or JSON file.")
@click.option(
    "--policy",
    "policies",
    type=click.Choice(POLICY_NAMES),
    multiple=True,
    help="Simulate this policy only; can be given again.  [default: all]",
)
@click.option("--quantum", type=DURATION, metavar="TIME", help="Of rr and shares.  [default: 10ms]")
@click.option("--period", type=DURATION, metavar="TIME", help="In which shares holds limits.  [default: 100ms]")
@click.option("--ageing", type=DURATION, metavar="TIME", help="Waiting worth one priority.  [default: no ageing]")
@click.option("--switch-cost", type=DURATION, metavar="TIME", help="Lost when a core changes jobs.  [default: none]")
@click.option("--window", type=DURATION, metavar="TIME", help="Length of the pictured moment.  [default: 200ms]")
@click.option(
    "--time",
    "limit",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="For solving, where no RESULT is given.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@click.option("--output", "-o", type=FILE, metavar="FIGURES.json", help="Write the JSON object to a file.")
@click.option("--picture", type=FILE, metavar="FILE.png", help="Draw how long jobs take, and cores for a moment.")
@click.option("--all", "everything", is_flag=True, help="Show every VM under every policy.")
def simulate_command(
    session: Session,
    *,
    file: Path,
    result: Path | None,
    limit: float,
    as_json: bool,
    output: Path | None,
    picture: Path | None,
    everything: bool,
    **wishes: Any,
) -> Exit:
    """Run given or random work on the cores of every host, under one policy or all.

    RESULT is a result of solve, or any file with {"placement": {"VM": "HOST"}};
    without it FILE is solved first. Jobs of a VM run on the cores of its host, on
    no more at once than it has vCPUs. Policies: first come, first served; round
    robin; shortest job first; shortest remaining time first; priority (kept: a job
    keeps its core until it is done); and by shares within limits.
    """
    from solver.inventories import read_instance

    _check_wishes(wishes, drawn=picture is not None)
    for path, option in ((output, "--output"), (wishes["save_work"], "--save-work")):
        writable(path, option)
    drawable(picture)
    instance = read_instance(file)
    placement = _placement(session, instance, result, limit)
    if isinstance(placement, Exit):
        return placement
    _tell_of_compiling(session)
    simulations = _simulated(instance, placement, wishes, drawn=picture is not None)
    return _deliver(
        session, instance, simulations, as_json=as_json, output=output, picture=picture, everything=everything
    )


def _tell_of_compiling(session: Session) -> None:
    """Tell those who watch why the first time takes longer."""
    from solver.scheduling.dynamic.compiled import kept_from_before

    if session.shows_progress and not kept_from_before():
        complain("compiling the simulation's loops; they are kept for the next time")


def _check_wishes(wishes: dict[str, Any], *, drawn: bool) -> None:
    """Refuse options that do not go together rather than ignore one of them."""
    if wishes["window"] is not None and not drawn:
        raise click.UsageError("--window belongs to --picture")
    if wishes["work"] is not None:
        for name, option in (
            ("kind", "generate"),
            ("load", "load"),
            ("seconds", "seconds"),
            ("burst", "burst"),
            ("seed", "seed"),
            ("save_work", "save-work"),
        ):
            if wishes[name] is not None:
                raise click.UsageError(f"--{option} belongs to generated work; --work reads it from a file")
    chosen = wishes["policies"] or POLICY_NAMES
    users = {"quantum": ("rr", "shares"), "period": ("shares",), "ageing": ("priority", "priority-kept")}
    for name, policies in users.items():
        if wishes[name] is not None and not set(policies) & set(chosen):
            raise click.UsageError(f"--{name} belongs to --policy {' and '.join(policies)}")


def _placement(session: Session, instance: Instance, result: Path | None, limit: float) -> Placement | Exit:
    """Return the placement in a file, or solve for one; the exit code where there is none."""
    if result is not None:
        from solver.inventories import read_placement

        return read_placement(result, instance)
    from solver.cli.commands.solving import solved
    from solver.reporting.text import result_report

    found = solved(session, instance, limit, {})
    for warning in found.warnings:
        session.warn(warning)
    if found.placement is not None:
        return found.placement
    session.print(*result_report(found))
    return exit_of_result(found)


def _simulated(
    instance: Instance, placement: Placement, wishes: dict[str, Any], *, drawn: bool
) -> tuple[Simulation, ...]:
    """Read or make the work, and simulate it."""
    from solver.scheduling.dynamic import compare, machines_of
    from solver.scheduling.dynamic.records import NOTHING

    machines = machines_of(instance, placement, switch_cost=wishes["switch_cost"] or 0)
    workload = _workload(instance, placement, machines, wishes)
    window = _window(workload, wishes["window"] or 200_000) if drawn else NOTHING
    return compare(machines, workload, tuple(_policies(wishes)), window=window)


def _workload(
    instance: Instance, placement: Placement, machines: tuple[Machine, ...], wishes: dict[str, Any]
) -> Workload:
    from formulations.errors import InputError
    from solver.inventories.workloads import read_workload, write_workload
    from solver.scheduling.dynamic import generated

    if wishes["work"] is not None:
        workload = read_workload(wishes["work"], instance)
        homeless = workload.vm[placement.host_of[workload.vm] < 0]
        if len(homeless):
            name = instance.vm_names.name(int(homeless[0]))
            raise InputError(f"{name!r} has work but no host in the placement", file=str(wishes["work"]))
        return workload
    given = {"load": wishes["load"], "seconds": wishes["seconds"], "seed": wishes["seed"]}
    if wishes["burst"] is not None:
        given["mean_burst"] = wishes["burst"] / 1_000_000
    stated = {name: value for name, value in given.items() if value is not None}
    workload = generated(instance, machines, wishes["kind"] or "poisson", **stated)
    if not len(workload):
        raise InputError("no work was generated: no VM expects any cpu, or the time is too short")
    if wishes["save_work"] is not None:
        write_workload(workload, instance, wishes["save_work"])
    return workload


def _window(workload: Workload, length: int) -> Span:
    """Return a stretch of time in the middle of the arrivals."""
    from solver.scheduling.dynamic import Span

    first, last = int(workload.arrival.min()), int(workload.arrival.max())
    begin = max(first, (first + last - length) // 2)
    return Span(begin, begin + length)


def _policies(wishes: dict[str, Any]) -> Iterator[Policy]:
    from solver.scheduling.dynamic import (
        FirstCome,
        Priority,
        ProportionalShare,
        RoundRobin,
        ShortestJob,
        ShortestRemaining,
    )

    quantum = {} if wishes["quantum"] is None else {"quantum": wishes["quantum"]}
    period = {} if wishes["period"] is None else {"period": wishes["period"]}
    for name in dict.fromkeys(wishes["policies"]) or POLICY_NAMES:
        if name == "fcfs":
            yield FirstCome()
        elif name == "rr":
            yield RoundRobin(**quantum)
        elif name == "sjf":
            yield ShortestJob()
        elif name == "srtf":
            yield ShortestRemaining()
        elif name == "shares":
            yield ProportionalShare(**quantum, **period)
        else:
            yield Priority(preemptive=name == "priority", ageing=wishes["ageing"])


def _deliver(
    session: Session,
    instance: Instance,
    simulations: tuple[Simulation, ...],
    *,
    as_json: bool,
    output: Path | None,
    picture: Path | None,
    everything: bool,
) -> Exit:
    """Write the files, then print; a file that cannot be written does not swallow the answer."""
    from solver.reporting.documents import encoded
    from solver.reporting.simulations import simulation_document, simulation_report

    code = Exit.ANSWER
    content = encoded(simulation_document(instance, simulations)) if as_json or output is not None else b""
    try:
        if output is not None:
            write_bytes(output, content)
        if picture is not None:
            from solver.reporting.pictures.simulations import picture_of_simulations

            picture_of_simulations(instance, simulations, picture)
    except OSError as error:
        complain(f"error: {error}")
        code = Exit.INTERNAL
    if as_json:
        session.write(content.decode())
    else:
        session.print(*simulation_report(instance, simulations, everything=everything))
    return code
