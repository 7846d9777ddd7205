"""Is the arc-flow network right: its paths are the fillings, its exact longest paths the best of them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from formulations.arcflow import ArcFlow, Network
from formulations.errors import UnsupportedError
from formulations.tables import Integers
from formulations.vector_packing import VectorPacking
from solver.backends import backend_named
from solver.backends.base import Settings
from solver.deadline import Deadline
from tests.packing_oracle import cheapest_packing, random_packing

SEEDS = range(40)

Filling = tuple[int, ...]


def networks(*, compressed: bool) -> list[Network]:
    """Return the networks of the random problems that have one."""
    found = []
    for seed in SEEDS:
        try:
            found.append(Network.of(random_packing(np.random.default_rng(seed)), compressed=compressed))
        except UnsupportedError:
            continue
    assert len(found) > len(SEEDS) // 2
    return found


def fillings(network: Network, start: int) -> set[Filling]:
    """Return what the paths from a start hold, of each of the lattice's flavours."""
    graph, found = network.graph, set[Filling]()

    def walk(node: int, held: Filling) -> None:
        if node == graph.sink:
            found.add(held)
        for arc in np.flatnonzero(graph.tails == node).tolist():
            level = int(graph.levels[arc])
            walk(int(graph.heads[arc]), tuple(n + (i == level) for i, n in enumerate(held)))

    walk(int(graph.starts[start]), (0,) * len(network.lattice.flavours))
    return found


def possible(problem: VectorPacking, network: Network, kind: int, *, counts: Integers) -> set[Filling]:
    """Return all fillings of a bin of some type with at most so many items of each of the lattice's flavours."""
    sizes = problem.sizes[network.lattice.flavours]
    every = product(*(range(count + 1) for count in counts.tolist()))
    return {filling for filling in every if (np.array(filling) @ sizes <= problem.capacities[kind]).all()}


def inside(filling: Filling, other: Filling) -> bool:
    return all(a <= b for a, b in zip(filling, other, strict=True))


@pytest.mark.parametrize("compressed", [False, True])
def test_paths_are_fillings_and_no_filling_is_missed(*, compressed: bool) -> None:
    """A path that overfills a bin breaks answers, a filling inside no path breaks proofs."""
    for network in networks(compressed=compressed):
        problem = network.problem
        for start, kind in enumerate(network.lattice.types.tolist()):
            paths = fillings(network, start)
            fit = possible(problem, network, kind, counts=network.demand)
            loads = np.array(sorted(paths)) @ problem.sizes[network.lattice.flavours]
            assert (loads <= problem.capacities[kind]).all()
            assert all(any(inside(filling, path) for path in paths) for filling in fit)
            if not compressed:
                assert paths <= fit


def test_compression_makes_networks_smaller() -> None:
    """Compression that merges nothing would be a waste of code."""
    plain, small = networks(compressed=False), networks(compressed=True)
    assert all(a.graph.arcs >= b.graph.arcs for a, b in zip(plain, small, strict=True))
    assert sum(b.graph.arcs for b in small) < 0.9 * sum(a.graph.arcs for a in plain)


@pytest.mark.parametrize("compressed", [False, True])
def test_the_longest_path_is_the_best_filling(*, compressed: bool) -> None:
    """Exact bounds rest on this: no filling may be worth more than what the network says."""
    rng = np.random.default_rng(1)
    for network in networks(compressed=compressed):
        worth = rng.integers(0, 10**12, size=len(network.demand))
        for start, best in enumerate(network.graph.most(worth).tolist()):
            assert best == max(int(np.array(filling) @ worth) for filling in fillings(network, start))


def test_worth_through_an_arc_is_that_of_its_best_path() -> None:
    """Arcs are left out of a search by this figure: one too low would lose packings."""
    rng = np.random.default_rng(2)
    for network in networks(compressed=True)[:20]:
        graph = network.graph
        worth = rng.integers(0, 1000, size=len(network.demand))
        prices = rng.integers(0, 1000, size=len(graph.starts))
        through = graph.through(worth, prices)
        best = (graph.most(worth) - prices).max()
        assert through.max() == best
        for arc in range(graph.arcs):
            without = np.arange(graph.arcs) != arc
            if through[arc] == best and (through[without] == best).sum() == 0:
                assert (graph.restricted(without).most(worth) - prices).max() < best


