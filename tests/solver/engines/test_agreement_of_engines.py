"""Do four engines without a line in common agree with brute force: columns, arc-flow, assignment, packing by turns."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.families.questions import instance_of
from formulations.vector_packing import VectorPacking
from solver import placing
from solver.backends import backend_named
from solver.engines.arcflow import pack_by_arcflow
from solver.engines.packer import pack
from solver.engines.packing_search import PackingSearch
from solver.placing import place
from solver.result import Status
from tests.packing_oracle import cheapest_packing, random_packing

CBC = backend_named("cbc")

DIVES = 5
"""Column generation has asked for its integer programs by then, and arc-flow has not had its turn."""


def by_columns(question: VectorPacking) -> PackingSearch:
    """Return what column generation and what belongs to it say."""
    search = PackingSearch(question)
    pack(search, CBC, dives=DIVES)
    return search


def by_arcflow(question: VectorPacking) -> PackingSearch:
    """Return what arc-flow says."""
    search = PackingSearch(question)
    pack_by_arcflow(search, CBC)
    return search


def by_assignment(question: VectorPacking) -> int | None:
    """Return what the model of named VMs on named hosts proves."""
    result = place(instance_of(question), seconds=120, reasons=False)
    assert result.status in (Status.OPTIMAL, Status.INFEASIBLE), result.warnings
    if result.status is Status.INFEASIBLE:
        return None
    assert result.levels[0].bound == result.levels[0].value
    return int(result.levels[0].value)


def check(search: PackingSearch, best: int | None) -> None:
    """Assert that an answer is the oracle's, and that neither proof nor claim goes beyond it."""
    assert search.cost == best
    if best is not None:
        assert not search.infeasible
        assert not search.claimed_infeasible
        assert max(search.bound, search.claimed) <= best


def agree(seed: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Assert that all find the same; return whether there is a packing."""
    question = random_packing(np.random.default_rng([seed, 3]))
    best = cheapest_packing(question)
    check(by_columns(question), best)
    arcs = by_arcflow(question)
    check(arcs, best)
    assert arcs.settled
    if question.limits.any():  # an instance has a host at least
        monkeypatch.setattr(placing, "counted", lambda _search: None)
        assert by_assignment(question) == best
    return best is not None


def test_all_engines_agree_with_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limited bins, several types, items that take nothing, and problems without an answer."""
    possible = sum(agree(seed, monkeypatch) for seed in range(25))
    assert 12 < possible < 25


@pytest.mark.campaign
@pytest.mark.parametrize("first", range(1000, 1500, 25))
def test_all_engines_agree_on_five_hundred_problems(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one of them errs in one case of hundreds, the others say so."""
    for seed in range(first, first + 25):
        agree(seed, monkeypatch)
