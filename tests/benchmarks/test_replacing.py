"""The benchmark of re-placement: the peer answers the same question, and the tables say what was measured."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from benchmarks.families.running import running_question
from benchmarks.peers.catalogue import ENVIRONMENTS
from benchmarks.replacing import Answer, compared, cpsat, ours, program
from solver.verifying.reassignment import judge

ABSENT = ENVIRONMENTS["ortools"].absent()


@pytest.mark.skipif(ABSENT is not None, reason=f"CP-SAT: {ABSENT}")
def test_cpsat_is_asked_the_same_question() -> None:
    """Two exact methods on one small question prove the same cost, or one of the models is wrong."""
    for seed in range(2):
        question = running_question(20, 4, seed, distances=True)
        mine, other = ours(question, 30.0, 0), cpsat(question, 30.0, 0)
        assert mine.proved
        assert other.proved
        assert mine.cost == other.cost
        assert (mine.cost or 0) < judge(question, question.current).cost


def test_no_answer_loses_against_any() -> None:
    """A solver that finds nothing in time must not win by an empty cell."""
    some, none = Answer(10, 5.0, 1.0), Answer(None, None, 1.0)
    assert compared(some, none) == "placewright"
    assert compared(none, some) == "CP-SAT"
    assert compared(some, Answer(10, 10.0, 1.0)) == "equal"
    assert not none.proved
    assert not some.proved


def test_large_clusters_are_reported_with_their_peak_of_memory() -> None:
    """The figures of the documentation are those that the command prints."""
    printed = CliRunner().invoke(program, ["large", "--vms", "300", "--hosts", "40", "--seconds", "3"])
    assert printed.exit_code == 0, printed.output
    figures = dict(line.split(": ") for line in printed.output.splitlines())
    assert int(figures["cost"].replace(",", "")) < int(figures["cost now"].replace(",", ""))
    assert figures["peak memory"].endswith(" MB")
