"""Does packing find the cheapest packing whatever the problem, keep its deadline, and survive Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.families.cloud import cloud_packing
from benchmarks.families.distinct import distinct_packing
from benchmarks.families.hard import tight, triples
from formulations.vector_packing import Packing, VectorPacking
from solver.backends import backend_named
from solver.backends.base import Backend
from solver.deadline import Deadline
from solver.engines.packer import DIVES_BEFORE_ARC_FLOW, pack
from solver.engines.packing_search import PackingSearch
from tests.agreement import seeds
from tests.packing_oracle import cheapest_packing, random_packing

CBC = backend_named("cbc")

DIVES = DIVES_BEFORE_ARC_FLOW + 1
"""Every engine has had its turn by then."""

HELD = 1.0
"""Seconds after the deadline by which a search must have ended, on a machine that does other things, too."""


def problem(sizes: object, demand: object, capacities: object, costs: object, limits: object) -> VectorPacking:
    return VectorPacking(*(np.array(part, dtype=np.int64) for part in (sizes, demand, capacities, costs, limits)))


def packed(question: VectorPacking, backend: Backend | None = CBC, *, seed: int = 0) -> PackingSearch:
    """Return the search after all engines."""
    search = PackingSearch(question, seed=seed)
    pack(search, backend, dives=DIVES)
    return search


def check(search: PackingSearch, best: int | None) -> None:
    """Assert that the search ended with the optimum, and that whatever it says is true."""
    assert search.cost == best
    assert search.settled
    assert search.failures == []
    if best is None:
        assert search.infeasible or search.claimed_infeasible
        return
    assert search.incumbent is not None
    assert search.incumbent.faults(search.problem) == []
    assert search.incumbent.cost(search.problem) == best
    assert not search.infeasible
    assert not search.claimed_infeasible
    assert max(search.bound, search.claimed) <= best
    values = [step.value for step in search.found]
    assert values == sorted(set(values), reverse=True)


def answers(first: int, last: int) -> None:
    for seed in range(first, last):
        question = random_packing(np.random.default_rng(seed))
        check(packed(question), cheapest_packing(question))


@pytest.mark.parametrize("first", range(0, 40, 20))
def test_the_answer_is_the_cheapest_packing(first: int) -> None:
    """Limits, costs, types, zeros and infeasible problems: every answer is the oracle's, and settled."""
    answers(first, first + 20)


@pytest.mark.campaign
@pytest.mark.parametrize("first", range(1000, 1500, 25))
def test_the_answer_is_the_cheapest_packing_of_hundreds(first: int) -> None:
    """Rare troubles show up in hundreds of cases only."""
    answers(first, first + 25)


def test_without_a_solver_for_integer_programs_nothing_wrong_is_said() -> None:
    """Column generation and heuristics alone settle nearly all small problems, and never beyond the truth."""
    settled = 0
    for rng in seeds("no backend", 25):
        question = random_packing(rng)
        best = cheapest_packing(question)
        search = packed(question, None)
        assert search.claims == []
        assert best is not None or search.cost is None
        if best is not None:
            assert not search.infeasible
            assert search.bound <= best
            assert search.cost is None or search.cost >= best
        settled += search.settled
    assert settled >= 22


def test_problems_without_a_question_are_answered_at_once() -> None:
    """No items, items that take nothing and items that fit nowhere need no engine, and no time."""
    none = problem(np.zeros((0, 2)), [], [[3, 3]], [1], [4])
    weightless = problem([[0]], [7], [[3], [0]], [5, 2], [4, 1])
    large = problem([[4]], [1], [[3], [5]], [1, 1], [4, 0])
    for question, cost, infeasible in ((none, 0, False), (weightless, 2, False), (large, None, True)):
        search = PackingSearch(question)
        pack(search)
        assert (search.cost, search.infeasible, search.settled) == (cost, infeasible, True)


def test_items_that_take_nothing_ride_along() -> None:
    """They go into a bin that is open anyway, and change neither cost nor proof."""
    sized = problem([[3], [2]], [3, 3], [[5]], [4], [9])
    more = problem([[0], [3], [0], [2]], [5, 3, 2, 3], [[5]], [4], [9])
    plain, riding = packed(sized), packed(more)
    assert plain.cost == riding.cost == 12
    assert riding.optimal
    assert [step[1:] for step in plain.proved] == [step[1:] for step in riding.proved]


def test_the_same_seed_packs_the_same() -> None:
    """A planner who asks twice wants one answer: counted in dives nothing depends on the clock."""
    for question in (cloud_packing(100, 12, 2, 1), triples(60, 0)):
        first, second = (PackingSearch(question, seed=5) for _ in range(2))
        for search in (first, second):
            pack(search, CBC, dives=2)
        assert first.incumbent is not None
        assert second.incumbent is not None
        for name in ("types", "patterns", "times"):
            np.testing.assert_array_equal(getattr(first.incumbent, name), getattr(second.incumbent, name))
        assert [step[1:] for step in first.found] == [step[1:] for step in second.found]
        assert [step[1:] for step in first.proved] == [step[1:] for step in second.proved]


def interrupted(search: PackingSearch, at: int) -> bool:
    """Pack until the incumbent of that number; return whether there was one."""
    seen = list[str]()

    def interrupt(_packing: Packing, who: str) -> None:
        seen.append(who)
        if len(seen) == at:
            raise KeyboardInterrupt

    search.progress = interrupt
    try:
        pack(search, CBC, dives=DIVES)
    except KeyboardInterrupt:
        return True
    finally:
        search.progress = None
    return False


def test_ctrl_c_keeps_the_best_packing() -> None:
    """Whenever it comes, what was found stays, is a packing, and is where the next run goes on."""
    stopped = 0
    for rng in seeds("ctrl-c", 8):
        question = random_packing(rng)
        for at in (1, 2):
            search = PackingSearch(question)
            if not interrupted(search, at):
                continue
            stopped += 1
            assert search.incumbent is not None
            assert search.incumbent.faults(question) == []
            assert search.cost == search.incumbent.cost(question) == search.found[-1].value
            pack(search, CBC, dives=DIVES)
            check(search, cheapest_packing(question))
    assert stopped >= 5


def held(question: VectorPacking, seconds: float) -> None:
    """Assert that a search ends at its deadline with a packing, the compiled loops at hand."""
    packed(problem([[3], [2]], [3, 3], [[5]], [4], [9]))
    began = time.monotonic()
    search = PackingSearch(question, Deadline(seconds))
    pack(search, CBC)
    assert time.monotonic() - began < seconds + HELD
    assert not search.optimal


def test_the_deadline_is_held() -> None:
    """Nobody knows whether these items fit their bins: the search must stop, and not when it is done."""
    held(tight(400, 0), 2.0)


HARD: dict[str, Callable[[], VectorPacking]] = {
    "triples": lambda: triples(1_000, 0),
    "many flavours": lambda: cloud_packing(100_000, 1_000, 3, 0),
    "distinct": lambda: distinct_packing(2_000, 4, 0),
    "a million": lambda: cloud_packing(1_000_000, 250, 3, 0),
}


@pytest.mark.campaign
@pytest.mark.parametrize("name", HARD)
def test_the_deadline_is_held_whatever_takes_long(name: str) -> None:
    """In pricing, in the master, in building tables: each kind is long in another place."""
    held(HARD[name](), 3.0)
