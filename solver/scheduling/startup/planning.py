"""From the question to a start-up order with a bound, checked before it is returned."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from formulations.instance import Instance
from formulations.placement import Placement
from formulations.scheduling.startup import Integers, Mask, StartLimits, StartupOrder, StartupQuestion
from solver.errors import VerificationError
from solver.result import Reason, Status
from solver.scheduling.startup.answers import StartupResult
from solver.scheduling.startup.bounds import Slots, length_bound
from solver.scheduling.startup.graph import Urgency, urgency_of
from solver.scheduling.startup.listing import Roster, list_order
from solver.verifying.schedules.startup import check_startup

TRIES = 200
"""Lists that are tried at most while value and bound differ."""

STARTS_IN_ALL = 200_000
"""VMs that all tries together start at most: more VMs get fewer tries."""

NAMED = 5
"""So many VMs without a host are named."""


def startup_order(
    instance: Instance,
    placement: Placement,
    *,
    limits: StartLimits | None = None,
    running: Mask | None = None,
    seed: int = 0,
) -> StartupResult:
    """Return the order in which the VMs of a placement start.

    VMs start in the order of their priorities wherever they can: nobody starts while one of
    higher priority is ready and could start in its place. A VM has at least the priority of
    those that wait for it. Among equals, what holds up the longest work goes first.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        Where the VMs start.
    limits : StartLimits, optional
        How many may be starting at once; by default any number.
    running : bool array, shape (VMs,), optional
        Which VMs run already and need no start (see `running_now`); by default none does.
    seed : int
        Of the lists that are tried when the first ones do not meet the bound.

    Returns
    -------
    StartupResult
        OPTIMAL when no order within the limits is shorter, FEASIBLE with a bound otherwise,
        INFEASIBLE when a VM waits for one that is never up.

    Raises
    ------
    InputError
        If the placement or ``running`` does not belong to the instance.
    """
    question = StartupQuestion(instance, placement, limits or StartLimits(), running)
    if reasons := _never_up(question):
        return StartupResult(question, Status.INFEASIBLE, reasons=reasons)
    slots = Slots.of(question)
    urgency = urgency_of(question, slots)
    bound = length_bound(question, slots, urgency.head, urgency.tail)
    order, found_by = _best_order(question, slots, urgency, bound.value, seed)
    if violations := check_startup(question, order):
        raise VerificationError(f"the start-up order is wrong: {violations[0]}")
    status = Status.OPTIMAL if order.makespan == bound.value else Status.FEASIBLE
    return StartupResult(
        question, status, order, bound.value, bound.proved_by, found_by, warnings=_passed_over(question)
    )


def running_now(instance: Instance) -> Mask:
    """Return which VMs run already: those that are on and have a current host, moved or not."""
    on = np.array([vm.power == "on" for vm in instance.vms], dtype=np.bool_)[instance.vm_entry]
    running: Mask = on & (instance.current >= 0)
    return running


def _never_up(question: StartupQuestion) -> tuple[Reason, ...]:
    """Say which VMs wait for a name none of whose VMs runs or is to start."""
    precedence, names = question.precedence, question.instance.vm_names
    reasons = []
    for number, name in enumerate(precedence.names):
        members = precedence.members[number]
        waiting = [entry for entry in precedence.waiting[number] if question.starts[names.members(entry)].any()]
        if waiting and not question.present[members].any():
            first = question.instance.vms[waiting[0]].name
            others = f" (and {len(waiting) - 1:,} more)" if len(waiting) > 1 else ""
            off = not question.instance.wanted[members].any()
            reasons.append(Reason(f"{first}{others} starts after {name}, which {'is off' if off else 'has no host'}"))
    return tuple(reasons)


def _passed_over(question: StartupQuestion) -> tuple[str, ...]:
    """Say which VMs ought to run and have no host, and who does not wait for them."""
    instance, precedence = question.instance, question.precedence
    left_out = np.flatnonzero(instance.wanted & ~question.present)
    said = []
    if len(left_out):
        named = ", ".join(instance.vm_names.names_of(left_out[:NAMED])) + (", …" if len(left_out) > NAMED else "")
        told = f"{len(left_out):,} VMs have no host and do" if len(left_out) > 1 else "1 VM has no host and does"
        said.append(f"{told} not start: {named}")
    for number, name in enumerate(precedence.names):
        missing = precedence.members[number][(instance.wanted & ~question.present)[precedence.members[number]]]
        waiting = [
            entry for entry in precedence.waiting[number] if question.starts[instance.vm_names.members(entry)].any()
        ]
        if len(missing) and waiting:
            one = instance.vm_names.name(int(missing[0]))
            who = f"{one} has" if len(missing) == 1 else f"{one} and {len(missing) - 1:,} more have"
            said.append(f"{instance.vms[waiting[0]].name} starts after {name}, but {who} no host and is not waited for")
    return tuple(said)


def _best_order(
    question: StartupQuestion, slots: Slots, urgency: Urgency, bound: int, seed: int
) -> tuple[StartupOrder, str]:
    """Return the shortest order that the lists give, and by which it was found."""
    roster = Roster.of(question, slots)
    best, found_by = StartupOrder(*(np.full(len(question.boot), -1, dtype=np.int64) for _ in range(2))), "no start"
    for name, preferred in _lists(question, slots, urgency, seed):
        start = list_order(roster, preferred)
        order = StartupOrder(start, np.where(start >= 0, start + question.boot, -1))
        if found_by == "no start" or order.makespan < best.makespan:
            best, found_by = order, name
        if best.makespan == bound:
            break
    return best, found_by


def _lists(question: StartupQuestion, slots: Slots, urgency: Urgency, seed: int) -> Iterator[tuple[str, Integers]]:
    """Yield lists of the VMs to start: longest rest first, fullest host first, then at random around them."""
    vms = np.flatnonzero(question.starts)
    priority = -urgency.priority[vms]
    rest = urgency.tail[vms] + question.boot[vms]
    load = _load(question, slots)[slots.host[vms]]
    yield "longest rest first", vms[np.lexsort((vms, -load, -rest, priority))]
    yield "fullest host first", vms[np.lexsort((vms, -rest, -load, priority))]
    yield "longest rest or fullest host first", vms[np.lexsort((vms, -rest, -np.maximum(rest, load), priority))]
    random = np.random.default_rng(seed)
    keys = [rest, np.maximum(rest, load), question.boot[vms]]
    for number in range(min(TRIES, STARTS_IN_ALL // max(1, len(vms)))):
        noise = random.uniform(1 - 0.5 * (number % 4 + 1) / 4, 1, len(vms))
        yield "lists drawn at random", vms[np.lexsort((vms, -keys[number % 3] * noise, priority))]


def _load(question: StartupQuestion, slots: Slots) -> Integers:
    """Return each host's work over its slots."""
    load = np.zeros(len(slots.hosts), dtype=np.int64)
    starts = question.starts
    np.add.at(load, slots.host[starts], question.boot[starts])
    return load // (slots.per_host or 1)
