"""Tests of quick reasons: never wrong, and clear in the cases that people meet."""

from __future__ import annotations

import numpy as np
import pytest

from formulations import VM, Full, Host, Instance
from formulations.bounds import Bounds
from formulations.machines import Cell
from formulations.rules import (
    Among,
    AtLeastDomains,
    AtMostOn,
    AtMostPerHost,
    Ban,
    Dedicated,
    Depend,
    Fence,
    Gather,
    Ignore,
    Pin,
    Rule,
    Split,
    Spread,
)
from solver.explaining.facts import atoms, relaxed
from solver.explaining.quick import quick_findings, quick_reasons
from solver.explaining.statements import Facts
from tests.agreement import seeds
from tests.solver.explaining.cases import RESOURCES, cluster, random_small, reference
from tests.solver.explaining.deciding import has_placement

CONTRADICTIONS: dict[str, tuple[list[Rule], str, int]] = {
    "spread over too few hosts": ([Spread(vms=["*"])], "3 VMs may be in 2 places only", 2),
    "spread over too few racks": ([Spread(vms=["v1", "v2"], level="rack")], "2 VMs may be in 1 place only", 2),
    "more domains than there are": ([AtLeastDomains(vms=["*"], least=3, level="host")], "may be in 2 places", 2),
    "more domains than VMs": ([AtLeastDomains(vms=["v1"], least=2, level="host")], "speaks of 1 VMs and needs 2", 1),
    "fence and ban": ([Fence(vms=["v1"], hosts=["h1"]), Ban(vms=["v1"], hosts=["h1"])], "v1 fits on no host", 2),
    "two pins": ([Pin(vms=["v1"], host="h1"), Pin(vms=["v1"], host="h2")], "v1 fits on no host", 2),
    "gathered and split": ([Gather(vms=["v1", "v2"]), Split(groups=[["v1"], ["v2"]])], "contradict each other", 2),
    "gathered in a chain and spread": (
        [Gather(vms=["v1", "v2"]), Gather(vms=["v2", "v3"]), Spread(vms=["v1", "v3"], level="rack")],
        "contradict each other",
        3,
    ),
    "gathered but fenced apart": (
        [Gather(vms=["v1", "v2"]), Fence(vms=["v1"], hosts=["h1"]), Fence(vms=["v2"], hosts=["h2"])],
        "no place is open to all 2 VMs",
        3,
    ),
    "a clique of three rules": (
        [Spread(vms=["v1", "v2"]), Spread(vms=["v2", "v3"]), Split(groups=[["v1"], ["v3"]])],
        "3 VMs of which no two may share a host",
        4,
    ),
    "few per host": ([AtMostPerHost(most=1)], "3 VMs may be in 2 places only", 2),
    "nothing on": ([AtMostOn(most=0)], "short by 6 cores with at most 0 on", 2),
    "depends on nobody": ([Ignore(vms=["v2"]), Depend(vms=["v1"], on=["v2"])], "none of the VMs it depends on", 1),
    "depends on somebody far": (
        [
            Depend(vms=["v1"], on=["v2"], level="host"),
            Fence(vms=["v1"], hosts=["h1"]),
            Fence(vms=["v2"], hosts=["h2"]),
        ],
        "in no domain where such a VM may run",
        3,
    ),
    "among closed sets": (
        [Among(vms=["v1", "v2"], sets=[["h1"], ["h2"]]), Pin(vms=["v1"], host="h1"), Pin(vms=["v2"], host="h2")],
        "no place is open to all 2 VMs",
        3,
    ),
    "hosts of their own": (
        [Dedicated(vms=["v1"]), Dedicated(vms=["v2"]), Dedicated(vms=["v3"])],
        "no two may share a host",
        0,
    ),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_rules_that_contradict_are_named(case: str) -> None:
    """The rules that people combine wrongly are told at once, and no fact too many."""
    rules, message, facts = CONTRADICTIONS[case]
    reasons = quick_reasons(cluster(3, 2, rules))
    told = [reason for reason in reasons if message in reason.message]
    assert told, [reason.message for reason in reasons]
    assert not facts or len(told[0].facts) == facts, told[0].facts


def test_the_reference_case_is_short_of_memory() -> None:
    """Reservation = demand overcommits memory by exactly 60 GB, and cores not at all."""
    (reason,) = quick_reasons(reference())
    assert reason.message == "memory short by 60 GB"
    assert reason.facts == (
        "memory reservations of 5 VMs: 160 GB in all",
        "memory capacity of host-1: 100 GB",
        "there is 1 host",
    )


def test_a_vm_larger_than_every_host_is_named_with_what_it_lacks() -> None:
    """One oversized VM is the commonest mistake: name it, the resource and the amount."""
    small = cluster(1, 2)
    big = small.replace(vms=[VM(name="big", resources={"cpu": 2, "memory": 20})])
    (reason,) = quick_reasons(big)
    assert reason.message == "big fits on no host: every host: memory short by 4 GB or more"
    assert len(reason.facts) == 2


def test_a_gathered_group_needs_one_host_that_holds_it() -> None:
    """Each member fits a host, together they fit none."""
    (reason,) = quick_reasons(cluster(5, 3, [Gather(vms=["*"])]))
    assert "no place has room for 10 cores of cpu" in reason.message
    assert "gather *" in reason.facts


def test_dedicated_hosts_count_against_the_others() -> None:
    """Hosts kept for some VMs are missing for the rest: each side alone fits."""
    (reason,) = quick_reasons(cluster(7, 2, [Dedicated(vms=["v1", "v2"])]))
    assert reason.message == "dedicated v1, v2: 1 + 2 hosts needed for both sides, 2 there"


def test_few_hosts_on_are_too_small_together() -> None:
    """A limit on hosts in use is compared with what the largest of them hold."""
    (reason, _) = quick_reasons(cluster(5, 2, [AtMostOn(most=1)]))
    assert reason.message == "cpu short by 2 cores with at most 1 on of *"


def test_fenced_vms_overfill_their_hosts() -> None:
    """The cluster has room, the fence does not."""
    reasons = quick_reasons(cluster(5, 2, [Fence(vms=["*"], hosts=["h1"])]))
    assert reasons[0].message == "cpu short by 2 cores on h1, the only hosts open to 5 VMs"
    assert reasons[0].facts[0] == "fence * to h1"


def test_an_ignored_vm_may_overload_its_host() -> None:
    """Nobody moves it, so its host stays overloaded whatever is placed elsewhere, even with VMs left out."""
    big = VM(name="big", resources={"cpu": 9, "memory": 1}, host="h1")
    instance = cluster(1, 2)
    for allow_unplaced in (False, True):
        overloaded = instance.replace(
            vms=[*instance.vms, big], rules=[Ignore(vms=["big"])], allow_unplaced=allow_unplaced
        )
        (reason,) = quick_reasons(overloaded)
        assert reason.message == "cpu short by 1 cores on h1, where ignored VMs stay"


def test_hosts_in_maintenance_are_blamed() -> None:
    """What would fit if the host were on names the maintenance as a fact."""
    instance = cluster(1, 1)
    stopped = [Host(name="h1", capacity={"cpu": 8, "memory": 16}, state="maintenance")]
    (reason,) = quick_reasons(instance.replace(hosts=stopped))
    assert reason.facts == ("h1 in maintenance",)


def test_numa_cells_and_whole_cores_close_hosts() -> None:
    """More cells than any host has, and pinning without stated cores, are told apart from lack of room."""
    cells = [Cell(capacity={"cpu": 4, "memory": 8}) for _ in range(2)]
    host = Host(name="h1", cells=cells)
    wide = VM(name="wide", resources={"cpu": 2, "memory": 2}, numa=3)
    (reason,) = quick_reasons(Instance(resources=RESOURCES, vms=[wide], hosts=[host]))
    assert "3 NUMA cells wanted, 2 large enough" in reason.message
    pinned = VM(name="pinned", resources={"cpu": 2}, isolation=Full(pinned=True))
    (reason,) = quick_reasons(Instance(resources=RESOURCES, vms=[pinned], hosts=[host]))
    assert "its cores, on which the VM is pinned, are not stated" in reason.message
    assert "isolation full of pinned" in reason.facts
    limited = VM(name="limited", resources={"cpu": Bounds(reservation=2, limit=3)}, isolation=Full(pinned=True))
    few = Host(name="h2", capacity={"cpu": 8, "memory": 8}, cores=2)
    (reason,) = quick_reasons(Instance(resources=RESOURCES, vms=[limited], hosts=[few]))
    assert "no whole number of its cores" in reason.message


def test_nothing_is_said_where_vms_may_be_left_out() -> None:
    """With unplaced VMs allowed, no shortage and no rule makes an instance infeasible."""
    assert quick_reasons(reference().replace(allow_unplaced=True)) == ()


def assert_sound(rng: np.random.Generator) -> None:
    """Assert that findings are true, and that their facts alone already conflict."""
    instance = random_small(rng)
    findings = quick_findings(instance)
    if findings:
        assert not has_placement(instance)
    everything = frozenset(Facts(instance))
    for finding in findings:
        facts = atoms(finding.facts)
        assert facts <= everything
        assert not has_placement(relaxed(instance, everything - facts)), (finding.message, finding.facts)


def test_no_feasible_instance_is_called_infeasible() -> None:
    """A wrong quick reason would be a wrong proof: compare with trying every placement."""
    for rng in seeds("quick reasons", 60):
        assert_sound(rng)


@pytest.mark.campaign
@pytest.mark.parametrize("part", range(10))
def test_no_feasible_instance_is_called_infeasible_campaign(part: int) -> None:
    """The same on many instances."""
    for rng in seeds("quick reasons, campaign", 60, start=60 * part):
        assert_sound(rng)
