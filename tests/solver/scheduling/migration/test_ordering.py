"""Orders of migrations: possible or not, the fewest bypasses and stops, held against every order."""

from __future__ import annotations

from typing import Any

import pytest

from formulations.rules import Gather, Spread
from formulations.scheduling.migration import MigrationQuestion, PlanStatus
from solver.deadline import Deadline
from solver.scheduling.migration.ordering import Ordering, ordered
from solver.scheduling.migration.searching import Search
from solver.verifying.schedules.migration import check_steps
from tests.solver.scheduling.migration.cases import between, plain, random_question, timed
from tests.solver.scheduling.migration.every_order import EveryOrder

FAR = 120.0
"""Seconds that no small case needs."""


def agree(question: MigrationQuestion) -> str:
    """Hold an ordering against every order; return what it was."""
    answer = ordered(question, Deadline(FAR))
    brute = EveryOrder(question)
    best = brute.best(stops=question.allow_stops)
    if best is None:
        assert answer.status in {PlanStatus.INFEASIBLE, PlanStatus.UNKNOWN}
        leniently = EveryOrder(question, lenient=True).best(stops=False) if brute.first else None
        assert (answer.status is PlanStatus.INFEASIBLE) == (leniently is None), answer
        assert answer.reasons
        return "impossible" if answer.status is PlanStatus.INFEASIBLE else "not as one step after another"
    assert (answer.stops, answer.bypasses) == best, answer
    if not brute.first:
        assert answer.status is PlanStatus.OPTIMAL
        assert (answer.stop_bound, answer.bypass_bound) == best
    check_hops(question, answer)
    return f"{best[0]} stops" if best[0] else f"{best[1]} bypasses"


def check_hops(question: MigrationQuestion, answer: Ordering) -> None:
    """Hold an ordering against the checker, and its bounds against its values."""
    assert answer.stops is not None
    assert answer.bypasses is not None
    assert answer.stop_bound <= answer.stops
    assert answer.stop_bound < answer.stops or answer.bypass_bound <= answer.bypasses
    assert not check_steps(question, timed(question, answer.hops))


def agree_on_seeds(seeds: range, **settings: Any) -> list[str]:
    """Hold many random questions against every order."""
    return [agree(random_question(seed, **settings)) for seed in seeds]


def test_orders_agree_with_every_order() -> None:
    """The search must find exactly what trying every sequence finds: possible or not, and the fewest bypasses."""
    found = agree_on_seeds(range(25))
    assert {"0 bypasses", "1 bypasses", "impossible"} <= set(found)


def test_stops_agree_with_every_order() -> None:
    """Where stops are allowed, as few are made as trying every sequence needs."""
    found = agree_on_seeds(range(1000, 1015), allow_stops=True)
    assert {"0 bypasses", "1 stops"} <= set(found)


def test_a_swap_of_two_full_hosts_without_a_spare_is_proved_impossible() -> None:
    """Nobody can move first, and the answer says so, who waits for whom, and what stopping one would do."""
    answer = ordered(swap({"x": 8, "y": 8}), Deadline(FAR))
    assert answer.status is PlanStatus.INFEASIBLE
    said = " ".join(answer.reasons)
    assert "a waits for room on y until b leaves it" in said
    assert "memory of y: 11 GB of 8 GB" in said
    assert "the fewest to stop: 1" in said


def test_a_swap_of_two_full_hosts_with_a_spare_takes_one_bypass() -> None:
    """One of the two makes way, the one with less to copy, and that one bypass is proved necessary."""
    question = swap({"x": 8, "y": 8, "spare": 6})
    answer = ordered(question, Deadline(FAR))
    assert (answer.status, answer.bypasses, answer.bypass_bound) == (PlanStatus.OPTIMAL, 1, 1)
    assert [(hop.vm, hop.target) for hop in answer.hops] == [(1, 2), (0, 1), (1, 0)]
    check_hops(question, answer)


