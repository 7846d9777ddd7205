"""The table of machine reassignment says what its runs say."""

from __future__ import annotations

import pytest

from benchmarks.comparing.reassignment import reassignment_table
from benchmarks.protocol import Record
from tests.benchmarks.rows import solved


def _run(instance: str, value: float, seed: int, known: float, limit: float = 60.0) -> Record:
    trace = [(0.0, 1000.0), (5.0, value)]
    fields = {"instance": instance, "seed": seed, "known_value": known, "limit": limit, "trace": trace}
    return solved(value, 50, subject="local-search", **fields)


def test_best_median_and_score_by_hand() -> None:
    """The score of the challenge is the difference to the best, in per cent of the cost at first."""
    runs = [_run("b_1", value, seed, 100.0) for seed, value in enumerate([90.0, 110.0, 120.0])]
    runs += [_run("a1_1", 200.0, seed, 200.0) for seed in range(3)]
    table = reassignment_table(runs)
    rows = {
        line.split(" | ")[0].strip("| "): line.strip("|\n ").split(" | ") for line in table.splitlines() if "|" in line
    }
    assert rows["b_1"][2:] == ["1,000", "100", "50", "90", "-10.000 %", "+10.000 %"]
    assert rows["a1_1"][5:] == ["200", "0.000 %", "0.000 %"]
    assert "2 of 2 at or below" in table
    assert "-1.00 for the best runs, +1.00 for the medians" in table


@pytest.mark.parametrize("limit", [60.0, 300.0])
def test_every_limit_has_its_columns(limit: float) -> None:
    """Runs of a minute and of five minutes are not mixed."""
    runs = [_run("b_1", 90.0, 0, 100.0), _run("b_1", 80.0, 0, 100.0, limit=300.0)]
    heading = reassignment_table(runs).splitlines()[0]
    assert f"local-search, {limit:g} s, best of runs" in heading


def test_what_was_not_verified_is_not_shown() -> None:
    """A claim without a placement is no result."""
    claimed = _run("b_1", 10.0, 1, 100.0)
    claimed.verified = False
    assert "10 |" not in reassignment_table([_run("b_1", 90.0, 0, 100.0), claimed]).splitlines()[2].split("50", 1)[1]
