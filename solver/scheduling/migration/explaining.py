"""Why VMs cannot go straight to their targets, in the words of a planner."""

from __future__ import annotations

from collections.abc import Iterator
from operator import gt

import numpy as np

from formulations.scheduling.migration import NOWHERE, MigrationQuestion
from solver.deadline import Deadline
from solver.scheduling.migration.clearing import Clearing
from solver.scheduling.migration.knots import Knot
from solver.scheduling.migration.rooms import Rooms
from solver.scheduling.migration.states import State
from solver.verifying import RuleJudge

MOST_SAID = 5


def circle(state: State, knot: Knot) -> str:
    """Spell a circle: ``a waits for room on h2 until b leaves it; b waits for room on h1 until a leaves it``."""
    instance = state.question.instance
    parts = []
    for at, vm in enumerate(knot.circle):
        following = instance.vm_names.name(knot.circle[(at + 1) % len(knot.circle)])
        host = instance.host_names.name(state.goal[vm][0])
        parts.append(f"{instance.vm_names.name(vm)} waits for room on {host} until {following} leaves it")
    shown = [*parts[:MOST_SAID], f"and {len(parts) - MOST_SAID} more"] if len(parts) > MOST_SAID else parts
    return "A circle of waiting: " + "; ".join(shown)


def obstacles(question: MigrationQuestion, deadline: Deadline) -> Iterator[str]:
    """Yield what holds the VMs up that are left when all straight moves are done."""
    clearing = Clearing(question)
    clearing.go_straight(deadline)
    state, instance = clearing.state, question.instance
    left = state.pending()
    for vm in left[:MOST_SAID]:
        target = state.goal[vm][0]
        where = f"go to {instance.host_names.name(target)}" if target >= 0 else "be stopped"
        yield f"{instance.vm_names.name(vm)} cannot {where}: {state.obstacle(vm, state.goal[vm])}"
    if len(left) > MOST_SAID:
        yield f"{len(left) - MOST_SAID} more VMs cannot go straight to their targets"


def end_faults(question: MigrationQuestion) -> Iterator[str]:
    """Yield what is worse in the target than now: no plan may end there."""
    yield from _refused(question)
    yield from _overfull(question)
    judges = [RuleJudge(question.instance, rule) for rule in (*question.rules_on_the_way, *question.rules_at_the_end)]
    for judge in judges:
        before, after = judge.amount(question.here), judge.amount(question.there)
        if after > before:
            now = f"by {before}" if before else "not at all"
            text = f"The target breaks {judge.rule} by {after}, the current placement {now}"
            yield f"{text}: {judge.explain(question.there)}"


def _refused(question: MigrationQuestion) -> Iterator[str]:
    instance, state = question.instance, State(question)
    for vm in np.flatnonzero((question.there >= 0) & (question.there != question.here)).tolist():
        target = int(question.there[vm])
        if refusal := state.rooms.refusal(state.rooms.vm_entry[vm], state.rooms.host_entry[target]):
            yield f"{instance.vm_names.name(vm)} cannot run on {instance.host_names.name(target)}, which {refusal}"


def _overfull(question: MigrationQuestion) -> Iterator[str]:
    now, then = (
        Rooms(question.instance, hosts.tolist(), cells.tolist(), with_cells=question.with_cells)
        for hosts, cells in ((question.here, question.cells_here), (question.there, question.cells_there))
    )
    for host in np.unique(question.there[question.there != NOWHERE]).tolist():
        pairs = zip(then.limits(host), now.loads[host], strict=True)
        allowed = [max(pair) for pair in pairs]
        if any(map(gt, then.loads[host], allowed)):
            yield f"The target overloads a host: {then.excess(host, then.loads[host], allowed)}"
