"""The event loop in plain Python: what a policy means, for any policy that keeps the protocol."""

from __future__ import annotations

import numpy as np

from formulations.scheduling.workload import Workload
from solver.scheduling.dynamic.machines import Machine
from solver.scheduling.dynamic.policies import Policy, Ranking, Task
from solver.scheduling.dynamic.records import NOTHING, Run, Span, in_order


def run_plainly(machine: Machine, workload: Workload, policy: Policy, *, window: Span = NOTHING) -> Run:
    """Run jobs on one machine under any policy.

    At one moment turns end first, in the order of cores; then jobs arrive, in their order; then
    those whose turn ended queue again; then free cores are given out. A job prefers its last core.

    Parameters
    ----------
    machine : Machine
    workload : Workload
        Sorted by arrival; ``vm`` is a position on the machine.
    policy : Policy
    window : Span, optional
        The stretch of time of which segments are kept.
    """
    return _Loop(machine, workload, policy, window).run()


class _Loop:
    """The state of one run."""

    def __init__(self, machine: Machine, workload: Workload, policy: Policy, window: Span) -> None:
        self.machine = machine
        self.preemptive = policy.preemptive
        self.ranking: Ranking = policy.ranking(machine)
        self.window = window
        columns = (workload.vm, workload.arrival, workload.work, workload.priority, workload.work)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        self.tasks = [Task(number, *row) for number, row in enumerate(rows)]
        self.now = 0
        self.next = 0
        self.place = 0
        self.waiting: list[Task] = []
        self.on: list[Task | None] = [None] * machine.cores
        self.last: list[Task | None] = [None] * machine.cores
        self.vcpus: list[int] = machine.vcpus.tolist()
        self.busy = [0] * len(machine.vms)
        self.segments: list[tuple[int, int, int, int]] = []
        self.events = self.switches = self.overhead = 0

    def run(self) -> Run:
        """Run until every job is done."""
        while (now := self._next_event()) is not None:
            self.now = now
            ended = [task for task in self._running() if task.until == now]
            again = [task for task in ended if self._stop(task, now)]
            self._arrive(now)
            for task in again:
                self._wait(task, now)
            self._give_out(now)
        segments = in_order(np.array(self.segments, dtype=np.int64).reshape(-1, 4))
        start = np.array([task.start for task in self.tasks], dtype=np.int64)
        finish = np.array([task.finish for task in self.tasks], dtype=np.int64)
        return Run(start, finish, self.events, self.switches, self.overhead, segments)

    def _running(self) -> list[Task]:
        return [task for task in self.on if task is not None]

    def _next_event(self) -> int | None:
        running = self._running()
        moments = [task.until for task in running]
        if self.next < len(self.tasks):
            moments.append(self.tasks[self.next].arrival)
        if self.waiting and (change := self.ranking.next_change(self.waiting, running, self.now)) is not None:
            moments.append(change)
        return min(moments, default=None)

    # -- beginning and ending to wait ----------------------------------------------------

    def _arrive(self, now: int) -> None:
        while self.next < len(self.tasks) and self.tasks[self.next].arrival == now:
            task = self.tasks[self.next]
            self.next += 1
            self.events += 1
            self._wait(task, now)
            self.ranking.arrived(task, now)

    def _wait(self, task: Task, now: int) -> None:
        task.since = now
        task.place = self.place
        self.place += 1
        self.waiting.append(task)

    def _stop(self, task: Task, now: int) -> bool:
        """Take a task off its core and return whether work is left."""
        ran = max(0, now - task.begin)
        if ran and task.start < 0:
            task.start = task.begin
        if ran and task.begin < self.window.end and now > self.window.begin:
            self.segments.append((task.core, task.number, task.begin, now))
        self.overhead += min(now, task.begin) - task.since
        task.remaining -= ran
        task.last_core, task.core = task.core, -1
        self.on[task.last_core] = None
        self.busy[task.vm] -= 1
        self.events += 1
        if not task.remaining:
            task.finish = now
        self.ranking.stopped(task, ran, now)
        return task.remaining > 0

    # -- giving out cores ----------------------------------------------------------------

    def _give_out(self, now: int) -> None:
        chosen = self._preempting(now) if self.preemptive else self._filling(now)
        free = [core for core, task in enumerate(self.on) if task is None]
        for task in chosen:
            if task.last_core in free:
                free.remove(task.last_core)
                self._seat(task, task.last_core, now)
        for task in chosen:
            if not task.running:
                self._seat(task, free.pop(0), now)

    def _filling(self, now: int) -> list[Task]:
        """Choose waiting tasks for free cores one by one; nobody gives a core back."""
        chosen: list[Task] = []
        while self.on.count(None) > len(chosen) and (task := self._best(now)) is not None:
            self._choose(task, now)
            chosen.append(task)
        return chosen

    def _best(self, now: int) -> Task | None:
        ranks = [(self.ranking.rank(task, now), task) for task in self.waiting if self._allowed(task)]
        ranked = [(rank, task.place, task) for rank, task in ranks if rank is not None]
        return min(ranked, key=lambda one: one[:2])[2] if ranked else None

    def _allowed(self, task: Task) -> bool:
        return self.busy[task.vm] < self.vcpus[task.vm]

    def _preempting(self, now: int) -> list[Task]:
        """Choose the best of all tasks, waiting or running, and take the cores of those not among them."""
        chosen = self._best_of_all(now)
        for task in self._running():
            if task not in chosen:
                self._stop(task, now)
                self._wait(task, now)
        begin = [task for task in chosen if not task.running]
        for task in begin:
            self._choose(task, now)
        return begin

    def _best_of_all(self, now: int) -> list[Task]:
        """Return who should run: by rank, those that run before those that wait, within vCPUs and cores."""
        ranks = ((self.ranking.rank(task, now), task) for task in [*self._running(), *self.waiting])
        ranked = [(rank, not task.running, task.place, task) for rank, task in ranks if rank is not None]
        taken = [0] * len(self.busy)
        chosen: list[Task] = []
        for *_, task in sorted(ranked, key=lambda one: one[:3]):
            if taken[task.vm] < self.vcpus[task.vm] and len(chosen) < self.machine.cores:
                taken[task.vm] += 1
                chosen.append(task)
        return chosen

    def _choose(self, task: Task, now: int) -> None:
        rank, turn = self.ranking.rank(task, now), self.ranking.turn(task, now)
        task.rank_then = 0 if rank is None else rank
        task.turn = task.remaining if turn is None else min(turn, task.remaining)
        self.waiting.remove(task)
        self.busy[task.vm] += 1
        self.ranking.started(task, task.turn, now)

    def _seat(self, task: Task, core: int, now: int) -> None:
        """Put a chosen task on a core; another task than the core's last one costs a switch."""
        before = self.last[core]
        cost = self.machine.switch_cost if before is not None and before is not task else 0
        self.switches += before is not None and before is not task
        task.begin = now + cost
        task.until = task.begin + task.turn
        task.since = now
        task.core = core
        self.on[core] = self.last[core] = task
