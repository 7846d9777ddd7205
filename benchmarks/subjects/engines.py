"""Placewright's engines one by one, on counted problems."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from benchmarks.protocol import Answer, PackingFile, StatusWord, fillings_of
from benchmarks.subjects.base import solves
from benchmarks.subjects.placewright import peak_memory
from solver.deadline import Deadline
from solver.engines.packing_search import PackingSearch


def answer_by(engine: Callable[[PackingSearch], object], path: Path, seconds: float, seed: int) -> Answer:
    """Let an engine work on a packing file and return what its search holds."""
    problem = PackingFile.read(path).problem
    began = time.perf_counter()
    search = PackingSearch(problem, Deadline(seconds), seed)
    engine(search)
    return answer_of(search, time.perf_counter() - began)


def answer_of(search: PackingSearch, seconds: float) -> Answer:
    """Return a search as an answer: its bounds are exact, its packing will be judged."""
    memory = peak_memory()
    return Answer(
        status=_status(search),
        value=search.cost,
        bound=search.bound,
        exact=True,
        proved_by=search.proved_by,
        patterns=None if search.incumbent is None else fillings_of(search.incumbent),
        trace=[(step.seconds, float(step.value)) for step in search.found],
        seconds=seconds,
        memory=memory,
        versions={name: version(name) for name in ("placewright", "pulp", "highspy", "numpy", "numba")},
    )


def _status(search: PackingSearch) -> StatusWord:
    if search.infeasible:
        return "INFEASIBLE"
    if search.incumbent is None:
        return "UNKNOWN"
    return "OPTIMAL" if search.optimal else "FEASIBLE"


@solves("columns", "column generation and dives alone, without greedy starts", asks="packing")
def solve_by_columns(problem: Path, seconds: float, seed: int) -> Answer:
    """Solve a packing file by column generation."""
    from solver.engines.columns.engine import pack_by_columns  # noqa: PLC0415 - imports the LP solver and numba

    return answer_by(pack_by_columns, problem, seconds, seed)
