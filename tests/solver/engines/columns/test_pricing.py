"""Is pricing exact: the best filling of a bin is that of trying all, and what is only estimated is never below it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest

from formulations.tables import Integers
from formulations.vector_packing import VectorPacking
from solver.deadline import Deadline
from solver.engines.columns import lattice, outlook, pricing
from solver.engines.columns.pricing import Effort, Priced, Pricer
from tests.agreement import seeds
from tests.solver.engines.columns.cases import drawn_weights, many_patterns, packable, patterns_of, price, problem

LATTICE, SEARCH = "lattice", "depth-first search"


class Question(NamedTuple):
    """Weights to price, and the worth of the best pattern of every type that exists."""

    problem: VectorPacking
    weights: Integers
    demand: Integers
    best: dict[int, int]

    def above(self, rng: np.random.Generator) -> Integers:
        """Return what patterns must exceed: nothing, a little, all but the best, or more than there is."""
        most = np.zeros(self.problem.types, dtype=np.int64)
        most[list(self.best)] = list(self.best.values())
        chosen = rng.integers(5, size=len(most))
        above: Integers = np.choose(chosen, [0 * most, most // 2, np.maximum(most - 1, 0), most, most + 5])
        return above


def questions(name: str, count: int) -> Iterator[tuple[np.random.Generator, Question]]:
    """Yield random questions of which every filling is known, with the generator that drew them."""
    for number, rng in enumerate(seeds(name, count)):
        drawn = packable(rng) if number % 3 == 0 else many_patterns(rng)
        weights = drawn_weights(rng, drawn)
        demand: Integers = np.where(rng.random(drawn.flavours) < 0.7, drawn.demand, drawn.demand // 2)
        kinds = [k for k in range(drawn.types) if drawn.available[k] and drawn.fits[:, k].any()]
        best = {k: int((patterns_of(drawn, k, demand) @ weights).max()) for k in kinds}
        yield rng, Question(drawn, weights, demand, best)


@pytest.fixture(params=[LATTICE, SEARCH])
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Price by the dynamic program where it pays, or always by search."""
    if request.param == SEARCH:
        always_search(monkeypatch)
    return str(request.param)


def always_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no lattice pay."""
    monkeypatch.setattr(pricing, "lattice_pays", lambda *_: False)


def check_patterns(question: Question, kind: int, patterns: list[Integers]) -> list[int]:
    """Assert that patterns are fillings of a bin of the items there are; return what they are worth."""
    drawn = question.problem
    for pattern in patterns:
        assert pattern.shape == (drawn.flavours,)
        assert (pattern >= 0).all()
        assert (pattern <= question.demand).all()
        assert (pattern @ drawn.sizes <= drawn.capacities[kind]).all()
    return [int(pattern @ question.weights) for pattern in patterns]


def check_exact(question: Question, above: Integers, answer: dict[int, Priced]) -> None:
    """Assert that the answer is the best of all patterns, where one is better than what was asked for."""
    assert set(answer) == set(question.best)
    for kind, best in question.best.items():
        priced = answer[kind]
        worths = check_patterns(question, kind, priced.patterns)
        assert priced.exact
        if best > above[kind]:
            assert priced.upper == best == worths[-1]
            assert all(worth > above[kind] for worth in worths)
        else:
            assert best <= priced.upper <= above[kind] or priced.upper == 0
            assert worths == []


def exact_block(count: int, name: str = "priced") -> None:
    for rng, question in questions(name, count):
        above = question.above(rng)
        answer = price(question.problem, question.weights, above, demand=question.demand)
        check_exact(question, above, answer)


def test_the_best_pattern_is_found(method: str) -> None:
    """Bounds are proved by this figure: several types, scarce items, weights of 0 and equal weights included."""
    exact_block(60)


@pytest.mark.campaign
def test_the_best_pattern_is_found_in_thousands(method: str) -> None:
    """Rare shapes of lattices and tables show up in thousands of cases only."""
    exact_block(4000, "priced again")


def test_the_lattice_and_the_search_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two methods without a line in common: what one gets wrong the other would have to get wrong, too."""
    compared = 0
    for _, question in questions("two ways", 60):
        if question.problem.resources > 3 or question.problem.capacities.max() > 100:
            continue
        nothing = np.zeros(question.problem.types, dtype=np.int64)
        uppers = []
        for pays in (True, False):
            monkeypatch.setattr(pricing, "lattice_pays", lambda *_, said=pays: said)
            answer = price(question.problem, question.weights, nothing, demand=question.demand)
            uppers.append({k: priced.upper for k, priced in answer.items()})
        assert uppers[0] == uppers[1]
        compared += len(uppers[0])
    assert compared > 40


