"""What Timefold compiles: classes and constraints, alone in a module because it compiles all that a module names."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

# Timefold reads annotations when classes are made, so their evaluation is not postponed in this module.
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
