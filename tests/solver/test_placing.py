"""place(): honest statuses, held deadlines, and the best so far whatever happens."""

from __future__ import annotations

import time
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pulp
import pytest

from formulations import VM, Bounds, Host, Instance, Placement, Resource
from formulations.objective import ObjectiveLevel, Term, level
from formulations.rules import Gather, Spread
from solver.backends import backend_named
from solver.backends.base import BackendInterrupted, Outcome, Settings, Solution
from solver.deadline import Deadline
from solver.errors import BackendError, BackendMissingError
from solver.placing import place
from solver.result import Result, Status
from solver.verifying import level_values, verify
from tests.agreement import assert_agrees_with_brute_force, seeds
from tests.generate import RESOURCES, cloud, elastic, unequal_hosts
from tests.strategies import random_instance


class Fake:
    """A backend that raises what it is told to, or finds nothing."""

    name = "fake 1.0"

    def __init__(self, *raised: BaseException) -> None:
        self.raised = list(raised)
        self.calls = 0

    def solve(
        self,
        problem: pulp.LpProblem,  # noqa: ARG002 - as the protocol says
        *,
        deadline: Deadline,  # noqa: ARG002
        settings: Settings,  # noqa: ARG002
        start: Mapping[str, float] | None = None,  # noqa: ARG002
    ) -> Solution:
        """Raise, or find nothing."""
        self.calls += 1
        if self.raised:
            raise self.raised[min(self.calls, len(self.raised)) - 1]
        return Solution(Outcome.UNKNOWN, backend=self.name)


def assert_sound(result: Result) -> None:
    """Every placement is accepted by the judge and its figures are recomputed and bracketed."""
    assert result.placement is not None
    assert verify(result.instance, result.placement).ok
    assert tuple(each.value for each in result.levels) == level_values(result.instance, result.placement)
    assert all(each.bound is not None and each.bound <= each.value for each in result.levels)
    assert (result.status is Status.OPTIMAL) == all(each.optimal for each in result.levels)


def small() -> Instance:
    """Return 12 VMs for 8 unequal hosts: greedy alone does not prove it."""
    return unequal_hosts(8, 12)


def balanced() -> Instance:
    """Return the small instance with a level that only a model of named VMs can prove."""
    return small().replace(objective=[level("cost"), level("imbalance")])


def test_small_instances_are_proved() -> None:
    """The main promise: value, bound, proof, and who proved it."""
    result = place(small(), seconds=60)
    assert result.status is Status.OPTIMAL
    assert_sound(result)
    assert result.objective == result.bound
    assert result.gap == 0


def test_trace_improves_and_ends_with_the_answer() -> None:
    """The trace says who found what and when."""
    result = place(unequal_hosts(30, 90), seconds=3)
    values = [line.values for line in result.trace]
    assert all(later < earlier for earlier, later in pairwise(values))
    assert values[-1] == tuple(each.value for each in result.levels)
    assert all(line.found_by for line in result.trace)


@pytest.mark.parametrize(
    "instance", [unequal_hosts(60, 200), cloud(20_000), elastic(12, 80)], ids=["dear", "cloud", "elastic"]
)
def test_deadline_of_one_second(instance: Instance) -> None:
    """However hard the instance, the answer is there on time, verified and with a bound."""
    began = time.monotonic()
    result = place(instance, seconds=1.0)
    assert time.monotonic() - began < 1.0 + 1.5  # a second of grace, half a one for a loaded machine
    assert_sound(result)


