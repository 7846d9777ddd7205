"""VPSolver: its compressed arc-flow graph and its MPS model, solved by CBC or by HiGHS.

VPSolver's own steps, in the order of its solver scripts: ``vbp2afg``, ``afg2mps``, a solver,
``vbpsol``. CBC runs with the options of its script for COIN-OR (``-cuts off``); HiGHS as it is. The
model needs no symmetry breaking, no start and no bound on the hosts.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers.scripts.cbc import run_cbc
from benchmarks.peers.scripts.exchange import Attempt, Contents, Outcome, OutOfTime, Problem, run

MARKER = "PYSOL="


def _row(*numbers: int) -> str:
    return " ".join(map(str, numbers))


def instance_text(problem: Problem) -> str:
    """Return the problem in VPSolver's format for host types: -1 stands for a limit that cannot bind."""
    lines = [_row(len(problem.resources)), _row(len(problem.types))]
    for rooms, cost, limit in zip(problem.capacities, problem.costs, problem.limits, strict=True):
        lines.append(_row(*rooms, cost, -1 if limit >= problem.items else limit))
    lines.append(_row(len(problem.flavours)))
    for sizes, count in zip(problem.sizes, problem.demand, strict=True):
        lines += [_row(1, count), _row(*sizes)]
    return "\n".join([*lines, ""])


def step(attempt: Attempt, program: str, *arguments: str) -> str:
    """Run one of VPSolver's programs in what is left of the time and return what it prints.

    Raises
    ------
    OutOfTime
        If it does not end within the limit, or ends with an error.
    """
    command = [str(Path(sys.executable).parent / program), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=attempt.left, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise OutOfTime(f"{program} did not end within the limit") from None
    if done.returncode:
        raise OutOfTime(f"{program} ended with {done.returncode}: {done.stderr[-300:]}")
    return done.stdout


def by_cbc(attempt: Attempt, model: Path) -> tuple[Outcome, Mapping[str, float]]:
    """Solve the model with the CBC that PuLP brings."""
    import pulp  # noqa: PLC0415 - the other variant has none

    attempt.used("pulp")
    found = run_cbc(attempt, pulp.PULP_CBC_CMD.pulp_cbc_path, model, ["-cuts", "off"])
    return Outcome(found.status, found.value, found.bound), found.values


def by_highs(attempt: Attempt, model: Path) -> tuple[Outcome, Mapping[str, float]]:
    """Solve the model with HiGHS."""
    from benchmarks.peers.scripts.highs import prepared, solved  # noqa: PLC0415 - the other variant has none

    highs = prepared(attempt)
    highs.readModel(str(model))
    status, value, bound, values = solved(attempt, highs)
    names = highs.getLp().col_names_
    return Outcome(status, value, bound), {name: v for name, v in zip(names, values, strict=bool(values)) if v > 0.5}


def hosts_of(printed: str) -> list[tuple[int, Contents]]:
    """Return the hosts that ``vbpsol`` prints."""
    _, types = ast.literal_eval(printed.split(MARKER, 1)[1].splitlines()[0])
    hosts: list[tuple[int, Contents]] = []
    for kind, patterns in enumerate(types):
        for times, pattern in patterns:
            contents: Contents = {}
            for flavour, _ in pattern:
                contents[flavour] = contents.get(flavour, 0) + 1
            hosts += [(kind, contents)] * times
    return hosts


def solve(attempt: Attempt) -> Outcome:
    """Build the graph, solve the model, and read the hosts from the flow."""
    attempt.used("pyvpsolver")
    with tempfile.TemporaryDirectory() as folder:
        files = {ending: Path(folder) / f"model.{ending}" for ending in ("mvp", "afg", "mps", "values")}
        files["mvp"].write_text(instance_text(attempt.problem), encoding="utf-8")
        step(attempt, "vbp2afg", str(files["mvp"]), str(files["afg"]))
        step(attempt, "afg2mps", str(files["afg"]), str(files["mps"]))
        outcome, values = (by_cbc if attempt.variant == "cbc" else by_highs)(attempt, files["mps"])
        if outcome.value is None:
            outcome.message = "no solution within the limit"
            return outcome
        attempt.incumbent(outcome.value)
        flow = [f"{name} {round(value)}" for name, value in values.items()]
        files["values"].write_text("\n".join([*flow, ""]), encoding="utf-8")
        outcome.hosts = hosts_of(step(attempt, "vbpsol", str(files["afg"]), str(files["values"]), "0", "1"))
    return outcome


if __name__ == "__main__":
    run(solve, "cbc", "highs")