def test_what_is_cut_short_is_bounded_from_above(monkeypatch: pytest.MonkeyPatch) -> None:
    """Farley's bound after an interrupted search rests on ``upper``: below the truth it would prove nonsense."""
    always_search(monkeypatch)
    open_ends = 0
    for rng, question in questions("cut short", 60):
        above = question.above(rng)
        slack = int(rng.choice([0, 1, max(1, int(max(question.best.values())) // 10)]))
        nodes = int(rng.choice([0, 1, 2, 5, 20, 10**9]))
        answer = price(question.problem, question.weights, above, demand=question.demand, nodes=nodes, slack=slack)
        for kind, best in question.best.items():
            priced = answer[kind]
            worths = check_patterns(question, kind, priced.patterns)
            assert priced.upper >= best
            assert all(worth > above[kind] for worth in worths)
            open_ends += not priced.exact
            if priced.exact:
                assert best <= max([int(above[kind]), *worths]) + slack
    assert open_ends > 20


def test_the_lattice_of_items_without_end_is_above_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """It forgets how many items there are: its value bounds, and is called exact only where it can be had."""
    always_search(monkeypatch)
    monkeypatch.setattr(pricing, "endless_lattice_pays", lambda *_: True)
    looked_up = exact = 0
    for rng, question in questions("endless", 80):
        if question.problem.resources > 3 or question.problem.capacities.max() > 100:
            continue
        above = question.above(rng)
        nodes = int(rng.integers(1, 4))
        monkeypatch.setattr(pricing, "NODES_BEFORE_LATTICE", nodes)
        many = int(rng.choice([0, 2]))
        answer = price(question.problem, question.weights, above, demand=question.demand, nodes=nodes, complements=many)
        for kind, best in question.best.items():
            priced = answer[kind]
            worths = check_patterns(question, kind, priced.patterns)
            assert priced.upper >= best
            assert many or not worths or max(worths) > above[kind]
            if priced.exact:
                assert best <= max([int(above[kind]), *worths])
            looked_up += 1
            exact += priced.exact
    assert looked_up > exact > 30


PLENTIFUL = problem([[7, 11], [5, 13], [3, 4], [61, 1]], [99, 99, 99, 99], [[60, 110], [90, 90]], [1, 1], [99, 99])


def test_the_lattice_knows_the_best_pattern_with_each_flavour() -> None:
    """Most columns come from there: one that is not the best of its flavour, or none, would only cost rounds."""
    for rng in seeds("with each", 5):
        weights: Integers = rng.integers(20, 200, size=4)
        known = lattice.EndlessLattice(PLENTIFUL, [0, 1], np.arange(4), weights, Deadline())
        for kind in (0, 1):
            every = patterns_of(PLENTIFUL, kind)
            patterns, values = known.patterns_with_each(kind)
            for flavour in range(4):
                holding = every[every[:, flavour] > 0]
                if not len(holding):
                    assert (kind, flavour) == (0, 3)
                    assert not patterns[flavour].any()
                    continue
                assert (holding == patterns[flavour]).all(axis=1).any()
                assert (holding @ weights).max() == patterns[flavour] @ weights == values[flavour]


def test_searches_in_vain_bring_the_lattice_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where short searches keep failing, each further one only delays the answer that the lattice gives."""
    always_search(monkeypatch)
    weights = np.array([700_001, 690_003, 260_005, 100_000])
    nothing = np.zeros(2, dtype=np.int64)
    best = [priced.upper for priced in price(PLENTIFUL, weights, nothing).values()]
    pricer = Pricer(PLENTIFUL)
    exact = [
        all(p.exact for p in pricer.price(weights, PLENTIFUL.demand, np.array(best) - 1, Effort(nodes=1)).values())
        for _ in range(40)
    ]
    assert exact == sorted(exact)
    assert exact[-1] > exact[0]


def test_coarse_units_of_the_lattice_bound_from_above(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cells are small integers: what does not go into them is rounded up, or the bound would be a guess."""
    always_search(monkeypatch)
    monkeypatch.setattr(pricing, "endless_lattice_pays", lambda *_: True)
    monkeypatch.setattr(pricing, "NODES_BEFORE_LATTICE", 1)
    monkeypatch.setattr(lattice, "LARGEST_VALUE", 1_000)
    rounded = 0
    for rng, question in questions("coarse", 60):
        if question.problem.resources > 3 or question.problem.capacities.sum(axis=1).max() > 300:
            continue
        above, slack = question.above(rng), int(rng.choice([0, 3, 50]))
        answer = price(question.problem, question.weights, above, demand=question.demand, nodes=1, slack=slack)
        for kind, best in question.best.items():
            priced = answer[kind]
            worths = check_patterns(question, kind, priced.patterns)
            assert priced.upper >= best
            if priced.exact:
                assert best <= max([int(above[kind]), *worths]) + slack
            rounded += priced.upper > max(best, int(above[kind]))
    assert rounded > 10


def test_thorough_pricing_tightens_what_a_short_search_leaves_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found patterns are no reason to live with a poor bound: the lattice lowers it, never below the truth."""
    always_search(monkeypatch)
    monkeypatch.setattr(pricing, "endless_lattice_pays", lambda *_: True)
    tightened = 0
    for _, question in questions("thorough", 120):
        if question.problem.resources > 3 or question.problem.capacities.max() > 100:
            continue
        nothing = np.zeros(question.problem.types, dtype=np.int64)
        plain, better = (
            price(question.problem, question.weights, nothing, demand=question.demand, nodes=1, thorough=thorough)
            for thorough in (False, True)
        )
        for kind, best in question.best.items():
            worths = check_patterns(question, kind, better[kind].patterns)
            assert best <= better[kind].upper <= plain[kind].upper
            assert max(worths, default=0) >= max(check_patterns(question, kind, plain[kind].patterns), default=0)
            if better[kind].exact:
                assert best == max(worths, default=0)
            tightened += better[kind].upper < plain[kind].upper
    assert tightened > 2


def test_where_the_lattice_does_not_decide_the_search_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Items that do not exist may make the lattice look better than any pattern: asking again would be in vain."""
    always_search(monkeypatch)
    monkeypatch.setattr(pricing, "endless_lattice_pays", lambda *_: True)
    monkeypatch.setattr(pricing, "NODES_BEFORE_LATTICE", 1)
    for rng, question in questions("undecided", 40):
        if question.problem.resources <= 3 and question.problem.capacities.max() <= 100:
            above = question.above(rng)
            answer = price(question.problem, question.weights, above, demand=question.demand, nodes=10**9)
            for kind, best in question.best.items():
                assert answer[kind].exact or answer[kind].patterns
                assert answer[kind].upper >= best


def test_the_lattice_of_items_without_end_does_not_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many items that do not exist may fit a bin, each worth as much as a bin that is missing."""
    always_search(monkeypatch)
    monkeypatch.setattr(pricing, "NODES_BEFORE_LATTICE", 1)
    question = problem([[50_000], [60_000], [70_000], [1]], [9, 9, 9, 9], [[98_304]], [1], [300])
    weights = np.array([2**30, 2**30, 2**30, 2**49])
    answer = price(question, weights, np.array([3 * 2**49]), nodes=1)[0]
    assert answer.upper >= 9 * 2**49


def test_a_search_goes_on_where_it_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines are looked at between slices of a search: slices must not change what it finds."""
    always_search(monkeypatch)
    for step in (1, 3, 17):
        monkeypatch.setattr(outlook, "NODES_AT_ONCE", step)
        for rng, question in questions(f"slices of {step}", 15):
            above = question.above(rng)
            check_exact(question, above, price(question.problem, question.weights, above, demand=question.demand))


@pytest.mark.parametrize("entries", [2, 2**12])
def test_remembered_situations_change_only_the_number_of_nodes(entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out because it was seen before must not hide anything, scarce items and lost entries included."""
    always_search(monkeypatch)
    monkeypatch.setattr(outlook, "MEMORY", entries)
    monkeypatch.setattr(outlook, "NODES_OF_A_TRIAL", 10**9)
    nodes = {}
    for before in (10**9, 1):
        monkeypatch.setattr(outlook, "NODES_BEFORE_MEMORY", before)
        pricers = []
        for rng, question in questions("memory", 60):
            pricers.append(Pricer(question.problem))
            above = question.above(rng)
            check_exact(question, above, pricers[-1].price(question.weights, question.demand, above, Effort()))
        nodes[before] = sum(pricer.nodes for pricer in pricers)
    assert nodes[1] <= nodes[10**9]


def test_memory_saves_work_where_many_fillings_leave_the_same_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small sizes in many combinations are what it is for; without words to tell them apart it is left out."""
    always_search(monkeypatch)
    monkeypatch.setattr(pricing, "endless_lattice_pays", lambda *_: False)
    monkeypatch.setattr(outlook, "NODES_BEFORE_MEMORY", 100)
    capacity = np.array([64, 300, 130])
    sizes = np.array(
        [(cpu, cpu * ratio, cpu * tier) for cpu in (1, 2, 4, 8) for ratio in (2, 4, 8) for tier in (1, 2, 4)]
    )
    drawn = problem(sizes, [40] * len(sizes), [capacity], [1], [99])
    luck = np.random.default_rng(4).uniform(0.95, 1.05, size=len(sizes))
    weights = np.floor(2**30 * (sizes / capacity).mean(axis=1) * luck).astype(np.int64)
    nodes = []
    for word in (1, outlook.LARGEST_WORD):
        monkeypatch.setattr(outlook, "LARGEST_WORD", word)
        pricer = Pricer(drawn)
        answer = pricer.price(weights, drawn.demand, np.zeros(1, dtype=np.int64), Effort())
        nodes.append((pricer.nodes, answer[0].upper))
    assert nodes[0][1] == nodes[1][1]
    assert nodes[1][0] < 0.7 * nodes[0][0]


def test_tables_of_a_pair_change_only_the_number_of_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sharper bound saves work and nothing else."""
    always_search(monkeypatch)
    nodes = np.zeros(2, dtype=np.int64)
    for rng in seeds("pairs", 12):
        drawn = problem(
            rng.integers(0, 20, size=(12, 3)) + np.eye(12, 3, dtype=np.int64),
            rng.integers(1, 9, size=12),
            rng.integers(60, 90, size=(2, 3)),
            [1, 1],
            [9, 9],
        )
        volumes = (drawn.sizes / drawn.capacities.max(axis=0)).sum(axis=1)
        weights = np.floor(2**30 * volumes * rng.uniform(0.9, 1.1, size=12)).astype(np.int64)
        uppers = []
        for paired, most_steps in enumerate((0, 200)):
            monkeypatch.setattr(outlook, "MOST_PAIR_STEPS", most_steps)
            pricer = Pricer(drawn)
            answer = pricer.price(weights, drawn.demand, np.zeros(2, dtype=np.int64), Effort())
            uppers.append({k: priced.upper for k, priced in answer.items()})
            nodes[paired] += pricer.nodes
        assert uppers[0] == uppers[1]
    assert nodes[1] < nodes[0]


def test_weights_near_the_largest_integer_are_exact(method: str) -> None:
    """The bound is a proof in integers: units lost in floats would make it a guess."""
    rng = np.random.default_rng(3)
    for _, question in questions("large weights", 60):
        most = max(1, int(max(question.problem.most.sum(axis=0))))
        heavy = rng.random(question.problem.flavours) < 0.6
        weights: Integers = np.where(heavy, 2**59 // most, 0) + rng.integers(1, 40, size=len(heavy))
        kinds = list(question.best)
        best = {k: int((patterns_of(question.problem, k, question.demand) @ weights).max()) for k in kinds}
        large = question._replace(weights=weights, best=best)
        above = large.above(rng)
        check_exact(large, above, price(question.problem, weights, above, demand=question.demand))


def test_bins_of_very_many_items_are_traced() -> None:
    """A bin of forty thousand small items is a pattern like any other: counts must not overflow."""
    question = problem([[1], [3]], [100_000, 5], [[40_000]], [1], [9])
    weights = np.array([1, 4])
    answer = price(question, weights, np.zeros(1, dtype=np.int64))[0]
    assert answer.upper == 40_005
    assert answer.patterns[-1].tolist() == [39_985, 5]


def test_complements_share_no_items_with_the_best(method: str) -> None:
    """Patterns that come along use what the best ones leave: together they are bins of one packing."""
    came = 0
    for _, question in questions("complements", 40):
        above = np.zeros(question.problem.types, dtype=np.int64)
        alone = price(question.problem, question.weights, above, demand=question.demand)
        beside = price(question.problem, question.weights, above, demand=question.demand, complements=4)
        for kind, priced in beside.items():
            check_patterns(question, kind, priced.patterns)
            assert priced.upper == alone[kind].upper == question.best[kind]
            known = {pattern.tobytes() for pattern in alone[kind].patterns}
            extra = [pattern for pattern in priced.patterns if pattern.tobytes() not in known]
            assert len(extra) <= 4
            if extra:
                best = max(alone[kind].patterns, key=lambda pattern: int(pattern @ question.weights))
                assert (best + np.sum(extra, axis=0) <= question.demand).all()
            came += len(extra)
    assert came > 20


def test_nothing_of_worth_and_nothing_left_cost_no_search() -> None:
    """In dives items run out, and duals are 0: the answer is 0, exactly."""
    question = problem([[3, 1], [2, 2]], [2, 3], [[5, 5], [4, 9]], [1, 2], [3, 3])
    above = np.zeros(2, dtype=np.int64)
    for weights, demand in (([0, 0], [2, 3]), ([5, 4], [0, 0]), ([5, 0], [0, 3])):
        answer = price(question, np.array(weights), above, demand=np.array(demand))
        assert {k: (priced.upper, priced.exact, priced.patterns) for k, priced in answer.items()} == {
            0: (0, True, []),
            1: (0, True, []),
        }


def test_types_that_hold_nothing_are_not_priced() -> None:
    """Types of which no bin exists, or that no flavour fits, have no patterns."""
    question = problem([[3], [4]], [2, 3], [[5], [2], [9]], [1, 1, 1], [3, 3, 0])
    answer = price(question, np.array([1, 1]), np.zeros(3, dtype=np.int64))
    assert list(answer) == [0]


def test_no_time_is_no_answer_but_still_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the deadline pricing stops at once, and says honestly how little it knows."""
    always_search(monkeypatch)
    for _, question in questions("no time", 15):
        above = np.zeros(question.problem.types, dtype=np.int64)
        answer = price(question.problem, question.weights, above, demand=question.demand, deadline=Deadline(0))
        for kind, best in question.best.items():
            assert answer[kind].upper >= best
            assert not answer[kind].exact or best == 0


def test_fillings_are_packings() -> None:
    """Bin after bin filled by short searches: no item is lost, and no bin used that does not exist."""
    packed = 0
    for rng in seeds("fillings", 60):
        drawn = packable(rng) if rng.random() < 0.5 else many_patterns(rng)
        packing = Pricer(drawn).pack(drawn_weights(rng, drawn), drawn.demand, drawn.available, Deadline())
        if packing is not None:
            assert packing.faults(drawn) == []
            packed += 1
        else:
            assert (drawn.limits < drawn.items).any()
    assert packed > 30
    assert Pricer(drawn).pack(drawn_weights(rng, drawn), drawn.demand, drawn.available, Deadline(0)) is None
