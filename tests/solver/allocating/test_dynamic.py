"""The best dynamic policy: against separate models, an independent program, and its own bands."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise

import pytest
from scipy.optimize import linprog

from formulations import VM, Bounds, Host, Instance, Placement, Resource, UnsupportedError
from formulations.allocation.dynamic import DynamicAllocation, Horizon
from formulations.allocation.linear import evaluate
from formulations.isolation import Full
from solver.allocating.affine import best_policy
from solver.allocating.bands import policy_bands
from solver.allocating.contentions import horizons
from solver.allocating.dynamic import TOLERANCE, DynamicAnswer, best_dynamic_policy
from solver.allocating.lexicographic import Run, maximise_in_order
from solver.allocating.ramp_conflict import feasibility_by, reason_of_ramps
from solver.allocating.rationals import simplest_between, simplest_near
from solver.backends.base import Outcome
from solver.backends.cbc import CbcBackend
from solver.backends.highs import HighsBackend
from solver.result import Status

HIGHS, CBC = Run(HighsBackend()), Run(CbcBackend())

SEEDS = [*range(25), *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(25, 340))]


def random_horizon(seed: int, *, ramped: bool = True) -> Horizon:
    """Return 1 to 4 VMs over 1 to 5 periods; mostly feasible without ramps."""
    draw = random.Random(seed)  # noqa: S311
    count, periods = draw.randint(1, 4), draw.randint(1, 5)
    profiles = [[draw.randint(0, 9) for _ in range(periods)] for _ in range(count)]
    upper = [max(profile) + draw.randint(0, 4) for profile in profiles]
    lower = [draw.choice([0, min(profile) // 2, min(profile)]) for profile in profiles]
    capacity = max(2, int(draw.uniform(0.6, 1.4) * sum(map(max, profiles))))
    ramps = [draw.choice([None, draw.randint(0, 6), draw.randint(1, 4)]) if ramped else None for _ in range(count)]
    initial = [draw.randint(low, high) for low, high in zip(lower, upper, strict=True)]
    start = initial if ramped and draw.random() < 0.3 else None
    return Horizon.of(capacity, lower, profiles, upper, ramps=ramps, initial=start, resource="cpu", unit="cores")


def largest_fault(answer: DynamicAnswer) -> Fraction:
    """Return by how much an answer breaks a bound, a capacity or a ramp, computed exactly."""
    periods = zip(answer.horizon.periods, answer.f, answer.g, strict=True)
    seen = [evaluate(case, first, second) for case, first, second in periods]
    faults = [answer.horizon.worst_jump([one.allocation for one in seen])]
    for one in seen:
        faults += [one.excess, *(broken.amount for broken in one.broken)]
    return max(faults)


def plain_rows(horizon: Horizon) -> tuple[list[list[float]], list[float]]:
    """Write bounds, capacity and ramps over (f, g, s per period), without the project's program."""
    width = 3 * len(horizon.periods)
    rows: list[list[float]] = []
    sides: list[float] = []

    def add(entries: dict[int, Fraction], side: Fraction) -> None:
        row = [0.0] * width
        for column, weight in entries.items():
            row[column] = float(weight)
        rows.append(row)
        sides.append(float(side))

    for t, case in enumerate(horizon.periods):
        for low, need, high in zip(case.lower, case.demand, case.upper, strict=True):
            add({3 * t: case.capacity, 3 * t + 1: need}, high)
            add({3 * t: -case.capacity, 3 * t + 1: -need}, -low)
            add({3 * t: -case.capacity, 3 * t + 1: -need, 3 * t + 2: need}, Fraction(0))
        add({3 * t: case.capacity * case.count, 3 * t + 1: sum(case.demand, Fraction(0))}, case.capacity)
    for vm, ramp in enumerate(horizon.ramps):
        for t in range(len(horizon.periods) if ramp is not None else 0):
            now, capacity = horizon.periods[t].demand[vm], horizon.periods[0].capacity
            before = horizon.periods[t - 1].demand[vm]
            for sign in (1, -1):
                if t:
                    entries = {3 * t: sign * capacity, 3 * t + 1: sign * now}
                    entries |= {3 * t - 3: -sign * capacity, 3 * t - 2: -sign * before}
                    add(entries, ramp or Fraction(0))
                elif horizon.initial is not None:
                    entries = {0: sign * capacity, 1: sign * now}
                    add(entries, (ramp or Fraction(0)) + sign * horizon.initial[vm])
    return rows, sides


