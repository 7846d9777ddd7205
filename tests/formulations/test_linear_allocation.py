"""Linear allocation: the data, a given policy, and the program's rows."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from formulations import InputError
from formulations.allocation.contention import HostResource
from formulations.allocation.linear import LinearAllocation, coefficient, evaluate
from tests.affine_cases import random_case


def small() -> HostResource:
    return HostResource.of(10, [1, 0], [2, 4], [3, None], vms=["web 1", "db"], resource="memory", unit="GB")


def test_missing_limit_is_the_capacity_or_a_larger_demand() -> None:
    """The semantics define a missing limit; a wrong default would loosen or forbid allocations."""
    assert list(small().upper) == [3, 10]
    assert HostResource.of(10, [0], [12]).upper == (Fraction(12),)


@pytest.mark.parametrize(
    ("capacity", "lower", "demand", "upper", "path"),
    [
        (-1, [0], [1], [1], "capacity"),
        (1, [2], [1], [1], "lower[0]"),
        (1, [0], [2], [1], "demand[0]"),
        (1, [0, 0], [1], [1], "lower"),
        (1, [0], [1], [1, 1], "upper"),
        (1, [], [], [], "vms"),
        (1, [0], [float("nan")], [1], "demand[0]"),
        (1, [0], [1], [Fraction(-1, 3)], "upper[0]"),
    ],
)
def test_wrong_figures_are_refused_by_field(
    capacity: int, lower: list[int], demand: list[int], upper: list[int], path: str
) -> None:
    """Illegal data cannot exist: every figure out of order is refused and named."""
    with pytest.raises(InputError) as caught:
        HostResource.of(capacity, lower, demand, upper)
    assert caught.value.path == path


def test_coefficients_are_exact_and_of_either_sign() -> None:
    """A policy given as text or floats must be evaluated at what the user wrote, not near it."""
    assert coefficient("-1/3") == Fraction(-1, 3)
    assert coefficient(0.2) == coefficient(Decimal("0.2")) == coefficient("0.2") == Fraction(1, 5)
    assert coefficient(-0.8) == Fraction(-4, 5)
    assert coefficient(Decimal("-0.123456789")) == Fraction(-123456789, 10**9)


@pytest.mark.parametrize("wrong", ["", "1/0", "nan", "1e99999999", "--1", "0.1.2", float("inf"), Decimal("NaN"), True])
def test_what_is_no_coefficient_is_refused(wrong: str | float | Decimal) -> None:
    """Text that is no number must be the caller's error, not a crash or an endless computation."""
    with pytest.raises(InputError):
        coefficient(wrong, "A")


@pytest.mark.parametrize("seed", range(40))
def test_evaluation_adds_up(seed: int) -> None:
    """The identities of an evaluation hold for any policy: totals, excess and amounts are consistent."""
    case = random_case(seed)
    first, second = Fraction(seed % 7 - 3, 5), Fraction(seed % 11 - 4, 6)
    seen = evaluate(case, first, second)
    whole = sum(case.demand, Fraction(0))
    assert seen.total == case.count * first * case.capacity + second * whole
    assert seen.excess == max(Fraction(0), seen.total - case.capacity)
    assert seen.utilisation * case.capacity == seen.total
    wrong = {
        vm: (got < low) + (got > high)
        for vm, low, got, high in zip(case.vms, case.lower, seen.allocation, case.upper, strict=True)
    }
    assert {vm for vm, is_wrong in wrong.items() if is_wrong} == {broken.vm for broken in seen.broken}
    for broken in seen.broken:
        sign = 1 if broken.bound == "limit" else -1
        assert broken.amount == sign * (broken.allocation - broken.stated) > 0
    assert seen.feasible == (not seen.sentences())


def test_evaluation_names_each_fault_with_its_unit() -> None:
    """People act on the sentences: VM, amount, unit and bound must all be in them."""
    seen = evaluate(small(), "0.5", "0.5")
    assert list(seen.allocation) == [6, 7]
    assert seen.sentences() == (
        "memory: 13 GB allocated of 10 GB, over capacity by 3 GB",
        "memory: web 1 gets 6 GB, 3 GB above its limit of 3 GB",
    )
    assert evaluate(small(), 0, "0.25").sentences() == (
        "memory: web 1 gets 0.5 GB, 0.5 GB below its reservation of 1 GB",
    )


def test_program_is_a_readable_document() -> None:
    """The LP file is a document: every row says in plain characters which bound it is."""
    rows = {row.name for row in LinearAllocation(small()).problem.constraints()}
    expected = {"reservation_0_web_1", "limit_0_web_1", "reservation_1_db", "limit_1_db", "capacity"}
    assert expected <= rows
    assert all(name.isascii() and name.replace("_", "").isalnum() for name in rows)


def test_equal_vms_share_their_rows() -> None:
    """Identical VMs get the same, so a thousand of them must not make a thousand rows."""
    many = HostResource.of(5000, [1] * 1000, [2] * 1000, [3] * 1000)
    assert len(LinearAllocation(many).problem.constraints()) < 10
