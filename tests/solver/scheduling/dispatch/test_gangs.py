"""Tests of gang scheduling: vCPUs that run together, proofs that they cannot, and honest doubt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from formulations import VM, Cell, Instance, Placement
from formulations.scheduling.dispatch import DispatchQuestion
from solver.result import Status
from solver.scheduling.dispatch import DispatchAnswer, dispatch_tables
from tests.solver.scheduling.dispatch.cases import one_host, random_host


def answered(case: tuple[Instance, Placement], **asked: Any) -> DispatchAnswer:
    return dispatch_tables(DispatchQuestion(*case, **asked), seconds=20)


def gang(name: str, percent: int, vcpus: int, **more: Any) -> VM:
    """Return a VM whose vCPUs need so much of a core each (a unit of cpu is a hundredth of a core)."""
    return VM(name=name, resources={"cpu": percent * vcpus}, vcpus=vcpus, **more)


def host(*vms: VM, cores: int = 4, **more: Any) -> tuple[Instance, Placement]:
    return one_host(list(vms), cores=cores, capacity=100 * cores, **more)


def check_random_gangs(seed: int) -> Status:
    """Schedule random gangs; the checker has seen every table, so only the claims are left to test."""
    rng = np.random.default_rng(seed)
    instance, placement = random_host(rng, load=float(rng.uniform(0.4, 0.9)), most_cores=16)
    some = [name for name in instance.vm_names.all_names() if rng.random() < 0.4]
    asked: dict[str, Any] = {"gang": some, "frame": int(rng.integers(1000, 100_000)), "shortest": seed % 2 == 0}
    if seed % 5 == 4:
        asked |= {"latency": asked["frame"] // 2}
    answer = answered((instance, placement), **asked)
    for length in answer.lengths:
        assert length.bound <= asked["frame"]
        assert length.length is None or length.bound <= length.length <= asked["frame"]
    return answer.status


def test_random_gangs() -> None:
    """Any mixture of gangs, cells and owned cores ends in a table that holds, or in a reason."""
    found = [check_random_gangs(seed) for seed in range(30)]
    assert found.count(Status.OPTIMAL) + found.count(Status.FEASIBLE) >= 15


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(30, 400))
def test_random_gangs_many_times(seed: int) -> None:
    """The same on as many hosts as it takes to meet rare shapes."""
    check_random_gangs(seed)


def test_gangs_that_exclude_each_other_share_the_frame() -> None:
    """Two gangs of three do not fit four cores side by side, so one follows the other."""
    answer = answered(host(gang("a", 50, 3), gang("b", 50, 3), gang("c", 100, 1)), gang=["*"])
    assert answer.status is Status.OPTIMAL
    assert answer.lengths[0].length == answer.tables[0].frame


def test_gangs_that_cannot_share_the_frame_are_refused() -> None:
    """The cores would suffice, but not side by side; without gangs they do."""
    case = host(gang("a", 60, 3), gang("b", 60, 3))
    answer = answered(case, gang=["*"], frame=10_000)
    assert answer.status is Status.INFEASIBLE
    assert answer.refusals[0].message == (
        "host: its gangs need 12,000 µs side by side in a frame of 10,000 µs (gangs that exclude each other)"
    )
    assert answered(case, frame=10_000).status is Status.OPTIMAL


def test_prices_prove_what_volume_does_not() -> None:
    """Two gangs of two at a time leave one of five cores idle, which only the program's prices see."""
    assert answered(host(*(gang(f"g{n}", 40, 2) for n in range(5)), cores=5), gang=["*"]).status is Status.OPTIMAL
    full = answered(host(*(gang(f"g{n}", 50, 2) for n in range(5)), cores=5), gang=["*"])
    assert full.status is Status.INFEASIBLE
    assert "prices of the gang program" in full.refusals[0].message


def test_the_program_packs_what_single_pieces_cannot() -> None:
    """Three gangs of two, two thirds each, fill four cores only if one of them is interrupted."""
    answer = answered(host(*(gang(f"g{n}", 66, 2) for n in range(3))), gang=["*"], frame=300)
    assert answer.status is Status.OPTIMAL
    assert answer.lengths[0].length == 297
    assert len(answer.tables[0].slices) > 6


def test_a_gang_wider_than_its_cell_is_refused() -> None:
    """Six vCPUs never run at once on four cores."""
    answer = answered(host(gang("a", 50, 6)), gang=["a"])
    assert answer.status is Status.INFEASIBLE
    assert answer.refusals[0].message == "host: the 6 vCPUs of a cannot run at the same time on 4 cores"


def test_a_gang_over_two_cells_runs_in_both_at_once() -> None:
    """Cells are no excuse: the vCPUs of the gang run together, and others around them."""
    cells = [Cell(capacity={"cpu": 200}, cores=2) for _ in range(2)]
    vms = [gang("wide", 60, 4, numa=2), gang("left", 40, 2), gang("right", 40, 1)]
    answer = answered(one_host(vms, cores=4, capacity=400, masks=[3, 1, 2], cells=cells), gang=["*"])
    assert answer.status is Status.OPTIMAL
    runs = {(piece.start, piece.end) for piece in answer.tables[0].slices if piece.vm == 0}
    assert len(runs) == 1


def test_an_uneven_gang_runs_at_its_slowest() -> None:
    """Three vCPUs over two cells get unequal parts, and together they run no longer than the least."""
    cells = [Cell(capacity={"cpu": 200}, cores=2) for _ in range(2)]
    vms = [VM(name="a", resources={"cpu": 120}, vcpus=3, numa=2)]
    answer = answered(one_host(vms, cores=4, capacity=400, masks=[3], cells=cells), gang=["a"])
    assert {vcpu.share for vcpu in answer.tables[0].vcpus} == {30_000}
    assert [float(left.cores) for left in answer.tables[0].excess] == [pytest.approx(0.3)]


def test_gangs_with_bounds_run_several_times() -> None:
    """A bound on blackouts cuts the frame, and every part of it holds every gang."""
    answer = answered(host(gang("a", 40, 3), gang("b", 40, 2)), gang=["*"], frame=10_000, latency=1500)
    assert answer.status is Status.FEASIBLE
    assert (answer.tables[0].longest_blackout or 0) <= 1500


def test_no_time_is_no_proof() -> None:
    """Out of time the answer is that nothing is known."""
    case = host(*(gang(f"g{n}", 66, 2) for n in range(3)))
    answer = dispatch_tables(DispatchQuestion(*case, gang=["*"], frame=300), seconds=1e-6)
    assert answer.status is Status.UNKNOWN
    assert "in time" in answer.refusals[0].message


def test_one_vcpu_is_no_gang() -> None:
    """A gang of one is like any VM, and needs no program."""
    answer = answered(host(gang("a", 50, 1)), gang=["*"])
    assert answer.status is Status.OPTIMAL
    assert answer.lengths == ()
