"""Claims and containers: floors, limits, cells, cores and bursts of a host as exact rows."""

from __future__ import annotations

import numpy as np

from formulations import VM, Bounds, Cell, Full, Host, Instance, Partial, Placement, Protected, Resource
from formulations.allocation.container import Container
from formulations.bounds import Size
from solver.allocating.claims import Claims, rank_within
from solver.allocating.containers import containers_of

WIDE = Bounds(reservation=2, demand=4)


def container(vms: list[VM], host: Host, masks: list[int] | None = None) -> tuple[Instance, Container]:
    """Return the cpu container of one host that holds all VMs."""
    instance = Instance(resources=[Resource(name="cpu")], vms=vms, hosts=[host])
    cells = None if masks is None else np.array(masks)
    placement = Placement(np.zeros(instance.vm_count, dtype=np.int64), cells=cells)
    return instance, containers_of(Claims.of(instance, placement), placement, 0)[0]


def units(instance: Instance, amounts: tuple[int, ...]) -> list[float]:
    return [float(instance.tables.scales[0].value(a)) for a in amounts]


def test_every_level_has_its_floor() -> None:
    """Partial floors count the whole host and all its members; every other level keeps its reservation."""
    levels = [None, Partial(alpha=1), Partial(alpha=0.5), Full(), Protected(gamma=1)]
    vms = [VM(name=f"vm{n}", resources={"cpu": WIDE}, isolation=own) for n, own in enumerate(levels)]
    instance, own = container(vms, Host(name="host", capacity={"cpu": 50}))
    assert units(instance, own.lower) == [2, 10, 5, 2, 2]
    assert units(instance, own.upper) == [50] * 5, "a missing limit is the host's capacity"


def test_a_burst_budget_holds_full_slices_back() -> None:
    """What the largest bursts may need is not for slices that nobody may touch."""
    bursty: dict[str, Size] = {"cpu": Bounds(reservation=1, demand=1, limit=6)}
    vms = [
        VM(name="fixed", resources={"cpu": Bounds(reservation=1, limit=9)}, isolation=Full()),
        VM(name="bursty", count=2, resources=bursty, isolation=Protected(gamma=1)),
    ]
    instance, own = container(vms, Host(name="host", capacity={"cpu": 10}))
    burst = own.rows[1]
    assert burst.coefficients == (1, 0, 0)
    assert units(instance, (burst.capacity,)) == [10 - 2 - 5]


def test_wide_vms_weigh_part_of_themselves_in_each_cell() -> None:
    """A VM over two cells has half in each; rows are multiplied so that all stays integer."""
    vms = [VM(name="wide", numa=2, resources={"cpu": WIDE}), VM(name="slim", resources={"cpu": WIDE})]
    _, own = container(vms, Host(name="host", cells=[Cell(capacity={"cpu": 8}), Cell(capacity={"cpu": 6})]), [3, 2])
    by_name = {row.name: row for row in own.rows}
    assert list(by_name) == ["host", "cell_1", "cell_2"]
    assert sorted(by_name["cell_1"].coefficients) == [0, 1]
    assert sorted(by_name["cell_2"].coefficients) == [1, 2]
    assert by_name["cell_1"].capacity * 6 == by_name["cell_2"].capacity * 8


def test_pinned_bounds_are_whole_cores_inside_the_stated_ones() -> None:
    """Half a core at either end is no core."""
    vms = [VM(name="vm", resources={"cpu": Bounds(reservation=1.5, demand=2, limit=4.5)}, isolation=Full(pinned=True))]
    instance, own = container(vms, Host(name="host", capacity={"cpu": 12}, cores=12))
    assert units(instance, own.lower) == [2]
    assert units(instance, own.upper) == [4]
    assert units(instance, own.step) == [1]


def test_claims_are_grouped_by_host_and_cell() -> None:
    """Places must be consecutive, or sums over them would mix VMs of different cells."""
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=[VM(name="vm", count=5, resources={"cpu": 1})],
        hosts=[Host(name="flat", capacity={"cpu": 9}), Host(name="celled", cells=[Cell(capacity={"cpu": 4})] * 2)],
    )
    claims = Claims.of(instance, Placement(np.array([1, 0, 1, 1, -1]), cells=np.array([2, 0, 1, 2, 0])))
    assert claims.vm.tolist() == [1, 2, 0, 3]
    assert claims.places.place.tolist() == [0, 1, 2, 2]
    assert claims.places.host.tolist() == [0, 1, 1]
    assert claims.places.capacity[:, 0].tolist() == [9, 4, 4]


def test_ranks_start_again_in_every_group() -> None:
    """The n-th largest of each group is found by ranks; one off and a burst would be missed."""
    assert rank_within(np.array([3, 3, 5, 8, 8, 8])).tolist() == [0, 1, 0, 0, 1, 2]
    assert rank_within(np.zeros(0, dtype=np.int64)).tolist() == []
