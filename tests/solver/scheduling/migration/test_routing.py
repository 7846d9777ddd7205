"""Plans with bypasses are as short as any: every way is tried, and what is proved holds against brute force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest

from formulations.rules import Ban
from formulations.scheduling.migration import PlanStatus
from solver.deadline import Deadline
from solver.scheduling.migration.planning import plan_migration
from solver.scheduling.migration.routing import EVERY_WAY, shortest_route
from solver.verifying.schedules.migration import check_migration
from tests.solver.scheduling.migration.cases import between, plain, tight_question
from tests.solver.scheduling.migration.every_schedule import by_one_bypass

FAR = 10**9


def agree(seeds: Iterable[int], most: int) -> Counter[str]:
    """Hold the plans of random questions that take one bypass against every such plan; return what was proved."""
    found: Counter[str] = Counter()
    for seed in seeds:
        question = tight_question(np.random.default_rng(seed), per_host=1 + seed % 2)
        if len(question.changing) > most:
            continue
        plan = plan_migration(question, seconds=60)
        if plan.makespan is None or (plan.bypasses, plan.bypass_bound, plan.stops) != (1, 1, 0):
            continue
        assert not check_migration(question, plan)
        least = by_one_bypass(question)
        assert least is not None
        assert plan.bound <= least <= plan.makespan, seed
        assert plan.status is not PlanStatus.OPTIMAL or plan.makespan == least
        found[plan.proved_by] += 1
    return found


def test_bypasses_are_as_quick_as_brute_force() -> None:
    """A plan that is called shortest must be so among all ways of all VMs, not only among those that were listed."""
    assert agree(range(60), 4)[EVERY_WAY] >= 3


@pytest.mark.campaign
def test_many_bypasses_are_as_quick_as_brute_force() -> None:
    """The same on hundreds of questions, with rules, isolation and cells, where other bounds must hold."""
    assert agree(range(2000, 3000), 5)[EVERY_WAY] > 20


def test_a_swap_is_proved_whatever_the_spare_hosts() -> None:
    """Two full hosts swap in three moves one after the other: more spare hosts are no quicker, and that is proved."""
    for spares in (1, 3):
        hosts = {"x": 6, "y": 6} | {f"spare-{n}": 6 for n in range(spares)}
        question = between(plain({"a": 6, "b": 6}, hosts), {"a": "x", "b": "y"}, {"a": "y", "b": "x"})
        plan = plan_migration(question, seconds=60)
        assert (plan.status, plan.bypasses, plan.proved_by) == (PlanStatus.OPTIMAL, 1, EVERY_WAY)
        assert plan.makespan == plan.bound == 36_000


def test_the_quicker_way_is_found() -> None:
    """Of two VMs that could make way the smaller does."""
    instance = plain({"big": 8, "small": 2}, {"x": 8, "y": 8, "spare": 8})
    here, there = {"big": "x", "small": "y"}, {"big": "y", "small": "x"}
    routed = shortest_route(between(instance, here, there, per_host=1), 1, FAR, Deadline())
    assert routed is not None
    assert routed.legs is not None
    assert routed.start is not None
    assert routed.complete
    assert [hop.vm for hop in routed.hops] == [0, 1, 1]
    assert routed.legs.makespan(routed.start) == 12_000


def test_rules_of_single_vms_hold_on_the_way() -> None:
    """A VM that is banned from the spare host cannot make way over it: the other does, though that takes longer."""
    instance = plain({"big": 8, "small": 2}, {"x": 8, "y": 8, "spare": 8}, rules=[Ban(vms=["small"], hosts=["spare"])])
    here, there = {"big": "x", "small": "y"}, {"big": "y", "small": "x"}
    plan = plan_migration(between(instance, here, there, per_host=1), seconds=60)
    assert (plan.status, plan.makespan) == (PlanStatus.OPTIMAL, 18_000)


def test_too_much_is_not_tried() -> None:
    """Where there are too many steps, or the rules look at several VMs, the answer is none rather than wrong."""
    many = plain({f"v{n}": 1 for n in range(12)}, {"x": 12, "y": 12})
    question = between(many, {f"v{n}": "x" for n in range(12)}, {f"v{n}": "y" for n in range(12)})
    assert shortest_route(question, 0, FAR, Deadline()) is None


def test_no_time_is_no_proof() -> None:
    """When the time is over before the search, nothing is claimed."""
    question = between(plain({"a": 6, "b": 6}, {"x": 6, "y": 6, "s": 6}), {"a": "x", "b": "y"}, {"a": "y", "b": "x"})
    routed = shortest_route(question, 1, FAR, Deadline(0))
    assert routed is not None
    assert not routed.complete
