"""Do dives end in packings, and leave the master as they found it."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest

from benchmarks.families.cloud import cloud_packing
from formulations.vector_packing import Packing, VectorPacking
from solver.deadline import Deadline
from solver.engines.columns.diving import Dive
from solver.engines.columns.generation import Generation
from solver.engines.columns.master import Master
from solver.engines.columns.pricing import Pricer
from solver.engines.packing_search import PackingSearch
from tests.agreement import seeds
from tests.packing_oracle import cheapest_packing
from tests.solver.engines.columns.cases import packable, problem

PORTIONS = (0.0, 0.1, 1.0)


def ready(question: VectorPacking) -> Generation:
    """Return the relaxation, solved."""
    generation = Generation(question, Master(question), Pricer(question))
    generation.converge(Deadline())
    return generation


def is_whole(master: Master) -> bool:
    """Whether the master asks for all items from all bins again."""
    question = master.problem
    return bool((master.demand == question.demand).all() and (master.available == question.available).all())


def test_dives_end_in_packings_and_restore_the_master() -> None:
    """Straight or at random, in large steps or small: what is offered is a packing, what was asked is asked again."""
    packed = best_found = 0
    for rng in seeds("dives", 8):
        question = packable(rng)
        generation = ready(question)
        assert generation.master.solve(Deadline())
        before = generation.master.objective
        best = cheapest_packing(question)
        for portion in PORTIONS:
            search = PackingSearch(question)
            for own in (None, rng):
                known = len(search.found)
                better = Dive(search, generation, own, portion).run(Deadline(), "dive")
                assert better == (len(search.found) > known)
                assert is_whole(generation.master)
            assert generation.master.solve(Deadline())
            assert generation.master.objective <= before * (1 + 1e-7) + 1e-7
            if search.cost is not None:
                assert best is not None
                assert search.incumbent is not None
                assert search.incumbent.faults(question) == []
                assert search.cost >= best
                packed += 1
                best_found += search.cost == best
    assert packed > 8
    assert best_found > 0.8 * packed


def test_dives_keep_to_the_bins_they_are_given() -> None:
    """A mix of bins that the host-mix program chose is not exceeded."""
    kept = 0
    for rng in seeds("mixed dives", 12):
        question = packable(rng)
        generation = ready(question)
        mix = rng.integers(0, question.available + 1)
        search = PackingSearch(question)
        Dive(search, generation, None, 0.1, available=mix).run(Deadline(), "dive")
        assert is_whole(generation.master)
        if search.incumbent is not None:
            assert (search.incumbent.bins_of(question) <= mix).all()
            kept += 1
    assert kept > 2


def test_a_dive_without_a_step_forward_ends() -> None:
    """Patterns that the bins at hand cannot take must not be asked for again and again."""
    for question in (problem([[0, 1]], [6], [[3, 3]], [1], [10**6]), problem([[1]], [6], [[3]], [0], [10**6])):
        search = PackingSearch(question)
        assert not Dive(search, ready(question), None, 0.1, available=np.array([0])).run(Deadline(60), "dive")
        assert search.deadline.elapsed < 30


def test_dives_give_up_where_nothing_is_to_be_gained() -> None:
    """With the optimum known a dive offers nothing, and stops early."""
    gave_up = 0
    for rng in seeds("hopeless dives", 8):
        question = packable(rng)
        generation = ready(question)
        search = PackingSearch(question)
        Dive(search, generation, None, 0.0).run(Deadline(), "dive")
        if search.cost is not None and search.cost == cheapest_packing(question):
            assert not Dive(search, generation, rng, 0.0).run(Deadline(), "again")
            assert search.found[-1].found_by == "dive"
            gave_up += 1
    assert gave_up > 2


def test_an_interrupted_dive_restores_the_master() -> None:
    """After Ctrl-C, or at the deadline, the same engine may go on: it must not be left half way down."""

    def interrupt(_packing: Packing, _who: str) -> None:
        raise KeyboardInterrupt

    interrupted = 0
    for rng in seeds("interrupted dives", 10):
        question = packable(rng)
        generation = ready(question)
        search = PackingSearch(question, progress=interrupt)
        try:
            Dive(search, generation, None, 0.0).run(Deadline(), "dive")
        except KeyboardInterrupt:
            interrupted += 1
            assert search.incumbent is not None
            assert search.cost == search.incumbent.cost(question)
        assert is_whole(generation.master)
        assert not Dive(PackingSearch(question), generation, None, 0.0).run(Deadline(0), "late")
        assert is_whole(generation.master)
    assert interrupted > 3


def test_a_failing_solver_leaves_the_master_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends a dive, the demand of the whole problem is asked again."""
    question = packable(np.random.default_rng(2))
    generation = ready(question)

    def fail(_deadline: Deadline) -> bool:
        raise RuntimeError("no more memory")

    monkeypatch.setattr(generation.master, "solve", fail)
    with pytest.raises(RuntimeError, match="memory"):
        Dive(PackingSearch(question), generation, None, 0.0).run(Deadline(), "dive")
    assert is_whole(generation.master)


def test_dives_leave_out_patterns_that_waste_what_the_target_needs() -> None:
    """Many flavours without room to spare: one pattern that wastes a little more than it may costs a bin in the end."""
    question = cloud_packing(1000, 60, 2, 3)
    search = PackingSearch(question, Deadline(60))
    generation = Generation(question, Master(question), Pricer(question))
    known = generation.converge(search.deadline)
    search.prove(ceil(known.bound), "column generation")
    Dive(search, generation, None, 0.2, prices=known.prices).run(search.deadline, "dive")
    assert search.cost is not None
    assert search.cost - search.bound <= 1
    assert is_whole(generation.master)
