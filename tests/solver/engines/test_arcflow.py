"""Is packing by arc-flow right: its answers the oracle's, its proofs valid in integers, its claims kept apart."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import numpy as np
import pulp
import pytest
from scipy.optimize import linprog

from formulations.arcflow import ArcFlow, Network
from formulations.counting import Counting
from formulations.errors import UnsupportedError
from formulations.vector_packing import Packing, VectorPacking
from solver.backends import backend_named
from solver.backends.base import Outcome, Settings, Solution
from solver.deadline import Deadline
from solver.engines.arcflow import pack_by_arcflow
from solver.engines.arcflow.certificate import certified
from solver.engines.arcflow.relaxation import relaxed
from solver.engines.packing_search import PackingSearch
from solver.inventories.vector_packing import read_vector_packing
from tests.packing_oracle import cheapest_packing, random_packing

CBC = backend_named("cbc")


def problem(sizes: object, demand: object, capacities: object, costs: object, limits: object) -> VectorPacking:
    return VectorPacking(*(np.array(part, dtype=np.int64) for part in (sizes, demand, capacities, costs, limits)))


def networks(seeds: range, *, compressed: bool = True) -> Iterator[Network]:
    """Yield the networks of the random problems that have one."""
    for seed in seeds:
        try:
            yield Network.of(random_packing(np.random.default_rng(seed)), compressed=compressed)
        except UnsupportedError:
            continue


# -- answers -------------------------------------------------------------------------------------


def agrees(seed: int) -> None:
    """Assert that the engine finds the oracle's optimum, and that neither proof nor claim goes beyond it."""
    question = random_packing(np.random.default_rng(seed))
    best = cheapest_packing(question)
    search = PackingSearch(question)
    pack_by_arcflow(search, CBC)
    assert search.cost == best
    assert search.settled
    if best is None:
        assert search.infeasible or search.claimed_infeasible
    else:
        assert not search.infeasible
        assert not search.claimed_infeasible
        assert search.bound <= best
        assert search.claimed <= best


@pytest.mark.parametrize("first", range(0, 30, 10))
def test_the_engine_finds_the_optimum(first: int) -> None:
    """Limits, costs, types, zeros and infeasible problems: every answer is the oracle's."""
    for seed in range(first, first + 10):
        agrees(seed)


@pytest.mark.campaign
@pytest.mark.parametrize("first", range(1000, 1500, 25))
def test_the_engine_finds_the_optimum_of_hundreds(first: int) -> None:
    """Rare troubles show up in hundreds of cases only."""
    for seed in range(first, first + 25):
        agrees(seed)


def test_problems_without_a_network_are_answered_at_once() -> None:
    """No items, items that take nothing and items that fit nowhere need no solver, and no CBC."""
    nobody = PackingSearch(problem(np.zeros((0, 2)), [], [[3, 3]], [1], [4]))
    pack_by_arcflow(nobody, Lying(0))
    assert (nobody.cost, nobody.optimal) == (0, True)
    weightless = PackingSearch(problem([[0]], [7], [[3], [0]], [5, 2], [4, 1]))
    pack_by_arcflow(weightless, Lying(0))
    assert (weightless.cost, weightless.optimal) == (2, True)
    large = PackingSearch(problem([[4]], [1], [[3], [5]], [1, 1], [4, 0]))
    pack_by_arcflow(large, Lying(0))
    assert large.infeasible


def test_a_known_packing_is_improved_or_proved() -> None:
    """With an incumbent only cheaper packings are looked for: it must neither hide them nor be lost."""
    question = problem([[3], [2]], [3, 3], [[5]], [4], [9])
    poor = PackingSearch(question)
    poor.offer(Packing.of([(0, np.array([1, 0]), 3), (0, np.array([0, 1]), 3)], 2), "a poor guess")
    pack_by_arcflow(poor, CBC)
    assert (poor.cost, poor.optimal) == (12, True)
    best = PackingSearch(question)
    best.offer(Packing.of([(0, np.array([1, 1]), 3)], 2), "a good guess")
    pack_by_arcflow(best, CBC)
    assert best.optimal
    assert best.found[-1].found_by == "a good guess"


# -- proofs --------------------------------------------------------------------------------------


def test_the_proved_bound_is_that_of_all_patterns() -> None:
    """Uncompressed, the exact bound is the Gilmore-Gomory relaxation, taken here from all patterns one by one."""
    for network in networks(range(30), compressed=False):
        relaxation = relaxed(network, Deadline())
        assert relaxation is not None
        value = over_patterns(network, bounded=True)
        certificate = certified(network, relaxation.worth)
        assert relaxation.feasible == (value is not None)
        assert (certificate is None) == (value is None)
        if certificate is not None and value is not None:
            assert value - 1e-6 <= float(certificate.lower) <= value + 1e-9


