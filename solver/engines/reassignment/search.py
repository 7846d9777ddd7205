"""Re-placement from the current placement: pilots, one long cooling, then shorter ones from the best, side by side."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from formulations.errors import InputError
from formulations.reassignment import NOWHERE, Reassignment
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.engines.neighbourhoods.adapting import AdaptiveWeights
from solver.engines.reassignment.annealing import Style, affordable
from solver.engines.reassignment.bounds import LowerBound, aggregate_bound, relaxed_bound
from solver.engines.reassignment.rounds import Effort, Heat, Interrupted, Outcome, Task
from solver.engines.reassignment.workers import workers
from solver.errors import VerificationError
from solver.result import Status
from solver.verifying.reassignment import Finding, judge

log = logging.getLogger("placewright")

STYLES = (Style("free"), Style("frugal", stay=3.0))
"""Ways to cool that are tried where resources are transient: which is better differs."""

TRIAL = 0.05
"""Part of the time for each of two trials."""

LONG = 0.75
"""Part of the time for long coolings."""

ENOUGH = 40_000
"""Moves tried per VM of a long cooling: with more, another one from the beginning finds more than a longer one."""

MOST_COOLINGS = 12
"""So many long coolings at most, one after the other."""

SHORT = 0.06
"""Part of the time for each of the shorter ones that follow."""

SHORTEST = 0.5
"""Seconds that a cooling takes at least."""

FULL_HEAT = 1 / 3
"""Where the long cooling begins, in sizes of a large VM."""

HEATS = {0.1: 0.3, 0.03: 0.6, 0.01: 1.5, 0.003: 2.0, 0.001: 1.0, 0.0003: 0.3}
"""Where shorter ones begin, and how likely each is at first."""

WIDE = 0.02
"""Where trials end farther above the bound than this part of the cost, a better bound is looked for."""

BOUNDING = 0.06
"""Part of the time for that."""

BOUNDING_STEPS = 600
"""Prices that are tried for it at most; a tenth of them where moves are counted instead of seconds."""

NEAR = 5e-4
"""Where a descent lands within this part of the bound, nothing hot is tried."""

DESCENT = 0.02
"""Part of the time for the descent."""

HANDING_OVER = 0.3
"""Seconds kept back for the judge."""

ENDLESS = 600.0
"""Seconds that stand for the whole time where there is no deadline."""

TOLERATED = 0.003
"""A style whose trial costs so much more than the best one's has its turn, too, where there are several workers."""

ELSEWHERE = 0.2
"""How often a shorter cooling takes any style, not the best one."""


@dataclass(frozen=True)
class Improvement:
    """One line of the trace."""

    seconds: float
    cost: int
    found_by: str


@dataclass(frozen=True, eq=False)
class Reassigned:
    """The answer to a re-placement question.

    Attributes
    ----------
    status : Status
        OPTIMAL where cost and bound meet, otherwise FEASIBLE.
    hosts : int64 array, shape (VMs,)
        The new host of every VM; judged.
    finding : Finding
        What the judge said: parts of the cost, and moves.
    bound : LowerBound
    seconds : float
    steps : int
        Moves tried by all workers.
    trace : tuple of Improvement
    interrupted : bool
        Whether the user stopped the search.
    """

    status: Status
    hosts: Integers
    finding: Finding
    bound: LowerBound
    seconds: float
    steps: int
    trace: tuple[Improvement, ...]
    interrupted: bool = False

    @property
    def cost(self) -> int:
        """What the new placement costs."""
        return self.finding.cost

    @property
    def gap(self) -> float:
        """``(cost - bound) / cost``, 0 where both are 0."""
        return 0.0 if self.cost == self.bound.value else (self.cost - self.bound.value) / self.cost


class Runner(Protocol):
    """Carries out the tasks of a round, wherever."""

    number: int

    def run(self, tasks: Sequence[Task], deadline: Deadline) -> list[Outcome]:
        """Return what came of them."""