@pytest.mark.parametrize("compressed", [False, True])
def test_the_model_finds_what_the_oracle_finds(*, compressed: bool) -> None:
    """The model as a whole, decoded and trimmed, is the packing problem."""
    backend = backend_named("cbc")
    for network in networks(compressed=compressed)[::3]:
        model = ArcFlow(network)
        solution = backend.solve(model.problem, deadline=Deadline(), settings=Settings())
        best = cheapest_packing(network.problem)
        assert solution.found == (best is not None)
        if best is not None:
            packing = model.decode(solution.values).trimmed(network.problem)
            assert packing.faults(network.problem) == []
            assert packing.cost(network.problem) == best


def test_costs_held_to_a_range_are_kept() -> None:
    """A range without the optimum must make the model infeasible, one that ends at it must not."""
    problem = VectorPacking(*map(np.array, ([[3], [2]], [3, 3], [[5]], [4], [9])))
    backend = backend_named("cbc")
    for low, high, found in ((0, 11, False), (8, 12, True), (13, None, True), (13, 16, True)):
        model = ArcFlow(Network.of(problem))
        model.hold_cost(low, high)
        solution = backend.solve(model.problem, deadline=Deadline(), settings=Settings())
        assert solution.found == found
        if solution.objective is not None:
            assert low <= solution.objective <= (high or low + 4)


def test_a_flow_that_is_no_packing_is_refused() -> None:
    """A backend's solution is believed only after integers add up."""
    model = ArcFlow(Network.of(VectorPacking(*map(np.array, ([[3], [2]], [3, 3], [[5]], [1], [9])))))
    nothing = {variable.name: 0.0 for variable in (*model.bins, *model.flow)}
    with pytest.raises(ValueError, match="too few"):
        model.decode(nothing)
    with pytest.raises(ValueError, match="not conserved"):
        model.decode({**nothing, "bins_0": 3.0})


def test_many_equal_items_are_decoded_as_few_patterns() -> None:
    """A million items must not become a million bins on the way."""
    problem = VectorPacking(*map(np.array, ([[3], [2]], [10**6, 10**6], [[10]], [1], [10**7])))
    model = ArcFlow(Network.of(problem))
    solution = backend_named("cbc").solve(model.problem, deadline=Deadline(), settings=Settings())
    packing = model.decode(solution.values).trimmed(problem)
    assert packing.faults(problem) == []
    assert packing.bins == 500_000
    assert len(packing.times) < 10


def test_what_is_not_covered_is_refused_by_name() -> None:
    """Limits are stated and met before memory is burnt."""
    problem = VectorPacking(*map(np.array, ([[7, 3], [5, 6], [2, 4]], [4, 4, 4], [[20, 21]], [1], [9])))
    with pytest.raises(UnsupportedError, match="at most 10 states"):
        Network.of(problem, most_states=10)
    with pytest.raises(UnsupportedError, match="at most 5 arcs"):
        Network.of(problem, most_arcs=5)
    with pytest.raises(UnsupportedError, match="fits none"):
        Network.of(VectorPacking(*map(np.array, ([[7]], [1], [[5]], [1], [9]))))
    with pytest.raises(UnsupportedError, match="none does"):
        Network.of(VectorPacking(*map(np.array, ([[0]], [1], [[5]], [1], [9]))))


def test_construction_stops_when_it_is_told_to() -> None:
    """A deadline holds while the network is built, too."""
    problem = VectorPacking(*map(np.array, ([[7, 3], [5, 6], [2, 4]], [4, 4, 4], [[20, 21]], [1], [9])))
    calls = list[None]()

    def stop() -> bool:
        calls.append(None)
        return len(calls) > 2

    with pytest.raises(TimeoutError):
        Network.of(problem, stop=stop)


def test_worths_that_cannot_be_added_exactly_are_refused() -> None:
    """Sums that overflow would be wrong bounds."""
    network = Network.of(VectorPacking(*map(np.array, ([[1]], [8], [[4]], [1], [9]))))
    assert network.graph.most(np.array([2**59])).tolist() == [2**61]
    with pytest.raises(OverflowError):
        network.graph.most(np.array([2**61]))


def test_sizes_near_the_largest_integer_are_exact() -> None:
    """Room is counted in exact integers of any size that a problem may have."""
    large = 2**50
    problem = VectorPacking(*map(np.array, ([[large], [large - 1]], [1, 1], [[2 * large - 1]], [1], [9])))
    assert fillings(Network.of(problem), 0) == {(1, 1)}
    short = VectorPacking(*map(np.array, ([[large], [large - 1]], [1, 1], [[2 * large - 2]], [1], [9])))
    assert fillings(Network.of(short), 0) == {(1, 0), (0, 1)}
