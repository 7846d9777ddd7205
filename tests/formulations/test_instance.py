"""Instances: validated at birth, exact integers behind them, members found by name and label."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pytest

from formulations import VM, Bounds, Cell, Full, Host, InputError, Instance, Partial, Pool, Protected, Resource
from formulations.machines import MOST_MEMBERS
from formulations.rules import Depend, Ignore, Pin, Split, Spread
from formulations.tables import ELASTIC_STEPS, NO_LIMIT
from tests.agreement import seeds
from tests.strategies import everything

CPU = Resource(name="cpu", unit="cores")


def instance(**changes: Any) -> Instance:
    """Return a small instance with some fields changed."""
    given: dict[str, Any] = {
        "resources": [CPU],
        "vms": [VM(name="web", count=3, group="shop", resources={"cpu": 2}), VM(name="db", resources={"cpu": 4})],
        "hosts": [
            Host(name="a", count=2, zone="north", capacity={"cpu": 16}),
            Host(name="b", zone="south", capacity={"cpu": 8}),
        ],
    }
    return Instance(**{**given, **changes})


def web(**changes: Any) -> list[VM]:
    """Return one VM entry with some fields changed."""
    return [VM(**{"name": "web", "resources": {"cpu": 2}, **changes})]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"hosts": []}, "hosts"),
        ({"resources": []}, "resources"),
        ({"resources": [CPU, CPU]}, "resources[1].name"),
        ({"vms": [*web(), *web()]}, "vms[1].name"),
        ({"vms": web(resources={"gpu": 1})}, "vms[0].resources.gpu"),
        ({"vms": web(overhead={"gpu": 1})}, "vms[0].overhead.gpu"),
        ({"vms": web(host="c")}, "vms[0].host"),
        ({"vms": web(host="a")}, "vms[0].host"),
        ({"vms": web(count=2, host=["a-1", "c"])}, "vms[0].host[1]"),
        ({"vms": web(start_after=["cache"])}, "vms[0].start_after[0]"),
        ({"vms": web(start_after=["web"])}, "vms"),
        ({"vms": web(pool="gold")}, "vms[0].pool"),
        ({"vms": [*web(count=MOST_MEMBERS), VM(name="one", resources={})]}, "vms"),
        ({"pools": [Pool(name="p", parent="q")]}, "pools[0].parent"),
        ({"pools": [Pool(name="p", parent="q"), Pool(name="q", parent="p")]}, "pools"),
        ({"rules": [Spread(vms=["cache"])]}, "rules[0].vms[0]"),
        ({"rules": [Spread(vms=["web"], level="room")]}, "rules[0].level"),
        ({"rules": [Pin(vms=["web"], host="a")]}, "rules[0].host"),
        ({"rules": [Pin(vms=["web"], host="zone:west")]}, "rules[0].host[0]"),
        ({"rules": [Split(groups=[["web"], ["web-1", "db"]])]}, "rules[0]"),
        ({"isolation": Protected(gamma=1), "vms": web(isolation=Protected(gamma=2))}, "isolation"),
    ],
)
def test_inconsistent_instances_cannot_exist(changes: dict[str, Any], path: str) -> None:
    """Each names the field at fault."""
    with pytest.raises(InputError) as refused:
        instance(**changes)
    assert refused.value.path == path


@pytest.mark.parametrize(
    "make",
    [
        lambda: Bounds(reservation=3, limit=2),
        lambda: Bounds(reservation=3, demand=2),
        lambda: Bounds(demand=3, limit=2),
        lambda: Bounds(shares=0),
        lambda: Bounds(demand=[]),
        lambda: Bounds(ramp=-1),
        lambda: VM(name="", resources={}),
        lambda: VM(name=" a", resources={}),
        lambda: VM(name="a\n", resources={}),
        lambda: VM(name="a" * 201, resources={}),
        lambda: VM(name="a", resources={}, count=0),
        lambda: VM(name="a", resources={}, numa=0),
        lambda: VM(name="a", resources={}, vcpus=0),
        lambda: VM(name="a", resources={}, burst_probability=1.5),
        lambda: VM(name="a", resources={}, count=2, host=["h"]),
        lambda: Host(name="h", overcommit={"cpu": 0.5}),
        lambda: Host(name="h", idle_power=2, peak_power=1),
        lambda: Host(name="h", cores=0),
        lambda: Host(name="h", labels={"zone": "z"}),
        lambda: Partial(alpha=1.5),
        lambda: Protected(gamma=-1),
        lambda: Spread(vms=[]),
        lambda: Spread(vms=["a"], price=-1),
        lambda: Split(groups=[["a"]]),
        lambda: Ignore(vms=["a"], price=1),
    ],
)
def test_impossible_parts_cannot_exist(make: Any) -> None:
    """Every part checks itself."""
    with pytest.raises(InputError):
        make()


def test_sizes_are_exact_integers() -> None:
    """The quantum divides all that is stated; rigid sizes need no finer one."""
    rigid = instance(vms=web(resources={"cpu": Decimal("0.75")}))
    assert rigid.tables.scales[0].quantum == Fraction(1, 4)
    assert rigid.tables.lower.tolist() == [[3]]
    assert rigid.tables.capacity.tolist() == [[64], [32]]


def test_allocations_may_be_finer_than_sizes() -> None:
    """62.5 % of 10 GB is no multiple of 10 GB: elastic resources are divided further."""
    elastic = instance(vms=web(resources={"cpu": Bounds(reservation=1, limit=3)}))
    assert elastic.tables.scales[0].quantum == Fraction(1, ELASTIC_STEPS)


def test_missing_bounds_take_their_defaults() -> None:
    """Missing reservation 0, limit the host's capacity, demand the limit if given, else the reservation."""
    tables = instance(
        vms=[
            VM(name="x", resources={"cpu": Bounds(reservation=1)}),
            VM(name="y", resources={"cpu": Bounds(limit=4)}),
            VM(name="z", resources={}),
        ]
    ).tables
    one = tables.scales[0].integer(Fraction(1))
    assert (tables.lower[:, 0] // one).tolist() == [1, 0, 0]
    assert (tables.demand[:, 0] // one).tolist() == [1, 4, 0]
    assert tables.upper[0, 0] == NO_LIMIT
    assert tables.upper_on(1)[0, 0] == tables.capacity[1, 0]


def test_overhead_reserve_and_overcommit() -> None:
    """C is (physical - reserve) * ratio; a VM's overhead is added to all of its bounds."""
    tables = instance(
        vms=web(resources={"cpu": Bounds(reservation=1, demand=2, limit=3)}, overhead={"cpu": 0.5}),
        hosts=[Host(name="h", capacity={"cpu": 10}, reserve={"cpu": 2}, overcommit={"cpu": 1.5})],
    ).tables
    quantum = tables.scales[0].quantum
    assert [int(row[0, 0]) * quantum for row in (tables.lower, tables.demand, tables.upper)] == [1.5, 2.5, 3.5]
    assert int(tables.capacity[0, 0]) * quantum == 12


def test_cells_give_the_host_its_capacity() -> None:
    """A host that lists cells need not repeat their sum; cores are exact where pinned."""
    tables = instance(
        hosts=[Host(name="h", cores=8, cells=[Cell(capacity={"cpu": 12}), Cell(capacity={"cpu": 8})])],
        isolation=Full(pinned=True),
    ).tables
    assert tables.capacity[0, 0] * tables.scales[0].quantum == 20
    assert tables.core[0] * tables.scales[0].quantum == Fraction(5, 2)


def test_selectors() -> None:
    """Entries, members, groups, labels and everything; hosts without a label are domains of their own."""
    question = instance()
    assert question.vms_called(["group:shop"]).tolist() == [0, 1, 2]
    assert question.vms_called(["web-2", "db", "db"]).tolist() == [1, 3]
    assert question.vms_called(["*"]).tolist() == [0, 1, 2, 3]
    assert question.hosts_called(["zone:north"]).tolist() == [0, 1]
    assert question.domains("zone", np.arange(3)).tolist() == [0, 0, 1]
    assert len(set(question.domains("rack", np.arange(3)).tolist())) == 3
    assert question.domain_name("zone", 1) == "south"


def test_who_is_wanted() -> None:
    """Off VMs and ignored ones without a host are not placed; ignored ones with a host are not ruled."""
    question = instance(
        vms=[
            VM(name="on", resources={"cpu": 1}),
            VM(name="off", resources={"cpu": 1}, power="off"),
            VM(name="left", resources={"cpu": 1}, host="b"),
            VM(name="lost", resources={"cpu": 1}),
        ],
        rules=[Ignore(vms=["left", "lost"])],
    )
    assert question.wanted.tolist() == [True, False, True, False]
    assert question.ruled.tolist() == [True, False, False, False]
    assert question.current.tolist() == [-1, -1, 2, -1]


def test_start_order_may_name_groups() -> None:
    """A chain of dependencies is no cycle."""
    instance(vms=[VM(name="a", resources={}, group="g"), VM(name="b", resources={}, start_after=["group:g"])])


def test_default_objective_has_only_what_can_differ() -> None:
    """Levels that every placement shares are left out."""
    assert [level.name for level in instance().levels] == ["hosts", "imbalance"]
    rich = instance(
        allow_unplaced=True,
        vms=[
            VM(name="a", resources={"cpu": Bounds(limit=2)}, host="b", priority=5),
            VM(name="c", resources={"cpu": 1}),
        ],
        hosts=[Host(name="b", cost=3, capacity={"cpu": 4})],
        rules=[Depend(vms=["a"], on=["c"], level="host", price=2)],
    )
    assert [level.name for level in rich.levels] == [
        "unplaced of priority 5",
        "unplaced of priority 0",
        "broken rules",
        "unmet demand",
        "cost",
        "migration",
        "imbalance",
    ]


def test_instances_survive_json() -> None:
    """Writing and reading gives the same tables, whether figures were floats or decimals."""
    for rng in seeds("json", 20):
        question = everything(rng)
        again = msgspec.json.decode(msgspec.json.encode(question), type=Instance)
        assert msgspec.json.decode(msgspec.json.encode(again), type=Instance) == again
        np.testing.assert_array_equal(again.tables.lower, question.tables.lower)
        np.testing.assert_array_equal(again.tables.capacity, question.tables.capacity)


def test_unlimited_hosts_are_as_many_as_vms() -> None:
    """More hosts than VMs are never needed."""
    assert instance(hosts=[Host(name="h", count="unlimited", capacity={"cpu": 8})]).host_count == 4
