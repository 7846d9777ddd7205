"""The reference case, exactly, and every figure of docs/equations.md."""

from __future__ import annotations

import doctest
import itertools
import math
import re
from fractions import Fraction
from pathlib import Path
from typing import get_args

import pytest

from formulations import VM, Bounds, Full, Host, Instance, Partial, Placement, Protected, Resource
from formulations.allocation.contention import HostResource
from formulations.allocation.dynamic import Horizon
from formulations.allocation.linear import evaluate
from solver.allocating import Policy, allocate
from solver.allocating.affine import best_policy, linear_answers, linear_placement
from solver.allocating.bands import policy_bands
from solver.allocating.claims import Claims
from solver.allocating.contentions import host_resources
from solver.allocating.lexicographic import Run
from solver.backends import backend_named
from solver.bursting import burst_report
from solver.placing import place
from solver.result import Status
from solver.verifying import verify

PAGE = Path(__file__).parent.parent / "docs" / "equations.md"

CORES = (20, 10, 30, 5, 15)
MEMORY = (40, 20, 60, 10, 30)
HERE = {f"vm{n}": "host" for n in range(1, 6)}


def reference(part: Fraction | int = Fraction(1, 2), **more: object) -> Instance:
    """Return the case with reservation = part of demand and limit = demand."""

    def bounds(demand: int) -> Bounds:
        return Bounds(reservation=float(part * demand), demand=demand, limit=demand)

    return Instance(
        resources=[Resource(name="cpu", unit="cores"), Resource(name="memory", unit="GB")],
        vms=[
            VM(name=f"vm{n}", resources={"cpu": bounds(cpu), "memory": bounds(memory)})
            for n, (cpu, memory) in enumerate(zip(CORES, MEMORY, strict=True), start=1)
        ],
        hosts=[Host(name="host", capacity={"cpu": 100, "memory": 100})],
    ).replace(**more)


def cases(instance: Instance) -> dict[str, HostResource]:
    """Return what the VMs contend for, by resource."""
    return host_resources(instance, Placement.from_names(instance, dict(HERE)))[0]


def amounts(instance: Instance, placement: Placement | None, r: int) -> list[Fraction]:
    """Return what every VM gets of a resource, in its unit."""
    assert placement is not None
    assert placement.allocation is not None
    return [instance.tables.scales[r].value(int(got)) for got in placement.allocation[:, r]]


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


# -- infeasible -----------------------------------------------------------------------------


def test_rigid_demands_are_infeasible_by_60_gb() -> None:
    """Reservation = demand asks for 160 GB of 100: every way through the project must say so."""
    instance = reference(1)
    placement = Placement.from_names(instance, dict(HERE))
    assert sum(CORES) == 80
    assert sum(MEMORY) - 100 == 60
    assert allocate(instance, placement) is None
    assert not verify(instance, placement).ok
    answers = linear_answers(instance, placement, run=Run(backend_named("cbc")))[0]
    assert answers["cpu"].status is Status.OPTIMAL
    memory = answers["memory"]
    assert memory.status is Status.INFEASIBLE
    assert memory.reason is not None
    assert memory.reason.message.startswith("memory short by 60 GB")
    assert memory.opinion is not None
    assert memory.opinion.agrees(None)


def test_solver_says_that_memory_is_short_by_60_gb() -> None:
    """The answer that people see is the solver's: proved infeasible, with the shortage in its reasons."""
    result = place(reference(1), seconds=30)
    assert result.status is Status.INFEASIBLE
    assert any("memory short by 60 GB" in reason.message for reason in result.reasons)


# -- feasible -------------------------------------------------------------------------------


