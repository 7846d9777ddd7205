"""Does the engine pack as well as can be, prove only what is true, and go on where it was stopped."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pulp
import pytest

from formulations.vector_packing import Packing, VectorPacking
from solver.backends import backend_named
from solver.backends.base import Backend, Outcome, Settings, Solution
from solver.deadline import Deadline
from solver.engines.columns import engine as columns
from solver.engines.columns.engine import ColumnEngine
from solver.engines.columns.generation import Relaxation
from solver.engines.packing_search import PackingSearch
from solver.errors import BackendError, VerificationError
from tests.agreement import seeds
from tests.packing_oracle import cheapest_packing
from tests.solver.engines.columns.cases import packable, problem

CBC = backend_named("cbc")


class Doubting(PackingSearch):
    """A search that believes no proof: engines go on as if the gap were open."""

    def prove(self, bound: int, proved_by: str) -> None:
        """Believe nothing."""


class Listening:
    """A backend that solves, or says what it is told to, and counts how often it is asked."""

    name = "listening"

    def __init__(self, said: Solution | BackendError | None = None) -> None:
        self.said = said
        self.asked = 0

    def solve(
        self,
        problem: pulp.LpProblem,
        *,
        deadline: Deadline,
        settings: Settings,
        start: Mapping[str, float] | None = None,
    ) -> Solution:
        """Solve, or say what is told."""
        self.asked += 1
        if isinstance(self.said, BackendError):
            raise self.said
        return self.said or CBC.solve(problem, deadline=deadline, settings=settings, start=start)


def packed(question: VectorPacking, backend: Backend | None = None, *, seed: int = 0, dives: int = 4) -> PackingSearch:
    """Return the search after so many dives."""
    search = PackingSearch(question, seed=seed)
    ColumnEngine(search, backend).run(dives)
    return search


def steps(search: PackingSearch) -> list[list[tuple[str, int]]]:
    """Return who found and proved what, without the time."""
    return [[(step.found_by, step.value) for step in kind] for kind in (search.found, search.proved)]


def alone(name: str, count: int) -> None:
    """Assert that column generation proves nearly everything by itself, and nothing that is not true."""
    proved = possible = 0
    for rng in seeds(name, count):
        question = packable(rng)
        best = cheapest_packing(question)
        search = packed(question)
        if best is None:
            assert search.cost is None
            continue
        assert not search.infeasible
        assert search.bound <= best
        assert search.cost is None or search.cost >= best
        possible += 1
        proved += search.optimal
    assert possible > count / 2
    assert proved >= 0.9 * possible


def test_column_generation_alone_packs_and_proves() -> None:
    """Without a solver for integer programs there are proofs all the same, and none of them is wrong."""
    alone("columns alone", 20)


@pytest.mark.campaign
def test_column_generation_alone_packs_and_proves_hundreds() -> None:
    """The same for hundreds."""
    alone("columns alone again", 800)


def test_the_same_seed_packs_the_same() -> None:
    """Counted in dives nothing depends on the clock, nor on how the dives are asked for."""
    for rng in seeds("same", 2):
        question = packable(rng, most_items=14)
        whole, again, parts = Doubting(question, seed=3), Doubting(question, seed=3), Doubting(question, seed=3)
        ColumnEngine(whole, CBC).run(4)
        ColumnEngine(again, CBC).run(4)
        engine = ColumnEngine(parts, CBC)
        for _ in range(4):
            engine.run(1)
        assert steps(whole) == steps(again) == steps(parts)


def test_the_integer_master_only_offers_packings() -> None:
    """What the backend makes of the patterns is checked like everything else; it can only help."""
    asked = 0
    for rng in seeds("integer master", 6):
        question = packable(rng)
        search, backend = Doubting(question), Listening()
        ColumnEngine(search, backend).run(3)
        best = cheapest_packing(question)
        asked += backend.asked
        if search.incumbent is not None:
            assert search.incumbent.faults(question) == []
            assert best is not None
            assert search.cost is not None
            assert search.cost >= best
    assert asked >= 3


def test_a_lying_backend_is_found_out() -> None:
    """A solution that leaves items out must never become an answer."""
    question = problem([[3], [2]], [3, 3], [[5]], [4], [9])
    lying = Listening(Solution(Outcome.OPTIMAL, {}, 0.0, 0.0, backend="liar"))
    with pytest.raises(VerificationError, match="liar: flavour 0"):
        ColumnEngine(Doubting(question), lying).run(3)


def test_a_failing_backend_ends_only_its_own_part() -> None:
    """Column generation goes on without integer programs."""
    question = problem([[3], [2]], [3, 3], [[5]], [4], [9])
    search, failing = Doubting(question), Listening(BackendError("out of memory"))
    ColumnEngine(search, failing).run(4)
    assert failing.asked >= 1
    assert search.cost == cheapest_packing(question)


def test_items_without_worth_are_not_forgotten_in_a_claim() -> None:
    """Small items may have no weight and still need a place: patterns without them would say that nothing is better."""
    question = problem([[2], [1]], [2, 2], [[3]], [1], [9])
    search = PackingSearch(question)
    bins = [(0, np.array([1, 0]), 2), (0, np.array([0, 2]), 1)]
    search.offer(Packing.of(bins, 2), "a poor guess")
    search.prove(2, "two large items")
    engine = ColumnEngine(search, CBC)
    engine.root = Relaxation(2.0, weights=np.array([1, 0]), uppers={0: 1})
    engine._close_gap(engine._patterns_for)
    assert search.claimed <= 2


def test_packings_without_waste_are_found() -> None:
    """Triples that fill their bins to the last unit: dives miss them, a program over exact fillings does not."""
    rng = np.random.default_rng(0)
    pairs = rng.integers(26, 37, size=(30, 2, 3))
    sizes = np.concatenate([pairs.reshape(-1, 3), 100 - pairs.sum(axis=1)])
    question = problem(sizes.tolist(), [1] * 90, [[100, 100, 100]], [1], [90])
    search = PackingSearch(question)
    engine = ColumnEngine(search, CBC)
    engine._begin()
    assert (search.cost, search.bound) == (31, 30)
    engine._close_gap(engine._tight_patterns)
    assert search.cost == 30
    assert search.incumbent is not None
    assert search.incumbent.faults(question) == []


def test_a_relaxation_that_was_cut_short_goes_on_between_dives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many flavours take longer than the share of a first relaxation: dives must not wait for it, nor end it."""
    monkeypatch.setattr(columns, "ROOT_SHARE", 1e-9)
    relaxed = proved = 0
    for rng in seeds("cut short", 8):
        question = packable(rng)
        search = PackingSearch(question, Deadline(60))
        engine = ColumnEngine(search)
        engine.run(1)
        monkeypatch.setattr(columns, "ROOT_SHARE", 0.5)
        relaxed += engine._unfinished
        engine.run(4)
        monkeypatch.setattr(columns, "ROOT_SHARE", 1e-9)
        best = cheapest_packing(question)
        assert best is None or search.bound <= best
        proved += search.optimal and engine.mix is None
    assert relaxed > 0
    assert proved > 0


def test_an_engine_goes_on_after_an_interrupt() -> None:
    """Ctrl-C may come at any packing: the search keeps it, and the same engine finds the optimum later."""
    interrupted = 0
    for rng in seeds("interrupted", 12):
        question = packable(rng)

        def interrupt(_packing: Packing, _who: str) -> None:
            raise KeyboardInterrupt

        search = PackingSearch(question, progress=interrupt)
        engine = ColumnEngine(search)
        try:
            engine.run(1)
        except KeyboardInterrupt:
            interrupted += 1
            assert search.incumbent is not None
            assert search.incumbent.faults(question) == []
            assert search.cost == search.incumbent.cost(question)
            search.progress = None
            engine.run(4)
            best = cheapest_packing(question)
            assert best is not None
            assert search.bound <= best <= search.cost
    assert interrupted > 6


def test_no_time_finds_and_proves_nothing() -> None:
    """At the deadline the engine is silent, and quick."""
    question = packable(np.random.default_rng(5))
    search = PackingSearch(question, Deadline(0))
    ColumnEngine(search, CBC).run()
    assert steps(search) == [[], []]
