"""The checker of start-up orders: accepts what holds, and rejects every order that was tampered with."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from formulations import VM, Host, Instance, Placement, Resource
from formulations.scheduling.startup import StartLimits, StartupOrder, StartupQuestion
from solver.scheduling.startup import startup_order
from solver.verifying.schedules.startup import StartFault, check_startup
from tests.solver.scheduling.startup_cases import random_question

Mutation = Callable[[random.Random, StartupQuestion, StartupOrder], StartupOrder | None]


def times(question: StartupQuestion, start: dict[str, int], **longer: int) -> StartupOrder:
    """Return an order from the VMs' starts, each up after its boot time plus ``longer``."""
    names = question.instance.vm_names.all_names()
    begin = np.array([start.get(name, -1) for name in names], dtype=np.int64)
    extra = np.array([longer.get(name, 0) for name in names], dtype=np.int64)
    return StartupOrder(begin, np.where(begin >= 0, begin + question.boot + extra, -1))


def question(limits: StartLimits | None = None) -> StartupQuestion:
    """Return four VMs on two hosts: b waits for a, c is urgent, d shares its host with c."""
    vms = [
        VM(name="a", resources={"cpu": 1}, boot_seconds=1),
        VM(name="b", resources={"cpu": 1}, boot_seconds=1, start_after=["a"]),
        VM(name="c", resources={"cpu": 1}, boot_seconds=1, priority=7),
        VM(name="d", resources={"cpu": 1}, boot_seconds=1),
    ]
    hosts = [Host(name="h", count=2, capacity={"cpu": 9})]
    instance = Instance(resources=[Resource(name="cpu")], vms=vms, hosts=hosts)
    return StartupQuestion(instance, Placement(np.array([0, 0, 1, 1], dtype=np.int64)), limits or StartLimits())


GOOD = {"a": 0, "b": 1000, "c": 0, "d": 0}


def test_a_right_order_is_accepted() -> None:
    """What follows is worth something only if this holds."""
    assert check_startup(question(), times(question(), GOOD)) == ()
    assert check_startup(question(), times(question(), GOOD), bound=2000) == ()


@pytest.mark.parametrize(
    ("limits", "start", "fault", "message"),
    [
        (None, {"a": 0, "b": 1000, "c": 0}, StartFault.NOT_STARTED, "d is never started"),
        (None, {**GOOD, "b": 999}, StartFault.DEPENDENCY, "b starts at 999 ms, what it waits for is up at 1,000 ms"),
        (1, GOOD, StartFault.HOST_LIMIT, "2 VMs are starting on h-2 at 0 ms, 1 may"),
        (None, {**GOOD, "c": 500}, StartFault.PRIORITY, "a (priority 0) starts at 0 ms while c (priority 7) is ready"),
        (1, {**GOOD, "c": 1000}, StartFault.PRIORITY, "d (priority 0) starts at 0 ms while c (priority 7) is ready"),
    ],
)
def test_each_fault_has_its_sentence(
    limits: int | None, start: dict[str, int], fault: StartFault, message: str
) -> None:
    """People fix what they are told in words."""
    asked = question(StartLimits(per_host=limits))
    found = check_startup(asked, times(asked, start))
    assert fault in {violation.kind for violation in found}
    assert any(message in str(violation) for violation in found)


def test_the_cluster_limit_and_the_bound_are_judged() -> None:
    """Three at once where two may; and no order is shorter than it is said that any can be."""
    asked = question(StartLimits(per_cluster=2))
    assert [violation.kind for violation in check_startup(asked, times(asked, GOOD))] == [StartFault.CLUSTER_LIMIT]
    assert [v.kind for v in check_startup(question(), times(question(), GOOD), bound=2001)] == [StartFault.BOUND]


def test_a_waiting_vm_on_a_full_host_is_overtaken_by_nobody() -> None:
    """Its host is full, so that others elsewhere may start; only on its own host they may not."""
    asked = question(StartLimits(per_host=1))
    fine = {"c": 0, "a": 0, "d": 1000, "b": 1000}
    assert check_startup(asked, times(asked, fine)) == ()


