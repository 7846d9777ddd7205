"""Pictures of migration plans: which host takes part in which move, and when."""

from __future__ import annotations

from pathlib import Path

from formulations.errors import InputError
from formulations.scheduling.migration import MigrationPlan
from solver.reporting.figures import count, percent
from solver.reporting.pictures.canvas import save_figure
from solver.reporting.pictures.gantt import Bar, Gantt, Kind, gantt_page
from solver.reporting.pictures.palette import palette_of
from solver.reporting.schedules import duration

KINDS: dict[Kind, str] = {"solid": "leaves", "hatched": "arrives"}


def picture_of_migration(plan: MigrationPlan, path: str | Path) -> None:
    """Draw a migration plan into a file.

    Raises
    ------
    InputError
        If the plan has no steps, or the ending of the file's name is unknown.
    PlacewrightError
        If matplotlib is not installed.
    OSError
        If the file cannot be written.
    """
    if not plan.steps:
        raise InputError("the plan has no steps to draw")
    save_figure(gantt_page([migration_chart(plan)]), path)


def migration_chart(plan: MigrationPlan) -> Gantt:
    """Return the chart of a plan: a row per host that takes part, a bar at both ends of every move."""
    instance = plan.question.instance
    hosts = sorted({host for step in plan.steps for host in (step.source, step.target) if host >= 0})
    rows = {host: row for row, host in enumerate(hosts)}
    palette = palette_of(instance)
    spoken = {colour: key for key, colour in palette.legend}
    keys = [spoken.get(colour, vm.name) for vm, colour in zip(instance.vms, palette.colours, strict=True)]
    bars: list[Bar] = []
    for step in plan.steps:
        name, key = instance.vm_names.name(step.vm), keys[int(instance.vm_entry[step.vm])]
        ends: dict[int, Kind] = {step.target: "hatched", step.source: "solid"}
        bars += [Bar(rows[host], step.start, step.end, name, key, kind) for host, kind in ends.items() if host >= 0]
    makespan = plan.makespan or 0
    marks = {"done": makespan}
    if 0 < plan.bound < makespan:
        marks["no plan is shorter"] = plan.bound
    gap = "" if plan.bound >= makespan else f", gap {percent(plan.gap)}"
    return Gantt(
        rows=[instance.host_names.name(host) for host in hosts],
        bars=bars,
        headline="Migration plan",
        details=f"{count(len(plan.steps), 'step')} in {duration(makespan)}: {plan.status}{gap}",
        colours=dict(zip(keys, palette.colours, strict=True)),
        kinds=KINDS,
        marks=marks,
    )
