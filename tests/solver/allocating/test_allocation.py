"""The allocation of whole placements: judged, optimal, sharing all there is, and quick where it can be."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest

from formulations import (
    VM,
    Bounds,
    Cell,
    Full,
    Host,
    InputError,
    Instance,
    Partial,
    Placement,
    Protected,
    Resource,
    Shared,
)
from formulations.isolation import AnyIsolation
from solver.allocating import Policy, allocate, satisfaction, unallocated
from solver.backends.base import Outcome, Solution
from solver.backends.highs import HighsBackend
from solver.errors import BackendError
from solver.verifying import verify
from tests.oracle import Oracle
from tests.strategies import everything

EVERYDAY = range(15)
CAMPAIGN = [pytest.param(seed, marks=pytest.mark.campaign) for seed in range(1000, 1400)]
POLICIES: tuple[Policy, ...] = get_args(Policy)
HIGHS = HighsBackend()


def drawn(seed: int) -> tuple[Instance, Placement] | None:
    """Return a random instance of all isolation levels and who is where; None if nobody can be anywhere."""
    rng = np.random.default_rng(seed)
    instance = everything(
        rng, rules=(), vms=5, hosts=2, elastic=bool(rng.random() < 0.9), load=0.8, numa=bool(rng.random() < 0.5)
    )
    entry_of = instance.host_names.entry_of(np.arange(instance.host_count))
    open_hosts = np.flatnonzero(instance.usable_entries[entry_of])
    host_of = np.full(instance.vm_count, -1, dtype=np.int64)
    cells = np.zeros(instance.vm_count, dtype=np.int64)
    for vm in np.flatnonzero(instance.wanted).tolist():
        if not instance.ignored[vm] and not len(open_hosts):
            return None
        host_of[vm] = instance.current[vm] if instance.ignored[vm] else rng.choice(open_hosts)
        local = instance.tables.cells[int(entry_of[host_of[vm]])]
        if local is not None:
            chosen = rng.choice(len(local), int(instance.tables.numa[instance.vm_entry[vm]]), replace=False)
            cells[vm] = sum(1 << int(cell) for cell in chosen)
    return instance, Placement(host_of, cells=cells)


def fully_drawn(seed: int) -> tuple[Instance, Placement]:
    while (found := drawn(seed)) is None:
        seed += 1_000_000
    return found


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("seed", [*EVERYDAY, *CAMPAIGN])
def test_the_judge_accepts_every_allocation(seed: int, policy: Policy) -> None:
    """Whatever levels, cells and cores are mixed: an allocation exactly if one exists, and a valid one."""
    instance, placement = fully_drawn(seed)
    allocated = allocate(instance, placement, policy, HIGHS)
    assert (allocated is not None) == verify(instance, placement).ok
    if allocated is not None:
        assert not verify(instance, allocated).violations


@pytest.mark.parametrize("seed", [*EVERYDAY, *CAMPAIGN])
def test_satisfaction_is_the_exact_optimum(seed: int) -> None:
    """The default policy must reach the oracle's optimum to the last quantum, or no proof can close."""
    instance, placement = fully_drawn(seed)
    allocated = allocate(instance, placement, "satisfaction", HIGHS)
    oracle = Oracle(instance)
    cells = {i: frozenset(c for c in range(62) if mask >> c & 1) for i, mask in enumerate(cells_of(placement))}
    fillings = [oracle.fill(j, vms, cells) for j, vms in oracle.members(placement.host_of.tolist()).items()]
    if allocated is None:
        assert None in fillings
        return
    assert allocated.allocation is not None
    given = allocated.allocation.tolist()
    got = sum(
        (oracle.unmet(i, r, a) for i, row in enumerate(given) if placement.host_of[i] >= 0 for r, a in enumerate(row)),
        Fraction(0),
    )
    assert got == sum((filling.unmet for filling in fillings if filling is not None), Fraction(0))


def cells_of(placement: Placement) -> list[int]:
    assert placement.cells is not None
    return list(map(int, placement.cells))


@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy != "drf"])
@pytest.mark.parametrize("seed", [*EVERYDAY, *CAMPAIGN])
def test_nothing_is_left_that_a_vm_under_its_limit_could_use(seed: int, policy: Policy) -> None:
    """One step more for anybody must break a limit or a capacity, by the oracle's reading."""
    instance, placement = fully_drawn(seed)
    allocated = allocate(instance, placement, policy, HIGHS)
    if allocated is None:
        return
    assert allocated.allocation is not None
    oracle, rows = Oracle(instance), allocated.allocation.tolist()
    cells = {i: frozenset(c for c in range(62) if mask >> c & 1) for i, mask in enumerate(cells_of(placement))}
    for j, members in oracle.members(placement.host_of.tolist()).items():
        for i in members:
            for r in range(len(instance.resources)):
                rows[i][r] += oracle.core(j, r) or 1 if oracle.is_pinned(i, r) else 1
                assert not oracle.fits(j, members, cells, rows)
                rows[i] = list(allocated.allocation[i].tolist())