def test_max_min_gives_everyone_five_eighths_of_the_memory() -> None:
    """With reservation = demand / 2: 80 of 100 cores, all at their limit, and 100 of 100 GB, 62.5 % each."""
    instance = reference()
    placement = allocate(instance, Placement.from_names(instance, dict(HERE)), policy="maxmin")
    assert amounts(instance, placement, 0) == list(CORES)
    memory = amounts(instance, placement, 1)
    assert sum(memory) == 100
    assert [got / demand for got, demand in zip(memory, MEMORY, strict=True)] == [Fraction(5, 8)] * 5
    assert placement is not None
    assert verify(instance, placement).ok


@pytest.mark.parametrize("policy", get_args(Policy))
def test_every_free_policy_uses_all_of_the_memory(policy: Policy) -> None:
    """Memory is what is short, so that a policy which leaves some of it would waste it."""
    instance = reference()
    placement = allocate(instance, Placement.from_names(instance, dict(HERE)), policy=policy)
    assert sum(amounts(instance, placement, 1)) == 100
    assert placement is not None
    assert verify(instance, placement).ok


def test_best_linear_policy_is_the_same_allocation() -> None:
    """B = 5/8 is a linear policy, so that linearity costs nothing here; rounding keeps it."""
    instance = reference()
    placement = Placement.from_names(instance, dict(HERE))
    maxmin = allocate(instance, placement, policy="maxmin")
    linear = linear_placement(instance, placement)
    assert amounts(instance, linear, 0) == amounts(instance, maxmin, 0)
    assert amounts(instance, linear, 1) == amounts(instance, maxmin, 1)


@pytest.mark.parametrize("backend", ["cbc", "highs"])
def test_feasible_ranges_are_exact(backend: str) -> None:
    """Intervals of A and B, corners and best policy for both resources, as the page's table prints them."""
    for name, case in cases(reference()).items():
        answer = best_policy(case, Run(backend_named(backend)))
        assert answer.policy is not None
        assert answer.range is not None
        assert answer.opinion is not None
        assert answer.opinion.agrees(answer.policy)
        assert answer.price_of_linearity == 0
        corners = ", ".join(f"({first}, {second})" for first, second in answer.range.vertices)
        spans = [f"{low} and {high}" for low, high in (answer.range.a_interval, answer.range.b_interval)]
        best = f"({answer.policy.capacity_coefficient}, {answer.policy.demand_coefficient})"
        assert name != "memory" or (answer.range.a_interval.high == Fraction(6, 100) and "6 % of" in page())
        assert f"| {name} | {spans[0]} | {spans[1]} | {corners} | {best} |" in page()


# -- the naive policies ---------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second", "cores", "gigabytes"), [("0.8", "0.2", 416, 432), ("0.34", "1", 250, 330)])
def test_naive_policies_are_over_capacity(first: str, second: str, cores: int, gigabytes: int) -> None:
    """The textbook's policy and its sample code, as the equation says, with everyone above the limit."""
    cpu, memory = (evaluate(case, first, second) for case in cases(reference()).values())
    assert [cpu.total, memory.total] == [cores, gigabytes]
    assert len(cpu.broken) == len(memory.broken) == 5
    assert {broken.bound for broken in (*cpu.broken, *memory.broken)} == {"limit"}
    row = f"| A = {first}, B = {second} | {cpu.total} | {memory.total} | {cpu.excess} cores, {memory.excess} GB |"
    assert row in page()


def test_how_the_textbook_gets_96() -> None:
    """Adding the demands first gives A C to the host once instead of to each of five VMs."""
    misread = Fraction("0.8") * 100 + Fraction("0.2") * sum(CORES)
    assert misread == 96
    assert evaluate(cases(reference())["cpu"], "0.8", "0.2").total - misread == 4 * Fraction("0.8") * 100
    assert [100 * Fraction("0.34") + demand for demand in CORES] == [34 + demand for demand in CORES]