def test_malformed_arrays_are_reported_and_not_read() -> None:
    """The judge must survive anything it is given."""
    good = times(question(), GOOD)
    short = StartupOrder(good.start[:2], good.end)
    floats = StartupOrder(good.start.astype(np.float64), good.end)
    before = StartupOrder(good.start - 5, good.end)
    for broken in (short, floats, before):
        assert {violation.kind for violation in check_startup(question(), broken)} == {StartFault.ARRAYS}


# -- mutations ---------------------------------------------------------------------------


def _copy(order: StartupOrder) -> StartupOrder:
    return StartupOrder(order.start.copy(), order.end.copy())


def forget(draw: random.Random, asked: StartupQuestion, order: StartupOrder) -> StartupOrder | None:
    """Leave a VM out."""
    changed = _copy(order)
    vm = draw.choice(order.started.tolist())
    changed.start[vm] = changed.end[vm] = -1
    return changed


def start_somebody_else(draw: random.Random, asked: StartupQuestion, order: StartupOrder) -> StartupOrder | None:
    """Start a VM that is not to start."""
    others = np.flatnonzero(~asked.starts).tolist()
    if not others:
        return None
    changed = _copy(order)
    vm = draw.choice(others)
    changed.start[vm] = draw.randint(0, order.makespan)
    changed.end[vm] = changed.start[vm] + asked.boot[vm]
    return changed


def boot_faster(draw: random.Random, asked: StartupQuestion, order: StartupOrder) -> StartupOrder | None:
    """Claim that a VM is up earlier or later than it is."""
    changed = _copy(order)
    changed.end[draw.choice(order.started.tolist())] += draw.choice([-1, 1])
    return changed


def jump_the_queue(draw: random.Random, asked: StartupQuestion, order: StartupOrder) -> StartupOrder | None:
    """Start a VM that waits for somebody just before that one is up."""
    pairs = []
    for vm in order.started.tolist():
        for name in asked.instance.vms[int(asked.instance.vm_entry[vm])].start_after:
            needed = [one for one in asked.instance.vms_called([name]).tolist() if asked.starts[one]]
            pairs += [(vm, one) for one in needed]
    if not pairs:
        return None
    vm, needed_vm = draw.choice(pairs)
    changed = _copy(order)
    changed.start[vm] = order.end[needed_vm] - 1
    changed.end[vm] = changed.start[vm] + asked.boot[vm]
    return changed


def all_at_once(draw: random.Random, asked: StartupQuestion, order: StartupOrder) -> StartupOrder | None:
    """Start more on one host than may start there, all of them ready: everything after all has ended."""
    limit = asked.limits.per_host
    if limit is None:
        return None
    hosts = asked.placement.host_of[order.started]
    crowded = [host for host, members in Counter(hosts.tolist()).items() if members > limit]
    if not crowded:
        return None
    changed = _copy(order)
    own = order.started[hosts == draw.choice(crowded)]
    changed.start[own] = order.makespan + 1000
    changed.end[own] = changed.start[own] + asked.boot[own]
    return changed


def let_the_urgent_wait(draw: random.Random, asked: StartupQuestion, order: StartupOrder) -> StartupOrder | None:
    """Start an urgent VM, that nobody waits for, later than one of lower priority that started after it was ready."""
    priority = [asked.instance.vms[entry].priority for entry in asked.instance.vm_entry.tolist()]
    awaited = {one for name in asked.precedence.members for one in name.tolist()}
    host = asked.placement.host_of
    pairs = [
        (urgent, other)
        for urgent in order.started.tolist()
        for other in order.started.tolist()
        if not {urgent, other} & awaited
        and priority[urgent] > priority[other]
        and host[urgent] == host[other]
        and order.start[other] >= order.start[urgent]
    ]
    if not pairs:
        return None
    urgent, _ = draw.choice(pairs)
    changed = _copy(order)
    changed.start[urgent] = order.makespan
    changed.end[urgent] = changed.start[urgent] + asked.boot[urgent]
    return changed


