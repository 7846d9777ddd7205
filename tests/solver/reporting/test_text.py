"""Tests of results as people read them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from formulations import VM, Bounds, Host, Instance, Placement, Protected, Resource
from solver.reporting.tables import PAGE
from solver.reporting.text import host_loads, result_report
from solver.reporting.text_instance import instance_report, totals
from solver.result import Incumbent, LevelResult, Reason, Result, Status
from tests.solver.reporting.test_tables import printed

CPU = Resource(name="cpu", unit="cores")
MEMORY = Resource(name="memory", unit="GB")


def small(vms: int = 5, hosts: int = 2) -> Instance:
    """Return an instance with VMs that expect more than is reserved."""
    bounds = Bounds(reservation=1, demand=4, limit=8)
    return Instance(
        resources=[CPU, MEMORY],
        vms=[VM(name="web", count=vms, resources={"cpu": bounds, "memory": 8}, host="host-1")],
        hosts=[Host(name="host", count=hosts, capacity={"cpu": 16, "memory": 64})],
    )


def answer(instance: Instance, status: Status = Status.OPTIMAL) -> Result:
    """Return a result with the VMs dealt out in turn, each with what is reserved."""
    host_of = np.arange(instance.vm_count, dtype=np.int64) % instance.host_count
    placement = Placement(host_of, instance.tables.lower[instance.vm_entry])
    level = LevelResult("hosts", "hosts", Fraction(2), Fraction(1), "covering program, CBC 2.10.3")
    levels = (LevelResult("unmet demand", "shares", Fraction(15, 4), Fraction(15, 4), "CBC 2.10.3"), level)
    trace = (Incumbent(0.01, "first fit", (Fraction(4), Fraction(2))),)
    instance = instance.replace(objective=instance.levels[:2])
    return Result(instance, status, placement, levels, seconds=0.5, trace=trace)


def test_a_small_result_tells_everything_on_a_page() -> None:
    """Status, objective with unit, bound, gap, time, who proved and found it, and each VM's host and share."""
    text = printed(*result_report(answer(small(), Status.FEASIBLE)))
    for part in ("FEASIBLE", "hosts 2", "bound 1, ", "gap 50 %", "0.500 s", "covering program", "first fit"):
        assert part in text
    for vm in range(1, 6):
        assert f"web-{vm}" in text
    assert "1 (25 %)" in text
    assert "2 moves" in text
    assert max(map(len, text.splitlines())) <= PAGE


def test_a_large_result_stays_short_and_says_what_it_leaves_out() -> None:
    """Ten thousand VMs must not scroll away the status; what is not shown is counted."""
    text = printed(*result_report(answer(small(10_000, 500))))
    assert len(text.splitlines()) < 60
    assert "490 more hosts (--all shows every VM and host)" in text
    assert "10,000 VMs below demand" in text


def test_everything_is_shown_when_asked_for() -> None:
    """--all is for people who search for one VM."""
    text = printed(*result_report(answer(small(200, 30)), everything=True))
    assert all(f"web-{vm} " in text for vm in range(1, 201))
    assert all(f"host-{host} " in text for host in range(1, 31))
    assert "…" not in text


def test_vms_left_out_are_named() -> None:
    """Who was refused matters more than who was not."""
    instance = small(30).replace(allow_unplaced=True)
    result = answer(instance)
    assert result.placement is not None
    result.placement.host_of[-3:] = -1
    text = printed(*result_report(result))
    assert "3 left out" in text
    assert "without a host: web-28, web-29, web-30" in text


def test_reasons_and_ways_out_are_told() -> None:
    """An infeasible instance needs the facts that conflict and what to do about them."""
    reason = Reason("memory short by 60 GB", ("memory reserved: 160 GB", "capacity of host-1"), ("60 GB more memory",))
    text = printed(*result_report(Result(small(), Status.INFEASIBLE, reasons=(reason,), seconds=0.1)))
    assert text.startswith("INFEASIBLE: there is no placement")
    for part in (reason.message, *reason.facts, *reason.ways_out):
        assert part in text


@pytest.mark.parametrize(("interrupted", "word"), [(True, "interrupted"), (False, "stopped")])
def test_unknown_says_that_nothing_is_known(interrupted: bool, word: str) -> None:
    """Stopped without an answer is neither a placement nor a proof."""
    text = printed(*result_report(Result(small(), Status.UNKNOWN, seconds=60, interrupted=interrupted)))
    assert text.startswith(f"UNKNOWN: {word} after 60.0 s")
    assert "neither" in text


def test_loads_are_the_sum_of_what_members_are_given() -> None:
    """The hosts' table adds up figures on its own, so it must agree with a plain sum."""
    result = answer(small(7, 3))
    placement = result.placement
    assert placement is not None
    assert placement.allocation is not None
    loads = host_loads(result.instance, placement, placement.hosts_used)
    for row, members in enumerate(placement.members_by_host().values()):
        assert (loads[row] == placement.allocation[members].sum(axis=0)).all()


def test_totals_count_wanted_vms_and_hosts_that_take_some() -> None:
    """VMs that are off need nothing, and hosts in maintenance offer nothing."""
    instance = Instance(
        resources=[CPU],
        vms=[VM(name="on", count=3, resources={"cpu": 2}), VM(name="off", resources={"cpu": 100}, power="off")],
        hosts=[
            Host(name="up", count=2, capacity={"cpu": 8}),
            Host(name="down", capacity={"cpu": 64}, state="maintenance"),
        ],
    )
    scale = instance.tables.scales[0]
    assert {kind: scale.value(figures[0]) for kind, figures in totals(instance).items()} == {
        "reserved": 6,
        "demand": 6,
        "capacity": 16,
    }


def test_an_instance_is_told_on_a_page_however_large() -> None:
    """`show` is the first thing people do with a file."""
    vms = [VM(name=f"vm-of-customer-{n}", resources={"cpu": 1, "memory": 2}) for n in range(1000)]
    instance = small().replace(vms=vms)
    text = printed(*instance_report(instance))
    assert len(text.splitlines()) < 60
    assert "980 more entries" in text
    assert max(map(len, text.splitlines())) <= PAGE


def test_protected_bursts_come_with_their_probability() -> None:
    """Gamma alone says little: people want to know how likely it is that the bursts fit."""
    instance = small(6, 2).replace(isolation=Protected(gamma=1))
    text = " ".join(printed(*result_report(answer(instance))).split())
    assert "any 1 protected VM per host may burst at once" in text
    assert "(exact)" in text
    roomy = instance.replace(hosts=[Host(name="host", count=2, capacity={"cpu": 64, "memory": 64})])
    assert "all protected VMs may burst at once" in printed(*result_report(answer(roomy)))
