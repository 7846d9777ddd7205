"""One round of one worker: a few coolings one after another, from where it is told to begin."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from formulations.reassignment import Reassignment
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.engines.reassignment.annealing import Annealing, Cooling, Style


@dataclass(frozen=True)
class Effort:
    """How long something takes: seconds, or moves where the same seed must do the same on every machine.

    Parameters
    ----------
    seconds : float
    steps : int, optional
        Instead of seconds.
    """

    seconds: float = math.inf
    steps: int | None = None

    def part(self, share: float) -> Effort:
        """Return a part of it."""
        return Effort(self.seconds * share, None if self.steps is None else round(self.steps * share))


@dataclass(frozen=True)
class Heat:
    """One cooling to the very end: from a temperature down to where nothing but an improvement is accepted.

    Parameters
    ----------
    hot : float
        The first temperature as a part of a large VM's size (its 95 % quantile).
    style : Style
    effort : Effort
    name : str
        Of the operator that asked for it.
    """

    hot: float
    style: Style
    effort: Effort
    name: str = ""


@dataclass(frozen=True, eq=False)
class Task:
    """What a worker is to do in a round.

    Parameters
    ----------
    number : int
        Of the worker.
    question : Reassignment
    start : int64 array, shape (VMs,)
    seed : int
    heats : tuple of Heat
        One after another.
    afresh : bool
        Whether every heat begins where the round began, not at the best of the one before it.
    seconds : float
        The round ends at the latest then.
    """

    number: int
    question: Reassignment
    start: Integers
    seed: int
    heats: tuple[Heat, ...]
    afresh: bool
    seconds: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a heat.

    Attributes
    ----------
    name, style
        Of the heat.
    hosts : int64 array, shape (VMs,)
        The best that it saw.
    cost : int
    before : int
        What its start cost.
    steps : int
    """

    name: str
    style: Style
    hosts: Integers
    cost: int
    before: int
    steps: int


COLD = 1 / 300
"""Large moves end at this part of the median VM's size; only small improvements follow."""

COLDEST = 0.3
"""The last temperature, in units of the cost."""

LAST = 0.15
"""Part of a heat that goes from the one to the other."""


def anneal_once(annealing: Annealing, heat: Heat, deadline: Deadline) -> None:
    """Cool down from a heat's temperature to the end."""
    hot = max(annealing.large * heat.hot, COLDEST)
    cold = max(annealing.typical * COLD, COLDEST)
    first, last = heat.effort.part(1 - LAST), heat.effort.part(LAST)
    if hot > cold:
        annealing.run(Cooling(hot, cold, first.seconds, first.steps, heat.style), deadline)
        annealing.run(Cooling(cold, COLDEST, last.seconds, last.steps, heat.style), deadline)
    else:
        annealing.run(Cooling(hot, COLDEST, heat.effort.seconds, heat.effort.steps, heat.style), deadline)


class Interrupted(KeyboardInterrupt):
    """A Ctrl-C during a round; what it found is not lost.

    Parameters
    ----------
    outcomes : list of Outcome
    """

    def __init__(self, outcomes: list[Outcome]) -> None:
        super().__init__()
        self.outcomes = outcomes


def _outcome(heat: Heat, annealing: Annealing, before: int, steps: int) -> Outcome:
    """Return what came of a heat that began at a cost and a number of steps."""
    return Outcome(heat.name, heat.style, annealing.best, annealing.cost, before, annealing.steps - steps)


def run_round(task: Task, deadline: Deadline | None = None) -> list[Outcome]:
    """Run a worker's round and return what came of its heats.

    Raises
    ------
    Interrupted
        After a Ctrl-C, with what was found until then.
    """
    deadline = Deadline(task.seconds, time.monotonic) if deadline is None else deadline
    annealing = Annealing(task.question, task.start, task.seed)
    found: list[Outcome] = []
    start = task.start
    for heat in task.heats:
        if deadline.over:
            break
        annealing.begin_again(start)
        before, steps = annealing.cost, annealing.steps
        try:
            anneal_once(annealing, heat, deadline)
        except KeyboardInterrupt as stop:
            raise Interrupted([*found, _outcome(heat, annealing, before, steps)]) from stop
        found.append(_outcome(heat, annealing, before, steps))
        start = task.start if task.afresh else annealing.best
    return found
