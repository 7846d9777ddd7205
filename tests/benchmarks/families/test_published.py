"""Published sets are read with what is known about them, and skipped with a reason when absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.families import FAMILIES, case_named, present
from benchmarks.families.negative_sizes import read_packing
from benchmarks.families.published import VARIABLE
from benchmarks.families.questions import packing_of
from formulations.errors import InputError
from formulations.instance import Instance
from formulations.placement import Placement
from formulations.rules import Pin
from solver.verifying import verify

NEEDS_DATA = pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no folder")
SETS = {"caprara_toth": 120, "mommessin": 588, "cloud_balancing": 3, "reassignment": 13}


@pytest.mark.parametrize("family", [*SETS, "huawei"])
def test_without_data_a_published_set_says_why_it_is_skipped(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody should wonder why a table lacks a set."""
    monkeypatch.delenv(VARIABLE, raising=False)
    assert VARIABLE in (FAMILIES[family].absent() or "")
    assert list(present([family])) == []
    with pytest.raises(InputError, match=VARIABLE):
        case_named(f"{family}/anything")


@NEEDS_DATA
@pytest.mark.parametrize("family", SETS)
def test_a_published_set_is_complete_and_consistent(family: str) -> None:
    """Wins and losses are counted against these figures."""
    cases = list(present([family]))
    assert len(cases) == SETS[family]
    for case in cases:
        known = case.known
        assert known.source
        if known.value is not None and known.bound is not None:
            assert known.bound <= known.value
            assert known.optimum == (known.bound == known.value)


@NEEDS_DATA
@pytest.mark.parametrize(
    "title",
    [
        "caprara_toth/CL_1_25_1",
        "mommessin/Triplet-classC_60_3_1",
        "cloud_balancing/100computers-300processes",
        "huawei/C1-C2",
        "reassignment/a1_4",
    ],
)
def test_the_name_tells_the_size(title: str) -> None:
    """Tables are divided by sizes that are read off names before files are opened."""
    case = case_named(title)
    instance = case.build()
    assert isinstance(instance, Instance)
    assert instance.vm_count == case.facts["n"]
    assert len(instance.resources) == case.facts["resources"]


@NEEDS_DATA
def test_published_packings_can_be_read_by_peers() -> None:
    """Peers read packing files only."""
    for title in ("caprara_toth/CL_1_25_1", "cloud_balancing/100computers-300processes"):
        instance = case_named(title).build()
        assert isinstance(instance, Instance)
        assert packing_of(instance) is not None


def test_negative_sizes_become_room_in_a_bin_of_the_items_own(tmp_path: Path) -> None:
    """Twelve published triplets have them; a placement must be a packing of the published instance."""
    path = tmp_path / "negative.vbp"
    path.write_text("2\n10 10\n3\n4 -2 2\n6 12 1\n5 5 3\n", encoding="utf-8")
    instance = read_packing(path)
    assert instance.vm_count == 6
    assert [rule.host for rule in instance.rules if isinstance(rule, Pin)] == ["bin of item-1.1", "bin of item-1.2"]
    together = {"item-1.1": "bin of item-1.1", "item-2": "bin of item-1.1", "item-1.2": "bin of item-1.2"}
    rest = {"item-3-1": "bin-1", "item-3-2": "bin-1", "item-3-3": "bin of item-1.2"}
    verdict = verify(instance, Placement.from_names(instance, together | rest))
    assert verdict.ok
    assert [int(value) for value in verdict.values or ()] == [3]
    alone = verify(instance, Placement.from_names(instance, together | rest | {"item-2": "bin-2"}))
    assert not alone.ok
