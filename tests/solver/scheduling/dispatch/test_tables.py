"""Tests of dispatch tables: what every host gets, and what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from formulations import VM, Bounds, Cell, Full, Host, Instance, Placement, Resource
from formulations.cores import core_counts
from formulations.errors import InputError, UnsupportedError
from formulations.scheduling.dispatch import DEFAULT_FRAME, DispatchQuestion, DispatchTable
from solver.result import Status
from solver.scheduling.dispatch import DispatchAnswer, dispatch_tables
from solver.verifying.schedules.dispatch import check_dispatch
from tests.solver.scheduling.dispatch.cases import grid_faults, one_host, random_host

EVERYDAY = range(60)
CAMPAIGN = range(60, 1500)


def answered(case: tuple[Instance, Placement], **asked: Any) -> DispatchAnswer:
    return dispatch_tables(DispatchQuestion(*case, **asked))


def made(case: tuple[Instance, Placement], **asked: Any) -> DispatchTable:
    answer = answered(case, **asked)
    assert answer.status in (Status.OPTIMAL, Status.FEASIBLE), answer.refusals
    return answer.tables[0]


def refused(case: tuple[Instance, Placement], **asked: Any) -> str:
    answer = answered(case, **asked)
    assert answer.status is Status.INFEASIBLE
    assert not answer.tables
    return answer.refusals[0].message


def cpu(name: str, size: int, vcpus: int | None = None, **more: Any) -> VM:
    return VM(name=name, resources={"cpu": size}, vcpus=vcpus, **more)


# -- shares ------------------------------------------------------------------------------------------


def check_plainly(seed: int) -> None:
    """Make the table of a random host and compare it with the definition, in exact fractions."""
    rng = np.random.default_rng(seed)
    instance, placement = random_host(rng)
    frame = int(rng.integers(2000, 200_000))
    answer = answered((instance, placement), frame=frame)
    if answer.status is not Status.OPTIMAL:  # only where a VM's time is less than a microsecond
        assert "less than the quantum of 1" in answer.refusals[0].message
        return
    table, host = answer.tables[0], instance.hosts[0]
    assert placement.allocation is not None
    for vm in range(instance.vm_count):
        own = [vcpu for vcpu in table.vcpus if vcpu.vm == vm]
        given = instance.tables.scales[0].value(int(placement.allocation[vm, 0]))
        cores = given / Fraction(host.overcommit["cpu"]) * (host.cores or 0) / host.physical("cpu")
        assert len(own) == (instance.vms[vm].vcpus or len(own))
        used = Fraction(0)
        for cell in {vcpu.cell for vcpu in own}:
            here = [vcpu.share for vcpu in own if vcpu.cell == cell]
            usable = min(cores / instance.vms[vm].numa, Fraction(len(here)))
            assert abs(sum(here) - frame * usable) < 1
            assert all(abs(share - frame * usable / len(here)) < 1 for share in here)
            used += usable
        assert sum((left.cores for left in table.excess if left.vm == vm), Fraction(0)) == cores - used
    for cell in set(table.cells):
        movers = sum(vcpu.cores > 1 for vcpu in table.vcpus if vcpu.cell == cell)
        assert movers <= table.cells.count(cell) - 1


@pytest.mark.parametrize("seed", EVERYDAY)
def test_every_vcpu_gets_its_share(seed: int) -> None:
    """A table must give what the placement promised, to a microsecond, with few vCPUs changing cores."""
    check_plainly(seed)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", CAMPAIGN)
def test_every_vcpu_gets_its_share_many_times(seed: int) -> None:
    """The same on as many hosts as it takes to meet rare shapes."""
    check_plainly(seed)


@pytest.mark.parametrize("seed", range(25))
def test_tables_hold_microsecond_by_microsecond(seed: int) -> None:
    """The maker and the checker could err alike; reading every microsecond of small tables would tell."""
    rng = np.random.default_rng(seed)
    instance, placement = random_host(rng, most_cores=4, most_cells=2)
    asked: dict[str, Any] = {"frame": int(rng.integers(20, 90))}
    if seed % 3 == 1:
        asked |= {"latency": int(rng.integers(10, 40))}
    if seed % 3 == 2:
        asked |= {"quantum": int(rng.integers(2, 5))}
    question = DispatchQuestion(instance, placement, **asked)
    for table in dispatch_tables(question).tables:
        shares = {(vcpu.vm, vcpu.vcpu): vcpu.share for vcpu in table.vcpus}
        assert grid_faults(question, table, shares) == []


def test_a_full_host_wraps_around() -> None:
    """Where nothing is left over McNaughton's rule is needed, and cuts one vCPU per core but the last."""
    table = made(one_host([cpu(f"vm{n}", 2, 1) for n in range(3)], cores=2, capacity=6), frame=999)
    assert table.idle == (0, 0)
    assert [vcpu.share for vcpu in table.vcpus] == [666, 666, 666]
    assert table.migrating == 1


