"""The shortest schedule of few legs, proved by a MILP solver and worked out again in integers."""

from __future__ import annotations

import logging
from math import ceil
from typing import NamedTuple

import numpy as np

from formulations.program import ContradictionError
from formulations.scheduling.legs import Legs
from formulations.scheduling.makespan import ShortestMakespan
from formulations.tables import Integers
from solver.backends.base import Backend, BackendInterrupted, Outcome, Settings, Solution
from solver.deadline import Deadline
from solver.errors import BackendError
from solver.scheduling.migration.bounds import MakespanBound, Windows

log = logging.getLogger("placewright")

MOST_LEGS = 15
"""Legs up to which the program is tried."""

ACCURACY = 1e-6
"""By which part a solver's bound is lowered before it is rounded up."""


class Proof(NamedTuple):
    """What the program gave.

    Attributes
    ----------
    start : int64 array, shape (legs,), or None
        A shorter schedule than the one known.
    bound : MakespanBound or None
        What it proves; only of these legs, in the order that they come with.
    warning : str
        What went wrong, if anything.
    """

    start: Integers | None = None
    bound: MakespanBound | None = None
    warning: str = ""


def shortest(
    legs: Legs, windows: Windows, least: int, known: Integers, *, backend: Backend, deadline: Deadline, seed: int
) -> Proof:
    """Return a shorter schedule than the known one, or the proof that there is none, as far as time allows.

    Parameters
    ----------
    legs : Legs
        At most ``MOST_LEGS``.
    windows : Windows
    least : int
        A proved bound.
    known : int64 array, shape (legs,)
        A schedule.
    """
    try:
        model = ShortestMakespan(legs, windows.head, windows.tail, least, legs.makespan(known))
        solution = _solved(model, known, backend, deadline, seed)
    except ContradictionError as error:
        return Proof(warning=f"the program of the shortest makespan contradicts itself: {error}")
    except BackendError as error:
        log.warning("%s", error)
        return Proof(warning=str(error))
    if solution.outcome is Outcome.INFEASIBLE:
        return Proof(warning=f"{solution.backend} calls the program infeasible although a schedule is known")
    return Proof(_decoded(model, solution, legs, known), _bound(model, solution))


def _solved(model: ShortestMakespan, known: Integers, backend: Backend, deadline: Deadline, seed: int) -> Solution:
    try:
        return backend.solve(
            model.problem, deadline=deadline, settings=Settings(seed=seed), start=model.start_values(known)
        )
    except BackendInterrupted as interruption:
        return interruption.solution


def _decoded(model: ShortestMakespan, solution: Solution, legs: Legs, known: Integers) -> Integers | None:
    """Return the solution's schedule if it is shorter than the known one and keeps everything, in integers."""
    if not solution.found:
        return None
    try:
        start = model.decode(solution.values)
    except ValueError as error:
        log.warning("%s", error)
        return None
    if legs.makespan(start) >= legs.makespan(known):
        return None
    if broken := legs.broken(start):
        log.warning("the schedule of %s is rejected: %s", solution.backend, broken)
        return None
    return start


def _bound(model: ShortestMakespan, solution: Solution) -> MakespanBound | None:
    if solution.bound is None or not np.isfinite(solution.bound):
        return None
    lowered = ceil(solution.bound - ACCURACY * max(1.0, abs(solution.bound)))
    return MakespanBound(lowered * model.unit, solution.backend)