def test_ranges_over_time_are_those_of_the_page() -> None:
    """The dynamic example: limits on change narrow the first period's ranges from a given allocation."""
    profiles = [[1, 8, 1], [4, 2, 6]]
    loose = policy_bands(Horizon.of(10, [0, 0], profiles, [8, 8]))
    tight = policy_bands(Horizon.of(10, [0, 0], profiles, [8, 8], ramps=[2, 3], initial=[1, 4]))
    assert loose is not None
    assert tight is not None
    for name, wide, narrow in (("f", loose.f[0], tight.f[0]), ("g", loose.g[0], tight.g[0])):
        assert f"| {name}(0) | {wide.low} to {wide.high} | {narrow.low} to {narrow.high} |" in page()


# -- the isolation equations ----------------------------------------------------------------


def solutions(matrix: list[list[Fraction]], side: list[Fraction]) -> tuple[list[Fraction] | None, int]:
    """Solve a linear system exactly; return one solution (None if there is none) and the rank."""
    rows = [[*row, right] for row, right in zip(matrix, side, strict=True)]
    width, pivots = len(matrix[0]), list[int]()
    for column in range(width):
        pivot = next((n for n in range(len(pivots), len(rows)) if rows[n][column]), None)
        if pivot is None:
            continue
        here = len(pivots)
        rows[here], rows[pivot] = rows[pivot], rows[here]
        rows[here] = [value / rows[here][column] for value in rows[here]]
        for n, row in enumerate(rows):
            if n != here and row[column]:
                rows[n] = [value - row[column] * lead for value, lead in zip(row, rows[here], strict=True)]
        pivots.append(column)
    if any(row[-1] and not any(row[:-1]) for row in rows):
        return None, len(pivots)
    found = [Fraction(0)] * width
    for row, column in zip(rows, pivots, strict=False):
        found[column] = row[-1]
    return found, len(pivots)


def partial_equations(count: int, alpha: Fraction, total: int) -> tuple[list[list[Fraction]], list[Fraction]]:
    """Return ``R[i] - sum of the others = alpha total / count``."""
    matrix = [[Fraction(1 if i == k else -1) for k in range(count)] for i in range(count)]
    return matrix, [alpha * total / count] * count


@pytest.mark.parametrize("count", range(3, 9))
@pytest.mark.parametrize("alpha", [Fraction(1, 10), Fraction(1, 2), Fraction(1)])
def test_literal_partial_isolation_has_only_a_negative_solution(count: int, alpha: Fraction) -> None:
    """For more than two VMs the textbook's equations have one solution, and its sum is N c / (2 - N) < 0."""
    found, rank = solutions(*partial_equations(count, alpha, 100))
    assert rank == count
    assert found is not None
    each = alpha * 100 / count
    assert sum(found) == count * each / (2 - count) < 0
    assert max(found) < 0


def test_literal_partial_isolation_of_two_vms_has_no_solution() -> None:
    """For two VMs the two equations contradict each other unless alpha is 0."""
    assert solutions(*partial_equations(2, Fraction(1, 2), 100))[0] is None
    assert solutions(*partial_equations(2, Fraction(0), 100))[0] is not None


def test_literal_partial_isolation_of_the_reference_case() -> None:
    """The page's figures: -10/3 for every VM and -50/3 in all."""
    found, _ = solutions(*partial_equations(5, Fraction(1, 2), 100))
    assert found == [Fraction(-10, 3)] * 5
    assert "every VM would get -10/3 and all together -50/3" in page()


@pytest.mark.parametrize("count", range(2, 7))
def test_full_isolation_equation_says_one_thing(count: int) -> None:
    """``R[i] = total - the others`` has rank 1: N times the same equation, met by any split of the total."""
    everyone = [[Fraction(1)] * count for _ in range(count)]
    found, rank = solutions(everyone, [Fraction(100)] * count)
    assert rank == 1
    assert found is not None
    lopsided = [Fraction(100), *[Fraction(0)] * (count - 1)]
    for split in (found, lopsided):
        assert all(split[i] == 100 - (sum(split) - split[i]) for i in range(count))


