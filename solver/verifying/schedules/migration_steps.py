"""Checks of the single steps of a migration plan: their form, and whether they take long enough."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from fractions import Fraction

import numpy as np

from formulations.instance import Instance
from formulations.machines import MOST_CELLS
from formulations.scheduling.migration import NOWHERE, MigrationQuestion, Step
from solver.verifying.verdict import Violation


class MigrationFault(StrEnum):
    """What is wrong with a migration plan."""

    STEP = "step"
    """A step is malformed: an unknown VM or host, a wrong kind, or times out of order."""
    PATH = "path"
    """A VM is moved from where it is not, or by two steps at a time."""
    NOT_WANTED = "not wanted"
    """A VM is moved that is off or ignored."""
    DURATION = "duration"
    """A step takes less time, or stands still for less, than the model says."""
    ARRIVAL = "arrival"
    """A VM does not end where the target wants it."""
    REFUSED = "refused"
    """A host is given a VM that it can never take."""
    CAPACITY = "capacity"
    """A host or cell carries more than it has, and more than before."""
    RULE = "rule"
    """A hard rule is broken more than before."""
    UNDECIDED = "undecided"
    """So many VMs of a rule are under way that whether it is broken more cannot be told."""
    HOST_LIMIT = "host limit"
    """A host takes part in more migrations than it may."""
    LINK_LIMIT = "link limit"
    """More migrations use a link than may."""
    CLUSTER_LIMIT = "cluster limit"
    """More migrations are under way than may be."""
    CLAIM = "claim"
    """What the plan says of itself does not hold."""


def fault(
    kind: StrEnum, subjects: tuple[str, ...], message: str, amount: int | Fraction = 1, unit: str = ""
) -> Violation:
    """Return a violation; the amount counts what the unit says, or the fault itself."""
    return Violation(kind, subjects, Fraction(amount), unit, message)


def malformed(question: MigrationQuestion, steps: tuple[Step, ...]) -> Iterator[Violation]:
    """Yield what is wrong with the form of each step."""
    for number, step in enumerate(steps):
        if problem := _problem(question, step):
            yield fault(MigrationFault.STEP, (str(number),), f"step {number + 1}: {problem}")


def _problem(question: MigrationQuestion, step: Step) -> str:  # noqa: PLR0911 -- one sentence per fault
    """Return what is wrong with the form of a step, empty if nothing."""
    instance = question.instance
    figures = (step.vm, step.source, step.target, step.start, step.end, step.downtime, step.cells)
    if any(isinstance(figure, bool) or not isinstance(figure, int) for figure in figures):
        return "expected integers"
    if not 0 <= step.vm < instance.vm_count:
        return f"there is no VM {step.vm}"
    if not all(NOWHERE <= host < instance.host_count for host in (step.source, step.target)):
        return f"there is no host {max(step.source, step.target)}"
    wanted = {"move": (True, True), "stop": (True, False), "start": (False, True)}.get(step.kind)
    if wanted is None:
        return f"there is no kind {step.kind!r}"
    if (step.source >= 0, step.target >= 0) != wanted:
        return f"a {step.kind} with the wrong ends"
    if step.start < 0 or step.end < step.start or step.downtime < 0:
        return f"it runs from {step.start:,} to {step.end:,} ms"
    return _wrong_cells(question, step)


def _wrong_cells(question: MigrationQuestion, step: Step) -> str:
    instance = question.instance
    table = None if step.target < 0 else instance.tables.cells[_entry(instance, step.target)]
    if table is None or not question.with_cells:
        return "cells are named where there are none" if step.cells else ""
    wanted = instance.vms[int(instance.vm_entry[step.vm])].numa
    if step.cells < 0 or step.cells >> min(len(table), MOST_CELLS) or step.cells.bit_count() != wanted:
        return f"expected {wanted} of the {len(table)} cells"
    return ""


def _entry(instance: Instance, host: int) -> int:
    return int(instance.host_names.entry_of(np.array([host]))[0])


def too_quick(question: MigrationQuestion, steps: tuple[Step, ...]) -> Iterator[Violation]:
    """Yield the steps that take less time, or stand still for less, than the model says."""
    for step in steps:
        least, still = 0, 0
        if step.kind == "move":
            transfer = question.transfer(step.vm, step.source, step.target)
            least, still = transfer.duration, transfer.downtime
        elif step.kind == "start":
            least = question.boot(step.vm)
        name = question.instance.vm_names.name(step.vm)
        if step.end - step.start < least:
            text = f"the {step.kind} of {name} takes {step.end - step.start:,} ms, not the {least:,} ms it needs"
            yield fault(MigrationFault.DURATION, (name,), text, least - (step.end - step.start), "ms")
        if step.downtime < still:
            text = f"{name} stands still for {step.downtime:,} ms, not for the {still:,} ms of the model"
            yield fault(MigrationFault.DURATION, (name,), text, still - step.downtime, "ms")
