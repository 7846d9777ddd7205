"""Progressive filling and the greedy optimum: agreement with programs, enumeration and slow filling."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from formulations.allocation.container import Container, Filling, Row, dominant, even, max_min, proportional
from formulations.allocation.free import FreeAllocation
from solver.allocating import filling
from solver.allocating.programs import filling_by_programs, optimum
from solver.backends.base import Backend, Outcome, Settings
from solver.backends.cbc import CbcBackend
from solver.backends.highs import HighsBackend
from solver.deadline import Deadline
from tests.solver.allocating.drawing import every_allocation, quantum_by_quantum, random_container

EVERYDAY = range(25)
CAMPAIGN = [pytest.param(seed, marks=pytest.mark.campaign) for seed in range(1000, 1300)]
HIGHS = HighsBackend()
KINDS = ("one", "nested", "crossing")


def drawn(seed: int, *, steps: bool = False, rows: str | None = None, members: int = 5, largest: int = 40) -> Container:
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % 3] if rows is None else rows
    return random_container(rng, rows=kind, steps=steps, members=members, largest=largest)


def best_value(model: FreeAllocation, backend: Backend) -> float:
    solution = backend.solve(model.problem, deadline=Deadline(60), settings=Settings())
    assert solution.outcome is Outcome.OPTIMAL
    assert solution.objective is not None
    return solution.objective


@pytest.mark.parametrize("seed", [*EVERYDAY, *CAMPAIGN])
def test_max_min_is_the_sequence_of_programs(seed: int) -> None:
    """Water-filling must be the lexicographic max-min that the sequence of LPs defines, on any rows."""
    water = max_min(drawn(seed))
    exact = filling.progressive_filling(water)[0]
    assert filling_by_programs(water, HIGHS, Deadline(60))[0] == pytest.approx([float(a) for a in exact], abs=1e-3)


@pytest.mark.parametrize("seed", [*EVERYDAY, *CAMPAIGN])
def test_dominant_resource_fairness_is_the_sequence_of_programs(seed: int) -> None:
    """One scale per VM over several resources must rise as the LPs say, bound by bound."""
    containers = two_resources(seed)
    water = dominant(containers, [row.capacity for row in (c.rows[0] for c in containers)])
    exact = filling.progressive_filling(water)
    found = filling_by_programs(water, HIGHS, Deadline(60))
    for one, other in zip(exact, found, strict=True):
        assert other == pytest.approx([float(a) for a in one], abs=1e-3)


def two_resources(seed: int) -> tuple[Container, ...]:
    """Return two containers of the same members."""
    rng = np.random.default_rng(seed)
    while len(first := random_container(rng)) < 2:
        pass
    while len(second := random_container(rng)) != len(first):
        pass
    return first, second


@pytest.mark.parametrize("seed", [*EVERYDAY, *CAMPAIGN])
def test_dominant_shares_are_equal_and_nobody_can_scale_up(seed: int) -> None:
    """Fairness by definition: amounts are clamped multiples of demands, and every scale is blocked."""
    containers = two_resources(seed)
    capacities = [container.rows[0].capacity for container in containers]
    exact = filling.progressive_filling(dominant(containers, capacities))
    inside: dict[int, set[Fraction]] = {}
    for container, part in zip(containers, exact, strict=True):
        assert sum(part) <= container.rows[0].capacity
        for i, (low, d, high, a) in enumerate(
            zip(container.lower, container.demand, container.upper, part, strict=True)
        ):
            assert low <= a <= high
            if low < a < high:
                inside.setdefault(i, set()).add(Fraction(a) / d)
    assert all(len(scales) == 1 for scales in inside.values()), "one scale per VM"
    levels = {
        i: scales.pop()
        * max(Fraction(c.demand[i], C * c.shares[i]) for c, C in zip(containers, capacities, strict=True) if C)
        for i, scales in inside.items()
    }
    for i, level in levels.items():
        assert any(
            sum(part) == capacity
            and c.demand[i] > 0
            and part[i] < c.upper[i]
            and all(levels[k] <= level for k in levels if c.lower[k] < part[k] < c.upper[k])
            for c, part, capacity in zip(containers, exact, capacities, strict=True)
        ), "held back although no full resource holds it at the highest level there"


@pytest.mark.parametrize("seed", [*EVERYDAY, *CAMPAIGN])
def test_max_min_and_entitlement_match_filling_quantum_by_quantum(seed: int) -> None:
    """The slow definition, one quantum at a time to the lowest level, is an independent witness.

    The two round differently: a divisor method may stray from the quota by two quanta.
    """
    container = drawn(seed, rows="one")
    w, d = container.shares, container.demand
    tops = [high if need else low for low, need, high in zip(container.lower, d, container.upper, strict=True)]
    slow = quantum_by_quantum(container, lambda i, a: Fraction(a, w[i] * d[i]), tops)
    fast = filling.filled(max_min(container))
    assert sum(fast) == sum(slow)
    assert max(abs(a - b) for a, b in zip(fast, slow, strict=True)) <= 2
    first = quantum_by_quantum(
        container, lambda i, a: Fraction(a - container.lower[i], w[i]), filling.wanted(container)
    )
    assert max(abs(a - b) for a, b in zip(filling.entitled(container), first, strict=True)) <= 2
    second = container.bounded(filling.entitled(container), container.upper)
    rest = quantum_by_quantum(second, lambda i, a: Fraction(a - second.lower[i], w[i]), list(container.upper))
    both = filling.with_the_rest(container, filling.entitled(container))
    assert max(abs(a - b) for a, b in zip(both, rest, strict=True)) <= 2


@pytest.mark.parametrize("seed", [*EVERYDAY, *CAMPAIGN])
def test_satisfaction_greedy_is_the_optimum_of_the_program(seed: int) -> None:
    """On laminar rows the greedy must meet the LP's bound, although it answers in integers."""
    container = drawn(seed, rows=KINDS[seed % 2])
    assert container.laminar
    amounts = filling.satisfied(container)
    assert container.fits(amounts)
    least = FreeAllocation((container,))
    least.minimise_unmet()
    value = best_value(least, HIGHS) / least.scale
    assert float(filling.unmet(container, amounts)) == pytest.approx(value, abs=1e-7)
    most = FreeAllocation((container,))
    most.maximise_satisfaction()
    shares = sum(w for w, d in zip(container.shares, container.demand, strict=True) if d)
    assert best_value(most, HIGHS) / most.scale == pytest.approx(shares - value, abs=1e-7)


