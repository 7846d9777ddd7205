"""Tests of the whole explanation, with the solver as the oracle."""

from __future__ import annotations

import time

import pytest

from formulations import Instance
from formulations.rules import Spread
from solver.deadline import Deadline
from solver.explaining import explain
from solver.placing import place
from solver.result import Status
from tests.solver.explaining.cases import cluster, forty_rules, random_infeasible, reference
from tests.solver.explaining.deciding import has_placement


def test_three_of_forty_rules_conflict() -> None:
    """Of 40 rules exactly the three that conflict are named, with two ways out or more, in seconds."""
    result = place(forty_rules(), seconds=60)
    assert result.status is Status.INFEASIBLE
    (reason,) = result.reasons
    assert set(reason.facts) == {"depend v21 on v22", "depend v22 on v23", "spread v21, v23"}
    assert reason.message == "depend v21 on v22, depend v22 on v23 and spread v21, v23 cannot all hold"
    assert {f"relax {fact}" for fact in reason.facts} <= set(reason.ways_out)


def test_few_questions_are_asked_about_forty_rules() -> None:
    """Coarse to fine: about two dozen questions for the conflict, not one per rule and more."""
    asked = 0

    def counted(instance: Instance, deadline: Deadline) -> bool | None:
        nonlocal asked
        asked += 1
        status = place(instance.replace(objective=[]), seconds=deadline.left, reasons=False).status
        return {Status.OPTIMAL: True, Status.INFEASIBLE: False}.get(status)

    reasons = explain(forty_rules(), feasible=counted, deadline=Deadline(60))
    assert len(reasons[0].facts) == 3
    assert asked <= 45


def test_the_reference_case_is_explained() -> None:
    """The sentence that the model's definition asks for, and ways out with exact amounts."""
    (reason,) = place(reference(), seconds=30).reasons
    assert reason.message == "memory short by 60 GB"
    assert "60 GB more memory on host-1" in reason.ways_out


def test_a_feasible_instance_needs_no_reason() -> None:
    """Nothing is explained where there is nothing to explain."""
    assert explain(cluster(), feasible=has_placement, deadline=Deadline()) == ()


def test_an_answer_that_never_comes_is_told_honestly() -> None:
    """Without an oracle that decides, facts are given as not proved minimal and no way out is claimed."""
    instance = cluster(3, 2, [Spread(vms=["*"])])
    (reason,) = explain(instance, feasible=lambda *_: None, deadline=Deadline())
    assert "not proved minimal" in reason.message
    assert reason.ways_out == ()


@pytest.mark.parametrize("seconds", [0.0, 0.3])
def test_the_deadline_holds(seconds: float) -> None:
    """However slow the oracle is, the explanation ends soon after the deadline with what it has."""

    def slow(_: Instance, deadline: Deadline) -> bool | None:
        time.sleep(min(0.1, deadline.left))
        return None

    deadline = Deadline(seconds)
    for instance in random_infeasible("deadlines", 1):
        assert explain(instance, feasible=slow, deadline=deadline)
    assert deadline.elapsed < seconds + 3
