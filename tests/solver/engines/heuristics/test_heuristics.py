"""Are the named heuristics right: answers that hold, never too good, the same every time, at any number of items."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from formulations.counting import Counting
from formulations.errors import UnsupportedError
from formulations.vector_packing import Packing, VectorPacking
from solver.deadline import Deadline
from solver.engines.heuristics import HEURISTICS, QUICK, THOROUGH, Heuristic, offer_packings
from solver.engines.heuristics.registry import MOST_ITEMS_ONE_BY_ONE
from solver.engines.heuristics.right_sizing import right_sized
from solver.engines.packing_search import PackingSearch
from solver.inventories.vector_packing import read_vector_packing
from tests.packing_oracle import cheapest_packing, random_packing

DATA = os.environ.get("PLACEWRIGHT_DATA")
A_FEW = ("NF", "FF", "BFD-sum", "WFD-max", "PABFD", "FFD-sum-average-dynamic", "Tetris", "L2-average-dynamic",
         "normalised-dot-product", "permutation-pack-2-sum", "WFD-sum-open", "pairing-dot-product")  # fmt: skip


def problem(sizes: object, demand: object, capacities: object, costs: object, limits: object) -> VectorPacking:
    return VectorPacking(*(np.array(part, dtype=np.int64) for part in (sizes, demand, capacities, costs, limits)))


def clouds(items: int) -> VectorPacking:
    """Return 30 flavours with 3 resources and one type of host, as in a cloud."""
    rng = np.random.default_rng(30)
    sizes = np.stack([2 ** rng.integers(0, 6, 30), 2 ** rng.integers(1, 8, 30), rng.integers(10, 200, 30)], axis=1)
    demand = rng.multinomial(items - 30, np.full(30, 1 / 30)) + 1
    return problem(sizes, demand, [[96, 384, 2000]], [1], [items])


def holds(heuristic: Heuristic, question: VectorPacking, best: int | None) -> None:
    """Assert that an answer is one, and that none is better than the best there is."""
    packing = heuristic.run(question, Deadline(30))
    if packing is not None:
        assert packing.faults(question) == [], heuristic.name
        assert best is not None
        assert packing.cost(question) >= best, heuristic.name
    elif best is not None:
        plenty = (question.limits >= question.items).all()
        assert not plenty, f"{heuristic.name} gets stuck although there are bins for all"


@pytest.mark.parametrize("seed", range(6))
def test_every_answer_holds(seed: int) -> None:
    """Whatever a heuristic returns must be a packing, and no cheaper than the cheapest by exhaustion."""
    question = random_packing(np.random.default_rng(seed), most_items=6)
    best = cheapest_packing(question)
    for heuristic in HEURISTICS.values():
        holds(heuristic, question, best)


@pytest.mark.campaign
def test_every_answer_holds_often() -> None:
    """Limits that run out, free types and items that fit nowhere come together only in many cases."""
    for seed in range(100, 400):
        question = random_packing(np.random.default_rng(seed), most_items=7)
        best = cheapest_packing(question)
        for heuristic in HEURISTICS.values():
            holds(heuristic, question, best)


def test_each_has_a_source_and_a_family() -> None:
    """A baseline without a source cannot be cited, and one without a family not be told apart."""
    for name, heuristic in HEURISTICS.items():
        assert heuristic.name == name
        assert heuristic.cites
        assert heuristic.family in ("item-centric", "bin-centric", "multi-bin")


@pytest.mark.parametrize("name", A_FEW)
def test_the_same_answer_twice(name: str) -> None:
    """Baselines are compared across machines and years: nothing may depend on chance."""
    question = clouds(500)
    first, second = (HEURISTICS[name].run(question, Deadline()) for _ in range(2))
    assert first is not None
    assert second is not None
    for one, other in zip(vars(first).values(), vars(second).values(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [name for name in A_FEW if HEURISTICS[name].most_items is None])
def test_a_million_items_are_counted(name: str) -> None:
    """Counted heuristics must not take longer for more items of the same flavours, nor more patterns."""
    question = clouds(1_000_000)
    packing = HEURISTICS[name].run(question, Deadline(20))
    assert packing is not None
    assert packing.faults(question) == []
    assert len(packing.times) <= 8 * question.flavours
    assert packing.bins >= -(-int(question.demand @ question.sizes[:, 0]) // 96)


def test_too_many_items_are_refused_by_name() -> None:
    """A heuristic that decides item by item must say so rather than run for hours."""
    one_by_one = HEURISTICS["L2-average-dynamic"]
    with pytest.raises(UnsupportedError, match=one_by_one.name):
        one_by_one.run(clouds(MOST_ITEMS_ONE_BY_ONE + 1), Deadline())


def test_a_deadline_that_is_over_ends_a_run() -> None:
    """Ctrl-C and deadlines only work if compiled loops come back: many different items take longer than one turn."""
    rng = np.random.default_rng(1)
    question = problem(rng.integers(1, 50, (6_000, 4)), np.ones(6_000), [[100] * 4], [1], [6_000])
    assert HEURISTICS["pairing-cosine"].run(question, Deadline(0.0)) is None


def test_nothing_to_pack_is_packed_into_nothing() -> None:
    """An instance without VMs is an instance; so is one in which no resource binds."""
    nothing = problem(np.zeros((0, 2)), np.zeros(0), [[5, 5]], [1], [3])
    unbound = problem(np.zeros((2, 0)), [3, 4], np.zeros((1, 0)), [2], [3])
    for heuristic in HEURISTICS.values():
        empty, one_bin = heuristic.run(nothing, Deadline()), heuristic.run(unbound, Deadline())
        assert empty is not None
        assert empty.bins == 0
        assert one_bin is not None, heuristic.name
        assert one_bin.faults(unbound) == []


def test_items_that_fit_nowhere_have_no_packing() -> None:
    """There is no answer to give, and `None` says so."""
    question = problem([[1], [9]], [1, 1], [[5]], [1], [3])
    assert all(heuristic.run(question, Deadline()) is None for heuristic in HEURISTICS.values())


def test_pabfd_opens_what_draws_least() -> None:
    """Of hosts that do the same the one of less power must be opened, and be full before the other is."""
    question = problem([[2]], [6], [[8], [8]], [10, 7], [9, 1])
    packing = HEURISTICS["PABFD"].run(question, Deadline())
    assert packing is not None
    assert packing.bins_of(question).tolist() == [1, 1]
    assert sorted(zip(packing.types.tolist(), packing.patterns[:, 0].tolist(), strict=True)) == [(0, 2), (1, 4)]


def test_right_sizing_frees_dear_bins_for_others() -> None:
    """A bin turned into a smaller type must free its own type's limit and respect the other's."""
    question = problem([[1]], [4], [[4], [2], [1]], [9, 5, 2], [4, 1, 1])
    packing = Packing.of([(0, np.array([2]), 1), (0, np.array([1]), 2)], 1)
    better = right_sized(question, packing)
    assert better.faults(question) == []
    assert better.cost(question) == 9 + 5 + 2


def test_first_packings_are_offered() -> None:
    """The portfolio starts from these: the incumbent must be the best of them, also where some refuse."""
    few, many = PackingSearch(clouds(300)), PackingSearch(clouds(MOST_ITEMS_ONE_BY_ONE + 1))
    for search in (few, many):
        offer_packings(search, (*QUICK, *THOROUGH))
        assert search.cost is not None
    assert few.cost == min(packing.bins for packing in map(run_on(few.problem), (*QUICK, *THOROUGH)) if packing)
    assert few.found[0].found_by == QUICK[0]


def run_on(question: VectorPacking) -> Callable[[str], Packing | None]:
    return lambda name: HEURISTICS[name].run(question, Deadline())


def published(rows: list[dict[str, str]], seed: int, number: int) -> Iterator[tuple[VectorPacking, dict[str, str]]]:
    """Yield a sample of the published instances with what is published of them."""
    folder = Path(str(DATA)) / "vector_packing" / "mommessin"
    for row in [rows[at] for at in np.random.default_rng(seed).choice(len(rows), number, replace=False)]:
        content = (folder / row["set"] / f"{row['instance']}.vbp").read_bytes()
        yield Counting.of(read_vector_packing(content)).problem, row


def published_rows(largest: int) -> list[dict[str, str]]:
    """Return the rows of the published table up to a number of items, without the instances that list their answer."""
    table = Path(str(DATA)) / "vector_packing" / "mommessin" / "best_known.csv"
    rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    return [row for row in rows if row["set"] != "Triplet" and int(row["instance"].split("_")[1]) <= largest]


@pytest.mark.skipif(DATA is None, reason="PLACEWRIGHT_DATA is not set")
def test_published_instances() -> None:
    """On the field's instances answers must respect the published bounds, and the best come near the published best."""
    for question, row in published(published_rows(60), 5, 8):
        found = [heuristic.run(question, Deadline()) for heuristic in HEURISTICS.values()]
        bins = [packing.bins for packing in found if packing is not None]
        assert len(bins) == len(HEURISTICS)
        assert min(bins) >= int(row["optimum"] or row["lower_bound"])
        assert min(bins) <= int(row["best_heuristic"]) + 1


@pytest.mark.campaign
@pytest.mark.skipif(DATA is None, reason="PLACEWRIGHT_DATA is not set")
def test_the_best_published_heuristic_is_reached() -> None:
    """The set is to be as strong as the field's: on nine of ten instances its best is no worse than the best of 350."""
    ours, theirs = [], []
    for question, row in published(published_rows(500), 6, 60):
        found = [heuristic.run(question, Deadline()) for heuristic in HEURISTICS.values()]
        ours.append(min(packing.bins for packing in found if packing is not None))
        theirs.append(int(row["best_heuristic"]))
    reached = sum(one <= other for one, other in zip(ours, theirs, strict=True))
    assert reached >= 0.9 * len(ours), (reached, len(ours))
    assert sum(ours) <= 1.002 * sum(theirs), (sum(ours), sum(theirs))