@pytest.mark.parametrize("seed", [*EVERYDAY, *CAMPAIGN])
def test_filling_everyone_is_the_largest_utilisation(seed: int) -> None:
    """On laminar rows any filling to the brim uses as much as the LP can."""
    container = drawn(seed, rows=KINDS[seed % 2])
    amounts = filling.with_the_rest(container, filling.filled(even(container)))
    model = FreeAllocation((container,))
    model.maximise_utilisation()
    above = best_value(model, HIGHS) / model.scale * container.rows[0].capacity
    assert sum(amounts) - sum(container.lower) == pytest.approx(above, abs=1e-6)


@pytest.mark.parametrize("goal", ["satisfaction", "utilisation"])
@pytest.mark.parametrize("seed", [*range(8), *CAMPAIGN])
def test_programs_find_the_optimum_that_enumeration_finds(seed: int, goal: str) -> None:
    """Whole cores and crossing rows need a program; on tiny hosts everything can be tried."""
    container = drawn(seed, steps=seed % 2 == 0, rows=KINDS[seed % 3], members=4, largest=9)
    everything = every_allocation(container)
    if goal == "satisfaction":
        amounts = optimum(container, "satisfaction", HIGHS, Deadline(60), integral=True)
        assert filling.unmet(container, amounts) == min(filling.unmet(container, a) for a in everything)
    else:
        amounts = optimum(container, "utilisation", HIGHS, Deadline(60), integral=True)
        assert sum(amounts) == max(sum(a) for a in everything)
    assert container.fits(amounts)


def test_cbc_finds_the_same_optimum() -> None:
    """CBC is the default backend; it must agree with HiGHS where a program is needed."""
    for seed in range(4):
        container = drawn(seed, steps=True, rows="crossing")
        mine = optimum(container, "satisfaction", CbcBackend(), Deadline(60), integral=True)
        other = optimum(container, "satisfaction", HIGHS, Deadline(60), integral=True)
        assert filling.unmet(container, mine) == filling.unmet(container, other)


@pytest.mark.parametrize("seed", [*EVERYDAY, *CAMPAIGN])
def test_rounding_stays_within_a_step_and_leaves_nothing(seed: int) -> None:
    """Largest remainders must fit bounds and rows, stay near the exact amounts, and waste nothing."""
    container = drawn(seed, steps=seed % 2 == 0)
    exact = filling.progressive_filling(proportional(container))[0]
    near = filling.rounded(container, exact)
    assert all(abs(Fraction(a) - b) < step for a, b, step in zip(near, exact, container.step, strict=True))
    amounts = filling.filled(proportional(container))
    assert container.fits(amounts)
    for i, step in enumerate(container.step):
        more: list[int] = [a + (step if k == i else 0) for k, a in enumerate(amounts)]
        assert not container.fits(more)


def with_more_shares(container: Container, one: int) -> Container:
    return replace(container, shares=tuple(2 * w if i == one else w for i, w in enumerate(container.shares)))


@pytest.mark.parametrize("seed", [*EVERYDAY, *CAMPAIGN])
def test_more_shares_never_mean_less(seed: int) -> None:
    """Every weighted policy must reward shares, or users cannot steer it."""
    container = drawn(seed)
    one = seed % len(container)
    raised = with_more_shares(container, one)
    for rising in (max_min, proportional):
        before, after = (filling.progressive_filling(rising(c))[0][one] for c in (container, raised))
        assert after >= before
    both = [filling.with_the_rest(c, filling.entitled(c))[one] for c in (container, raised)]
    assert both[1] >= both[0] - 2, "beyond what rounding may take in either pass"
    if container.laminar:
        served = [filling.satisfied(c)[one] for c in (container, raised)]
        assert served[1] >= served[0] - 1, "beyond what rounding among equals may take"


