"""What a host holds at each isolation level, by hand-made figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from formulations import VM, Bounds, Cell, Full, Host, Instance, Partial, Placement, Protected, Resource, Shared
from formulations.isolation import AnyIsolation
from solver.verifying import Fault, least_allocation, verify


def one_host(vms: list[VM], **host: Any) -> Instance:
    """Return the VMs on one host of 12 cores in units of a thousandth (or of the host given)."""
    fields: dict[str, Any] = {"name": "h", "capacity": {"cpu": 12}, "cores": 6, **host}
    return Instance(resources=[Resource(name="cpu", unit="cores")], vms=vms, hosts=[Host(**fields)])


def elastic(name: str, low: float, high: float | None, own: AnyIsolation | None = None, **more: Any) -> VM:
    """Return a VM between two bounds, demand in the upper one."""
    bounds = Bounds(reservation=low, demand=low if high is None else high, limit=high)
    return VM(name=name, resources={"cpu": bounds}, isolation=own or Shared(), **more)


def judged(instance: Instance, given: list[float], cells: list[int] | None = None) -> list[str]:
    """Return what is wrong when the VMs get these figures on the first host."""
    quantum = instance.tables.scales[0].quantum
    allocation = np.array([[int(figure / float(quantum) + 0.5)] for figure in given])
    masks = None if cells is None else np.array(cells)
    placement = Placement(np.zeros(len(given), dtype=np.int64), allocation, masks)
    return [str(violation) for violation in verify(instance, placement).violations]


def fits(instance: Instance, cells: list[int] | None = None) -> list[str]:
    """Return what is wrong with all VMs on the first host, whatever they get."""
    host_of = np.zeros(instance.vm_count, dtype=np.int64)
    masks = None if cells is None else np.array(cells)
    return [str(violation) for violation in verify(instance, Placement(host_of, cells=masks)).violations]


def test_partial_floor_is_the_equal_part() -> None:
    """Alpha = 1/2 of 12 cores for three VMs guarantees 2 each, within every VM's own bounds."""
    vms = [elastic("low", 0, 1, Partial(alpha=0.5)), elastic("mid", 0, 9, Partial(alpha=0.5)), elastic("high", 3, 9)]
    instance = one_host(vms)
    assert judged(instance, [1, 2, 9]) == []
    assert judged(instance, [1, 1.999, 9]) == ["cpu of mid: 1.999 cores allocated, floor 2 cores"]
    assert judged(instance, [0.5, 2, 9]) == ["cpu of low: 0.5 cores allocated, floor 1 cores"]
    assert least_allocation(instance, np.zeros(3, dtype=np.int64)).ravel().tolist() == [1000, 2000, 3000]


def test_partial_floors_may_not_fit() -> None:
    """Alpha = 1 beside a large reservation: the floors exceed the host, whatever is allocated."""
    vms = [elastic("a", 0, 12, Partial(alpha=1)), elastic("b", 7, 12)]
    assert fits(one_host(vms)) == ["cpu of h: 13 cores needed of 12 cores"]


def test_partial_floor_is_rounded_down() -> None:
    """A third of 1 core in thousandths is 0.333: never more than the host has."""
    vms = [VM(name="a", count=3, resources={"cpu": Bounds(demand=1)}, isolation=Partial(alpha=1))]
    instance = one_host(vms, capacity={"cpu": 1})
    assert fits(instance) == []
    assert judged(instance, [0.333, 0.333, 0.334]) == []
    assert judged(instance, [0.332, 0.333, 0.334]) == ["cpu of a-1: 0.332 cores allocated, floor 0.333 cores"]


