"""The roomy mix: within the budget, with all that is needed, and with the most room to spare."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from formulations.program import ContradictionError
from formulations.roomy_mix import Need, RoomyMix
from formulations.tables import Integers
from solver.backends import backend_named
from solver.backends.base import Outcome, Settings
from solver.deadline import Deadline
from tests.agreement import seeds


def most_room(model: dict[str, Integers], budget: int, spare: Integers, need: Need) -> float | None:
    """Return the most room of any mix, by trying all; None if no mix will do."""
    best: float | None = None
    for mix in product(*(range(low, high + 1) for low, high in zip(model["least"], model["most"], strict=True))):
        numbers = np.array(mix)
        offered = numbers @ model["capacity"]
        if numbers @ model["costs"] > budget or (offered < model["demand"]).any() or numbers @ need.offer < need.least:
            continue
        room = float(((offered - model["demand"]) / spare).min())
        best = room if best is None else max(best, room)
    return best


@pytest.mark.parametrize("rng", seeds("roomy mix", 8))
def test_no_mix_is_roomier(rng: np.random.Generator) -> None:
    """What the program finds is what trying all mixes finds: the mix decides what can be filled at all."""
    model: dict[str, Integers] = {
        "capacity": rng.integers(0, 9, (4, 2)),
        "costs": rng.integers(1, 9, 4),
        "least": np.array([0, 1, 0, 0]),
        "most": rng.integers(1, 4, 4),
        "demand": rng.integers(1, 20, 2),
    }
    budget, spare = int(rng.integers(5, 40)), rng.integers(1, 5, 2)
    need = Need(rng.integers(0, 3, 4), int(rng.integers(0, 4)))
    best = most_room(model, budget, spare, need)
    try:
        mix = RoomyMix(
            model["capacity"],
            model["costs"],
            model["demand"],
            budget,
            least=model["least"],
            most=model["most"],
            spare=spare.astype(np.float64),
            needs=[need],
        )
    except ContradictionError:
        assert best is None
        return
    solution = backend_named("cbc").solve(mix.problem, deadline=Deadline(30), settings=Settings())
    if best is None:
        assert solution.outcome is Outcome.INFEASIBLE
        return
    assert solution.outcome is Outcome.OPTIMAL
    numbers = mix.decode(solution.values)
    assert numbers @ model["costs"] <= budget
    assert numbers @ need.offer >= need.least
    assert float(((numbers @ model["capacity"] - model["demand"]) / spare).min()) == pytest.approx(best)
