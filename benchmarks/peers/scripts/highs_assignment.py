"""The assignment model of ``cbc_assignment``, passed to HiGHS as a matrix.

The same rows: each VM once, capacity times ``y_j``, hosts that are alike ordered. First-fit decreasing
is given as a solution; HiGHS's own detection of symmetry is on, as it is by default.
"""

from __future__ import annotations

import highspy
import numpy as np

from benchmarks.peers.scripts.exchange import Attempt, Outcome, run
from benchmarks.peers.scripts.highs import prepared, solved
from benchmarks.peers.scripts.layout import Layout


class Matrix:
    """Rows of the model: variable ``i * hosts + j`` says that item i is on host j, then come the hosts."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.rows: list[tuple[float, float, list[int], list[float]]] = []
        self.hosts = len(layout.hosts)
        self.first_host = len(layout.items) * self.hosts

    @property
    def columns(self) -> int:
        """How many variables there are."""
        return self.first_host + self.hosts

    def state(self, attempt: Attempt) -> None:
        """State all rows."""
        layout, problem = self.layout, self.layout.problem
        for i in attempt.each(range(len(layout.items))):
            self.rows.append((1, 1, list(range(i * self.hosts, (i + 1) * self.hosts)), [1.0] * self.hosts))
        for j, kind in attempt.each(enumerate(layout.kinds)):
            for r in problem.resources:
                taking = [(i, problem.sizes[f][r]) for i, f in enumerate(layout.items) if problem.sizes[f][r]]
                columns = [i * self.hosts + j for i, _ in taking] + [self.first_host + j]
                values = [float(size) for _, size in taking] + [-float(problem.capacities[kind][r])]
                self.rows.append((-highspy.kHighsInf, 0, columns, values))
        for j, k in layout.neighbours:
            self.rows.append((0, highspy.kHighsInf, [self.first_host + j, self.first_host + k], [1.0, -1.0]))

    def program(self) -> highspy.HighsLp:
        """Return the model as HiGHS takes it."""
        layout, program = self.layout, highspy.HighsLp()
        costs = np.zeros(self.columns)
        costs[self.first_host :] = [layout.problem.costs[kind] for kind in layout.kinds]
        upper = np.ones(self.columns)
        for i in range(len(layout.items)):
            row = upper[i * self.hosts : (i + 1) * self.hosts]
            row[[not layout.fits(i, j) for j in layout.hosts]] = 0.0
        program.num_col_, program.num_row_ = self.columns, len(self.rows)
        program.col_cost_, program.col_lower_, program.col_upper_ = costs, np.zeros(self.columns), upper
        program.row_lower_ = np.array([row[0] for row in self.rows], dtype=float)
        program.row_upper_ = np.array([row[1] for row in self.rows], dtype=float)
        program.integrality_ = [highspy.HighsVarType.kInteger] * self.columns
        matrix = program.a_matrix_
        matrix.format_ = highspy.MatrixFormat.kRowwise
        matrix.start_ = np.cumsum([0] + [len(row[2]) for row in self.rows], dtype=np.int32)
        matrix.index_ = np.concatenate([np.array(row[2], dtype=np.int32) for row in self.rows])
        matrix.value_ = np.concatenate([np.array(row[3], dtype=float) for row in self.rows])
        return program

    def start(self) -> highspy.HighsSolution:
        """Return the first answer."""
        values = np.zeros(self.columns)
        for i, j in enumerate(self.layout.started):
            values[i * self.hosts + j] = values[self.first_host + j] = 1.0
        solution = highspy.HighsSolution()
        solution.col_value = values
        return solution


def solve(attempt: Attempt) -> Outcome:
    """State the model and solve it."""
    layout = Layout.of(attempt)
    matrix = Matrix(layout)
    matrix.state(attempt)
    highs = prepared(attempt)
    highs.passModel(matrix.program())
    if layout.started:
        highs.setSolution(matrix.start())
    status, value, bound, values = solved(attempt, highs)
    if value is None:
        return Outcome(status, bound=bound, message="no solution within the limit")
    chosen = np.flatnonzero(np.array(values[: matrix.first_host]) > 0.5)
    places = {int(n) // matrix.hosts: int(n) % matrix.hosts for n in chosen}
    return Outcome(status, value, bound, layout.filled(places))


if __name__ == "__main__":
    run(solve)
