"""The first answer is an answer, and the hosts that it leaves on offer cut off nothing better."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.judging import judge_packing
from benchmarks.peers.scripts.exchange import Contents, Problem, fillings
from benchmarks.peers.scripts.greedy import cost, first_answer, offered
from benchmarks.peers.scripts.layout import Layout, load
from benchmarks.protocol import Answer, Filling
from formulations.vector_packing import VectorPacking
from tests.benchmarks.peers.cases import attempt_at, impossible, two_types
from tests.packing_oracle import cheapest_packing, random_packing

SEEDS = range(25)


def drawn(seed: int) -> VectorPacking:
    """Return a small problem with several types, limits and zero sizes."""
    return random_packing(np.random.default_rng(seed))


def answered(hosts: list[tuple[int, Contents]]) -> Answer:
    """Return hosts as the judge reads them."""
    patterns = [Filling(kind, 1, sorted(contents.items())) for kind, contents in hosts]
    return Answer(status="FEASIBLE", patterns=patterns)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_first_answer_is_a_packing(seed: int) -> None:
    """Peers begin from it, so it must hold."""
    problem = drawn(seed)
    bins = first_answer(plain(problem))
    if bins is None:
        return
    hosts = [(kind, contents) for kind, contents, times in bins for _ in range(times)]
    judgement = judge_packing(problem, answered(hosts))
    assert judgement.verified, judgement.fault
    assert judgement.value == sum(int(problem.costs[kind]) for kind, _ in hosts)


def test_first_answers_are_found() -> None:
    """The test before this one must not pass for want of answers."""
    found = [first_answer(plain(drawn(seed))) is not None for seed in SEEDS]
    feasible = [cheapest_packing(drawn(seed)) is not None for seed in SEEDS]
    assert sum(found) >= 0.8 * sum(feasible)
    assert all(feasible[n] for n, there in enumerate(found) if there)


def plain(problem: VectorPacking) -> Problem:
    """Return a problem as scripts know it."""
    parts = (problem.sizes, problem.demand, problem.capacities, problem.costs, problem.available)
    return Problem(*(part.tolist() for part in parts))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hosts_on_offer_hold_an_optimum(seed: int) -> None:
    """A bound on hosts that cut off the optimum would be unfair to peers."""
    problem = drawn(seed)
    counts = np.array(offered(plain(problem), first_answer(plain(problem))), dtype=np.int64)
    assert (counts <= problem.available).all()
    fewer = VectorPacking(problem.sizes, problem.demand, problem.capacities, problem.costs, counts)
    assert cheapest_packing(fewer) == cheapest_packing(problem)


def test_no_answer_leaves_all_hosts_on_offer(tmp_path: Path) -> None:
    """Where greed fails the limits are what is offered, and models go without a start."""
    layout = Layout.of(attempt_at(impossible(), tmp_path))
    assert (layout.kinds, layout.start, layout.started) == ([0, 0], None, [])


def test_a_layout_names_every_item_and_keeps_the_order(tmp_path: Path) -> None:
    """The start obeys the order of hosts that are alike, or solvers would throw it away."""
    problem = two_types()
    layout = Layout.of(attempt_at(problem, tmp_path))
    assert layout.start is not None
    assert layout.items == [0] * 5 + [1] * 4 + [2] * 6
    hosts = layout.filled(dict(enumerate(layout.started)))
    assert hosts == layout.used(layout.start)
    judgement = judge_packing(problem, answered(hosts))
    assert judgement.verified, judgement.fault
    assert judgement.value == layout.start_cost
    for j, k in layout.neighbours:
        assert layout.kinds[j] == layout.kinds[k]
        loads = [load(layout.problem, layout.start[host], layout.problem.tightest) for host in (j, k)]
        assert loads[0] >= loads[1]


def test_equal_hosts_are_counted() -> None:
    """Answers stay small, and hosts that hold nothing are left out."""
    assert fillings([(0, {1: 2}), (1, {1: 2}), (0, {1: 2, 0: 0}), (0, {})]) == [
        {"type": 0, "times": 2, "items": ((1, 2),)},
        {"type": 1, "times": 1, "items": ((1, 2),)},
    ]


def test_the_cost_counts_equal_hosts() -> None:
    """Two hosts at 10 and one at 6."""
    assert cost(plain(two_types()), [(0, {0: 1}, 2), (1, {0: 1}, 1)]) == 26