def test_a_spare_that_is_not_to_be_visited_is_no_spare() -> None:
    """Bypasses go only where they may."""
    answer = ordered(swap({"x": 8, "y": 8, "spare": 6}, bypass_hosts=("x", "y")), Deadline(FAR))
    assert answer.status is PlanStatus.INFEASIBLE


def test_where_stops_are_allowed_a_full_swap_stops_one() -> None:
    """Stopping is the last resort, and one stop is enough."""
    question = swap({"x": 8, "y": 8}, allow_stops=True)
    answer = ordered(question, Deadline(FAR))
    assert (answer.status, answer.stops, answer.bypasses) == (PlanStatus.OPTIMAL, 1, 0)
    check_hops(question, answer)


def swap(rooms: dict[str, int], **settings: Any) -> MigrationQuestion:
    """Return the question of two VMs that change places."""
    instance = plain({"a": 6, "b": 5}, rooms)
    return between(instance, {"a": "x", "b": "y"}, {"a": "y", "b": "x"}, **settings)


def full_swap(small: int) -> MigrationQuestion:
    """Return three small VMs and a large one that change hosts, and a large one that is to start."""
    instance = plain({"V1": small, "V2": small, "V3": small, "V4": 5, "V5": 5}, {"N1": 10, "N2": 10})
    here = {"V1": "N1", "V2": "N1", "V3": "N1", "V4": "N2"}
    there = {"V1": "N2", "V2": "N2", "V3": "N2", "V4": "N1", "V5": "N1"}
    return between(instance, here, there)


def test_a_feasible_target_may_have_an_order_that_is_hard_to_see() -> None:
    """BtrPlace's example of a feasible target without a schedule (its issue 362) has one: five straight steps."""
    question = full_swap(small=2)
    answer = ordered(question, Deadline(FAR))
    assert (answer.status, answer.bypasses, len(answer.hops)) == (PlanStatus.OPTIMAL, 0, 5)
    check_hops(question, answer)


def test_a_feasible_target_without_an_order_is_recognised() -> None:
    """With VMs of 3 instead of 2 the same target still fits, and no order leads to it: proved, not timed out."""
    question = full_swap(small=3)
    answer = ordered(question, Deadline(FAR))
    assert answer.status is PlanStatus.INFEASIBLE
    assert EveryOrder(question).best(stops=False) is None
    assert EveryOrder(question).best(stops=True) == (answer.stop_bound, 0)


def test_a_target_worse_than_now_is_refused_with_figures() -> None:
    """No plan can end where a host is overloaded or a rule broken: that is told before any search."""
    crowded = between(plain({"a": 6, "b": 6}, {"x": 8, "y": 8}), {"a": "x", "b": "y"}, {"a": "x", "b": "x"})
    answer = ordered(crowded, Deadline(FAR))
    assert answer.status is PlanStatus.INFEASIBLE
    assert answer.reasons == ("The target overloads a host: memory of x: 12 GB of 8 GB",)
    instance = plain({"a": 1, "b": 1}, {"x": 8, "y": 8}, rules=[Spread(vms=["a", "b"])])
    apart = between(instance, {"a": "x", "b": "y"}, {"a": "x", "b": "x"})
    (reason,) = ordered(apart, Deadline(FAR)).reasons
    assert reason.startswith("The target breaks spread a, b by 1, the current placement not at all: a and b share x")


def test_a_gathered_pair_cannot_move_unless_the_rule_binds_at_the_end_only() -> None:
    """Two VMs that must share a host cannot leave it one by one, however empty the other host is."""
    instance = plain({"a": 1, "b": 1}, {"x": 9, "y": 9}, rules=[Gather(vms=["a", "b"])])
    here, there = {"a": "x", "b": "x"}, {"a": "y", "b": "y"}
    stuck = ordered(between(instance, here, there), Deadline(FAR))
    assert stuck.status is PlanStatus.INFEASIBLE
    assert any("the rule gather a, b" in reason for reason in stuck.reasons)
    assert ordered(between(instance, here, there, at_end_only=(0,)), Deadline(FAR)).bypasses == 0


