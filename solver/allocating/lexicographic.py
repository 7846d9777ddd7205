"""Sequences of programs: objectives maximised one after the other, each kept for the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulp

from formulations.allocation.linear import Level
from solver.backends.base import Backend, Outcome, Settings, Solution
from solver.deadline import Deadline
from solver.errors import BackendError

SLACK = 1e-9
"""Granted to a level while the next is sought: less than a solver's own tolerance."""


@dataclass(frozen=True)
class Run:
    """A backend with the time and the settings that it may use for all programs of a question."""

    backend: Backend
    deadline: Deadline = field(default_factory=Deadline)
    settings: Settings = field(default_factory=Settings)

    @property
    def name(self) -> str:
        """The backend's name and version."""
        return self.backend.name

    def solve(self, problem: pulp.LpProblem) -> Solution:
        """Return the backend's solution.

        Raises
        ------
        BackendError
            If it stops without a proof.
        """
        solution = self.backend.solve(problem, deadline=self.deadline, settings=self.settings)
        if solution.outcome not in {Outcome.OPTIMAL, Outcome.INFEASIBLE}:
            raise BackendError(f"{self.name} ended {solution.outcome} on {problem.name}")
        return solution


def maximise_in_order(
    problem: pulp.LpProblem, levels: Sequence[Level], run: Run
) -> tuple[Solution, tuple[float, ...], float]:
    """Maximise expressions one after the other, each kept while the next is sought.

    Returns
    -------
    solution : Solution
        Of the last program, OPTIMAL; or of the first, INFEASIBLE.
    values : tuple of float
        The value of every level.
    seconds : float

    Raises
    ------
    BackendError
        If the backend stops without a proof.
    """
    values: list[float] = []
    seconds = 0.0
    for level in levels:
        problem.setObjective(level.expression)
        solution = run.solve(problem)
        seconds += solution.seconds
        if solution.outcome is Outcome.INFEASIBLE:
            if values:
                raise BackendError(f"{run.name} calls the level {level.name!r} infeasible after a solution")
            return solution, (), seconds
        value = _value(level.expression, solution.values)
        problem.addConstraint(level.expression >= value - SLACK * max(1.0, abs(value)), f"keep_{len(values)}")
        values.append(value)
    return solution, tuple(values), seconds


def _value(expression: pulp.LpAffineExpression, values: Mapping[str, float]) -> float:
    return float(sum(weight * values[variable.name] for variable, weight in expression.items()) + expression.constant)


def default_run() -> Run:
    """Return a run of CBC without a deadline."""
    from solver.backends.cbc import CbcBackend  # noqa: PLC0415 - keeps a solver out of exact work

    return Run(CbcBackend())
