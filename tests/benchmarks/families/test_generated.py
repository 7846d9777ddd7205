"""Generated families have the properties that the documentation states, and are the same for a seed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.families import FAMILIES, Case, case_named
from benchmarks.families.cloud import cloud_packing
from benchmarks.families.distinct import CAPACITY, distinct_packing
from benchmarks.families.four_types import four_types_packing
from benchmarks.families.hard import KINDS
from benchmarks.families.questions import instance_of, packing_of
from benchmarks.families.small import small_packing
from formulations.errors import InputError
from formulations.instance import Instance
from formulations.vector_packing import VectorPacking
from solver.inventories.writing import instance_json

GENERATED = ("cloud", "four_types", "distinct", "small", "hard")


def _same(first: VectorPacking, second: VectorPacking) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("sizes", "demand", "capacities", "costs", "limits")
    )


def _volume(problem: VectorPacking) -> float:
    return float((problem.demand @ problem.sizes / problem.capacities[0]).max())


@pytest.mark.parametrize("family", GENERATED)
def test_a_seed_gives_the_same_instances_and_another_seed_others(family: str) -> None:
    """Rows of two campaigns can only be compared if the instances are the same."""
    cases = {seed: list(FAMILIES[family].cases([seed]))[:3] for seed in (0, 1)}
    for first, again, other in zip(cases[0], FAMILIES[family].cases([0]), cases[1], strict=False):
        built, same, different = first.build(), again.build(), other.build()
        assert isinstance(built, VectorPacking)
        assert isinstance(same, VectorPacking)
        assert isinstance(different, VectorPacking)
        assert _same(built, same)
        assert not _same(built, different)


@pytest.mark.parametrize("family", GENERATED)
def test_names_are_unique(family: str) -> None:
    """A campaign tells runs apart by family and name."""
    names = [case.name for case in FAMILIES[family].cases(range(3))]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("resources", [2, 3])
@pytest.mark.parametrize(("count", "flavours"), [(100, 30), (10_000, 30), (10_000, 500), (1_000_000, 250)])
def test_cloud_flavours_are_distinct_and_every_vm_is_counted(count: int, flavours: int, resources: int) -> None:
    """Flavours are the family's measure of difficulty: two alike would make it easier than it says."""
    problem = cloud_packing(count, flavours, resources, seed=1)
    assert problem.items == count
    assert problem.sizes.shape == (flavours, resources)
    assert len(np.unique(problem.sizes, axis=0)) == flavours
    assert problem.fits.all()


@pytest.mark.parametrize("seed", range(5))
def test_cloud_hosts_hold_about_fourteen_vms_and_few_flavours_are_popular(seed: int) -> None:
    """The claim is about clouds: not one VM per host, nor a uniform mixture."""
    problem = cloud_packing(10_000, 30, 3, seed)
    assert 9 <= problem.items / _volume(problem) <= 20
    assert problem.capacities[0, 0] in (64, 80, 96, 112, 128)
    popular = np.sort(problem.demand)[::-1]
    assert popular[:6].sum() > 0.4 * problem.items


def test_with_fewer_vms_than_flavours_the_flavours_nobody_wants_are_left_out() -> None:
    """A counted flavour needs a VM."""
    problem = cloud_packing(10, 30, 2, seed=0)
    assert problem.items == 10
    assert problem.flavours <= 10


@pytest.mark.parametrize("limited", [False, True])
def test_four_types_cost_out_of_proportion_and_limits_hold_all(limited: bool) -> None:
    """With costs in proportion to size the choice of types would be trivial."""
    for seed in range(3):
        problem = four_types_packing(1_000, 3, seed, limited=limited)
        assert problem.types == 4
        assert problem.items == 1_000
        per_core = problem.costs / problem.capacities[:, 0]
        assert per_core.max() > 1.05 * per_core.min()
        assert problem.fits[:, -1].all()
        alone = (problem.demand @ problem.sizes / problem.capacities).max(axis=1)
        shares = np.minimum(problem.limits / alone, 1)
        assert shares.sum() > 1.8
        assert (problem.limits < alone).all() == limited


@pytest.mark.parametrize(("count", "resources"), [(50, 2), (500, 2), (500, 4)])
def test_distinct_vms_are_all_different_and_ten_fill_a_host(count: int, resources: int) -> None:
    """Counting must not help, and the hosts offered must suffice by volume."""
    problem = distinct_packing(count, resources, seed=3)
    assert len(np.unique(problem.sizes, axis=0)) == problem.flavours == problem.items == count
    assert 8 <= count / _volume(problem) <= 11
    assert problem.limits[0] > _volume(problem)
    assert problem.sizes.max() < CAPACITY


def test_small_packings_have_the_oddities_that_they_promise() -> None:
    """Differential tests on them are only worth what they cover."""
    problems = [small_packing(seed) for seed in range(200)]
    assert all(problem.items <= 8 for problem in problems)
    assert any((problem.sizes == 0).any() for problem in problems)
    assert any((problem.costs == 0).any() for problem in problems)
    assert any(not problem.fits.any(axis=1).all() for problem in problems)
    assert {problem.types for problem in problems} == {1, 2, 3}
    assert any((problem.limits < problem.items).all() for problem in problems)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_hard_instance_can_be_written(kind: str) -> None:
    """Fifty of them are the check of the deadline; one that cannot be written would be missing silently."""
    first, again = KINDS[kind](7), KINDS[kind](7)
    if isinstance(first, VectorPacking):
        assert isinstance(again, VectorPacking)
        assert _same(first, again)
    else:
        assert isinstance(again, Instance)
        assert instance_json(first) == instance_json(again)


def test_there_are_fifty_hard_instances() -> None:
    """That many are promised."""
    assert len(list(FAMILIES["hard"].cases(range(5)))) == 50


@pytest.mark.parametrize("seed", range(20))
def test_an_instance_and_its_packing_ask_the_same(seed: int) -> None:
    """Subjects that read the one file are compared with subjects that read the other."""
    problem = small_packing(seed)
    instance = instance_of(problem)
    assert instance.vm_count == problem.items
    back = packing_of(instance)
    if back is None:  # counting found that there is no answer
        assert not problem.fits.any(axis=1).all() or _short(problem)
        return
    assert back.items == problem.items
    assert sorted(set(back.costs.tolist())) == sorted(set(problem.costs.tolist())) or back.types < problem.types


def _short(problem: VectorPacking) -> bool:
    offered = problem.limits @ problem.capacities
    return bool((problem.demand @ problem.sizes > offered).any())


def test_costs_keep_their_unit() -> None:
    """A value found on a packing file must compare with one found on the instance file."""
    one = np.ones(1, dtype=np.int64)
    problem = VectorPacking(np.array([[3]]), 4 * one, np.array([[7], [13]]), np.array([600, 1000]), np.array([9, 9]))
    back = packing_of(instance_of(problem))
    assert back is not None
    assert sorted(back.costs.tolist()) == [600, 1000]


def test_a_case_is_found_by_its_title() -> None:
    """Tables name instances; anyone can build the one that looks odd."""
    case = case_named("cloud/n1000-f30-d2-s3")
    assert isinstance(case, Case)
    built = case.build()
    assert isinstance(built, VectorPacking)
    assert built.items == 1_000
    with pytest.raises(InputError, match="no case 'nonsense'"):
        case_named("cloud/nonsense")
    with pytest.raises(InputError, match="no family is called"):
        case_named("nonsense/x")


def test_hosts_offered_for_distinct_vms_are_sixty_for_five_hundred() -> None:
    """The stated size of the family."""
    assert distinct_packing(500, 2, 0).limits[0] == math.ceil(60) + 1