@dataclass(eq=False)
class ReassignmentSearch:
    """Improves a placement within its rules.

    Parameters
    ----------
    question : Reassignment
    start : int64 array, shape (VMs,), optional
        A placement that keeps every rule; by default the current one.
    deadline : Deadline
    seed : int
    steps : int, optional
        Try so many moves, in one process, and heed the clock at the deadline only.
    progress : callable, optional
        Called with every new line of the trace and its placement, between rounds.

    Attributes
    ----------
    best : int64 array, shape (VMs,)
    cost : int
    trace : list of Improvement

    Raises
    ------
    InputError
        If the start breaks a rule; the message names the first.
    """

    question: Reassignment
    deadline: Deadline
    start: Integers | None = None
    seed: int = 0
    steps: int | None = None
    progress: Callable[[Improvement, Integers], None] | None = None
    bound: LowerBound = field(init=False)
    best: Integers = field(init=False)
    cost: int = field(init=False)
    trace: list[Improvement] = field(init=False, default_factory=list)
    tried: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.best = (self.question.current if self.start is None else self.start).astype(np.int64)
        self.cost = self._judged(self.best).cost
        self.trace.append(Improvement(self.deadline.elapsed, self.cost, "given"))
        self.bound = aggregate_bound(self.question)
        self._rng = np.random.default_rng(self.seed)
        self._weights = AdaptiveWeights({f"{hot:g}": weight for hot, weight in HEATS.items()}, self._rng)
        self._pace = 0.0  # moves that a worker tries in the whole time, more or less
        self._short = SHORT
        self._styles: list[Style] = [STYLES[0]]
        self._origin = self._where_to_begin()

    def _judged(self, hosts: Integers) -> Finding:
        if (hosts == NOWHERE).any():
            vm = int(np.flatnonzero(hosts == NOWHERE)[0])
            raise InputError(f"VM {vm} has no host; local search needs a placement to start from", "start")
        finding = judge(self.question, hosts)
        if not finding.ok:
            raise InputError(f"local search needs a start that keeps every rule: {finding.violations[0]}", "start")
        return finding

    @property
    def done(self) -> bool:
        """Whether nothing is left to be done."""
        spent = self.steps is not None and self.tried >= self.steps
        return spent or self.cost <= self.bound.value or self.deadline.left <= HANDING_OVER

    def learn_bound(self, bound: LowerBound) -> None:
        """Take over a better bound."""
        if bound.value > self.bound.value:
            self.bound = bound

    def run(self, runner: Runner) -> None:
        """Search until the deadline, the number of steps, or proof."""
        total = self._total()
        if self.question.hosts < 2 or self.done:
            return
        descent = Heat(0.0, STYLES[0], total.part(DESCENT), "descent")
        self.take(runner.run([self._task(0, [descent], self.best)], self.deadline))
        if self.cost - self.bound.value > NEAR * self.cost:
            self._try_styles(runner, total)
            self._raise_bound(total)
            self._cool_down(runner, total)
        while not self.done:
            self._improve(runner, total)

    def _total(self) -> Effort:
        """Return what the whole search may take; for each worker."""
        if self.steps is not None:
            return Effort(steps=self.steps)
        endless = math.isinf(self.deadline.seconds)
        return Effort(seconds=ENDLESS if endless else max(0.0, self.deadline.left - HANDING_OVER))

    def _where_to_begin(self) -> Integers:
        """Return where coolings begin: at the current placement if it keeps every rule.

        Nobody has moved there, so all room in transient resources is left.
        """
        current = self.question.current
        if self.start is None or ((current != NOWHERE).all() and judge(self.question, current).ok):
            return current
        return self.start.astype(np.int64)

    def _task(self, number: int, heats: Sequence[Heat], start: Integers | None = None) -> Task:
        """Return a worker's task: from a placement, or each heat from where coolings begin."""
        begin = self._origin if start is None else start
        seconds = max(0.0, self.deadline.left - HANDING_OVER)
        seed = int(self._rng.integers(1, 2**31))
        return Task(number, self.question, begin, seed, tuple(heats), start is None, seconds)

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Take over what a round has found."""
        for outcome in outcomes:
            self.tried += outcome.steps
            if outcome.cost < self.cost:
                self.best, self.cost = outcome.hosts, outcome.cost
                self.trace.append(Improvement(self.deadline.elapsed, self.cost, outcome.name))
                if self.progress is not None:
                    self.progress(self.trace[-1], self.best)
                log.debug("%.1f s: %s finds %d", self.deadline.elapsed, outcome.name, outcome.cost)

    def _try_styles(self, runner: Runner, total: Effort) -> None:
        """Find out in two short coolings which style is good; without transient room one style is tried twice."""
        styles = STYLES if self.question.transient.any() else STYLES[:1] * 2
        shares = [styles[n :: runner.number] for n in range(min(runner.number, len(styles)))]
        tasks = [
            self._task(n, [Heat(FULL_HEAT, style, total.part(TRIAL), f"{style.name} trial") for style in share])
            for n, share in enumerate(shares)
        ]
        outcomes = runner.run(tasks, self.deadline)
        self.take(outcomes)
        if outcomes:
            self._pace = sum(outcome.steps for outcome in outcomes) / (TRIAL * len(outcomes))
            best = min(outcome.cost for outcome in outcomes)
            good = sorted((o for o in outcomes if o.cost <= best * (1 + TOLERATED)), key=lambda o: o.cost)
            self._styles = [outcome.style for outcome in good]

    def _raise_bound(self, total: Effort) -> None:
        """Look for a better bound where the present one says little."""
        if self.done or self.cost - self.bound.value <= WIDE * self.cost:
            return
        steps = BOUNDING_STEPS if self.steps is None else BOUNDING_STEPS // 10
        seconds = min(total.part(BOUNDING).seconds, self.deadline.left)
        self.learn_bound(relaxed_bound(self.question, self.deadline.within(seconds), self.cost, steps))

    def _cool_down(self, runner: Runner, total: Effort) -> None:
        """Cool down for long, every worker on its own; several times where one needs little of the time."""
        times = min(max(round(LONG * self._pace / (ENOUGH * self.question.vms)), 1), MOST_COOLINGS)
        self._short = min(SHORT, LONG / times / 2)
        for _ in range(times):
            if not self.done:
                self._cool_down_once(runner, total.part(LONG / times))

    def _cool_down_once(self, runner: Runner, effort: Effort) -> None:
        styles = [self._styles[n % len(self._styles)] for n in range(runner.number)]
        heats = [Heat(FULL_HEAT, style, effort, f"{style.name} annealing") for style in styles]
        outcomes = runner.run([self._task(n, [heat]) for n, heat in enumerate(heats)], self.deadline)
        before = self.cost
        self.take(outcomes)
        if self.cost < before:
            self._styles = [min(outcomes, key=lambda o: o.cost).style]

    def _improve(self, runner: Runner, total: Effort) -> None:
        """Let every worker cool down from the best, from a lower temperature."""
        effort = self._short_effort(total)
        tasks = []
        for n in range(runner.number):
            name = self._weights.choose()
            style = self._styles[0]
            if self.question.transient.any() and self._rng.random() < ELSEWHERE:
                style = STYLES[int(self._rng.integers(len(STYLES)))]
            tasks.append(self._task(n, [Heat(float(name), style, effort, name)], self.best))
        before = self.cost
        outcomes = runner.run(tasks, self.deadline)
        self.take([replace(outcome, name=f"annealing again from {outcome.name}") for outcome in outcomes])
        gains = [max(0, before - outcome.cost) for outcome in outcomes]
        for outcome, gain in zip(outcomes, gains, strict=True):
            self._weights.learn(outcome.name, gain / max(gains) if max(gains) else 0.0, 1.0)

    def _short_effort(self, total: Effort) -> Effort:
        effort = total.part(self._short)
        if self.steps is not None:
            return Effort(steps=max(1, min(effort.steps or 0, self.steps - self.tried)))
        return Effort(max(SHORTEST, min(effort.seconds, self.deadline.left - HANDING_OVER)))

    def result(self, *, interrupted: bool = False) -> Reassigned:
        """Return the best placement, judged once more.

        Raises
        ------
        VerificationError
            If the judge finds another cost than the search, or a broken rule.
        """
        finding = judge(self.question, self.best)
        if not finding.ok or finding.cost != self.cost:
            wrong = finding.violations[0] if finding.violations else f"it costs {finding.cost}, not {self.cost}"
            raise VerificationError(f"re-placement made a placement that the judge rejects: {wrong}")
        status = Status.OPTIMAL if self.cost <= self.bound.value else Status.FEASIBLE
        seconds = self.deadline.elapsed
        trace = tuple(self.trace)
        return Reassigned(status, self.best, finding, self.bound, seconds, self.tried, trace, interrupted)


def reassign(
    question: Reassignment,
    deadline: Deadline,
    *,
    start: Integers | None = None,
    seed: int = 0,
    threads: int = 1,
    executor: Executor | None = None,
    steps: int | None = None,
    progress: Callable[[Improvement, Integers], None] | None = None,
) -> Reassigned:
    """Improve a placement until the deadline, proof, or a number of steps.

    Parameters
    ----------
    question : Reassignment
    deadline : Deadline
    start : int64 array, shape (VMs,), optional
        A placement that keeps every rule; by default the current one.
    seed : int
    threads : int
        Workers of this machine, where no executor is given.
    executor : Executor, optional
        The caller's, with ``threads`` workers at least.
    steps : int, optional
        Try so many moves in this process: the same seed does the same on every machine.
    progress : callable, optional
        Called with every new line of the trace and its placement, between rounds.

    Raises
    ------
    InputError
        If the start breaks a rule.
    """
    search = ReassignmentSearch(question, deadline, start, seed, steps, progress)
    interrupted = False
    if affordable(deadline):
        try:
            with workers(1 if steps is not None else threads, executor) as runner:
                search.run(runner)
        except Interrupted as stop:
            search.take(stop.outcomes)
            interrupted = True
        except KeyboardInterrupt:
            interrupted = True
    return search.result(interrupted=interrupted)
