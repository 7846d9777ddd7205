"""The linear relaxation of a host-mix program, solved by HiGHS from the basis of the last time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from formulations.tables import Integers
from solver.bounds.host_mix.rows import Floats, Rows

MOST_AT_ONCE = 20
"""That many broken rows join the program at a time, the worst first."""

PATIENCE = 40
"""A row that was not tight in so many solutions leaves the program, and returns when it is broken."""

MOST_HINTED_NODES = 3000
"""Nodes of HiGHS's own branch and bound in search of a mix."""


class Optimum(NamedTuple):
    """An optimal fractional mix: floats, to be taken as a hint.

    Attributes
    ----------
    value : float
    numbers : float64 array, shape (types,)
    prices : float64 array, shape (rows,)
        In cost per unit of each row; 0 for rows that the program does not hold.
    feasible : bool
        Otherwise HiGHS says that no mix passes: prices are then those of a contradiction.
    """

    value: float
    numbers: Floats
    prices: Floats
    feasible: bool = True


class LinearRelaxation:
    """Minimise ``c.n`` over fractional n in a box; only rows that matter are in HiGHS.

    Parameters
    ----------
    costs : int64 array, shape (types,)
    rows : Rows
        May grow between calls.
    """

    def __init__(self, costs: Integers, rows: Rows) -> None:
        import highspy  # noqa: PLC0415 - loaded when a program is solved: reading and judging need none

        self.rows = rows
        self.solves = 0
        self._held: list[int] = []
        self._idle: list[int] = []
        self._columns = np.arange(len(costs), dtype=np.int32)
        self._unit = max(1.0, float(costs.max(initial=1)))
        self._highs: Any = highspy.Highs()
        self._optimal = highspy.HighsModelStatus.kOptimal
        self._infeasible = highspy.HighsModelStatus.kInfeasible
        self._endless = highspy.kHighsInf
        self._highs.setOptionValue("output_flag", False)
        self._highs.setOptionValue("presolve", "off")
        self._highs.setOptionValue("solver", "simplex")
        self._highs.addVars(len(costs), np.zeros(len(costs)), np.ones(len(costs)))
        self._highs.changeColsCost(len(costs), self._columns, costs / self._unit)

    def hold(self, rows: Integers) -> None:
        """Put rows into the program."""
        for t in rows.tolist():
            row, right = self.rows.floats[t], float(self.rows.right[t])
            self._highs.addRow(right, self._endless, len(row), self._columns, row)
            self._held.append(t)
            self._idle.append(0)

    def solve(self, lower: Integers, upper: Integers) -> Optimum | None:
        """Return the cheapest fractional mix in a box; None where HiGHS fails."""
        self._highs.changeColsBounds(
            len(self._columns), self._columns, lower.astype(np.float64), upper.astype(np.float64)
        )
        while True:
            optimum = self._solve_held()
            if optimum is None or not optimum.feasible:
                return optimum
            broken = np.setdiff1d(self.rows.broken(optimum.numbers)[:MOST_AT_ONCE], self._held)
            if not len(broken):
                return optimum
            self.hold(broken)

    def _solve_held(self) -> Optimum | None:
        """Solve the program with the rows that it holds."""
        self.solves += 1
        self._highs.run()
        status = self._highs.getModelStatus()
        if status == self._infeasible:
            return self._contradiction()
        if status != self._optimal:
            return None
        solution = self._highs.getSolution()
        duals = np.array(solution.row_dual, dtype=np.float64)
        self._rest(duals)
        value = self._highs.getInfo().objective_function_value * self._unit
        return Optimum(value, np.array(solution.col_value, dtype=np.float64), self._prices(duals * self._unit))

    def _contradiction(self) -> Optimum | None:
        """Return the prices by which the rows contradict each other in the box, if HiGHS has them."""
        _, exists, ray = self._highs.getDualRay()
        if not exists:
            return None
        ray = np.array(ray, dtype=np.float64)
        prices = self._prices(ray / max(1e-30, float(np.abs(ray).max(initial=0.0))))
        return Optimum(np.inf, np.zeros(len(self._columns)), prices, feasible=False)

    def _prices(self, duals: Floats) -> Floats:
        prices: Floats = np.zeros(len(self.rows))
        np.maximum.at(prices, self._held, duals / self.rows.scale[self._held])
        return prices

    def _rest(self, duals: Floats) -> None:
        """Count how long each row was not tight."""
        self._idle = [0 if dual > 0 else idle + 1 for dual, idle in zip(duals.tolist(), self._idle, strict=True)]

    def drop_idle(self) -> None:
        """Take rows out that were not tight for long; the basis stays."""
        idle = [place for place, times in enumerate(self._idle) if times > PATIENCE]
        if len(idle) <= len(self._columns):
            return
        self._highs.deleteRows(len(idle), np.array(idle, dtype=np.int32))
        keep = sorted(set(range(len(self._held))) - set(idle))
        self._held = [self._held[place] for place in keep]
        self._idle = [self._idle[place] for place in keep]


def likely_mix(costs: Integers, rows: Rows, lower: Integers, upper: Integers, seconds: float) -> Floats | None:
    """Return a cheap whole mix in a box as HiGHS's own branch and bound claims it; None where it finds none.

    Only a hint: nothing that HiGHS says here enters a proof.
    """
    import highspy  # noqa: PLC0415 - loaded when a program is solved: reading and judging need none

    columns = np.arange(len(costs), dtype=np.int32)
    highs: Any = highspy.Highs()
    for name, value in (("output_flag", False), ("time_limit", seconds), ("mip_max_nodes", MOST_HINTED_NODES)):
        highs.setOptionValue(name, value)
    highs.addVars(len(costs), lower.astype(np.float64), upper.astype(np.float64))
    highs.changeColsCost(len(costs), columns, costs / max(1.0, float(costs.max(initial=1))))
    highs.changeColsIntegrality(len(costs), columns, np.full(len(costs), highspy.HighsVarType.kInteger))
    for t in range(rows.cuts):
        highs.addRow(float(rows.right[t]), highspy.kHighsInf, len(columns), columns, rows.floats[t])
    highs.run()
    numbers: Floats = np.array(highs.getSolution().col_value, dtype=np.float64)
    return numbers if numbers.shape == costs.shape and np.isfinite(numbers).all() else None
