"""The start-up order: dependencies, limits and priorities kept, the bound below every order, and quick at any size."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from formulations import VM, Host, InputError, Instance, Placement, Resource
from formulations.rules import Ignore
from formulations.scheduling.startup import StartLimits
from solver.result import Status
from solver.scheduling.startup import StartupResult, running_now, startup_order
from solver.verifying.schedules.startup import check_startup
from tests.solver.scheduling.startup_cases import Oracle, random_question


def cluster(vms: list[VM], hosts: int = 2, **changes: Any) -> Instance:
    """Return an instance of these VMs and some hosts."""
    fields: dict[str, Any] = {
        "resources": [Resource(name="cpu")],
        "vms": vms,
        "hosts": [Host(name="h", count=hosts, capacity={"cpu": 10_000_000})],
        "allow_unplaced": True,
        **changes,
    }
    return Instance(**fields)


def vm(name: str, **changes: Any) -> VM:
    """Return a VM that needs nothing much."""
    return VM(name=name, resources={"cpu": 1}, **changes)


def on_hosts(instance: Instance, *hosts: int) -> Placement:
    """Return a placement by the hosts' numbers."""
    assert len(hosts) == instance.vm_count
    return Placement(np.array(hosts, dtype=np.int64))


def spoken(result: StartupResult) -> list[tuple[int, list[str]]]:
    """Return the waves of a result with names."""
    assert result.order is not None
    return [(wave.start, result.question.instance.vm_names.names_of(wave.vms)) for wave in result.order.waves()]


def test_three_tiers_start_one_after_the_other() -> None:
    """The everyday case by hand: database, then application, then web, each when the one before is up."""
    vms = [
        vm("web", count=2, start_after=["app"], boot_seconds=5),
        vm("app", count=2, start_after=["group:data"], boot_seconds=20),
        vm("db", group="data", boot_seconds=90),
        vm("cache", group="data", boot_seconds=0.0015),
    ]
    instance = cluster(vms)
    result = startup_order(instance, on_hosts(instance, 0, 1, 0, 1, 0, 1))
    assert spoken(result) == [(0, ["db", "cache"]), (90_000, ["app-1", "app-2"]), (110_000, ["web-1", "web-2"])]
    assert (result.status, result.makespan, result.bound, result.gap) == (Status.OPTIMAL, 115_000, 115_000, 0.0)
    assert result.order is not None
    assert result.order.end[instance.vm_names.find("cache")] == [2]  # 1.5 ms, rounded up


def test_limits_make_waves_where_nothing_depends() -> None:
    """Ten VMs without a boot time, two at once per host, three in all: the number of waves is that of the limits."""
    instance = cluster([vm("a", count=10)])
    by_host = startup_order(instance, on_hosts(instance, *[0] * 8, 1, 1), limits=StartLimits(per_host=2))
    assert [len(names) for _, names in spoken(by_host)] == [4, 2, 2, 2]
    in_all = startup_order(instance, on_hosts(instance, *[0, 1] * 5), limits=StartLimits(2, 3))
    assert [len(names) for _, names in spoken(in_all)] == [3, 3, 3, 1]
    assert by_host.status is in_all.status is Status.OPTIMAL


def test_higher_priorities_start_first_and_pull_what_they_wait_for() -> None:
    """Whoever matters most waits for nobody but what it needs, which therefore starts first."""
    vms = [
        vm("batch", count=2, boot_seconds=1, priority=3),
        vm("shop", boot_seconds=1, priority=9, start_after=["store"]),
        vm("store", boot_seconds=1),
        vm("late", boot_seconds=1, priority=-5),
    ]
    instance = cluster(vms, hosts=1)
    result = startup_order(instance, on_hosts(instance, 0, 0, 0, 0, 0), limits=StartLimits(per_host=1))
    assert [names for _, names in spoken(result)] == [["store"], ["shop"], ["batch-1"], ["batch-2"], ["late"]]


def test_what_runs_already_or_is_ignored_is_up_from_the_beginning() -> None:
    """Restarting what runs would be an outage; what is off stays off."""
    vms = [
        vm("old", host="h-1"),
        vm("alone", host="h-2"),
        vm("new", start_after=["old", "alone"], boot_seconds=2),
        vm("off", power="off"),
    ]
    instance = cluster(vms, rules=[Ignore(vms=["alone"])])
    placement = on_hosts(instance, 1, 1, 0, -1)
    cold = startup_order(instance, placement)
    assert spoken(cold) == [(0, ["old"]), (1, ["new"])]
    warm = startup_order(instance, placement, running=running_now(instance))
    assert spoken(warm) == [(0, ["new"])]
    assert running_now(instance).tolist() == [True, True, False, False]


def test_waiting_for_what_never_runs_is_refused_with_both_names() -> None:
    """An order that starts the shop without its database would be a lie."""
    vms = [vm("shop", start_after=["db"]), vm("db", power="off"), vm("mail", start_after=["list"]), vm("list")]
    instance = cluster(vms)
    result = startup_order(instance, on_hosts(instance, 0, -1, 0, -1))
    assert result.status is Status.INFEASIBLE
    assert result.order is None
    assert [reason.message for reason in result.reasons] == [
        "shop starts after db, which is off",
        "mail starts after list, which has no host",
    ]


