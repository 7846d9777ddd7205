"""Tests of ``placewright bench``: what is measured by what, what does not apply, and ends before the end."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from formulations.vector_packing import Packing
from solver.cli.exits import Exit
from solver.deadline import Deadline
from solver.engines.heuristics import HEURISTICS, Heuristic, comparison
from solver.engines.heuristics.comparison import Comparison, Trial, compare
from solver.engines.heuristics.registry import MOST_ITEMS_PAIRED
from solver.inventories import read_instance
from solver.placing import place
from solver.result import LevelResult, Result, Status
from tests.solver.cli.conftest import Placewright

SIX_BY_THREE = "1\n10\n2\n6 3\n4 3\n"
"""Three bins of a 6 and a 4: best fit decreasing finds them, next fit in the given order takes four."""


@pytest.fixture
def packing_file(tmp_path: Path) -> Path:
    """Return a vector packing file with a known optimum."""
    path = tmp_path / "six.vbp"
    path.write_text(SIX_BY_THREE, encoding="utf-8")
    return path


def test_heuristics_are_measured_by_the_proved_optimum(placewright: Placewright, packing_file: Path) -> None:
    """The distance from the optimum is what the command is for: it must be right and say that it is proved."""
    run = placewright("bench", packing_file, "--seconds", 10)
    assert run.code == 0
    assert run.out.startswith("OPTIMAL: hosts 3, bound 3, ")
    assert "Measured by the proved optimum of hosts: 3." in run.out
    assert max(map(len, run.out.splitlines())) <= 80
    told = placewright("bench", packing_file, "--json", "--time", 10).object
    found = {heuristic["name"]: heuristic for heuristic in told["heuristics"]}
    assert list(found) == list(HEURISTICS)
    assert (told["value"], told["bound"], told["proved"]) == (3, 3, True)
    assert (found["BFD-sum"]["value"], found["BFD-sum"]["excess"]) == (3, 0)
    assert (found["NF"]["value"], found["NF"]["excess"]) == (4, pytest.approx(1 / 3))
    assert all(heuristic["value"] >= 3 for heuristic in found.values())
    assert all(heuristic["sources"] for heuristic in found.values())


def test_the_csv_file_has_a_row_per_heuristic(placewright: Placewright, packing_file: Path, tmp_path: Path) -> None:
    """Tables are made from this file: it must hold every heuristic with figures that can be read."""
    table = tmp_path / "table.csv"
    assert placewright("bench", packing_file, "--csv", table, "--time", 10).code == 0
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [row["heuristic"] for row in rows] == list(HEURISTICS)
    assert {float(row["value"]) for row in rows} <= {3.0, 4.0}
    assert all(float(row["seconds"]) >= 0 for row in rows)


def test_where_rules_bind_the_greedy_variants_run(placewright: Placewright, two_vms: Path) -> None:
    """Counting cannot see rules: to compare with packings that break them would be wrong."""
    told = placewright("bench", two_vms, "--json").object
    assert "the rule" in told["not_counted"]
    assert {heuristic["family"] for heuristic in told["heuristics"]} == {comparison.GREEDY_FAMILY}
    run = placewright("bench", two_vms)
    assert "Heuristics for vector packing do not apply: cannot be counted: the rule" in run.out
    assert "greedy best fit decreasing" in run.out


def test_an_infeasible_instance_ends_with_its_code(
    placewright: Placewright, example: Callable[[str], Path], tmp_path: Path
) -> None:
    """There is nothing to measure, and the shell must learn why."""
    run = placewright("bench", example("reference-infeasible"), "--json")
    assert run.code == Exit.NO_ANSWER
    assert all(heuristic["value"] is None for heuristic in run.object["heuristics"])
    assert placewright("bench", tmp_path / "none.vbp").code == Exit.BAD_INPUT


def test_a_bound_is_not_called_an_optimum(packing_file: Path) -> None:
    """Where the proof is missing, what is printed must say so, as the heuristics may be better than they look."""
    from solver.reporting.comparison import comparison_report

    result = Result(
        read_instance(packing_file),
        Status.FEASIBLE,
        levels=(LevelResult("hosts", "", Fraction(5), Fraction(4), "volume"),),
    )
    trial = Trial("FF", "item-centric", (), Fraction(6), 0.1)
    told = Comparison(result, result.levels[0], (trial,))
    assert not told.proved
    assert told.excess(Fraction(6)) == Fraction(1, 2)
    text = " ".join(str(part) for part in comparison_report(told))
    assert "lower bound of hosts, 4, as the optimum is not proved" in text
    assert "proved optimum" not in text


def test_the_excess_over_nothing_is_not_a_figure(packing_file: Path) -> None:
    """A bound of 0 has no percentage; what meets it is 0 % above all the same."""
    result = Result(read_instance(packing_file), Status.FEASIBLE)
    told = Comparison(result, LevelResult("cost", "", Fraction(2), Fraction(0)), ())
    assert told.excess(Fraction(2)) is None
    assert told.excess(Fraction(0)) == 0


def ending(trials: list[Trial]) -> Iterator[Trial]:
    """Yield trials, and be interrupted after the last."""
    yield from trials
    raise KeyboardInterrupt


def test_ctrl_c_keeps_what_has_run(packing_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison that takes too long must still be worth the time that it took."""
    instance = read_instance(packing_file)
    result = place(instance, seconds=5)
    one = Trial("FF", "item-centric", (), Fraction(3), 0.1)
    monkeypatch.setattr(comparison, "_counted_trials", lambda *_: ending([one]))
    told = compare(instance, result, Deadline())
    assert told.interrupted
    assert told.trials == (one,)


def test_without_time_every_heuristic_says_so(packing_file: Path) -> None:
    """A heuristic that did not run must not look like one that failed."""
    instance = read_instance(packing_file)
    told = compare(instance, place(instance, seconds=5), Deadline(0.0))
    assert {trial.note for trial in told.trials} == {"no time left"}
    assert len(told.trials) == len(HEURISTICS)


def test_heuristics_beyond_their_limit_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not apply to so many items must be listed with the reason."""
    path = tmp_path / "many.vbp"
    path.write_text(f"1\n10\n2\n6 {MOST_ITEMS_PAIRED}\n4 7\n", encoding="utf-8")
    monkeypatch.setattr(comparison, "HEURISTICS", {name: HEURISTICS[name] for name in ("FF", "Tetris", "pairing-L2")})
    monkeypatch.setattr(comparison, "_compile", lambda: None)
    instance = read_instance(path)
    told = compare(instance, Result(instance, Status.UNKNOWN), Deadline(60))
    notes = {trial.name: trial.note for trial in told.trials}
    assert f"takes at most {MOST_ITEMS_PAIRED:,} items" in notes["pairing-L2"]
    assert notes["FF"] == ""


def test_a_heuristic_that_packs_wrongly_is_a_defect(
    placewright: Placewright, packing_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong packing must never appear in a table as a good one."""

    def nothing(*_: Any) -> Packing:
        return Packing.of([], 2)

    wrong = Heuristic("wrong", "item-centric", ("nobody",), nothing)
    monkeypatch.setattr(comparison, "HEURISTICS", dict(HEURISTICS) | {"FF": wrong})
    run = placewright("bench", packing_file, "--time", 5)
    assert run.code == Exit.INTERNAL
    assert "wrong: flavour 0" in run.err
