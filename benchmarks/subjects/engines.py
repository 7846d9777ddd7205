"""Placewright's engines one by one, on counted problems."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from benchmarks.protocol import Answer, PackingFile, StatusWord, fillings_of
from benchmarks.subjects.base import solves
from benchmarks.subjects.placewright import peak_memory
from formulations.errors import UnsupportedError
from solver.deadline import Deadline
from solver.engines.packing_search import PackingSearch


def answer_by(engine: Callable[[PackingSearch], object], path: Path, seconds: float, seed: int) -> Answer:
    """Let an engine work on a packing file and return what its search holds."""
    problem = PackingFile.read(path).problem
    began = time.perf_counter()
    search = PackingSearch(problem, Deadline(seconds), seed)
    message = ""
    try:
        engine(search)
    except UnsupportedError as error:  # what was found before stays
        message = str(error)
    return answer_of(search, time.perf_counter() - began, message)


def answer_of(search: PackingSearch, seconds: float, message: str = "") -> Answer:
    """Return a search as an answer; where a solver's floats say more than what is proved, that is claimed."""
    memory = peak_memory()
    claims = search.claimed > search.bound or (search.claimed_infeasible and not search.infeasible)
    return Answer(
        status=_status(search),
        value=search.cost,
        bound=max(search.bound, search.claimed),
        exact=not claims,
        proved_by=search.claimed_by if claims else search.proved_by,
        patterns=None if search.incumbent is None else fillings_of(search.incumbent),
        trace=[(step.seconds, float(step.value)) for step in search.found],
        seconds=seconds,
        memory=memory,
        versions={name: version(name) for name in ("placewright", "pulp", "highspy", "numpy", "numba")},
        message=message,
    )


def _status(search: PackingSearch) -> StatusWord:
    if search.incumbent is None:
        return "INFEASIBLE" if search.infeasible or search.claimed_infeasible else "UNKNOWN"
    return "OPTIMAL" if search.settled else "FEASIBLE"


@solves("columns", "column generation, dives and the integer program over patterns alone", asks="packing")
def solve_by_columns(problem: Path, seconds: float, seed: int) -> Answer:
    """Solve a packing file by column generation."""
    from solver.backends import backend_named  # noqa: PLC0415 - imported by the subjects that need it
    from solver.engines.columns.engine import ColumnEngine  # noqa: PLC0415 - imports the LP solver and numba

    def engine(search: PackingSearch) -> None:
        if not (search.problem.fits.any(axis=1) & search.problem.sizes.any(axis=1)).all():
            raise UnsupportedError("column generation asks that every flavour takes something and fits some bin")
        ColumnEngine(search, backend_named("cbc")).run()

    return answer_by(engine, problem, seconds, seed)


@solves("arc-flow", "arc-flow with graph compression, solved by CBC, alone", asks="packing")
def solve_by_arcflow(problem: Path, seconds: float, seed: int) -> Answer:
    """Solve a packing file by arc-flow."""
    from solver.backends import backend_named  # noqa: PLC0415 - imported by the subjects that need it
    from solver.engines.arcflow.engine import pack_by_arcflow  # noqa: PLC0415

    backend = backend_named("cbc")
    return answer_by(lambda search: pack_by_arcflow(search, backend), problem, seconds, seed)