def test_members_that_are_off_or_nowhere_are_not_waited_for() -> None:
    """A group goes on without the member that is off, silently, and without the one that has no host, with a word."""
    vms = [vm("db", count=2, group="d"), vm("spare", group="d", power="off"), vm("shop", start_after=["group:d"])]
    instance = cluster(vms)
    result = startup_order(instance, on_hosts(instance, 0, 1, -1, 0))
    assert result.status is Status.OPTIMAL
    assert result.warnings == ()
    partly = startup_order(instance, on_hosts(instance, 0, -1, -1, 0))
    assert partly.status is Status.OPTIMAL
    assert partly.warnings == (
        "1 VM has no host and does not start: db-2",
        "shop starts after group:d, but db-2 has no host and is not waited for",
    )


def test_who_was_left_without_a_host_is_named() -> None:
    """An order that is silent about them would be taken for an order of everybody."""
    instance = cluster([vm("a", count=7), vm("off", power="off")])
    result = startup_order(instance, on_hosts(instance, 0, *[-1] * 7))
    assert result.warnings == ("6 VMs have no host and do not start: a-2, a-3, a-4, a-5, a-6, …",)
    assert spoken(result) == [(0, ["a-1"])]


def test_nothing_to_start_is_an_order_too() -> None:
    """Everything runs already: no waves, no time, proved."""
    instance = cluster([vm("a", host="h-1")])
    result = startup_order(instance, on_hosts(instance, 0), running=running_now(instance))
    assert spoken(result) == []
    assert (result.status, result.makespan, result.bound) == (Status.OPTIMAL, 0, 0)


def test_a_cycle_through_a_group_is_refused_and_named_as_a_whole() -> None:
    """People can only cut a cycle that they see."""
    vms = [vm("a", start_after=["group:g"]), vm("b", group="g", start_after=["c"]), vm("c", count=2, start_after=["a"])]
    with pytest.raises(InputError, match="vms: start_after forms a cycle: a -> group:g -> b -> c -> a"):
        cluster(vms)


@pytest.mark.parametrize("limits", [{"per_host": 0}, {"per_cluster": -1}])
def test_a_limit_that_lets_nothing_start_is_refused(limits: dict[str, int]) -> None:
    """Nothing would ever start."""
    with pytest.raises(InputError, match="at least one VM"):
        StartLimits(**limits)


def test_arrays_of_another_instance_are_refused() -> None:
    """A placement of yesterday's instance must not become today's order."""
    instance = cluster([vm("a", count=2)])
    with pytest.raises(InputError, match="placement"):
        startup_order(instance, Placement(np.array([0, 1, 0])))
    with pytest.raises(InputError, match="placement"):
        startup_order(instance, Placement(np.array([0, 2])))
    with pytest.raises(InputError, match="running"):
        startup_order(instance, on_hosts(instance, 0, 1), running=np.array([True]))


def compare(seed: int) -> bool:
    """Hold one random question against brute force; return whether the order was proved shortest."""
    question = random_question(seed, entries=4, most=2, priorities=seed % 2 == 0)
    result = startup_order(
        question.instance, question.placement, limits=question.limits, running=question.running, seed=seed
    )
    if result.order is None:
        assert result.status is Status.INFEASIBLE
        return False
    assert not check_startup(question, result.order, result.bound)
    shortest = Oracle(question).shortest()
    assert result.bound is not None
    assert result.bound <= shortest <= result.order.makespan
    return result.status is Status.OPTIMAL


def test_bounds_and_orders_enclose_the_shortest() -> None:
    """A bound above the shortest order would prove lies; most tiny cases are proved."""
    proved = [compare(seed) for seed in range(60)]
    assert sum(proved) >= 40


@pytest.mark.campaign
def test_bounds_and_orders_enclose_the_shortest_many_times() -> None:
    """The same on many more cases."""
    assert sum(compare(seed) for seed in range(1000, 2500)) >= 1000


def test_permuting_hosts_changes_nothing() -> None:
    """Names of hosts must not decide how long a start-up takes."""
    for seed in range(20):
        question = random_question(seed)
        hosts = question.placement.host_of
        permuted = Placement(np.where(hosts >= 0, 2 - hosts, -1))
        one, other = (
            startup_order(question.instance, placement, limits=question.limits, running=question.running)
            for placement in (question.placement, permuted)
        )
        assert (one.status, one.bound) == (other.status, other.bound)


def large(vms: list[VM], hosts: int) -> StartupResult:
    """Return the order of a large instance with limits of two per host and 400 in all."""
    instance = cluster(vms, hosts)
    placement = Placement(np.arange(instance.vm_count, dtype=np.int64) % hosts)
    return startup_order(instance, placement, limits=StartLimits(2, 400))


def test_groups_that_wait_for_groups_take_no_arc_per_pair() -> None:
    """Five thousand VMs in two groups would be 6 million arcs; with a node per group it is no work at all."""
    tiers = [[vm(f"{tier}{n}", group=tier, boot_seconds=9) for n in range(2_500)] for tier in ("a", "b")]
    after = [one.__class__(**{**_fields(one), "start_after": ["group:a"]}) for one in tiers[1]]
    began = time.monotonic()
    result = large([*tiers[0], *after], 1000)
    assert time.monotonic() - began < 60
    assert result.gap == 0


@pytest.mark.campaign
def test_a_hundred_thousand_vms_are_ordered_within_a_minute() -> None:
    """Counted entries and chains of them, with limits that bind."""
    vms = [
        vm(f"a{n}", count=5_000, boot_seconds=10 + n, start_after=[f"a{n - 4}"] if n >= 4 else []) for n in range(20)
    ]
    began = time.monotonic()
    result = large(vms, 5000)
    assert time.monotonic() - began < 60
    assert result.gap is not None
    assert result.gap < 0.02


def _fields(one: VM) -> dict[str, Any]:
    return {field: getattr(one, field) for field in one.__struct_fields__}
