"""Meta's Rebalancer: capacity constraints and its goal of few containers, by HiGHS or by local search.

First-fit decreasing is the assignment that it begins with (its optimal solver takes it as a hint, its
local search needs one). It finds equal VMs by itself. The goal measures use by a resource that every
VM takes, the scarcest one: its model is much tighter then than when it counts VMs.
"""

from __future__ import annotations

import importlib
import json
import math
from typing import Any

from benchmarks.peers.scripts.exchange import Attempt, Outcome, Problem, Unsupported, run
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
    if gap["absolute"] == 0:
        return float(solution["finalObjective"]["value"])
    if not math.isfinite(gap["absolute"]) or not gap["relative"]:
        return None
    return float(gap["absolute"] / gap["relative"] - gap["absolute"])


def solve(attempt: Attempt) -> Outcome:
    """State the problem, solve it, and read the assignment."""
    attempt.used("rebalancer")
    layout = Layout.of(attempt)
    solver = stated(attempt, layout)
    attempt.check()
    solver.add_solver(optimal(attempt) if attempt.variant == "optimal" else local(attempt))
    solution = solver.solve()
    places = {int(vm[1:]): int(host[1:]) for vm, host in solution["assignment"].items()}
    hosts = layout.filled(places)
    value = float(sum(attempt.problem.costs[kind] for kind, _ in hosts))
    attempt.incumbent(value)
    bound = bound_of(solution) if attempt.variant == "optimal" else None
    reason = solution["solverSummaries"][0]["endReason"]
    proved = attempt.variant == "optimal" and reason == OPTIMAL and bound is not None and bound >= value - 1e-6
    message = "" if proved else f"ended with {json.dumps(reason)}"
    return Outcome("OPTIMAL" if proved else "FEASIBLE", value, bound, hosts, message)


if __name__ == "__main__":
    run(solve, "optimal", "local")
