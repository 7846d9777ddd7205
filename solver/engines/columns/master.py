"""The master program: how often each known pattern is used, as a linear program that stays warm in HiGHS."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers
from formulations.vector_packing import VectorPacking
from solver.deadline import Deadline
from solver.errors import BackendError

Floats = NDArray[np.float64]

LEFT_OUT = 100.0
"""Leaving an item out costs so many of the dearest bin."""

DUAL, PRIMAL = 1, 4
"""HiGHS's numbers of its simplex methods."""


class Master:
    """Minimise the cost of patterns that cover the demand, with bins of each type in limited number.

    One covering row per flavour, one limiting row per type that can run out, and per flavour a
    column that leaves an item out at a price no bin has: it keeps the program feasible.

    Parameters
    ----------
    problem : VectorPacking
    """

    def __init__(self, problem: VectorPacking) -> None:
        import highspy  # noqa: PLC0415 - imported when it is needed

        self.problem = problem
        self._solver = highspy.Highs()
        self._solver.silent()
        self._solver.setOptionValue("presolve", "off")
        self._infinity = highspy.kHighsInf
        self._good = highspy.HighsModelStatus.kOptimal
        everything = range(problem.types)
        self.limited = [k for k in everything if problem.types > 1 or problem.limits[k] < problem.items]
        self._row_of_type = {k: problem.flavours + line for line, k in enumerate(self.limited)}
        self._patterns: Integers = np.zeros((256, problem.flavours), dtype=np.int64)
        self._types: Integers = np.zeros(256, dtype=np.int64)
        self.columns = 0
        self._known: set[tuple[int, bytes]] = set()
        self.demand = problem.demand.copy()
        self.available = problem.available.copy()
        self._strategy = PRIMAL
        self._build()

    def _build(self) -> None:
        problem, solver = self.problem, self._solver
        for many in self.demand.tolist():
            solver.addRow(float(many), self._infinity, 0, np.array([], dtype=np.int32), np.array([]))
        for k in self.limited:
            solver.addRow(-self._infinity, float(self.available[k]), 0, np.array([], dtype=np.int32), np.array([]))
        price = LEFT_OUT * float(max(1, problem.costs.max(initial=1)))
        for i in range(problem.flavours):
            solver.addCol(price, 0.0, self._infinity, 1, np.array([i], dtype=np.int32), np.array([1.0]))

    @property
    def patterns(self) -> Integers:
        """The patterns known: shape (columns, flavours)."""
        return self._patterns[: self.columns]

    @property
    def types(self) -> Integers:
        """The bin type of each pattern: shape (columns,)."""
        return self._types[: self.columns]

    def add(self, kind: int, pattern: Integers) -> bool:
        """Add a pattern of a type; say whether it is new."""
        key = (kind, pattern.tobytes())
        if key in self._known:
            return False
        self._known.add(key)
        if self.columns == len(self._types):
            self._patterns = np.concatenate([self._patterns, np.zeros_like(self._patterns)])
            self._types = np.concatenate([self._types, np.zeros_like(self._types)])
        self._patterns[self.columns], self._types[self.columns] = pattern, kind
        self.columns += 1
        rows = np.flatnonzero(pattern)
        values = pattern[rows].astype(np.float64)
        if kind in self._row_of_type:
            rows, values = np.append(rows, self._row_of_type[kind]), np.append(values, 1.0)
        cost = float(self.problem.costs[kind])
        self._solver.addCol(cost, 0.0, self._infinity, len(rows), rows.astype(np.int32), values)
        return True

    def restrict(self, demand: Integers, available: Integers) -> None:
        """Ask for other numbers of items, from other numbers of bins."""
        for i in np.flatnonzero(demand != self.demand).tolist():
            self._solver.changeRowBounds(i, float(demand[i]), self._infinity)
        for k in self.limited:
            if available[k] != self.available[k]:
                self._solver.changeRowBounds(self._row_of_type[k], -self._infinity, float(available[k]))
        self.demand, self.available = demand.copy(), available.copy()
        self._close_overfull()
        self._strategy = DUAL

    def _close_overfull(self) -> None:
        """Allow only patterns that the demand can fill."""
        fillable = np.all(self.patterns <= self.demand, axis=1)
        columns = np.arange(self.columns, dtype=np.int32) + self.problem.flavours
        upper = np.where(fillable, self._infinity, 0.0)
        self._solver.changeColsBounds(self.columns, columns, np.zeros(self.columns), upper)

    def solve(self, deadline: Deadline) -> bool:
        """Solve the program as it stands; False if the time was over first.

        Raises
        ------
        BackendError
            If HiGHS fails.
        """
        if deadline.left <= 0:
            return False
        if deadline.seconds < float("inf"):
            self._solver.setOptionValue("time_limit", float(self._solver.getRunTime() + deadline.left))
        # New columns leave the basis primal feasible, a new right side leaves it dual feasible.
        self._solver.setOptionValue("simplex_strategy", self._strategy)
        self._strategy = PRIMAL
        self._solver.run()
        status = self._solver.getModelStatus()
        if status != self._good:
            if deadline.left <= 0:
                return False
            raise BackendError(f"HiGHS could not solve a master program: {status}")
        solution = self._solver.getSolution()
        values = np.asarray(solution.col_value, dtype=np.float64)
        duals = np.asarray(solution.row_dual, dtype=np.float64)
        self.left_out: float = float(values[: self.problem.flavours].sum())
        self.values: Floats = values[self.problem.flavours :]
        self.duals: Floats = np.maximum(duals[: self.problem.flavours], 0.0)
        self.rents: Floats = np.zeros(self.problem.types)
        self.rents[self.limited] = np.maximum(-duals[self.problem.flavours :], 0.0)
        self.objective = float(self._solver.getInfo().objective_function_value)
        return True
