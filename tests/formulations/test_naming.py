"""Counted entries stay counted; names of members are derived both ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formulations import InputError
from formulations.naming import CountedNames


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_names_and_numbers_are_inverse(counts: list[int]) -> None:
    """Every member is found by its name, and every name is a member's."""
    names = CountedNames([f"e{n}" for n in range(len(counts))], counts)
    for member, name in enumerate(names.all_names()):
        assert names.name(member) == name
        found = names.find(name)
        assert found is not None
        np.testing.assert_array_equal(found, [member])
    np.testing.assert_array_equal(names.entries(), names.entry_of(np.arange(names.total)))


def test_an_entry_stands_for_all_its_members() -> None:
    """Rules may name the entry or one member of it."""
    names = CountedNames(["web", "db"], [3, 1])
    assert names.all_names() == ["web-1", "web-2", "web-3", "db"]
    found = names.find("web")
    assert found is not None
    assert found.tolist() == [0, 1, 2]
    assert all(names.find(name) is None for name in ("web-0", "web-4", "web-01", "web-", "db-1", "x"))


@pytest.mark.parametrize(
    ("names", "counts", "where"),
    [(["a", "a"], [1, 1], "[1].name"), (["web", "web-2"], [3, 1], "[1].name")],
    ids=["twice", "a member's name"],
)
def test_ambiguous_names_are_refused(names: list[str], counts: list[int], where: str) -> None:
    """No name may mean two things."""
    with pytest.raises(InputError) as refused:
        CountedNames(names, counts)
    assert refused.value.path == where


def test_a_million_members_cost_nothing() -> None:
    """Names are made on demand."""
    names = CountedNames(["vm"], [10_000_000])
    assert names.name(9_999_999) == "vm-10000000"


def test_many_names_are_those_of_each() -> None:
    """The fast way that names a million hosts says what the plain way says, in any order and with repeats."""
    names = CountedNames(["a", "b", "c"], [1, 3, 1])
    members = np.array([4, 0, 1, 3, 3, 2])
    assert names.names_of(members) == [names.name(member) for member in members.tolist()]
    assert names.names_of(np.zeros(0, dtype=np.int64)) == []
