"""Clusters of VMs that run already: rules hold now, there is something to gain, and the seed decides."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.families.running import running_question
from solver.verifying.reassignment import judge


@pytest.mark.parametrize(("vms", "hosts"), [(20, 4), (200, 24), (3_000, 300)])
def test_current_placements_keep_every_rule_and_cost_something(vms: int, hosts: int) -> None:
    """A benchmark of re-placement must begin at a valid placement that can be improved."""
    for seed in range(3):
        question = running_question(vms, hosts, seed)
        finding = judge(question, question.current)
        assert finding.ok, finding.violations[:3]
        assert finding.cost > 0
        assert finding.moves == 0


def test_every_kind_of_rule_and_cost_occurs() -> None:
    """What does not occur is not measured."""
    question = running_question(400, 40, 1, distances=True)
    assert (question.spread > 1).any()
    assert len(question.dependencies)
    assert (question.members > 1).any()
    assert question.transient.any()
    assert question.pair_cost.any()
    assert question.neighbourhoods > 1
    elsewhere = (question.current + 1) % question.hosts
    parts = judge(question, elsewhere).parts
    assert parts is not None
    assert min(parts.load, parts.balance, parts.vm_moves, parts.service_moves, parts.pair_moves) > 0


def test_the_seed_decides() -> None:
    """Figures in a table can be measured again, and other seeds are other questions."""
    first, again, other = (running_question(60, 8, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.sizes, again.sizes)
    assert np.array_equal(first.current, again.current)
    assert not np.array_equal(first.sizes, other.sizes)
