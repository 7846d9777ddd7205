"""Timefold Solver: the constraints of its cloud balancing example, its local search as it is set by default.

Capacity is a hard score per resource, the cost of the hosts in use is the soft score. It begins with
first-fit decreasing, like every peer, and proves no bound. Its makers say that the Python edition is
slower than the Java one. Compiling the classes is not counted as solving.
"""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.peers.scripts.exchange import Attempt, Outcome, run
from benchmarks.peers.scripts.layout import Layout
from benchmarks.peers.scripts.timefold_model import VM, Host, Plan, constraints

engine: Any = importlib.import_module("timefold.solver")
config: Any = importlib.import_module("timefold.solver.config")


def prepared(attempt: Attempt) -> Any:
    """Return a solver that stops at the limit."""
    settings = config.SolverConfig(
        solution_class=Plan,
        entity_class_list=[VM],
        environment_mode=config.EnvironmentMode.NO_ASSERT,
        random_seed=attempt.seed,
        score_director_factory_config=config.ScoreDirectorFactoryConfig(
            constraint_provider_function=constraints(len(attempt.problem.resources))
        ),
        termination_config=config.TerminationConfig(
            spent_limit=config.Duration(milliseconds=round(1000 * attempt.seconds))
        ),
    )
    return engine.SolverFactory.create(settings).build_solver()


def plan_of(layout: Layout) -> Plan:
    """Return the problem with the first answer, where there is one."""
    problem = layout.problem
    hosts = [Host(j, problem.costs[kind], problem.capacities[kind]) for j, kind in enumerate(layout.kinds)]
    started: list[Host | None] = [hosts[j] for j in layout.started]
    started = started or [None] * len(layout.items)
    vms = [VM(i, problem.sizes[f], host) for i, (f, host) in enumerate(zip(layout.items, started, strict=True))]
    return Plan(hosts, vms)


def solve(attempt: Attempt) -> Outcome:
    """Compile, begin to count, and search until the limit."""
    attempt.used("timefold")
    solver = prepared(attempt)
    attempt.restart()
    layout = Layout.of(attempt)
    plan = plan_of(layout)
    attempt.check()

    def note(event: Any) -> None:
        if event.new_best_score.is_feasible:
            attempt.incumbent(float(-event.new_best_score.soft_score))

    solver.add_event_listener(note)
    solution = solver.solve(plan)
    if solution.score.hard_score < 0:
        return Outcome("UNKNOWN", message="no plan within capacity")
    hosts = layout.filled({vm.number: vm.host.number for vm in solution.vms})
    value = float(-solution.score.soft_score)
    attempt.incumbent(value)
    return Outcome("FEASIBLE", value, None, hosts)


if __name__ == "__main__":
    run(solve)
