"""Meta's Rebalancer: capacity constraints and its goal of few containers, by HiGHS or by local search.

First-fit decreasing is the assignment that it begins with (its optimal solver takes it as a hint, its
local search needs one). It finds equal VMs by itself. The goal measures use by a resource that every
VM takes, the scarcest one: its model is much tighter then than when it counts VMs.

Two things in version 1.0.4 that results show: at its time limit the optimal solver gives HiGHS's
incumbent away and returns the assignment that it began with; and the local search descends on a smooth
stand-in for the goal that does not see the containers' costs. Where that ends dearer than it began, the
first answer stays.
"""

from __future__ import annotations

import importlib
import math
from typing import Any

from benchmarks.peers.scripts.exchange import Attempt, Contents, Outcome, Problem, Unsupported, run
from benchmarks.peers.scripts.layout import Layout

engine: Any = importlib.import_module("rebalancer")

HIGHS = 2
"""The number of HiGHS among the solver packages: version 1.0.4 does not take its name."""

OPTIMAL = 1
"""The number of the end reason."""


def measure_of_use(problem: Problem) -> int:
    """Return the scarcest of the resources that every VM takes.

    Raises
    ------
    Unsupported
        If there is none: a host with VMs that take nothing of it would count as empty.
    """
    common = [r for r in problem.resources if all(sizes[r] for sizes in problem.sizes)]
    if not common:
        raise Unsupported("no resource is taken by every VM, which its count of containers in use needs")
    return problem.tightest if problem.tightest in common else common[0]


def stated(attempt: Attempt, layout: Layout) -> Any:
    """Return the problem as Rebalancer takes it, without a solver.

    Raises
    ------
    Unsupported
        If there is no assignment to begin with.
    """
    problem = layout.problem
    if not layout.started:
        raise Unsupported("first-fit decreasing found no assignment to begin with")
    hosts = [f"h{j}" for j in layout.hosts]
    vms = [f"v{i}" for i in range(len(layout.items))]
    placed: dict[str, list[str]] = {host: [] for host in hosts}
    for vm, j in zip(vms, layout.started, strict=True):
        placed[hosts[j]].append(vm)
    solver = engine.ProblemSolver("rebalancer", "placement")
    solver.set_log_level("ERR").disable_solution_summary()
    solver.set_object_name("vm").set_container_name("host").set_assignment(placed)
    for r in attempt.each(problem.resources):
        sizes = {vm: float(problem.sizes[f][r]) for vm, f in zip(vms, layout.items, strict=True)}
        rooms = {host: float(problem.capacities[kind][r]) for host, kind in zip(hosts, layout.kinds, strict=True)}
        solver.add_object_dimension(f"r{r}", sizes)
        solver.add_container_dimension(f"r{r}", rooms)
        limit = {"name": f"capacity{r}", "scope": "host", "dimension": f"r{r}"}
        solver.add_constraint({"capacitySpec": limit})
    costs = {host: float(problem.costs[kind]) for host, kind in zip(hosts, layout.kinds, strict=True)}
    goal = {"name": "hosts", "scope": "host", "dimension": f"r{measure_of_use(problem)}", "containerCosts": costs}
    solver.add_goal({"minimizeContainersSpec": goal})
    return solver


def optimal(attempt: Attempt) -> dict[str, Any]:
    """Return the settings of its optimal solver: HiGHS on one thread."""
    settings = {
        "solverPackage": HIGHS,
        "solveTime": max(1, math.floor(attempt.left)),
        "suppressLogs": True,
        "xpressArgs": {"threads": 1.0, "random_seed": float(attempt.seed)},
    }
    return {"optimalSolverSpec": settings}


def local(attempt: Attempt) -> dict[str, Any]:
    """Return the settings of its local search: single moves and swaps, as in its first example."""
    settings = {
        "solveTime": max(1, math.floor(attempt.left)),
        "randomSeed": attempt.seed,
        "moveTypeList": [{"singleMoveTypeSpec": {}}, {"swapMoveTypeSpec": {}}],
    }
    return {"localSearchSolverSpec": settings}


def bound_of(solution: dict[str, Any]) -> float | None:
    """Return the bound that its gaps imply: absolute gap / relative gap is HiGHS's incumbent."""
    profile = solution["problemProfile"].get("optimalSolverProfile") or {}
    gap = profile.get("gap")
    if not gap:
        return None
    absolute, relative = float(gap["absolute"]), float(gap["relative"])  # infinite ones come as text
    if absolute == 0:
        return float(solution["finalObjective"]["value"])
    return absolute / relative - absolute if math.isfinite(absolute) and 0 < relative < math.inf else None


def solve(attempt: Attempt) -> Outcome:
    """State the problem, solve it, and read the assignment."""
    attempt.used("rebalancer")
    layout = Layout.of(attempt)
    solver = stated(attempt, layout)
    attempt.check()
    solver.add_solver(optimal(attempt) if attempt.variant == "optimal" else local(attempt))
    solution = solver.solve()
    places = {int(vm[1:]): int(host[1:]) for vm, host in solution["assignment"].items()}
    answers = [layout.filled(places), layout.used(layout.start or [])]
    value, hosts = min(((cost_of(layout, hosts), hosts) for hosts in answers), key=lambda answer: answer[0])
    attempt.incumbent(value)
    reason = solution["solverSummaries"][0]["endReason"]
    bound = bound_of(solution) if attempt.variant == "optimal" else None
    proved = attempt.variant == "optimal" and reason == OPTIMAL and bound is not None and bound >= value - 1e-6
    message = "" if proved else f"its reason to end has the number {reason}"
    return Outcome("OPTIMAL" if proved else "FEASIBLE", value, bound, hosts, message)


def cost_of(layout: Layout, hosts: list[tuple[int, Contents]]) -> float:
    """Return what hosts in use cost."""
    return float(sum(layout.problem.costs[kind] for kind, _ in hosts))


if __name__ == "__main__":
    run(solve, "optimal", "local")
