"""Tests of what people write behind options."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from formulations.isolation import AnyIsolation, Full, Partial, Protected, Shared
from solver.cli.parsing import coefficients, decimal, isolation_level, objective_levels
from solver.reporting.text_instance import isolation_words


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("shared", Shared()),
        ("full", Full()),
        ("full:pinned", Full(pinned=True)),
        ("partial:0.5", Partial(alpha=Decimal("0.5"))),
        ("protected:2", Protected(gamma=2)),
    ],
)
def test_isolation_levels_are_read_and_spelled_alike(text: str, level: AnyIsolation) -> None:
    """What a report calls a level must be what the option takes."""
    assert isolation_level(text) == level
    assert isolation_words(level) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fully",
        "full:soft",
        "partial",
        "partial:",
        "partial:x",
        "partial:1.5",
        "partial:nan",
        "partial:-1",
        "protected:-1",
        "protected:1.5",
        "protected",
        "shared:1",
    ],
)
def test_other_isolation_levels_are_refused(text: str) -> None:
    """A level that is not understood must never be taken for another one."""
    with pytest.raises(ValueError, match=r"."):
        isolation_level(text)


def test_objective_levels_are_read_in_order() -> None:
    """Order, sums, weights and priorities must all arrive in the objective."""
    (memory,) = objective_levels("unplaced:3:memory + unplaced:cpu")
    assert [(term.priority, term.resource) for term in memory.terms] == [(3, "memory"), (None, "cpu")]
    first, second = objective_levels("unplaced:3, 2*cost + 0.5 imbalance+broken-rules")
    assert [(term.kind, term.priority) for term in first.terms] == [("unplaced", 3)]
    assert [(term.kind, term.weight) for term in second.terms] == [
        ("cost", Decimal(2)),
        ("imbalance", Decimal("0.5")),
        ("broken_rules", 1),
    ]
    (machines,) = objective_levels("10*load:cpu + balance:cpu:memory:2 + group-moves + distance")
    assert [str(term) for term in machines.terms] == [
        "load of cpu",
        "balance of memory to 2 cpu",
        "group moves",
        "distance",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hosts,",
        "speed",
        "2 3 cost",
        "x*cost",
        "-1*cost",
        "0*cost",
        "cost:1",
        "unplaced:x:y",
        "unplaced:3:cpu:x",
        "unplaced:3:4",
        "load",
        "load:a:b",
        "balance:a",
        "balance:a:b:x",
    ],
)
def test_other_objectives_are_refused(text: str) -> None:
    """An objective that is not understood must not be solved as something else."""
    with pytest.raises(ValueError, match=r"."):
        objective_levels(text)


def test_coefficients_keep_exact_values_signs_and_resources() -> None:
    """Policy coefficients are free in sign and must not pass through floats."""
    assert coefficients("0.8,0.2") == (None, Fraction(4, 5), Fraction(1, 5))
    assert coefficients("memory = -1/3 , 1") == ("memory", Fraction(-1, 3), Fraction(1))


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "=1,2", "a,b", "1,nan", "1,1/0"])
def test_other_coefficients_are_refused(text: str) -> None:
    """A policy that is not understood must not be evaluated."""
    with pytest.raises(ValueError, match=r"."):
        coefficients(text)


def test_numbers_of_absurd_size_are_refused_before_they_are_computed_with() -> None:
    """An exponent of a billion digits must not take memory and time."""
    with pytest.raises(ValueError, match="usable"):
        decimal("1e999999999")