@pytest.mark.parametrize(
    ("gamma", "room", "ok"), [(0, 3, True), (1, 7, True), (1, 6, False), (2, 9, True), (2, 8, False)]
)
def test_protected_bursts(gamma: int, room: int, ok: bool) -> None:
    """Reservations 1 + 1 + 1 and bursts of 4, 2 and 1: the gamma largest must fit on top."""
    own = Protected(gamma=gamma)
    vms = [elastic("a", 1, 5, own), elastic("b", 1, 3, own), elastic("c", 1, 2, own)]
    expected = [] if ok else [f"cpu of h: {room + 1} cores needed when {gamma} burst at once, of {room} cores"]
    assert fits(one_host(vms, capacity={"cpu": room})) == expected


def test_bursts_come_on_top_of_full_slices() -> None:
    """A full slice counts in full while others burst; a shared VM counts with its floor only."""
    vms = [elastic("a", 1, 5, Protected(gamma=1)), elastic("b", 1, 9, Full()), elastic("c", 1, 9)]
    instance = one_host(vms)
    assert judged(instance, [1, 6, 5]) == []
    assert judged(instance, [1, 7, 4]) == ["cpu of h: 13 cores needed when 1 burst at once, of 12 cores"]
    assert judged(instance, [5, 5, 2]) == []


def test_missing_limit_is_the_host() -> None:
    """A protected VM without a limit may burst to the whole host, alone."""
    alone = [elastic("a", 2, None, Protected(gamma=1))]
    assert fits(one_host(alone)) == []
    assert fits(one_host([*alone, elastic("b", 1, 1)])) == [
        "cpu of h: 13 cores needed when 1 burst at once, of 12 cores"
    ]
    assert judged(one_host(alone), [12.5]) == [
        "cpu of a: 12.5 cores allocated, limit 12 cores",
        "cpu of h: 12.5 cores allocated of 12 cores",
    ]


def test_demand_above_the_host_is_no_fault() -> None:
    """What a VM would like may exceed every host; only what it gets may not."""
    vms = [VM(name="a", resources={"cpu": Bounds(demand=20)})]
    assert judged(one_host(vms), [12]) == []
    assert judged(one_host(vms), [13]) == ["cpu of h: 13 cores allocated of 12 cores"]


def test_pinned_slices_are_whole_cores() -> None:
    """Six cores of 2 units each: 4 is two cores, 5 is none."""
    instance = one_host([elastic("a", 3, 9, Full(pinned=True))])
    assert judged(instance, [4]) == []
    assert judged(instance, [5]) == [
        "a is pinned on h, whose cores are 2 cores each: 5 cores is no whole number of them"
    ]
    assert least_allocation(instance, np.zeros(1, dtype=np.int64)).tolist() == [[4000]]


def test_pinned_between_two_cores_fits_nowhere() -> None:
    """Bounds that hold no whole number of cores are seen without an allocation."""
    instance = one_host([elastic("a", 2.5, 3.5, Full(pinned=True))])
    assert fits(instance) == ["cpu of a: 4 cores needed, limit 3.5 cores"]


def test_pinned_needs_stated_cores() -> None:
    """Without a number of cores nobody can be pinned, unless there is nothing to pin."""
    pinned = Full(pinned=True)
    assert fits(one_host([elastic("a", 2, 2, pinned)], cores=None)) == [
        "a is pinned on h, which does not state its cores"
    ]
    assert fits(one_host([elastic("a", 0, 0, pinned)], cores=None)) == []


CELLS = [Cell(capacity={"cpu": 6}), Cell(capacity={"cpu": 6})]


def test_every_cell_has_its_own_capacity() -> None:
    """Two VMs of 4 fit two cells of 6, but not one."""
    instance = one_host([VM(name="a", count=2, resources={"cpu": 4})], cells=CELLS)
    assert fits(instance, [1, 2]) == []
    assert fits(instance, [2, 2]) == ["cpu of h, cell 1: 8 cores needed of 6 cores"]
    assert judged(instance, [4, 4], [1, 1]) == ["cpu of h, cell 0: 8 cores allocated of 6 cores"]


