"""Migration plans: safe, as short as claimed, and honest about what is proved."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from formulations import VM, Host, Instance, Resource
from formulations.rules import AtMostPerHost, Gather, Spread
from formulations.scheduling.links import Link
from formulations.scheduling.migration import MigrationPlan, MigrationQuestion, PlanStatus
from solver.backends import Solution
from solver.backends.base import Outcome
from solver.deadline import Deadline
from solver.errors import BackendError, VerificationError
from solver.scheduling.migration import planning
from solver.scheduling.migration.chaining import order_of
from solver.scheduling.migration.ordering import ordered
from solver.scheduling.migration.planning import plan_migration
from solver.scheduling.migration.routing import EVERY_WAY
from solver.verifying.schedules.migration import check_migration, check_steps
from tests.solver.scheduling.migration.cases import between, plain, random_question
from tests.solver.scheduling.migration.every_schedule import EverySchedule

FAR = 60.0
"""Seconds that no small case needs."""


def random_limits(seed: int) -> dict[str, Any]:
    """Return limits on simultaneous migrations."""
    rng = np.random.default_rng(10**6 + seed)
    links = (Link("half", ("*",), ("*",), most=1),) if rng.random() < 0.2 else ()
    return {
        "per_host": int(rng.integers(1, 3)),
        "per_cluster": (None, None, 1, 2)[int(rng.integers(4))],
        "links": links,
    }


def agree(seed: int) -> str:
    """Hold a plan of a random question against every schedule; return what it was."""
    question = random_question(seed, allow_stops=bool(seed % 2), **random_limits(seed))
    plan = plan_migration(question, seconds=FAR)
    assert not check_migration(question, plan)
    if plan.makespan is None or plan.bypasses or plan.stops:
        return f"{plan.status}, not straight" if plan.steps else plan.status.value
    least = EverySchedule(question).shortest()
    assert least is not None
    assert plan.bound <= least, (seed, plan.proved_by)
    if plan.status is PlanStatus.OPTIMAL:
        assert plan.makespan <= least
    return f"{plan.status}, straight"


def test_plans_agree_with_every_schedule() -> None:
    """No schedule of straight steps may be shorter than what is called optimal, or than a bound."""
    found = Counter(agree(seed) for seed in range(16))
    assert found["OPTIMAL, straight"] >= 6
    assert found["INFEASIBLE"] >= 1


@pytest.mark.campaign
def test_many_plans_agree_with_every_schedule() -> None:
    """The same on hundreds of questions, with rules, isolation, cells, stops, links and limits."""
    found = Counter(agree(seed) for seed in range(1000, 1500))
    assert found["OPTIMAL, straight"] > 200


# -- what is proved ------------------------------------------------------------------------------


def chain_of_three() -> MigrationQuestion:
    """Return three full hosts on which everyone waits for the one before, and a fourth with room."""
    instance = plain({"a": 6, "b": 6, "c": 6}, {"x": 6, "y": 6, "z": 6, "w": 8})
    return between(instance, {"a": "x", "b": "y", "c": "z"}, {"a": "y", "b": "z", "c": "w"}, per_host=1)


def test_moves_that_wait_for_one_another_are_a_proof() -> None:
    """On full hosts the last must leave first: the chain of all three moves is the bound."""
    plan = plan_migration(chain_of_three(), seconds=FAR)
    assert plan.status is PlanStatus.OPTIMAL
    assert [plan.question.instance.vm_names.name(step.vm) for step in plan.steps] == ["c", "b", "a"]
    assert plan.makespan == plan.bound == 18_000
    assert plan.proved_by == "moves that wait for one another"


def test_nothing_to_do_is_an_answer() -> None:
    """Where every VM is already at its target the plan is empty and optimal."""
    instance = plain({"a": 6}, {"x": 6})
    plan = plan_migration(between(instance, {"a": "x"}, {"a": "x"}), seconds=FAR)
    assert (plan.status, plan.steps, plan.makespan) == (PlanStatus.OPTIMAL, (), 0)


def test_a_bypass_is_planned_and_counted() -> None:
    """A swap of two full hosts goes by the third; no way and no order is shorter."""
    instance = plain({"a": 6, "b": 6}, {"x": 6, "y": 6, "spare": 6})
    question = between(instance, {"a": "x", "b": "y"}, {"a": "y", "b": "x"}, per_host=1)
    plan = plan_migration(question, seconds=FAR)
    assert (plan.bypasses, plan.bypass_bound, plan.makespan) == (1, 1, 18_000)
    assert (plan.status, plan.bound) == (PlanStatus.OPTIMAL, 18_000)
    assert len(plan.steps) == 3


def test_an_impossible_target_is_refused_with_the_reason() -> None:
    """Without a spare host the same swap has no order; the reasons name who waits for whom."""
    instance = plain({"a": 6, "b": 6}, {"x": 6, "y": 6})
    plan = plan_migration(between(instance, {"a": "x", "b": "y"}, {"a": "y", "b": "x"}), seconds=FAR)
    assert plan.status is PlanStatus.INFEASIBLE
    assert any("waits for room" in reason for reason in plan.reasons)


def test_stopping_makes_room_at_once() -> None:
    """Where stops are allowed the stopped VM's memory is free from that moment on."""
    instance = plain({"a": 6, "b": 6}, {"x": 6, "y": 6})
    question = between(instance, {"a": "x", "b": "y"}, {"a": "y", "b": "x"}, per_host=1, allow_stops=True)
    plan = plan_migration(question, seconds=FAR)
    assert (plan.stops, plan.stop_bound, plan.makespan) == (1, 1, 6_000)
    assert [step.kind for step in plan.steps] == ["stop", "move", "start"]


