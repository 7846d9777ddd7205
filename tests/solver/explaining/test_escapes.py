"""Tests of ways out: each mends the instance, no smaller amount does, the simplest come first."""

from __future__ import annotations

import pytest

from formulations import VM, Host, Instance
from formulations.rules import AtMostOn, Gather, Pin, Spread
from solver.deadline import Deadline
from solver.explaining.draft import Draft
from solver.explaining.escapes import Way, corrections, measure, ways_out
from solver.explaining.facts import atoms
from solver.explaining.reasons import conflicts_of
from solver.explaining.remedies import remedies_of
from solver.explaining.verdicts import Verdicts
from tests.solver.explaining.cases import cluster, random_infeasible, reference
from tests.solver.explaining.deciding import has_placement


def ways_of(instance: Instance) -> tuple[Way, ...]:
    """Return the ways out that the tests' oracle confirms."""
    verdicts = Verdicts(instance, has_placement, Deadline())
    return ways_out(verdicts, [explained.conflict for explained in conflicts_of(verdicts)])


def assert_ways_hold(instance: Instance) -> None:
    """Assert that every way leads to an instance with a placement, in the order promised."""
    ways = ways_of(instance)
    for way in ways:
        assert has_placement(way.changed), way.text
    assert [(len(way.prices), way.prices) for way in ways] == sorted((len(way.prices), way.prices) for way in ways)
    assert len({way.text for way in ways}) == len(ways)


def test_ways_out_lead_out() -> None:
    """People act on them: every one is checked by trying every placement."""
    for instance in random_infeasible("ways out", 12):
        assert_ways_hold(instance)


@pytest.mark.campaign
@pytest.mark.parametrize("part", range(10))
def test_ways_out_lead_out_campaign(part: int) -> None:
    """The same on 300 instances."""
    for instance in random_infeasible(f"ways out, campaign {part}", 30):
        assert_ways_hold(instance)


def test_corrections_are_minimal() -> None:
    """Relaxing the set leaves a placement, relaxing any part of it does not."""
    for instance in random_infeasible("corrections", 8):
        verdicts = Verdicts(instance, has_placement, Deadline())
        for correction in corrections(verdicts, []):
            assert verdicts.conflicting(verdicts.all - atoms(correction)) is False
            for fact in correction:
                less = atoms(other for other in correction if other is not fact)
                assert verdicts.conflicting(verdicts.all - less) is True


def test_the_reference_case_has_these_ways_out() -> None:
    """Exact amounts: 60 GB are missing, and 62.5 % of each reservation fits."""
    assert [way.text for way in ways_of(reference())] == [
        "reduce memory reservations of 5 VM entries by 38 %",
        "leave vm3 unplaced",
        "60 GB more memory on host-1",
        "one more host like host-1",
    ]


def test_one_vm_too_large_is_reduced_or_given_more() -> None:
    """The least change of its reservation, and of each host's capacity."""
    small = cluster(2, 2)
    big = VM(name="big", resources={"cpu": 2, "memory": 20})
    texts = [way.text for way in ways_of(small.replace(vms=[*small.vms, big]))]
    assert "reduce memory reservation of big by 4 GB" in texts
    assert "leave big unplaced" in texts
    assert "4 GB more memory on h1" in texts


def test_hosts_are_added_where_vms_keep_apart() -> None:
    """Three VMs apart on two hosts need one more, or the rule gone; more memory does not help."""
    texts = [way.text for way in ways_of(cluster(3, 2, [Spread(vms=["*"])]))]
    assert texts[0] == "relax spread *"
    assert "one more host like h1" in texts
    assert not any("memory" in text for text in texts)


def test_maintenance_ends_where_that_is_enough() -> None:
    """Taking a host out of maintenance costs least and comes first."""
    instance = cluster(5, 1)
    stopped = Host(name="h2", capacity={"cpu": 8, "memory": 16}, state="maintenance")
    assert ways_of(instance.replace(hosts=[*instance.hosts, stopped]))[0].text == "take h2 out of maintenance"


def test_a_number_in_a_rule_is_eased() -> None:
    """Rules that count need not go: the least other number is proposed."""
    texts = [way.text for way in ways_of(cluster(9, 3, [AtMostOn(most=1)]))]
    assert "allow 3 instead of 1 in: at most 1 on of *" in texts


def test_two_conflicts_are_mended_together() -> None:
    """No single change helps: small sets of changes are proposed, one for each conflict."""
    ways = ways_of(
        cluster(
            3,
            2,
            [
                Gather(vms=["v1", "v2"]),
                Spread(vms=["v1", "v2"]),
                Pin(vms=["v3"], host="h1"),
                Pin(vms=["v3"], host="h2"),
            ],
        )
    )
    assert len(ways) >= 2
    assert all(len(way.prices) == 2 for way in ways)
    pairs = {frozenset(way.text.split(" and ")) for way in ways}
    assert {"relax gather v1, v2", "relax pin v3 to h1"} in pairs


def test_measured_amounts_are_the_least() -> None:
    """One step less than the amount reported leaves no placement."""
    verdicts = Verdicts(reference(), has_placement, Deadline())
    for fact in verdicts.all:
        for remedy in remedies_of(verdicts.instance, fact):
            amount = measure(verdicts, remedy)
            if amount is not None and amount > 1:
                less = Draft(verdicts.instance)
                remedy.apply(less, amount - 1)
                assert not has_placement(less.instance()), remedy.say(amount)


def test_no_time_gives_no_way_out() -> None:
    """A way that was not verified is not proposed."""
    verdicts = Verdicts(reference(), has_placement, Deadline())
    conflicts = [explained.conflict for explained in conflicts_of(verdicts)]
    verdicts.deadline = Deadline(0)
    assert ways_out(verdicts, conflicts) == ()