def plain_optimum(horizon: Horizon) -> tuple[float, float] | None:
    """Return the best total utilisation and satisfaction by scipy alone; None if there is none."""
    rows, sides = plain_rows(horizon)
    count = len(horizon.periods)
    free: list[tuple[float | None, float | None]] = [(None, None), (None, None), (None, 1.0)] * count
    used = [0.0] * (3 * count)
    for t, case in enumerate(horizon.periods):
        used[3 * t], used[3 * t + 1] = float(-case.count), float(-sum(case.demand, Fraction(0)) / case.capacity)
    first = linprog(used, rows, sides, bounds=free)
    if first.status == 2:
        return None
    assert first.fun is not None
    second = linprog([0.0, 0.0, -1.0] * count, [*rows, used], [*sides, first.fun + 1e-9], bounds=free)
    assert second.fun is not None
    return -first.fun, -second.fun


@pytest.mark.parametrize("seed", SEEDS)
def test_policy_is_the_optimum_of_an_independent_program(seed: int) -> None:
    """The two levels must be those of the same model written anew for scipy, with and without ramps."""
    horizon = random_horizon(seed)
    answer = best_dynamic_policy(horizon, HIGHS if seed % 2 else CBC)
    expected = plain_optimum(horizon)
    assert (answer.status is Status.OPTIMAL) == (expected is not None)
    assert (answer.reason is None) == (expected is not None)
    if expected is not None:
        assert float(answer.utilisation) == pytest.approx(expected[0], abs=1e-5)
        assert float(answer.satisfaction) == pytest.approx(expected[1], abs=1e-4)
        assert largest_fault(answer) <= (0 if answer.exact else TOLERANCE * horizon.periods[0].capacity)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_ramps_it_is_separate_linear_models(seed: int) -> None:
    """Nothing couples the periods, so the program over the horizon must find each period's own optimum."""
    horizon = random_horizon(seed, ramped=False)
    separate = [best_policy(case) for case in horizon.periods]
    program = DynamicAllocation(horizon)
    solution, levels, _ = maximise_in_order(program.problem, program.levels, HIGHS)
    if any(answer.policy is None for answer in separate):
        assert solution.outcome is Outcome.INFEASIBLE
        assert best_dynamic_policy(horizon).status is Status.INFEASIBLE
        return
    policies = [answer.policy for answer in separate if answer.policy is not None]
    assert levels[0] == pytest.approx(float(sum(policy.utilisation for policy in policies)), abs=1e-6)
    assert levels[1] == pytest.approx(float(sum(policy.smallest_satisfaction for policy in policies)), abs=1e-5)
    answer = best_dynamic_policy(horizon)
    assert answer.policies == tuple(policies)
    assert answer.exact


