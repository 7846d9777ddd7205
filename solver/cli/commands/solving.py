"""``placewright solve``: place the VMs of an instance and prove how good the placement is."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from solver.cli.exits import Exit, exit_of_result
from solver.cli.options import FILE, POLICIES, command, drawable, writable
from solver.cli.parsing import ISOLATION, OBJECTIVE
from solver.cli.session import Session, complain
from solver.inventories.files import write_bytes

if TYPE_CHECKING:
    from formulations.instance import Instance
    from formulations.isolation import AnyIsolation
    from formulations.objective import ObjectiveLevel
    from solver.result import Result


@command("solve")
@click.argument("file", type=FILE)
@click.option(
    "--time",
    "limit",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Stop after so long with the best placement found.",
)
@click.option(
    "--gap",
    type=click.FloatRange(min=0, max=1),
    default=0.0,
    show_default=True,
    help="Stop when this close to the bound, as a share; 0 asks for a proof.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random search.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="For the MILP solver.")
@click.option(
    "--backend", type=click.Choice(["cbc", "highs"]), default="cbc", show_default=True, help="The MILP solver."
)
@click.option(
    "--isolation",
    type=ISOLATION,
    metavar="MODE",
    help="shared, full, full:pinned, partial:ALPHA or protected:GAMMA, for every VM of the file "
    "that states no level of its own.",
)
@click.option(
    "--allocation",
    "policy",
    type=click.Choice(POLICIES),
    default="satisfaction",
    show_default=True,
    help="How each host is shared out once everyone is placed.",
)
@click.option(
    "--objective",
    type=OBJECTIVE,
    metavar="LEVELS",
    help="Levels in order, such as 'hosts, migration + 0.5*imbalance'. Terms: unplaced[:PRIORITY][:RESOURCE], "
    "broken_rules, unmet_demand, hosts, cost, energy, migration, group_moves, distance, load:RESOURCE, "
    "balance:RESOURCE:OTHER[:TARGET], imbalance.",
)
@click.option("--allow-unplaced", is_flag=True, help="Leave VMs out, lowest priority first, where not all fit.")
@click.option(
    "--current",
    type=FILE,
    metavar="PLACEMENT",
    help='Where VMs run now, if FILE does not say: a result, any {"placement": {"VM": "HOST"}}, or an '
    "assignment of machine reassignment.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.option("--output", "-o", type=FILE, metavar="RESULT.json", help="Write the result to a file.")
@click.option("--picture", type=FILE, metavar="FILE.png", help="Draw the hosts and what each VM gets.")
@click.option("--all", "everything", is_flag=True, help="Show every VM and every host, however many.")
def solve_command(
    session: Session,
    *,
    file: Path,
    limit: float,
    isolation: AnyIsolation | None,
    objective: list[ObjectiveLevel] | None,
    allow_unplaced: bool,
    current: Path | None,
    as_json: bool,
    output: Path | None,
    picture: Path | None,
    everything: bool,
    **settings: Any,
) -> Exit:
    """Place the VMs of FILE on its hosts, as well as can be proved in the time.

    FILE is an instance in JSON or YAML, a .vbp vector packing file, a cloud
    balancing or BtrPlace JSON file, or a model of machine reassignment. Ctrl-C ends
    the search with the best placement so far.
    """
    writable(output, "--output")
    drawable(picture)
    instance = changed(read_running(file, current), isolation, objective, allow_unplaced=allow_unplaced)
    warn_of_free_refusal(session, instance)
    result = solved(session, instance, limit, settings)
    for warning in result.warnings:
        session.warn(warning)
    return deliver(session, result, as_json=as_json, output=output, picture=picture, everything=everything)


def read_running(file: Path, current: Path | None) -> Instance:
    """Read an instance, and where its VMs run now if another file says so."""
    from solver.inventories import read_instance, read_placement, read_running_machines
    from solver.rebalancing.questions import placed_now

    if current is None:
        return read_instance(file)
    if (running := read_running_machines(file, current)) is not None:
        return running
    instance = read_instance(file)
    return placed_now(instance, read_placement(current, instance))


def changed(
    instance: Instance,
    isolation: AnyIsolation | None,
    objective: list[ObjectiveLevel] | None,
    *,
    allow_unplaced: bool,
) -> Instance:
    """Return the instance with what the command line asks for instead of the file."""
    changes: dict[str, Any] = {"isolation": isolation, "objective": objective, "allow_unplaced": allow_unplaced or None}
    given = {field: value for field, value in changes.items() if value is not None}
    return instance.replace(**given) if given else instance


def warn_of_free_refusal(session: Session, instance: Instance) -> None:
    """Warn when leaving every VM out costs nothing."""
    if instance.allow_unplaced and not any(
        term.kind == "unplaced" for level in instance.levels for term in level.terms
    ):
        session.warn("VMs may be left out and the objective has no term unplaced: leaving all out is free")


def solved(session: Session, instance: Instance, limit: float, settings: dict[str, Any]) -> Result:
    """Solve, telling of progress; a polite request to end works like Ctrl-C."""
    from solver.cli.progress import Progress
    from solver.placing import place

    with ending_on_request(), Progress(session, instance, limit) as progress:
        return place(instance, seconds=limit, progress=progress, **settings)


@contextmanager
def ending_on_request() -> Iterator[None]:
    """Treat SIGTERM, as batch systems send it before they kill, like Ctrl-C."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def deliver(
    session: Session, result: Result, *, as_json: bool, output: Path | None, picture: Path | None, everything: bool
) -> Exit:
    """Write the files, then print; a file that cannot be written does not swallow the answer."""
    code = exit_of_result(result)
    content = _json(result) if as_json or output is not None else b""
    try:
        if output is not None:
            write_bytes(output, content)
        if picture is not None and result.placement is not None:
            from solver.reporting.pictures import picture_of_result

            picture_of_result(result, picture)
    except OSError as error:
        complain(f"error: {error}")
        code = Exit.INTERNAL
    if as_json:
        session.write(content.decode())
    else:
        from solver.reporting.text import result_report

        session.print(*result_report(result, everything=everything))
    return code


def _json(result: Result) -> bytes:
    from solver.reporting.documents import result_json

    return result_json(result)
