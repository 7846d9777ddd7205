"""Who carries out the tasks of a round: this process, processes of this machine, or the caller's executor."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass

from solver.deadline import Deadline
from solver.engines.processes import local_processes, may_start_processes, stoppable_clock
from solver.engines.reassignment.rounds import Outcome, Task, run_round

log = logging.getLogger("placewright")


@dataclass
class Alone:
    """Runs tasks in this process, one after the other."""

    number: int = 1

    def run(self, tasks: Sequence[Task], deadline: Deadline) -> list[Outcome]:
        """Return what came of them."""
        return [outcome for task in tasks for outcome in run_round(task, deadline)]


@dataclass
class Several:
    """Runs tasks on an executor; what cannot be run there is run here.

    Parameters
    ----------
    executor : Executor
    number : int
        How many tasks it takes at a time.
    """

    executor: Executor
    number: int

    def run(self, tasks: Sequence[Task], deadline: Deadline) -> list[Outcome]:
        """Return what came of them, of those that end in time."""
        try:
            futures = [self.executor.submit(run_apart, task) for task in tasks]
            wait(futures, timeout=None if math.isinf(deadline.left) else deadline.left)
        except (BrokenExecutor, OSError) as error:
            log.warning("workers could not be started, searching in one process: %s", error)
            return Alone().run(tasks[:1], deadline)
        return [outcome for future in futures for outcome in _result(future)]


def _result(future: Future[list[Outcome]]) -> list[Outcome]:
    if future.cancel() or not future.done():
        return []
    return future.result()


def run_apart(task: Task) -> list[Outcome]:
    """Run a task in a worker's process."""
    return run_round(task, Deadline(task.seconds, stoppable_clock))


@contextmanager
def workers(number: int, executor: Executor | None = None) -> Iterator[Alone | Several]:
    """Yield who carries out tasks.

    Parameters
    ----------
    number : int
        How many at a time.
    executor : Executor, optional
        The caller's, who closes it; by default processes of this machine, none for one worker.
    """
    if executor is not None:
        yield Several(executor, max(1, number))
    elif number <= 1 or not may_start_processes():
        yield Alone()
    else:
        with local_processes(number) as local:
            yield Several(local, number)
