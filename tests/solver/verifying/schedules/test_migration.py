"""The checker of migration plans: accepts what is safe, rejects every plan with a flaw, agrees with a plain replay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from formulations import VM, Host, Instance, Placement, Resource
from formulations.rules import AtMostPerHost, Gather, Spread
from formulations.scheduling.migration import (
    Link,
    MigrationPlan,
    MigrationQuestion,
    PlanStatus,
    Step,
    bypasses_in,
    stops_in,
)
from formulations.scheduling.steps import Hop
from solver.deadline import Deadline
from solver.scheduling.migration.ordering import ordered
from solver.verifying.schedules.migration import MigrationFault, check_migration, check_steps
from tests.solver.scheduling.migration.cases import between, plain, random_question, timed
from tests.solver.scheduling.migration.every_order import EveryOrder, Troubles


def plan_of(question: MigrationQuestion, steps: tuple[Step, ...]) -> MigrationPlan:
    """Return a plan that states its values truly and proves nothing."""
    return MigrationPlan(
        question,
        PlanStatus.FEASIBLE,
        steps,
        makespan=max((step.end for step in steps), default=0),
        bypasses=bypasses_in(question, steps),
        stops=stops_in(question, steps),
    )


def good_plans(seeds: range, **settings: Any) -> Iterator[MigrationPlan]:
    """Yield valid plans, one step after the other."""
    for seed in seeds:
        question = random_question(seed, **settings)
        answer = ordered(question, Deadline(60))
        if answer.hops:
            yield plan_of(question, timed(question, answer.hops))


# -- mutations -----------------------------------------------------------------------------------


def _with(plan: MigrationPlan, at: int, **changes: Any) -> MigrationPlan:
    steps = (*plan.steps[:at], replace(plan.steps[at], **changes), *plan.steps[at + 1 :])
    return replace(plan, steps=steps)


def _too_short(plan: MigrationPlan, at: int) -> MigrationPlan | None:
    step = plan.steps[at]
    return None if step.end == step.start else _with(plan, at, end=step.end - 1)


def _without(plan: MigrationPlan, at: int) -> MigrationPlan:
    return replace(plan, steps=plan.steps[:at] + plan.steps[at + 1 :])


def _twice(plan: MigrationPlan, at: int) -> MigrationPlan:
    return replace(plan, steps=(*plan.steps[: at + 1], plan.steps[at], *plan.steps[at + 1 :]))


def _other_source(plan: MigrationPlan, at: int) -> MigrationPlan | None:
    step, hosts = plan.steps[at], plan.question.instance.host_count
    return None if step.source < 0 or hosts < 2 else _with(plan, at, source=(step.source + 1) % hosts)


def _other_end(plan: MigrationPlan, at: int) -> MigrationPlan | None:
    step, hosts = plan.steps[at], plan.question.instance.host_count
    last = all(other.vm != step.vm for other in plan.steps[at + 1 :])
    return _with(plan, at, target=(step.target + 1) % hosts) if last and step.target >= 0 and hosts > 1 else None


def _before_time(plan: MigrationPlan, at: int) -> MigrationPlan:
    return _with(plan, at, start=-1)


def _unknown_vm(plan: MigrationPlan, at: int) -> MigrationPlan:
    return _with(plan, at, vm=plan.question.instance.vm_count)


def _unknown_host(plan: MigrationPlan, at: int) -> MigrationPlan:
    return _with(plan, at, target=plan.question.instance.host_count)


def _wrong_kind(plan: MigrationPlan, at: int) -> MigrationPlan:
    kinds = {"move": "stop", "stop": "start", "start": "move"}
    return _with(plan, at, kind=kinds[plan.steps[at].kind])


def _no_standstill(plan: MigrationPlan, at: int) -> MigrationPlan | None:
    return _with(plan, at, downtime=plan.steps[at].downtime - 1) if plan.steps[at].downtime else None


def _other_cells(plan: MigrationPlan, at: int) -> MigrationPlan:
    return _with(plan, at, cells=plan.steps[at].cells + 1)


def _longer(plan: MigrationPlan, _: int) -> MigrationPlan:
    return replace(plan, makespan=(plan.makespan or 0) + 1)


def _more_bypasses(plan: MigrationPlan, _: int) -> MigrationPlan:
    return replace(plan, bypasses=(plan.bypasses or 0) + 1)


def _more_stops(plan: MigrationPlan, _: int) -> MigrationPlan:
    return replace(plan, stops=(plan.stops or 0) + 1)


def _false_bound(plan: MigrationPlan, _: int) -> MigrationPlan:
    return replace(plan, bound=(plan.makespan or 0) + 1)


def _false_proof(plan: MigrationPlan, _: int) -> MigrationPlan:
    return replace(plan, status=PlanStatus.OPTIMAL, bound=(plan.makespan or 0) - 1)


def _denied(plan: MigrationPlan, _: int) -> MigrationPlan:
    return replace(plan, status=PlanStatus.INFEASIBLE, reasons=("none",))


MUTATIONS: tuple[Callable[[MigrationPlan, int], MigrationPlan | None], ...] = (
    _too_short,
    _without,
    _twice,
    _other_source,
    _other_end,
    _before_time,
    _unknown_vm,
    _unknown_host,
    _wrong_kind,
    _no_standstill,
    _other_cells,
    _longer,
    _more_bypasses,
    _more_stops,
    _false_bound,
    _false_proof,
    _denied,
)


def mutants(plan: MigrationPlan) -> Iterator[tuple[str, MigrationPlan]]:
    """Yield the plan with one flaw, every flaw at every step."""
    for mutate in MUTATIONS:
        for at in range(len(plan.steps)):
            if (mutant := mutate(plan, at)) is not None:
                yield mutate.__name__, mutant


def reject_all(seeds: range) -> int:
    """Hold the checker against every mutant of the plans of these seeds; return how many there were."""
    count = 0
    names = set()
    for plan in good_plans(seeds, allow_stops=True):
        assert not check_migration(plan.question, plan)
        for name, mutant in mutants(plan):
            assert check_migration(mutant.question, mutant), name
            count += 1
            names.add(name)
    assert len(names) == len(MUTATIONS)
    return count


def test_every_mutated_plan_is_rejected() -> None:
    """A checker that lets a flawed plan pass is worth nothing: hundreds of flaws, each told."""
    assert reject_all(range(8)) > 100


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_thousands_of_mutated_plans_are_rejected() -> None:
    """Rare features meet rare flaws only among many."""
    assert reject_all(range(300)) > 5000


# -- a plain replay --------------------------------------------------------------------------------


def harmless(question: MigrationQuestion, steps: tuple[Step, ...]) -> bool:
    """Replay steps plainly: at every event, nothing may be worse than just before."""
    brute = EveryOrder(question)
    ends = [[spot] for spot in brute.start]
    events = sorted(
        [(step.end, 0, at) for at, step in enumerate(steps)] + [(step.start, 1, at) for at, step in enumerate(steps)]
    )
    before: Troubles = brute.troubles(ends)
    for _, starts, at in events:
        step = steps[at]
        target = step.target, step.cells
        if starts and not brute.can_ever(step.vm, step.target):
            return False
        ends[step.vm] = [*ends[step.vm], target] if starts else [target]
        after = brute.troubles(ends)
        if any(amount > before.get(key, 0) for key, amount in after.items()):
            return False
        before = after
    return True


def safety(question: MigrationQuestion, steps: tuple[Step, ...]) -> set[MigrationFault]:
    """Return what the checker finds unsafe."""
    unsafe = {MigrationFault.CAPACITY, MigrationFault.RULE, MigrationFault.REFUSED}
    found = {violation.kind for violation in check_steps(question, steps)}
    assert MigrationFault.UNDECIDED not in found
    return {MigrationFault(kind) for kind in found} & unsafe


def test_moves_at_random_times_are_judged_as_by_a_plain_replay() -> None:
    """Whatever overlaps, the checker must see exactly the overloads and broken rules that a plain replay sees."""
    verdicts = set()
    for seed in range(40):
        question = random_question(seed)
        if any(type(own).__name__ == "Partial" for own in [question.instance.isolation, *_own(question.instance)]):
            continue  # who has left counts there too: tested by itself
        rng = np.random.default_rng(seed)
        moving = [vm for vm in question.changing.tolist() if min(question.here[vm], question.there[vm]) >= 0]
        steps = tuple(_at_random(rng, question, vm) for vm in rng.permutation(moving).tolist())
        expected = harmless(question, tuple(sorted(steps, key=lambda step: step.start)))
        assert bool(safety(question, steps)) != expected
        verdicts.add(expected)
    assert verdicts == {True, False}


def test_a_safe_plan_is_safe_one_step_at_a_time() -> None:
    """On this rests every proof that no order exists: in the order of their starts, no step is worse than at first."""
    accepted = overlapping = 0
    for seed in range(3000, 3060):
        question = random_question(seed)
        rng = np.random.default_rng(seed)
        moving = [vm for vm in question.changing.tolist() if min(question.here[vm], question.there[vm]) >= 0]
        steps = sorted((_at_random(rng, question, vm) for vm in moving), key=lambda step: step.start)
        if safety(question, tuple(steps)):
            continue
        accepted += 1
        overlapping += any(later.start < step.end for step, later in pairwise(steps))
        brute = EveryOrder(question, lenient=True)
        where = brute.start
        for step in steps:
            spot = step.target, step.cells
            assert brute.safe(where, step.vm, spot)
            where = (*where[: step.vm], spot, *where[step.vm + 1 :])
    assert accepted > 15
    assert overlapping > 3


def _own(instance: Instance) -> list[object]:
    return [vm.isolation for vm in instance.vms]


def _at_random(rng: np.random.Generator, question: MigrationQuestion, vm: int) -> Step:
    source, target = int(question.here[vm]), int(question.there[vm])
    transfer = question.transfer(vm, source, target)
    start = int(rng.integers(0, 20_000))
    cells = int(question.cells_there[vm])
    return Step(vm, "move", source, target, start, start + transfer.duration, transfer.downtime, cells)


# -- limits and rules on the way ---------------------------------------------------------------------


def _four(**settings: Any) -> tuple[MigrationQuestion, list[Hop]]:
    """Return a question with four moves from two hosts to two others, all of ten seconds."""
    sizes = {"a": 1, "b": 1, "c": 1, "d": 1}
    instance = Instance(
        resources=[Resource(name="memory")],
        vms=[VM(name=name, resources={"memory": size}) for name, size in sizes.items()],
        hosts=[Host(name=f"h{n}", capacity={"memory": 9}, rack="ab"[n // 2]) for n in range(4)],
    )
    here, there = {"a": "h0", "b": "h0", "c": "h1", "d": "h1"}, {"a": "h2", "b": "h2", "c": "h3", "d": "h3"}
    question = between(instance, here, there, **settings)
    return question, [Hop(vm, "move", int(question.here[vm]), int(question.there[vm])) for vm in range(4)]


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"per_host": 2}, None),
        ({"per_host": 1}, MigrationFault.HOST_LIMIT),
        ({"host_limits": {"h2": 1}}, MigrationFault.HOST_LIMIT),
        ({"per_cluster": 3}, MigrationFault.CLUSTER_LIMIT),
        ({"per_cluster": 4}, None),
        ({"links": (Link("up", ("rack:a",), most=3),)}, MigrationFault.LINK_LIMIT),
        ({"links": (Link("up", ("rack:a",), ("rack:b",), most=4),)}, None),
        (
            {"links": (Link("thin", ("h0",), ("h2",), bandwidth=2, most=1),)},
            MigrationFault.LINK_LIMIT,
        ),
    ],
)
def test_limits_count_what_is_under_way(settings: dict[str, Any], kind: MigrationFault | None) -> None:
    """All four moves at once pass exactly the limits that allow four at once."""
    question, hops = _four(**settings)
    found = {violation.kind for violation in check_steps(question, timed(question, hops, at_once=True))}
    assert found == ({kind} if kind else set())


def test_one_after_the_other_needs_no_limit() -> None:
    """A move that starts when another ends is not at the same time."""
    question, hops = _four(per_host=1, per_cluster=1)
    assert not check_steps(question, timed(question, hops))


def test_a_swap_at_the_same_time_is_seen() -> None:
    """Two VMs that pass each other are on both hosts at once: full hosts cannot do that."""
    instance = plain({"a": 4, "b": 4}, {"x": 4, "y": 4})
    question = between(instance, {"a": "x", "b": "y"}, {"a": "y", "b": "x"})
    hops = [Hop(0, "move", 0, 1), Hop(1, "move", 1, 0)]
    assert {violation.kind for violation in check_steps(question, timed(question, hops, at_once=True))} == {
        MigrationFault.CAPACITY
    }


def test_what_was_mended_must_not_break_again() -> None:
    """A spread that was broken, then mended, may not be broken again, though it was at first."""
    instance = plain({"a": 1, "b": 1}, {"x": 9, "y": 9}, rules=[Spread(vms=["a", "b"])])
    question = between(instance, {"a": "x", "b": "x"}, {"a": "y", "b": "y"})
    found = check_steps(question, timed(question, [Hop(0, "move", 0, 1), Hop(1, "move", 0, 1)]))
    assert [violation.kind for violation in found] == [MigrationFault.RULE]


def test_what_is_broken_may_stay_so_but_not_get_worse() -> None:
    """An overloaded host may lose VMs; another VM may not come to it."""
    instance = plain({"a": 6, "b": 6, "c": 1}, {"x": 9, "y": 9, "z": 9})
    question = between(instance, {"a": "x", "b": "x", "c": "z"}, {"a": "y", "b": "x", "c": "x"})
    first, second = Hop(0, "move", 0, 1), Hop(2, "move", 2, 0)
    assert not check_steps(question, timed(question, [first, second]))
    assert safety(question, timed(question, [second, first])) == {MigrationFault.CAPACITY}


def test_a_gathered_pair_may_move_only_where_that_is_for_the_end() -> None:
    """A rule that binds at the end only is not looked at on the way, and is at the end."""
    instance = plain({"a": 1, "b": 1}, {"x": 9, "y": 9}, rules=[Gather(vms=["a", "b"])])
    here, there, apart = {"a": "x", "b": "x"}, {"a": "y", "b": "y"}, {"a": "y", "b": "x"}
    hops = [Hop(0, "move", 0, 1), Hop(1, "move", 0, 1)]
    strict, late = between(instance, here, there), between(instance, here, there, at_end_only=(0,))
    assert {violation.kind for violation in check_steps(strict, timed(strict, hops))} == {MigrationFault.RULE}
    assert not check_steps(late, timed(late, hops))
    ending = between(instance, here, apart, at_end_only=(0,))
    assert {found.kind for found in check_steps(ending, timed(ending, hops[:1]))} == {MigrationFault.RULE}


def test_forbidden_visits_and_stops_are_told() -> None:
    """A bypass goes only where it may, and nobody is stopped unless that is allowed."""
    instance = plain({"a": 1}, {"x": 9, "y": 9, "z": 9})
    question = between(instance, {"a": "x"}, {"a": "y"}, bypass_hosts=("x", "y"))
    for hops in ([Hop(0, "move", 0, 2), Hop(0, "move", 2, 1)], [Hop(0, "stop", 0, -1), Hop(0, "start", -1, 1)]):
        plan = plan_of(question, timed(question, hops))
        assert {violation.kind for violation in check_migration(question, plan)} == {MigrationFault.CLAIM}


def test_maintenance_takes_nobody() -> None:
    """A host in maintenance may be left but not entered."""
    instance = Instance(
        resources=[Resource(name="memory")],
        vms=[VM(name="a", resources={"memory": 1})],
        hosts=[Host(name="x", capacity={"memory": 9}), Host(name="y", capacity={"memory": 9}, state="maintenance")],
    )
    enter, leave = between(instance, {"a": "x"}, {"a": "y"}), between(instance, {"a": "y"}, {"a": "x"})
    assert safety(enter, timed(enter, [Hop(0, "move", 0, 1)])) == {MigrationFault.REFUSED}
    assert not check_steps(leave, timed(leave, [Hop(0, "move", 1, 0)]))


def test_two_thousand_moves_are_replayed() -> None:
    """Plans of a data centre are checked too: two thousand moves between two hundred hosts, with rules on everyone."""
    hosts, vms = 200, 2000
    here = np.arange(vms) % hosts
    there = (here + 1) % hosts
    instance = Instance(
        resources=[Resource(name="memory"), Resource(name="cpu")],
        vms=[VM(name=f"v{n}", resources={"memory": 4, "cpu": 1}) for n in range(vms)],
        hosts=[Host(name=f"h{n}", capacity={"memory": 80, "cpu": 40}, rack=f"r{n // 20}") for n in range(hosts)],
        rules=[*(Spread(vms=[f"v{n}", f"v{n + 20}", f"v{n + 40}"]) for n in range(10)), AtMostPerHost(most=11)],
    )
    question = MigrationQuestion(instance, Placement(here), Placement(there), bandwidth=1, per_host=10)
    hops = [Hop(vm, "move", int(here[vm]), int(there[vm])) for vm in range(vms)]
    steps = timed(question, hops)
    broken = replace(steps[1000], end=steps[1000].end - 1)
    assert len(check_steps(question, (*steps[:1000], broken, *steps[1001:]))) == 1
