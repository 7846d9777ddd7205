"""The objective recomputed: each term by hand, and large figures exactly."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from formulations import (
    VM,
    Bounds,
    Host,
    InputError,
    Instance,
    ObjectiveLevel,
    Placement,
    Resource,
    Term,
    UnsupportedError,
)
from formulations.objective import level
from formulations.rules import Ignore, Spread
from solver.verifying import level_values
from solver.verifying.exact_sums import fraction_sum, times, totals
from tests.oracle import Oracle
from tests.strategies import TERMS, everything, random_placement


def shop(*kinds: Any, **changes: Any) -> Instance:
    """Return three VMs and two hosts with every figure that an objective may ask for."""
    fields: dict[str, Any] = {
        "resources": [Resource(name="cpu")],
        "vms": [
            VM(name="web", count=2, resources={"cpu": Bounds(reservation=1, demand=3, shares=2)}, host=["h1", "h2"]),
            VM(name="db", resources={"cpu": 4}, priority=5, host="h1", move_cost=7),
        ],
        "hosts": [
            Host(name="h1", capacity={"cpu": 10}, cost=3, idle_power=50, peak_power=150),
            Host(name="h2", capacity={"cpu": 5}, cost=1, idle_power=20, peak_power=40),
        ],
        "objective": [level(kind) for kind in kinds],
        "allow_unplaced": True,
    }
    return Instance(**{**fields, **changes})


def valued(instance: Instance, hosts: list[int], given: list[int]) -> tuple[Fraction, ...]:
    """Return the levels' values; figures given are in cores."""
    quantum = int(1 / instance.tables.scales[0].quantum)
    return level_values(instance, Placement(np.array(hosts), np.array(given)[:, None] * quantum))


def test_what_is_left_out_counts_by_demand() -> None:
    """Leaving out one large VM is worse than two small ones where memory, not number, is asked for."""
    terms = [Term(kind="unplaced", resource="cpu"), Term(kind="unplaced", resource="cpu", priority=0, weight=10)]
    instance = shop(objective=[ObjectiveLevel(terms=[term]) for term in terms])
    assert valued(instance, [0, -1, -1], [1, 0, 0]) == (Fraction(3 + 4), Fraction(10 * 3))
    assert [stated.name for stated in instance.levels] == ["unplaced cpu", "10 unplaced cpu of priority 0"]
    assert instance.levels[0].said_unit == "of cpu"


@pytest.mark.parametrize(
    ("kind", "hosts", "given", "value"),
    [
        ("unplaced", [0, 1, -1], [1, 1, 0], Fraction(1)),
        ("unmet_demand", [0, 1, 0], [1, 2, 4], Fraction(2 * 2, 3) + Fraction(2, 3)),
        ("unmet_demand", [0, 1, 0], [9, 3, 4], Fraction(0)),  # more than demanded is no merit
        ("unmet_demand", [0, -1, -1], [3, 0, 0], Fraction(2 + 1)),
        ("hosts", [0, 0, 0], [1, 1, 4], Fraction(1)),
        ("cost", [0, 1, 0], [1, 1, 4], Fraction(4)),
        ("cost", [1, 1, -1], [1, 1, 0], Fraction(1)),
        ("energy", [0, 1, 0], [1, 1, 4], 50 + 100 * Fraction(7, 10) + 20 + 20 * Fraction(3, 5)),
        ("energy", [-1, -1, -1], [0, 0, 0], Fraction(0)),
        ("migration", [0, 0, 0], [1, 1, 4], Fraction(1)),
        ("migration", [1, 0, -1], [1, 1, 0], Fraction(1 + 1 + 7)),  # who leaves, leaves
        ("imbalance", [0, 1, 0], [1, 1, 4], Fraction(7, 10) - Fraction(10, 15)),
        ("imbalance", [1, 1, 0], [1, 1, 4], Fraction(6, 5) - Fraction(10, 15)),
    ],
)
def test_each_term_by_hand(kind: Any, hosts: list[int], given: list[int], value: Fraction) -> None:
    """Each term is what formulations/objective.py says it is."""
    assert valued(shop(kind), hosts, given) == (value,)


