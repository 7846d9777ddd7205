"""NUMA packing: never below what brute force finds, bounds never above it, and proof where rules leave room."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pulp
import pytest

from formulations.candidates import Candidates
from formulations.cell_packing import CellPacking
from formulations.tables import Integers
from solver.backends.base import Backend, Settings, Solution
from solver.deadline import Deadline
from solver.engines.cells.engine import CellSearch, cell_packing
from solver.engines.cells.pricing import CellPricer
from solver.engines.greedy import Variant, place_greedily
from solver.errors import BackendError
from solver.placing import place
from solver.verifying import RuleJudge, verify
from tests.oracle import brute_force
from tests.solver.engines.cells.cases import celled, racks, search_of


def check_against_brute_force(seed: int, *, ruled: bool) -> bool | None:
    """Compare value and bounds with the best of all placements; say whether the engine found it, None if none is."""
    instance = celled(seed, ruled=ruled)
    best = brute_force(instance)
    search = search_of(instance)
    packing = cell_packing(search)
    assert packing is not None
    CellSearch(search, packing, by_nodes=True).run(Deadline(60))
    if best is None:
        assert search.values is None
        return None
    assert not search.infeasible
    for number, bound in enumerate(search.bounds):
        if number == 0 or (search.values is not None and search.values[:number] == best.values[:number]):
            assert bound.value <= best.values[number]
    if search.values is None:
        return False
    assert search.values >= best.values
    assert search.incumbent is not None
    assert verify(instance, search.incumbent).ok
    return search.values == best.values


@pytest.mark.parametrize("ruled", [False, True])
def test_engine_agrees_with_brute_force(ruled: bool) -> None:
    """Counting and naming may miss the best placement under rules, never report one better than it."""
    found = [check_against_brute_force(seed, ruled=ruled) for seed in range(10)]
    assert found.count(True) >= (1 if ruled else 3)
    assert None in found


class Crashing:
    """A backend that crashes with the first seed that it sees, or with all."""

    name = "crashing"

    def __init__(self, backend: Backend, *, always: bool) -> None:
        self.backend = backend
        self.always = always
        self.seeds = list[int]()

    def solve(
        self,
        problem: pulp.LpProblem,
        *,
        deadline: Deadline,
        settings: Settings,
        start: Mapping[str, float] | None = None,
    ) -> Solution:
        """Solve, or crash."""
        self.seeds.append(settings.seed)
        if self.always or settings.seed == self.seeds[0]:
            raise BackendError("killed by signal 11")
        return self.backend.solve(problem, deadline=deadline, settings=settings, start=start)


@pytest.mark.parametrize("always", [False, True])
def test_crash_of_the_backend_is_survived(always: bool) -> None:
    """CBC crashes on some paths: another seed takes another path, else HiGHS answers, and the user is told."""
    search = search_of(celled(0, ruled=False))
    packing = cell_packing(search)
    assert packing is not None
    crashing = search.backend = Crashing(search.backend, always=always)
    CellSearch(search, packing, by_nodes=True).run(Deadline(60))
    best = brute_force(search.instance)
    assert best is not None
    assert search.values == best.values
    assert search.warnings == ["killed by signal 11"]
    assert crashing.seeds[:2] == [0, 1]


@pytest.mark.campaign
@pytest.mark.parametrize("ruled", [False, True])
def test_engine_agrees_with_brute_force_many_times(ruled: bool) -> None:
    """The same on many more instances."""
    found = [check_against_brute_force(seed, ruled=ruled) for seed in range(10, 400)]
    assert found.count(True) >= (20 if ruled else 80)


def fillings(packing: CellPacking, kind: int, counts: tuple[int, ...]) -> bool:
    """Whether some VMs of each flavour fit the cells of a type, by trying every cell for every VM."""
    vms = [flavour for flavour, many in enumerate(counts) for _ in range(many)]

    def fits(position: int, room: Integers) -> bool:
        if position == len(vms):
            return True
        flavour = vms[position]
        places = [slice(None)] if packing.spans[flavour] else [slice(c, c + 1) for c in range(len(room))]
        for place_ in places:
            left = room.copy()
            left[place_] -= packing.sizes[flavour]
            if (left >= 0).all() and fits(position + 1, left):
                return True
        return False

    return fits(0, packing.cells[kind])


def test_pricing_finds_the_best_filling() -> None:
    """A filling that is worth more and is missed would make the bound wrong."""
    rng = np.random.default_rng(5)
    for seed in range(8):
        packing = CellPacking.of(celled(seed, vms=4))
        weights = rng.integers(0, 9, len(packing.demand))
        priced = CellPricer(packing).price(weights)
        every = np.indices(tuple((packing.demand + 1).tolist())).reshape(len(weights), -1).T
        for kind, value in enumerate(priced.values.tolist()):
            worth = [int(counts @ weights) for counts in every if fillings(packing, kind, tuple(counts.tolist()))]
            found = priced.patterns[kind].sum(axis=0)
            assert int(found @ weights) == value
            assert value >= max(worth)
            assert fillings(packing, kind, tuple(found.tolist()))


def test_rules_hold_at_the_bound_of_packing() -> None:
    """Where slots are many, naming finds a placement under all rules on as few hosts as without any."""
    instance = racks()
    answer = place(instance, seconds=300, iterations=5)
    assert answer.placement is not None
    assert verify(instance, answer.placement).ok
    judges = [RuleJudge(instance, rule) for rule in instance.rules]
    greedy = place_greedily(instance, Variant("best", cheap=True), Candidates(instance), judges, Deadline(60))
    (hosts,) = answer.levels
    assert hosts.value <= len(greedy.hosts_used)
    assert hosts.gap is not None
    assert hosts.gap <= 0.05


def test_the_same_seed_names_the_same() -> None:
    """A planner who runs the same question twice must not get two answers."""
    instance = racks(seed=3)
    first, second = search_of(instance, seed=7), search_of(instance, seed=7)
    for search in (first, second):
        packing = cell_packing(search)
        assert packing is not None
        CellSearch(search, packing, by_nodes=True).run(Deadline(60))
    assert first.incumbent is not None
    assert second.incumbent is not None
    assert first.incumbent.host_of.tolist() == second.incumbent.host_of.tolist()
