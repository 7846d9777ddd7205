"""Simulations over several machines, their figures, and generated work."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction
from multiprocessing import get_context

import numpy as np
import pytest

from formulations import VM, Bounds, Host, InputError, Instance, Placement, Resource
from formulations.scheduling.workload import SECOND, Job, Workload
from solver.errors import VerificationError
from solver.scheduling.dynamic import (
    KINDS,
    POLICIES,
    FirstCome,
    Kind,
    Machine,
    ProportionalShare,
    RoundRobin,
    compare,
    generated,
    jain_index,
    machines_of,
    simulate,
    simulation,
    summary,
    vm_figures,
)
from solver.scheduling.dynamic.entitlement import FEW_EVENTS, entitled
from solver.scheduling.dynamic.figures import spread
from solver.scheduling.dynamic.generating import core_rates
from solver.scheduling.dynamic.records import Run
from tests.solver.scheduling.dynamic.cases import EVERYTHING, FOUR


def cluster(hosts: int = 2) -> tuple[Instance, tuple[Machine, ...]]:
    """Return hosts of eight cores with a web server of two sizes each."""
    vms = [
        VM(name="web", count=3 * hosts, vcpus=2, resources={"cpu": Bounds(demand=2, limit=2, shares=2)}),
        VM(name="db", count=hosts, vcpus=4, priority=5, resources={"cpu": Bounds(demand=3, limit=3)}),
    ]
    instance = Instance(
        resources=[Resource(name="cpu", unit="cores")],
        vms=vms,
        hosts=[Host(name="h", count=hosts, cores=8, capacity={"cpu": 8}, overcommit={"cpu": 2})],
    )
    host_of = np.arange(instance.vm_count) % hosts
    return instance, machines_of(instance, Placement(host_of))


# -- several machines --------------------------------------------------------------------------


def test_machines_side_by_side_give_the_same() -> None:
    """Where work is done is no part of the answer."""
    instance, machines = cluster()
    work = generated(instance, machines, "bursty", seconds=2, seed=3)
    with ThreadPoolExecutor(2) as executor:
        for policy in (RoundRobin(), ProportionalShare()):
            here = simulate(machines, work, policy, window=EVERYTHING)
            there = simulate(machines, work, policy, window=EVERYTHING, executor=executor)
            assert here.finish.tolist() == there.finish.tolist()
            assert here.segments.tolist() == there.segments.tolist()


@pytest.mark.campaign
def test_machines_in_processes_give_the_same() -> None:
    """As above, with what is sent to another process and comes back."""
    instance, machines = cluster()
    work = generated(instance, machines, "poisson", seconds=2, seed=3)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        there = simulate(machines, work, RoundRobin(), executor=executor)
    assert there.finish.tolist() == simulate(machines, work, RoundRobin()).finish.tolist()


def test_what_is_sent_to_processes_can_be_sent() -> None:
    """Policies, machines and workloads are plain data."""
    instance, machines = cluster()
    work = generated(instance, machines, "poisson", seconds=1)
    for thing in (*POLICIES, machines[0], work):
        assert type(pickle.loads(pickle.dumps(thing))) is type(thing)  # noqa: S301 - our own bytes


def test_work_without_a_machine_is_refused() -> None:
    """Jobs of a VM without a host would never end."""
    with pytest.raises(InputError, match=r"jobs\[0\]\.vm: VM 7 is on no machine"):
        simulate([Machine.of(1, 4)], Workload.of_jobs([Job(0, 7, 1)]), FirstCome())


def test_a_vm_on_two_machines_is_refused() -> None:
    """A job must know where it runs."""
    with pytest.raises(InputError, match="two machines"):
        simulate([Machine.of(1, 4), Machine.of(1, 1)], FOUR, FirstCome())


def test_work_that_a_limit_never_lets_end_is_refused() -> None:
    """A limit of nothing is said before the simulation runs for ever."""
    machine = Machine.of(1, 1, caps=[5])
    with pytest.raises(InputError, match="the work would never end"):
        simulate([machine], Workload.of_jobs([Job(0, 0, 1)]), ProportionalShare())
    assert simulate([machine], Workload.of_jobs([Job(0, 0, 1)]), FirstCome()).finish.tolist() == [1]


def test_a_wrong_course_is_never_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge looks at every run before it counts."""

    def hasty(machine: Machine, workload: Workload, *_: object, **__: object) -> Run:
        ends = workload.arrival + workload.work - 1
        return Run(workload.arrival, ends, 0, 0, 0, np.zeros((0, 4), dtype=np.int64))

    monkeypatch.setattr(simulation, "run_plainly", hasty)
    with pytest.raises(VerificationError, match="sooner than its work takes"):
        simulate([Machine.of(4, 4)], FOUR, FirstCome())


# -- figures -----------------------------------------------------------------------------------


def test_figures_of_single_vms_make_up_the_whole() -> None:
    """Nobody's jobs are forgotten or counted twice."""
    instance, machines = cluster()
    work = generated(instance, machines, "pareto", seconds=3, seed=1)
    for one in compare(machines, work):
        told, parts = summary(one), vm_figures(one).values()
        assert sum(part.jobs for part in parts) == told.figures.jobs == len(work)
        assert sum(part.work for part in parts) == told.figures.work
        assert sum(part.waiting.mean * part.jobs for part in parts) == told.figures.waiting.mean * len(work)
        assert max(part.turnaround.largest for part in parts) == told.figures.turnaround.largest


def test_throughput_and_use_are_over_the_time_that_it_took() -> None:
    """Four jobs with 19 µs of work on one core that is never idle."""
    told = summary(simulate([Machine.of(1, 4)], FOUR, FirstCome()))
    assert told.seconds == Fraction(19, SECOND)
    assert told.throughput == Fraction(4 * SECOND, 19)
    assert told.utilisation == 1


