"""Scripts answer whatever happens."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.peers.scripts.exchange import Attempt, Outcome, OutOfTime, Unsupported, run
from benchmarks.protocol import Answer
from tests.benchmarks.peers.cases import attempt_at, one_type, stated, written


def fail(error: BaseException) -> Callable[[Attempt], Outcome]:
    """Return a way of solving that fails."""

    def solve(_attempt: Attempt) -> Outcome:
        raise error

    return solve


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OutOfTime("too slow"), "too slow"),
        (Unsupported("not covered"), "not covered"),
        (MemoryError(), "out of memory"),
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
    ],
)
def test_failures_are_answers(error: Exception, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason reaches the row of results."""
    output = tmp_path / "answer.json"
    monkeypatch.setattr(sys, "argv", ["script", str(written(one_type(), tmp_path)), "1.5", str(output)])
    run(fail(error))
    answer = Answer.read(output)
    assert (answer.status, answer.value) == ("UNKNOWN", None)
    assert words in answer.message


def test_an_answer_is_what_the_protocol_reads(tmp_path: Path) -> None:
    """Infinite bounds are none: JSON has no word for them."""
    attempt = attempt_at(one_type(), tmp_path)
    attempt.incumbent(9.0)
    attempt.incumbent(math.inf)
    attempt.incumbent(9.0)
    attempt.write(Outcome("FEASIBLE", 9.0, -math.inf, [(0, {0: 1})]))
    answer = Answer.read(attempt.output)
    assert (answer.status, answer.value, answer.bound) == ("FEASIBLE", 9.0, None)
    assert [value for _, value in answer.trace] == [9.0]
    assert stated(attempt.output)["patterns"] == [{"type": 0, "times": 1, "items": [[0, 1]]}]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("answer")] == ["answer.json"]


def test_building_stops_at_the_limit(tmp_path: Path) -> None:
    """Large models are given up in time, and not only when they are complete."""
    attempt = attempt_at(one_type(), tmp_path, seconds=0.0)
    with pytest.raises(OutOfTime):
        list(attempt.each(range(3)))
    assert attempt.left > 0
