"""The whole assignment model, level after level: proof for instances that a MILP solver can hold."""

from __future__ import annotations

import logging

from formulations.assignment import Assignment
from formulations.program import ContradictionError
from solver.backends.base import BackendInterrupted, Outcome, Solution
from solver.deadline import Deadline
from solver.engines.search import Search
from solver.errors import BackendError

log = logging.getLogger("placewright")


def solve_exactly(search: Search, deadline: Deadline, *, capped: bool = False) -> None:
    """Minimise the levels in order, each with all earlier ones held at their value.

    Improves the incumbent and the bounds of the search, or proves that there is no placement.

    Parameters
    ----------
    search : Search
    deadline : Deadline
    capped : bool
        Forbid what is worse than the incumbent: this helps backends that take no start.
    """
    try:
        model = Assignment(search.instance, candidates=search.candidates, stop=lambda: deadline.over)
    except TimeoutError:
        return
    except ContradictionError as error:
        log.info("the model contradicts itself: %s", error)
        search.infeasible = search.values is None
        return
    if not search.levels and search.values is None:
        _solve(search, model, None, deadline)
    for level in range(len(search.levels)):
        if deadline.over or search.infeasible:
            return
        if not search.met(level):
            if capped and search.values is not None:
                model.hold(level, float(search.values[level]))
            _solve(search, model, level, deadline)
        if search.values is None:
            return
        model.hold(level, float(search.values[level]))


def _solve(search: Search, model: Assignment, level: int | None, deadline: Deadline) -> None:
    """Minimise one level (none: only find a placement) and tell the search what came of it."""
    if level is not None:
        model.minimise(level)
    solution = _attempt(search, model, deadline)
    if solution is None and not deadline.over:
        solution = _attempt(search, model, deadline)  # a crash may have been bad luck: once more
    if solution is None:
        return
    search.failures = 0
    if solution.found:
        search.offer(model.decode(solution.values), _by(solution))
    _learn(search, solution, level)


def _attempt(search: Search, model: Assignment, deadline: Deadline) -> Solution | None:
    """Solve the model as it stands; None where the backend fails, which the search is told."""
    start = None if search.incumbent is None else model.start(search.incumbent)
    try:
        return search.backend.solve(model.problem, deadline=deadline, settings=search.settings, start=start)
    except BackendInterrupted as interruption:
        if interruption.solution.found:
            search.offer(model.decode(interruption.solution.values), _by(interruption.solution))
        raise
    except BackendError as error:
        search.failed(error)
        return None


def _by(solution: Solution) -> str:
    return f"assignment model, {solution.backend}"


def _learn(search: Search, solution: Solution, level: int | None) -> None:
    """Take over the bound, or the proof that there is no placement."""
    if solution.outcome is Outcome.INFEASIBLE:
        if search.values is None:
            search.infeasible = True
        else:
            search.warnings.append(f"{solution.backend} calls the model infeasible although a placement is known")
    elif level is not None and solution.bound is not None:
        search.prove_float(level, solution.bound, solution.backend)
