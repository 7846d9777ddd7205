"""Is the pattern model right: its optimum that of trying all numbers of times, its start its own solution."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from formulations.patterns import PatternModel
from formulations.program import ContradictionError
from formulations.tables import Integers
from formulations.vector_packing import Packing, VectorPacking
from solver.backends import backend_named
from solver.backends.base import Outcome, Settings
from solver.deadline import Deadline
from tests.agreement import seeds
from tests.packing_oracle import cheapest_packing, random_packing

CBC = backend_named("cbc")


def problem(sizes: object, demand: object, capacities: object, costs: object, limits: object) -> VectorPacking:
    return VectorPacking(*(np.array(part, dtype=np.int64) for part in (sizes, demand, capacities, costs, limits)))


def all_patterns(question: VectorPacking) -> tuple[Integers, Integers]:
    """Return every filling of every type but the empty one, with its type."""
    every = np.array(list(product(*(range(n + 1) for n in question.demand.tolist())))[1:], dtype=np.int64)
    fitting = [(every @ question.sizes <= room).all(axis=1) for room in question.capacities]
    types = np.repeat(np.arange(question.types), [int(fit.sum()) for fit in fitting])
    return types, np.concatenate([every[fit] for fit in fitting])


def best_times(question: VectorPacking, types: Integers, patterns: Integers) -> int | None:
    """Return the least cost of patterns that cover the demand, by trying all numbers of times."""
    costs = []
    for times in product(range(4), repeat=len(types)):
        used = np.bincount(types, weights=times, minlength=question.types)
        if (np.array(times) @ patterns >= question.demand).all() and (used <= question.limits).all():
            costs.append(int(question.costs[types] @ np.array(times)))
    return min(costs, default=None)


def solved(model: PatternModel, start: dict[str, float] | None = None) -> tuple[Outcome, Packing | None]:
    solution = CBC.solve(model.problem, deadline=Deadline(), settings=Settings(), start=start)
    return solution.outcome, model.decode(solution.values) if solution.found else None


def test_the_value_is_that_of_trying_all_times() -> None:
    """Covering, costs and limits, from a few patterns at random: the model says what it says it does."""
    found = missing = contradicted = 0
    for rng in seeds("few patterns", 40):
        question = random_packing(rng, most_items=3)
        types, patterns = all_patterns(question)
        if not len(types):
            continue
        chosen = rng.choice(len(types), size=min(4, len(types)), replace=False)
        best = best_times(question, types[chosen], patterns[chosen])
        try:
            model = PatternModel(question, types[chosen], patterns[chosen])
        except ContradictionError:
            contradicted += 1
            assert best is None
            continue
        outcome, packing = solved(model)
        assert (packing is None) == (best is None)
        if packing is None:
            missing += 1
            assert outcome is Outcome.INFEASIBLE
        else:
            found += 1
            assert packing.cost(question) == best
            assert packing.trimmed(question).faults(question) == []
    assert min(found, missing, contradicted) >= 2


def test_all_patterns_are_the_packing_problem() -> None:
    """With no pattern left out the model's optimum is the cheapest packing."""
    packed = 0
    for rng in seeds("all patterns", 25):
        question = random_packing(rng, most_items=6)
        best = cheapest_packing(question)
        try:
            _, packing = solved(PatternModel(question, *all_patterns(question)))
        except ContradictionError:
            assert best is None
            continue
        assert (None if packing is None else packing.trimmed(question).cost(question)) == best
        packed += best is not None
    assert packed > 10


def test_a_packing_becomes_a_start_and_comes_back() -> None:
    """The solver starts from the incumbent; decoded again it is the same packing."""
    question = problem([[3], [2]], [4, 3], [[5], [9]], [4, 7], [9, 9])
    packing = Packing.of([(0, np.array([1, 1]), 2), (1, np.array([2, 1]), 1)], 2)
    model = PatternModel(question, np.array([0, 1, 1]), np.array([[1, 1], [2, 1], [3, 0]]))
    start = model.start(packing)
    assert start is not None
    again = model.decode(start)
    for ours, theirs in zip((packing.types, packing.patterns, packing.times), vars(again).values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    outcome, best = solved(model, start)
    assert outcome is Outcome.OPTIMAL
    assert best is not None
    assert best.trimmed(question).cost(question) <= packing.cost(question)


def test_a_packing_of_unknown_patterns_is_no_start() -> None:
    """An incomplete start would be repaired to something else, or corrupt the solver's answer."""
    question = problem([[3], [2]], [1, 1], [[5], [9]], [4, 7], [9, 9])
    model = PatternModel(question, np.array([0, 0]), np.array([[1, 0], [0, 1]]))
    assert model.start(Packing.of([(0, np.array([1, 1]), 1)], 2)) is None
    assert model.start(Packing.of([(1, np.array([1, 0]), 1), (0, np.array([0, 1]), 1)], 2)) is None


def test_a_pattern_listed_twice_in_a_packing_counts_twice() -> None:
    """Packings need not be merged to be starts."""
    question = problem([[3]], [3], [[5]], [4], [9])
    model = PatternModel(question, np.array([0]), np.array([[1]]))
    packing = Packing(np.array([0, 0]), np.array([[1], [1]]), np.array([1, 2]))
    assert model.start(packing) == {"times_0": 3.0}


def test_solved_values_are_rounded() -> None:
    """A solver's 2.9999999 bins are three."""
    question = problem([[3]], [3], [[5]], [4], [9])
    model = PatternModel(question, np.array([0]), np.array([[1]]))
    assert model.decode({"times_0": 2.9999999}).times.tolist() == [3]
    assert model.decode({"times_0": 1e-9}).bins == 0


def test_what_no_pattern_holds_is_a_contradiction_by_name() -> None:
    """A flavour without a pattern is said at once, and which one it is."""
    question = problem([[3], [2]], [1, 1], [[5]], [4], [9])
    with pytest.raises(ContradictionError, match="pack_1"):
        PatternModel(question, np.array([0]), np.array([[1, 0]]))