def test_limits_shape_the_plan() -> None:
    """Slots of hosts, links and the cluster: each by itself doubles or triples the makespan of three moves."""
    instance = plain({"a": 2, "b": 2, "c": 2}, {"x": 6, "y": 6})
    moved = {"a": "y", "b": "y", "c": "y"}
    here = {"a": "x", "b": "x", "c": "x"}

    def makespan(**limits: Any) -> int | None:
        plan = plan_migration(between(instance, here, moved, **{"per_host": 3, **limits}), seconds=FAR)
        assert plan.status is PlanStatus.OPTIMAL
        return plan.makespan

    assert makespan() == 6_000  # three at a time, at a third of the bandwidth each
    assert makespan(per_cluster=1) == 18_000
    assert makespan(per_cluster=2) == 12_000
    assert makespan(links=(Link("line", ("x",), most=1),)) == 18_000
    assert makespan(host_limits={"x": 1}) == 18_000


# -- rules on the way --------------------------------------------------------------------------------


def test_rules_that_count_leave_moves_parallel() -> None:
    """Rules with room to spare must not put moves in a row."""
    names = [f"v{n}" for n in range(8)]
    instance = plain(
        dict.fromkeys(names, 1),
        {"x": 8, "y": 8, "z": 8},
        rules=[AtMostPerHost(vms=["*"], hosts=["*"], most=8), Spread(vms=["v0", "v1"], level="host")],
    )
    here = dict.fromkeys(names[1:], "x") | {"v0": "z"}
    question = between(instance, here, {**here, "v2": "y", "v3": "z", "v4": "y", "v5": "z"}, per_host=4)
    assert not order_of(question, ordered(question, Deadline(FAR)).hops).chained
    plan = plan_migration(question, seconds=FAR)
    assert plan.status is PlanStatus.OPTIMAL
    assert {step.start for step in plan.steps} == {0}


def test_a_chained_rule_is_never_called_optimal_by_its_chain() -> None:
    """Chains keep an order that other plans need not keep: what is proved with them is not proved of all plans."""
    for seed in range(2000, 2040):
        question = random_question(seed)
        hops = ordered(question, Deadline(FAR)).hops
        if hops and order_of(question, hops).chained:
            plan = plan_migration(question, seconds=FAR)
            assert "CBC" not in plan.proved_by
            assert not check_steps(question, plan.steps)
            return
    pytest.fail("no question with a chain was drawn")


def test_rules_that_bind_only_at_the_end_do_not_stand_in_the_way() -> None:
    """Two that must stay together cannot leave one after the other, unless the rule waits until the end."""
    instance = plain({"a": 2, "b": 2}, {"x": 4, "y": 4}, rules=[Gather(vms=["a", "b"])])
    ends = {"a": "x", "b": "x"}, {"a": "y", "b": "y"}
    assert plan_migration(between(instance, *ends), seconds=FAR).status is PlanStatus.INFEASIBLE
    assert plan_migration(between(instance, *ends, at_end_only=(0,)), seconds=FAR).makespan == 4_000


# -- when something goes wrong -----------------------------------------------------------------------


def test_memory_that_is_rewritten_too_fast_is_told() -> None:
    """A move that never converges stands still for long: the planner must hear of it."""
    instance = plain({"a": 6}, {"x": 6, "y": 6})
    instance = instance.replace(vms=[VM(name="a", resources={"memory": 6}, dirty_rate=5)])
    plan = plan_migration(between(instance, {"a": "x"}, {"a": "y"}), seconds=FAR)
    assert plan.warnings == ("memory is rewritten too fast for live migration of a: down for up to 12,000 ms",)


