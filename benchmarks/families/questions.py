"""Both faces of an instance: counted as a vector packing, and named as VMs on hosts."""

from __future__ import annotations

import dataclasses

from formulations.counting import Counting
from formulations.errors import UnsupportedError
from formulations.instance import Instance
from formulations.machines import VM, Host
from formulations.objective import level
from formulations.program import ContradictionError
from formulations.resources import Resource
from formulations.vector_packing import VectorPacking

RESOURCES = (("cpu", "cores"), ("memory", "GB"), ("network", "100 Mbit/s"), ("disk", "GB"))
"""Names and units of the first resources; further ones are called ``resource-5`` and so on."""


def instance_of(problem: VectorPacking, name: str = "") -> Instance:
    """Return a vector packing as VMs ``flavour-N`` on hosts ``type-N`` of the least number or cost."""
    resources = [Resource(name=known, unit=unit) for known, unit in RESOURCES[: problem.resources]]
    resources += [Resource(name=f"resource-{r + 1}") for r in range(len(RESOURCES), problem.resources)]
    names = [resource.name for resource in resources]
    vms = [
        VM(name=f"flavour-{i}", count=count, resources=dict(zip(names, sizes, strict=True)))
        for i, (count, sizes) in enumerate(zip(problem.demand.tolist(), problem.sizes.tolist(), strict=True), 1)
    ]
    alike = bool((problem.costs == 1).all())
    return Instance(
        resources=resources,
        vms=vms,
        hosts=_hosts(problem, names, alike=alike),
        objective=[level("hosts" if alike else "cost")],
        name=name,
    )


def _hosts(problem: VectorPacking, names: list[str], *, alike: bool) -> list[Host]:
    rows = zip(problem.capacities.tolist(), problem.costs.tolist(), problem.limits.tolist(), strict=True)
    return [
        Host(
            name=f"type-{k}",
            capacity=dict(zip(names, capacity, strict=True)),
            count="unlimited" if limit >= problem.items else limit,
            cost=None if alike else cost,
        )
        for k, (capacity, cost, limit) in enumerate(rows, 1)
        if limit > 0
    ]


def packing_of(instance: Instance) -> VectorPacking | None:
    """Return an instance as a vector packing whose costs are in the objective's own unit.

    None where it is no vector packing, or more than one: where another level of the objective counts, VMs or
    demands may be left out, or a cost is no whole number of units.
    """
    if len(instance.levels) > 1:
        return None
    try:
        counting = Counting.of(instance)
    except (UnsupportedError, ContradictionError):
        return None
    unit = counting.value(1) - counting.value(0)
    if counting.served or instance.allow_unplaced or unit.denominator != 1 or counting.value(0) != 0:
        return None
    return dataclasses.replace(counting.problem, costs=counting.problem.costs * int(unit))
