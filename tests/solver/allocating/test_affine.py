"""The best linear policy: exact, by programs and by enumeration; ranges, reasons, whole placements."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest
from scipy.optimize import linprog

from formulations import VM, Bounds, Host, Instance, Partial, Placement, Protected, Resource, UnsupportedError
from formulations.allocation.contention import HostResource
from formulations.allocation.linear import LinearAllocation, evaluate
from formulations.errors import InputError
from solver.allocating.affine import AffinePolicy, best_policy, linear_answers, linear_placement, whole_quanta
from solver.allocating.lexicographic import Run
from solver.allocating.polygon import Mark, feasible_range, first_conflict, hulls
from solver.backends.cbc import CbcBackend
from solver.backends.highs import HighsBackend
from solver.result import Status
from solver.verifying import verify
from tests.affine_cases import SEEDS, best_levels, half_planes, random_case, vertices

HIGHS = Run(HighsBackend())


def fractions(*values: int) -> tuple[Fraction, ...]:
    return tuple(Fraction(value) for value in values)


def levels(policy: AffinePolicy) -> tuple[Fraction, Fraction, Fraction]:
    return policy.utilisation, policy.smallest_satisfaction, -abs(policy.capacity_coefficient)


@pytest.mark.parametrize("seed", SEEDS)
def test_exact_policy_is_that_of_enumeration(seed: int) -> None:
    """The policy reported as optimal must be: enumerating all crossings shares no code with it."""
    case = random_case(seed)
    answer = best_policy(case)
    expected = best_levels(case)
    assert (answer.policy is None) == (expected is None)
    if answer.policy is not None:
        assert levels(answer.policy) == expected
        policy = answer.policy
        assert evaluate(case, policy.capacity_coefficient, policy.demand_coefficient).feasible


@pytest.mark.parametrize("seed", SEEDS)
def test_linear_programs_agree_with_the_exact_policy(seed: int) -> None:
    """The model solved by CBC and by HiGHS is the second opinion on the exact computation."""
    case = random_case(seed)
    for backend in (CbcBackend(), HighsBackend()):
        answer = best_policy(case, Run(backend))
        assert answer.opinion is not None
        assert answer.opinion.agrees(answer.policy)
        assert answer.status is (Status.INFEASIBLE if answer.policy is None else Status.OPTIMAL)


def test_disagreement_is_seen() -> None:
    """An opinion that cannot disagree would be worth nothing."""
    good = best_policy(HostResource.of(10, [0, 0], [2, 4], [2, 4]), HIGHS)
    other = best_policy(HostResource.of(10, [0, 0], [2, 4], [2, 3 + 1]), HIGHS)
    worse = best_policy(HostResource.of(10, [0, 0], [2, 4], [1 + 1, 4]))
    assert good.opinion is not None
    assert good.opinion.agrees(worse.policy)
    assert other.opinion is not None
    assert not other.opinion.agrees(None)
    assert not other.opinion.agrees(best_policy(HostResource.of(10, [0, 0], [2, 5], [2, 5])).policy)
    assert not other.opinion.agrees(best_policy(HostResource.of(10, [0, 0], [2, 3], [2, 3])).policy)


@pytest.mark.parametrize("seed", SEEDS)
def test_range_has_exactly_the_vertices_of_enumeration(seed: int) -> None:
    """Intervals and picture come from the vertices; none may be missing and none invented."""
    case = random_case(seed)
    found = feasible_range(case)
    if found is None:
        assert not vertices(case)
    elif not found.lines:
        expected = vertices(case)
        assert set(found.vertices) == expected
        assert len(found.vertices) == len(expected)
        assert found.a_interval == (min(a for a, _ in expected), max(a for a, _ in expected))
        assert found.b_interval == (min(b for _, b in expected), max(b for _, b in expected))
    else:
        assert len(set(case.demand)) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_vertices_go_counter_clockwise(seed: int) -> None:
    """A picture fills the polygon in the order given: a crossed order would draw a bow tie."""
    found = feasible_range(random_case(seed))
    if found is not None and len(found.vertices) > 2:
        corners = found.vertices
        for here in range(len(corners)):
            (ax, ay), (bx, by), (cx, cy) = corners[here - 2], corners[here - 1], corners[here]
            assert (bx - ax) * (cy - by) > (by - ay) * (cx - bx)
        assert corners[0] == min(corners)


@pytest.mark.parametrize("seed", range(25))
def test_lines_of_a_range_are_free_both_ways(seed: int) -> None:
    """Equal demands leave a line without end: every point along it must be feasible, beside it none."""
    plain = random_case(seed)
    case = HostResource.of(plain.capacity, plain.lower[:1] * 3, plain.demand[:1] * 3, plain.upper[:1] * 3)
    found = feasible_range(case)
    if found is None:
        assert sum(case.lower) > case.capacity
        return
    assert len(found.lines) == 1
    for a, b in found.vertices:
        for step in (-50, 0, 50):
            assert evaluate(case, a + step * found.lines[0][0], b + step * found.lines[0][1]).feasible
    ends = sorted(case.allocation(*point)[0] for point in found.vertices)
    assert ends[0] == case.lower[0]
    assert ends[-1] == min(case.upper[0], case.capacity / 3)


def test_without_capacity_every_policy_of_nothing_is_feasible() -> None:
    """A resource that a host lacks is no error: A means nothing there, and B must be 0 where demand is."""
    answer = best_policy(HostResource.of(0, [0, 0], [0, 3], [0, 3]), HIGHS)
    assert answer.policy is not None
    assert answer.policy.allocation == fractions(0, 0)
    assert answer.range is not None
    assert answer.range.a_interval == (None, None)
    assert answer.range.b_interval == fractions(0, 0)
    assert answer.opinion is not None
    assert answer.opinion.agrees(answer.policy)
    assert best_policy(HostResource.of(0, [0, 1], [0, 1])).policy is None


# -- why there is no policy -----------------------------------------------------------------


def keepable(floors: list[Mark], ceilings: list[Mark]) -> bool:
    """Whether a line stays above the floors and below the ceilings, by HiGHS."""
    rows = [[-1.0, -float(mark.demand)] for mark in floors] + [[1.0, float(mark.demand)] for mark in ceilings]
    sides = [-float(mark.amount) for mark in floors] + [float(mark.amount) for mark in ceilings]
    if not rows:
        return True
    return bool(linprog([0, 0], rows, sides, bounds=[(None, None)] * 2).status == 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_reason_is_a_minimal_set_of_true_facts(seed: int) -> None:
    """Without any one of the facts named, the others must be possible: no innocent bound is blamed."""
    case = random_case(seed)
    answer = best_policy(case)
    assert (answer.reason is None) == (answer.policy is not None)
    if answer.reason is None:
        return
    short = sum(case.lower) - case.capacity
    if short > 0:
        assert f"memory short by {case.say(short)}" in answer.reason.message
        blamed = [
            low
            for vm, low in zip(case.vms, case.lower, strict=True)
            if f"{vm} gets at least {case.say(low)}" in answer.reason.facts
        ]
        assert sum(blamed) > case.capacity >= sum(blamed) - min(blamed)
        return
    conflict = first_conflict(*hulls(case))
    assert conflict is not None
    floors, ceilings = list(conflict.floors), list(conflict.ceilings)
    assert len(answer.reason.facts) == len(floors) + len(ceilings) <= 3
    assert all((mark.demand, mark.amount) == (case.demand[mark.vm], case.lower[mark.vm]) for mark in floors)
    for mark in ceilings:
        stated = (sum(case.demand) / case.count, case.capacity / case.count)
        assert (mark.demand, mark.amount) == (stated if mark.vm < 0 else (case.demand[mark.vm], case.upper[mark.vm]))
    assert not keepable(floors, ceilings)
    for out in range(len(floors)):
        assert keepable(floors[:out] + floors[out + 1 :], ceilings)
    for out in range(len(ceilings)):
        assert keepable(floors, ceilings[:out] + ceilings[out + 1 :])


def test_free_allocation_may_exist_where_no_policy_does() -> None:
    """The known case: d = u = (1, 2, 3), l = (1, 0, 3), C = 5; the message names who conflicts."""
    case = HostResource.of(5, [1, 0, 3], [1, 2, 3], [1, 2, 3], unit="GB", resource="memory")
    answer = best_policy(case)
    assert answer.free_utilisation == 1
    assert answer.price_of_linearity is None
    assert answer.status is Status.INFEASIBLE
    assert answer.reason is not None
    assert answer.reason.message == (
        "memory: a linear policy that gives vm-1 at least 1 GB and vm-3 at least 3 GB gives 6 GB or more in all, "
        "over the capacity of 5 GB"
    )
    assert answer.reason.facts == (
        "vm-1 gets at least 1 GB (demand 1 GB)",
        "vm-3 gets at least 3 GB (demand 3 GB)",
        "capacity is 5 GB",
    )


def test_conflict_of_limits_is_said_from_the_other_side() -> None:
    """Two limits can starve a VM between them; the sentence must then speak of its floor."""
    case = HostResource.of(5, [0, 2, 0], [1, 2, 9], [1, 2, 9], resource="cpu", unit="cores")
    reason = best_policy(case).reason
    assert reason is not None
    assert reason.message == (
        "cpu: a linear policy that gives vm-1 at most 1 cores and all VMs together at most 5 cores "
        "gives vm-2 1.222222 cores or less, its floor is 2 cores"
    )
    assert reason.facts == (
        "vm-2 gets at least 2 cores (demand 2 cores)",
        "vm-1 gets at most 1 cores (demand 1 cores)",
        "capacity is 5 cores",
    )


def test_two_limits_starve_a_floor_that_isolation_raised() -> None:
    """A floor above the demand can lie over the line of two limits; the sentence names all three VMs."""
    case = HostResource.of(100, [0, 9, 0], [1, 2, 3], [1, 9, 3], unit="GB", resource="memory")
    reason = best_policy(case).reason
    assert reason is not None
    assert reason.message == (
        "memory: a linear policy that gives vm-1 at most 1 GB and vm-3 at most 3 GB "
        "gives vm-2 2 GB or less, its floor is 9 GB"
    )


# -- price of linearity ---------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_price_of_linearity_is_never_negative(seed: int) -> None:
    """A linear policy is a free allocation too, so it can never use more than the free model does."""
    answer = best_policy(random_case(seed))
    price = answer.price_of_linearity
    assert (price is None) == (answer.policy is None)
    assert price is None or 0 <= price <= 1


def test_price_of_linearity_of_a_rigid_neighbour() -> None:
    """Two rigid VMs fix the line, so the third gets what lies on it although more is free."""
    case = HostResource.of(20, [2, 4, 0], [2, 4, 3], [2, 4, 9])
    answer = best_policy(case)
    assert answer.policy is not None
    assert answer.policy.allocation == fractions(2, 4, 3)
    assert answer.price_of_linearity == Fraction(15, 20) - Fraction(9, 20)


def test_theorem_smallest_size_is_most_satisfied() -> None:
    """The exact path relies on it: on the best edge, no point is more satisfied than that of smallest |A|."""
    for seed in range(120):
        case = random_case(seed)
        found = best_policy(case)
        if found.policy is None or found.range is None:
            continue
        best = [
            point
            for point in found.range.vertices
            if case.utilisation(case.allocation(*point)) == found.policy.utilisation
        ]
        for (a_first, b_first), (a_second, b_second) in combinations(best, 2):
            for step in range(9):
                part = Fraction(step, 8)
                point = (a_first + part * (a_second - a_first), b_first + part * (b_second - b_first))
                assert case.smallest_satisfaction(case.allocation(*point)) <= found.policy.smallest_satisfaction


def test_ranges_are_those_of_linear_programs() -> None:
    """The intervals of A and B are also the optima of four programs, which know nothing of hulls."""
    for seed in range(12):
        case = random_case(seed)
        found = feasible_range(case)
        if found is None or found.lines:
            continue
        planes = half_planes(case)
        rows = [[float(plane.first), float(plane.second)] for plane in planes]
        sides = [float(plane.side) for plane in planes]
        for axis, interval in ((0, found.a_interval), (1, found.b_interval)):
            for sign, end in ((1, interval.low), (-1, interval.high)):
                cost = [0.0, 0.0]
                cost[axis] = sign
                solved = linprog(cost, rows, sides, bounds=[(None, None)] * 2)
                assert end is not None
                assert solved.fun is not None
                assert sign * solved.fun == pytest.approx(float(end), abs=1e-6)


# -- hosts of an instance -------------------------------------------------------------------


def shop(**more: object) -> Instance:
    sizes = [Bounds(reservation=low, demand=need, limit=high) for low, need, high in ((1, 3, 5), (2, 4, 6), (0, 5, 5))]
    vms = [VM(name=f"vm{n}", resources={"memory": size}) for n, size in enumerate(sizes)]
    vms.append(VM(name="web", count=2, resources={"memory": Bounds(demand=2, limit=3)}))
    host = Host(name="host", capacity={"memory": 9}, count=2)
    return Instance(resources=[Resource(name="memory", unit="GB")], vms=vms, hosts=[host]).replace(**more)


def on_two_hosts(instance: Instance) -> Placement:
    where = {"vm0": "host-1", "vm1": "host-1", "web-1": "host-1", "vm2": "host-2", "web-2": "host-2"}
    return Placement.from_names(instance, dict(where))


def test_linear_placement_is_accepted_by_the_judge() -> None:
    """Rounded figures must keep every bound and capacity, by a judge that knows no policy."""
    instance = shop()
    placement = linear_placement(instance, on_two_hosts(instance))
    assert placement is not None
    assert verify(instance, placement).ok
    answers = linear_answers(instance, placement)
    scale = instance.tables.scales[0]
    assert placement.allocation is not None
    for host, members in placement.members_by_host().items():
        policy = answers[host]["memory"].policy
        assert policy is not None
        for vm, exact in zip(members.tolist(), policy.allocation, strict=True):
            assert abs(scale.value(int(placement.allocation[vm, 0])) - exact) < scale.quantum


def test_partial_isolation_raises_the_floors() -> None:
    """The floors of docs/semantics.md hold for a linear policy too."""
    instance = shop(isolation=Partial(alpha=1))
    case = linear_answers(instance, on_two_hosts(instance), [0])[0]["memory"].case
    assert case.lower == fractions(3, 3, 3)
    assert case.vms == ("vm0", "vm1", "web-1")


def test_hosts_without_policy_have_no_placement() -> None:
    """None stands for "no solution": a partial allocation would be taken for an answer."""
    sizes = [Bounds(reservation=low, demand=need, limit=need) for low, need in ((1, 1), (0, 2), (3, 3))]
    vms = [VM(name=f"vm{n}", resources={"memory": size}) for n, size in enumerate(sizes)]
    host = Host(name="host", capacity={"memory": 5})
    instance = Instance(resources=[Resource(name="memory")], vms=vms, hosts=[host])
    placement = Placement.from_names(instance, dict.fromkeys(["vm0", "vm1", "vm2"], "host"))
    assert linear_placement(instance, placement) is None


def test_what_one_policy_cannot_express_is_refused_by_name() -> None:
    """A silent approximation of protected bursting would break its promise."""
    instance = shop(isolation=Protected(gamma=1))
    with pytest.raises(UnsupportedError, match="protected bursting"):
        linear_answers(instance, on_two_hosts(instance))
    with pytest.raises(InputError, match="runs no VM"):
        linear_answers(shop(), Placement.from_names(shop(), {"vm0": "host-1"}), [1])


@pytest.mark.parametrize("seed", range(30))
def test_rounding_keeps_the_whole_of_the_sum(seed: int) -> None:
    """Largest remainders: every figure moves by less than one, and the sum loses less than one."""
    case = random_case(seed)
    shares = [Fraction(7 * (vm + seed) % 13, 1 + (seed + vm) % 5) for vm in range(case.count)]
    rounded = whole_quanta(shares)
    assert sum(rounded) == int(sum(shares))
    assert all(abs(whole - share) < 1 for whole, share in zip(rounded, shares, strict=True))


def test_many_vms_are_quick() -> None:
    """The exact path is the fast path at scale: 2,000 different VMs must not need a quadratic search."""
    demand = [Fraction(n, 7) for n in range(1, 2001)]
    case = HostResource.of(sum(demand) * Fraction(3, 4), [d / 2 for d in demand], demand, [2 * d for d in demand])
    answer = best_policy(case)
    assert answer.policy is not None
    assert answer.policy.utilisation == 1
    assert len(hulls(case)[0]) + len(hulls(case)[1]) < 50


def test_program_is_the_models() -> None:
    """The program's decoded coefficients are its A and B, whatever else it holds."""
    program = LinearAllocation(HostResource.of(10, [0], [2], [2]))
    values = {variable.name: 0.0 for variable in program.problem.variables()}
    assert program.decode({**values, "A": 0.25, "B": 3.0}) == (0.25, 3.0)
