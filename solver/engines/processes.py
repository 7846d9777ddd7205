"""Processes of this machine that search side by side: started afresh, stopped by an event, gone within a second."""

from __future__ import annotations

import math
import multiprocessing
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.synchronize import Event
from typing import Any

from solver.deadline import Deadline

LEAVING = 0.4
"""Seconds that processes have to end by themselves."""

_stop: list[Event] = []
"""In a worker's process: set when it is time to stop whatever the clock says."""


def stoppable_clock() -> float:
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
def local_processes(number: int) -> Iterator[ProcessPoolExecutor]:
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
                process.kill()  # CBC below it is killed by its guard
                process.join()


def may_start_processes() -> bool:
    """Whether this process may have children of its own."""
    return not multiprocessing.current_process().daemon