def test_percentiles_are_figures_that_occur() -> None:
    """The 95th percentile of 20 figures is the 19th, of 21 the 20th."""
    assert spread(np.arange(1, 21)).p95 == 19
    assert spread(np.arange(1, 22)).p95 == 20
    assert spread(np.array([7])).p95 == 7


def test_jain_s_index_is_what_the_paper_defines() -> None:
    """All alike: 1; one of n gets all: 1 / n; k of n alike and the others nothing: k / n."""
    assert jain_index(np.array([3.0, 3.0, 3.0])) == pytest.approx(1)
    assert jain_index(np.array([5.0, 0, 0, 0])) == pytest.approx(1 / 4)
    assert jain_index(np.array([1.0, 1, 0, 0, 0])) == pytest.approx(2 / 5)
    assert jain_index(np.array([1.0, 2, 3])) == pytest.approx(36 / (3 * 14))
    with pytest.raises(InputError):
        jain_index(np.zeros(2))


def test_fairness_is_by_shares_and_by_what_can_be_used() -> None:
    """A gets 10 µs and B 1: first come first served lets B wait, shares do not.

    On one core both are entitled to half of it while both have work. If A runs first, it gets 10 µs where
    it was entitled to 5, and B 1 µs where it was entitled to 5 + 1.
    """
    jobs = Workload.of_jobs([Job(0, 0, 10), Job(0, 1, 1)])
    machine = Machine.of(1, 2)
    first = summary(simulate([machine], jobs, FirstCome()))
    assert first.fairness == pytest.approx((2 + 1 / 6) ** 2 / (2 * (4 + 1 / 36)))
    # B runs before A: it gets all that it is entitled to and more, A what is left.
    assert summary(simulate([machine], jobs, RoundRobin(1))).fairness > 0.9


@pytest.mark.parametrize("many", [50, FEW_EVENTS])
def test_entitlements_add_up_to_what_can_be_used(many: int) -> None:
    """Fluid sharing wastes nothing: together VMs are entitled to all cores that they can use."""
    rng = np.random.default_rng(many)
    machine = Machine.of(3, 4, vcpus=[1, 2, 1, 3], shares=[1, 5, 2, 1])
    arrival = rng.integers(0, 1000, many)
    vm = rng.integers(0, 4, many)
    finish = arrival + rng.integers(1, 50, many)
    usable = 0
    for now in range(1100):
        pending = np.bincount(vm[(arrival <= now) & (now < finish)], minlength=4)
        usable += min(3, int(np.minimum(pending, machine.vcpus).sum()))
    assert entitled(machine, arrival, finish, vm).sum() == pytest.approx(usable)


# -- generated work ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_generated_work_is_as_heavy_as_asked(kind: Kind) -> None:
    """A target utilisation is met to the rounding of jobs to microseconds, machine by machine."""
    instance, machines = cluster(3)
    work = generated(instance, machines, kind, load=0.7, seconds=20, seed=4)
    for machine in machines:
        mine = np.isin(work.vm, machine.vms)
        assert abs(int(work.work[mine].sum()) - 0.7 * 8 * 20 * SECOND) <= mine.sum()
    assert int(work.arrival.max()) < 20 * SECOND
    assert (np.diff(work.arrival) >= 0).all()
    assert set(work.priority[work.vm >= 9].tolist()) == {5}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_work(kind: Kind) -> None:
    """A comparison can be repeated, and another seed is another day."""
    instance, machines = cluster()
    one, same, other = (generated(instance, machines, kind, seconds=2, seed=seed) for seed in (1, 1, 2))
    assert one.arrival.tolist() == same.arrival.tolist()
    assert one.work.tolist() == same.work.tolist()
    assert one.arrival.tolist() != other.arrival.tolist()


def test_kinds_differ_in_what_they_are_called_for() -> None:
    """Pareto sizes have a heavy tail; bursts leave long silences."""
    instance, machines = cluster()
    works = {kind: generated(instance, machines, kind, seconds=60, seed=9) for kind in KINDS}
    largest = {kind: float(work.work.max() / work.work.mean()) for kind, work in works.items()}
    assert largest["pareto"] > 3 * largest["poisson"]
    gaps = {kind: int(np.diff(work.arrival[work.vm == 0]).max()) for kind, work in works.items()}
    assert gaps["bursty"] > 3 * gaps["poisson"]


def test_nobody_brings_more_than_it_can_use() -> None:
    """Work follows expected demand, but a VM of one vCPU does not get a queue that never ends."""
    machine = Machine.of(8, 3, vcpus=[1, 4, 8])
    rates = core_rates(machine, 0.5, np.array([10.0, 1.0, 1.0]))
    assert rates.tolist() == pytest.approx([0.5, 1.75, 1.75])
    assert core_rates(machine, 0.5, np.zeros(3)).sum() == pytest.approx(4)


@pytest.mark.parametrize(
    ("wrong", "message"), [({"load": 0.0}, "load"), ({"seconds": -1.0}, "seconds"), ({"mean_burst": 0.0}, "mean_burst")]
)
def test_recipes_out_of_range_are_refused(wrong: dict[str, float], message: str) -> None:
    """No work, or work without end, is not made."""
    instance, machines = cluster()
    with pytest.raises(InputError, match=message):
        generated(instance, machines, "poisson", **wrong)  # type: ignore[arg-type]


def test_too_much_work_is_refused_before_it_is_made() -> None:
    """A year of a data centre does not fit; the message says what to change."""
    instance, machines = cluster()
    with pytest.raises(InputError, match="fewer seconds"):
        generated(instance, machines, "poisson", seconds=10**6)
