"""Tables add up, name contradictions, and do not flatter."""

from __future__ import annotations

import pytest

from benchmarks.comparing.contradictions import contradictions
from benchmarks.comparing.summaries import Comparison, best_values, parts_of, summarise
from benchmarks.comparing.tables import markdown, rivals_table, summary_table
from tests.benchmarks.rows import row, solved


def _cells(table: str) -> list[dict[str, str]]:
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def test_a_summary_by_hand() -> None:
    """Three runs: proved, a gap of a tenth, and one that crashed."""
    runs = [
        solved(10, 10, instance="a", seconds=2.0, cpu=3.0, known_value=12.0),
        solved(20, 18, instance="b", seconds=60.5, cpu=60.0, known_value=20.0),
        row(instance="c", status="CRASHED", known_value=5.0, cpu=0.0),
    ]
    summary = summarise(runs, best_values(runs))
    assert (summary.runs, summary.exact, summary.answered, summary.failed) == (3, 1, 2, 1)
    assert summary.mean_gap == pytest.approx(0.05)
    assert summary.worst_gap == pytest.approx(0.1)
    assert summary.seconds == pytest.approx(31.25)
    assert summary.overrun == pytest.approx(0.5)
    assert summary.kept == 2
    assert summary.cpu == pytest.approx(21)
    assert summary.published == Comparison(better=1, equal=1, worse=1)
    assert summary.saving == pytest.approx((1 / 6 + 0) / 2)
    assert summary.integral == pytest.approx((0.5 / 60 + 0.5 / 60 + 1) / 3)


def test_repeated_runs_count_by_their_median() -> None:
    """One disturbed run of five is not the instance's time."""
    runs = [solved(10, 10, seed=seed, seconds=seconds) for seed, seconds in enumerate([1.0, 1.1, 0.9, 30.0, 1.0])]
    summary = summarise(runs, best_values(runs))
    assert summary.seconds == summary.worst_seconds == 1.0


@pytest.mark.parametrize(
    ("seconds", "status", "kept"),
    [(60.9, "FEASIBLE", 1), (61.3, "FEASIBLE", 0), (10.0, "OPTIMAL", 1), (None, "CRASHED", 0), (60.0, "KILLED", 0)],
)
def test_a_limit_is_kept_within_a_second_or_two_per_cent(seconds: float | None, status: str, kept: int) -> None:
    """Of 60 seconds 2 % are 1.2; who had to be ended by force kept nothing."""
    run = row(status=status, seconds=seconds)
    assert summarise([run], {}).kept == kept


def test_parts_add_up_to_the_whole() -> None:
    """Every run is in exactly one row of a table."""
    runs = [solved(10, 10, instance=f"i{k}", n=n, resources=d) for k, (n, d) in enumerate([(5, 2), (50, 2), (5, 3)])]
    runs += [solved(11, 10, instance="i0", n=5, resources=2, subject="other")]
    parts = parts_of(runs, ("resources", "n"))
    assert list(parts) == [
        (("2", "5"), "placewright"),
        (("2", "5"), "other"),
        (("2", "50"), "placewright"),
        (("3", "5"), "placewright"),
    ]
    rows = _cells(summary_table(runs, ("resources", "n")))
    assert sum(int(cells["runs"]) for cells in rows) == len(runs)
    assert [cells["proved"] for cells in rows] == ["1 (100 %)", "0 (0 %)", "1 (100 %)", "1 (100 %)"]


def test_a_solvers_word_is_not_counted_as_proved() -> None:
    """Only bounds in exact arithmetic are proofs; the others have a column of their own."""
    runs = [solved(10, 10, proof="solver", subject="peer"), solved(10, 10)]
    rows = _cells(summary_table(runs, ("n",)))
    assert [(cells["proved"], cells["solver's word"]) for cells in rows] == [("0 (0 %)", "1"), ("1 (100 %)", "0")]


def test_rivals_are_compared_run_by_run() -> None:
    """Where a peer wins, the table says so."""
    runs = [
        *(solved(10, 10, instance=name, seconds=1.0) for name in ("a", "b")),
        solved(12, 9, instance="c"),
        solved(11, 9, instance="a", subject="peer"),
        row(instance="b", subject="peer", status="UNKNOWN"),
        solved(11, 11, instance="c", subject="peer"),
    ]
    (cells,) = _cells(rivals_table(runs, ("n",)))
    assert cells["placewright against"] == "peer"
    assert cells["value"] == "2 / 0 / 1"
    assert cells["bound"] == "2 / 0 / 1"
    assert cells["proved alone"] == "2 against 1"


def test_two_proofs_that_there_is_no_answer_are_equal() -> None:
    """And neither is late with an answer that does not exist."""
    runs = [
        row(status="INFEASIBLE", proof="exact"),
        row(status="INFEASIBLE", proof="solver", bound=3.0, subject="peer"),
    ]
    (cells,) = _cells(rivals_table(runs, ("n",)))
    assert (cells["value"], cells["bound"]) == ("0 / 1 / 0", "0 / 1 / 0")
    assert [cells["primal integral"] for cells in _cells(summary_table(runs, ("n",)))] == ["0.00 %", "0.00 %"]


def test_skipped_runs_are_no_defeats() -> None:
    """A peer that cannot read an instance is not beaten on it."""
    runs = [solved(10, 10), row(subject="peer", status="SKIPPED")]
    assert "peer" not in summary_table(runs, ("n",))
    assert "peer" not in rivals_table(runs, ("n",))


def test_contradictions_are_named() -> None:
    """A benchmark that hides a wrong proof would be worse than none."""
    runs = [
        solved(10, 9, instance="a"),
        solved(11, 11, instance="a", subject="liar"),
        solved(7, 6, instance="b", known_bound=8.0),
        row(instance="c", status="INFEASIBLE", proof="exact", subject="denier"),
        solved(3, 3, instance="c"),
        solved(5, 5, instance="d", known_value=5.0, known_bound=5.0),
        row(instance="e", bound=6.0, known_value=5.0),
    ]
    found = contradictions(runs)
    assert len(found) == 4
    assert "liar claims the bound 11, and 10 is reached" in found[0]
    assert "below the published bound 8" in found[1]
    assert "denier claims that there is no answer" in found[2]
    assert "claims the bound 6, and 5 is reached" in found[3]


def test_an_unverified_value_refutes_nobody() -> None:
    """A claim without a placement is no evidence."""
    assert not contradictions([solved(10, 10), row(subject="boaster", value=8.0)])


def test_markdown_keeps_its_columns() -> None:
    """A name with a bar in it must not add a column."""
    table = markdown(["a", "b"], [["x|y", "1"]])
    assert table.splitlines() == ["| a | b |", "| --- | ---: |", r"| x\|y | 1 |"]
