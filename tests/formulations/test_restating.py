"""Machine reassignment asked as arrays and as an instance is one question."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from formulations import VM, Bounds, Host, Instance, ObjectiveLevel, Placement, Resource, Term, UnsupportedError
from formulations.objective import level
from formulations.reassignment import Reassignment
from formulations.restating import instance_of, restated
from formulations.rules import AtLeastDomains, AtMostMoves, Ban, Depend, Pin, Rule, Spread
from solver.inventories import read_instance, read_placement
from solver.rebalancing.questions import placed_now
from solver.verifying import holds, level_values, verify
from solver.verifying.reassignment import judge
from tests.agreement import seeds


def random_question(rng: np.random.Generator) -> Reassignment:
    """Return a small question with everything that the files know, the current hosts valid or not."""
    n, m, r = int(rng.integers(2, 8)), int(rng.integers(2, 5)), int(rng.integers(1, 4))
    service = np.unique(rng.integers(0, 4, n), return_inverse=True)[1].astype(np.int64)
    s = int(service.max()) + 1
    sizes = rng.integers(0, 5, (n, r))
    capacity = rng.integers(4, 14, (m, r))
    current, transient = rng.integers(0, m, n), rng.random(r) < 0.4
    held = np.zeros((m, r), dtype=np.int64)
    np.add.at(held, current, sizes)
    capacity[:, transient] = np.maximum(capacity, held)[:, transient]
    dependencies = [(a, b) for a in range(s) for b in range(s) if a != b and rng.random() < 0.15]
    return Reassignment(
        sizes=sizes,
        service=service,
        current=current,
        capacity=capacity,
        safety=np.minimum(capacity, rng.integers(0, 9, (m, r))),
        location=np.unique(rng.integers(0, 3, m), return_inverse=True)[1].astype(np.int64),
        neighbourhood=np.unique(rng.integers(0, 3, m), return_inverse=True)[1].astype(np.int64),
        transient=transient,
        load_weight=rng.integers(0, 4, r),
        balances=np.array([(0, r - 1, int(rng.integers(1, 4)), int(rng.integers(0, 5)))], dtype=np.int64),
        spread=rng.integers(0, 3, s),
        most_per_host=rng.integers(1, 3, s),
        dependencies=np.array(dependencies, dtype=np.int64).reshape(-1, 2),
        move_cost=rng.integers(0, 5, n),
        move_weight=int(rng.integers(1, 3)),
        service_weight=int(rng.integers(0, 4)),
        pair_weight=int(rng.integers(0, 3)),
        host_class=np.arange(m, dtype=np.int64),
        pair_cost=(rng.integers(0, 6, (m, m)) * (1 - np.eye(m, dtype=np.int64))).astype(np.int32),
        most_moves=int(rng.integers(0, n + 1)) if rng.random() < 0.3 else None,
        name="small",
    )


def assert_one_question(rng: np.random.Generator) -> int:
    """Assert that both judges say the same of random placements; return how many are valid."""
    question = random_question(rng)
    instance = instance_of(question)
    again = restated(instance)
    assert again.vms.tolist() == list(range(question.vms))
    valid = 0
    for _ in range(6):
        stays = rng.random(question.vms) < 0.6
        hosts = np.where(stays, question.current, rng.integers(0, question.hosts, question.vms))
        first, second = judge(question, hosts), judge(again.problem, hosts)
        placement = again.placement(hosts)
        assert first.ok == second.ok == holds(instance, placement), (first, verify(instance, placement))
        (value,) = level_values(instance, placement)
        assert value == first.cost
        assert value == again.step * second.cost
        assert again.hosts(placement).tolist() == hosts.tolist()
        valid += first.ok
    return valid


def test_both_ways_of_asking_are_one_question() -> None:
    """Validity and cost agree between the judge of instances and that of arrays, there and back again."""
    assert sum(assert_one_question(rng) for rng in seeds("restating", 40)) > 20


@pytest.mark.campaign
def test_both_ways_of_asking_are_one_question_campaign() -> None:
    """The same on 2,000 questions."""
    assert sum(assert_one_question(rng) for rng in seeds("restating campaign", 2000)) > 1000


def shop(*rules: Rule, **changes: object) -> Instance:
    """Return two kinds of VMs on three hosts of two racks."""
    fields: dict[str, object] = {
        "resources": [Resource(name="cpu")],
        "vms": [
            VM(name="web", count=2, resources={"cpu": 1}, host=["a", "b"]),
            VM(name="db", resources={"cpu": 2}, host="c"),
            VM(name="off", resources={"cpu": 2}, power="off"),
        ],
        "hosts": [
            Host(name="a", capacity={"cpu": 4}, safety={"cpu": 1}, rack="r", distance={"b": 0.5}),
            Host(name="b", capacity={"cpu": 4}, rack="r"),
            Host(name="c", capacity={"cpu": 4}, rack="s", state="maintenance"),
        ],
        "rules": list(rules),
        "objective": [
            ObjectiveLevel(
                terms=[
                    Term(kind="load", resource="cpu", weight=0.5),
                    Term(kind="migration"),
                    Term(kind="distance", weight=3),
                ]
            )
        ],
    }
    return Instance(**{**fields, **changes})  # type: ignore[arg-type]


def test_rules_become_masks_services_and_budgets() -> None:
    """What operators state in rules arrives in the arrays."""
    instance = shop(
        Spread(vms=["web"]),
        AtLeastDomains(vms=["web"], least=2, level="rack"),
        Ban(vms=["web-1"], hosts=["b"]),
        Pin(vms=["web-2"]),
        Depend(vms=["db"], on=["web"], level="rack"),
        AtMostMoves(most=2),
        AtMostMoves(most=3),
    )
    found = restated(instance)
    problem = found.problem
    assert found.vms.tolist() == [0, 1, 2]
    assert problem.allowed is not None
    assert problem.allowed[problem.vm_class].tolist() == [
        [True, False, False],
        [False, True, False],
        [True, True, False],
    ]
    assert problem.most_per_host[problem.service].tolist() == [1, 1, 3]
    assert problem.spread[problem.service].tolist() == [2, 2, 0]
    assert problem.dependencies.tolist() == [[problem.service[2], problem.service[0]]]
    assert problem.most_moves == 2
    hosts = np.array([1, 1, 0])
    values = level_values(instance, Placement(np.array([1, 1, 0, -1])))
    assert values == (found.step * judge(problem, hosts).cost,)


@pytest.mark.parametrize(
    ("instance", "reason"),
    [
        (shop(objective=[level("hosts")]), "an objective that is not one level"),
        (shop(Spread(vms=["web"], price=2)), "the rule spread web"),
        (shop(AtMostMoves(most=1, vms=["web"])), "the rule at most 1 moves of web"),
        (shop(Spread(vms=["web"]), Spread(vms=["web-1", "db"])), "overlaps another set of VMs"),
        (shop(allow_unplaced=True), "VMs that may be left out"),
        (shop(hosts=[Host(name="h", count="unlimited", capacity={"cpu": 9})], vms=[]), "hosts without number"),
        (
            shop(vms=[VM(name="a", resources={"cpu": Bounds(demand=2)}, host="a")]),
            "demands beyond reservations",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(instance: Instance, reason: str) -> None:
    """An engine must not answer another question than the one asked."""
    with pytest.raises(UnsupportedError, match=reason):
        restated(instance)


def test_published_instances_cost_what_is_published() -> None:
    """All 13 initial costs of the challenge, to the unit, from the instance's own judge."""
    if not (folder := os.environ.get("PLACEWRIGHT_DATA")):
        pytest.skip("the environment variable PLACEWRIGHT_DATA names no folder")
    data = Path(folder) / "reassignment"
    with (data / "best_known.csv").open(newline="", encoding="utf-8") as stream:
        published = {row["instance"]: int(row["initial_cost"]) for row in csv.DictReader(stream)}
    assert len(published) == 13
    for name, cost in published.items():
        model = read_instance(data / f"model_{name}.txt")
        start = read_placement(data / f"assignment_{name}.txt", model)
        verdict = verify(placed_now(model, start), start)
        assert verdict.ok, name
        assert verdict.values is not None
        assert verdict.values[0] == cost, name
