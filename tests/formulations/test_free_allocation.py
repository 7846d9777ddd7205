"""The programs of free allocation: what they state, how they name it, and that solvers agree on it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from formulations.allocation.container import Container, Row, dominant, even, max_min, proportional
from formulations.allocation.free import FreeAllocation, RisingLevel
from solver.backends.base import Backend, Settings
from solver.backends.cbc import CbcBackend
from solver.backends.highs import HighsBackend
from solver.deadline import Deadline
from tests.solver.allocating.drawing import every_allocation, random_container

BACKENDS: list[Backend] = [CbcBackend(), HighsBackend()]
SEEDS = [*range(6), *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(1000, 1300))]


def solved(model: FreeAllocation, backend: Backend) -> tuple[float, list[list[float]]]:
    """Return the objective in its own unit, and the amounts."""
    solution = backend.solve(model.problem, deadline=Deadline(60), settings=Settings())
    assert solution.objective is not None
    return solution.objective / model.scale, model.decode(solution.values)


def drawn(seed: int, rows: str) -> Container:
    return random_container(np.random.default_rng(seed), rows=rows, steps=seed % 2 == 0, members=3, largest=9)


@pytest.mark.parametrize("backend", BACKENDS, ids=["cbc", "highs"])
@pytest.mark.parametrize("seed", SEEDS)
def test_integer_programs_reach_the_enumerated_optimum(seed: int, backend: Backend) -> None:
    """Every objective, with whole cores and weighted rows, must mean what its docstring says."""
    container = drawn(seed, ("one", "nested", "crossing")[seed % 3])
    everything = every_allocation(container)
    columns = list(zip(container.shares, container.demand, strict=True))

    def met(amounts: tuple[int, ...]) -> Fraction:
        pairs = zip(columns, amounts, strict=True)
        return sum((Fraction(w * min(a, d), d) for (w, d), a in pairs if d), Fraction(0))

    satisfied = FreeAllocation((container,), integral=True)
    satisfied.maximise_satisfaction()
    best = max(map(met, everything))
    assert solved(satisfied, backend)[0] == pytest.approx(float(best), abs=1e-6)
    lacking = FreeAllocation((container,), integral=True)
    lacking.minimise_unmet()
    assert solved(lacking, backend)[0] == pytest.approx(sum(w for w, d in columns if d) - float(best), abs=1e-6)
    used = FreeAllocation((container,), integral=True)
    used.maximise_utilisation()
    total = sum(solved(used, backend)[1][0])
    assert total == pytest.approx(max(sum(a) for a in everything), abs=1e-6)


def test_the_program_reads_like_a_document() -> None:
    """Names tell who gets what and which capacity holds, in spite of characters that LP files forbid."""
    container = replace(
        Container.plain(5, [0, 0], [2, 4], [3, 9]), resource="memory", members=("web server-1", "db (old)")
    )
    model = FreeAllocation((container,))
    model.maximise_utilisation()
    assert [x.name for x in model.extra[0]] == ["extra_memory_web_server_1", "extra_memory_db__old_"]
    assert model.problem.get_constraint_by_name("capacity_1_1_host") is not None


def test_names_that_would_meet_are_kept_apart() -> None:
    """Two VMs whose names differ in forbidden characters alone must not share a variable."""
    container = replace(Container.plain(5, [0, 0], [2, 4], [3, 9]), members=("a-b", "a b"))
    names = [x.name for extra in FreeAllocation((container, container)).extra for x in extra]
    assert len(set(names)) == 4


def test_the_level_of_a_full_host_rises_no_further() -> None:
    """One round of the sequence: the common level, and who can rise above it."""
    container = Container.plain(10, [0, 0], [1, 1], [2, 20])
    model = RisingLevel(max_min(container), {0, 1}, set(), [[0, 0]])
    model.maximise_level(most=100)
    assert solved(model, HighsBackend())[0] == pytest.approx(2)
    further = RisingLevel(max_min(container), {0, 1}, set(), [[0, 0]])
    further.maximise_further(2, {0, 1}, most=50)
    assert solved(further, HighsBackend())[1][0] == pytest.approx([2, 8])


def test_fillings_state_their_lines() -> None:
    """Starts and slopes are the definition of every fairness; a wrong one would change all that follows."""
    container = Container.plain(10, [1, 0], [2, 0], [5, 5], [3, 1])
    slopes = [filling(container).slopes[0] for filling in (max_min, even, proportional)]
    assert [list(map(int, own)) for own in slopes] == [[6, 0], [2, 0], [3, 1]]
    assert proportional(container).starts == ((1, 0),)
    assert list(map(int, dominant((container,), [10]).slopes[0])) == [30, 0]


@pytest.mark.parametrize("seed", SEEDS)
def test_encoding_an_allocation_decodes_to_it(seed: int) -> None:
    """A start that means another allocation, or breaks the program, would mislead the solver."""
    container = drawn(seed, "crossing")
    for amounts in every_allocation(container)[::7]:
        model = FreeAllocation((container,))
        model.maximise_satisfaction()
        values = model.encode([amounts])
        assert model.decode(values) == [list(amounts)]
        for variable in model.problem.variables():
            variable.varValue = values[variable.name]
        assert model.problem.valid(1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_tidying_rows_changes_no_allocation(seed: int) -> None:
    """Rows that never bind may go and common factors may be cut: what fits stays what fits."""
    container = drawn(seed, "crossing")
    assert every_allocation(container.binding()) == every_allocation(container)


@pytest.mark.parametrize("seed", SEEDS)
def test_relaxing_steps_loses_no_allocation(seed: int) -> None:
    """The relaxation bounds the use of whole cores, so it must contain every allocation of them."""
    container = drawn(2 * seed, "nested")
    assert all(container.relaxed().fits(amounts) for amounts in every_allocation(container))


def test_crossing_rows_are_not_laminar() -> None:
    """Greedy is exact on nested or disjoint rows of equal coefficients only."""
    container = Container.plain(10, [0] * 3, [1] * 3, [9] * 3)
    assert container.laminar
    assert container.limited_by([Row("cell", (0, 2, 2), 4)]).laminar
    assert not container.limited_by([Row("cell", (0, 1, 2), 4)]).laminar
    assert not container.limited_by([Row("cell_1", (1, 1, 0), 4), Row("cell_2", (0, 1, 1), 4)]).laminar
    settled = container.bounded((0, 3, 0), (9, 3, 9))
    assert settled.limited_by([Row("cell_1", (1, 1, 0), 4), Row("cell_2", (0, 1, 1), 4)]).laminar