MUTATIONS: tuple[Mutation, ...] = (
    forget,
    start_somebody_else,
    boot_faster,
    jump_the_queue,
    all_at_once,
    let_the_urgent_wait,
)


def reject(seeds: range) -> Counter[str]:
    """Tamper with the order of every seed in every way, and count the rejections."""
    rejected: Counter[str] = Counter()
    for seed in seeds:
        asked = random_question(seed, entries=6)
        result = startup_order(asked.instance, asked.placement, limits=asked.limits, running=asked.running, seed=seed)
        if result.order is None or not len(result.order.started):
            continue
        draw = random.Random(seed)  # noqa: S311 - a seeded sample, not a secret
        for mutate in MUTATIONS:
            changed = mutate(draw, asked, result.order)
            if changed is not None:
                assert check_startup(asked, changed), (seed, mutate.__name__)
                rejected[mutate.__name__] += 1
    return rejected


def test_every_tampered_order_is_rejected() -> None:
    """The checker is the last to see an order: whatever is wrong must not pass it."""
    rejected = reject(range(60))
    assert set(rejected) == {mutation.__name__ for mutation in MUTATIONS}
    assert min(rejected.values()) >= 4


@pytest.mark.campaign
def test_every_tampered_order_is_rejected_many_times() -> None:
    """The same on many more orders."""
    assert sum(reject(range(1000, 3000)).values()) >= 5000


def test_priorities_are_judged_as_by_looking_at_every_pair() -> None:
    """The replay keeps queues; looking at all pairs at all moments is slow and plainly right."""
    agreed: Counter[bool] = Counter()
    for seed in range(150):
        asked = random_question(seed, entries=5)
        order = _random_order(random.Random(seed), asked)  # noqa: S311 - a seeded sample, not a secret
        if order is None:
            continue
        found = {violation.kind for violation in check_startup(asked, order)}
        assert not found - {StartFault.PRIORITY, StartFault.HOST_LIMIT, StartFault.CLUSTER_LIMIT}
        if not found & {StartFault.HOST_LIMIT, StartFault.CLUSTER_LIMIT}:
            overtaken = _overtaken(asked, order)
            assert (StartFault.PRIORITY in found) == overtaken
            agreed[overtaken] += 1
    assert min(agreed[True], agreed[False]) >= 10


def _random_order(draw: random.Random, asked: StartupQuestion) -> StartupOrder | None:
    """Return an order that lists in random order make, deaf to priorities."""
    flat = asked.instance.replace(vms=[_flat(vm, draw) for vm in asked.instance.vms])
    return startup_order(flat, asked.placement, limits=asked.limits, running=asked.running).order


def _flat(vm: VM, draw: random.Random) -> VM:
    fields = {field: getattr(vm, field) for field in vm.__struct_fields__}
    return VM(**{**fields, "priority": draw.choice([0, 0, vm.priority])})


def _overtaken(asked: StartupQuestion, order: StartupOrder) -> bool:
    """Return whether somebody starts while one of higher priority is ready and could start in its place."""
    vms, host = order.started.tolist(), asked.placement.host_of.tolist()
    entry, instance = asked.instance.vm_entry.tolist(), asked.instance
    needs = {vm: {n: instance.vms_called([n]).tolist() for n in instance.vms[entry[vm]].start_after} for vm in vms}
    ready = {vm: max([int(order.end[one]) for own in needs[vm].values() for one in own], default=0) for vm in vms}
    urgency = {vm: instance.vms[entry[vm]].priority for vm in vms}
    for _ in vms:  # as often as the longest chain could need
        for vm in vms:
            for one in (one for own in needs[vm].values() for one in own if one in urgency):
                urgency[one] = max(urgency[one], urgency[vm])
    limit = asked.limits.per_host
    for vm in vms:
        now = order.start[vm]
        for other in vms:
            if urgency[other] > urgency[vm] and ready[other] <= max(0, now) and order.start[other] > now:
                busy = sum(
                    host[one] == host[other] and one != vm and order.start[one] <= now < order.end[one] for one in vms
                )
                if limit is None or busy < limit:
                    return True
    return False
