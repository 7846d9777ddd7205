"""Tests of processors: pinned VMs have cores of their own, in their cells, and nobody else runs there."""

from __future__ import annotations

import numpy as np
import pytest

from formulations import VM, Bounds, Cell, Full, Host, Instance, Placement, Resource
from formulations.errors import InputError, UnsupportedError
from formulations.scheduling.enforcement import VmGrants
from solver.allocating import allocate
from solver.scheduling.enforcement import enforcement_settings
from tests.solver.scheduling.enforcement.cases import cases, single_host

PINNED = Full(pinned=True)


def members(instance: Instance, placement: Placement) -> dict[str, VmGrants]:
    """Return what every VM is granted."""
    return {vm.vm: vm for host in enforcement_settings(instance, placement, "cgroup").hosts for vm in host.members}


def test_pinned_vms_have_cores_of_their_own() -> None:
    """Isolation is more than a quota: nobody else may touch the cores, even when they are idle."""
    vms = [
        VM(name="own", resources={"cpu": 3, "memory": 4}, isolation=PINNED),
        VM(name="mine", resources={"cpu": 2, "memory": 4}, isolation=PINNED),
        VM(name="rest", resources={"cpu": 1, "memory": 4}),
    ]
    found = members(*single_host(vms))
    assert found["own"].cpus == (0, 1, 2)
    assert found["mine"].cpus == (3, 4)
    assert found["rest"].cpus == (5, 6, 7)


def test_without_pinned_vms_everyone_may_run_anywhere() -> None:
    """Needless cpusets only get in the way of the scheduler."""
    assert members(*single_host([VM(name="a", resources={"cpu": 1})]))["a"].cpus is None


def test_hardware_threads_go_with_their_core() -> None:
    """Two VMs on the two threads of one core are not isolated from each other."""
    vm = VM(name="own", resources={"cpu": 4}, isolation=PINNED)
    found = members(*single_host([vm], capacity={"cpu": 16}, cores=8))
    assert found["own"].cpus == (0, 1, 8, 9)


def test_a_pinned_vm_over_two_cells_has_cores_in_both() -> None:
    """Its memory is in both cells as well."""
    cells = [Cell(capacity={"cpu": 4, "memory": 32}, cores=4)] * 2
    instance = Instance(
        resources=[Resource(name="cpu", unit="cores"), Resource(name="memory", unit="GiB")],
        vms=[VM(name="wide", numa=2, resources={"cpu": 4, "memory": 8}, isolation=PINNED)],
        hosts=[Host(name="host", cells=cells, cores=8)],
    )
    placement = allocate(instance, Placement(np.zeros(1, dtype=np.int64), cells=np.array([3])))
    assert placement is not None
    found = members(instance, placement)["wide"]
    assert found.cpus == (0, 1, 4, 5)
    assert found.cells == (0, 1)


def celled(sizes: list[tuple[int, list[int]]], cells: list[int], stated: list[int] | None = None) -> Instance:
    """Return pinned VMs of these sizes over as many cells, and a host whose cells have these cores."""
    return Instance(
        resources=[Resource(name="cpu", unit="cores")],
        vms=[
            VM(name=f"vm{at}", numa=len(where), resources={"cpu": size}, isolation=PINNED)
            for at, (size, where) in enumerate(sizes)
        ],
        hosts=[
            Host(
                name="host",
                cores=sum(cells),
                cells=[Cell(capacity={"cpu": n}, cores=m) for n, m in zip(cells, stated or cells, strict=True)],
            )
        ],
    )


def test_odd_slices_over_several_cells_fit_in_whole_cores() -> None:
    """The model counts half a core in each of two cells; a cpuset cannot, and need not."""
    rng = np.random.default_rng(5)
    filled = 0
    for _ in range(30):
        cells = [int(n) for n in rng.integers(1, 6, 3)]
        sizes: list[tuple[int, list[int]]] = []
        left = [float(n) for n in cells]
        for _ in range(40):
            where = sorted(int(cell) for cell in rng.permutation(3)[: int(rng.integers(1, 4))])
            size = int(rng.integers(1, 4))
            if all(left[cell] >= size / len(where) - 1e-9 for cell in where):
                sizes.append((size, where))
                left = [n - size / len(where) * (cell in where) for cell, n in enumerate(left)]
        instance = celled(sizes, cells)
        masks = np.array([sum(1 << cell for cell in where) for _, where in sizes], dtype=np.int64)
        placement = allocate(instance, Placement(np.zeros(len(sizes), dtype=np.int64), cells=masks))
        assert placement is not None
        taken = [vm.cpus or () for vm in members(instance, placement).values()]
        assert [len(cpus) for cpus in taken] == [size for size, _ in sizes]
        assert len({cpu for cpus in taken for cpu in cpus}) == sum(map(len, taken))
        filled += sum(left) < 1
    assert filled > 3


def test_cells_that_state_too_few_cores_are_refused() -> None:
    """A capacity of four cores in a cell of two leaves two cores that do not exist."""
    instance = celled([(4, [0])], [4, 4], stated=[2, 6])
    placement = allocate(instance, Placement(np.zeros(1, dtype=np.int64), cells=np.array([1])))
    assert placement is not None
    with pytest.raises(
        UnsupportedError, match=r"pinned VMs on host \(vm0\) have more whole cores than its cells state"
    ):
        enforcement_settings(instance, placement, "cgroup")


def test_a_host_that_pinned_vms_fill_cannot_be_shared() -> None:
    """A VM that needs some cpu and gets none would never run."""
    vms = [
        VM(name="own", resources={"cpu": 8}, isolation=PINNED),
        VM(name="guest", resources={"cpu": Bounds(demand=1, limit=1)}),
    ]
    with pytest.raises(InputError, match="guest shares host, where pinned VMs have every core"):
        enforcement_settings(*single_host(vms), "cgroup")


def test_processors_of_random_hosts_are_apart_and_in_their_cells() -> None:
    """No two VMs may share a core that one of them owns."""
    count = 0
    for _, instance, placement in cases(range(200, 240)):
        try:
            hosts = enforcement_settings(instance, placement, "cgroup").hosts
        except (InputError, UnsupportedError):
            continue
        for host in hosts:
            owned = [set(vm.cpus or ()) for vm in host.members if vm.pinned]
            others = [set(vm.cpus) for vm in host.members if not vm.pinned and vm.cpus is not None]
            together = set().union(*owned)
            assert len(together) == sum(map(len, owned))
            assert not any(together & other for other in others)
            count += len(owned)
            assert all(vm.cells or not instance.hosts[0].cells for vm in host.members if len(instance.hosts) == 1)
    assert count > 10