@pytest.mark.parametrize("seed", range(12))
def test_bands_hold_the_optimum_and_any_feasible_policy(seed: int) -> None:
    """A band that cuts off a feasible policy would mislead whoever tunes f and g by hand."""
    horizon = random_horizon(seed)
    answer, bands = best_dynamic_policy(horizon, HIGHS), policy_bands(horizon, HIGHS)
    assert (bands is None) == (answer.status is Status.INFEASIBLE)
    if bands is None:
        return
    rows, sides = plain_rows(horizon)
    draw = random.Random(seed)  # noqa: S311
    found = [list(zip(answer.f, answer.g, strict=True))]
    for _ in range(4):
        cost = [draw.uniform(-1, 1) if column % 3 < 2 else 0.0 for column in range(len(rows[0]))]
        box: list[tuple[float | None, float | None]] = [(-5, 5), (-5, 5), (None, 1)] * len(horizon.periods)
        x = linprog(cost, rows, sides, bounds=box).x
        if x is not None:
            found.append(
                [(Fraction(float(x[3 * t])), Fraction(float(x[3 * t + 1]))) for t in range(len(horizon.periods))]
            )
    for policy in found:
        for (first, second), f_range, g_range in zip(policy, bands.f, bands.g, strict=True):
            for value, interval in ((first, f_range), (second, g_range)):
                assert interval.low is None or value >= interval.low - Fraction(1, 10**5)
                assert interval.high is None or value <= interval.high + Fraction(1, 10**5)


def test_ends_of_bands_are_reached() -> None:
    """Intervals that are too wide say nothing: each end must be a feasible policy's figure."""
    horizon = Horizon.of(10, [0, 0], [[1, 8, 1], [4, 2, 6]], [8, 8], ramps=[2, 3])
    bands = policy_bands(horizon, HIGHS)
    assert bands is not None
    assert not bands.exact
    rows, sides = plain_rows(horizon)
    free: list[tuple[float | None, float | None]] = [(None, None), (None, None), (None, 1)] * 3
    for t in range(3):
        for offset, interval in ((0, bands.f[t]), (1, bands.g[t])):
            for sign, end in ((1.0, interval.low), (-1.0, interval.high)):
                cost = [0.0] * 9
                cost[3 * t + offset] = sign
                solved = linprog(cost, rows, sides, bounds=free)
                assert solved.fun is not None
                assert end is not None
                assert sign * solved.fun == pytest.approx(float(end), abs=1e-6)


def test_bands_without_ramps_are_the_exact_ranges() -> None:
    """No program is needed there, so the figures must be exact."""
    horizon = Horizon.of(100, [10, 5], [[20, 30], [10, 40]], [40, 40])
    bands = policy_bands(horizon)
    assert bands is not None
    assert bands.exact
    ranges = [best_policy(case).range for case in horizon.periods]
    assert list(bands.f) == [one.a_interval for one in ranges if one is not None]
    assert list(bands.g) == [one.b_interval for one in ranges if one is not None]


def test_ramps_that_do_not_bind_keep_the_exact_answer() -> None:
    """If the separate optimum keeps the ramps it is optimal, and no solver's tolerance need enter."""
    horizon = Horizon.of(100, [0, 0], [[20, 22], [10, 11]], [40, 40], ramps=[100, 100])
    assert best_dynamic_policy(horizon, None).proved_by == "exact vertices"


def test_infeasible_period_is_named() -> None:
    """A period that fails alone is the reason, whatever the ramps."""
    horizon = Horizon.of(5, [1, 0, 3], [[1], [2, 2], [3]], [1, 2, 3], ramps=[None, 1, None])
    reason = best_dynamic_policy(horizon, HIGHS).reason
    assert reason is not None
    assert reason.message.startswith("in period 0, ")
    assert len(reason.facts) == 3


def infeasible_by_ramps() -> Horizon:
    """Two rigid VMs force vm-1 from 2 to 8 between periods 2 and 3; vm-1 alone may not change so fast."""
    profiles = [[2, 2, 2, 8, 8, 8], [1], [9]]
    return Horizon.of(40, [0, 1, 9], profiles, [9, 1, 9], ramps=[3, 5, 4], vms=["web", "db", "log"], unit="GB")


def test_reason_of_ramps_is_the_shortest_run_and_the_limits_to_blame() -> None:
    """People need the periods and the VM to look at, not that all limits of the day conflict."""
    reason = best_dynamic_policy(infeasible_by_ramps(), HIGHS).reason
    assert reason is not None
    assert reason.message == "resource: no policy gets from period 2 to period 3 within the ramp limits"
    assert reason.facts == (
        "web changes by at most 3 GB per period",
        "bounds and capacity of resource hold in periods 2 to 3",
    )


