"""The oracle of vector packing is right, and its problems show every kind of trouble."""

from __future__ import annotations

import numpy as np

from formulations.vector_packing import VectorPacking
from tests.packing_oracle import cheapest_packing, random_packing

SEEDS = range(80)


def one_by_one(problem: VectorPacking) -> int | None:
    """Return the least cost, by putting item after item into every open and every new bin."""
    items = np.repeat(np.arange(problem.flavours), problem.demand).tolist()
    best: list[int] = []

    def place(position: int, bins: list[tuple[int, list[int]]], left: list[int], cost: int) -> None:
        if best and cost >= best[0]:
            return
        if position == len(items):
            best[:] = [cost]
            return
        size = problem.sizes[items[position]].tolist()
        for number, (kind, room) in enumerate(bins):
            if all(s <= r for s, r in zip(size, room, strict=True)):
                after = [r - s for s, r in zip(size, room, strict=True)]
                place(position + 1, [*bins[:number], (kind, after), *bins[number + 1 :]], left, cost)
        for kind in range(problem.types):
            room = [c - s for s, c in zip(size, problem.capacities[kind].tolist(), strict=True)]
            if left[kind] and min(room) >= 0:
                fewer = [n - (k == kind) for k, n in enumerate(left)]
                place(position + 1, [*bins, (kind, room)], fewer, cost + int(problem.costs[kind]))

    place(0, [], problem.limits.tolist(), 0)
    return best[0] if best else None


def test_the_oracle_agrees_with_placing_item_by_item() -> None:
    """The table over sub-multisets is the one part with an idea in it: plain search finds the same."""
    for seed in SEEDS:
        problem = random_packing(np.random.default_rng(seed), most_items=5)
        assert cheapest_packing(problem) == one_by_one(problem), seed


def test_random_problems_show_every_trouble() -> None:
    """A comparison that never meets limits, zeros or infeasible problems would prove little."""
    problems = [random_packing(np.random.default_rng(seed)) for seed in SEEDS]
    answers = [cheapest_packing(problem) for problem in problems]
    assert len(SEEDS) // 10 < sum(answer is None for answer in answers) < len(SEEDS) // 2
    assert any(p.types > 1 and (p.limits < p.items).any() for p in problems)
    assert any((p.sizes == 0).all(axis=1).any() for p in problems)
    assert any(len(np.unique(p.sizes, axis=0)) < p.flavours for p in problems)
    assert any((p.limits == 0).any() for p in problems)
    assert any((p.costs == 0).any() for p in problems)
    assert any(len(np.unique(p.capacities, axis=0)) < p.types for p in problems)
    assert any(p.demand.max() > 1 for p in problems)