@pytest.mark.parametrize("alpha", ["0", "0.5", "1"])
def test_usable_floors_of_partial_isolation(alpha: str) -> None:
    """``max(l, min(u, alpha C / N))`` as the page's table prints it, and an allocation above the floors."""
    instance = reference(isolation=Partial(alpha=float(alpha)))
    placement = Placement.from_names(instance, dict(HERE))
    claims = Claims.of(instance, placement)
    said = []
    for r in (1, 0):
        scale = instance.tables.scales[r]
        floors = [scale.value(int(low)) for low in claims.lower[:, r]]
        said.append(f"{', '.join(f'{float(low):g}' for low in floors)} | {float(sum(floors)):g}")
    assert f"| {alpha} | {said[0]} | {said[1]} |" in page()
    allocated = allocate(instance, placement)
    assert allocated is not None
    assert verify(instance, allocated).ok
    if alpha == "1":
        assert amounts(instance, allocated, 1) == [20, 20, 30, 10, 20]


def test_full_isolation_gives_disjoint_slices() -> None:
    """The usable reading: slices inside their bounds, within the capacity, the rest a free slice."""
    instance = reference(isolation=Full())
    placement = allocate(instance, Placement.from_names(instance, dict(HERE)))
    assert sum(amounts(instance, placement, 0)) == 80
    assert sum(amounts(instance, placement, 1)) <= 100
    assert placement is not None
    assert verify(instance, placement).ok


@pytest.mark.parametrize(("gamma", "fits"), [(0, True), (1, False), (5, False)])
def test_protected_bursting_of_the_reference_case(gamma: int, fits: bool) -> None:
    """80 GB are reserved and the largest burst is 30 GB, so that no single burst of memory is protected."""
    instance = reference(isolation=Protected(gamma=gamma))
    placement = Placement.from_names(instance, dict(HERE))
    assert (allocate(instance, placement) is not None) == fits
    assert sum(MEMORY) / 2 == 80
    assert max(MEMORY) / 2 == 30
    assert sum(CORES) <= 100
    assert all(f"{figure} GB" in page() for figure in (80, 30))


def test_probability_that_bursts_fit() -> None:
    """Of all sets of bursting VMs, those that fit into the 20 GB left, weighed by their probability."""
    left = 100 - sum(MEMORY) // 2
    expected = Fraction(0)
    for bursting in itertools.product((False, True), repeat=5):
        if sum(demand // 2 for demand, is_up in zip(MEMORY, bursting, strict=True) if is_up) <= left:
            expected += math.prod(Fraction(1, 10) if is_up else Fraction(9, 10) for is_up in bursting)
    instance = reference(isolation=Protected(gamma=1))
    report = burst_report(instance, Placement.from_names(instance, dict(HERE)))
    assert report.probability == pytest.approx(float(expected), abs=1e-12)
    assert f"{float(100 * expected):g} % of the time" in page()


# -- the page -------------------------------------------------------------------------------


def test_session_of_the_page_gives_what_it_shows() -> None:
    """Everything that the page prints must be what the code prints."""
    tried = doctest.testfile(str(PAGE), module_relative=False)
    assert tried.attempted > 40
    assert tried.failed == 0


def test_table_of_demands_is_the_case() -> None:
    """The page and the tests must speak of the same VMs."""
    rows = [f"| vm{n} | {cpu} | {memory} |" for n, (cpu, memory) in enumerate(zip(CORES, MEMORY, strict=True), 1)]
    assert "\n".join([*rows, f"| sum | {sum(CORES)} | {sum(MEMORY)} |"]) in page()


def test_links_of_the_page_lead_somewhere() -> None:
    """A dead link inside the project is a broken promise."""
    for target in re.findall(r"\]\(([^)#\s]+[.:/][^)#\s]+)\)", page()):
        assert target.startswith("https://") or (PAGE.parent / target).exists()
