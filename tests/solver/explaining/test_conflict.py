"""Tests of minimal conflicts: they conflict, and no member can be spared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from formulations import Instance
from solver.deadline import Deadline
from solver.explaining.conflict import minimal_conflict
from solver.explaining.facts import Fact, RuleFact, atoms, relaxed
from solver.explaining.irreducible import TooManyError, quickxplain
from solver.explaining.reasons import conflicts_of
from solver.explaining.statements import Facts
from solver.explaining.verdicts import Verdicts
from tests.agreement import seeds
from tests.solver.explaining.cases import random_infeasible, reference
from tests.solver.explaining.deciding import has_placement


def assert_minimal(instance: Instance, facts: Iterable[Fact]) -> None:
    """Assert by trying every placement that facts conflict and that none of them can be spared."""
    everything, kept = frozenset(Facts(instance)), list(facts)
    assert not has_placement(relaxed(instance, everything - atoms(kept))), [str(fact) for fact in kept]
    for fact in kept:
        others = atoms(other for other in kept if other is not fact)
        assert has_placement(relaxed(instance, everything - others)), f"{fact} can be spared"


def test_quickxplain_finds_minimal_conflicts_of_many() -> None:
    """On random set systems the answer is irreducible, prefers early facts, and asks few questions."""
    for rng in seeds("quickxplain", 50):
        facts = [RuleFact(f"rule {n}", (n,)) for n in range(64)]
        conflicts = [frozenset(rng.choice(64, size=int(rng.integers(1, 5)), replace=False).tolist()) for _ in range(3)]
        asked = 0

        def conflicting(kept: Sequence[Fact], conflicts: Sequence[frozenset[int]] = conflicts) -> bool:
            nonlocal asked
            asked += 1
            numbers = {fact.positions[0] for fact in kept if isinstance(fact, RuleFact)}
            return any(conflict <= numbers for conflict in conflicts)

        found = {fact.positions[0] for fact in quickxplain(conflicting, [], facts, 64) if isinstance(fact, RuleFact)}
        irreducible = [c for c in conflicts if not any(other < c for other in conflicts)]
        assert found in irreducible
        assert max(found) == min(max(conflict) for conflict in irreducible)
        assert asked <= 2 * len(found) * (int(np.log2(64 / len(found))) + 2) + 2


def test_quickxplain_gives_up_on_long_answers() -> None:
    """Hundreds of reservations that all matter are told as one fact, not searched one by one."""
    facts = [RuleFact(f"rule {n}", (n,)) for n in range(40)]
    with pytest.raises(TooManyError):
        quickxplain(lambda kept: len(kept) == 40, [], facts, 8)


def test_everything_relaxed_has_a_placement() -> None:
    """Facts cover all that can forbid a placement: with every one relaxed there is always one."""
    for instance in random_infeasible("everything relaxed", 25):
        assert has_placement(relaxed(instance, Facts(instance)))


def test_relaxing_never_forbids_a_placement() -> None:
    """The conflict search needs it: a feasible set of facts stays feasible when facts are taken out."""
    for rng, instance in zip(seeds("relaxing", 25), random_infeasible("relaxing", 25), strict=True):
        facts = list(Facts(instance))
        order = [facts[n] for n in rng.permutation(len(facts))]
        marks = [has_placement(relaxed(instance, order[:n])) for n in range(0, len(order) + 1, max(1, len(order) // 4))]
        assert marks == sorted(marks)


def test_reported_conflicts_are_minimal() -> None:
    """Whoever removes one of the reported facts gets a feasible rest: checked by brute force."""
    for instance in random_infeasible("minimal conflicts", 15):
        found = conflicts_of(Verdicts(instance, has_placement, Deadline()))
        assert found
        for explained in found:
            assert explained.conflict.minimal
            assert_minimal(instance, explained.conflict.facts)


def test_the_search_without_quick_checks_is_minimal_too() -> None:
    """The oracle alone leads to a minimal conflict, from whole families down to members."""
    for instance in random_infeasible("searched conflicts", 12):
        conflict = minimal_conflict(Verdicts(instance, has_placement, Deadline()))
        assert conflict is not None
        assert conflict.minimal
        assert_minimal(instance, conflict.facts)


@pytest.mark.campaign
@pytest.mark.parametrize("part", range(10))
def test_reported_conflicts_are_minimal_campaign(part: int) -> None:
    """The same on 300 instances."""
    for instance in random_infeasible(f"minimal conflicts, campaign {part}", 30):
        verdicts = Verdicts(instance, has_placement, Deadline())
        for explained in conflicts_of(verdicts):
            assert_minimal(instance, explained.conflict.facts)
        conflict = minimal_conflict(verdicts)
        assert conflict is not None
        assert_minimal(instance, conflict.facts)


def test_an_undecided_oracle_is_not_believed() -> None:
    """Where the oracle gives no answer the set is still a conflict, and not called minimal."""
    instance = next(random_infeasible("undecided", 1))
    verdicts = Verdicts(instance, lambda *_: None, Deadline())
    verdicts.know_conflict(verdicts.all)
    conflict = minimal_conflict(verdicts)
    assert conflict is not None
    assert not conflict.minimal
    assert not has_placement(relaxed(instance, verdicts.all - atoms(conflict.facts)))


def test_many_figures_are_one_fact() -> None:
    """A shortage is told by its sums, not by an arbitrary choice of VMs."""
    verdicts = Verdicts(reference(), has_placement, Deadline())
    (explained,) = conflicts_of(verdicts)
    assert [len(list(fact.members())) for fact in explained.conflict.facts] == [5, 1, 1]