def test_neighbourhood_search_improves_on_greedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the whole model is too large, and nothing can be counted, its parts still pay."""
    monkeypatch.setattr("solver.placing.counted", lambda _: None)
    result = place(unequal_hosts(60, 200), seconds=8)
    assert len(result.trace) > 1
    assert result.trace[-1].found_by.startswith("neighbourhood search")
    assert result.trace[-1].values < result.trace[0].values


def test_same_seed_same_answer_by_iterations() -> None:
    """Stopped by iterations, one thread, the same seed: the same placement."""
    instance = unequal_hosts(70, 35)
    first, second = (place(instance, seconds=120, seed=7, iterations=2) for _ in range(2))
    assert first.placement is not None
    assert second.placement is not None
    np.testing.assert_array_equal(first.placement.host_of, second.placement.host_of)
    assert first.objective == second.objective


def test_ctrl_c_keeps_the_incumbent() -> None:
    """A Ctrl-C in the solver ends the search with the best so far."""
    result = place(balanced(), backend=Fake(BackendInterrupted(Solution(Outcome.UNKNOWN))))
    assert result.interrupted
    assert result.status is Status.FEASIBLE
    assert_sound(result)


def test_missing_backend_is_said_and_the_incumbent_kept() -> None:
    """No CBC: the greedy answer stands, the result says what failed."""
    result = place(balanced(), backend=Fake(BackendMissingError("CBC was not found; pip install pulp")))
    assert result.failed
    assert result.status is Status.FEASIBLE
    assert result.warnings == ("CBC was not found; pip install pulp",)
    assert_sound(result)


def test_one_failure_of_the_backend_is_survived() -> None:
    """A killed CBC is a warning; the search goes on."""

    class Once(Fake):
        def solve(
            self,
            problem: pulp.LpProblem,
            *,
            deadline: Deadline,
            settings: Settings,
            start: Mapping[str, float] | None = None,
        ) -> Solution:
            """Fail once, then solve."""
            self.calls += 1
            if self.calls == 1:
                raise BackendError("CBC was killed")
            return backend_named("cbc").solve(problem, deadline=deadline, settings=settings, start=start)

    result = place(balanced(), backend=Once())
    assert result.status is Status.OPTIMAL
    assert not result.failed
    assert result.warnings == ("CBC was killed",)


def test_endless_failures_end_the_search() -> None:
    """A full disk does not make an endless loop."""
    backend = Fake(BackendError("no space left on device"))
    question = unequal_hosts(60, 200).replace(objective=[level("cost"), level("imbalance")])
    result = place(question, seconds=60, backend=backend)
    assert backend.calls <= 4
    assert result.status is Status.FEASIBLE
    assert_sound(result)


def test_unknown_when_nothing_is_found_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a placement nor a proof: UNKNOWN, never INFEASIBLE."""
    tight = Instance(
        resources=[Resource(name="cpu")],
        vms=[VM(name=f"vm{n}", resources={"cpu": size}) for n, size in enumerate((7, 6, 5, 4, 4, 4))],
        hosts=[Host(name="host", count=2, capacity={"cpu": 15})],
    )
    with monkeypatch.context() as uncounted:
        uncounted.setattr("solver.placing.counted", lambda _: None)
        assert place(tight, backend=Fake()).status is Status.UNKNOWN
    answer = place(tight)
    assert answer.status is Status.OPTIMAL
    assert answer.hosts_used == 2


def test_infeasible_with_reasons() -> None:
    """A proof of infeasibility comes with facts and ways out."""
    torn = Instance(
        resources=[Resource(name="cpu")],
        vms=[VM(name="a", count=2, resources={"cpu": 1})],
        hosts=[Host(name="host", count=2, capacity={"cpu": 4})],
        rules=[Spread(vms=["a"]), Gather(vms=["a"])],
    )
    result = place(torn)
    assert result.status is Status.INFEASIBLE
    assert result.placement is None
    assert set(result.reasons[0].facts) >= {"spread a", "gather a"}
    assert len(result.reasons[0].ways_out) >= 2


def test_policies_change_allocation_not_placement_count() -> None:
    """Every policy gives a verified allocation; the default one has the least unmet demand."""
    instance = elastic(2, 8)
    results = {policy: place(instance, policy=policy) for policy in ("satisfaction", "entitlement", "maxmin", "drf")}
    for result in results.values():
        assert_sound(result)
    unmet = {policy: result.levels[0].value for policy, result in results.items()}
    assert unmet["satisfaction"] == min(unmet.values())


