"""Runs one command on one core and notes what it used; started by itself so that it weighs nothing.

On Linux the peak memory of a process counts that of the process that started it, so a campaign
that has judged a million VMs must not start what it measures. Imports nothing but the standard library.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

POLITE = 5.0
"""Seconds between the request to end and the end by force."""

_KILOBYTES = 1024 if sys.platform != "darwin" else 1


def main() -> int:
    """Run the command after ``--`` and write what it used as JSON."""
    options = _options()
    _confine(options.core, options.memory)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with options.log.open("wb") as log:
            usage = measure(options.command, log.fileno(), options.seconds)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    options.usage.write_text(json.dumps(usage), encoding="utf-8")
    return 0


def measure(command: list[str], log: int, seconds: float) -> dict[str, float | int | bool]:
    """Return wall and CPU seconds, peak memory in MB, exit code, and whether it was ended by force."""
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - the subject's own command
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )
    forced = threading.Event()
    watch = threading.Thread(target=_end_late, args=(process.pid, seconds, forced), daemon=True)
    watch.start()
    try:
        _, status, used = os.wait4(process.pid, 0)
    except KeyboardInterrupt:
        for number in (signal.SIGINT, signal.SIGTERM):  # once is enough
            signal.signal(number, signal.SIG_IGN)
        _signal(process.pid, signal.SIGTERM)
        time.sleep(1)
        raise
    finally:
        _signal(process.pid, signal.SIGKILL)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "wall": time.monotonic() - began,
        "cpu": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss * _KILOBYTES / 1024**2,
        "code": process.returncode,
        "forced": forced.is_set(),
    }


def _end_late(group: int, seconds: float, forced: threading.Event) -> None:
    """Ask the process group to end when its time is over, and make it end soon after."""
    time.sleep(seconds)
    forced.set()
    _signal(group, signal.SIGTERM)
    time.sleep(POLITE)
    _signal(group, signal.SIGKILL)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _confine(core: int | None, memory: float | None) -> None:
    """Bind this process, and with it the command, to a core and to private memory in MB."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    if memory is not None:
        limit = int(memory * 1024**2)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--usage", type=Path, required=True, help="where to write what was used")
    parser.add_argument("--log", type=Path, required=True, help="where the command's output goes")
    parser.add_argument("--seconds", type=float, required=True, help="end the command after so long")
    parser.add_argument("--memory", type=float, help="private memory in MB that the command may take")
    parser.add_argument("--core", type=int, help="the only core that the command may use")
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
