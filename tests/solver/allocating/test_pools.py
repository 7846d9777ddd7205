"""Resource pools: trees of reservations, limits and shares that divide hosts."""

from __future__ import annotations

import numpy as np
import pytest

from formulations import VM, Bounds, Cell, Host, Instance, Placement, Pool, Resource
from formulations.tables import Integers
from solver.allocating import allocate
from solver.backends.highs import HighsBackend
from solver.verifying import verify
from solver.verifying.judge import least_allocation
from tests.solver.allocating.test_allocation import fully_drawn

SEEDS = [*range(25), *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(1000, 1300))]


def divided(
    pools: list[Pool], vms: list[VM], capacity: float = 100, hosts: int = 1, at: list[int] | None = None
) -> list[float]:
    """Return the entitlements of VMs on equal hosts, all on the first unless told."""
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=vms,
        hosts=[Host(name="host", count=hosts, capacity={"cpu": capacity})],
        pools=pools,
    )
    host_of = np.array(at or [0] * instance.vm_count)
    allocated = allocate(instance, Placement(host_of), "entitlement")
    assert allocated is not None
    assert allocated.allocation is not None
    assert verify(instance, allocated).ok
    return [float(instance.tables.scales[0].value(a)) for a in allocated.allocation[:, 0].tolist()]


def vm(name: str, pool: str | None, demand: float = 100, **more: float) -> VM:
    return VM(name=name, pool=pool, resources={"cpu": Bounds(demand=demand, **more)})


def pool(name: str, parent: str | None = None, **figures: float) -> Pool:
    return Pool(name=name, parent=parent, resources={"cpu": Bounds(**figures)} if figures else {})


def test_shares_divide_level_by_level() -> None:
    """A pool's VMs share what the pool gets, however many they are."""
    pools = [pool("gold", shares=3), pool("tin", shares=1)]
    vms = [vm("a", "gold"), vm("b", "tin"), vm("c", "tin"), vm("d", "tin", shares=3)]
    assert divided(pools, vms) == [75, 5, 5, 15]


def test_pools_nest() -> None:
    """A pool inside a pool competes with its siblings only."""
    pools = [pool("all", shares=4), pool("inner", "all", shares=1)]
    vms = [vm("a", "inner"), vm("b", "inner"), vm("c", "all"), vm("d", None)]
    assert divided(pools, vms) == [20, 20, 40, 20]


def test_a_reservation_comes_before_shares_as_far_as_it_is_demanded() -> None:
    """What a pool reserves but does not demand is lent to others."""
    pools = [pool("safe", reservation=60), pool("other")]
    assert divided(pools, [vm("a", "safe"), vm("b", "other")]) == [80, 20]
    assert divided(pools, [vm("a", "safe", demand=10, limit=10), vm("b", "other")]) == [10, 90]


def test_a_limit_holds_even_when_the_host_is_empty() -> None:
    """A pool's limit keeps its VMs down; it is never exceeded by handing out the rest."""
    pools = [pool("small", limit=30)]
    assert divided(pools, [vm("a", "small"), vm("b", "small")]) == [15, 15]
    assert divided(pools, [vm("a", "small"), vm("b", None, demand=40, limit=50)]) == [30, 50]


def test_guaranteed_floors_stand_above_a_pools_limit() -> None:
    """Reservations of VMs are promises of the whole system, and a pool cannot take them back."""
    pools = [pool("small", limit=30)]
    assert divided(pools, [vm("a", "small", reservation=25), vm("b", "small", reservation=25)]) == [25, 25]


def test_a_pool_has_its_limit_once_for_all_hosts() -> None:
    """The limit is the cluster's: hosts get parts of it in proportion to demand there."""
    pools = [pool("small", limit=60)]
    vms = [vm("a", "small", demand=40), vm("b", "small", demand=80), vm("c", None, demand=10)]
    assert divided(pools, vms, hosts=2, at=[0, 1, 1]) == [20, 40, 60]


def test_a_pools_shares_are_spread_over_its_hosts() -> None:
    """A pool on two hosts weighs half as much on each, like two VMs of half its shares."""
    pools = [pool("wide", shares=2)]
    vms = [vm("a", "wide"), vm("b", "wide"), vm("c", None), vm("d", None, shares=3)]
    assert divided(pools, vms, hosts=2, at=[0, 1, 0, 1]) == [50, 25, 50, 75]


def test_pools_and_cells_hold_together() -> None:
    """On NUMA hosts the tree's division is cut to what the cells hold, and the rest handed out."""
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=[vm("a", "one"), vm("b", "one"), vm("c", "two")],
        hosts=[Host(name="host", cells=[Cell(capacity={"cpu": 50}), Cell(capacity={"cpu": 50})])],
        pools=[pool("one", limit=40), pool("two")],
    )
    allocated = allocate(instance, Placement(np.zeros(3, dtype=np.int64), cells=np.array([1, 1, 2])), "entitlement")
    assert allocated is not None
    assert allocated.allocation is not None
    assert [float(instance.tables.scales[0].value(a)) for a in allocated.allocation[:, 0]] == [20, 20, 50]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_trees_give_valid_allocations_within_limits(seed: int) -> None:
    """Any tree over any isolation levels: the judge accepts it, and no pool exceeds its limit beyond its floors."""
    bare, placement = fully_drawn(seed)
    rng = np.random.default_rng(seed)
    names = ["p1", "p2", "p3"]
    limits = {name: int(rng.integers(1, 12)) for name in names if rng.random() < 0.6}
    pools = [
        Pool(
            name=name,
            parent=None if n == 0 or rng.random() < 0.5 else names[int(rng.integers(0, n))],
            resources={"cpu": Bounds(shares=int(rng.integers(1, 4)), limit=limits.get(name))},
        )
        for n, name in enumerate(names)
    ]
    fields = [{field: getattr(own, field) for field in VM.__struct_fields__} for own in bare.vms]
    homes = [str(rng.choice(names)) if rng.random() < 0.7 else None for _ in fields]
    instance = bare.replace(
        vms=[VM(**{**own, "pool": home}) for own, home in zip(fields, homes, strict=True)], pools=pools
    )
    allocated = allocate(instance, placement, "entitlement", HighsBackend())
    assert (allocated is None) == (allocate(instance, placement, "drf", HighsBackend()) is None)
    if allocated is None:
        return
    assert verify(instance, allocated).ok
    assert allocated.allocation is not None
    inside = [np.array([homes[entry] == name for entry in instance.vm_entry]) & placement.placed for name in names]
    for pool_, members in zip(pools, inside, strict=True):
        if pool_.name in limits and not any(other.parent == pool_.name for other in pools):
            scale = instance.tables.scales[0]
            most = max(limits[pool_.name], float(scale.value(int(floors_of(instance, placement)[members].sum()))))
            assert float(scale.value(int(allocated.allocation[members, 0].sum()))) <= most


def floors_of(instance: Instance, placement: Placement) -> Integers:
    """Return every VM's guaranteed cpu: what the judge asks for at least."""
    return least_allocation(instance, placement.host_of)[:, 0]