def reference(low: float, levels: AnyIsolation | None = None) -> Instance:
    """Return the reference case with reservations a part of demands, and limits equal to them."""
    sizes = [(20, 40), (10, 20), (30, 60), (5, 10), (15, 30)]

    def bounds(d: int) -> Bounds:
        return Bounds(reservation=d * low, demand=d, limit=d)

    return Instance(
        resources=[Resource(name="cpu", unit="cores"), Resource(name="memory", unit="GB")],
        vms=[VM(name=f"vm{n}", resources={"cpu": bounds(c), "memory": bounds(m)}) for n, (c, m) in enumerate(sizes)],
        hosts=[Host(name="host", capacity={"cpu": 100, "memory": 100}, cores=100)],
        isolation=levels or Shared(),
    )


def on_one_host(instance: Instance) -> Placement:
    return Placement(np.zeros(instance.vm_count, dtype=np.int64))


def amounts(instance: Instance, policy: Policy = "satisfaction") -> list[list[float]]:
    """Return what everyone on the one host gets, in the input's units."""
    allocated = allocate(instance, on_one_host(instance), policy, HIGHS)
    assert allocated is not None
    assert allocated.allocation is not None
    quanta = [float(scale.quantum) for scale in instance.tables.scales]
    return [[a * quantum for a, quantum in zip(row, quanta, strict=True)] for row in allocated.allocation.tolist()]


def test_the_reference_case() -> None:
    """80 of 100 cores and 100 of 100 GB, everybody's memory at 62.5 %; with reservations at demand, nothing fits."""
    assert allocate(reference(1), on_one_host(reference(1))) is None
    instance = reference(0.5)
    assert amounts(instance, "maxmin") == [[20, 25], [10, 12.5], [30, 37.5], [5, 6.25], [15, 18.75]]
    allocated = allocate(instance, on_one_host(instance), "maxmin")
    assert allocated is not None
    assert satisfaction(instance, allocated).tolist() == [[1, 0.625]] * 5
    left = unallocated(instance, allocated)[0]
    assert [scale.say(int(a)) for scale, a in zip(instance.tables.scales, left, strict=True)] == ["20 cores", "0 GB"]


@pytest.mark.parametrize("policy", POLICIES)
def test_partial_isolation_meets_its_end_points(policy: Policy) -> None:
    """Alpha 0 is pure sharing; alpha 1 is the equal partition where everybody's bounds contain it."""
    assert amounts(reference(0.5, Partial(alpha=0)), policy) == amounts(reference(0.5), policy)
    wide = [VM(name=f"vm{n}", resources={"cpu": Bounds(demand=5 * n, limit=60)}) for n in range(1, 6)]
    equal = Instance(
        resources=[Resource(name="cpu")],
        vms=wide,
        hosts=[Host(name="host", capacity={"cpu": 100})],
        isolation=Partial(alpha=1),
    )
    assert amounts(equal, policy) == [[20]] * 5


def protected(gamma: int, capacity: int) -> Instance:
    """Return three protected VMs that hold 1 and may burst to 3 each."""
    return Instance(
        resources=[Resource(name="cpu")],
        vms=[VM(name="vm", count=3, resources={"cpu": Bounds(reservation=1, demand=1, limit=3)})],
        hosts=[Host(name="host", capacity={"cpu": capacity})],
        isolation=Protected(gamma=gamma),
    )


def test_protected_bursting_meets_its_end_points() -> None:
    """Gamma 0 asks for the reservations alone, Gamma >= N for all limits, and between for its largest bursts."""
    for gamma, least in ((0, 3), (1, 5), (2, 7), (3, 9), (7, 9)):
        short = protected(gamma, least - 1)
        assert allocate(short, on_one_host(short)) is None
        assert sum(row[0] for row in amounts(protected(gamma, least))) == least


def test_full_slices_leave_room_for_bursts() -> None:
    """A full slice may not grow into what protected VMs must be able to burst to, even where it could use it."""
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=[
            VM(name="fixed", resources={"cpu": Bounds(reservation=1, demand=8, limit=8)}, isolation=Full()),
            VM(
                name="bursty", resources={"cpu": Bounds(reservation=1, demand=1, limit=6)}, isolation=Protected(gamma=1)
            ),
        ],
        hosts=[Host(name="host", capacity={"cpu": 10})],
    )
    assert amounts(instance) == [[4], [6]]


