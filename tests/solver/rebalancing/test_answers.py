"""Repair, drain, admit and rebalance against brute force, and the reasons they give."""

from __future__ import annotations

import numpy as np
import pytest

from formulations import VM, Host, InputError, Instance, Placement, Resource
from formulations.objective import level
from formulations.rules import AtMostMoves, Spread
from solver.rebalancing import admit, drain, rebalance, repair
from solver.rebalancing.questions import placed_now, repair_question, switched_on
from solver.result import Status
from solver.verifying import holds
from tests.agreement import seeds
from tests.oracle import brute_force
from tests.strategies import everything


def shop(**changes: object) -> Instance:
    """Return three web VMs on h1, a database on h2, an empty h3, and a large VM that is off."""
    fields: dict[str, object] = {
        "resources": [Resource(name="cpu", unit="cores")],
        "vms": [
            *(VM(name=f"web-{n}", resources={"cpu": 4}, host="h1") for n in "abc"),
            VM(name="db", resources={"cpu": 6}, host="h2"),
            VM(name="batch", resources={"cpu": 11}, power="off"),
        ],
        "hosts": [Host(name=name, capacity={"cpu": 16}) for name in ("h1", "h2", "h3")],
    }
    return Instance(**{**fields, **changes})  # type: ignore[arg-type]


def running(rng: np.random.Generator) -> Instance | None:
    """Return a random instance whose VMs run, valid or not; None if nobody has a host."""
    modes = ["shared"] if rng.random() < 0.6 else ["shared", "partial", "full"]
    instance = everything(rng, vms=4, hosts=3, current=True, isolation=modes, unlimited=False, numa=False)
    return instance if (instance.current >= 0).any() else None


def assert_repaired(instance: Instance) -> int:
    """Assert that repair needs exactly as many moves as brute force; return how many, -1 where nothing helps."""
    question = repair_question(instance)
    best = brute_force(question)
    answer = repair(instance, seconds=60.0)
    if best is None:
        assert answer.result.status is Status.INFEASIBLE
        return -1
    assert answer.result.status is Status.OPTIMAL, answer.result
    assert tuple(stated.value for stated in answer.result.levels) == best.values
    waiting = question.wanted & (question.current < 0)
    if not waiting.any() and holds(question, Placement(np.where(question.wanted, question.current, -1))):
        assert answer.no_action_needed
        assert not answer.moves
    assert all(move.reasons for move in answer.moves)
    return len(answer.moves)


def test_repair_needs_no_more_moves_than_brute_force() -> None:
    """The fewest moves, proved, on random clusters that are broken in every way that rules know."""
    moved = [assert_repaired(instance) for rng in seeds("repair", 14) if (instance := running(rng)) is not None]
    assert max(moved) > 0


@pytest.mark.campaign
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("block", range(6))
def test_repair_needs_no_more_moves_than_brute_force_campaign(block: int) -> None:
    """The same on 60 clusters a block."""
    for rng in seeds("repair campaign", 60, 60 * block):
        if (instance := running(rng)) is not None:
            assert_repaired(instance)


def test_nothing_moves_where_nothing_is_broken() -> None:
    """An operator who asks for repair gets no improvement that he did not ask for."""
    answer = repair(shop(objective=[level("hosts")]))
    assert answer.no_action_needed
    assert answer.result.status is Status.OPTIMAL
    assert not answer.moves


def test_repair_says_what_each_move_mends() -> None:
    """The reason is the rule that was broken, in the rule's own words."""
    answer = repair(shop(rules=[Spread(vms=["web-a", "web-b"])]))
    (move,) = answer.moves
    assert move.reasons == ("mends spread web-a, web-b",)
    assert [str(violation) for violation in answer.before.violations] == [
        "spread web-a, web-b: web-a and web-b share h1"
    ]


