"""The assignment model of ``cbc_assignment``, passed to HiGHS as a matrix.

The same rows: each VM once, capacity times ``y_j``, hosts that are alike ordered. First-fit decreasing
is given as a solution; HiGHS's own detection of symmetry is on, as it is by default.
"""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.scripts.exchange import Attempt, Outcome, run
from benchmarks.peers.scripts.highs import prepared, solved
from benchmarks.peers.scripts.layout import Layout

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]


class Rows:
    """Rows of the model: variable ``i * hosts + j`` says that item i is on host j, then come the hosts."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.items, self.hosts = len(layout.items), len(layout.hosts)
        self.placing = self.items * self.hosts
        self.columns = self.placing + self.hosts
        self.lower: list[Floats] = []
        self.upper: list[Floats] = []
        self.entries: list[tuple[Indices, Floats]] = []

    def place_each_once(self) -> None:
        """Every VM is on one host."""
        columns = np.arange(self.placing, dtype=np.int32).reshape(self.items, self.hosts)
        self._add(columns, np.ones(columns.shape), lower=1, upper=1)

    def respect_capacity(self, resource: int) -> None:
        """Let a host hold what it has room for, and only when it is in use."""
        problem, hosts = self.layout.problem, np.arange(self.hosts, dtype=np.int32)[:, None]
        items = np.arange(0, self.placing, self.hosts, dtype=np.int32)[None, :] + hosts
        sizes = np.array([problem.sizes[flavour][resource] for flavour in self.layout.items], dtype=float)
        rooms = np.array([problem.capacities[kind][resource] for kind in self.layout.kinds], dtype=float)
        values = np.hstack([np.tile(sizes, (self.hosts, 1)), -rooms[:, None]])
        self._add(np.hstack([items, self.placing + hosts]), values, lower=-highspy.kHighsInf, upper=0)

    def order_hosts(self) -> None:
        """Of hosts that are alike let the first ones be used."""
        pairs = np.array(self.layout.neighbours, dtype=np.int32).reshape(-1, 2)
        values = np.tile([1.0, -1.0], (len(pairs), 1))
        self._add(self.placing + pairs, values, lower=0, upper=highspy.kHighsInf)

    def _add(self, columns: Indices, values: Floats, lower: float, upper: float) -> None:
        self.lower.append(np.full(len(columns), lower, dtype=float))
        self.upper.append(np.full(len(columns), upper, dtype=float))
        self.entries.append((columns, values))

    def pass_to(self, highs: Any) -> None:
        """Give the model to HiGHS, entries of zero left out."""
        held = [values != 0 for _, values in self.entries]
        starts = np.concatenate([[0], *(mask.sum(axis=1) for mask in held)]).cumsum()
        indices = np.concatenate([c[mask] for (c, _), mask in zip(self.entries, held, strict=True)])
        values = np.concatenate([v[mask] for (_, v), mask in zip(self.entries, held, strict=True)])
        row_lower, row_upper = np.concatenate(self.lower), np.concatenate(self.upper)
        kinds = np.ones(self.columns, dtype=np.int32)
        shape = (self.columns, len(row_lower), len(values))
        row_wise, minimise = int(highspy.MatrixFormat.kRowwise), int(highspy.ObjSense.kMinimize)
        columns = (self._costs(), np.zeros(self.columns), self._room_for())
        matrix = (starts[:-1].astype(np.int32), indices, values)
        highs.passModel(*shape, row_wise, minimise, 0.0, *columns, row_lower, row_upper, *matrix, kinds)

    def _costs(self) -> Floats:
        costs = np.zeros(self.columns)
        costs[self.placing :] = [self.layout.problem.costs[kind] for kind in self.layout.kinds]
        return costs

    def _room_for(self) -> Floats:
        """Return upper bounds: 0 where an item does not fit an empty host."""
        most: Floats = np.array(self.layout.problem.most, dtype=float)
        fits = most[self.layout.items][:, self.layout.kinds].ravel() > 0
        return np.concatenate([fits.astype(float), np.ones(self.hosts)])

    def start(self) -> Any:
        """Return the first answer as HiGHS takes it."""
        values = np.zeros(self.columns)
        for i, j in enumerate(self.layout.started):
            values[i * self.hosts + j] = values[self.placing + j] = 1.0
        solution = highspy.HighsSolution()
        solution.col_value = values
        return solution


def solve(attempt: Attempt) -> Outcome:
    """State the model and solve it."""
    layout = Layout.of(attempt)
    rows, highs = Rows(layout), prepared(attempt)
    rows.place_each_once()
    for resource in attempt.each(layout.problem.resources):
        rows.respect_capacity(resource)
    rows.order_hosts()
    attempt.check()
    rows.pass_to(highs)
    if layout.started:
        highs.setSolution(rows.start())
    status, value, bound, values = solved(attempt, highs)
    if value is None:
        return Outcome(status, bound=bound, message="no solution within the limit")
    chosen = np.flatnonzero(np.array(values[: rows.placing]) > 0.5)
    places = {int(n) // rows.hosts: int(n) % rows.hosts for n in chosen}
    return Outcome(status, value, bound, layout.filled(places))


if __name__ == "__main__":
    run(solve)
