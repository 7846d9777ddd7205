"""Replays a migration plan: who is where at every instant, what hosts carry, and what it does to the rules."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum

import numpy as np

from formulations.scheduling.migration import (
    NOWHERE,
    MigrationPlan,
    MigrationQuestion,
    PlanStatus,
    Step,
    bypasses_in,
    stops_in,
)
from solver.verifying.rules import RuleJudge
from solver.verifying.schedules.crowding import Crowding, Guests
from solver.verifying.schedules.migration_steps import MigrationFault, fault, malformed, too_quick
from solver.verifying.schedules.presence import Presence, Worst
from solver.verifying.verdict import MOST_LISTED, Violation


def check_migration(question: MigrationQuestion, plan: MigrationPlan) -> tuple[Violation, ...]:
    """Return what is wrong with a migration plan: nothing if all of it holds.

    Every instant is worked out again from the question; at one instant ends count before starts,
    and steps that start together count in their order.

    Parameters
    ----------
    question : MigrationQuestion
    plan : MigrationPlan
        Anybody's.
    """
    if plan.status in {PlanStatus.INFEASIBLE, PlanStatus.UNKNOWN}:
        return tuple(_claims_without_steps(plan))
    if wrong := tuple(malformed(question, plan.steps)):
        return _cut(wrong)
    return (*check_steps(question, plan.steps), *_claims(question, plan))


def check_steps(question: MigrationQuestion, steps: Iterable[Step]) -> tuple[Violation, ...]:
    """Return what is wrong with the steps of a plan, whatever it says of itself."""
    steps = tuple(steps)
    if wrong := tuple(malformed(question, steps)):
        return _cut(wrong)
    replay = _Replay(question, steps)
    return _cut((*too_quick(question, steps), *replay.run()))


def _cut(found: tuple[Violation, ...]) -> tuple[Violation, ...]:
    """Return the first violations of each kind and how many more there are."""
    kept: list[Violation] = []
    counts = Counter(violation.kind for violation in found)
    seen: Counter[StrEnum] = Counter()
    for violation in found:
        seen[violation.kind] += 1
        if seen[violation.kind] <= MOST_LISTED:
            kept.append(violation)
    more = {kind: count - MOST_LISTED for kind, count in counts.items() if count > MOST_LISTED}
    kept += [fault(kind, (), f"{kind}: {count:,} more of the kind", count) for kind, count in more.items()]
    return tuple(kept)


# -- the replay --------------------------------------------------------------------------------


class _Replay:
    """Who is where, from event to event."""

    def __init__(self, question: MigrationQuestion, steps: tuple[Step, ...]) -> None:
        self.question = question
        self.instance = question.instance
        self.steps = steps
        self.first = question.here.copy()
        self.second = question.here.copy()
        self.cells = question.cells_here.copy()
        self.busy: set[int] = set()
        self.crowding = Crowding(self.instance, with_cells=question.with_cells)
        self.guests = [Guests() for _ in range(self.instance.host_count)]
        for vm in np.flatnonzero(self.first >= 0).tolist():
            self.guests[int(self.first[vm])].cells[vm] = int(self.cells[vm])
        self.figures = [self.crowding.figures(host, there) for host, there in enumerate(self.guests)]
        self.presences = [Presence(self.instance, rule) for rule in question.rules_on_the_way]
        self.worst = [presence.worst(self.first, self.second) for presence in self.presences]
        self.seeing: list[list[int]] = [[] for _ in range(self.instance.vm_count)]
        for number, presence in enumerate(self.presences):
            for vm in presence.members.tolist():
                self.seeing[vm].append(number)
        self.on_host: Counter[int] = Counter()
        self.on_link: Counter[int] = Counter()
        self.under_way = 0

    def run(self) -> Iterator[Violation]:
        """Yield what is wrong, event by event, and at the end."""
        order = sorted(range(len(self.steps)), key=lambda at: (self.steps[at].start, at))
        running: list[tuple[int, int]] = []
        for at in order:
            step = self.steps[at]
            while running and running[0][0] <= step.start:
                self._end(self.steps[heapq.heappop(running)[1]])
            if wrong := self._astray(step):
                yield wrong
                return  # what follows from a wrong path is not listed on top of it
            yield from self._start(step)
            if step.end == step.start:
                self._end(step)
            else:
                heapq.heappush(running, (step.end, at))
        while running:
            self._end(self.steps[heapq.heappop(running)[1]])
        yield from self._arrivals()
        yield from self._rules_at_the_end()

    def _astray(self, step: Step) -> Violation | None:
        name = self.instance.vm_names.name(step.vm)
        if not self.instance.ruled[step.vm]:
            return fault(MigrationFault.NOT_WANTED, (name,), f"{name} is off or ignored, but is moved")
        if step.vm in self.busy:
            return fault(MigrationFault.PATH, (name,), f"{name} has two steps at a time")
        if int(self.first[step.vm]) != step.source:
            text = f"{name} leaves {self._called(step.source)} but is on {self._called(int(self.first[step.vm]))}"
            return fault(MigrationFault.PATH, (name,), text)
        if step.source == step.target and step.cells == int(self.cells[step.vm]):
            return fault(MigrationFault.PATH, (name,), f"{name} is moved to where it is")
        return None

    def _called(self, host: int) -> str:
        return self.instance.host_names.name(host) if host >= 0 else "no host"

    def _start(self, step: Step) -> Iterator[Violation]:
        """Begin a step; a stop is over at once, a start counts on its target from here on."""
        vm = step.vm
        if step.target >= 0 and step.target != step.source:
            for refusal in self.crowding.refusals(vm, step.target):
                yield fault(MigrationFault.REFUSED, (self._vm(vm), self._called(step.target)), refusal)
        self.busy.add(vm)
        self.second[vm] = step.target
        if step.source < 0 or step.target < 0:
            self.first[vm] = step.target
        if step.target >= 0:
            there = self.guests[step.target].cells
            there[vm] = there.get(vm, 0) | step.cells
        if step.target < 0:
            del self.guests[step.source].cells[vm]
        elif step.source >= 0 and step.source != step.target:
            self.guests[step.source].leaving.add(vm)
        yield from self._crowded(step)
        yield from self._broken(step)
        if step.kind == "move":
            self._count(step, 1)
            yield from self._limits(step)

    def _vm(self, vm: int) -> str:
        return self.instance.vm_names.name(vm)

    def _crowded(self, step: Step) -> Iterator[Violation]:
        for host in sorted({step.source, step.target} - {NOWHERE}):
            after = self.crowding.figures(host, self.guests[host])
            for key, amount, text in self.crowding.worse(host, self.figures[host], after):
                said = f"{text}, when the {step.kind} of {self._vm(step.vm)} starts at {step.start:,} ms"
                resource = self.instance.resources[key[2]]
                subjects = (self._vm(step.vm), self._called(host), resource.name)
                yield fault(MigrationFault.CAPACITY, subjects, said, amount, resource.unit)
            self.figures[host] = after

    def _broken(self, step: Step) -> Iterator[Violation]:
        for number in self.seeing[step.vm]:
            before, after = self.worst[number], self.presences[number].worst(self.first, self.second)
            self.worst[number] = after
            if after.most <= before.least:
                continue
            rule = str(self.presences[number].rule)
            when = f"when the {step.kind} of {self._vm(step.vm)} starts at {step.start:,} ms"
            if after.least > before.most:
                text = f"{rule}: broken by {after.least}, before by {before.most}, {when}"
                amount = after.least - before.most
                yield fault(MigrationFault.RULE, (rule, self._vm(step.vm)), text, amount)
            elif not _same(before, after):
                text = f"{rule}: too many of its VMs are under way to tell whether it is broken more, {when}"
                yield fault(MigrationFault.UNDECIDED, (rule, self._vm(step.vm)), text)

    def _count(self, step: Step, by: int) -> None:
        self.on_host.update(dict.fromkeys({step.source, step.target}, by))
        self.on_link.update(dict.fromkeys(self.question.links_between(step.source, step.target), by))
        self.under_way += by

    def _limits(self, step: Step) -> Iterator[Violation]:
        question, when = self.question, f"at {step.start:,} ms"
        for host in sorted({step.source, step.target}):
            if self.on_host[host] > (most := int(question.limit_of[host])):
                text = f"{self._called(host)} takes part in {self.on_host[host]} migrations of {most} {when}"
                yield fault(MigrationFault.HOST_LIMIT, (self._called(host),), text, self.on_host[host] - most)
        for link in question.links_between(step.source, step.target):
            if self.on_link[link] > (most := question.link_limits[link]):
                name = question.links[link].name
                text = f"{self.on_link[link]} migrations use {name} of {most} {when}"
                yield fault(MigrationFault.LINK_LIMIT, (name,), text, self.on_link[link] - most)
        if question.per_cluster is not None and self.under_way > question.per_cluster:
            text = f"{self.under_way} migrations are under way of {question.per_cluster} {when}"
            yield fault(MigrationFault.CLUSTER_LIMIT, (), text, self.under_way - question.per_cluster)

    def _end(self, step: Step) -> None:
        """Finish a step: from here on the VM is at its target alone; nothing gets worse by that."""
        vm = step.vm
        self.busy.discard(vm)
        self.first[vm] = self.second[vm] = step.target
        self.cells[vm] = step.cells
        if step.target >= 0:
            self.guests[step.target].cells[vm] = step.cells
        if step.kind == "move":
            self._count(step, -1)
            if step.source != step.target:
                del self.guests[step.source].cells[vm]
                self.guests[step.source].leaving.discard(vm)
        for host in {step.source, step.target} - {NOWHERE}:
            self.figures[host] = self.crowding.figures(host, self.guests[host])
        for number in self.seeing[vm]:
            if self.worst[number].most:
                self.worst[number] = self.presences[number].worst(self.first, self.second)

    # -- at the end --------------------------------------------------------------------------

    def _arrivals(self) -> Iterator[Violation]:
        wrong = (self.first != self.question.there) | (self.cells != self.question.cells_there)
        for vm in np.flatnonzero(wrong).tolist():
            ends, wanted = self._called(int(self.first[vm])), self._called(int(self.question.there[vm]))
            cells = " in other cells" if ends == wanted else ""
            text = f"{self._vm(vm)} ends on {ends}{cells}, and should on {wanted}"
            yield fault(MigrationFault.ARRIVAL, (self._vm(vm),), text)

    def _rules_at_the_end(self) -> Iterator[Violation]:
        for rule in self.question.rules_at_the_end:
            judge = RuleJudge(self.instance, rule)
            before, after = judge.amount(self.question.here), judge.amount(self.first)
            if after > before:
                text = f"{rule}: broken by {after} in the end, at first by {before}"
                yield fault(MigrationFault.RULE, (str(rule),), text, after - before)


def _same(before: Worst, after: Worst) -> bool:
    """Whether both are known exactly and alike."""
    return before.least == before.most == after.least == after.most


# -- what a plan says of itself ------------------------------------------------------------------


def _claims_without_steps(plan: MigrationPlan) -> Iterator[Violation]:
    if plan.steps:
        yield _claim(f"{plan.status}, but it has steps")
    if (plan.makespan, plan.bypasses, plan.stops) != (None, None, None):
        yield _claim(f"{plan.status}, but it states values")
    if plan.status == PlanStatus.INFEASIBLE and not plan.reasons:
        yield _claim("INFEASIBLE, without a reason")


def _claims(question: MigrationQuestion, plan: MigrationPlan) -> Iterator[Violation]:
    values = {
        "makespan": max((step.end for step in plan.steps), default=0),
        "bypasses": bypasses_in(question, plan.steps),
        "stops": stops_in(question, plan.steps),
    }
    bounds = {"makespan": plan.bound, "bypasses": plan.bypass_bound, "stops": plan.stop_bound}
    for name, value in values.items():
        stated = getattr(plan, name)
        if stated != value:
            yield _claim(f"it states {name} {stated}, but has {value}")
        if value < bounds[name]:
            yield _claim(f"its {name}, {value}, lies below what it claims to be the least, {bounds[name]}")
        elif value > bounds[name] and plan.status == PlanStatus.OPTIMAL:
            yield _claim(f"OPTIMAL, but its {name}, {value}, is not proved: the bound is {bounds[name]}")
    if values["stops"] and not question.allow_stops:
        yield _claim(f"it stops {values['stops']} VMs, which is not allowed")
    if list(plan.steps) != sorted(plan.steps, key=lambda step: step.start):
        yield _claim("its steps are not in the order of their starts")
    yield from _forbidden_stays(question, plan)


def _forbidden_stays(question: MigrationQuestion, plan: MigrationPlan) -> Iterator[Violation]:
    for step in plan.steps:
        if step.target >= 0 and step.target != int(question.there[step.vm]) and not question.bypass[step.target]:
            host = question.instance.host_names.name(step.target)
            yield _claim(f"{question.instance.vm_names.name(step.vm)} visits {host}, where no bypass may go")


def _claim(text: str) -> Violation:
    return fault(MigrationFault.CLAIM, (), text)


__all__ = ["MigrationFault", "check_migration", "check_steps"]
