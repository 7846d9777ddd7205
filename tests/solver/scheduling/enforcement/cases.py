"""Placed and allocated instances for the tests of enforcement settings."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np

from formulations import VM, Bounds, Cell, Full, Host, Instance, Partial, Placement, Protected, Resource, Shared
from formulations.isolation import AnyIsolation
from solver.allocating import allocate
from solver.verifying import verify

UNITS = (("cores", "GB"), ("millicores", "MiB"), ("MHz", "GiB"), ("GHz", "MB"))
"""Units of cpu and memory, with the figures that one core and one GB are there."""

FACTORS: dict[str, Any] = {
    "cores": 1,
    "millicores": 1000,
    "MHz": 2400,
    "GHz": Decimal("2.4"),
    "GB": 1,
    "MiB": 1000,
    "GiB": 1,
    "MB": 1000,
}


def case(seed: int) -> tuple[Instance, Placement] | None:
    """Return a random instance with an accepted placement and its allocation; None where the draw has none."""
    rng = np.random.default_rng(seed)
    instance = random_instance(rng)
    host_of = rng.integers(0, instance.host_count, instance.vm_count)
    cells = np.zeros(instance.vm_count, dtype=np.int64)
    for vm in range(instance.vm_count):
        host = instance.hosts[int(instance.host_names.entry_of(host_of[vm : vm + 1])[0])]
        wide = instance.vms[int(instance.vm_entry[vm])].numa
        cells[vm] = sum(1 << int(cell) for cell in rng.permutation(len(host.cells))[:wide]) if host.cells else 0
    placement = allocate(instance, Placement(host_of, cells=cells))
    if placement is None or not verify(instance, placement).ok:
        return None
    return instance, placement


def cases(seeds: range) -> Iterator[tuple[int, Instance, Placement]]:
    """Yield the cases that the seeds have."""
    for seed in seeds:
        if (found := case(seed)) is not None:
            yield seed, *found


def random_instance(rng: np.random.Generator) -> Instance:
    """Draw a few VMs of every isolation level on a few hosts, with overhead, overcommit, vcpus, shares and cells."""
    cpu, memory = UNITS[int(rng.integers(len(UNITS)))]
    return Instance(
        resources=[Resource(name="cpu", unit=cpu), Resource(name="memory", unit=memory)],
        vms=[_vm(rng, number, cpu, memory) for number in range(int(rng.integers(1, 7)))],
        hosts=[_host(rng, number, cpu, memory) for number in range(int(rng.integers(1, 3)))],
    )


def _vm(rng: np.random.Generator, number: int, cpu: str, memory: str) -> VM:
    levels: list[AnyIsolation] = [Shared(), Full(), Full(pinned=True), Partial(alpha=0.5), Protected(gamma=1)]
    more: dict[str, Any] = {"overhead": {"memory": FACTORS[memory] / 4}} if rng.random() < 0.6 else {}
    return VM(
        name=f"vm{number}",
        resources={"cpu": _size(rng, FACTORS[cpu], 6), "memory": _size(rng, FACTORS[memory], 12)},
        vcpus=int(rng.integers(1, 9)) if rng.random() < 0.5 else None,
        isolation=levels[int(rng.integers(len(levels)))],
        numa=2 if rng.random() < 0.2 else 1,
        **more,
    )


def _size(rng: np.random.Generator, factor: Any, most: int) -> Any:
    low, expected, high = sorted(rng.integers(1, most + 1, 3).tolist())
    kind = rng.random()
    if kind < 0.2:
        return expected * factor
    return Bounds(
        reservation=low * factor if kind < 0.7 else 0,
        demand=expected * factor,
        limit=high * factor if kind < 0.85 else None,
        shares=float(rng.choice([0.25, 1, 1, 3, 700])),
    )


def _host(rng: np.random.Generator, number: int, cpu: str, memory: str) -> Host:
    cores = int(rng.choice([8, 16, 24]))
    ratio = float(rng.choice([1, 1, 1.5, 4]))
    figures = {"cpu": cores * FACTORS[cpu], "memory": 64 * FACTORS[memory]}
    half = {name: figure / 2 for name, figure in figures.items()}
    cells = [Cell(capacity=half, cores=cores // 2)] * 2 if rng.random() < 0.4 else []
    return Host(
        name=f"host{number}",
        capacity=figures,
        cores=cores,
        cells=cells,
        overcommit={"cpu": ratio, "memory": 1.25} if ratio > 1 else {},
        reserve={"cpu": FACTORS[cpu]} if not cells and rng.random() < 0.2 else {},
    )


def plain_host(**changes: Any) -> Host:
    """Return a host of 8 cores and 64 GB."""
    return Host(**{"name": "host", "capacity": {"cpu": 8, "memory": 64}, "cores": 8, **changes})


def single_host(vms: list[VM], **changes: Any) -> tuple[Instance, Placement]:
    """Return VMs on one host, allocated."""
    instance = Instance(
        resources=[Resource(name="cpu", unit="cores"), Resource(name="memory", unit="GiB")],
        vms=vms,
        hosts=[plain_host(**changes)],
    )
    placement = allocate(instance, Placement(np.zeros(instance.vm_count, dtype=np.int64)))
    assert placement is not None
    return instance, placement