def test_units_do_not_matter() -> None:
    """Cores and megahertz are two spellings of one host."""
    in_cores = one_host([cpu("a", 3, 4), cpu("b", 5)], cores=12)
    in_megahertz = one_host([cpu("a", 3 * 2400, 4), cpu("b", 5 * 2400)], cores=12, capacity=12 * 2400)
    assert made(in_cores).slices == made(in_megahertz).slices


def test_overcommitment_divides_core_time() -> None:
    """What is promised four times over is delivered once."""
    table = made(one_host([cpu("a", 2, 1)], cores=2, overcommit={"cpu": 4}))
    assert [vcpu.share for vcpu in table.vcpus] == [DEFAULT_FRAME // 2]


def test_the_reserve_stays_idle() -> None:
    """The hypervisor's part of a host is no VM's."""
    table = made(one_host([cpu("a", 6)], cores=8, reserve={"cpu": 2}))
    assert sum(table.idle) == 2 * table.frame


def test_what_vcpus_cannot_use_is_reported() -> None:
    """A VM with two vCPUs never runs on three cores, and the planner should know."""
    table = made(one_host([cpu("a", 3, 2)]))
    assert [vcpu.share for vcpu in table.vcpus] == [table.frame] * 2
    assert [(left.vm, left.cores) for left in table.excess] == [(0, Fraction(1))]


def test_missing_vcpus_are_as_many_as_needed() -> None:
    """A VM that states no vCPUs gets enough of them to use its core time."""
    case = one_host([VM(name="a", resources={"cpu": 2.5})])
    assert [vcpu.share for vcpu in made(case, frame=600).vcpus] == [500] * 3


def test_a_vm_without_core_time_is_listed() -> None:
    """Who gets nothing is told so rather than left out."""
    table = made(one_host([cpu("a", 1), cpu("idle", 0)]))
    assert [(vcpu.vm, vcpu.share, vcpu.blackout) for vcpu in table.vcpus] == [(0, table.frame, 0), (1, 0, None)]


# -- cells and whole cores -----------------------------------------------------------------------------


def two_cells(*vms: VM, masks: list[int]) -> tuple[Instance, Placement]:
    return one_host(list(vms), cores=8, masks=masks, cells=[Cell(capacity={"cpu": 4}, cores=4) for _ in range(2)])


def test_vcpus_stay_in_their_cells() -> None:
    """Memory is local to a cell, so a vCPU must not leave it; a VM over two cells has half in each."""
    table = made(two_cells(cpu("wide", 4, 4, numa=2), cpu("left", 2), cpu("right", 1), masks=[3, 1, 2]))
    assert [vcpu.cell for vcpu in table.vcpus] == [0, 0, 1, 1, 0, 0, 1]
    assert {table.cells[piece.core] for piece in table.slices if piece.vm == 1} == {0}


def test_an_odd_vcpu_leaves_core_time_unused() -> None:
    """One vCPU cannot use what a VM is given in two cells."""
    table = made(two_cells(cpu("a", 2, 1, numa=2), masks=[3]))
    assert [(left.vm, left.cores) for left in table.excess] == [(0, Fraction(1))]


def test_cores_follow_capacity_where_cells_do_not_state_them() -> None:
    """The host's cores are dealt out as the cells' capacities are, where that is whole."""
    cells = [Cell(capacity={"cpu": 6}), Cell(capacity={"cpu": 2})]
    table = made(one_host([cpu("a", 1)], cores=4, capacity=8, masks=[1], cells=cells))
    assert table.cells == (0, 0, 0, 1)


def test_isolated_vms_own_their_cores() -> None:
    """Nobody else may run on the cores of a fully isolated VM, idle or not."""
    vms = [cpu("db", 2, isolation=Full(pinned=True)), cpu("cache", 3, 4, isolation=Full()), cpu("web", 3, 6)]
    table = made(one_host(vms))
    assert table.owners == (0, 0, 1, 1, 1, -1, -1, -1)
    assert all(table.owners[piece.core] == (piece.vm if piece.vm < 2 else -1) for piece in table.slices)


def test_a_pinned_slice_is_whole_cores_even_with_a_reserve() -> None:
    """The isolation model counts cores of what VMs may use, so four of ten are four of ten."""
    vms = [VM(name="db", resources={"cpu": 3.2}, isolation=Full(pinned=True)), cpu("web", 4)]
    table = made(one_host(vms, cores=10, reserve={"cpu": 2}))
    assert table.owners.count(0) == 4


def test_owned_cores_that_do_not_fit_are_refused() -> None:
    """Five VMs with half a core each own five cores; without owning them, they share three."""
    vms = [VM(name=f"vm{n}", resources={"cpu": 0.5}, isolation=Full()) for n in range(5)]
    assert "vm3 owns 1 core, and 0 of 3 are left" in refused(one_host(vms, cores=3))
    assert made(one_host(vms, cores=3), owners="pinned").owners == (-1, -1, -1)


def test_who_shares_must_fit_beside_owned_cores() -> None:
    """Whole cores for one VM may leave too little for the others."""
    vms = [VM(name="db", resources={"cpu": 1.5}, isolation=Full()), VM(name="web", resources={"cpu": 1.5})]
    assert refused(one_host(vms, cores=3)) == (
        "host: its VMs need 1.5 cores of 1 beside the 2 cores that VMs own; "
        "fully isolated VMs that are not pinned may share cores in time (owners: pinned)"
    )
    assert made(one_host(vms, cores=3), owners="pinned").idle == (0, 0, 0)


def known_cores(host: Host, resource: Resource) -> tuple[tuple[int, ...], str | None]:
    """Return the cores of each cell, or why they are not known."""
    try:
        return core_counts(host, resource), None
    except InputError as error:
        return (), error.message


def untold(case: tuple[Instance, Placement], **asked: Any) -> str:
    answer = answered(case, **asked)
    assert answer.status is Status.UNKNOWN
    assert not answer.tables
    assert not answer.refusals[0].proved
    return answer.refusals[0].message


# -- what cannot be known --------------------------------------------------------------------------------


def test_hosts_that_do_not_state_their_cores_are_refused() -> None:
    """A capacity of 8 may be 8 cores or 8 GHz: guessing would be a lie."""
    instance = Instance(
        resources=[Resource(name="cpu")], vms=[cpu("a", 1)], hosts=[Host(name="h", capacity={"cpu": 8})]
    )
    placement = Placement(np.zeros(1, dtype=np.int64), np.ones((1, 1), dtype=np.int64))
    assert untold((instance, placement)) == "how many cores h has is not known: it does not state them"


def test_a_capacity_in_cores_tells_how_many_there_are() -> None:
    """Simulations and tables must mean the same host by the same file, and so must the checker."""
    rng = np.random.default_rng(11)
    tables = refusals = asked = 0
    for _ in range(300):
        cells = [
            Cell(capacity={} if rng.random() < 0.1 else {"cpu": capacity}, cores=None if rng.random() < 0.6 else 4)
            for capacity in rng.choice([0, 2, 3.5, 4, 8], size=int(rng.integers(0, 4))).tolist()
        ]
        stated = int(rng.choice([4, 8, 12])) if rng.random() < 0.4 else None
        unit = str(rng.choice(["cores", "GHz"]))
        host = Host(name="h", cores=stated, cells=cells, capacity={} if cells else {"cpu": 4})
        instance = Instance(resources=[Resource(name="cpu", unit=unit)], vms=[cpu("a", 1)], hosts=[host])
        placement = Placement(np.zeros(1, dtype=np.int64), np.ones((1, 1), dtype=np.int64))
        answer = dispatch_tables(DispatchQuestion(instance, placement.with_cells(np.ones(1, dtype=np.int64))))
        expected, why = known_cores(host, instance.resources[0])
        if why is not None:
            refusals += answer.refusals[0].message == why
        elif answer.tables:
            tables += answer.tables[0].cells == tuple(cell for cell, many in enumerate(expected) for _ in range(many))
        else:
            assert "needs" in answer.refusals[0].message or "has no cpu" in answer.refusals[0].message
        asked += 1 if why is not None or answer.tables else 0
    assert min(tables, refusals) > 50
    assert tables + refusals == asked


def test_contradicting_cores_are_refused() -> None:
    """Eight cores in all and two cells of three do not go together."""
    cells = [Cell(capacity={"cpu": 4}, cores=3) for _ in range(2)]
    assert "states 8 and its NUMA cells 6" in untold(one_host([cpu("a", 1)], cores=8, masks=[1], cells=cells))


def test_a_vm_whose_cell_is_not_known_is_refused() -> None:
    """Without its cell nobody knows where it may run."""
    cells = [Cell(capacity={"cpu": 4}, cores=4) for _ in range(2)]
    assert "in which NUMA cell" in untold(one_host([cpu("a", 1)], cells=cells))


def test_questions_must_make_sense() -> None:
    """A wrong figure or name is the caller's mistake, and told before anything is computed."""
    instance, placement = one_host([cpu("a", 1)])
    wrong: list[dict[str, Any]] = [
        {"frame": 0},
        {"frame": 10**8},
        {"latency": 0},
        {"quantum": 0},
        {"frame": 10, "quantum": 11},
        {"blackouts": {"nobody": 5}},
        {"blackouts": {"a": 0}},
        {"gang": ["nobody"]},
        {"resource": "gpu"},
        {"owners": "all"},
    ]
    for asked in wrong:
        with pytest.raises(InputError):
            DispatchQuestion(instance, placement, **asked)
    with pytest.raises(InputError, match="allocation"):
        DispatchQuestion(instance, Placement(placement.host_of))
    with pytest.raises(InputError, match="belong"):
        DispatchQuestion(instance, Placement(np.zeros(3, dtype=np.int64), np.ones((3, 1), dtype=np.int64)))


def test_another_resource_may_be_core_time() -> None:
    """Not everybody calls it cpu."""
    instance = Instance(
        resources=[Resource(name="compute", unit="units")],
        vms=[VM(name="a", resources={"compute": 50})],
        hosts=[Host(name="h", capacity={"compute": 100}, cores=2)],
    )
    allocation = np.full((1, 1), instance.tables.lower[0, 0], dtype=np.int64)
    placement = Placement(np.zeros(1, dtype=np.int64), allocation)
    with pytest.raises(UnsupportedError, match="none is called cpu"):
        DispatchQuestion(instance, placement)
    assert made((instance, placement), resource="compute").vcpus[0].share == DEFAULT_FRAME


# -- quantum ---------------------------------------------------------------------------------------------


def test_a_share_below_the_quantum_is_refused_with_a_frame_that_would_do() -> None:
    """The planner is told who is too small and which frame helps; and it does."""
    case = one_host([cpu("small", 1, 1), cpu("large", 150, 2)], cores=2, capacity=200)
    message = refused(case, frame=10_000, quantum=500)
    assert message == (
        "host: small has 100 µs per vCPU in a frame of 10,000 µs, less than the quantum of 500 µs; "
        "a frame of 50,000 µs would do"
    )
    assert made(case, frame=50_000, quantum=500).frame == 50_000
    assert made(case, quantum=2000).frame == 200_000


@pytest.mark.parametrize("seed", range(20))
def test_quanta_are_met_on_full_hosts(seed: int) -> None:
    """A cut that leaves a sliver is no cut: on full hosts the order has to avoid it."""
    rng = np.random.default_rng(seed)
    cores, quantum = int(rng.integers(2, 9)), 200
    sizes = rng.integers(2 * quantum, 8000, size=200)
    inside = sizes[: int(np.searchsorted(np.cumsum(sizes), cores * 10_000 - 2 * quantum))].tolist()
    inside.append(cores * 10_000 - sum(inside))
    sizes_fit = [part for size in inside for part in ([size] if size <= 10_000 else [size // 2, size - size // 2])]
    case = one_host([cpu(f"vm{n}", int(size), 1) for n, size in enumerate(sizes_fit)], cores, cores * 10_000)
    table = made(case, frame=10_000, quantum=quantum)
    assert sum(table.idle) == 0
    assert min(piece.end - piece.start for piece in table.slices) >= quantum


# -- blackouts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", [0.7, 1.0])
@pytest.mark.parametrize("seed", range(15))
def test_bounds_on_blackouts_are_met(seed: int, load: float) -> None:
    """Bounds that practice would ask for are met on hosts that are full, VM by VM."""
    rng = np.random.default_rng(seed)
    case = random_host(rng, load=load)
    table = made(case, frame=20_000)
    asked = {case[0].vm_names.name(vm): int(rng.choice([3000, 8000, 30_000])) for vm in range(case[0].vm_count)}
    bounded = made(case, frame=20_000, blackouts=asked)
    assert [vcpu.share for vcpu in bounded.vcpus] == [vcpu.share for vcpu in table.vcpus]
    for vcpu in bounded.vcpus:
        assert vcpu.blackout is not None
        assert vcpu.blackout <= asked[case[0].vm_names.name(vcpu.vm)]


def test_a_latency_sets_the_frame() -> None:
    """Without a frame nobody needs to be cut: the frame is as short as the smallest share asks for."""
    table = made(one_host([cpu("a", 1, 4), cpu("b", 3, 4)]), latency=3000)
    assert table.frame == 4000
    assert table.longest_blackout == 3000
    assert len(table.slices) == len(table.vcpus)


def test_a_bound_that_the_quantum_excludes_is_refused() -> None:
    """How many runs are needed and how many the quantum allows is a proof."""
    case = one_host([cpu("a", 1, 2)])
    message = refused(case, frame=10_000, latency=1000, quantum=1200)
    assert message == (
        "host: a runs 5,000 of 10,000 µs per vCPU: blackouts of at most 1,000 µs need 5 runs, and a quantum of "
        "1,200 µs allows 4"
    )
    assert "less than the quantum of 1,200 µs" in refused(case, latency=1000, quantum=1200)


def test_a_vm_without_core_time_has_no_bound() -> None:
    """Its blackout has no end, and saying otherwise would be a lie."""
    case = one_host([cpu("a", 1), cpu("idle", 0)])
    assert "idle has no core time" in refused(case, blackouts={"idle": 1000})
    assert made(case, blackouts={"a": 1000}).longest_blackout == 0


def test_single_bounds_go_before_the_latency() -> None:
    """The bound of a VM that is named replaces the one for all; the least of several holds."""
    instance, placement = one_host([cpu("a", 1, 2, group="web"), cpu("b", 1, 2, group="web"), cpu("c", 1, 2)])
    question = DispatchQuestion(instance, placement, latency=100, blackouts={"group:web": 500, "b": 200})
    assert question.bounds.tolist() == [500, 200, 100]


# -- many hosts ------------------------------------------------------------------------------------------


def many_hosts(hosts: int, vms: int) -> tuple[Instance, Placement]:
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 60, size=hosts * vms).tolist()
    instance = Instance(
        resources=[Resource(name="cpu", unit="cores")],
        vms=[VM(name=f"vm{n}", resources={"cpu": size / 10}, vcpus=int(size / 10) + 1) for n, size in enumerate(sizes)],
        hosts=[Host(name="host", count=hosts, capacity={"cpu": 64}, cores=64, overcommit={"cpu": 3})],
    )
    host_of = np.repeat(np.arange(hosts, dtype=np.int64), vms)
    return instance, Placement(host_of, instance.tables.lower[instance.vm_entry])


def test_an_executor_makes_the_same_tables() -> None:
    """Where a table is made must not change it."""
    case = many_hosts(6, 10)
    with ThreadPoolExecutor(2) as executor:
        shared = dispatch_tables(DispatchQuestion(*case), executor=executor)
    assert [table.slices for table in shared.tables] == [table.slices for table in answered(case).tables]


def test_a_refused_host_does_not_spoil_the_others() -> None:
    """One bad host is refused by name, and the rest still get tables."""
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=[cpu("a", 1), cpu("b", 1)],
        hosts=[Host(name="good", capacity={"cpu": 4}, cores=4), Host(name="bad", capacity={"cpu": 4})],
    )
    placement = Placement(np.arange(2, dtype=np.int64), np.ones((2, 1), dtype=np.int64))
    answer = answered((instance, placement))
    assert answer.status is Status.UNKNOWN
    assert [table.host for table in answer.tables] == [0]
    assert [(refusal.name, refusal.proved) for refusal in answer.refusals] == [("bad", False)]


def test_elastic_allocations_are_followed() -> None:
    """The table follows what was allocated, not what was reserved."""
    vm = VM(name="a", resources={"cpu": Bounds(reservation=1, demand=2, limit=4)}, vcpus=4)
    instance, placement = one_host([vm])
    assert placement.allocation is not None
    placement = placement.with_allocation(placement.allocation * 3)
    assert sum(vcpu.share for vcpu in made((instance, placement)).vcpus) == 3 * DEFAULT_FRAME


@pytest.mark.campaign
def test_five_hundred_hosts() -> None:
    """A data centre's tables are made in seconds, and hold."""
    question = DispatchQuestion(*many_hosts(500, 40))
    answer = dispatch_tables(question)
    assert answer.status is Status.OPTIMAL
    assert check_dispatch(question, answer.tables) == ()
