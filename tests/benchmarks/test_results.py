"""Rows come back as they were written, also after a cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.results import FIELDS, Results
from formulations.errors import InputError
from tests.benchmarks.rows import row, solved


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    """Tables are made from the file alone."""
    results = Results(tmp_path / "results.csv")
    written = [
        solved(10, 9.5, trace=[(0.25, 11.0), (1.5, 10.0)], versions={"pulp": "3.3.2"}, message='says "no", twice'),
        row(subject="peer", status="CRASHED", message="ended, badly", group=""),
        solved(1e15, 1e15, instance="large", known_value=1e15, known_optimum=True, primal_integral=0.125),
    ]
    for record in written:
        results.append(record)
    assert results.read() == written


def test_a_file_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    """A campaign begins without one."""
    assert Results(tmp_path / "none.csv").read() == []


def test_a_torn_last_row_is_dropped_and_the_next_one_stands_alone(tmp_path: Path) -> None:
    """A power cut may cost the run under way, not those before it."""
    path = tmp_path / "results.csv"
    results = Results(path)
    results.append(solved(10, 10, instance="whole"))
    results.append(solved(11, 11, instance="torn"))
    path.write_bytes(path.read_bytes()[:-40])
    assert [record.instance for record in results.read()] == ["whole"]
    results.append(solved(12, 12, instance="next"))
    assert [record.instance for record in results.read()] == ["whole", "next"]


def test_of_a_run_done_again_the_last_row_counts(tmp_path: Path) -> None:
    """A crash that was mended is history."""
    results = Results(tmp_path / "results.csv")
    results.append(row(status="CRASHED"))
    results.append(solved(10, 10))
    assert [record.status for record in results.read()] == ["OPTIMAL"]


def test_a_foreign_table_is_refused(tmp_path: Path) -> None:
    """Rows of another version must not be mixed with ours."""
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="no table of records"):
        Results(path).read()


def test_a_row_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    """A figure edited by hand is found by its line."""
    path = tmp_path / "results.csv"
    Results(path).append(solved(10, 10))
    text = path.read_text(encoding="utf-8").replace(",yes,", ",maybe,")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="line 2"):
        Results(path).read()
    assert len(FIELDS) == len(set(FIELDS))
