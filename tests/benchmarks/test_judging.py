"""The benchmark's judge believes arithmetic, not subjects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.families import Case
from benchmarks.families.hard import elastic
from benchmarks.judging import judge, judge_packing
from benchmarks.measuring import fill
from benchmarks.problems import write_problem
from benchmarks.protocol import Answer, Filling, StatusWord
from formulations.vector_packing import VectorPacking
from solver.placing import place
from tests.benchmarks.fakes import tiny, tiny_case
from tests.benchmarks.rows import row

GOOD = [Filling(0, 2, [(0, 1), (1, 1)]), Filling(0, 1, [(0, 1)])]


def test_a_packing_is_worth_its_bins() -> None:
    """Three bins of cost 1."""
    assert judge_packing(tiny(), Answer(status="FEASIBLE", patterns=GOOD)) == (True, 3, "")


def test_what_is_packed_too_often_is_taken_out() -> None:
    """Covering models overpack; that is no fault."""
    patterns = [Filling(0, 3, [(0, 1), (1, 1)]), Filling(0, 1, [(1, 1)])]
    assert judge_packing(tiny(), Answer(status="FEASIBLE", patterns=patterns)) == (True, 4, "")


@pytest.mark.parametrize(
    ("patterns", "fault"),
    [
        ([Filling(0, 1, [(0, 2)]), *GOOD], "overfills"),
        ([Filling(7, 1, [(0, 1)]), *GOOD], "unknown"),
        ([Filling(0, 1, [(9, 1)]), *GOOD], "unknown"),
        ([Filling(0, 1, [(-1, 1)]), *GOOD], "unknown"),
        ([Filling(0, 1, [(0, -1)]), Filling(0, 1, [(0, 1)]), *GOOD], "negative"),
        (GOOD[1:], "items packed"),
    ],
)
def test_wrong_packings_are_rejected(patterns: list[Filling], fault: str) -> None:
    """Each way to be wrong has its sentence."""
    judgement = judge_packing(tiny(), Answer(status="OPTIMAL", value=1, patterns=patterns))
    assert not judgement.verified
    assert judgement.value is None
    assert fault in judgement.fault


def test_more_bins_than_there_are_is_wrong() -> None:
    """Limits count."""
    problem = tiny()
    short = VectorPacking(problem.sizes, problem.demand, problem.capacities, problem.costs, np.array([2]))
    assert "2 exist" in judge_packing(short, Answer(status="FEASIBLE", patterns=GOOD)).fault


def test_a_claim_without_a_placement_stays_unverified(tmp_path: Path) -> None:
    """It appears in the row, and counts for nothing."""
    problem = write_problem(tiny_case(), tmp_path)
    assert judge(problem, Answer(status="FEASIBLE", value=2)) == (False, 2, "")


@pytest.mark.parametrize(("hosts", "verified"), [([0, 1, 2, 0, 1], True), ([0, 0, 1, 2, 2], False), ([0, 1, 2], False)])
def test_placements_are_judged_in_integers(hosts: list[int], verified: bool, tmp_path: Path) -> None:
    """By the judge that judges placewright's own results."""
    judgement = judge(write_problem(tiny_case(), tmp_path), Answer(status="FEASIBLE", value=1, hosts=hosts))
    assert judgement.verified == verified
    assert judgement.value == (3 if verified else None)
    assert bool(judgement.fault) != verified


def test_where_demands_may_stay_unmet_the_allocation_is_judged_too(tmp_path: Path) -> None:
    """The level that results speak of comes after one that needs the allocation."""
    case = Case(family="made", name="elastic", build=lambda: elastic(2, 4, 0))
    result = place(elastic(2, 4, 0), seconds=5, iterations=1)
    assert result.placement is not None
    assert result.placement.allocation is not None
    answer = Answer(
        status="FEASIBLE",
        hosts=result.placement.host_of.tolist(),
        allocation=result.placement.allocation.tolist(),
    )
    judgement = judge(write_problem(case, tmp_path), answer)
    assert judgement.verified
    assert judgement.value == result.objective


@pytest.mark.parametrize(
    ("status", "bound", "exact", "proof"),
    [
        ("OPTIMAL", 3.0, True, "exact"),
        ("OPTIMAL", 2.2, False, "solver"),
        ("OPTIMAL", None, False, "solver"),
        ("FEASIBLE", 3.0, True, "exact"),
        ("OPTIMAL", 2.2, True, ""),
        ("FEASIBLE", 2.0000001, False, ""),
        ("FEASIBLE", 2.0, True, ""),
        ("FEASIBLE", float("inf"), False, ""),
    ],
)
def test_a_proof_is_a_verified_value_that_meets_its_bound(
    status: StatusWord, bound: float | None, exact: bool, proof: str
) -> None:
    """Whole values: a solver's 2.2 means 3, and 2.0000001 is 2; an exact bound is taken as it is."""
    record = row()
    answer = Answer(status=status, value=3.0, bound=bound, exact=exact, patterns=GOOD)
    fill(record, answer, judge_packing(tiny(), answer), whole=True, asks="packing")
    assert record.proof == proof


def test_an_unverified_optimum_is_no_proof() -> None:
    """Nothing counts that the judge has not seen."""
    record, answer = row(), Answer(status="OPTIMAL", value=3.0, bound=3.0)
    fill(record, answer, judge_packing(tiny(), Answer(status="OPTIMAL", patterns=[])), whole=True, asks="packing")
    assert record.proof == ""
