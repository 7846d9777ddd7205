"""The judge of re-placement reads the rules as they are written, and finds what the challenge found."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path

import numpy as np
import pytest

from formulations.reassignment import NOWHERE
from solver.inventories.machine_reassignment import read_machine_reassignment
from solver.verifying.reassignment import judge
from tests.reassignment_cases import keeps_rules, random_question, slow_cost

PUBLISHED = os.environ.get("PLACEWRIGHT_DATA")
NAMES = [*(f"a{half}_{n}" for half in (1, 2) for n in range(1, 6)), "b_1", "b_2", "b_3"]


@pytest.mark.skipif(not PUBLISHED, reason="PLACEWRIGHT_DATA names no folder")
@pytest.mark.parametrize("name", NAMES)
def test_initial_costs_are_those_that_were_published(name: str) -> None:
    """Every figure of a comparison rests on the cost being the challenge's own."""
    folder = Path(PUBLISHED or "") / "reassignment"
    with (folder / "best_known.csv").open(newline="", encoding="utf-8") as stream:
        known = {row["instance"]: row for row in csv.DictReader(stream)}[name]
    question = read_machine_reassignment(folder / f"model_{name}.txt", folder / f"assignment_{name}.txt")
    assert (question.vms, question.hosts) == (int(known["processes"]), int(known["machines"]))
    began = time.process_time()
    finding = judge(question, question.current)
    assert time.process_time() - began < 5
    assert finding.ok
    assert finding.moves == 0
    assert finding.cost == int(known["initial_cost"])


@pytest.mark.parametrize("seed", range(40))
def test_the_judge_agrees_with_a_reading_word_by_word(seed: int) -> None:
    """Rules and cost have two readings that share no line."""
    question = random_question(seed, newcomers=seed % 3 == 0, budget=seed % 2 == 0)
    rng = np.random.default_rng(seed)
    base = np.where(question.current == NOWHERE, 0, question.current)
    for share in (0.0, 0.2, 0.5, 1.0):
        hosts = np.where(rng.random(question.vms) < share, rng.integers(0, question.hosts, question.vms), base)
        finding = judge(question, hosts.astype(np.int64))
        assert finding.cost == slow_cost(question, hosts)
        assert finding.ok == keeps_rules(question, hosts)


def test_a_list_of_the_wrong_length_or_of_unknown_hosts_is_no_placement() -> None:
    """The judge must not fall over what it is there to refuse."""
    question = random_question(1)
    for hosts in (question.current[1:], question.current + 99, question.current - 99):
        finding = judge(question, hosts)
        assert not finding.ok
        with pytest.raises(ValueError, match="no cost"):
            _ = finding.cost


def test_violations_are_told_with_their_figures() -> None:
    """People mend what they can find."""
    question = random_question(3, vms=8, hosts=3)
    finding = judge(question, np.zeros(8, dtype=np.int64))
    over = question.sizes.sum(axis=0) > question.capacity[0]
    for r in np.flatnonzero(over).tolist():
        assert any(f"resource {r} of host 0: {question.sizes[:, r].sum()} used" in text for text in finding.violations)
