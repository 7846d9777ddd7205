"""The master program: how often each known filling is used, as a linear program that stays warm in HiGHS."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from formulations.cell_packing import CellPacking, LinearLevel
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.errors import BackendError

Floats = NDArray[np.float64]

LEFT_OUT = 100.0
"""Where every VM must be placed, leaving one out costs so many of the dearest host."""


class CellMaster:
    """Minimise a level over patterns that cover the demand, earlier levels held at a value.

    Parameters
    ----------
    packing : CellPacking

    Attributes
    ----------
    level : LinearLevel
        What is minimised.
    held : list of (LinearLevel, int)
        Earlier levels, and the most that each may be.
    """

    def __init__(self, packing: CellPacking) -> None:
        import highspy  # noqa: PLC0415 - imported when it is needed

        self.packing = packing
        self.level = packing.levels[0]
        self.held: list[tuple[LinearLevel, int]] = []
        self._solver = highspy.Highs()
        self._solver.silent()
        self._solver.setOptionValue("presolve", "off")
        self._infinity = highspy.kHighsInf
        self._good = highspy.HighsModelStatus.kOptimal
        self.cells: list[Integers] = []
        """Each pattern by cell: shape (cells, flavours)."""
        self._types: list[int] = []
        self._known: set[tuple[int, bytes]] = set()
        nothing = np.array([], dtype=np.int32), np.array([])
        for many in packing.demand.tolist():
            self._solver.addRow(float(many), self._infinity, 0, *nothing)
        for number in packing.number.tolist():
            self._solver.addRow(-self._infinity, float(number), 0, *nothing)
        for f, many in enumerate(packing.demand.tolist()):
            self._solver.addCol(0.0, 0.0, float(many), 1, np.array([f], dtype=np.int32), np.array([1.0]))
        self.minimise(self.level)

    @property
    def types(self) -> Integers:
        """The host type of each pattern: shape (patterns,)."""
        return np.array(self._types, dtype=np.int64)

    @property
    def patterns(self) -> Integers:
        """The patterns known, cells together: shape (patterns, flavours)."""
        flavours = len(self.packing.demand)
        return np.array([cells.sum(axis=0) for cells in self.cells], dtype=np.int64).reshape(-1, flavours)

    @property
    def refusals(self) -> Floats:
        """What it costs to leave out a VM of each flavour."""
        if self.packing.optional:
            return self.level.refusals.astype(np.float64)
        return np.full(len(self.packing.demand), LEFT_OUT * float(max(1, self.level.costs.max(initial=1))))

    def minimise(self, level: LinearLevel) -> None:
        """Make a level the objective."""
        self.level = level
        flavours = len(self.packing.demand)
        costs = np.concatenate([self.refusals, level.costs[self.types].astype(np.float64)])
        self._solver.changeColsCost(len(costs), np.arange(len(costs), dtype=np.int32), costs)
        self.duals: Floats = np.zeros(flavours)
        self.rents: Floats = np.zeros(len(self.packing.number))

    def hold(self, level: LinearLevel, most: int) -> None:
        """Require a level to be no worse than a value from now on."""
        coefficients = np.concatenate([level.refusals, level.costs[self.types]]).astype(np.float64)
        columns = np.flatnonzero(coefficients)
        self._solver.addRow(-self._infinity, float(most), len(columns), columns.astype(np.int32), coefficients[columns])
        self.held.append((level, most))

    def add(self, kind: int, cells: Integers) -> bool:
        """Add a pattern of a type; say whether it is new."""
        pattern = cells.sum(axis=0)
        key = (kind, pattern.tobytes())
        if key in self._known:
            return False
        self._known.add(key)
        self.cells.append(cells.copy())
        self._types.append(kind)
        flavours, types = len(self.packing.demand), len(self.packing.number)
        entries = {int(f): float(pattern[f]) for f in np.flatnonzero(pattern)}
        entries[flavours + kind] = 1.0
        entries |= {
            flavours + types + row: float(level.costs[kind])
            for row, (level, _) in enumerate(self.held)
            if level.costs[kind]
        }
        rows, values = np.array(list(entries), dtype=np.int32), np.array(list(entries.values()))
        self._solver.addCol(float(self.level.costs[kind]), 0.0, self._infinity, len(rows), rows, values)
        return True

    def solve(self, deadline: Deadline) -> bool:
        """Solve the program as it stands; False if the time was over first.

        Raises
        ------
        BackendError
            If HiGHS fails.
        """
        if deadline.over:
            return False
        if deadline.seconds < float("inf"):
            self._solver.setOptionValue("time_limit", float(self._solver.getRunTime() + deadline.left))
        self._solver.run()
        if self._solver.getModelStatus() != self._good:
            if deadline.left <= 0:
                return False
            raise BackendError(f"HiGHS could not solve a master program: {self._solver.getModelStatus()}")
        flavours, types = len(self.packing.demand), len(self.packing.number)
        solution = self._solver.getSolution()
        duals = np.asarray(solution.row_dual, dtype=np.float64)
        self.out: Floats = np.asarray(solution.col_value, dtype=np.float64)[:flavours]
        self.values: Floats = np.asarray(solution.col_value, dtype=np.float64)[flavours:]
        self.duals = np.maximum(duals[:flavours], 0.0)
        self.rents = np.maximum(-duals[flavours : flavours + types], 0.0)
        self.prices: Floats = np.maximum(-duals[flavours + types :], 0.0)
        """What a step more of each held level would save."""
        self.objective = float(self._solver.getInfo().objective_function_value)
        return True
