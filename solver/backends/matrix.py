"""A PuLP problem as sparse arrays: converted once, written, solved and checked from there."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pulp
from numpy.typing import NDArray
from scipy import sparse

from solver.deadline import Deadline

INTEGRALITY = 1e-5
"""How far from an integer an integer variable may be before it is rounded."""

FEASIBILITY = 1e-6
"""How much of a row's or a bound's scale it may be violated by."""

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Matrix:
    """Minimise ``cost @ x + constant`` with ``low <= rows @ x <= high``, ``lower <= x <= upper``.

    A maximisation is stored negated, so that bounds have one direction everywhere.

    Attributes
    ----------
    variables : tuple of pulp.LpVariable
        The n variables of the problem.
    names : tuple of str
        Theirs.
    sign : float
        1 for a minimisation, -1 for a maximisation.
    cost : array of shape (n,)
    constant : float
    rows : csr_array of shape (m, n)
    low, high : array of shape (m,)
    lower, upper : array of shape (n,)
        Those of integer variables are integral.
    integer : bool array of shape (n,)
    """

    variables: tuple[pulp.LpVariable, ...]
    names: tuple[str, ...]
    sign: float
    cost: Vector
    constant: float
    rows: sparse.csr_array
    low: Vector
    high: Vector
    lower: Vector
    upper: Vector
    integer: NDArray[np.bool_]

    @classmethod
    def of(cls, problem: pulp.LpProblem, deadline: Deadline) -> Matrix | None:
        """Convert a problem; None, and no variable has a value, if the deadline passes on the way.

        Raises
        ------
        ValueError
            If two variables have one name, or a figure of the model is not finite.
        """
        variables = problem.variables()
        for variable in variables:
            variable.varValue = None
        names = tuple(variable.name for variable in variables)
        if len(set(names)) < len(names):
            raise ValueError(f"the model {problem.name} has several variables of one name")
        columns = {id(variable): column for column, variable in enumerate(variables)}
        converted = _rows(problem, columns, deadline)
        if converted is None:
            return None
        rows, low, high = converted
        sign = -1.0 if problem.sense == pulp.LpMaximize else 1.0
        cost = np.zeros(len(names))
        constant = 0.0
        if problem.objective is not None:
            constant = sign * float(problem.objective.constant)
            for variable, coefficient in problem.objective.items():
                cost[columns[id(variable)]] = sign * coefficient
        integer = np.array([variable.cat == pulp.LpInteger for variable in variables], dtype=np.bool_)
        lower = np.array([-math.inf if v.lowBound is None else v.lowBound for v in variables], dtype=np.float64)
        upper = np.array([math.inf if v.upBound is None else v.upBound for v in variables], dtype=np.float64)
        lower[integer] = np.ceil(lower[integer] - FEASIBILITY)
        upper[integer] = np.floor(upper[integer] + FEASIBILITY)
        if not (math.isfinite(constant) and np.isfinite(cost).all()):
            raise ValueError(f"the objective of the model {problem.name} is not finite")
        return cls(tuple(variables), names, sign, cost, constant, rows, low, high, lower, upper, integer)

    @property
    def is_integer(self) -> bool:
        """Whether there is an integer variable."""
        return bool(self.integer.any())

    @property
    def falls(self) -> NDArray[np.bool_]:
        """Which variables' costs go down for ever along their bounds."""
        down = (self.cost > 0) & np.isneginf(self.lower)
        up = (self.cost < 0) & np.isposinf(self.upper)
        return np.asarray(down | up)

    @property
    def in_rows(self) -> NDArray[np.bool_]:
        """Which variables are in some row."""
        used = np.zeros(len(self.names), dtype=np.bool_)
        used[self.rows.indices] = True
        return used

    def without_objective(self) -> Matrix:
        """Return the same rows and bounds with nothing to minimise."""
        return dataclasses.replace(self, cost=np.zeros_like(self.cost), constant=0.0)

    def relaxed(self) -> Matrix:
        """Return the linear relaxation."""
        return dataclasses.replace(self, integer=np.zeros_like(self.integer))

    def with_integers_fixed(self, x: Vector) -> Matrix:
        """Return the linear program that is left when the integer variables are as in ``x``."""
        lower, upper = self.lower.copy(), self.upper.copy()
        lower[self.integer] = upper[self.integer] = x[self.integer]
        return dataclasses.replace(self.relaxed(), lower=lower, upper=upper)

    def value(self, x: Vector) -> float:
        """Return what is minimised, at ``x``."""
        return float(self.cost @ x) + self.constant

    def objective(self, value: float | None) -> float | None:
        """Return a value or bound of the minimisation in the direction of the problem."""
        return None if value is None else self.sign * value + 0.0

    def rounded(self, x: Vector) -> Vector | None:
        """Return ``x`` with integer variables rounded, or None if one is off by more than 1e-5."""
        nearest = np.where(self.integer, np.round(x), x)
        if not np.isfinite(x).all() or np.abs(nearest - x).max(initial=0.0) > INTEGRALITY:
            return None
        return nearest + 0.0

    def admits(self, x: Vector) -> bool:
        """Whether ``x`` keeps all rows and bounds, within 1e-6 of the scale of each.

        The scale of a row is the largest of its terms and sides, and at least 1.
        """
        slack = FEASIBILITY * np.maximum(1.0, np.abs(x))
        if (x < self.lower - slack).any() or (x > self.upper + slack).any():
            return False
        terms = self.rows.copy()
        terms.data = np.abs(terms.data * x[terms.indices])
        sides = np.maximum(_finite(self.low), _finite(self.high))
        largest = np.zeros(len(sides)) if not terms.nnz else terms.max(axis=1).toarray().ravel()
        slack = FEASIBILITY * np.maximum(1.0, np.maximum(sides, largest))
        activity = self.rows @ x
        return bool(((activity >= self.low - slack) & (activity <= self.high + slack)).all())

    def vector(self, values: Mapping[str, float]) -> Vector | None:
        """Return named values as a checked, integral vector; None unless all are there and fit."""
        if len(values) < len(self.names) or any(name not in values for name in self.names):
            return None
        x = self.rounded(np.array([values[name] for name in self.names], dtype=np.float64))
        return x if x is not None and self.admits(x) else None

    def assign(self, values: Mapping[str, float]) -> None:
        """Give the problem's variables their values, None to those without one."""
        for variable, name in zip(self.variables, self.names, strict=True):
            variable.varValue = values.get(name)

    def named(self, x: Vector) -> dict[str, float]:
        """Return a vector as values by name."""
        return dict(zip(self.names, x.tolist(), strict=True))