@pytest.mark.parametrize("seed", range(60))
def test_blamed_limits_are_minimal(seed: int) -> None:
    """Without any one limit that is named, the run must become possible; so must it without an end period."""
    horizon = random_horizon(1000 + seed)
    feasible = feasibility_by(HIGHS)
    alone = all(best_policy(case).policy is not None for case in horizon.periods)
    if not alone or feasible(horizon):
        return
    reason = reason_of_ramps(horizon, feasible)
    words = reason.message.split()
    first, last = int(words[words.index("from") + 2]), int(words[words.index("to") + 2])
    run = horizon.window(first, last)
    assert not feasible(run)
    assert first == last or (feasible(horizon.window(first, last - 1)) and feasible(horizon.window(first + 1, last)))
    blamed = [vm for vm, name in enumerate(horizon.names) if any(fact.startswith(f"{name} ") for fact in reason.facts)]
    assert not feasible(run.with_ramps_of(blamed))
    assert all(feasible(run.with_ramps_of([other for other in blamed if other != vm])) for vm in blamed)


def test_horizon_of_an_instance_has_profiles_overhead_and_ramps() -> None:
    """What the file says about profiles must reach the model: lists, overhead, missing limits, ramps."""
    web = Bounds(reservation=1, demand=[2, 5, 3], ramp=2)
    vms = [VM(name="web", resources={"cpu": web}, overhead={"cpu": 1}), VM(name="db", resources={"cpu": 4})]
    instance = Instance(resources=[Resource(name="cpu")], vms=vms, hosts=[Host(name="host", capacity={"cpu": 10})])
    placement = Placement.from_names(instance, {"web": "host", "db": "host"})
    horizon = horizons(instance, placement)[0]["cpu"]
    assert [list(period.demand) for period in horizon.periods] == [[3, 4], [6, 4], [4, 4]]
    assert {period.lower for period in horizon.periods} == {(Fraction(2), Fraction(4))}
    assert {period.upper for period in horizon.periods} == {(Fraction(10), Fraction(4))}
    assert horizon.ramps == (Fraction(2), None)
    answer = best_dynamic_policy(horizon, HIGHS)
    given = [policy.allocation[0] for policy in answer.policies]
    assert all(abs(after - before) <= 2 for before, after in pairwise(given))


def test_pinned_slices_are_refused() -> None:
    """A pinned slice is a whole number of cores, which one policy for all cannot promise."""
    vms = [VM(name="vm", resources={"cpu": 2}, isolation=Full(pinned=True))]
    host = Host(name="host", capacity={"cpu": 8}, cores=8)
    instance = Instance(resources=[Resource(name="cpu")], vms=vms, hosts=[host])
    with pytest.raises(UnsupportedError, match="pinned slices"):
        horizons(instance, Placement.from_names(instance, {"vm": "host"}))


def test_simplest_fraction_lies_in_the_interval() -> None:
    """Figures of a solver become fractions people recognise, never out of tolerance."""
    assert simplest_near(0.33333333219) == Fraction(1, 3)
    assert simplest_near(-2.0000000001) == -2
    assert simplest_near(1e-12) == 0
    draw = random.Random(5)  # noqa: S311
    for _ in range(200):
        low = Fraction(draw.randint(-(10**6), 10**6), draw.randint(1, 10**5))
        high = low + Fraction(1, draw.randint(1, 10**6))
        found = simplest_between(low, high)
        assert low <= found <= high
        smaller = (
            Fraction(n, d)
            for d in range(1, min(found.denominator, 60))
            for n in range(int(low * d) - 1, int(high * d) + 2)
        )
        assert not any(low <= value <= high for value in smaller)
