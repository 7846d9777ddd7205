"""Burst probabilities against enumeration in exact fractions, against sampling, and at their bounds."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import comb
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from formulations import VM, Bounds, Cell, Host, Instance, Placement, Resource
from formulations.bounds import Size
from formulations.errors import InputError
from formulations.isolation import AnyIsolation, Full, Partial, Protected, Shared
from formulations.quantities import exact
from solver.bursting import Method, bertsimas_sim_bound, burst_report
from solver.bursting.odds import binomial, clopper_pearson

GAMMA = 2


def small_instance(random: Random, *, cells: bool) -> tuple[Instance, Placement]:
    """Return a random instance of up to nine VMs on two hosts, with every isolation level, and a placement."""
    protected = Protected(gamma=GAMMA)
    levels: list[AnyIsolation] = [protected, protected, protected, Shared(), Partial(alpha=0.5), Full()]
    vms = []
    for number in range(random.randint(2, 9)):
        sizes: dict[str, Size] = {}
        for resource in ("cpu", "memory"):
            low = random.randint(0, 3)
            high = None if random.random() < 0.1 else low + random.randint(0, 6)
            sizes[resource] = Bounds(reservation=low, limit=high)
        vms.append(
            VM(
                name=f"vm{number}",
                resources=sizes,
                isolation=random.choice(levels),
                burst_probability=random.choice([0, 0.1, 0.25, 0.9, 1]),
                numa=random.randint(1, 2) if cells else 1,
            )
        )
    numa = [Cell(capacity={"cpu": 16, "memory": 14}), Cell(capacity={"cpu": 12, "memory": 14})] if cells else []
    hosts = [Host(name=f"h{n}", capacity={"cpu": random.randint(10, 30), "memory": 22}, cells=numa) for n in range(2)]
    instance = Instance(resources=[Resource(name="cpu"), Resource(name="memory")], vms=vms, hosts=hosts)
    host_of = np.array([random.randrange(2) for _ in vms], dtype=np.int64)
    masks = [3 if vm.numa == 2 else random.choice([1, 2]) for vm in vms]
    cell_of = np.array(masks if cells else [0] * len(vms), dtype=np.int64)
    return instance, Placement(host_of, instance.tables.lower[instance.vm_entry], cell_of)


def enumerated(instance: Instance, placement: Placement, *, everyone: bool) -> Fraction:
    """Return the exact probability that the bursts fit, by trying every set of bursting VMs."""
    vms, members = instance.vms, placement.members_by_host()
    bursting = [
        vm
        for vm in range(len(vms))
        if isinstance(vms[vm].isolation, Protected) or (everyone and not isinstance(vms[vm].isolation, Full))
    ]
    fits = Fraction(0)
    for choice in product([False, True], repeat=len(bursting)):
        up = {vm for vm, burst in zip(bursting, choice, strict=True) if burst}
        chance = Fraction(1)
        for vm in bursting:
            own = exact(vms[vm].burst_probability)
            chance *= own if vm in up else 1 - own
        if chance and all(host_fits(instance, placement, host, on, up) for host, on in members.items()):
            fits += chance
    return fits


def host_fits(
    instance: Instance,
    placement: Placement,
    host_number: int,
    members: NDArray[np.int64],
    up: set[int],
) -> bool:
    """Return whether the members fit on a host while those in ``up`` burst, from the semantics alone."""
    host, tables = instance.hosts[host_number], instance.tables
    cells = tables.cells[host_number]
    assert placement.cells is not None
    for r in range(len(instance.resources)):
        capacity = int(tables.capacity[host_number, r])
        used = {}
        for vm in members.tolist():
            low, high = int(tables.lower[vm, r]), int(tables.upper_on(host_number)[vm, r])
            own = instance.isolation_of(vm)
            if isinstance(own, Partial):
                low = max(low, min(high, capacity * own.fraction // len(members)))
            used[vm] = high if vm in up else low
        if sum(used.values()) > capacity:
            return False
        for cell in range(len(host.cells)):
            assert cells is not None
            inside = [vm for vm in used if int(placement.cells[vm]) >> cell & 1]
            load = sum(Fraction(used[vm], instance.vms[vm].numa) for vm in inside)
            if cells[cell, r] >= 0 and load > int(cells[cell, r]):
                return False
    return True


@pytest.mark.parametrize("cells", [False, True])
@pytest.mark.parametrize("everyone", [False, True])
def test_convolution_equals_enumeration(cells: bool, everyone: bool) -> None:
    """The probability is exact: it agrees with every set of bursting VMs tried in fractions."""
    uncertain = 0
    for seed in range(30):
        instance, placement = small_instance(Random(seed), cells=cells)  # noqa: S311 - a seeded sample, not a secret
        report = burst_report(instance, placement, everyone=everyone)
        truth = enumerated(instance, placement, everyone=everyone)
        assert report.probability == pytest.approx(float(truth), rel=1e-13, abs=0)
        assert report.risk == pytest.approx(float(1 - truth), rel=1e-13, abs=0)
        assert report.low == report.probability == report.high
        uncertain += report.method is Method.EXACT
    assert uncertain >= 5


def test_sampling_covers_the_exact_probability() -> None:
    """An interval at 99 % holds the truth in almost every case, and its method is said."""
    covered, sampled = 0, 0
    for seed in range(40):
        instance, placement = small_instance(Random(seed), cells=False)  # noqa: S311 - a seeded sample, not a secret
        truth = burst_report(instance, placement, everyone=True).probability
        report = burst_report(instance, placement, everyone=True, most_states=0, samples=2000, seed=seed)
        if report.method is Method.SAMPLED:
            sampled += 1
            covered += report.low <= truth <= report.high
    assert sampled >= 10
    assert covered >= sampled - 1


def uniform_host(count: int, room: int, probability: float, gamma: int = 0) -> tuple[Instance, Placement]:
    """Return ``count`` identical protected VMs, of which ``room`` may burst at once, on one host."""
    bounds = Bounds(reservation=1, limit=2)
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=[VM(name="vm", count=count, resources={"cpu": bounds}, burst_probability=probability)],
        hosts=[Host(name="host", capacity={"cpu": count + room})],
        isolation=Protected(gamma=gamma),
    )
    return instance, Placement(np.zeros(count, dtype=np.int64))


def test_identical_vms_follow_the_binomial_law() -> None:
    """200 VMs of which 40 may burst: the closed form, in fractions, gives the same digits."""
    instance, placement = uniform_host(200, 40, 0.1)
    host = burst_report(instance, placement).hosts[0]
    tail = sum(comb(200, k) * Fraction(1, 10) ** k * Fraction(9, 10) ** (200 - k) for k in range(41, 201))
    assert host.tolerated == 40
    assert host.risk == pytest.approx(float(tail), rel=1e-12, abs=0)
    assert host.guaranteed == pytest.approx(float(1 - tail), rel=1e-12)


def test_a_tiny_risk_keeps_its_digits() -> None:
    """A risk of 1e-40 is not rounded to nothing by subtracting a probability from 1."""
    instance, placement = uniform_host(40, 39, 0.1)
    report = burst_report(instance, placement)
    assert report.probability == 1.0
    assert report.risk == pytest.approx(1e-40, rel=1e-12, abs=0)


def test_gamma_is_what_the_room_tolerates() -> None:
    """A placement that meets protection by Gamma tolerates at least Gamma, and Gamma >= N never fails."""
    for gamma in (0, 3, 10):
        instance, placement = uniform_host(10, gamma, 0.3, gamma)
        host = burst_report(instance, placement).hosts[0]
        assert host.tolerated == gamma
        assert host.guaranteed <= host.probability + 1e-12
    assert host.method is Method.CERTAIN
    assert host.risk == 0


def test_reservations_that_do_not_fit_never_fit() -> None:
    """An overloaded host has probability 0, with nothing drawn."""
    instance, placement = uniform_host(10, 0, 0.3)
    smaller = instance.replace(hosts=[Host(name="host", capacity={"cpu": 9})])
    host = burst_report(smaller, placement).hosts[0]
    assert (host.probability, host.risk, host.tolerated, host.guaranteed) == (0.0, 1.0, -1, 0.0)
    assert host.method is Method.CERTAIN


def test_many_different_vms_are_sampled_and_seeded() -> None:
    """Where sums are too many to list, the report says so, and the same seed gives the same figures."""
    random = Random(5)  # noqa: S311 - a seeded sample, not a secret
    vms = [
        VM(
            name=f"vm{n}",
            resources={r: Bounds(reservation=1, limit=random.randint(2, 10**7)) for r in ("cpu", "memory")},
            burst_probability=0.5,
        )
        for n in range(60)
    ]
    host = Host(name="host", capacity={"cpu": 17 * 10**7, "memory": 17 * 10**7})
    instance = Instance(
        resources=[Resource(name="cpu"), Resource(name="memory")], vms=vms, hosts=[host], isolation=Protected(gamma=1)
    )
    placement = Placement(np.zeros(60, dtype=np.int64))
    reports = [burst_report(instance, placement, samples=4000, seed=seed, most_states=5000) for seed in (1, 1, 2)]
    assert reports[0] == reports[1]
    assert reports[0].probability != reports[2].probability
    assert reports[0].method is Method.SAMPLED
    assert 0 < reports[0].low < reports[0].probability < reports[0].high < 1


def test_binomial_weights_are_the_exact_ones() -> None:
    """The recursion from the mode agrees with factorials, at both ends too."""
    for trials, probability in [(1, 0.5), (7, 0.25), (50, 0.875), (3, 0.0), (3, 1.0)]:
        p = Fraction(probability)
        truth = [float(comb(trials, k) * p**k * (1 - p) ** (trials - k)) for k in range(trials + 1)]
        assert binomial(trials, probability).tolist() == pytest.approx(truth, rel=1e-13, abs=0)


def test_interval_ends_have_the_right_tails() -> None:
    """At the ends of a Clopper-Pearson interval the observed count is just as unlikely as allowed."""
    samples, successes, confidence = 50, 9, 0.9
    low, high = clopper_pearson(successes, samples, confidence)
    assert binomial(samples, low)[successes:].sum() == pytest.approx(0.05)
    assert binomial(samples, high)[: successes + 1].sum() == pytest.approx(0.05)
    assert clopper_pearson(0, 50, 0.9)[0] == 0.0
    assert clopper_pearson(50, 50, 0.9)[1] == 1.0


def test_bertsimas_sim_bound_holds_for_symmetric_deviations() -> None:
    """Over all sign patterns of swings by the full deviation, failures are never more than the bound says."""
    random = Random(3)  # noqa: S311 - a seeded sample, not a secret
    for members in (1, 3, 6, 9):
        swings = [random.randint(1, 9) for _ in range(members)]
        for gamma in range(members + 1):
            protection = sum(sorted(swings, reverse=True)[:gamma])
            patterns = product([-1, 1], repeat=members)
            failures = sum(sum(s * w for s, w in zip(p, swings, strict=True)) > protection for p in patterns)
            assert failures / 2**members <= bertsimas_sim_bound(members, gamma) + 1e-12


def test_bertsimas_sim_bound_by_hand() -> None:
    """Two values of the formula worked out on paper, and the refusal of a gamma out of range."""
    assert bertsimas_sim_bound(4, 2) == (comb(4, 3) + comb(4, 4)) / 16 == 5 / 16
    assert bertsimas_sim_bound(3, 2) == (comb(3, 2) / 2 + comb(3, 3)) / 8
    with pytest.raises(InputError, match="gamma"):
        bertsimas_sim_bound(3, 4)


def test_what_is_missing_is_asked_for() -> None:
    """Full isolation needs the allocation and NUMA hosts the cells: without them there is no silent guess."""
    sizes: dict[str, Size] = {"cpu": Bounds(reservation=1, limit=2)}
    vms = [VM(name="vm", resources=sizes, isolation=Full())]
    plain = Instance(resources=[Resource(name="cpu")], vms=vms, hosts=[Host(name="host", capacity={"cpu": 4})])
    bare = Placement(np.zeros(1, dtype=np.int64))
    with pytest.raises(InputError, match="vm: expected an allocation"):
        burst_report(plain, bare)
    celled = plain.replace(
        vms=[VM(name="vm", resources=sizes)], hosts=[Host(name="host", cells=[Cell(capacity={"cpu": 4})])]
    )
    with pytest.raises(InputError, match="cells"):
        burst_report(celled, bare)
    with pytest.raises(InputError, match="confidence"):
        burst_report(plain, bare, confidence=1.0)
    with pytest.raises(InputError, match="samples"):
        burst_report(plain, bare, samples=0)
