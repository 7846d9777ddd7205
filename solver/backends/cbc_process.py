"""Running CBC as a process that cannot outlive its deadline, a Ctrl-C or its parent."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from solver.deadline import Deadline
from solver.errors import BackendError

POLITE = 0.1
"""Seconds past the deadline after which CBC is asked to stop: it should have done so by itself."""

GRACE = 0.4
"""Seconds that CBC then has to write its incumbent before it is killed."""

INTERRUPT_GRACE = 1.0
"""The same after a Ctrl-C."""

_GUARD = 'read -r _; kill -s KILL -- "-$1"; rm -rf -- "$2"'
"""Waits for its input to close, which happens when the parent dies in whatever way."""


@dataclass(frozen=True)
class Run:
    """How a process ended.

    Attributes
    ----------
    code : int
        Its exit code, negative for a signal.
    log : str
        What it printed.
    killed : bool
        Whether we killed it.
    interrupted : bool
        Whether there was a Ctrl-C.
    """

    code: int
    log: str
    killed: bool = False
    interrupted: bool = False


def run(command: Sequence[str], folder: Path, deadline: Deadline) -> Run:
    """Run a command in a session of its own, where a terminal's Ctrl-C does not reach it.

    At the deadline it gets SIGINT, at which CBC writes its incumbent, and soon after SIGKILL. A
    Ctrl-C in Python does the same within a second and is reported in the result; a second one
    kills at once. Should Python itself be killed, a shell that guards the process kills it and
    removes the folder (on POSIX systems).

    Parameters
    ----------
    command : sequence of str
    folder : Path
        Working folder of the process, to be removed if Python dies.
    deadline : Deadline

    Raises
    ------
    BackendError
        If the command cannot be started.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the path of CBC is the user's choice
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise BackendError(f"cannot start {command[0]}: {error.strerror or error}") from error
    with _ended(process), _guarded(process, folder):
        try:
            return _finished(process, deadline)
        except KeyboardInterrupt:
            return _interrupted(process)


def _finished(process: subprocess.Popen[bytes], deadline: Deadline) -> Run:
    """Wait for the process until the deadline and what comes after it."""
    left = deadline.left
    try:
        output, _ = process.communicate(timeout=None if math.isinf(left) else left + POLITE)
        return Run(process.returncode, _text(output))
    except subprocess.TimeoutExpired:
        return _stopped(process, GRACE)


def _interrupted(process: subprocess.Popen[bytes]) -> Run:
    """Stop the process after a Ctrl-C."""
    ended = _stopped(process, INTERRUPT_GRACE)
    return Run(ended.code, ended.log, ended.killed, interrupted=True)


def _stopped(process: subprocess.Popen[bytes], grace: float) -> Run:
    """Ask the process to stop, then kill it."""
    _signal(process, signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=grace)
        return Run(process.returncode, _text(output))
    except subprocess.TimeoutExpired:
        kill(process)
        output, _ = process.communicate()
        return Run(process.returncode, _text(output), killed=True)


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill the process if it still runs at the end, whatever happened."""
    try:
        yield
    finally:
        if process.poll() is None:
            kill(process)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextlib.contextmanager
def _guarded(process: subprocess.Popen[bytes], folder: Path) -> Iterator[None]:
    """Have a shell end the process and remove its folder if Python dies first."""
    if os.name != "posix":
        yield
        return
    guard = subprocess.Popen(  # noqa: S603 - a fixed script
        ["/bin/sh", "-c", _GUARD, "placewright-guard", str(process.pid), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        guard.kill()
        guard.wait()
        if guard.stdin is not None:
            guard.stdin.close()


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it started."""
    _signal(process, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the process's group, if it still runs."""
    if process.poll() is not None:
        return
    if os.name != "posix":
        process.terminate()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _text(output: bytes) -> str:
    """Return what the process printed."""
    return output.decode("utf-8", errors="replace")
