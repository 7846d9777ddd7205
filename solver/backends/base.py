"""What every MILP backend promises: one model in, one honest outcome out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import pulp

from solver.deadline import Deadline


class Outcome(StrEnum):
    """How a backend's run ended."""

    OPTIMAL = "OPTIMAL"
    """Proved within the asked gap; ``bound`` says how well."""
    FEASIBLE = "FEASIBLE"
    """Stopped with an integral solution."""
    INFEASIBLE = "INFEASIBLE"
    """Proved to have no solution."""
    UNBOUNDED = "UNBOUNDED"
    """Proved to have no best solution."""
    UNKNOWN = "UNKNOWN"
    """Stopped without a solution."""


@dataclass(frozen=True)
class Settings:
    """What a run may use.

    Parameters
    ----------
    gap : float
        Stop when ``|value - bound| <= gap * |value|``; 0 asks for a proof.
    seed : int
        Random seed, at least 0.
    threads : int
        Threads that the backend may use, at least 1.
    nodes : int, optional
        Stop after so many branch-and-bound nodes: unlike time, the same on every machine.
    """

    gap: float = 0.0
    seed: int = 0
    threads: int = 1
    nodes: int | None = None


@dataclass(frozen=True)
class Solution:
    """What a backend found.

    Attributes
    ----------
    outcome : Outcome
    values : dict of str to float
        The value of every variable by name; empty unless OPTIMAL or FEASIBLE.
    objective : float or None
        The objective of ``values`` as the backend sees it (recomputed by callers who report it).
    bound : float or None
        The best dual bound proved (below for minimisation, above for maximisation); None if none.
    seconds : float
        Wall time of the run, model writing included.
    backend : str
        Name and version, such as ``CBC 2.10.3``.
    """

    outcome: Outcome
    values: Mapping[str, float] = field(default_factory=dict)
    objective: float | None = None
    bound: float | None = None
    seconds: float = 0.0
    backend: str = ""

    @property
    def found(self) -> bool:
        """Whether there are values to decode."""
        return self.outcome in (Outcome.OPTIMAL, Outcome.FEASIBLE)


class BackendInterrupted(KeyboardInterrupt):
    """A Ctrl-C during a run, with what the solver had found by then.

    Parameters
    ----------
    solution : Solution
        As from a run that was stopped by its deadline: often FEASIBLE or UNKNOWN.
    """

    def __init__(self, solution: Solution) -> None:
        super().__init__()
        self.solution = solution


class Backend(Protocol):
    """A MILP solver behind one narrow door."""

    @property
    def name(self) -> str:
        """Name and version, such as ``CBC 2.10.3``; needs no run."""

    def solve(
        self,
        problem: pulp.LpProblem,
        *,
        deadline: Deadline,
        settings: Settings,
        start: Mapping[str, float] | None = None,
    ) -> Solution:
        """Solve a model made with PuLP.

        Parameters
        ----------
        problem : pulp.LpProblem
            Not changed, but for the values of its variables.
        deadline : Deadline
            Held within a second, whatever the solver does.
        settings : Settings
        start : mapping of str to float, optional
            Values by variable name to start from. The caller has checked them. Nothing worse than a
            complete start is returned.

        Raises
        ------
        BackendMissingError
            If the solver is not installed.
        BackendError
            If it failed for a reason outside the model.
        BackendInterrupted
            At a Ctrl-C, after the solver's process has ended; a `KeyboardInterrupt` that carries the
            incumbent. A second Ctrl-C, or one outside the solver's run, is a plain one.
        ValueError
            If two variables of the model have one name, or a figure of it is not finite.
        """
