"""Re-placement by placewright, small against CP-SAT and large by itself: ``python -m benchmarks.replacing --help``."""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from benchmarks.families.running import running_question
from benchmarks.peers.catalogue import ENVIRONMENTS, LAUNCH
from formulations.reassignment import Reassignment
from formulations.restating import instance_of
from solver.deadline import Deadline
from solver.engines.reassignment import reassign
from solver.placing import place
from solver.rebalancing import rebalance
from solver.verifying.reassignment import judge

SIZES = ((20, 4), (50, 8), (100, 12), (150, 16), (200, 24))
"""VMs and hosts of the small questions."""

SCRIPT = "cpsat_reassignment"

PATIENCE = 60.0
"""Seconds that a peer gets beyond its limit before it is stopped."""


class Answer(NamedTuple):
    """What a solver came to."""

    cost: int | None
    bound: float | None
    seconds: float

    @property
    def proved(self) -> bool:
        """Whether nothing cheaper exists, as the solver says."""
        return self.cost is not None and self.bound is not None and self.bound > self.cost - 1


@click.group()
def program() -> None:
    """Measure re-placement on clusters drawn at random, whose VMs run where every rule holds."""


# -- small ---------------------------------------------------------------------------------------


def ours(question: Reassignment, seconds: float, seed: int) -> Answer:
    """Return what ``place`` answers in the time."""
    result = place(instance_of(question), seconds=seconds, seed=seed)
    value, bound = result.objective, result.bound
    return Answer(None if value is None else int(value), None if bound is None else float(bound), result.seconds)


def cpsat(question: Reassignment, seconds: float, seed: int) -> Answer:
    """Return what CP-SAT answers on the whole model in the time, building the model included.

    Raises
    ------
    RuntimeError
        If it failed, or its placement does not keep the rules or costs something else.
    """
    with tempfile.TemporaryDirectory(prefix="placewright-") as folder:
        asked, answered = Path(folder) / "question.json", Path(folder) / "answer.json"
        asked.write_text(json.dumps(arrays(question)), encoding="utf-8")
        command = [str(ENVIRONMENTS["ortools"].interpreter), str(LAUNCH), SCRIPT, str(asked), repr(seconds)]
        command += [str(answered), "--seed", str(seed)]
        done = subprocess.run(  # noqa: S603 - our own script in a peer's environment
            command, capture_output=True, text=True, timeout=seconds + PATIENCE, check=False
        )
        if done.returncode:
            raise RuntimeError(f"CP-SAT failed: {done.stderr.strip()[-1000:]}")
        answer = json.loads(answered.read_text(encoding="utf-8"))
    if answer["hosts"] is None:
        return Answer(None, answer["bound"], answer["seconds"])
    finding = judge(question, np.array(answer["hosts"], dtype=np.int64))
    if not finding.ok or finding.cost != answer["value"]:
        raise RuntimeError(f"CP-SAT's placement costs {finding.cost}, not {answer['value']}; {finding.violations[:3]}")
    return Answer(finding.cost, answer["bound"], answer["seconds"])


def arrays(question: Reassignment) -> dict[str, Any]:
    """Return a question as plain lists."""
    stated = {name: getattr(question, name) for name in question.__dataclass_fields__}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in stated.items()}


def compared(mine: Answer, other: Answer) -> str:
    """Say who found the cheaper placement."""
    first, second = (math.inf if cost is None else cost for cost in (mine.cost, other.cost))
    return "equal" if first == second else "placewright" if first < second else "CP-SAT"


def _cells(answer: Answer) -> str:
    cost = "none" if answer.cost is None else f"{answer.cost:,}"
    bound = "" if answer.bound is None else f"{answer.bound:,.0f}"
    return f"{cost}{' (proved)' if answer.proved else ''} | {bound} | {answer.seconds:.1f}"


@program.command()
@click.option("--seconds", type=float, default=20.0, show_default=True, help="For every run.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Questions of each size.")
@click.option("--first", type=click.IntRange(min=0), default=0, show_default=True, help="Their first seed.")
def small(seconds: float, seeds: int, first: int) -> None:
    """Compare ``place`` with CP-SAT on the whole model, each on one core, one after the other."""
    if (reason := ENVIRONMENTS["ortools"].absent()) is not None:
        raise click.ClickException(f"CP-SAT: {reason}")
    place(instance_of(running_question(200, 24, 99)), seconds=60.0, iterations=1)  # loads the compiled loops
    sys.stdout.write("| VMs | hosts | seed | now | placewright | bound | s | CP-SAT | bound | s | better |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|---|---|---|---|\n")
    for vms, hosts in SIZES:
        for seed in range(first, first + seeds):
            question = running_question(vms, hosts, seed, distances=True)
            now = judge(question, question.current).cost
            mine, other = ours(question, seconds, seed), cpsat(question, seconds, seed)
            head = f"| {vms} | {hosts} | {seed} | {now:,}"
            sys.stdout.write(f"{head} | {_cells(mine)} | {_cells(other)} | {compared(mine, other)} |\n")
            sys.stdout.flush()


# -- large ---------------------------------------------------------------------------------------


@program.command()
@click.option("--vms", type=int, default=50_000, show_default=True)
@click.option("--hosts", type=int, default=5_000, show_default=True)
@click.option("--seconds", type=float, default=60.0, show_default=True)
def large(vms: int, hosts: int, seconds: float) -> None:
    """Rebalance one large cluster through the API and print what came of it, and the peak memory."""
    question = running_question(vms, hosts, 0)
    instance = instance_of(question)
    began = time.process_time()
    answer = rebalance(instance, seconds=seconds)
    result = answer.result
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines = {
        "status": result.status.value,
        "cost now": f"{judge(question, question.current).cost:,}",
        "cost": f"{int(result.objective or 0):,}",
        "moves": f"{len(answer.moves):,}",
        "seconds": f"{result.seconds:.1f}",
        "CPU seconds, reasons included": f"{time.process_time() - began:.1f}",
        "peak memory": f"{peak:,.0f} MB",
    }
    for name, value in lines.items():
        sys.stdout.write(f"{name}: {value}\n")


@program.command()
@click.option("--vms", "counts", type=int, multiple=True, help="By default 15,000, and ten per host (0).")
@click.option("--steps", type=int, default=3_000_000, show_default=True, help="Moves tried.")
def rates(counts: Sequence[int], steps: int) -> None:
    """Print how many moves local search tries per CPU second, at 500, 1,500 and 5,000 hosts.

    Measured between a search and one three times as long, which leaves out what every search begins with.
    """
    reassign(running_question(200, 24, 0), Deadline(), steps=1)  # loads the compiled loop
    sys.stdout.write("| VMs | hosts | moves tried per CPU second |\n|---|---|---|\n")
    for count in counts or (15_000, 0):
        for hosts in (500, 1_500, 5_000):
            question = running_question(count or 10 * hosts, hosts, 0)
            (tried, seconds), (more, longer) = (searched(question, number * steps) for number in (1, 3))
            rate = (more - tried) / max(longer - seconds, 1e-9)
            sys.stdout.write(f"| {question.vms:,} | {hosts:,} | {rate:,.0f} |\n")
            sys.stdout.flush()


def searched(question: Reassignment, steps: int) -> tuple[int, float]:
    """Return how many moves a search has tried, and the CPU seconds that it took."""
    began = time.process_time()
    answer = reassign(question, Deadline(), steps=steps)
    return answer.steps, time.process_time() - began


if __name__ == "__main__":
    program()
