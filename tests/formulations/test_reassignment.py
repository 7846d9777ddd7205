"""A re-placement question that makes no sense cannot be made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from formulations.errors import InputError
from tests.reassignment_cases import random_question

BROKEN: list[tuple[str, Any]] = [
    ("service", np.full(6, 99)),
    ("service", np.full(5, 0)),
    ("current", np.full(6, -2)),
    ("current", np.full(6, 3)),
    ("safety", np.full((6, 9), 1)),
    ("location", np.full(3, 7)),
    ("dependencies", np.array([[0, 9]])),
    ("balances", np.array([[9, 0, 1, 1]])),
    ("host_class", np.full(3, 5)),
    ("allowed", np.ones((1, 2), dtype=np.bool_)),
    ("most_moves", -1),
    ("move_weight", -1),
    ("pair_cost", np.full((3, 3), -1, dtype=np.int32)),
]


@pytest.mark.parametrize(("name", "value"), BROKEN, ids=[f"{name}-{n}" for n, (name, _) in enumerate(BROKEN)])
def test_what_does_not_fit_together_is_refused_by_name(name: str, value: Any) -> None:
    """The compiled search indexes without looking: nothing out of range may reach it."""
    with pytest.raises(InputError, match="weights" if name == "move_weight" else name):
        replace(random_question(5), **{name: value})


def test_costs_that_could_leave_64_bits_are_refused() -> None:
    """Sums that wrap around would be costs that lie."""
    question = random_question(5)
    with pytest.raises(InputError, match="too large"):
        replace(question, load_weight=np.full(question.resources, 2**61))


def test_what_is_left_out_means_no_rule_and_no_cost() -> None:
    """The shortest question is sizes on hosts."""
    full = random_question(2)
    question = type(full)(
        full.sizes, full.service, full.current, full.capacity, full.safety, full.location, full.neighbourhood
    )
    assert question.most_per_host.tolist() == [1] * question.services
    assert not question.spread.any()
    assert question.members.sum() == question.vms
    assert question.within(3).most_moves == 3