def test_already_broken_rules_and_overloads_do_not_get_worse() -> None:
    """From a placement that is broken a plan may start; it mends in an order that breaks nothing more."""
    instance = plain({"a": 6, "b": 6, "c": 3}, {"x": 9, "y": 9, "z": 9}, rules=[Spread(vms=["a", "b"])])
    question = between(instance, {"a": "x", "b": "x", "c": "y"}, {"a": "y", "b": "x", "c": "x"})
    answer = ordered(question, Deadline(FAR))
    assert (answer.status, answer.bypasses) == (PlanStatus.OPTIMAL, 0)
    assert [hop.vm for hop in answer.hops] == [0, 2]
    check_hops(question, answer)


def test_nothing_to_do_is_an_answer() -> None:
    """The current placement as the target takes no step."""
    answer = ordered(between(plain({"a": 1}, {"x": 2}), {"a": "x"}, {"a": "x"}), Deadline(FAR))
    assert (answer.status, answer.hops, answer.bypasses) == (PlanStatus.OPTIMAL, (), 0)


def test_without_time_nothing_is_claimed() -> None:
    """A search that could not run proves nothing: the answer is UNKNOWN, and its bounds still hold."""
    answer = ordered(swap({"x": 8, "y": 8, "spare": 6}), Deadline(0))
    assert answer.status is PlanStatus.UNKNOWN
    assert (answer.hops, answer.bypass_bound) == ((), 1)


def rings(count: int, length: int) -> MigrationQuestion:
    """Return rings of full hosts, in each of which every VM goes to the next host, and one host to spare."""
    hosts = {f"h{ring}.{at}": 8 for ring in range(count) for at in range(length)} | {"spare": 8}
    names = [(ring, at) for ring in range(count) for at in range(length)]
    instance = plain({f"v{ring}.{at}": 5 + (ring + at) % 3 for ring, at in names}, hosts)
    here = {f"v{ring}.{at}": f"h{ring}.{at}" for ring, at in names}
    there = {f"v{ring}.{at}": f"h{ring}.{(at + 1) % length}" for ring, at in names}
    return between(instance, here, there)


def test_every_ring_of_full_hosts_takes_one_bypass() -> None:
    """Rings are told apart and each is counted once: twenty bypasses for a hundred VMs, proved without a search."""
    question = rings(20, 5)
    answer = ordered(question, Deadline(FAR))
    assert (answer.status, answer.bypasses, answer.bypass_bound) == (PlanStatus.OPTIMAL, 20, 20)
    assert answer.bypass_proved_by == "knots of waiting VMs"
    check_hops(question, answer)


def test_a_search_stops_in_the_middle_of_a_state() -> None:
    """One state of many VMs and hosts has more neighbours than there is time or room for: neither may be overrun."""
    question = rings(20, 5)
    ticks = iter(range(10**6))
    for deadline, most in ((Deadline(10, lambda: float(next(ticks))), 10**6), (Deadline(), 40)):
        search = Search(question)
        outcome = search.run(deadline, most)
        assert (outcome.hops, outcome.complete) == (None, False)
        assert len(search.nodes) < 1500  # one VM goes to 100 hosts; all hundred VMs have 10,000 neighbours


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_hundreds_of_orders_agree_with_every_order() -> None:
    """Hundreds of random cases, so that rare mixtures of rules, isolation and cells occur."""
    found = agree_on_seeds(range(10_000, 10_600))
    assert {"0 bypasses", "1 bypasses", "2 bypasses", "impossible"} <= set(found)


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_hundreds_of_stops_agree_with_every_order() -> None:
    """The same with stops allowed."""
    found = agree_on_seeds(range(20_000, 20_600), allow_stops=True)
    assert {"0 bypasses", "1 bypasses", "1 stops", "2 stops"} <= set(found)
