"""Does enumeration list every pattern that a better packing could use, and each of them once."""

from __future__ import annotations

import numpy as np

from formulations.tables import Integers
from formulations.vector_packing import VectorPacking
from solver.deadline import Deadline
from solver.engines.columns.enumeration import patterns_worth, tight_patterns
from solver.engines.columns.outlook import Outlook
from tests.agreement import seeds
from tests.solver.engines.columns.cases import drawn_weights, many_patterns, patterns_of


def maximal(question: VectorPacking, kind: int, items: Integers) -> Integers:
    """Return the fillings with those flavours beside which no further item of them fits."""
    fillings = patterns_of(question, kind)
    fillings = fillings[(fillings[:, np.setdiff1d(np.arange(question.flavours), items)] == 0).all(axis=1)]
    known = {filling.tobytes() for filling in fillings}
    unit = np.eye(question.flavours, dtype=np.int64)
    full = [not any((filling + unit[i]).tobytes() in known for i in items) for filling in fillings]
    chosen: Integers = fillings[full]
    return chosen


def test_the_maximal_patterns_of_enough_worth_are_listed_once() -> None:
    """The integer program over these patterns proves optimality only if none is missing."""
    listed = left_out = 0
    for rng in seeds("enumerated", 60):
        question = many_patterns(rng)
        weights = drawn_weights(rng, question)
        items = np.flatnonzero(weights) if rng.random() < 0.3 or not weights.any() else np.arange(question.flavours)
        kinds = [k for k in range(question.types) if question.fits[items, k].any()]
        if not kinds:
            continue
        outlook = Outlook(question, kinds, items, weights, question.demand)
        for kind in kinds:
            every = maximal(question, kind, items)
            least = int(np.quantile(every @ weights, rng.choice([0.0, 0.3, 0.7, 1.0]))) + int(rng.integers(2))
            expected = every[every @ weights >= least]
            found = patterns_worth(outlook, kind, least, 10_000, Deadline())
            assert found is not None
            assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, expected.tolist()))
            listed += len(expected)
            left_out += len(every) - len(expected)
            if len(expected):
                assert patterns_worth(outlook, kind, least, len(expected) - 1, Deadline()) is None
                assert patterns_worth(outlook, kind, least, len(expected), Deadline()) is not None
    assert listed > 250
    assert left_out > 200


def test_no_time_is_no_list() -> None:
    """Half a list would prove what is not true."""
    question = many_patterns(np.random.default_rng(1))
    weights = np.ones(question.flavours, dtype=np.int64)
    outlook = Outlook(question, [0], np.arange(question.flavours), weights, question.demand)
    assert patterns_worth(outlook, 0, 0, 10_000, Deadline(0)) is None


def test_patterns_that_waste_little_are_all_there() -> None:
    """A packing into that many bins can use no pattern that is missing, or its infeasibility is claimed falsely."""
    listed = exact = 0
    for rng in seeds("tight", 60):
        question = many_patterns(rng)
        items = np.arange(question.flavours)
        every = maximal(question, 0, items)
        bins = -(-int(question.demand.sum()) // 3)
        demand = (every[rng.integers(len(every), size=bins)]).sum(axis=0)
        asked = demand > 0
        sizes, demand = question.sizes[asked], demand[asked]
        question = VectorPacking(sizes, demand, question.capacities, question.costs, question.limits)
        items = np.arange(question.flavours)
        every = maximal(question, 0, items)
        spare = bins * question.capacities[0] - demand @ question.sizes
        found = tight_patterns(question, 0, bins, 10_000, Deadline())
        if (spare * 10 > question.capacities[0]).all():
            assert found is None
            continue
        assert found is not None
        expected = every[(question.capacities[0] - every @ question.sizes <= spare).all(axis=1)]
        assert sorted(map(tuple, found.patterns.tolist())) == sorted(map(tuple, expected.tolist()))
        assert found.exact == any(spare[r] == 0 and question.sizes[:, r].all() for r in range(len(spare)))
        listed += len(expected)
        exact += found.exact
    assert listed > 30
    assert exact > 0
