"""Re-placement as a whole: brute force agrees, deadlines and budgets are kept, bounds are below every placement."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from formulations.errors import InputError
from solver.deadline import Deadline
from solver.engines.reassignment import reassign
from solver.engines.reassignment.annealing import Annealing, Style
from solver.engines.reassignment.bounds import aggregate_bound, relaxed_bound
from solver.result import Status
from solver.verifying.reassignment import judge
from tests.reassignment_cases import cheapest, random_question

SEEDS = [*range(8), *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(8, 300))]


@pytest.mark.parametrize("seed", SEEDS)
def test_small_questions_are_answered_as_brute_force_does(seed: int) -> None:
    """Where all placements can be tried, none is better than the one that is found."""
    question = random_question(seed, 5, 3, budget=seed % 2 == 0)
    least = cheapest(question)
    found = reassign(question, Deadline(), seed=seed, steps=20_000)
    assert judge(question, found.hosts) == found.finding
    assert least is not None
    assert found.bound.value <= least == found.cost
    assert (found.status is Status.OPTIMAL) == (found.bound.value == least)


@pytest.mark.parametrize("seed", SEEDS)
def test_bounds_are_below_every_placement(seed: int) -> None:
    """A bound above the optimum would call a bad answer proved."""
    question = random_question(seed, 5, 3, budget=seed % 2 == 0, newcomers=seed % 3 == 0)
    least = cheapest(question)
    if least is None:
        return
    assert aggregate_bound(question).value <= least
    assert relaxed_bound(question, Deadline(), least, steps=30).value <= least


def test_the_same_seed_and_steps_give_the_same_answer() -> None:
    """A user who reports a bad answer must be able to repeat it."""
    question = random_question(5, 60, 8)
    found = [reassign(question, Deadline(), seed=seed, steps=60_000) for seed in (7, 7)]
    assert found[0].cost == found[1].cost
    assert np.array_equal(found[0].hosts, found[1].hosts)
    assert [line.cost for line in found[0].trace] == [line.cost for line in found[1].trace]


@pytest.mark.parametrize("most", [0, 1, 3, 10])
def test_no_more_vms_move_than_may(most: int) -> None:
    """A budget of moves is a promise to whoever carries them out."""
    question = random_question(11, 60, 8, tight=2.0).within(most)
    found = reassign(question, Deadline(), seed=1, steps=60_000)
    assert found.finding.moves <= most
    assert found.cost <= judge(question, question.current).cost


def test_the_deadline_is_kept() -> None:
    """Whoever gives two seconds has other plans for the third."""
    question = random_question(2, 200, 20)
    reassign(question, Deadline(), steps=10)
    began = time.monotonic()
    reassign(question, Deadline(2.0))
    assert time.monotonic() - began < 4.0


def test_a_stopped_search_keeps_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever presses Ctrl-C in a long cooling wants the best so far, not the placement of yesterday."""
    question = random_question(2, 200, 20)
    tried = Annealing.try_moves

    def press(annealing: Annealing, temperature: float, steps: int, style: Style) -> None:
        tried(annealing, temperature, steps, style)
        if annealing.cost < judge(question, question.current).cost:
            raise KeyboardInterrupt

    monkeypatch.setattr(Annealing, "try_moves", press)
    found = reassign(question, Deadline(), steps=1_000_000)
    assert found.interrupted
    assert judge(question, found.hosts).ok
    assert found.cost < judge(question, question.current).cost


def test_an_executor_of_the_caller_does_the_work() -> None:
    """Clusters are reached through an Executor, and what comes back is judged like everything else."""
    question = random_question(2, 200, 20)
    reassign(question, Deadline(), steps=10)
    with ThreadPoolExecutor(2) as executor:
        found = reassign(question, Deadline(2.0), threads=2, executor=executor)
    assert judge(question, found.hosts).ok
    assert found.cost < judge(question, question.current).cost


def test_a_start_that_breaks_a_rule_is_refused() -> None:
    """Local search keeps rules; it cannot mend them, and says so."""
    question = random_question(2, 20, 4)
    crowded = np.zeros(question.vms, dtype=np.int64)
    with pytest.raises(InputError, match="keeps every rule"):
        reassign(question, Deadline(), start=crowded, steps=10)


def test_vms_without_a_host_need_a_start() -> None:
    """A newcomer cannot stay where it is."""
    question = random_question(3, 20, 4, newcomers=True)
    with pytest.raises(InputError, match="has no host"):
        reassign(question, Deadline(), steps=10)
