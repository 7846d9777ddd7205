"""CBC on a model in MPS format: its process, its log and its solution file."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.scripts.exchange import Attempt, Status

FOUND = re.compile(r"solution of (\S+) found.*\(([\d.]+) seconds\)")
BOUND = re.compile(r"^Lower bound:\s+(\S+)", re.MULTILINE)
POSSIBLE = re.compile(r"best possible (-?[\d.eE+]+)")
VERSION = re.compile(r"^Version:\s*(\S+)", re.MULTILINE)

PATIENCE = 2.0
"""Seconds beyond its limit before CBC is interrupted, and from there to its end by force."""

NO_INTEGERS = ("no integer solution", "no feasible", "infeasible", "unbounded")
"""How the solution file begins when what follows is no answer."""


@dataclass
class CbcOutcome:
    """What CBC said.

    Parameters
    ----------
    status : str
    value, bound : float, optional
    values : dict of str to float
        The variables that are not zero, by name.
    """

    status: Status
    value: float | None = None
    bound: float | None = None
    values: dict[str, float] = field(default_factory=dict)


def run_cbc(
    attempt: Attempt,
    cbc: str,
    model: Path,
    options: Sequence[str] = (),
    start: Mapping[str, float] | None = None,
) -> CbcOutcome:
    """Solve a model in what is left of the time.

    Parameters
    ----------
    attempt : Attempt
        Notes incumbents and CBC's version.
    cbc : str
        The program.
    model : Path
        The MPS file; other files are put beside it.
    options : sequence of str
        Further options, before the solving begins.
    start : mapping of str to float, optional
        A first solution: its variables that are not zero.
    """
    solution, log = model.with_suffix(".sol"), model.with_suffix(".log")
    command = [cbc, str(model), *_start(model, start), *options]
    command += ["-randomSeed", str(attempt.seed + 1), "-randomCbcSeed", str(attempt.seed + 1)]
    attempt.check()
    command += ["-timeMode", "elapsed", "-sec", f"{attempt.left:.2f}", "-solve", "-solution", str(solution)]
    began = attempt.elapsed
    _run(command, log, attempt.left)
    said = log.read_text(encoding="utf-8", errors="replace")
    if version := VERSION.search(said):
        attempt.versions["cbc"] = version.group(1)
    for value, seconds in FOUND.findall(said):
        if not attempt.trace or float(value) < attempt.trace[-1][1] - 1e-6:
            attempt.trace.append((began + float(seconds), float(value)))
    outcome = _read(said, solution)
    if outcome.status == "INFEASIBLE" and attempt.elapsed >= attempt.seconds:
        outcome.status = "UNKNOWN"  # CBC also calls infeasible what its limit kept it from solving
    return outcome


def _run(command: list[str], log: Path, seconds: float) -> None:
    """Run CBC, and interrupt it when it overlooks its limit, as it does in a long LP."""
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)  # noqa: S603
        for patience, ending in ((seconds + PATIENCE, signal.SIGINT), (PATIENCE, signal.SIGKILL)):
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.send_signal(ending)
        process.wait()


def _start(model: Path, start: Mapping[str, float] | None) -> list[str]:
    if not start:
        return []
    path = model.with_suffix(".start")
    lines = ["Stopped on time - objective value 0"]
    lines += [f"{n} {name} {value:g} 0" for n, (name, value) in enumerate(start.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ["-mipstart", str(path)]


def _read(said: str, solution: Path) -> CbcOutcome:
    bound = _bound(said)
    written = solution.read_text(encoding="utf-8").splitlines() if solution.exists() else []
    head, lines = (written[0], written[1:]) if written else ("no integer solution", [])
    if "infeasible" in head.lower() and "maximum time" not in said:
        return CbcOutcome("INFEASIBLE", bound=bound)
    if any(word in head.lower() for word in NO_INTEGERS):
        return CbcOutcome("UNKNOWN", bound=bound)
    value = float(head.rsplit(" ", 1)[1])
    values = {entry[1]: float(entry[2]) for entry in (line.replace("**", "").split() for line in lines)}
    if head.startswith("Optimal"):
        return CbcOutcome("OPTIMAL", value, value, values)
    return CbcOutcome("FEASIBLE", value, bound, values)


def _bound(said: str) -> float | None:
    """Return the last bound in the log; 1e50 stands for none."""
    stated = BOUND.findall(said) or POSSIBLE.findall(said)
    bound = float(stated[-1]) if stated else None
    return None if bound is None or abs(bound) > 1e40 else bound