def test_gap_stops_early_and_is_reported() -> None:
    """With a gap allowed, the status still says FEASIBLE unless value meets bound."""
    result = place(unequal_hosts(12, 40), seconds=30, gap=0.2)
    assert result.gap is not None
    assert result.gap <= 0.2
    assert_sound(result)


def test_start_is_used_only_if_the_judge_accepts_it() -> None:
    """A given placement is an incumbent like any other; a wrong one is not used."""
    instance = small()
    best = place(instance, seconds=60)
    assert best.placement is not None
    again = place(instance, seconds=60, start=best.placement, backend=Fake())
    assert again.trace[0].found_by == "given"
    assert again.objective == best.objective
    crowd = Placement(np.zeros(instance.vm_count, dtype=np.int64))
    assert all(line.found_by != "given" for line in place(instance, start=crowd, backend=Fake()).trace)


def test_levels_hold_in_order() -> None:
    """Fewer hosts first, then fewer moves; turning the order round trades one for the other."""
    instance = Instance(
        resources=RESOURCES,
        vms=[VM(name=f"vm{n}", host=f"host-{n + 1}", resources={"cpu": 2, "memory": 2}) for n in range(4)],
        hosts=[Host(name="host", count=4, capacity={"cpu": 8, "memory": 8})],
        objective=[level("hosts"), level("migration")],
    )
    first = place(instance)
    assert [each.value for each in first.levels] == [1, 3]
    turned = place(instance.replace(objective=[level("migration"), level("hosts")]))
    assert [each.value for each in turned.levels] == [0, 4]


def test_weighted_level() -> None:
    """One level may be a weighted sum of terms; its value is exact."""
    mixed = ObjectiveLevel(terms=[Term(kind="hosts", weight=10), Term(kind="migration", weight=4)])
    instance = Instance(
        resources=RESOURCES,
        vms=[VM(name=f"vm{n}", host=f"host-{n + 1}", resources={"cpu": 2, "memory": 2}) for n in range(3)],
        hosts=[Host(name="host", count=3, capacity={"cpu": 8, "memory": 8})],
        objective=[mixed],
    )
    result = place(instance)
    assert result.objective == Fraction(10 + 8)


def test_no_vms_is_an_answer() -> None:
    """Nothing to place is placed at once."""
    empty = Instance(resources=RESOURCES, vms=[], hosts=[Host(name="host", capacity={"cpu": 1})])
    assert place(empty).status is Status.OPTIMAL


def test_unmet_demand_is_shared_out_exactly() -> None:
    """Two VMs that want 8 of 10 each: the model's optimum is what the allocation attains."""
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=[VM(name="vm", count=2, resources={"cpu": Bounds(reservation=1, demand=8, limit=8)})],
        hosts=[Host(name="host", capacity={"cpu": 10})],
    )
    result = place(instance)
    assert result.status is Status.OPTIMAL
    assert result.levels[0].value == Fraction(6, 8)


def test_a_better_first_level_may_cost_a_later_one() -> None:
    """Bounds proved beside worse earlier levels do not outlive them: found by the campaign, once a false proof."""
    (rng,) = seeds("pinned", 1, 98)
    result = assert_agrees_with_brute_force(random_instance(rng, isolation=["pinned"], elastic=True), "cbc")
    assert [each.name for each in result.levels][:3] == ["broken rules", "unmet demand", "hosts"]
    assert result.trace[0].values[2] > result.trace[-1].values[2]


def test_cbc_not_installed_is_no_excuse_for_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Greed and bounds need no solver: what they find is given, with what is missing said."""

    def missing(_: str) -> None:
        raise BackendMissingError("CBC is not installed")

    monkeypatch.setattr("solver.placing.backend_named", missing)
    result = place(balanced())
    assert result.failed
    assert result.status is Status.FEASIBLE
    assert result.warnings == ("CBC is not installed",)
    assert_sound(result)
    easy = place(small().replace(objective=[level("migration")]))
    assert easy.status is Status.OPTIMAL
    assert not easy.failed