def test_terms_of_machine_reassignment_by_hand() -> None:
    """Safety capacity, balance, moves by group and by distance, each counted by hand."""
    vms = [
        VM(name="web", count=2, group="shop", host=["h1", "h2"], resources={"cpu": 3, "memory": 2}),
        VM(name="db", group="shop", host="h1", resources={"cpu": 4, "memory": 8}),
        VM(name="cron", host="h2", resources={"cpu": 1}),
    ]
    hosts = [
        Host(name="h1", capacity={"cpu": 10, "memory": 12}, safety={"cpu": 5}, distance={"h2": 3}),
        Host(name="h2", capacity={"cpu": 8, "memory": 20}, rack="r", distance={"h1": 2, "rack:r": 7}),
    ]
    terms = [
        Term(kind="load", resource="cpu"),
        Term(kind="load", resource="memory"),
        Term(kind="balance", resource="cpu", other="memory", target=2),
        Term(kind="group_moves"),
        Term(kind="distance"),
    ]
    instance = Instance(
        resources=[Resource(name="cpu"), Resource(name="memory")],
        vms=vms,
        hosts=hosts,
        objective=[ObjectiveLevel(terms=[term]) for term in terms],
    )
    swapped = level_values(instance, Placement(np.array([1, 0, 0, 0])))
    # h1: 3 + 4 + 1 of 5 cores safe; free there 2 cores and 2 GB, on h2 5 cores and 18 GB; web-1, web-2 and cron leave.
    assert [*map(int, swapped)] == [3, 0, 2, 2, 3 + 2 + 2]
    stay = level_values(instance, Placement(np.array([0, 1, 0, 1])))
    assert [*map(int, stay)] == [2, 0, 4, 0, 0]


def test_names_and_units_of_terms() -> None:
    """What a report prints for a term, and what a term must say."""
    assert str(Term(kind="load", resource="cpu")) == "load of cpu"
    assert str(Term(kind="balance", resource="cpu", other="disk", target=0.5)) == "balance of disk to 0.5 cpu"
    with pytest.raises(InputError, match="resource: a term of kind load needs it"):
        Term(kind="load")
    with pytest.raises(InputError, match="other: a term of kind balance needs it"):
        Term(kind="balance", resource="cpu")
    with pytest.raises(InputError, match="resource: only a term of kind load or balance or unplaced takes this"):
        Term(kind="hosts", resource="cpu")
    with pytest.raises(InputError, match="gpu"):
        shop(objective=[ObjectiveLevel(terms=[Term(kind="load", resource="gpu")])])
    two = [Host(name="a", rack="r"), Host(name="b", distance={"a": 1, "rack:r": 2})]
    with pytest.raises(InputError, match="two names mean host 'a'"):
        shop(hosts=two, vms=[])


def test_priorities_and_weights() -> None:
    """A level is the weighted sum of its terms; a priority counts its own VMs only."""
    terms = [
        Term(kind="unplaced", priority=5, weight=10),
        Term(kind="unplaced", priority=0),
        Term(kind="cost", weight=0.5),
    ]
    instance = shop(objective=[ObjectiveLevel(terms=terms), level("unplaced")])
    assert valued(instance, [0, -1, -1], [1, 0, 0]) == (10 + 1 + Fraction(3, 2), Fraction(2))


def test_soft_rules_cost_their_price() -> None:
    """Price times amount, over soft rules; hard ones have no price."""
    rules = [Spread(vms=["*"], price=2.5), Spread(vms=["web"], price=1), Spread(vms=["*"])]
    assert valued(shop("broken_rules", rules=rules), [0, 0, 0], [1, 1, 4]) == (Fraction(6),)


def test_ignored_vms_count_on_their_host_only() -> None:
    """An ignored VM keeps its host on and loaded, but is neither unplaced nor moved."""
    instance = shop("unplaced", "hosts", "migration", "unmet_demand", rules=[Ignore(vms=["db"])])
    assert valued(instance, [1, 1, 0], [3, 3, 2]) == (Fraction(0), Fraction(2), Fraction(1), Fraction(1, 2))


