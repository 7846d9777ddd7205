"""Tests of the covering program: a lower bound on every placement's cost, and the published values."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from formulations import VM, Host, Instance, ObjectiveLevel, Resource, Term
from formulations.covering import Covering
from formulations.quantities import exact
from solver.backends import backend_named
from solver.backends.base import Outcome, Settings
from solver.bounds import lower_bound
from solver.deadline import Deadline
from solver.inventories import read_instance
from tests.agreement import seeds
from tests.oracle import brute_force
from tests.strategies import everything

PUBLISHED = {
    "100computers-300processes": 96670,
    "200computers-600processes": 169230,
    "800computers-2400processes": 747420,
}


def costs_of(instance: Instance) -> list[Fraction]:
    """Return every host entry's cost."""
    return [exact(host.cost or 0) for host in instance.hosts]


def solved(covering: Covering) -> tuple[Fraction, Fraction]:
    """Return the exact cost of the optimal mix, and what the solver's bound proves."""
    solution = backend_named("cbc").solve(covering.problem, deadline=Deadline(30), settings=Settings())
    assert solution.outcome is Outcome.OPTIMAL
    assert solution.bound is not None
    return covering.cost_of(solution.values), covering.sound_bound(solution.bound)


def cloud_balancing(name: str) -> Instance:
    """Read a cloud-balancing instance; skip where the published data are not at hand."""
    folder = os.environ.get("PLACEWRIGHT_DATA")
    if not folder:
        pytest.skip("PLACEWRIGHT_DATA names no folder of published instances")
    return read_instance(Path(folder) / "cloud_balancing" / f"{name}.json")


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_cover_bounds_are_met(name: str) -> None:
    """The values known for the field's own instances, each in well under a second of solving."""
    instance = cloud_balancing(name)
    value, bound = solved(Covering(instance, costs_of(instance)))
    assert value == bound == PUBLISHED[name]
    assert lower_bound(instance, Term(kind="cost"))[0] <= value


def test_no_placement_costs_less_than_the_cover() -> None:
    """The program relaxes the problem: its optimum is at most that of brute force, and at least the volume."""
    compared = 0
    for rng in seeds("covering", 40):
        drawn = everything(rng, vms=4, hosts=3, cost=True, allow_unplaced=False)
        instance = drawn.replace(objective=[ObjectiveLevel(terms=[Term(kind="cost")])])
        if (best := brute_force(instance)) is None:
            continue
        covering = Covering(instance, costs_of(instance))
        value, bound = solved(covering) if covering.mixes else (covering.constant, covering.constant)
        assert bound <= value <= best.values[0]
        compared += 1
    assert compared > 10


def test_hosts_that_are_alike_share_a_variable() -> None:
    """Eight hundred hosts of few kinds are few variables; what exceeds all that is reserved does not tell apart."""
    hosts = [
        Host(name="a", capacity={"cpu": 4}, cost=3, count=400),
        Host(name="b", capacity={"cpu": 4}, cost=3, count=400),
        Host(name="c", capacity={"cpu": 4}, cost=2, state="maintenance"),
        Host(name="d", capacity={"cpu": 90}, cost=70),
        Host(name="e", capacity={"cpu": 80}, cost=70),
    ]
    vms = [VM(name="v", resources={"cpu": 3}, count=10)]
    instance = Instance(resources=[Resource(name="cpu")], vms=vms, hosts=hosts)
    covering = Covering(instance, costs_of(instance))
    assert [mix.number for mix in covering.mixes] == [800, 2]
    value, bound = solved(covering)
    assert value == bound == 24


def test_a_floating_bound_proves_no_more_than_it_says() -> None:
    """Half a step above a value lifts to the next; the solver's tolerance above a value does not."""
    hosts = [Host(name="a", capacity={"cpu": 4}, cost=30), Host(name="b", capacity={"cpu": 8}, cost=50)]
    instance = Instance(resources=[Resource(name="cpu")], vms=[VM(name="v", resources={"cpu": 4})], hosts=hosts)
    covering = Covering(instance, costs_of(instance))
    assert covering.step == 10
    assert covering.sound_bound(3.0000001) == 30
    assert covering.sound_bound(3.5) == 40
