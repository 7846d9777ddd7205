"""Workers: several neighbourhood searches side by side, which exchange what they find between rounds."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from formulations.instance import Instance
from formulations.placement import Placement
from formulations.tables import Integers
from solver.allocating import Policy
from solver.backends.base import Backend, Settings
from solver.deadline import Deadline
from solver.engines.neighbourhoods.choosing import Mask
from solver.engines.neighbourhoods.search import Experience, NeighbourhoodSearch
from solver.engines.processes import local_processes, may_start_processes, stoppable_clock
from solver.engines.refilling.annealing import warm_up
from solver.engines.search import Bound, Search
from solver.errors import BackendError

log = logging.getLogger("placewright")

SHORTEST_ROUND = 3.0
LONGEST_ROUND = 10.0
ROUNDS = 6
"""About so many rounds are left at any time, within these lengths."""

HANDING_OVER = 0.5
"""Seconds kept back for sending an answer."""

STARTING = 6.0
"""Seconds that must be left for starting processes."""


@dataclass(frozen=True)
class Task:
    """One round of one worker: all that it needs to know.

    Attributes
    ----------
    number : int
        Of the worker.
    seconds : float
    turf : bool array, shape (hosts,)
        The hosts that it may free for sub-problems.
    """

    number: int
    instance: Instance
    incumbent: Placement
    bounds: tuple[Bound, ...]
    backend: Backend
    settings: Settings
    policy: Policy
    seconds: float
    turf: Mask
    experience: Experience | None


@dataclass(frozen=True)
class Report:
    """What came of a round."""

    number: int
    placement: Placement
    values: tuple[Fraction, ...]
    found_by: str
    experience: Experience
    warnings: tuple[str, ...]


def search_apart(task: Task) -> Report | None:
    """Search for a round; None if the incumbent given is none here, or the round is over already."""
    deadline = Deadline(task.seconds, stoppable_clock)
    side = Search(task.instance, deadline, task.backend, task.settings, task.policy)
    if deadline.over or not side.offer(task.incumbent, "given"):
        return None
    side.bounds = list(task.bounds)
    neighbours = NeighbourhoodSearch(side, task.turf, experience=task.experience)
    try:
        neighbours.run(deadline)
    except BackendError as error:
        if str(error) not in side.warnings:
            side.warnings.append(str(error))
    if side.incumbent is None or side.values is None:
        return None
    last = side.trace[-1].found_by
    return Report(task.number, side.incumbent, side.values, last, neighbours.experience, tuple(side.warnings))


class Workers:
    """Searches round by round on an executor.

    In a round every worker has a seed and a share of the hosts of its own, so that improvements
    can be combined. Between rounds all go on from the best.

    Parameters
    ----------
    search : Search
    executor : Executor, optional
        The caller's, who closes it; by default processes of this machine.
    number : int
        How many workers.
    """

    def __init__(self, search: Search, executor: Executor | None, number: int) -> None:
        self.search = search
        self.executor = executor
        self.number = max(1, number)
        self.rng = np.random.default_rng(search.settings.seed)
        self.experience: dict[int, Experience] = {}
        self._rounds = 0

    def run(self, deadline: Deadline, meanwhile: NeighbourhoodSearch) -> bool:
        """Search until the deadline or proof; return False if there is no time or no way to start workers.

        Until processes have started, ``meanwhile`` searches.
        """
        if self.executor is not None:
            self._rounds_on(self.executor, deadline)
            return True
        if deadline.left < STARTING or not may_start_processes():
            return False
        try:
            with local_processes(self.number) as executor:
                compiled = meanwhile.may_refill(deadline)
                begun = [executor.submit(ready, compiled=compiled) for _ in range(self.number)]
                while not (all(future.done() for future in begun) or self.search.done or deadline.over):
                    meanwhile.step(deadline, by_nodes=False)
                self.experience = dict.fromkeys(range(self.number), meanwhile.experience)
                self._rounds_on(executor, deadline)
        except (BrokenExecutor, OSError) as error:
            self.search.warnings.append(f"workers could not be started, searched in one process: {error}")
            return False
        return True

    def _rounds_on(self, executor: Executor, deadline: Deadline) -> None:
        while not (self.search.done or deadline.left <= HANDING_OVER):
            futures = [executor.submit(search_apart, task) for task in self._tasks(deadline)]
            try:
                wait(futures, timeout=max(0.0, deadline.left))
            except KeyboardInterrupt:
                self._take(futures)
                raise
            self._take(futures)

    def _tasks(self, deadline: Deadline) -> list[Task]:
        """Return the tasks of a round."""
        search = self.search
        if search.incumbent is None:
            return []
        length = min(max(deadline.left / ROUNDS, SHORTEST_ROUND), LONGEST_ROUND, deadline.left - HANDING_OVER)
        if deadline.left - length < SHORTEST_ROUND:
            length = deadline.left - HANDING_OVER
        turf = self.rng.integers(0, self.number, search.instance.host_count)
        self._rounds += 1
        return [
            Task(
                number,
                search.instance,
                search.incumbent,
                tuple(search.bounds),
                search.backend,
                replace(search.settings, seed=int(self.rng.integers(1, 2**31)), threads=1),
                search.policy,
                length,
                turf == number,
                self.experience.get(number),
            )
            for number in range(self.number)
        ]

    def _take(self, futures: Sequence[Future[Report | None]]) -> None:
        """Take over what the workers have found: the best, and others' changes where they do not meet."""
        reports: list[Report] = []
        for future in futures:
            if not future.cancel() and future.done() and (report := future.result()) is not None:
                reports.append(report)
                self.experience[report.number] = report.experience
                self._heed(report.warnings)
        before, known = self.search.incumbent, self.search.values
        reports = sorted((r for r in reports if known is None or r.values < known), key=lambda r: r.values)
        if not reports or before is None:
            return
        self.search.offer(reports[0].placement, reports[0].found_by)
        if len(reports) > 1:
            merged = combined(before, [report.placement for report in reports])
            if merged is not None:
                self.search.offer(merged, f"{reports[0].found_by}, combined")

    def _heed(self, warnings: Sequence[str]) -> None:
        """Take over what went wrong; several failures in a row end the search, as they would in one process."""
        for warning in warnings:
            self.search.failed(BackendError(warning))
        if not warnings:
            self.search.failures = 0


def combined(before: Placement, after: Sequence[Placement]) -> Placement | None:
    """Return the first placement with the others' changes, where they touch other hosts; None if none do.

    Parameters
    ----------
    before : Placement
        What all started from.
    after : sequence of Placement
        The better ones first.
    """
    if any(placement.cells is not None for placement in (before, *after)):
        return None
    host_of: Integers = before.host_of.copy()
    touched = np.zeros(0, dtype=np.int64)
    merged = 0
    for placement in after:
        moved = np.flatnonzero(placement.host_of != before.host_of)
        hosts = np.union1d(before.host_of[moved], placement.host_of[moved])
        if len(moved) and not np.intersect1d(hosts, touched).size:
            host_of[moved] = placement.host_of[moved]
            touched = np.union1d(touched, hosts)
            merged += 1
    return Placement(host_of) if merged > 1 else None


def ready(*, compiled: bool) -> bool:
    """Return True: when this comes back from a process, it has begun, and loaded compiled code where that pays."""
    if compiled:
        warm_up()
    return True
