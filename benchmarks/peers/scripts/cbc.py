"""CBC on a model in MPS format: its process, its log and its solution file."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.scripts.exchange import Attempt, OutOfTime, Status

FOUND = re.compile(r"solution of (\S+) found.*\(([\d.]+) seconds\)")
BOUND = re.compile(r"^Lower bound:\s+(\S+)", re.MULTILINE)
POSSIBLE = re.compile(r"best possible (-?[\d.eE+]+)")
VERSION = re.compile(r"^Version:\s*(\S+)", re.MULTILINE)

NO_INTEGERS = ("no integer solution", "no feasible", "Infeasible", "infeasible", "Unbounded")


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
    with log.open("w", encoding="utf-8") as stream:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, check=False)  # noqa: S603
    said = log.read_text(encoding="utf-8", errors="replace")
    if version := VERSION.search(said):
        attempt.versions["cbc"] = version.group(1)
    for value, seconds in FOUND.findall(said):
        if not attempt.trace or float(value) < attempt.trace[-1][1] - 1e-6:
            attempt.trace.append((began + float(seconds), float(value)))
    return _read(said, solution)


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
    if not solution.exists():
        raise OutOfTime(f"CBC ended without a solution file: {said[-300:]}")
    head, *lines = solution.read_text(encoding="utf-8").splitlines()
    if "proven infeasible" in said or head.startswith(("Infeasible", "Integer infeasible")):
        return CbcOutcome("INFEASIBLE", bound=bound)
    if any(word in head for word in NO_INTEGERS):
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