def test_pinned_slices_are_whole_cores() -> None:
    """Two pinned VMs of one and a half cores each get one and two, never a half core."""
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=[VM(name="vm", count=2, resources={"cpu": Bounds(demand=1.5, limit=3)})],
        hosts=[Host(name="host", capacity={"cpu": 3}, cores=3)],
        isolation=Full(pinned=True),
    )
    for policy in POLICIES:
        assert sorted(row[0] for row in amounts(instance, policy)) == [1, 2]
    coreless = instance.replace(hosts=[Host(name="host", capacity={"cpu": 3})])
    assert allocate(coreless, on_one_host(coreless)) is None


@pytest.mark.parametrize("hosts", [10_000, pytest.param(62_500, marks=pytest.mark.campaign)])
def test_a_million_rigid_vms_take_no_time(hosts: int) -> None:
    """Where limits fit there is nothing to decide; a loop over hosts would take minutes."""
    per_host = 16
    instance = Instance(
        resources=[Resource(name="cpu"), Resource(name="memory")],
        vms=[VM(name="vm", count=hosts * per_host, resources={"cpu": 1, "memory": 2})],
        hosts=[Host(name="host", count=hosts, capacity={"cpu": per_host, "memory": 2 * per_host})],
    )
    placement = Placement(np.tile(np.arange(hosts), per_host))
    begin = time.process_time()
    allocated = allocate(instance, placement)
    assert time.process_time() - begin < 2, "a million took 0.5 s when this was written"
    assert allocated is not None
    assert allocated.allocation is not None
    assert (allocated.allocation == instance.tables.demand[0]).all()
    crowded = placement.host_of.copy()
    crowded[0] = 1
    assert allocate(instance, Placement(crowded)) is None


def test_figures_near_the_limit_of_integers_do_not_overflow() -> None:
    """Sums beyond 64 bits go to exact arithmetic instead of wrapping around."""
    instance = Instance(
        resources=[Resource(name="disk")],
        vms=[VM(name="vm", count=2000, resources={"disk": Bounds(demand=10**12)})],
        hosts=[Host(name="host", capacity={"disk": 9 * 10**12 / 10})],
    )
    allocated = allocate(instance, on_one_host(instance), "maxmin")
    assert allocated is not None
    assert allocated.allocation is not None
    assert sum(allocated.allocation[:, 0].tolist()) == int(instance.tables.capacity[0, 0])


def test_unplaced_vms_get_nothing() -> None:
    """A VM without a host has no allocation, and an empty placement is no error."""
    instance = reference(0.5)
    allocated = allocate(instance, Placement(np.array([0, -1, -1, 0, -1])))
    assert allocated is not None
    assert allocated.allocation is not None
    assert (allocated.allocation[[1, 2, 4]] == 0).all()
    for policy in POLICIES:
        nobody = allocate(instance, Placement(np.full(5, -1)), policy)
        assert nobody is not None
        assert nobody.allocation is not None
        assert not nobody.allocation.any()


def test_wrong_input_is_named() -> None:
    """The caller's mistakes are input errors with a path, not stack traces from numpy."""
    instance = reference(0.5)
    celled = instance.replace(hosts=[Host(name="host", cells=[Cell(capacity={"cpu": 100, "memory": 100})])])
    with pytest.raises(InputError, match="policy: unknown policy 'fair'"):
        allocate(instance, on_one_host(instance), "fair")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"placement\.host_of: expected a host number"):
        allocate(instance, Placement(np.zeros(3, dtype=np.int64)))
    with pytest.raises(InputError, match=r"placement\.host_of: host numbers"):
        allocate(instance, Placement(np.full(5, 7)))
    with pytest.raises(InputError, match=r"placement\.cells: vm0 on host needs 1 of its 1 NUMA cells"):
        allocate(celled, on_one_host(celled))
    with pytest.raises(InputError, match=r"placement\.allocation"):
        unallocated(instance, on_one_host(instance))
    with pytest.raises(InputError, match=r"placement\.allocation"):
        satisfaction(instance, on_one_host(instance))


class Silent(HighsBackend):
    """A backend that never finds anything."""

    def solve(self, *_: object, **__: object) -> Solution:
        """Return nothing."""
        return Solution(Outcome.UNKNOWN, backend="silent")


def test_a_backend_without_an_answer_is_an_error() -> None:
    """A program that stays unsolved must not pass for an allocation."""
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=[VM(name="vm", count=2, resources={"cpu": Bounds(demand=2, limit=3)})],
        hosts=[Host(name="host", capacity={"cpu": 3}, cores=3)],
        isolation=Full(pinned=True),
    )
    with pytest.raises(BackendError, match="silent: UNKNOWN"):
        allocate(instance, on_one_host(instance), backend=Silent())
