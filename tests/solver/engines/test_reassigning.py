"""Local search as an engine of place(): judged by the instance's judge, within every rule, or not used at all."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from formulations import Instance, Placement
from formulations.objective import level
from formulations.restating import instance_of
from formulations.rules import Gather
from solver.backends import backend_named
from solver.backends.base import Settings
from solver.deadline import Deadline
from solver.engines.reassigning import Reassigning, reassigning
from solver.engines.search import Search
from solver.placing import place
from solver.rebalancing import rebalance
from solver.result import Incumbent, Status
from solver.verifying import verify
from tests.reassignment_cases import cheapest, random_question


def running(seed: int, vms: int = 130, hosts: int = 20) -> Instance:
    """Return VMs that run where every rule holds, too many for the whole model at once."""
    return instance_of(replace(random_question(seed, vms, hosts), allowed=None))


def begun(instance: Instance) -> Search:
    """Return a search whose incumbent is the current placement."""
    search = Search(instance, Deadline(60.0), backend_named("cbc"), Settings())
    assert search.offer(Placement(instance.current), "current hosts")
    return search


def engine_of(search: Search) -> Reassigning:
    """Return the engine of a search that must have one."""
    engine = reassigning(search)
    assert engine is not None
    return engine


@pytest.mark.parametrize("seed", range(4))
def test_bounds_and_placements_bracket_what_brute_force_finds(seed: int) -> None:
    """What local search tells the other engines must be true of the instance, not only of the question restated."""
    question = replace(random_question(seed, 5, 3), allowed=None)
    search = begun(instance_of(question))
    engine_of(search).run(search.deadline, iterations=1)
    assert search.incumbent is not None
    assert verify(search.instance, search.incumbent).ok
    assert search.values is not None
    assert search.bounds[0].value <= Fraction(cheapest(question) or 0) <= search.values[0]


def test_place_and_rebalance_search_locally_and_say_so() -> None:
    """Both commands give local search's answers, recomputed by the instance's judge, with who found what and when."""
    instance = running(1)
    for result in (place(instance, iterations=1), rebalance(instance, iterations=1).result):
        assert result.placement is not None
        verdict = verify(instance, result.placement)
        assert verdict.ok
        assert verdict.values == tuple(level.value for level in result.levels) == result.trace[-1].values
        finders = [line.found_by for line in result.trace]
        assert finders[0] == "current hosts"
        assert any(finder.startswith("local search, ") for finder in finders)
        assert [line.values for line in result.trace] == sorted((line.values for line in result.trace), reverse=True)


def test_the_same_seed_and_iterations_give_the_same_answer() -> None:
    """A reported answer can be repeated, whichever engine found it."""
    first, second = (place(running(2), iterations=1, seed=3).placement for _ in range(2))
    assert first is not None
    assert second is not None
    assert np.array_equal(first.host_of, second.host_of)


def test_budgets_of_moves_bind_local_search() -> None:
    """A rebalance with so many moves is searched under that limit, not cut down to it afterwards."""
    instance = running(3)
    answer = rebalance(instance, most_moves=4, iterations=1)
    assert 0 < len(answer.moves) <= 4
    assert any(line.found_by.startswith("local search, ") for line in answer.result.trace)


def test_levels_that_are_always_zero_may_come_first() -> None:
    """Default levels such as broken soft rules must not hide the level that asks for something."""
    instance = running(4)
    levels = [level("broken_rules"), *instance.levels, level("hosts")]
    search = begun(instance.replace(objective=levels))
    before = search.values
    engine = engine_of(search)
    assert engine.level == 1
    engine.run(search.deadline, iterations=1)
    assert search.values is not None
    assert before is not None
    assert search.values[0] == 0
    assert search.values[1] < before[1]


def test_what_a_reassignment_question_cannot_say_is_left_to_other_engines() -> None:
    """A rule must never be lost: instances with rules or levels of other kinds are not searched locally."""
    instance = running(5)
    gathered = instance.replace(rules=[*instance.rules, Gather(vms=[instance.vms[0].name], level="host")])
    by_hosts = instance.replace(objective=[level("hosts"), *instance.levels])
    for other in (gathered, by_hosts):
        assert reassigning(begun(other)) is None
        result = place(other, seconds=2.0, iterations=1)
        assert result.status in {Status.FEASIBLE, Status.OPTIMAL}
        assert not any(line.found_by.startswith("local search") for line in result.trace)


def test_a_stopped_search_keeps_what_local_search_found() -> None:
    """After Ctrl-C the best so far is the answer, wherever the search was."""

    def stop(found: Incumbent) -> None:
        if found.found_by.startswith("local search"):
            raise KeyboardInterrupt

    result = place(running(6), seconds=60.0, progress=stop)
    assert result.interrupted
    assert result.placement is not None
    assert result.trace[-1].found_by.startswith("local search")
    assert result.seconds < 40.0