class Broken:
    """A backend that fails, or that calls everything infeasible."""

    name = "broken"

    def __init__(self, outcome: Outcome | None) -> None:
        self.outcome = outcome

    def solve(self, *_problem: Any, **_settings: Any) -> Solution:
        """Fail."""
        if self.outcome is None:
            raise BackendError("broken crashed")
        return Solution(self.outcome, backend=self.name)


def hard_to_prove() -> MigrationQuestion:
    """Return five moves between three hosts, shortest in 13 s, that keep each host busy for 12 s at most."""
    instance = plain({"a": 5, "b": 2, "c": 1, "d": 2, "e": 3}, {"x": 40, "y": 40, "z": 40})
    current = {"a": "z", "b": "y", "c": "x", "d": "y", "e": "y"}
    target = {"a": "y", "b": "x", "c": "z", "d": "z", "e": "x"}
    return between(instance, current, target, per_host=1)


def without_trying_every_way(*_: Any) -> None:
    """Stand for questions with too many steps or ways."""


def test_few_moves_are_proved_shortest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where bounds do not reach the shortest plan every order is tried, or else the mixed-integer program solved."""
    plan = plan_migration(hard_to_prove(), seconds=FAR)
    assert (plan.status, plan.makespan, plan.proved_by) == (PlanStatus.OPTIMAL, 13_000, EVERY_WAY)
    monkeypatch.setattr(planning, "shortest_route", without_trying_every_way)
    plan = plan_migration(hard_to_prove(), seconds=FAR)
    assert (plan.status, plan.makespan) == (PlanStatus.OPTIMAL, 13_000)
    assert plan.proved_by.startswith("CBC")


def test_a_backend_that_fails_leaves_the_plan_and_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a proof the plan of list scheduling stands, called FEASIBLE."""
    monkeypatch.setattr(planning, "shortest_route", without_trying_every_way)
    question = hard_to_prove()
    failed = plan_migration(question, seconds=FAR, backend=Broken(None))
    assert (failed.status, failed.warnings[0]) == (PlanStatus.FEASIBLE, "broken crashed")
    wrong = plan_migration(question, seconds=FAR, backend=Broken(Outcome.INFEASIBLE))
    assert wrong.status is PlanStatus.FEASIBLE
    assert "calls the program infeasible although a schedule is known" in wrong.warnings[0]


def test_the_seconds_are_those_of_the_clock() -> None:
    """On busy machines runs are compared by the processor's seconds: no other clock may decide when to stop."""
    ticks = iter(range(10**6))
    plan = plan_migration(large_question(), seconds=40, clock=lambda: float(next(ticks)))
    assert plan.makespan is not None
    assert 1 < next(ticks) < 400


def test_an_interrupted_proof_leaves_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """After Ctrl-C while every way is tried the plan of list scheduling stands, with a warning."""

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(planning, "shortest_route", interrupted)
    plan = plan_migration(hard_to_prove(), seconds=FAR)
    assert (plan.status, plan.makespan) == (PlanStatus.FEASIBLE, 13_000)
    assert plan.warnings == ("interrupted: the best plan so far",)


def test_a_plan_that_the_checker_rejects_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect must end loudly, not in somebody's cluster."""
    steps = planning._steps

    def late(*arguments: Any) -> Any:
        return steps(*arguments)[:-1]

    monkeypatch.setattr(planning, "_steps", late)
    with pytest.raises(VerificationError, match="rejected"):
        plan_migration(chain_of_three(), seconds=FAR)


# -- many VMs ----------------------------------------------------------------------------------------


def large_question(vms: int = 300, hosts: int = 30) -> MigrationQuestion:
    """Return a drain of a tenth of the hosts, with a spread rule per application."""
    rng = np.random.default_rng(0)
    here = np.arange(vms) % hosts
    gone = hosts // 10
    there = np.where(here < gone, gone + rng.permutation(vms) % (hosts - gone), here)
    sizes = rng.choice([1, 2, 4], size=vms)
    instance = Instance(
        resources=[Resource(name="memory", unit="GB")],
        vms=[VM(name=f"v{n}", resources={"memory": int(size)}) for n, size in enumerate(sizes)],
        hosts=[Host(name=f"h{n}", capacity={"memory": 48}, migration_bandwidth=2) for n in range(hosts)],
        rules=[Spread(vms=[f"v{n}", f"v{n + 7}"]) for n in range(0, 40, 10)],
    )
    names = instance.vm_names.all_names()
    current, target = ({name: f"h{host}" for name, host in zip(names, ends, strict=True)} for ends in (here, there))
    return between(instance, current, target)


def test_a_drain_of_many_is_planned_close_to_its_bound() -> None:
    """Thirty hosts are everyday work: the plan must be near what is proved, soon."""
    plan: MigrationPlan = plan_migration(large_question(), seconds=8)
    assert plan.gap is not None
    assert plan.gap < 0.1
    assert plan.bypasses == 0