@pytest.mark.parametrize("seed", [*EVERYDAY, *CAMPAIGN])
def test_more_shares_never_mean_less_dominant_resource(seed: int) -> None:
    """The same for dominant resource fairness, with more shares of everything."""
    containers = two_resources(seed)
    one = seed % len(containers[0])
    raised = [with_more_shares(container, one) for container in containers]
    capacities = [container.rows[0].capacity for container in containers]
    before, after = (filling.progressive_filling(dominant(own, capacities)) for own in (containers, raised))
    assert all(more[one] >= less[one] for more, less in zip(after, before, strict=True))


def test_equals_get_alike_what_a_program_gave_them() -> None:
    """A solver's vertex favours one of two equals; what they got together is shared out again."""
    container = Container.plain(20, [0, 0, 0], [5, 5, 5], [9, 9, 8])
    assert filling.evened(container, [9, 0, 7]) == [5, 4, 7]
    cored = replace(container, upper=(8, 8, 8), step=(4, 4, 1))
    assert filling.evened(cored, [8, 0, 7]) == [4, 4, 7]


def test_fullest_is_known_without_a_program_where_cores_fit() -> None:
    """Whole cores that fill a host to what cores can reach need no proof by a solver; others do."""
    cored = replace(Container.plain(10, [0, 0], [8, 8], [8, 8]), step=(4, 4))
    assert filling.is_fullest(cored, filling.brimful(cored)), "8 of 10 is all that cores of 4 can use"
    mixed = replace(Container.plain(9, [0, 0], [8, 2], [8, 2]), step=(4, 1))
    assert not filling.is_fullest(mixed, [4, 2])


def test_reference_memory_is_filled_to_five_eighths() -> None:
    """The reference case: 160 GB demanded of 100 GB, reservations one half, gives everyone 62.5 %."""
    demand = [40_000, 20_000, 60_000, 10_000, 30_000]
    container = Container.plain(100_000, [d // 2 for d in demand], demand, demand)
    assert filling.filled(max_min(container)) == [25_000, 12_500, 37_500, 6_250, 18_750]


def test_nobody_without_demand_rises_in_max_min() -> None:
    """``a / (w d)`` has no meaning at d = 0; such a member waits for the rest."""
    container = Container.plain(10, [0, 1], [0, 4], [9, 8])
    assert filling.filled(max_min(container)) == [0, 8]
    assert filling.with_the_rest(container, [0, 8]) == [2, 8]


def test_a_host_without_capacity_keeps_its_members_at_nothing() -> None:
    """Zero capacity must end in zeros, not in a division by zero."""
    container = Container.plain(0, [0, 0], [3, 0], [5, 5])
    for amounts in (filling.filled(max_min(container)), filling.entitled(container), filling.satisfied(container)):
        assert amounts == [0, 0]
    assert filling.progressive_filling(dominant((container,), [0])) == [[0, 0]]


def test_dominant_resource_fairness_of_the_paper() -> None:
    """Ghodsi et al., figure 3: 9 cpus and 18 GB; tasks of (1, 4) and (3, 1) give 3 and 2 tasks."""
    cpu = Container.plain(9, [0, 0], [1, 3], [9, 9])
    memory = Container.plain(18, [0, 0], [4, 1], [18, 18])
    assert filling.progressive_filling(dominant((cpu, memory), [9, 18])) == [[3, 6], [12, 2]]


def test_a_member_that_meets_its_limit_as_a_row_fills_is_not_stuck() -> None:
    """A tie: at its limit of cpu when the cpu runs out, a VM may still rise in memory."""
    cpu = Container.plain(4, [0, 0], [1, 1], [4, 2])
    memory = Container.plain(100, [0, 0], [1, 1], [100, 50])
    water = dominant((cpu, memory), [4, 100])
    assert filling.progressive_filling(water) == [[2, 2], [2, 50]]


def test_rows_of_pinned_members_keep_whole_cores() -> None:
    """A slice of whole cores takes the nearest whole number, and the others share what it leaves."""
    rows = (Row("host", (1, 1), 10),)
    container = Container((0, 0), (8, 8), (8, 8), (1, 1), (4, 1), rows)
    assert filling.filled(max_min(container)) == [4, 6]


def test_filling_towards_a_target_that_does_not_fit() -> None:
    """Cut short evenly, everybody gets the same part of the way from floor to target."""
    container = Container.plain(12, [2, 0], [10, 10], [10, 10])
    assert filling.towards(container, [10, 8]) == [7, 5]
    assert isinstance(max_min(container), Filling)
