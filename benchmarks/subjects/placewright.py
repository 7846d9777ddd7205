"""Placewright itself, through Python and through its command line."""

from __future__ import annotations

import re
import resource
import sys
import time
from pathlib import Path

import msgspec

from benchmarks.protocol import Answer, Moment
from benchmarks.subjects.base import Run, Subject, register, solves
from formulations.placement import Placement
from solver.inventories import read_instance
from solver.inventories.documents import IncumbentDocument, LevelDocument, StatusWord
from solver.result import Result

_FLOATING = re.compile(r"\b(CBC|HiGHS)\b")
"""Bounds proved by these rest on floats, all others are exact; who proved infeasibility is not said."""


class _Summary(msgspec.Struct):
    """A result file without the long parts."""

    status: StatusWord
    objective: float | None
    bound: float | None
    seconds: float
    levels: list[LevelDocument]
    trace: list[IncumbentDocument]
    warnings: list[str]
    versions: dict[str, str]


_KILOBYTES = 1024 if sys.platform != "darwin" else 1


def peak_memory() -> float:
    """Return the largest memory so far of this process, or of a child that has ended, in MB."""
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(peaks) * _KILOBYTES / 1024**2


@solves("placewright", "place(): the portfolio of all engines, on one thread", asks="instance")
def solve_by_portfolio(problem: Path, seconds: float, seed: int) -> Answer:
    """Solve an instance file the way that users do."""
    from solver.placing import place  # noqa: PLC0415 - what a subject imports is its own affair

    instance = read_instance(problem)
    began = time.perf_counter()
    result = place(instance, seconds=seconds, seed=seed, threads=1, reasons=False)
    return answer_of(result, time.perf_counter() - began)


@solves("best-fit", "best fit decreasing under all rules, the largest hosts first", asks="instance")
def solve_by_best_fit(problem: Path, seconds: float, seed: int) -> Answer:  # noqa: ARG001 - greed draws no numbers
    """Place one VM after another, as schedulers do."""
    from formulations.candidates import Candidates  # noqa: PLC0415
    from solver.allocating import allocate  # noqa: PLC0415
    from solver.backends import backend_named  # noqa: PLC0415
    from solver.deadline import Deadline  # noqa: PLC0415
    from solver.engines.greedy import Variant, place_greedily  # noqa: PLC0415
    from solver.placing import versions  # noqa: PLC0415
    from solver.verifying import RuleJudge  # noqa: PLC0415

    instance = read_instance(problem)
    clock = Deadline(seconds)
    judges = [RuleJudge(instance, rule) for rule in instance.rules]
    placement = place_greedily(instance, Variant("best", cheap=True), Candidates(instance), judges, clock)
    given = allocate(instance, placement, "satisfaction", backend_named("cbc"), clock)
    answer = Answer(status="UNKNOWN", seconds=clock.elapsed, memory=peak_memory(), versions=versions())
    if given is not None and (instance.allow_unplaced or placement.placed[instance.wanted].all()):
        answer.status = "FEASIBLE"
        _keep(answer, given, levels=len(instance.levels))
    return answer


def answer_of(result: Result, seconds: float) -> Answer:
    """Return a result as an answer; the judge will look at the placement."""
    memory = peak_memory()
    answer = Answer(
        status=result.status.value,
        exact=bool(result.levels) and not any(_FLOATING.search(level.proved_by) for level in result.levels),
        seconds=seconds,
        memory=memory,
        versions=dict(result.versions),
        message="; ".join(result.warnings),
    )
    if result.headline is not None and result.placement is not None:
        answer.value = float(result.headline.value)
        answer.bound = None if result.headline.bound is None else float(result.headline.bound)
        answer.proved_by = result.headline.proved_by
        answer.trace = _trace(result)
        _keep(answer, result.placement, levels=len(result.levels))
    return answer


def _trace(result: Result) -> list[Moment]:
    """Return how the headline's value developed."""
    number = next(n for n, level in enumerate(result.levels) if level is result.headline)
    return [(line.seconds, float(line.values[number])) for line in result.trace]


def _keep(answer: Answer, placement: Placement, *, levels: int) -> None:
    answer.hosts = placement.host_of.tolist()
    if placement.cells is not None:
        answer.cells = placement.cells.tolist()
    if levels > 1 and placement.allocation is not None:
        answer.allocation = placement.allocation.tolist()


def _read_result(path: Path) -> Answer:
    """Return a result file as an answer; the judge will read the names in it."""
    result = msgspec.json.decode(path.read_bytes(), type=_Summary)
    number = next((n for n, level in enumerate(result.levels) if level.value == result.objective), None)
    trace = [] if number is None else [(line.seconds, line.values[number]) for line in result.trace]
    return Answer(
        status=result.status,
        value=result.objective,
        bound=result.bound,
        exact=bool(result.levels) and not any(_FLOATING.search(level.proved_by) for level in result.levels),
        proved_by="" if number is None else result.levels[number].proved_by,
        output=str(path) if result.objective is not None else "",
        trace=trace,
        seconds=result.seconds,
        versions=result.versions,
        message="; ".join(result.warnings),
    )


def _command_line(run: Run) -> list[str]:
    return [
        *(sys.executable, "-m", "solver", "solve", str(run.problem)),
        *("--time", repr(run.seconds), "--seed", str(run.seed), "--output", str(run.answer)),
    ]


register(
    Subject(
        name="command-line",
        what="placewright solve FILE --output RESULT.json: reading, naming every VM and writing included",
        asks="instance",
        command=_command_line,
        read=_read_result,
    )
)