def test_hosts_in_maintenance_are_outside_the_balance() -> None:
    """The capacity of a host in maintenance is not the cluster's."""
    hosts = [
        Host(name="h1", capacity={"cpu": 10}, state="maintenance"),
        Host(name="h2", capacity={"cpu": 5}),
        Host(name="h3", capacity={"cpu": 5}),
        Host(name="h4"),
    ]
    assert valued(shop("imbalance", hosts=hosts), [1, 1, -1], [1, 1, 0]) == (Fraction(6, 5) - Fraction(6, 10),)


def test_terms_without_meaning_are_refused() -> None:
    """Better no figure than a wrong one."""
    with pytest.raises(UnsupportedError, match="cpu"):
        valued(shop("energy", resources=[Resource(name="cpu", role="other")]), [0, 0, 0], [1, 1, 4])
    unlimited = shop("imbalance", hosts=[Host(name="h", count="unlimited")], vms=[VM(name="a", resources={})])
    with pytest.raises(UnsupportedError, match="imbalance"):
        valued(unlimited, [0], [0])


def test_large_figures_stay_exact() -> None:
    """Shares, demands and counts whose products exceed 64 bits give the exact fraction."""
    bounds = Bounds(demand=9 * 10**6, shares=10**12)
    vms = [VM(name="a", count=2000, resources={"cpu": bounds}), VM(name="b", resources={"cpu": Bounds(demand=10**-6)})]
    instance = shop("unmet_demand", "imbalance", vms=vms, hosts=[Host(name="h", count=3, capacity={"cpu": 7 * 10**5})])
    host_of = np.arange(2001) % 3
    allocation = np.ones((2001, 1), dtype=np.int64)
    expected = Oracle(instance).values(host_of.tolist(), allocation.tolist())
    assert level_values(instance, Placement(host_of, allocation)) == expected


def test_many_denominators_are_summed_exactly() -> None:
    """Each VM with its own demand: the sum of fractions is still exact."""
    vms = [VM(name=f"v{n}", resources={"cpu": Bounds(demand=1000 + n)}) for n in range(200)]
    instance = shop("unmet_demand", vms=vms)
    given = np.full((200, 1), 10)
    expected = sum((1 - Fraction(10, int(d)) for d in instance.tables.demand[:, 0]), Fraction(0))
    assert level_values(instance, Placement(np.zeros(200, dtype=np.int64), given)) == (expected,)


def test_values_agree_with_the_oracle() -> None:
    """All terms at once, on random instances and placements, complete and partial."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        instance = everything(rng, terms=TERMS, energy=True, unlimited=False)
        bare = random_placement(rng, instance, partial=seed % 2 == 0)
        allocation = rng.integers(0, 3000, (instance.vm_count, len(instance.resources))) * (bare.host_of >= 0)[:, None]
        expected = Oracle(instance).values(bare.host_of.tolist(), allocation.tolist())
        assert level_values(instance, bare.with_allocation(allocation)) == expected


@pytest.mark.parametrize("largest", [1, 2**20, 2**52, 2**62])
def test_totals_are_exact(largest: int) -> None:
    """Sums by group equal Python's at every size, where floats and 64 bits are exact and where not."""
    rng = np.random.default_rng(largest)
    groups, values = rng.integers(0, 5, 100), rng.integers(-largest, largest + 1, 100)
    expected = [sum(int(v) for v, g in zip(values, groups, strict=True) if g == group) for group in range(6)]
    assert totals(groups, values, 6).tolist() == expected
    assert totals(groups, values.astype(object) * 2**70, 6).tolist() == [2**70 * total for total in expected]
    assert times(values, np.full(100, 3)).tolist() == [3 * int(v) for v in values]


def test_fraction_sum() -> None:
    """Summing in halves gives the plain sum, of nothing too."""
    parts = [Fraction(1, n) for n in range(1, 40)]
    assert fraction_sum(parts) == sum(parts)
    assert fraction_sum([]) == 0
