"""Running CBC as a process that cannot outlive its deadline, a Ctrl-C or its parent."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from solver.deadline import Deadline
from solver.errors import BackendError

GRACE = 0.8
"""Seconds past the deadline, or past a Ctrl-C, that CBC has to write its incumbent before it is killed."""

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
    with Listener() as listener:
        try:
            process = subprocess.Popen(  # noqa: S603 - the path of CBC is the user's choice
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=listener.inlet,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise BackendError(f"cannot start {command[0]}: {error.strerror or error}") from error
        with _ended(process), _guarded(process, folder):
            listener.listen()
            try:
                listener.wait(deadline.left)
                return _stopped(process, listener)
            except KeyboardInterrupt:
                return dataclasses.replace(_stopped(process, listener), interrupted=True)


def _stopped(process: subprocess.Popen[bytes], listener: Listener) -> Run:
    """Ask a process that still runs to stop, then kill it; return how it ended."""
    if not listener.ended:
        _signal(process, signal.SIGINT)
        listener.wait(GRACE)
    killed = not (listener.ended and _gone(process))
    if killed:
        kill(process)
        listener.wait(GRACE)
    return Run(process.wait(), listener.text, killed)


def _gone(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process that has closed its output ends, as it should at once."""
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        return False
    return True


class Listener:
    """What a process prints, as it prints it.

    Behind a terminal a program prints line by line, behind a pipe every few thousand characters,
    of which those that it still holds are lost when it is killed: with them the bound.
    """

    def __init__(self) -> None:
        self._outlet, self.inlet = _terminal() or os.pipe()
        self._chunks: list[bytes] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        # not Thread.join: interrupted by a Ctrl-C, it takes the thread for ended
        self._end = threading.Event()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is still open."""
        self._close_inlet()
        if self._thread.ident is None:
            os.close(self._outlet)

    def listen(self) -> None:
        """Begin, once the process has its end."""
        self._close_inlet()
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended, but not longer than that."""
        self._end.wait(None if math.isinf(seconds) else seconds)

    @property
    def ended(self) -> bool:
        """Whether the process has closed its end."""
        return self._end.is_set()

    @property
    def text(self) -> str:
        """All that was printed so far."""
        return b"".join(self._chunks).decode("utf-8", errors="replace").replace("\r\n", "\n")

    def _close_inlet(self) -> None:
        """Close our copy of the end that the process writes to."""
        if self.inlet >= 0:
            os.close(self.inlet)
            self.inlet = -1

    def _read(self) -> None:
        """Read to the end, where a terminal says OSError on Linux, and close."""
        with contextlib.suppress(OSError):
            while chunk := os.read(self._outlet, 1 << 16):
                self._chunks.append(chunk)
        os.close(self._outlet)
        self._end.set()


def _terminal() -> tuple[int, int] | None:
    """Return both ends of a pseudo-terminal, or None where there are none (or none left)."""
    if sys.platform == "win32":
        return None
    try:
        return os.openpty()
    except OSError:
        return None


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill the process if it still runs at the end, whatever happened."""
    try:
        yield
    finally:
        if process.poll() is None:
            kill(process)
        process.wait()


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
