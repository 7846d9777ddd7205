"""The assignment model: a readable document, right in parts as in whole."""

from __future__ import annotations

import numpy as np
import pytest

from formulations import VM, Host, Instance, Placement, Resource, Term
from formulations.assignment import Assignment, Scope
from formulations.lattice import sound_bound, step_of
from formulations.objective import ObjectiveLevel, level
from formulations.program import ContradictionError, Expression, Program
from formulations.rules import Spread
from solver.backends import backend_named
from solver.backends.base import Settings
from solver.deadline import Deadline
from solver.placing import place
from solver.verifying import level_values
from tests.agreement import seeds
from tests.oracle import brute_force
from tests.strategies import everything


def small() -> Instance:
    """Return two VMs, two hosts and a rule."""
    return Instance(
        name="a small one",
        resources=[Resource(name="cpu")],
        vms=[VM(name="web 1", resources={"cpu": 2}), VM(name="web_1", resources={"cpu": 2})],
        hosts=[Host(name="host-1", capacity={"cpu": 4}), Host(name="host-2", capacity={"cpu": 4})],
        rules=[Spread(vms=["*"])],
        objective=[level("hosts")],
    )


def test_names_are_readable_and_unique() -> None:
    """The LP file is a document: names say what they are, and no two are alike."""
    model = Assignment(small())
    names = [variable.name for variable in model.problem.variables()]
    assert len(set(names)) == len(names)
    assert "assign_web_1_host_1" in names
    assert model.problem.get_constraint_by_name("place_web_1") is not None
    assert model.problem.get_constraint_by_name("capacity_host_1_cpu") is not None


def test_a_building_model_can_be_stopped() -> None:
    """Deadlines hold while models are built, too."""
    with pytest.raises(TimeoutError):
        Assignment(small(), stop=lambda: True)


def test_parts_are_worth_what_the_whole_is() -> None:
    """With some hosts free and the rest fixed, the levels' expressions give the whole's value, exactly held."""
    backend, checked = backend_named("cbc"), 0
    for rng in seeds("parts", 40):
        question = everything(rng)
        best = brute_force(question)
        if best is None:
            continue
        result = place(question, seconds=30, reasons=False)
        assert result.placement is not None
        hosts = np.flatnonzero(rng.random(question.host_count) < 0.5)
        model = Assignment(question, Scope.around(question, result.placement, hosts))
        for number, value in enumerate(level_values(question, result.placement)):
            model.minimise(number)
            solution = backend.solve(model.problem, deadline=Deadline(30), settings=Settings())
            assert solution.objective == pytest.approx(float(value), abs=1e-5, rel=1e-5)
            model.hold(number, float(value))
        checked += 1
    assert checked >= 10


def test_parts_hold_a_row_for_those_groups_alone_that_may_move() -> None:
    """A neighbourhood of one host must stay small where the whole cluster has thousands of groups."""
    vms = [VM(name=f"v{n}", resources={"cpu": 1}, group=f"g{n // 2}", host=f"h-{n % 3 + 1}") for n in range(60)]
    instance = Instance(
        resources=[Resource(name="cpu")],
        vms=vms,
        hosts=[Host(name="h", count=3, capacity={"cpu": 60})],
        objective=[level("group_moves")],
    )
    elsewhere = instance.current.copy()
    elsewhere[:2] = 2
    for placement, others in ((instance.current, 0), (elsewhere, 1)):
        fixed = Placement(placement, instance.tables.lower[instance.vm_entry])
        free = placement == 0
        model = Assignment(instance, Scope.around(instance, fixed, np.array([0])))
        rows = [row.name for row in model.problem.constraints() if row.name.startswith("moves_of")]
        groups = {vms[n].group for n in np.flatnonzero(free).tolist()}
        assert len(rows) == len(groups) + others


def test_start_values_stand_for_their_placement() -> None:
    """A placement written as a start is read back as itself."""
    question = small()
    placement = Placement(np.array([0, 1]))
    model = Assignment(question)
    np.testing.assert_array_equal(model.decode(model.start(placement)).host_of, placement.host_of)


def test_false_constants_are_contradictions() -> None:
    """A constraint without variables is checked when it is stated, not passed to a solver."""
    program = Program("p")
    program.at_most(Expression(constant=1.0), 1, "fine")
    with pytest.raises(ContradictionError, match="too much"):
        program.at_most(Expression(constant=2.0), 1, "too much")
    with pytest.raises(ContradictionError, match="off"):
        program.equal(Expression(constant=2.0), 1, "off")


def test_bounds_are_lifted_to_what_levels_can_take() -> None:
    """A float bound proves the next value of the lattice, never more than the best known value."""
    question = small().replace(
        hosts=[Host(name=f"h{n}", cost=cost, capacity={"cpu": 4}) for n, cost in enumerate((20, 30))],
        rules=[],
    )
    stated = ObjectiveLevel(terms=[Term(kind="cost", weight=2)])
    assert step_of(question, stated) == 20
    best = place(question.replace(objective=[stated])).objective
    assert best == 40
    assert sound_bound(question, stated, 20.001, best) == 40
    assert sound_bound(question, stated, 20.0000001, best) == 20
    assert sound_bound(question, stated, 400.0, best) == 40
    assert sound_bound(question, level("imbalance"), 0.5, best) < 0.5