def _finite(sides: Vector) -> Vector:
    """Return absolute values, 0 for infinite ones."""
    return np.where(np.isfinite(sides), np.abs(sides), 0.0)


def _rows(
    problem: pulp.LpProblem, columns: Mapping[int, int], deadline: Deadline
) -> tuple[sparse.csr_array, Vector, Vector] | None:
    """Return the constraint matrix and its two sides, or None if the deadline passes on the way."""
    constraints = problem.constraints()
    starts, indices, data = [0], list[int](), list[float]()
    for row, constraint in enumerate(constraints):
        if row % 1000 == 0 and deadline.over:
            return None
        indices.extend(map(columns.__getitem__, map(id, constraint.keys())))
        data.extend(constraint.values())
        starts.append(len(indices))
    figures = np.array(data, dtype=np.float64)
    sides = np.array([-constraint.constant for constraint in constraints], dtype=np.float64)
    if not (np.isfinite(figures).all() and np.isfinite(sides).all()):
        raise ValueError(f"a constraint of the model {problem.name} is not finite")
    senses = np.array([constraint.sense for constraint in constraints], dtype=np.int8)
    shape = (len(constraints), len(columns))
    rows = sparse.csr_array((figures, np.array(indices, dtype=np.int32), np.array(starts, dtype=np.int32)), shape=shape)
    rows.eliminate_zeros()
    low = np.where(senses == pulp.LpConstraintLE, -math.inf, sides)
    high = np.where(senses == pulp.LpConstraintGE, math.inf, sides)
    return rows, low, high
