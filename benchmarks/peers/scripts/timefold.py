"""Timefold Solver: the constraints of its cloud balancing example, its local search as it is set by default.

Capacity is a hard score per resource, the cost of the hosts in use is the soft score. It begins with
first-fit decreasing, like every peer, and proves no bound. Its makers say that the Python edition is
slower than the Java one. Compiling the classes is not counted as solving.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from benchmarks.peers.scripts.exchange import Attempt, Outcome, run
from benchmarks.peers.scripts.layout import Layout

# Timefold reads annotations when classes are made, so their evaluation is not postponed in this module.
engine: Any = importlib.import_module("timefold.solver")
config: Any = importlib.import_module("timefold.solver.config")
domain: Any = importlib.import_module("timefold.solver.domain")
scores: Any = importlib.import_module("timefold.solver.score")


@dataclass
class Host:
    """A host: what it costs and holds."""

    number: int
    cost: int
    rooms: list[int]


@domain.planning_entity
@dataclass
class VM:
    """A VM: what it takes, and its host, which is to be found."""

    number: Annotated[int, domain.PlanningId]
    sizes: list[int]
    host: Annotated[Host | None, domain.PlanningVariable] = field(default=None)


@domain.planning_solution
@dataclass
class Plan:
    """VMs on hosts, and how good that is."""

    hosts: Annotated[list[Host], domain.ProblemFactCollectionProperty, domain.ValueRangeProvider]
    vms: Annotated[list[VM], domain.PlanningEntityCollectionProperty]
    score: Annotated[scores.HardSoftScore, domain.PlanningScore] = field(default=None)


def capacity(factory: Any, resource: int) -> Any:
    """State that what the VMs of a host take of a resource is there."""
    loads = factory.for_each(VM).group_by(
        lambda vm: vm.host, scores.ConstraintCollectors.sum(lambda vm: vm.sizes[resource])
    )
    return (
        loads.filter(lambda host, load: load > host.rooms[resource])
        .penalize(scores.HardSoftScore.ONE_HARD, lambda host, load: load - host.rooms[resource])
        .as_constraint(f"capacity {resource}")
    )


def hosts_in_use(factory: Any) -> Any:
    """State that a host with a VM costs what it costs."""
    used = factory.for_each(Host).if_exists(VM, scores.Joiners.equal(lambda host: host, lambda vm: vm.host))
    return used.penalize(scores.HardSoftScore.ONE_SOFT, lambda host: host.cost).as_constraint("hosts in use")


def constraints(resources: int) -> Callable[[Any], list[Any]]:
    """Return what states all constraints."""

    @scores.constraint_provider
    def provide(factory):  # type: ignore[no-untyped-def]
        return [*[capacity(factory, r) for r in range(resources)], hosts_in_use(factory)]

    stated: Callable[[Any], list[Any]] = provide
    return stated


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
    return Outcome("FEASIBLE", float(-solution.score.soft_score), None, hosts)


if __name__ == "__main__":
    run(solve)
