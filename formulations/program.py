"""Linear expressions and the program that collects them, thin over PuLP and quick to build."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pulp

from formulations.errors import PlacewrightError

LONGEST_NAME = 100
"""No name in a model is longer: solvers' files have limits."""


class Expression:
    """A linear expression under construction: coefficients by variable, and a constant."""

    __slots__ = ("constant", "terms")

    def __init__(self, terms: dict[pulp.LpVariable, float] | None = None, constant: float = 0.0) -> None:
        self.terms: dict[pulp.LpVariable, float] = {} if terms is None else terms
        self.constant = constant

    @classmethod
    def total(cls, variables: Iterable[pulp.LpVariable]) -> Expression:
        """Return the sum of variables."""
        return cls(dict.fromkeys(variables, 1.0))

    def add(self, variable: pulp.LpVariable, coefficient: float = 1.0) -> Expression:
        """Add ``coefficient * variable``; return self."""
        self.terms[variable] = self.terms.get(variable, 0.0) + coefficient
        return self

    def plus(self, other: Expression, factor: float = 1.0) -> Expression:
        """Add ``factor * other``; return self."""
        for variable, coefficient in other.terms.items():
            self.add(variable, factor * coefficient)
        self.constant += factor * other.constant
        return self

    def times(self, factor: float) -> Expression:
        """Return a new expression, ``factor`` times this one."""
        return Expression({variable: factor * c for variable, c in self.terms.items()}, factor * self.constant)

    def pulp(self) -> pulp.LpAffineExpression:
        """Return the expression as PuLP's."""
        return pulp.LpAffineExpression(self.terms, self.constant)

    @property
    def fixed(self) -> bool:
        """Whether no variable is left in it."""
        return not self.terms


class ContradictionError(PlacewrightError):
    """A constraint without variables is false: the model has no solution; names the constraint."""


class Program:
    """A PuLP problem with unique, readable names and a tolerance for constant constraints."""

    def __init__(self, name: str) -> None:
        self.problem = pulp.LpProblem(_sanitised(name), pulp.LpMinimize)
        self._names: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """Return the name with only letters, digits and underscores, and a number if it is taken."""
        plain = _sanitised(name)
        taken = self._names.get(plain, 0)
        self._names[plain] = taken + 1
        if not taken:
            return plain
        mark = f"_again{taken}"  # at the end of a name that is cut, it must not be what is cut off
        return self.unique(plain[: LONGEST_NAME - len(mark)] + mark)

    def binary(self, name: str) -> pulp.LpVariable:
        """Return a new 0/1 variable."""
        return self.problem.add_variable(self.unique(name), 0, 1, pulp.LpBinary)

    def integer(self, name: str, low: float, high: float) -> pulp.LpVariable:
        """Return a new integer variable."""
        return self.problem.add_variable(self.unique(name), low, high, pulp.LpInteger)

    def continuous(self, name: str, high: float | None = None) -> pulp.LpVariable:
        """Return a new non-negative variable."""
        return self.problem.add_variable(self.unique(name), 0, high)

    def at_most(self, left: Expression, right: float, name: str) -> None:
        """Require ``left <= right``."""
        if not left.fixed:
            self.problem += (left.pulp() <= right, self.unique(name))
        elif left.constant > right + 1e-6 * max(1.0, abs(right)):
            raise ContradictionError(name)

    def at_least(self, left: Expression, right: float, name: str) -> None:
        """Require ``left >= right``."""
        self.at_most(left.times(-1.0), -right, name)

    def equal(self, left: Expression, right: float, name: str) -> None:
        """Require ``left == right``."""
        if not left.fixed:
            self.problem += (left.pulp() == right, self.unique(name))
        elif abs(left.constant - right) > 1e-6 * max(1.0, abs(right)):
            raise ContradictionError(name)


def _sanitised(name: str) -> str:
    return re.sub(r"\W", "_", name, flags=re.ASCII)[:LONGEST_NAME]
