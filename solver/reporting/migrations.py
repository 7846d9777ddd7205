"""Migration plans as people read them: what moves when and by what way, how long it takes, and why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from formulations.scheduling.migration import MigrationPlan, MigrationQuestion, PlanStatus, Step
from solver.inventories.migrations import plan_document
from solver.reporting.documents import encoded
from solver.reporting.figures import count, percent, seconds
from solver.reporting.schedules import duration
from solver.reporting.tables import Column, table
from solver.reporting.text import COLOURS
from solver.result import Status
from solver.verifying.verdict import Violation

MOST_STEPS = 40
"""Steps shown unless all are asked for."""

PLAIN = "not bold default"


def plan_json(plan: MigrationPlan) -> bytes:
    """Return a plan as JSON text with a final newline, as `read_plan` reads it."""
    return encoded(plan_document(plan))


def plan_report(plan: MigrationPlan, *, everything: bool = False) -> Iterator[RenderableType]:
    """Yield the report of a migration plan.

    Parameters
    ----------
    plan : MigrationPlan
    everything : bool
        Show every step, however many.
    """
    yield _headline(plan)
    if plan.reasons:
        yield _reasons(plan)
    if plan.steps:
        shown = plan.steps if everything else plan.steps[:MOST_STEPS]
        yield _steps_table(plan.question, shown)
        if len(plan.steps) > len(shown):
            yield f"… and {count(len(plan.steps) - len(shown), 'more step')}; --all shows them"


def _headline(plan: MigrationPlan) -> Text:
    text = Text(plan.status.value, style=COLOURS.get(Status(plan.status.value), "bold"))
    if plan.makespan is None:
        return text.append(f": {_without_plan(plan)}\n", style=PLAIN)
    if not plan.steps:
        return text.append(": nothing moves, every VM is where the target wants it\n", style=PLAIN)
    told = f": {_counted(plan.steps)} in {duration(plan.makespan)}, bound {duration(plan.bound)}, "
    text.append(f"{told}gap {percent(plan.gap)}, {seconds(plan.seconds)}\n", style=PLAIN)
    if plan.proved_by:
        text.append(f"bound proved by {plan.proved_by}\n", style=PLAIN)
    if detours := "; ".join(_detours(plan)):
        text.append(f"{detours}\n", style=PLAIN)
    return text


def _without_plan(plan: MigrationPlan) -> str:
    if plan.status is PlanStatus.INFEASIBLE:
        return f"there is no plan (proved in {seconds(plan.seconds)})"
    return f"stopped after {seconds(plan.seconds)}, with neither a plan nor a proof that there is none"


def _counted(steps: Sequence[Step]) -> str:
    """Spell how many steps there are of each kind: ``12 moves and 1 stop``."""
    kinds = [(kind, sum(step.kind == kind for step in steps)) for kind in ("move", "stop", "start")]
    said = [count(number, kind) for kind, number in kinds if number]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def _detours(plan: MigrationPlan) -> Iterator[str]:
    """Yield what bypasses and stops the plan needs, and how few are proved necessary."""
    for what, value, bound, proved_by in (
        ("bypass", plan.bypasses, plan.bypass_bound, plan.bypass_proved_by),
        ("stop", plan.stops, plan.stop_bound, plan.stop_proved_by),
    ):
        if value:
            known = "the fewest there can be" if value == bound else f"no plan has fewer than {bound:,}"
            proof = f" ({proved_by})" if proved_by else ""
            plural = {"bypass": "bypasses", "stop": "VMs stopped and started again"}[what]
            single = {"bypass": "bypass", "stop": "VM stopped and started again"}[what]
            yield f"{value:,} {single if value == 1 else plural}, {known}{proof}"


def _reasons(plan: MigrationPlan) -> Text:
    none = plan.makespan is None
    text = Text("Why:\n" if none else "Why not straight:\n", style="bold")
    return text.append("".join(f"  - {reason}\n" for reason in plan.reasons), style=PLAIN)


def _steps_table(question: MigrationQuestion, steps: Sequence[Step]) -> RenderableType:
    vms, hosts = question.instance.vm_names.name, question.instance.host_names.name
    columns = [
        Column("start", [duration(step.start) for step in steps]),
        Column("end", [duration(step.end) for step in steps]),
        Column("VM", [vms(step.vm) for step in steps], name=True),
        Column("from", [hosts(step.source) if step.source >= 0 else "-" for step in steps], name=True),
        Column("to", [hosts(step.target) if step.target >= 0 else "-" for step in steps], name=True),
        Column("kind", [_kind(question, step) for step in steps], name=True),
        Column("downtime", [duration(step.downtime) if step.kind == "move" else "-" for step in steps]),
    ]
    return table(columns)


def _kind(question: MigrationQuestion, step: Step) -> str:
    """Spell a step's kind; a move that does not end at its target is a bypass."""
    if step.kind == "move" and step.target != int(question.there[step.vm]):
        return "bypass"
    return step.kind


def check_report(violations: Sequence[Violation], steps: int) -> Iterator[RenderableType]:
    """Yield what is wrong with a plan that was replayed."""
    if not violations:
        yield Text("accepted", style="bold green").append(f": {count(steps, 'step')} replayed\n", style=PLAIN)
        return
    yield Text("rejected", style="bold red").append(f": {count(len(violations), 'violation')}\n", style=PLAIN)
    for violation in violations:
        yield Text(f"  - {violation}")


def check_json(violations: Sequence[Violation], steps: int) -> bytes:
    """Return the same as JSON text."""
    listed = [
        {"kind": violation.kind, "subjects": list(violation.subjects), "message": violation.message}
        for violation in violations
    ]
    return encoded({"accepted": not violations, "steps": steps, "violations": listed})
