"""Plan files: what is written is read again, and anybody's plan can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from formulations.errors import InputError
from formulations.scheduling.migration import MigrationPlan, MigrationQuestion, PlanStatus
from solver.inventories.migrations import destination, plan_of, read_plan
from solver.reporting.migrations import plan_json
from solver.scheduling.migration.planning import plan_migration
from solver.verifying.schedules.migration import check_migration
from tests.solver.scheduling.migration.cases import between, plain, random_question


def swap(**settings: Any) -> MigrationQuestion:
    """Return a swap of two full hosts with a spare."""
    instance = plain({"a": 6, "b": 6}, {"x": 6, "y": 6, "spare": 6})
    return between(instance, {"a": "x", "b": "y"}, {"a": "y", "b": "x"}, **settings)


def written(plan: MigrationPlan, folder: Path) -> Path:
    """Write a plan to a file."""
    path = folder / "plan.json"
    path.write_bytes(plan_json(plan))
    return path


def read(folder: Path, question: MigrationQuestion, **document: Any) -> MigrationPlan:
    """Write a document to a file and read the plan in it."""
    path = folder / "plan.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return plan_of(read_plan(path), question)


@pytest.mark.parametrize("seed", range(8))
def test_plans_survive_their_files(tmp_path: Path, seed: int) -> None:
    """Steps, cells, figures, bounds and reasons must come back as they were, whatever the status."""
    question = random_question(seed, allow_stops=bool(seed % 2))
    plan = plan_migration(question, seconds=20)
    again = plan_of(read_plan(written(plan, tmp_path)), question)
    fields = set(MigrationPlan.__dataclass_fields__) - {"question", "seconds"}
    assert {name: getattr(again, name) for name in fields} == {name: getattr(plan, name) for name in fields}


def test_the_least_that_a_plan_says_is_who_goes_where_and_when(tmp_path: Path) -> None:
    """Plans of other tools know no bounds: ends, downtimes and totals are worked out, and claim nothing."""
    question = swap(per_host=1)
    steps = [
        {"vm": "a", "from": "x", "to": "spare", "start_ms": 0},
        {"vm": "b", "from": "y", "to": "x", "start_ms": 6000},
        {"vm": "a", "from": "spare", "to": "y", "start_ms": 12000},
    ]
    plan = read(tmp_path, question, steps=steps)
    assert (plan.status, plan.makespan, plan.bypasses, plan.bound) == (PlanStatus.FEASIBLE, 18_000, 1, 0)
    assert [step.end for step in plan.steps] == [6_000, 12_000, 18_000]
    assert not check_migration(question, plan)


def test_false_claims_are_read_as_they_are(tmp_path: Path) -> None:
    """A file's own figures must reach the checker, which compares them."""
    plan = read(tmp_path, swap(), status="OPTIMAL", makespan_ms=5, steps=[])
    assert {violation.kind.value for violation in check_migration(plan.question, plan)} == {"arrival", "claim"}


def test_steps_lead_to_a_destination(tmp_path: Path) -> None:
    """A plan can be replayed without a target: it is where the steps lead, in the order of their starts."""
    question = swap()
    path = tmp_path / "plan.json"
    steps = [
        {"vm": "a", "from": "spare", "to": "y", "start_ms": 9},
        {"vm": "a", "from": "x", "to": "spare", "start_ms": 0},
        {"vm": "b", "kind": "stop", "from": "y", "start_ms": 3},
    ]
    path.write_text(json.dumps({"steps": steps}), encoding="utf-8")
    found = destination(read_plan(path), question.instance, question.current)
    assert found.host_of.tolist() == [1, -1]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"vm": "c", "to": "x", "start_ms": 0}, "steps[0].vm: no VM is called 'c'"),
        ({"vm": "a", "to": "h", "start_ms": 0}, "steps[0].to: no host is called 'h'"),
        ({"vm": "a", "start_ms": -1}, "start_ms: must be between 0 and"),
        ({"vm": "a", "start_ms": 0.5}, "start_ms"),
        ({"vm": "a", "start_ms": 0, "cells": [0, 0]}, "expected distinct cells"),
        ({"vm": "a"}, "start_ms"),
        ({"vm": "a", "start_ms": 0, "kind": "fly"}, "kind"),
        ({"vm": "a", "start_ms": 0, "at": "x"}, "at"),
    ],
)
def test_broken_plans_are_refused_with_the_field(tmp_path: Path, step: dict[str, Any], said: str) -> None:
    """Whoever wrote the file must find the place."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, swap(), steps=[step])
    assert said in str(caught.value)
