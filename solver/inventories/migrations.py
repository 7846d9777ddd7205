"""Migration plans in files: names instead of numbers, whole milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.machines import MOST_CELLS
from formulations.naming import CountedNames
from formulations.placement import Placement
from formulations.scheduling.migration import (
    NOWHERE,
    MigrationPlan,
    MigrationQuestion,
    PlanStatus,
    Step,
    StepKind,
    bypasses_in,
    stops_in,
)
from solver.inventories.documents import StatusWord
from solver.inventories.files import named
from solver.inventories.json_text import decode_json
from solver.inventories.reading import json_of

LATEST = 2**53
"""No time in a plan file may exceed this (milliseconds)."""

MOST_STEPS = 10_000_000


class StepDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One step of a migration plan.

    Parameters
    ----------
    vm : str
    kind : {"move", "stop", "start"}
    source, target : str, optional
        Host names, called ``from`` and ``to`` in files; a stop has no target and a start no source.
    start_ms : int
    end_ms : int, optional
        By default what the pre-copy model, or the boot time, gives.
    downtime_ms : int, optional
        By default what the pre-copy model gives.
    cells : list of int
        NUMA cells on the target, from 0.
    """

    vm: str
    kind: StepKind = "move"
    source: str | None = msgspec.field(default=None, name="from")
    target: str | None = msgspec.field(default=None, name="to")
    start_ms: int
    end_ms: int | None = None
    downtime_ms: int | None = None
    cells: list[int] = []

    def __post_init__(self) -> None:
        for field in ("start_ms", "end_ms", "downtime_ms"):
            value = getattr(self, field)
            if value is not None and not 0 <= value <= LATEST:
                raise InputError(f"must be between 0 and {LATEST:,}, got {value:,}", field)
        if len(set(self.cells)) < len(self.cells) or not all(0 <= cell < MOST_CELLS for cell in self.cells):
            raise InputError(f"expected distinct cells from 0 to {MOST_CELLS - 1}, got {self.cells}", "cells")


class PlanDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A migration plan; only the steps are needed, the rest is what a plan says of itself."""

    version: Literal[1] = 1
    status: StatusWord | None = None
    makespan_ms: int | None = None
    bound_ms: int = 0
    gap: float | None = None
    proved_by: str = ""
    bypasses: int | None = None
    bypass_bound: int = 0
    bypass_proved_by: str = ""
    stops: int | None = None
    stop_bound: int = 0
    stop_proved_by: str = ""
    seconds: float = 0.0
    reasons: list[str] = []
    warnings: list[str] = []
    steps: list[StepDocument]

    def __post_init__(self) -> None:
        if len(self.steps) > MOST_STEPS:
            raise InputError(f"at most {MOST_STEPS:,}, got {len(self.steps):,}", "steps")


def plan_document(plan: MigrationPlan) -> PlanDocument:
    """Return a plan as it stands in files."""
    vms, hosts = plan.question.instance.vm_names.name, plan.question.instance.host_names.name
    steps = [
        StepDocument(
            vm=vms(step.vm),
            kind=step.kind,
            source=hosts(step.source) if step.source >= 0 else None,
            target=hosts(step.target) if step.target >= 0 else None,
            start_ms=step.start,
            end_ms=step.end,
            downtime_ms=step.downtime,
            cells=[cell for cell in range(step.cells.bit_length()) if step.cells >> cell & 1],
        )
        for step in plan.steps
    ]
    return PlanDocument(
        status=plan.status.value,
        makespan_ms=plan.makespan,
        bound_ms=plan.bound,
        gap=plan.gap,
        proved_by=plan.proved_by,
        bypasses=plan.bypasses,
        bypass_bound=plan.bypass_bound,
        bypass_proved_by=plan.bypass_proved_by,
        stops=plan.stops,
        stop_bound=plan.stop_bound,
        stop_proved_by=plan.stop_proved_by,
        seconds=round(plan.seconds, 3),
        reasons=list(plan.reasons),
        warnings=list(plan.warnings),
        steps=steps,
    )


def read_plan(path: str | Path) -> PlanDocument:
    """Return the migration plan in a JSON or YAML file.

    Raises
    ------
    InputError
        With the file and the field, if anything is malformed.
    """
    path = Path(path)
    content = json_of(path)
    with named(path):
        return decode_json(content, PlanDocument)


def plan_of(document: PlanDocument, question: MigrationQuestion) -> MigrationPlan:
    """Return the plan that a document describes, as an answer to a question.

    What the document does not say of itself is worked out from its steps, and claims nothing.

    Raises
    ------
    InputError
        If a name is unknown, or is not that of a single member.
    """
    steps = tuple(_step(one, question, f"steps[{number}]") for number, one in enumerate(document.steps))
    stated = document.status
    without = stated in ("INFEASIBLE", "UNKNOWN")
    worked_out: dict[str, Any] = {
        "makespan": max((step.end for step in steps), default=0),
        "bypasses": bypasses_in(question, steps),
        "stops": stops_in(question, steps),
    }
    values = {"makespan": document.makespan_ms, "bypasses": document.bypasses, "stops": document.stops}
    if not without:
        values = {name: worked_out[name] if value is None else value for name, value in values.items()}
    return MigrationPlan(
        question,
        PlanStatus.FEASIBLE if stated is None else PlanStatus(stated),
        steps,
        bound=document.bound_ms,
        proved_by=document.proved_by,
        bypass_bound=document.bypass_bound,
        bypass_proved_by=document.bypass_proved_by,
        stop_bound=document.stop_bound,
        stop_proved_by=document.stop_proved_by,
        reasons=tuple(document.reasons),
        seconds=document.seconds,
        warnings=tuple(document.warnings),
        **values,
    )


def destination(document: PlanDocument, instance: Instance, current: Placement) -> Placement:
    """Return the placement that the steps of a plan lead to, whether they are safe or not."""
    host_of = current.host_of.copy()
    cells = None if current.cells is None else current.cells.copy()
    order = sorted(range(len(document.steps)), key=lambda at: (document.steps[at].start_ms, at))
    for at in order:
        one, path = document.steps[at], f"steps[{at}]"
        vm = _number(instance.vm_names, one.vm, "VM", f"{path}.vm")
        host_of[vm] = NOWHERE if one.target is None else _number(instance.host_names, one.target, "host", f"{path}.to")
        if cells is not None:
            cells[vm] = _mask(one)
    return Placement(np.asarray(host_of, dtype=np.int64), cells=cells)


def _step(one: StepDocument, question: MigrationQuestion, path: str) -> Step:
    instance = question.instance
    vm = _number(instance.vm_names, one.vm, "VM", f"{path}.vm")
    ends = {"from": one.source, "to": one.target}
    source, target = (
        NOWHERE if name is None else _number(instance.host_names, name, "host", f"{path}.{field}")
        for field, name in ends.items()
    )
    moves = one.kind == "move" and source >= 0 and target >= 0
    took = question.duration(one.kind, vm, source, target) if moves or one.kind != "move" else 0
    still = question.transfer(vm, source, target).downtime if moves else 0
    return Step(
        vm,
        one.kind,
        source,
        target,
        one.start_ms,
        one.start_ms + took if one.end_ms is None else one.end_ms,
        still if one.downtime_ms is None else one.downtime_ms,
        _mask(one),
    )


def _mask(one: StepDocument) -> int:
    return sum(1 << cell for cell in one.cells)


def _number(names: CountedNames, name: str, what: str, path: str) -> int:
    found = names.find(name)
    if found is None or len(found) != 1:
        said = f"no {what} is called" if found is None else f"{len(found)} {what}s are called"
        raise InputError(f"{said} {name!r}", path)
    return int(found[0])
