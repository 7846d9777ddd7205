"""Closures: what they leave open is what the judge allows, and greedy groups find a domain that holds them."""

from __future__ import annotations

import numpy as np
import pytest

from formulations import VM, Cell, Host, Instance, Resource
from formulations.candidates import Candidates
from formulations.rules import Gather
from solver.deadline import Deadline
from solver.engines.closures import Closures
from solver.engines.construction import Construction
from solver.engines.greedy import Variant, place_greedily
from solver.verifying import RuleJudge, verify
from tests.strategies import random_instance

KINDS = ("spread", "gather", "split", "fault_domains", "at_most_per_host")


def check_against_judge(seed: int, kind: str) -> int:
    """Put VMs anywhere, some away again, and compare every host for every VM; return how many hosts were closed."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    instance = random_instance(rng, vms=6, hosts=5, rules=[kind], hard=True, labels=True, ignored=seed % 3 == 0)
    judges = [RuleJudge(instance, rule) for rule in instance.rules]
    closures = Closures(instance)
    where = np.full(instance.vm_count, -1, dtype=np.int64)
    closed = 0
    for vm in rng.integers(0, instance.vm_count, 12).tolist():
        if where[vm] >= 0:
            closures.take(vm, int(where[vm]))
            where[vm] = -1
        before = [judge.amount(where) for judge in judges]
        mask = closures.open_to(vm)
        mask = np.ones(instance.host_count, dtype=np.bool_) if mask is None else mask
        for host in range(instance.host_count):
            where[vm] = host
            after = [judge.amount(where) for judge, seen in zip(judges, closures.seen, strict=True) if seen]
            assert mask[host] == all(now <= then for now, then in zip(after, before, strict=False))
        closed += int((~mask).sum())
        where[vm] = int(rng.integers(0, instance.host_count))
        closures.put(vm, int(where[vm]))
    return closed


@pytest.mark.parametrize("kind", KINDS)
def test_open_hosts_are_those_that_the_judge_allows(kind: str) -> None:
    """A host closed wrongly loses placements, one left open wrongly makes greed offer what is refused."""
    assert sum(check_against_judge(seed, kind) for seed in range(25)) > 0


@pytest.mark.campaign
@pytest.mark.parametrize("kind", KINDS)
def test_open_hosts_are_those_that_the_judge_allows_many_times(kind: str) -> None:
    """The same on many more instances."""
    assert sum(check_against_judge(seed, kind) for seed in range(25, 1500)) > 0


def two_racks() -> Instance:
    """Return a group that only the second rack holds, and a lone VM that fits anywhere."""
    cells = [Cell(capacity={"cpu": 4}), Cell(capacity={"cpu": 4})]
    hosts = [Host(name="small", cells=cells, rack="a"), Host(name="large", cells=cells, count=3, rack="b")]
    vms = [VM(name="pair", count=5, resources={"cpu": 4}, numa=2), VM(name="lone", resources={"cpu": 3})]
    return Instance(resources=[Resource(name="cpu")], vms=vms, hosts=hosts, rules=[Gather(vms=["pair"], level="rack")])


def test_a_group_goes_where_all_of_it_fits() -> None:
    """The first member of a group decides for all: it must not choose the rack by its own size alone."""
    instance = two_racks()
    judges = [RuleJudge(instance, rule) for rule in instance.rules]
    for variant in (Variant("best"), Variant("first"), Variant("best", cheap=True)):
        placement = place_greedily(instance, variant, Candidates(instance), judges, Deadline(20))
        assert placement.placed.all()
        assert verify(instance, placement.with_allocation(instance.tables.lower[instance.vm_entry])).ok


def test_a_group_that_fits_nowhere_leaves_few_out() -> None:
    """Where VMs may be left out, a group stays in the domain that holds most of it."""
    instance = two_racks()
    larger = [instance.vms[0], VM(name="lone", count=6, resources={"cpu": 1})]
    rules = [Gather(vms=["pair", "lone"], level="rack")]
    instance = instance.replace(vms=larger, rules=rules, allow_unplaced=True)
    judges = [RuleJudge(instance, rule) for rule in rules]
    placement = place_greedily(instance, Variant("best"), Candidates(instance), judges, Deadline(20))
    assert placement.placed.sum() == 9
    assert set(placement.hosts_used.tolist()) <= {1, 2, 3}


def test_who_is_taken_off_leaves_nothing_behind() -> None:
    """Groups start over by leaving hosts: room, cells and rules must be as before."""
    instance = two_racks()
    construction = Construction(instance, Candidates(instance), [RuleJudge(instance, rule) for rule in instance.rules])
    hosts = np.arange(instance.host_count)
    sizes, lone = instance.tables.lower, instance.vm_count - 1
    before = construction.roomy(lone, hosts, sizes, construction.reserved).tolist()
    for vm, host in ((0, 1), (1, 1), (2, 2), (lone, 3)):
        construction.add(vm, host)
    assert construction.roomy(3, hosts, sizes, construction.reserved).tolist() == [False, False, True, False]
    for vm in (1, lone, 0, 2):
        construction.remove(vm)
    assert construction.roomy(lone, hosts, sizes, construction.reserved).tolist() == before
    assert not construction.cells.any()
    assert (construction.host_of < 0).all()