def test_of_equally_few_moves_the_objective_decides() -> None:
    """One VM must leave h1: to a host in use where few hosts are wanted, to an idle one where even load is."""
    apart = [Spread(vms=["web-a", "web-b"])]
    few = repair(shop(rules=apart, objective=[level("hosts")]))
    even = repair(shop(rules=apart, objective=[level("imbalance")]))
    assert [move.target for move in few.moves] == ["h2"]
    assert [move.target for move in even.moves] == ["h3"]
    for answer in (few, even):
        assert answer.result.status is Status.OPTIMAL
        assert [int(stated.value) for stated in answer.result.levels] == [1]


def test_room_is_made_where_the_objective_likes_it() -> None:
    """A newcomer that fits beside others opens no further host, though nobody has to move either way."""
    small = [VM(name="new", resources={"cpu": 2}, power="off"), *shop().vms[:4]]
    answer = admit(shop(vms=small, objective=[level("hosts")]), ["new"])
    assert not answer.moves
    assert answer.started == ("new",)
    assert answer.result.hosts_used == 2


def test_repair_relieves_overloaded_hosts() -> None:
    """A host that reserves more than it has gives away as few VMs as bring it back."""
    vms = [VM(name=f"v{size}", resources={"cpu": size}, host="h1") for size in (9, 5, 4, 3)]
    answer = repair(shop(vms=vms))
    assert [(move.vm, move.reasons) for move in answer.moves] in (
        [[("v5", ("relieves cpu of h1",))], [("v9", ("relieves cpu of h1",))]]
    )


def test_drained_hosts_are_empty() -> None:
    """Everybody leaves, for the reason that the host is drained, and nobody else moves."""
    answer = drain(shop(), ["h1"])
    assert {move.source for move in answer.moves} == {"h1"}
    assert len(answer.moves) == 3
    assert all("drains h1" in move.reasons for move in answer.moves)
    with pytest.raises(InputError, match="name each"):
        drain(
            shop(hosts=[Host(name="h", count=3, capacity={"cpu": 16})], vms=[VM(name="a", resources={}, host="h-1")]),
            ["h-1"],
        )


def test_room_is_made_for_newcomers() -> None:
    """A VM that fits nowhere as things are gets in for one move, and the move says for whom."""
    hosts = [Host(name=name, capacity={"cpu": 16}) for name in ("h1", "h2")]
    answer = admit(shop(hosts=hosts, vms=[*shop().vms[:2], *shop().vms[3:]]), ["batch"])
    assert answer.started == ("batch",)
    assert [move.reasons for move in answer.moves] == [("makes room on h2 for batch",)]
    with pytest.raises(InputError, match="'db' runs already"):
        admit(shop(), ["db"])


def test_budgets_bound_the_moves_of_a_rebalance() -> None:
    """Emptying h1 takes three moves; with two allowed the better half of the objective must do."""
    free = rebalance(
        shop(objective=[level("hosts")], hosts=[Host(name=n, capacity={"cpu": 18}) for n in ("h1", "h2", "h3")])
    )
    assert free.result.objective == 1
    assert [move.reasons for move in free.moves] == [("frees h2",)]
    none = rebalance(shop(objective=[level("hosts")]), most_moves=0)
    assert none.result.objective == 2
    assert none.no_action_needed
    assert AtMostMoves(most=0, note="move budget") in none.result.instance.rules


def test_placed_now_puts_vms_where_a_placement_says() -> None:
    """The target of one question is the current placement of the next."""
    target = Placement.from_names(shop(), {"web-a": "h3", "web-b": "h2", "web-c": "h1", "db": "h1"})
    assert placed_now(shop(), target).current.tolist() == target.host_of.tolist()


def test_only_vms_with_a_target_are_switched_on() -> None:
    """A VM that is off and stays off must not become a demand that nobody made."""
    waking = Placement.from_names(shop(), {"batch": "h3"})
    assert bool(switched_on(shop(), waking).wanted.all())
    asleep = Placement(shop().current)
    assert switched_on(shop(), asleep) == shop()


def test_without_running_vms_there_is_nothing_to_replace() -> None:
    """A file without current hosts is a question for solve."""
    with pytest.raises(InputError, match="nothing to re-place"):
        repair(shop(vms=[VM(name="a", resources={"cpu": 1})]))
