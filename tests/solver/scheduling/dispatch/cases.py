"""Random hosts with VMs for dispatch tables, and a third reading of what a table must satisfy."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from formulations import VM, Cell, Full, Host, Instance, Placement, Resource
from formulations.scheduling.dispatch import DispatchQuestion, DispatchTable
from solver.verifying import least_allocation

Line = list[set[int]]
"""On which cores a vCPU runs, microsecond by microsecond."""


def one_host(
    vms: Sequence[VM], cores: int = 8, capacity: int | None = None, masks: Sequence[int] | None = None, **host: Any
) -> tuple[Instance, Placement]:
    """Return VMs on one host that gives each its reservation; a unit of cpu is a core unless said otherwise."""
    instance = Instance(
        resources=[Resource(name="cpu", unit="cores")],
        vms=list(vms),
        hosts=[Host(name="host", cores=cores, capacity={"cpu": capacity or cores}, **host)],
    )
    placement = Placement(np.zeros(instance.vm_count, dtype=np.int64))
    if masks is not None:
        placement = placement.with_cells(np.array(masks, dtype=np.int64))
    return instance, placement.with_allocation(least_allocation(instance, placement.host_of))


def random_host(
    rng: np.random.Generator, *, most_cores: int = 8, most_cells: int = 3, load: float | None = None
) -> tuple[Instance, Placement]:
    """Return a random host and VMs that fit it: cells, overcommitment, odd units, full and pinned isolation."""
    cells = int(rng.integers(1, most_cells + 1))
    per_cell = int(rng.integers(1, most_cores // cells + 1))
    unit = int(rng.choice([10, 100, 2400]))
    ratio = int(rng.choice([1, 1, 2, 3]))
    target = float(rng.uniform(0.3, 1.0)) if load is None else load
    vms: list[VM] = []
    masks: list[int] = []
    room = [Fraction(per_cell)] * cells
    spared = per_cell * (1 - Fraction(target))
    while len(vms) < 40 and (vm := _vm(rng, f"vm{len(vms)}", room, spared, unit * ratio)) is not None:
        vms.append(vm[0])
        masks.append(vm[1])
    split = cells > 1
    capacity = per_cell * cells * unit
    plain = not split and all(vm.isolation is None for vm in vms)
    reserve = {"cpu": _left(room, unit)} if plain and rng.random() < 0.5 else {}
    listed = [Cell(capacity={"cpu": per_cell * unit}, cores=per_cell) for _ in range(cells)] if split else []
    return one_host(
        vms or [VM(name="vm0", resources={"cpu": 0})],
        cores=per_cell * cells,
        capacity=capacity,
        masks=(masks or [1]) if split else None,
        overcommit={"cpu": ratio},
        reserve=reserve,
        cells=listed,
    )


def _left(room: Sequence[Fraction], unit: int) -> int:
    return max(0, int(sum(room, Fraction(0)) * unit) // 2)


def _vm(
    rng: np.random.Generator, name: str, room: list[Fraction], spared: Fraction, per_core: int
) -> tuple[VM, int] | None:
    """Return a VM that fits what is left of the cells, and its mask; take its part."""
    over = int(rng.integers(1, len(room) + 1)) if rng.random() < 0.2 else 1
    cells = sorted(range(len(room)), key=lambda cell: -room[cell])[:over]
    free = min(room[cell] for cell in cells) - spared
    if free < Fraction(1, 50):
        return None
    wanted = min(free, Fraction(int(rng.integers(5, 400)), 100))
    wanted = (free if free - wanted < Fraction(1, 20) else wanted) * over  # no sliver is left
    size = int(wanted * per_core)
    if not size:
        return None
    kind = rng.random()
    isolation = None
    if kind < 0.12:
        whole = min(int(min(room[cell] for cell in cells)), int(rng.integers(1, 3)))
        if whole:
            isolation, size = Full(pinned=bool(rng.random() < 0.5)), whole * over * per_core
    taken = Fraction(size, per_core * over)
    if isolation is not None:
        taken = Fraction(-(-taken.numerator // taken.denominator))
    for cell in cells:
        room[cell] -= taken
    vcpus = None if rng.random() < 0.4 else int(rng.integers(1, 9))
    vm = VM(name=name, resources={"cpu": size}, vcpus=vcpus, numa=over, isolation=isolation)
    return vm, sum(1 << cell for cell in cells)


def grid_faults(question: DispatchQuestion, table: DispatchTable, shares: dict[tuple[int, int], int]) -> list[str]:
    """Return what is wrong with a small table, read microsecond by microsecond.

    ``shares`` is what every vCPU is due. Nothing is said of figures that the table states.
    """
    faults: list[str] = []
    running: dict[tuple[int, int], Line] = {key: [set() for _ in range(table.frame)] for key in shares}
    for core in range(table.cores):
        for time in range(table.frame):
            here = [piece for piece in table.slices if piece.core == core and piece.start <= time < piece.end]
            faults += ["overlap"] * (len(here) > 1)
            for piece in here:
                running[piece.vm, piece.vcpu][time].add(core)
                faults += ["owner"] * (table.owners[core] not in (-1, piece.vm))
    cells = {(vcpu.vm, vcpu.vcpu): vcpu.cell for vcpu in table.vcpus}
    for key, line in running.items():
        faults += _line_faults(line, shares[key], int(question.bounds[key[0]]))
        faults += ["cell"] * any(table.cells[core] != cells[key] for cores in line for core in cores)
    faults += ["quantum"] * any(piece.end - piece.start < question.quantum for piece in table.slices)
    for vm in np.flatnonzero(question.together).tolist():
        own = [[bool(cores) for cores in line] for key, line in running.items() if key[0] == vm]
        faults += ["gang"] * any(line != own[0] for line in own)
    if not question.together.any() and not question.bounds.any():
        movers = [cells[key] for key, line in running.items() if len(set().union(*line)) > 1]
        faults += ["moving"] * any(movers.count(cell) >= table.cells.count(cell) for cell in set(movers))
    return faults


def _line_faults(line: Line, share: int, bound: int) -> list[str]:
    waits = "".join("x" if cores else "." for cores in line * 2).strip("x").split("x")
    longest = max(map(len, waits)) if any(line) else len(line) + 1
    faults = ["twice"] * any(len(cores) > 1 for cores in line)
    faults += ["share"] * (sum(bool(cores) for cores in line) != share)
    return faults + ["blackout"] * (0 < bound < longest)
