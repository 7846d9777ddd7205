"""Tests of how figures are spelled."""

from __future__ import annotations

import doctest
from fractions import Fraction

import pytest

from solver.reporting import figures
from solver.reporting.figures import count, figure, percent


def test_examples_in_the_documentation_are_right() -> None:
    """What the docstrings show is what people will see."""
    assert doctest.testmod(figures).failed == 0


@pytest.mark.parametrize("value", [Fraction(1, 10**k) for k in range(1, 12)])
def test_no_positive_value_is_spelled_as_nothing(value: Fraction) -> None:
    """A tiny amount that is printed as 0 would be a lie."""
    assert float(figure(value).replace(",", "")) > 0


@pytest.mark.parametrize(("share", "text"), [(1e-12, "<0.1 %"), (1 - 1e-12, ">99.9 %"), (2, "200 %"), (0.5, "50 %")])
def test_only_nothing_is_0_and_only_all_is_100_percent(share: float, text: str) -> None:
    """A gap that is not closed must not look closed."""
    assert percent(share) == text


def test_numbers_of_things_agree_with_their_noun() -> None:
    """One host is not 1 hosts."""
    assert [count(n, "host") for n in (0, 1, 2000)] == ["0 hosts", "1 host", "2,000 hosts"]
