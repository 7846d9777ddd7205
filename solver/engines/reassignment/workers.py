"""Who carries out the tasks of a round: this process, processes of this machine, or the caller's executor."""

from __future__ import annotations

import logging
import math
import multiprocessing
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.synchronize import Event
from typing import Any

from solver.deadline import Deadline
from solver.engines.reassignment.rounds import Outcome, Task, run_round

log = logging.getLogger("placewright")

LEAVING = 0.4
"""Seconds that processes have to end by themselves."""

_stop: list[Event] = []
"""In a worker's process: set when it is time to stop whatever the clock says."""


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
    return run_round(task, Deadline(task.seconds, _clock))


def _clock() -> float:
    """Return the time; the end of it where the parent wants this process to stop."""
    return math.inf if any(event.is_set() for event in _stop) else time.monotonic()


def _begin(event: Event) -> None:
    """Prepare a worker's process: a Ctrl-C is the parent's business, who then sets the event."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _stop.append(event)


class _Context(SpawnContext):
    """Starts processes afresh (forks of a program with threads may hang) and remembers them."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[SpawnProcess] = []

    def Process(self, *args: Any, **more: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802 - as its base
        process = SpawnProcess(*args, **more)
        self.started.append(process)
        return process


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
    elif number <= 1 or multiprocessing.current_process().daemon:
        yield Alone()
    else:
        with _local_processes(number) as local:
            yield Several(local, number)


@contextmanager
def _local_processes(number: int) -> Iterator[ProcessPoolExecutor]:
    """Yield processes of this machine; in the end, whatever the reason, they are gone within a second."""
    context = _Context()
    event = context.Event()
    executor = ProcessPoolExecutor(number, mp_context=context, initializer=_begin, initargs=(event,))
    try:
        yield executor
    finally:
        event.set()
        executor.shutdown(wait=False, cancel_futures=True)
        end = Deadline(LEAVING)
        for process in context.started:
            process.join(end.left)
            if process.is_alive():
                process.kill()
                process.join()
