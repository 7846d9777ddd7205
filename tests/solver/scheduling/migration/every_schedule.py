"""Brute force over schedules: every order of starts of a small question, each as soon as it is safe.

Shares no code with the makers or the checker; safety is that of `EveryOrder`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from formulations.scheduling.migration import MigrationQuestion
from formulations.scheduling.steps import Hop
from tests.solver.scheduling.migration.every_order import EveryOrder, Spot


@dataclass(frozen=True)
class Moment:
    """What has happened so far: who is where, and which steps still run until when."""

    now: int
    ends: tuple[tuple[Spot, ...], ...]
    running: tuple[tuple[int, int], ...]
    left: frozenset[int]
    makespan: int


class EverySchedule:
    """The shortest way to take every VM to its target by given hops, without any straight.

    Parameters
    ----------
    question : MigrationQuestion
    hops : list of Hop, optional
    """

    def __init__(self, question: MigrationQuestion, hops: list[Hop] | None = None) -> None:
        self.question = question
        self.order = EveryOrder(question)
        self.hops = straight(question) if hops is None else hops
        self.durations = [question.duration(hop.kind, hop.vm, hop.source, hop.target) for hop in self.hops]
        self.best: int | None = None

    def shortest(self) -> int | None:
        """Return the least makespan; None where no order of straight steps is safe."""
        ends = tuple((spot,) for spot in self.order.start)
        self._go_on(Moment(0, ends, (), frozenset(range(len(self.hops))), 0))
        return self.best

    def _go_on(self, moment: Moment) -> None:
        if self.best is not None and moment.makespan >= self.best:
            return
        if not moment.left:
            self.best = moment.makespan
            return
        for number in sorted(moment.left):
            for later in self._moments(moment):
                if self._may_start(later, number):
                    self._go_on(self._started(later, number))
                    break

    def _moments(self, moment: Moment) -> list[Moment]:
        """Return this moment and every later one at which a step ends."""
        moments = [moment]
        for end in sorted({end for end, _ in moment.running}):
            ends = list(moment.ends)
            for over, number in moment.running:
                if over <= end:
                    hop = self.hops[number]
                    ends[hop.vm] = ((hop.target, hop.cells),)
            running = tuple(pair for pair in moment.running if pair[0] > end)
            moments.append(Moment(end, tuple(ends), running, moment.left, moment.makespan))
        return moments

    def _spots(self, number: int, ends: tuple[tuple[Spot, ...], ...]) -> tuple[Spot, ...]:
        hop = self.hops[number]
        arrival = ((hop.target, hop.cells),)
        return arrival if hop.kind != "move" else (*ends[hop.vm], *arrival)

    def _may_start(self, moment: Moment, number: int) -> bool:
        hop = self.hops[number]
        if [host for host, _ in moment.ends[hop.vm]] != [hop.source]:
            return False
        if hop.target >= 0 and hop.target != hop.source and not self.order.can_ever(hop.vm, hop.target):
            return False
        if hop.kind == "move" and not self._within_limits(moment, hop):
            return False
        after = list(moment.ends)
        after[hop.vm] = self._spots(number, moment.ends)
        before = self.order.troubles([list(spots) for spots in moment.ends])
        now = self.order.troubles([list(spots) for spots in after])
        return all(amount <= before.get(key, 0) for key, amount in now.items())

    def _within_limits(self, moment: Moment, hop: Hop) -> bool:
        question = self.question
        moves = [self.hops[number] for _, number in moment.running if self.hops[number].kind == "move"] + [hop]
        for host in {hop.source, hop.target}:
            if sum(host in (move.source, move.target) for move in moves) > int(question.limit_of[host]):
                return False
        for link in question.links_between(hop.source, hop.target):
            using = sum(link in question.links_between(move.source, move.target) for move in moves)
            if using > question.link_limits[link]:
                return False
        return question.per_cluster is None or len(moves) <= question.per_cluster

    def _started(self, moment: Moment, number: int) -> Moment:
        ends = list(moment.ends)
        ends[self.hops[number].vm] = self._spots(number, moment.ends)
        end = moment.now + self.durations[number]
        running = (*moment.running, (end, number)) if self.durations[number] else moment.running
        return Moment(moment.now, tuple(ends), running, moment.left - {number}, max(moment.makespan, end))


def straight(question: MigrationQuestion) -> list[Hop]:
    """Return one hop for every VM that is not yet as the target wants it."""
    return [
        hop(vm, int(question.here[vm]), int(question.there[vm]), int(question.cells_there[vm]))
        for vm in question.changing.tolist()
    ]


def hop(vm: int, source: int, target: int, cells: int = 0) -> Hop:
    """Return the hop from one host, or none, to another."""
    return Hop(vm, "stop" if target < 0 else "start" if source < 0 else "move", source, target, cells)


def by_one_bypass(question: MigrationQuestion) -> int | None:
    """Return the least makespan with one bypass, of one VM over one host; None where there is no such plan."""
    found = []
    for at, direct in enumerate(hops := straight(question)):
        for via in np.flatnonzero(question.bypass).tolist():
            if via not in {direct.source, direct.target}:
                there = [hop(direct.vm, direct.source, via), hop(direct.vm, via, direct.target)]
                found.append(EverySchedule(question, [*hops[:at], *there, *hops[at + 1 :]]).shortest())
    return min((makespan for makespan in found if makespan is not None), default=None)
