"""The program of the shortest makespan agrees with trying every order of starts."""

from __future__ import annotations

import numpy as np
import pytest

from formulations.scheduling.makespan import ShortestMakespan
from solver.backends import Outcome, Settings, backend_named
from solver.backends.matrix import Matrix
from solver.deadline import Deadline
from tests.leg_cases import EveryStart, random_legs


def agree(seed: int, count: int) -> bool:
    """Hold the program against brute force; return whether there was a schedule."""
    legs = random_legs(seed, count)
    least = EveryStart(legs).shortest()
    if least is None:
        return False
    nothing = np.zeros(count, dtype=np.int64)
    model = ShortestMakespan(legs, nothing, nothing, 0, int(legs.duration.sum()))
    solution = backend_named("cbc").solve(model.problem, deadline=Deadline(60), settings=Settings())
    assert solution.outcome is Outcome.OPTIMAL
    start = model.decode(solution.values)
    assert legs.broken(start) == ""
    assert legs.makespan(start) == least == round(solution.objective or 0) * model.unit
    return True


def test_the_program_agrees_with_every_order() -> None:
    """Slots, room and given orders: the program must find the shortest schedule, no shorter and no longer."""
    assert sum(agree(seed, 4) for seed in range(12)) >= 6


@pytest.mark.campaign
def test_many_programs_agree_with_every_order() -> None:
    """The same on hundreds of cases."""
    assert sum(agree(seed, 3 + seed % 4) for seed in range(100, 400)) > 150


@pytest.mark.parametrize("seed", [0, 2, 6, 7])
def test_a_known_schedule_is_a_complete_start(seed: int) -> None:
    """The values handed to the solver must keep the model, or they would not be used."""
    legs = random_legs(seed, 5)
    least = EveryStart(legs).shortest()
    assert least is not None
    nothing = np.zeros(5, dtype=np.int64)
    model = ShortestMakespan(legs, nothing, nothing, 0, int(legs.duration.sum()))
    solution = backend_named("cbc").solve(model.problem, deadline=Deadline(60), settings=Settings())
    values = model.start_values(model.decode(solution.values))
    assert set(values) == {variable.name for variable in model.problem.variables()}
    matrix = Matrix.of(model.problem, Deadline())
    assert matrix is not None
    assert matrix.vector(values) is not None