def test_compression_keeps_the_bound_but_for_scarce_items() -> None:
    """Compressed, the bound lies between those of patterns with and without regard to how many items there are."""
    equal = 0
    for network in networks(range(30)):
        relaxation = relaxed(network, Deadline())
        assert relaxation is not None
        certificate = certified(network, relaxation.worth)
        high, low = over_patterns(network, bounded=True), over_patterns(network, bounded=False)
        assert certificate is not None or high is None
        if certificate is not None and low is not None and high is not None:
            assert low - 1e-6 <= float(certificate.lower) <= high + 1e-6
            equal += high - float(certificate.lower) <= 1e-6
    assert equal > 10


def over_patterns(network: Network, *, bounded: bool) -> float | None:
    """Return the value of the relaxation over all patterns, or None if it is infeasible."""
    lattice, columns, kinds = network.lattice, [], []
    for start, (used, kind) in enumerate(zip(lattice.used, lattice.types.tolist(), strict=True)):
        room = lattice.room - used
        fit = [min((r // s for r, s in zip(room, size, strict=True) if s), default=0) for size in lattice.sizes]
        most = np.minimum(fit, network.demand) if bounded else np.array(fit)
        for pattern in product(*(range(n + 1) for n in most.tolist())):
            if (np.array(pattern) @ lattice.sizes <= room).all():
                columns.append(pattern)
                kinds.append(start)
        assert kind in lattice.types
    patterns = np.array(columns).T
    limits = np.array([np.array(kinds) == start for start in range(len(lattice.types))], dtype=float)
    answer = linprog(
        network.costs[kinds],
        A_ub=np.vstack([-patterns, limits]),
        b_ub=np.concatenate([-network.demand, network.available]).astype(float),
        method="highs",
    )
    assert answer.status in (0, 2)
    return answer.fun if answer.status == 0 else None


def test_the_bound_holds_whatever_the_prices() -> None:
    """A proof rests on integers alone: wrong, tiny or huge prices may weaken it, never break it."""
    rng = np.random.default_rng(5)
    for network in networks(range(30)):
        best = cheapest_packing(network.problem)
        for scale in (1e-12, 1.0, 1e15):
            prices = np.where(rng.random(len(network.demand)) < 0.2, 0.0, rng.random(len(network.demand)) * scale)
            certificate = certified(network, prices)
            if certificate is None:
                assert best is None
            elif best is not None:
                assert certificate.lower <= best


def test_prices_in_any_unit_prove_the_same() -> None:
    """Worths are scaled to the costs: the unit that prices come in must not matter."""
    network = Network.of(problem([[3], [2]], [3, 3], [[5], [9]], [4, 7], [9, 2]))
    bounds = {certified(network, np.array([3.0, 2.0]) * unit) for unit in (0.25, 1.0, 4.0)}
    lowers = {certificate.lower for certificate in bounds if certificate is not None}
    assert len(lowers) == 1


def test_fixing_by_reduced_costs_keeps_the_cheapest_packings() -> None:
    """Arcs are left out by integer prices: with any prices the optimum must stay possible."""
    rng = np.random.default_rng(6)
    compared = 0
    for network in networks(range(50)):
        best, relaxation = cheapest_packing(network.problem), relaxed(network, Deadline())
        if best is None or relaxation is None:
            continue
        certificate = certified(network, relaxation.worth * rng.uniform(0.95, 1.05, len(network.demand)))
        assert certificate is not None
        kept = certificate.kept(best)
        if kept.all():
            continue
        solution = CBC.solve(ArcFlow(network.restricted(kept)).problem, deadline=Deadline(), settings=Settings())
        assert solution.objective is not None
        assert round(solution.objective) == best
        compared += 1
    assert compared > 3


def test_whole_numbers_of_bins_are_proved() -> None:
    """The relaxation may cut bins of two types; that no whole bins are cheaper is still no matter of trust."""
    search = PackingSearch(problem([[2]], [6], [[9], [10]], [8, 10], [5, 2]))
    pack_by_arcflow(search, CBC)
    assert (search.cost, search.bound, search.optimal) == (16, 16, True)


# -- claims --------------------------------------------------------------------------------------


class Lying:
    """A backend that says of every model that it has no solution, or that it knows a bound."""

    def __init__(self, bound: float | None = None) -> None:
        self.bound = bound

    @property
    def name(self) -> str:
        """Its name."""
        return "liar"

    def solve(
        self,
        problem: pulp.LpProblem,  # noqa: ARG002 - a fake
        *,
        deadline: Deadline,  # noqa: ARG002 - a fake
        settings: Settings,  # noqa: ARG002 - a fake
        start: Mapping[str, float] | None = None,  # noqa: ARG002 - a fake
    ) -> Solution:
        """Say what it was made to say."""
        outcome = Outcome.INFEASIBLE if self.bound is None else Outcome.UNKNOWN
        return Solution(outcome, bound=self.bound, backend=self.name)


@pytest.mark.parametrize("bound", [None, 10.0**6])
def test_what_a_backend_says_is_claimed_not_proved(bound: float | None) -> None:
    """A solver that computes in floats can be wrong: its word must never look like a proof."""
    search = PackingSearch(problem([[3, 1], [1, 3], [2, 2]], [4, 4, 4], [[5, 5]], [10], [20]))
    pack_by_arcflow(search, Lying(bound))
    assert search.cost is None
    assert not search.infeasible
    assert search.bound <= 60
    assert search.claimed_infeasible or search.claimed > 0
    assert "liar" in search.claimed_by


def test_a_contradicted_claim_harms_no_answer() -> None:
    """A packing that is found stands, whatever is claimed."""
    search = PackingSearch(problem([[3], [2]], [3, 3], [[5]], [4], [9]))
    search.claim(10**6, "liar")
    assert search.offer(Packing.of([(0, np.array([1, 1]), 3)], 2), "somebody")
    assert search.cost == 12
    assert not search.optimal
    search.claim(5, "liar")
    assert search.claimed == 10**6


# -- time ----------------------------------------------------------------------------------------


def many_small_items(flavours: int, seed: int) -> VectorPacking:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(20, 300, size=(flavours, 2))
    return problem(sizes, np.ones(flavours), [[1000, 1000]], [1], [flavours])


def test_the_deadline_is_held() -> None:
    """Building, relaxation and backend all stop in time on a problem that needs much longer."""
    for seconds in (0.0, 1.0):
        search = PackingSearch(many_small_items(24, 1), Deadline(seconds))
        pack_by_arcflow(search, CBC)
        assert search.deadline.elapsed < seconds + 3
        assert not search.infeasible


@pytest.mark.campaign
def test_too_large_a_problem_is_refused_soon() -> None:
    """The caller can go on with another engine."""
    search = PackingSearch(many_small_items(300, 2))
    with pytest.raises(UnsupportedError, match="arc-flow"):
        pack_by_arcflow(search, CBC)
    assert search.deadline.elapsed < 60


# -- published instances -------------------------------------------------------------------------

PUBLISHED = os.environ.get("PLACEWRIGHT_DATA")


def published(name: str) -> tuple[VectorPacking, int | None]:
    """Return a Caprara-Toth instance and its optimum where that is known."""
    if PUBLISHED is None:
        pytest.skip("PLACEWRIGHT_DATA names no folder of published instances")
    folder = Path(PUBLISHED) / "vector_packing" / "caprara_toth"
    with (folder / "best_known.csv").open() as file:
        optimum = next(row["optimum"] for row in csv.DictReader(file) if row["instance"] == name)
    question = Counting.of(read_vector_packing((folder / f"{name}.vbp").read_bytes())).problem
    return question, int(optimum) if optimum else None


@pytest.mark.parametrize("name", ["CL_2_25_1", "CL_6_25_2", "CL_7_25_3", "CL_8_50_1", "CL_10_51_2"])
def test_published_optima_are_reached(name: str) -> None:
    """Optima that others proved, on the field's own instances."""
    question, optimum = published(name)
    search = PackingSearch(question, Deadline(60))
    pack_by_arcflow(search, CBC)
    assert search.cost == optimum
    assert search.optimal


SMALL = [
    f"CL_{kind}_{size}_{number}"
    for kind in range(1, 11)
    for size in ((24, 51) if kind == 10 else (25, 50))
    for number in (1, 2, 3)
]


@pytest.mark.campaign
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SMALL)
def test_all_small_published_instances(name: str) -> None:
    """Every Caprara-Toth instance with up to 51 items: the optimum, or at least nothing that contradicts it."""
    question, optimum = published(name)
    many = name.startswith(("CL_4", "CL_5"))  # more items in a bin than suits arc-flow
    search = PackingSearch(question, Deadline(10 if many else 120))
    try:
        pack_by_arcflow(search, CBC)
    except UnsupportedError:
        assert many
        return
    if optimum is not None:
        assert search.bound <= optimum
        assert search.claimed <= optimum
        assert search.cost is None or search.cost >= optimum
        assert many or search.cost == optimum
