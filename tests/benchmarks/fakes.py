"""Subjects made up for tests: small programs that answer, lie, crash or never end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.families import Case
from benchmarks.subjects import SUBJECTS, Run, Subject
from formulations.vector_packing import VectorPacking

ONE_EACH = """
import json, sys
problem = json.load(open(sys.argv[1]))
patterns = [{"type": 0, "times": count, "items": [[i, 1]]} for i, count in enumerate(problem["demand"])]
value = sum(problem["demand"]) * problem["costs"][0]
"""
"""Puts every item into a bin of its own."""

HONEST = (
    ONE_EACH
    + """
answer = {"status": "FEASIBLE", "value": value, "bound": 0.5, "patterns": patterns, "seconds": 0.02}
answer["trace"] = [[0.01, value]]
json.dump(answer, open(sys.argv[2], "w"))
"""
)
BOASTER = (
    ONE_EACH
    + """
answer = {"status": "OPTIMAL", "value": 1, "bound": 1, "patterns": patterns, "trace": [[0.01, 1]], "seconds": 0.02}
json.dump(answer, open(sys.argv[2], "w"))
"""
)
FORGETFUL = (
    ONE_EACH
    + """
answer = {"status": "OPTIMAL", "value": 1, "bound": 1, "patterns": patterns[1:], "seconds": 0.02}
json.dump(answer, open(sys.argv[2], "w"))
"""
)
GARBLED = "import sys; open(sys.argv[2], 'w').write('{\"status\": ')"
CRASH = "raise SystemExit('out of luck')"
ENDLESS = "import time; time.sleep(600)"
BUSY = """
import json, subprocess, sys, time
began = time.process_time()
room = bytearray(80_000_000)
while time.process_time() - began < 0.3:
    pass
subprocess.run([sys.executable, "-S", "-c", "import time\\nwhile time.process_time() < 0.3: pass"])
json.dump({"status": "UNKNOWN"}, open(sys.argv[2], "w"))
"""


@contextmanager
def subject(name: str, program: str) -> Iterator[str]:
    """Register a Python program that reads its first argument and writes its second."""

    def command(run: Run) -> list[str]:
        return [sys.executable, "-S", "-c", program, str(run.problem), str(run.answer)]

    SUBJECTS[name] = Subject(name=name, what="made up", asks="packing", command=command)
    try:
        yield name
    finally:
        del SUBJECTS[name]


def tiny() -> VectorPacking:
    """Return five items of two flavours; three bins are the fewest."""
    one = np.ones(1, dtype=np.int64)
    return VectorPacking(np.array([[6, 1], [4, 4]]), np.array([3, 2]), np.array([[10, 9]]), one, 9 * one)


def tiny_case(name: str = "tiny") -> Case:
    """Return it as a case."""
    return Case(family="made", name=name, build=tiny)


def log_of(folder: Path) -> str:
    """Return what a metered command printed."""
    return (folder / "log").read_text(encoding="utf-8")
