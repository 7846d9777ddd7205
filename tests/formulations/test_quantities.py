"""Quantities become exact integers, or are refused with the field's name."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formulations import InputError
from formulations.quantities import common_denominator, common_quantum, exact, json_number, plain

fractions = st.fractions(min_value=0, max_value=1000, max_denominator=1000)


@given(st.lists(fractions, min_size=1))
def test_quantum_divides_everything(values: list[Fraction]) -> None:
    """Every given value is a whole multiple of the common quantum."""
    quantum = common_quantum(values)
    assert all((value / quantum).denominator == 1 for value in values)


@given(st.lists(fractions.filter(bool), min_size=1))
def test_quantum_is_the_largest(values: list[Fraction]) -> None:
    """The multiples have no common divisor: no larger quantum would do."""
    import math

    multiples = [int(value / common_quantum(values)) for value in values]
    assert math.gcd(*multiples) == 1


def test_floats_are_taken_as_they_are_spelt() -> None:
    """0.1 is a tenth, not the nearest binary fraction."""
    assert exact(0.1) == Fraction(1, 10) == exact(Decimal("0.1"))


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -1, Decimal("NaN"), 10**13, 1e-12, True, "4", Decimal("1e999999")]
)
def test_what_is_no_quantity_is_refused(value: float) -> None:
    """Each with the field's name."""
    with pytest.raises(InputError, match=r"^size: "):
        exact(value, "size")


def test_spelling() -> None:
    """Figures for people are short, figures for programs exact where whole."""
    assert [plain(Fraction(n, 4)) for n in (4, 5, 10)] == ["1", "1.25", "2.5"]
    assert [json_number(Fraction(n, 2)) for n in (4, 5)] == [2, 2.5]
    assert common_denominator([Fraction(1, 6), Fraction(3, 4)]) == 12
