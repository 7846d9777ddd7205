"""Tests of the checker of dispatch tables: it accepts what holds and rejects whatever was tampered with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from formulations import VM, Cell, Full
from formulations.scheduling.dispatch import DispatchQuestion, DispatchTable, Slice
from solver.scheduling.dispatch import dispatch_tables
from solver.verifying.schedules.dispatch import DispatchFault, check_dispatch
from tests.solver.scheduling.dispatch.cases import grid_faults, one_host, random_host

Change = Callable[[np.random.Generator, DispatchTable], list[Slice]]


def shifted(rng: np.random.Generator, table: DispatchTable) -> list[Slice]:
    at, by = int(rng.integers(len(table.slices))), int(rng.choice([-2, -1, 1, 2]))
    piece = table.slices[at]
    return changed(table, at, piece._replace(start=piece.start + by, end=piece.end + by))


def dropped(rng: np.random.Generator, table: DispatchTable) -> list[Slice]:
    at = int(rng.integers(len(table.slices)))
    return [piece for place, piece in enumerate(table.slices) if place != at]


def swapped(rng: np.random.Generator, table: DispatchTable) -> list[Slice]:
    one, other = (int(at) for at in rng.integers(len(table.slices), size=2))
    first, second = table.slices[one], table.slices[other]
    slices = changed(table, one, first._replace(vm=second.vm, vcpu=second.vcpu))
    slices[other] = second._replace(vm=first.vm, vcpu=first.vcpu)
    return slices


def lengthened(rng: np.random.Generator, table: DispatchTable) -> list[Slice]:
    at = int(rng.integers(len(table.slices)))
    return changed(table, at, table.slices[at]._replace(end=table.slices[at].end + 1))


def shortened(rng: np.random.Generator, table: DispatchTable) -> list[Slice]:
    at = int(rng.integers(len(table.slices)))
    return changed(table, at, table.slices[at]._replace(start=table.slices[at].start + 1))


def on_another_core(rng: np.random.Generator, table: DispatchTable) -> list[Slice]:
    at = int(rng.integers(len(table.slices)))
    return changed(table, at, table.slices[at]._replace(core=int(rng.integers(-1, table.cores + 1))))


def of_another_vcpu(rng: np.random.Generator, table: DispatchTable) -> list[Slice]:
    at = int(rng.integers(len(table.slices)))
    other = table.vcpus[int(rng.integers(len(table.vcpus)))]
    return changed(table, at, table.slices[at]._replace(vm=other.vm, vcpu=other.vcpu))


def doubled(rng: np.random.Generator, table: DispatchTable) -> list[Slice]:
    return sorted([*table.slices, table.slices[int(rng.integers(len(table.slices)))]])


def cut(rng: np.random.Generator, table: DispatchTable) -> list[Slice]:
    at = int(rng.integers(len(table.slices)))
    piece = table.slices[at]
    middle = (piece.start + piece.end) // 2
    return sorted([*changed(table, at, piece._replace(end=middle)), piece._replace(start=middle)])


def disordered(rng: np.random.Generator, table: DispatchTable) -> list[Slice]:
    return list(table.slices[1:]) + list(table.slices[:1])


CHANGES: Sequence[Change] = (
    shifted,
    dropped,
    swapped,
    lengthened,
    shortened,
    on_another_core,
    of_another_vcpu,
    doubled,
    cut,
    disordered,
)


def changed(table: DispatchTable, at: int, piece: Slice) -> list[Slice]:
    slices = list(table.slices)
    slices[at] = piece
    return slices


def random_question(seed: int, *, small: bool) -> DispatchQuestion:
    rng = np.random.default_rng(seed)
    instance, placement = random_host(rng, most_cores=4 if small else 12, most_cells=2)
    asked: dict[str, Any] = {"frame": int(rng.integers(25, 60) if small else rng.integers(5000, 50_000))}
    if seed % 4 == 1:
        asked |= {"latency": asked["frame"] * 3 // 4}
    if seed % 4 == 2:
        asked |= {"quantum": 2}
    if seed % 4 == 3:
        asked |= {"gang": ["vm0", "vm1"] if instance.vm_count > 1 else ["vm0"]}
    return DispatchQuestion(instance, placement, **asked)


def sensible(table: DispatchTable) -> bool:
    """Return whether every slice is one that the microsecond-by-microsecond reading understands."""
    known = {(vcpu.vm, vcpu.vcpu) for vcpu in table.vcpus}
    return all(
        0 <= piece.core < table.cores and 0 <= piece.start < piece.end <= table.frame and piece[3:] in known
        for piece in table.slices
    )


def check_changes(seed: int, *, small: bool) -> int:
    """Change a table in every way; return how many changed tables were rejected."""
    question = random_question(seed, small=small)
    rejected = 0
    for table in dispatch_tables(question, seconds=20).tables:
        assert check_dispatch(question, [table]) == ()
        shares = {(vcpu.vm, vcpu.vcpu): vcpu.share for vcpu in table.vcpus}
        rng = np.random.default_rng(seed)
        for change in CHANGES:
            slices = change(rng, table)
            if slices == list(table.slices):
                continue
            other = replace(table, slices=tuple(slices))
            faults = check_dispatch(question, [other])
            rejected += bool(faults)
            if not faults:  # it must then be as good as the first: moved into idle time, or between equals
                assert sensible(other)
                assert change in (shifted, swapped, on_another_core)
                assert not small or grid_faults(question, other, shares) == []
            elif small and sensible(other) and grid_faults(question, other, shares):
                assert {fault.kind for fault in faults} - {DispatchFault.STATED}
    return rejected


def test_changed_tables_are_rejected() -> None:
    """A table that was tampered with must not pass; what passes is shown to be as good, microsecond by microsecond."""
    assert sum(check_changes(seed, small=True) for seed in range(32)) > 150


def test_changed_tables_of_usual_size_are_rejected() -> None:
    """The same where frames are as long as in practice."""
    assert sum(check_changes(seed, small=False) for seed in range(24)) > 150


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(24, 600))
def test_changed_tables_are_rejected_many_times(seed: int) -> None:
    """The same on as many hosts as it takes to meet rare shapes."""
    check_changes(seed, small=seed % 2 == 0)


def full_question(**asked: Any) -> tuple[DispatchQuestion, DispatchTable]:
    """Return a full host with two cells, an owner of cores, a gang and bounds, and its table."""
    vms = [
        VM(name="db", resources={"cpu": 1}, vcpus=1, isolation=Full(pinned=True)),
        *(VM(name=f"vm{n}", resources={"cpu": 3}, vcpus=5) for n in range(2)),
        VM(name="web", resources={"cpu": 1}, vcpus=2),
    ]
    cells = [Cell(capacity={"cpu": 4}, cores=4) for _ in range(2)]
    question = DispatchQuestion(*one_host(vms, cores=8, masks=[1, 1, 2, 2], cells=cells), frame=1000, **asked)
    (table,) = dispatch_tables(question).tables
    return question, table


def kinds(question: DispatchQuestion, table: DispatchTable) -> set[DispatchFault]:
    return {fault.kind for fault in check_dispatch(question, [table])}


def test_each_condition_has_its_name() -> None:
    """A planner who reads a violation must learn which condition is broken."""
    question, table = full_question()
    first = table.slices[0]
    assert kinds(question, table) == set()
    assert kinds(question, replace(table, frame=2000)) == {DispatchFault.FRAME}
    assert kinds(question, replace(table, cells=(0,) * 8)) == {DispatchFault.CORES}
    assert kinds(question, replace(table, slices=tuple(changed(table, 0, first._replace(core=9))))) == {
        DispatchFault.SLICE
    }
    assert DispatchFault.OVERLAP in kinds(question, replace(table, slices=(first, *table.slices)))
    assert DispatchFault.SHARE in kinds(question, replace(table, slices=table.slices[1:]))
    assert DispatchFault.OWNER in kinds(question, replace(table, owners=(-1,) * 8))
    assert kinds(question, replace(table, vcpus=table.vcpus[1:])) == {DispatchFault.STATED}
    better = table.vcpus[1]._replace(blackout=0)
    assert kinds(question, replace(table, vcpus=(table.vcpus[0], better, *table.vcpus[2:]))) == {DispatchFault.STATED}
    elsewhere = [piece._replace(core=7 - piece.core) for piece in table.slices]
    assert {DispatchFault.CELL, DispatchFault.OWNER} <= kinds(question, replace(table, slices=tuple(sorted(elsewhere))))


def test_stricter_questions_reject_the_same_table() -> None:
    """The checker judges by what was asked: quantum, bounds and gangs are conditions like any other."""
    question, table = full_question()
    case = question.instance, question.placement
    assert DispatchFault.QUANTUM in kinds(DispatchQuestion(*case, frame=1000, quantum=500), table)
    assert DispatchFault.BLACKOUT in kinds(DispatchQuestion(*case, frame=1000, latency=10), table)
    assert DispatchFault.GANG in kinds(DispatchQuestion(*case, frame=1000, gang=["vm0"]), table)


def test_a_vcpu_on_two_cores_at_once_is_found() -> None:
    """Nothing overlaps on any core, and still the vCPU would have to be in two places."""
    question = DispatchQuestion(*one_host([VM(name="a", resources={"cpu": 1}, vcpus=2)], cores=4), frame=100)
    (table,) = dispatch_tables(question).tables
    both = (Slice(0, 0, 25, 0, 0), Slice(1, 0, 25, 0, 0), Slice(2, 0, 50, 0, 1))
    assert DispatchFault.TWICE in kinds(question, replace(table, slices=both))


def test_too_many_moving_vcpus_are_found() -> None:
    """Without bounds on blackouts a cell of m cores needs no more than m - 1 vCPUs that change cores."""
    vms = [VM(name=f"vm{n}", resources={"cpu": 0.5}, vcpus=1) for n in range(4)]
    question = DispatchQuestion(*one_host(vms, cores=2), frame=100)
    (table,) = dispatch_tables(question).tables
    turns = [(0, 25, 0, 1), (25, 50, 1, 0), (50, 75, 2, 3), (75, 100, 3, 2)]
    slices = [Slice(0, start, end, here, 0) for start, end, here, _ in turns]
    slices += [Slice(1, start, end, there, 0) for start, end, _, there in turns]
    assert DispatchFault.MOVING in kinds(question, replace(table, slices=tuple(slices)))


def test_missing_and_foreign_tables_are_found() -> None:
    """Every host in use has one table, and no other host has any."""
    question, table = full_question()
    assert [fault.kind for fault in check_dispatch(question, [])] == [DispatchFault.HOSTS]
    assert check_dispatch(question, [], without={0}) == ()
    assert {fault.kind for fault in check_dispatch(question, [table, table])} == {DispatchFault.HOSTS}
    assert DispatchFault.HOSTS in {fault.kind for fault in check_dispatch(question, [table, replace(table, host=5)])}