def test_split_vms_count_evenly() -> None:
    """A VM over two cells takes half of itself in each."""
    instance = one_host(
        [VM(name="wide", resources={"cpu": 8}, numa=2), VM(name="b", resources={"cpu": 2})], cells=CELLS
    )
    assert fits(instance, [3, 1]) == []
    assert fits(
        one_host([VM(name="wide", resources={"cpu": 9}, numa=2), VM(name="b", resources={"cpu": 2})], cells=CELLS),
        [3, 2],
    ) == ["cpu of h, cell 1: 6.5 cores needed of 6 cores"]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (0, "a: no cell of h, expected 1 of 2"),
        (3, "a: cells 0, 1 of h, expected 1 of 2"),
        (4, "a: cell 2 of h, expected 1 of 2"),
        (-1, "a: the cells -1 of h, expected 1 of 2"),
    ],
)
def test_wrong_cells(mask: int, message: str) -> None:
    """A mask must name exactly as many cells as the VM wants, all of them there."""
    assert fits(one_host([VM(name="a", resources={"cpu": 1})], cells=CELLS), [mask]) == [message]


def test_cells_are_needed() -> None:
    """On a host with cells a placement without cells says too little."""
    assert fits(one_host([VM(name="a", resources={"cpu": 1})], cells=CELLS)) == ["a: no cell of h, expected 1 of 2"]


def test_host_with_too_few_cells_takes_no_split_vm() -> None:
    """Three cells wanted, two there: no mask is right."""
    instance = one_host([VM(name="a", resources={"cpu": 1}, numa=3)], cells=CELLS)
    assert all(fits(instance, [mask]) for mask in range(8))


def test_bursts_must_fit_each_cell() -> None:
    """Reservations 1 + 1 and bursts of 4: one burst fits a cell of 6 beside the other, two do not."""
    for gamma, expected in ((1, []), (2, ["cpu of h, cell 0: 10 cores needed when 2 burst at once, of 6 cores"])):
        instance = one_host([elastic(name, 1, 5, Protected(gamma=gamma)) for name in "ab"], cells=CELLS)
        assert fits(instance, [1, 1]) == expected
        assert fits(instance, [1, 2]) == []


def test_bursts_come_on_top_of_full_slices_in_a_cell() -> None:
    """Reservation 1, a burst of 4 and a full slice fill a cell of 6: the slice may have 1."""
    instance = one_host([elastic("a", 1, 5, Protected(gamma=1)), elastic("b", 1, 9, Full())], cells=CELLS)
    assert judged(instance, [3, 1], [1, 1]) == []
    assert judged(instance, [3, 2], [1, 1]) == ["cpu of h, cell 0: 7 cores needed when 1 burst at once, of 6 cores"]
    assert judged(instance, [3, 2], [1, 2]) == []


def test_resource_that_cells_do_not_list_is_the_hosts() -> None:
    """Memory is not local here: only the host's total counts."""
    instance = Instance(
        resources=[Resource(name="cpu"), Resource(name="memory", unit="GB")],
        vms=[VM(name="a", count=2, resources={"cpu": 3, "memory": 8})],
        hosts=[Host(name="h", capacity={"memory": 16}, cells=CELLS)],
    )
    assert fits(instance, [1, 1]) == []


def test_many_ways_to_split_stay_exact() -> None:
    """VMs over 7, 11 and 13 cells share cells in fractions with a common denominator of 1001."""
    cells = [Cell(capacity={"cpu": 3}) for _ in range(13)]
    vms = [VM(name=f"v{numa}", resources={"cpu": numa}, numa=numa) for numa in (7, 11, 13)]
    instance = one_host(vms, capacity={}, cells=cells, cores=None)
    masks = [(1 << 7) - 1, (1 << 11) - 1, (1 << 13) - 1]
    assert fits(instance, masks) == []
    more = one_host(
        [*vms[:2], VM(name="v13", resources={"cpu": 13.001}, numa=13)], capacity={}, cells=cells, cores=None
    )
    found = verify(more, Placement(np.zeros(3, dtype=np.int64), cells=np.array(masks))).violations
    assert [violation.kind for violation in found] == [Fault.CELL_CAPACITY] * 7
