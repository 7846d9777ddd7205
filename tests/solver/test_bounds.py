"""Tests of bounds without a program: never above the optimum, and as strong as their definitions."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from formulations import VM, Host, Instance, Resource, Term
from formulations.objective import TermKind
from formulations.quantities import exact
from formulations.rules import AtLeastDomains, AtMostPerHost, Dedicated, Ignore, Rule, Split, Spread
from solver.bounds import lower_bound
from solver.bounds.cliques import Conflicts, conflict_cliques
from solver.bounds.dual_feasible import bin_bounds, bins_by_large_items, bins_by_stairs
from solver.bounds.volume import Supply, cheapest, least_cost, least_number
from tests.agreement import seeds
from tests.oracle import brute_force
from tests.solver.explaining.cases import cluster
from tests.strategies import TERMS, everything


def assert_below_optimum(rng: np.random.Generator, kind: TermKind) -> None:
    """Assert that a bound holds for the best placement of a random instance."""
    instance = everything(rng, vms=4, hosts=3, unlimited=False, cost=True, energy=kind == "energy", terms=[kind])
    (term,) = instance.levels[0].terms
    if (best := brute_force(instance)) is not None:
        bound, proved_by = lower_bound(instance, term)
        assert 0 <= bound * exact(term.weight) <= best.values[0], (kind, proved_by)
        if instance.allow_unplaced and (full := brute_force(instance.replace(allow_unplaced=False))) is not None:
            bound, proved_by = lower_bound(instance, term, all_placed=True)
            assert bound * exact(term.weight) <= full.values[0], (kind, proved_by)


@pytest.mark.parametrize("kind", TERMS)
def test_no_bound_is_above_the_optimum(kind: TermKind) -> None:
    """A bound above an attainable value would be a false proof of optimality."""
    for rng in seeds(f"bounds of {kind}", 12):
        assert_below_optimum(rng, kind)


@pytest.mark.campaign
@pytest.mark.parametrize("kind", TERMS)
def test_no_bound_is_above_the_optimum_campaign(kind: TermKind) -> None:
    """The same on 300 instances of every term."""
    for rng in seeds(f"bounds of {kind}, campaign", 300):
        assert_below_optimum(rng, kind)


def bins_needed(sizes: list[int], capacity: int) -> int:
    """Return the optimal number of bins by trying every assignment in order of first use."""
    best = len(sizes)

    def fill(position: int, loads: list[int]) -> None:
        nonlocal best
        if len(loads) >= best:
            return
        if position == len(sizes):
            best = len(loads)
            return
        for number, load in enumerate(loads):
            if load + sizes[position] <= capacity:
                fill(position + 1, [*loads[:number], load + sizes[position], *loads[number + 1 :]])
        fill(position + 1, [*loads, sizes[position]])

    fill(0, [])
    return best


def test_bin_bounds_are_below_the_optimal_number_of_bins() -> None:
    """Every dual feasible function and L2, on random items, against the true number of bins."""
    gained = 0
    for rng in seeds("bins", 150):
        capacity = int(rng.integers(5, 40))
        sizes = rng.integers(1, capacity + 1, size=int(rng.integers(1, 9))).tolist()
        optimum, volume = bins_needed(sizes, capacity), -(-sum(sizes) // capacity)
        bounds = [number for number, _ in bin_bounds(sizes, [1] * len(sizes), capacity)]
        assert max(bounds) <= optimum
        assert bins_by_large_items(sizes, [1] * len(sizes), capacity) >= volume
        gained += max(bounds) > volume
    assert gained > 10


def test_bin_bounds_of_known_cases() -> None:
    """Five items just above half need five bins; nine of a third and a bit need five, two a bin."""
    assert bins_by_large_items([51], [5], 100) == 5
    assert bins_by_stairs([34], [9], 100, 2) == 5
    assert bins_by_large_items([70, 30, 20], [2, 2, 1], 100) == 3


def test_counted_items_are_worth_as_much_as_single_ones() -> None:
    """A count is a shorthand, not another instance."""
    for rng in seeds("counted items", 30):
        sizes, counts = rng.integers(1, 20, size=4).tolist(), rng.integers(1, 5, size=4).tolist()
        single = [size for size, count in zip(sizes, counts, strict=True) for _ in range(count)]
        counted = [number for number, _ in bin_bounds(sizes, counts, 20)]
        assert counted == [number for number, _ in bin_bounds(single, [1] * len(single), 20)]


def test_fractional_cover_is_the_least_cost_of_parts() -> None:
    """Greedy by cost per capacity equals the best of all mixes where parts are allowed: compare with whole hosts."""
    for rng in seeds("covers", 60):
        supplies = [
            Supply(int(rng.integers(1, 9)), Fraction(int(rng.integers(0, 9))), int(rng.integers(1, 3)))
            for _ in range(3)
        ]
        demand = int(rng.integers(1, 25))
        whole = [
            sum((n * s.cost for n, s in zip(numbers, supplies, strict=True)), Fraction(0))
            for numbers in product(*(range((s.number or 0) + 1) for s in supplies))
            if sum(n * s.capacity for n, s in zip(numbers, supplies, strict=True)) >= demand
        ]
        least = least_cost(supplies, demand)
        assert (least is None) == (not whole)
        if least is not None:
            assert least <= min(whole)


def test_unlimited_hosts_cover_everything() -> None:
    """No end of hosts: cost and number grow with the demand."""
    supplies = [Supply(4, Fraction(3), None), Supply(8, Fraction(5), 1)]
    assert least_cost(supplies, 12) == 8
    assert least_number(supplies, 13) == 3
    assert cheapest([(Fraction(3), None), (Fraction(2), 1)], 3) == 8
    assert cheapest([(Fraction(2), 1)], 2) is None


def test_cliques_are_kept_apart_pairwise() -> None:
    """Every pair of a clique has one of its rules between them."""
    rules: list[Rule] = [
        Spread(vms=["v1", "v2", "v3"]),
        Split(groups=[["v3"], ["v4", "v5"]]),
        Spread(vms=["v1", "v4"], level="rack"),
        Spread(vms=["v2", "v4"]),
        Dedicated(vms=["v6"]),
    ]
    instance = cluster(7, 7, rules)
    conflicts, (largest, *others) = Conflicts(instance), conflict_cliques(instance)
    assert len(largest.vms) == 5
    for clique in (largest, *others):
        for vm, other in product(clique.vms, repeat=2):
            assert vm == other or conflicts.rule_between(vm, other) in clique.rules


@pytest.mark.parametrize(
    ("instance", "kind", "bound", "proved_by"),
    [
        (cluster(9, 4), "hosts", 3, "volume of cpu"),
        (cluster(4, 5, [Spread(vms=["*"])]), "hosts", 4, "clique of 4 VMs kept apart"),
        (cluster(4, 5, [AtMostPerHost(most=1)]), "hosts", 4, "at most 1 of * per host"),
        (cluster(4, 5, [AtLeastDomains(vms=["v1", "v2", "v3"], least=3)]), "hosts", 3, "at_least_domains v1, v2, v3"),
        (cluster(9, 2).replace(allow_unplaced=True), "unplaced", 1, "volume of cpu"),
    ],
)
def test_bounds_say_who_proved_them(instance: Instance, kind: TermKind, bound: int, proved_by: str) -> None:
    """Each simple bound is the best one somewhere, and is named."""
    assert lower_bound(instance, Term(kind=kind)) == (Fraction(bound), proved_by)


def test_costs_are_lifted_to_what_sums_of_costs_can_be() -> None:
    """Hosts cost 30 or 50: a cover of 61 means 70 at least."""
    hosts = [Host(name="a", capacity={"cpu": 10}, cost=30, count=9), Host(name="b", capacity={"cpu": 20}, cost=50)]
    vms = [VM(name="v", resources={"cpu": 8}, count=3)]
    instance = Instance(resources=[Resource(name="cpu")], vms=vms, hosts=hosts)
    assert lower_bound(instance, Term(kind="cost")) == (Fraction(70), "volume of cpu")


def test_hosts_of_ignored_vms_are_counted() -> None:
    """An ignored VM keeps its host in use, in maintenance too."""
    kept = VM(name="kept", resources={"cpu": 1, "memory": 1}, host="h2")
    base = cluster(1, 1)
    stopped = Host(name="h2", capacity={"cpu": 8, "memory": 16}, state="maintenance", cost=7)
    instance = base.replace(vms=[*base.vms, kept], hosts=[*base.hosts, stopped], rules=[Ignore(vms=["kept"])])
    assert lower_bound(instance, Term(kind="hosts"))[0] == 2
    assert lower_bound(instance, Term(kind="cost"))[0] == 7
