"""OR-Tools CP-SAT on one worker: item by item (``plain``), or counted (``counted``).

Plain: booleans ``x_ij`` exactly one per item, ``sum_i s_ir x_ij <= C_jr y_j`` as in the bin packing
example of OR-Tools. Counted: an integer per flavour and host, and a row per resource that says how much
the hosts in use must hold together, which CP-SAT does not find by itself. In both, hosts that are alike
are ordered by ``y`` (ordering them by load, or not at all, proved less on the instances tried), and
first-fit decreasing is the hint. CP-SAT is made for eight workers and more; here every peer has one core.
"""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.peers.scripts.exchange import Attempt, Contents, Outcome, Status, run
from benchmarks.peers.scripts.layout import Layout

cp_model: Any = importlib.import_module("ortools.sat.python.cp_model")

STATUS: dict[int, Status] = {
    cp_model.OPTIMAL: "OPTIMAL",
    cp_model.FEASIBLE: "FEASIBLE",
    cp_model.INFEASIBLE: "INFEASIBLE",
}


class Listener(cp_model.CpSolverSolutionCallback):  # type: ignore[misc] # its base is found at run time
    """Notes every incumbent."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__()
        self.attempt = attempt

    def on_solution_callback(self) -> None:
        """Note the value of a new solution."""
        self.attempt.incumbent(self.objective_value)


class Model:
    """What both variants share: hosts in use, their costs, and the search."""

    def __init__(self, attempt: Attempt, layout: Layout) -> None:
        self.attempt, self.layout = attempt, layout
        self.model = cp_model.CpModel()
        self.y = [self.model.new_bool_var(f"y_{j}") for j in layout.hosts]
        costs = [layout.problem.costs[kind] for kind in layout.kinds]
        self.model.minimize(cp_model.LinearExpr.weighted_sum(self.y, costs))
        for j, held in enumerate(layout.start or []):
            self.model.add_hint(self.y[j], bool(held))

    def respect_capacity(self, host: int, variables: list[Any], flavours: list[int]) -> None:
        """Let a host hold what it has room for, and only when it is in use."""
        problem = self.layout.problem
        for r, room in enumerate(problem.capacities[self.layout.kinds[host]]):
            sizes = [problem.sizes[flavour][r] for flavour in flavours]
            self.model.add(cp_model.LinearExpr.weighted_sum(variables, sizes) <= room * self.y[host])

    def order_hosts(self) -> None:
        """Of hosts that are alike let the first ones be used."""
        for j, k in self.layout.neighbours:
            self.model.add_implication(self.y[k], self.y[j])

    def hold_everything(self) -> None:
        """Let the hosts in use hold the total of every resource: implied, but not found by CP-SAT."""
        problem = self.layout.problem
        for r in problem.resources:
            rooms = [problem.capacities[kind][r] for kind in self.layout.kinds]
            total = sum(sizes[r] * count for sizes, count in zip(problem.sizes, problem.demand, strict=True))
            self.model.add(cp_model.LinearExpr.weighted_sum(self.y, rooms) >= total)

    def search(self) -> Any:
        """Search in what is left of the time and return the solver."""
        self.attempt.check()
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = self.attempt.seed
        solver.parameters.max_time_in_seconds = self.attempt.left
        self.status = STATUS.get(solver.solve(self.model, Listener(self.attempt)), "UNKNOWN")
        return solver

    def outcome(self, solver: Any, hosts: list[tuple[int, Contents]] | None) -> Outcome:
        """Return what the search ended with."""
        bound = solver.best_objective_bound
        if hosts is None:
            return Outcome(self.status, bound=bound, message="no solution within the limit")
        return Outcome(self.status, solver.objective_value, bound, hosts)

    @property
    def found(self) -> bool:
        """Whether there is a solution."""
        return self.status in {"OPTIMAL", "FEASIBLE"}


def plain(attempt: Attempt) -> Outcome:
    """Solve with a boolean per item and host."""
    layout = Layout.of(attempt)
    model = Model(attempt, layout)
    x: list[dict[int, Any]] = []
    for i in attempt.each(range(len(layout.items))):
        x.append({j: model.model.new_bool_var("") for j in layout.hosts if layout.fits(i, j)})
        model.model.add_exactly_one(x[i].values())
        for j in x[i] if layout.started else ():
            model.model.add_hint(x[i][j], layout.started[i] == j)
    for j in attempt.each(layout.hosts):
        here = [i for i, row in enumerate(x) if j in row]
        model.respect_capacity(j, [x[i][j] for i in here], [layout.items[i] for i in here])
    model.order_hosts()
    solver = model.search()
    if not model.found:
        return model.outcome(solver, None)
    places = {i: j for i, row in enumerate(x) for j, variable in row.items() if solver.boolean_value(variable)}
    return model.outcome(solver, layout.filled(places))


def counted(attempt: Attempt) -> Outcome:
    """Solve with an integer per flavour and host."""
    layout = Layout.of(attempt, counted=True)
    problem, model = layout.problem, Model(attempt, layout)
    counts: list[list[Any]] = []
    for flavour in attempt.each(problem.flavours):
        most = problem.most[flavour]
        counts.append([model.model.new_int_var(0, most[kind], "") for kind in layout.kinds])
        model.model.add(cp_model.LinearExpr.sum(counts[flavour]) == problem.demand[flavour])
        for j, held in enumerate(layout.start or []):
            model.model.add_hint(counts[flavour][j], held.get(flavour, 0))
    for j in attempt.each(layout.hosts):
        model.respect_capacity(j, [row[j] for row in counts], list(problem.flavours))
    model.order_hosts()
    model.hold_everything()
    solver = model.search()
    if not model.found:
        return model.outcome(solver, None)
    contents = [{f: solver.value(row[j]) for f, row in enumerate(counts)} for j in layout.hosts]
    return model.outcome(solver, layout.used(contents))


def solve(attempt: Attempt) -> Outcome:
    """Solve the variant that was asked for."""
    attempt.used("ortools")
    return plain(attempt) if attempt.variant == "plain" else counted(attempt)


if __name__ == "__main__":
    run(solve, "plain", "counted")
