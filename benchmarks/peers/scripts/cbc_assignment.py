"""The assignment model as one writes it with PuLP, solved by the CBC that PuLP brings.

Minimise ``sum_j c_j y_j`` with ``sum_j x_ij = 1`` and ``sum_i s_ir x_ij <= C_jr y_j``, x and y
binary. Hosts that are alike are ordered (``y_j >= y_j+1``), and first-fit decreasing is the MIP
start. The variant ``onedrs`` states the model of OpenNebula's scheduler under its packing policy
instead: rows ``x_ij <= y_j`` as well, VMs may stay pending at a price of 1.1 hosts each, hosts are
not ordered, and CBC gets no start.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pulp

from benchmarks.peers.scripts.cbc import CbcOutcome, run_cbc
from benchmarks.peers.scripts.exchange import Attempt, Outcome, Unsupported, run
from benchmarks.peers.scripts.layout import Layout

PENDING = 1.1
"""What a VM without a host costs in hosts: more than the one host that it can save."""


class Model:
    """Variables and rows over the hosts on offer."""

    def __init__(self, attempt: Attempt, layout: Layout) -> None:
        self.attempt, self.layout = attempt, layout
        self.problem = pulp.LpProblem("placement", pulp.LpMinimize)
        self.y = [self._binary(f"y_{j}") for j in layout.hosts]
        self.x = [
            {j: self._binary(f"x_{i}_{j}") for j in layout.hosts if layout.fits(i, j)}
            for i in attempt.each(range(len(layout.items)))
        ]
        self.pending: list[pulp.LpVariable] = []

    def _binary(self, name: str) -> pulp.LpVariable:
        return self.problem.add_variable(name, cat=pulp.LpBinary)

    def price_hosts(self) -> None:
        """Minimise what the hosts in use cost."""
        costs = self.layout.problem.costs
        self.problem += pulp.LpAffineExpression(
            (y, costs[kind]) for y, kind in zip(self.y, self.layout.kinds, strict=True)
        )

    def count_hosts_and_pending(self) -> None:
        """Minimise the hosts in use, and VMs left pending at a price."""
        self.pending = [self._binary(f"p_{i}") for i in range(len(self.x))]
        terms = [(y, 1.0) for y in self.y] + [(pending, PENDING) for pending in self.pending]
        self.problem += pulp.LpAffineExpression(terms)

    def place_each_once(self) -> None:
        """Every VM is on one host, or pending where that is allowed."""
        for i, row in self.attempt.each(enumerate(self.x)):
            terms = [*row.values(), *self.pending[i : i + 1]]
            self.problem += pulp.LpAffineExpression((x, 1) for x in terms) == 1, f"place_{i}"

    def respect_capacity(self) -> None:
        """Let a host hold what it has room for, and only when it is in use."""
        sizes = self.layout.problem.sizes
        for j, kind in self.attempt.each(enumerate(self.layout.kinds)):
            here = [(self.layout.items[i], row[j]) for i, row in enumerate(self.x) if j in row]
            for r in self.layout.problem.resources:
                terms = [(x, sizes[flavour][r]) for flavour, x in here]
                terms.append((self.y[j], -self.layout.problem.capacities[kind][r]))
                self.problem += pulp.LpAffineExpression(terms) <= 0, f"capacity_{j}_{r}"

    def use_only_open_hosts(self) -> None:
        """No VM is on a host that is not in use."""
        for i, row in self.attempt.each(enumerate(self.x)):
            for j, x in row.items():
                self.problem += pulp.LpAffineExpression([(x, 1), (self.y[j], -1)]) <= 0, f"open_{i}_{j}"

    def order_hosts(self) -> None:
        """Of hosts that are alike the first ones are used."""
        for j, k in self.layout.neighbours:
            self.problem += pulp.LpAffineExpression([(self.y[j], 1), (self.y[k], -1)]) >= 0, f"order_{j}"

    def start(self) -> dict[str, float]:
        """Return the first answer by name of variable."""
        used = dict.fromkeys(self.layout.started)
        return {f"y_{j}": 1.0 for j in used} | {f"x_{i}_{j}": 1.0 for i, j in enumerate(self.layout.started)}

    def solve(self, start: dict[str, float] | None) -> CbcOutcome:
        """Have CBC solve what has been stated."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.mps"
            self.problem.writeMPS(str(path))
            return run_cbc(self.attempt, pulp.PULP_CBC_CMD.pulp_cbc_path, path, start=start)


def plain(attempt: Attempt) -> Outcome:
    """Solve the plain model."""
    layout = Layout.of(attempt)
    model = Model(attempt, layout)
    model.price_hosts()
    model.place_each_once()
    model.respect_capacity()
    model.order_hosts()
    return _outcome(layout, model.solve(model.start()))


def onedrs(attempt: Attempt) -> Outcome:
    """Solve the model of OpenNebula's scheduler."""
    if set(attempt.problem.costs) != {1}:
        raise Unsupported("its objective counts hosts: hosts of unequal cost are not covered")
    layout = Layout.of(attempt)
    model = Model(attempt, layout)
    model.count_hosts_and_pending()
    model.place_each_once()
    model.respect_capacity()
    model.use_only_open_hosts()
    found = model.solve(None)
    pending = sum(round(value) for name, value in found.values.items() if name.startswith("p_"))
    if pending:
        attempt.trace.clear()
        return Outcome("UNKNOWN", bound=found.bound, message=f"{pending} VMs were left pending")
    attempt.trace = [(seconds, value) for seconds, value in attempt.trace if value.is_integer()]
    return _outcome(layout, found)


def _outcome(layout: Layout, found: CbcOutcome) -> Outcome:
    """Return what CBC found, hosts included."""
    if found.value is None:
        return Outcome(found.status, bound=found.bound, message="no solution within the limit")
    chosen = (name.split("_") for name, value in found.values.items() if name[0] == "x" and round(value))
    hosts = layout.filled({int(i): int(j) for _, i, j in chosen})
    return Outcome(found.status, found.value, found.bound, hosts)


def solve(attempt: Attempt) -> Outcome:
    """Solve the variant that was asked for."""
    attempt.used("pulp")
    return plain(attempt) if attempt.variant == "plain" else onedrs(attempt)


if __name__ == "__main__":
    run(solve, "plain", "onedrs")
