"""The generated migrations are what they say, and their table is whole."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from benchmarks.migrating import FAMILIES, free_share, instance_of, loads, main, question_of
from solver.verifying import holds


@pytest.mark.parametrize("family", FAMILIES)
def test_targets_are_valid_and_of_their_kind(family: str) -> None:
    """A figure about invalid or trivial questions would say nothing."""
    question = question_of(family, 0.6, 1, 120, 12)
    assert holds(question.instance, question.target)
    assert holds(question.instance, question.current)
    assert len(question.changing) >= (100 if family in ("level", "pack") else 5)
    emptied = set(question.here.tolist()) - set(question.there.tolist())
    assert bool(emptied) == (family in ("drain", "consolidate", "pack"))


def test_hosts_are_as_full_as_asked_for() -> None:
    """Utilisation is what makes migrations hard."""
    instance = instance_of(300, 30, 0.75, 2)
    assert 0.22 < free_share(instance) < 0.28
    assert int(loads(instance).max()) <= int(instance.tables.capacity[:, 1].max())


def test_a_line_is_printed_per_plan() -> None:
    """The table goes into the documentation as it is."""
    options = ["--vms", "60", "--hosts", "8", "--seeds", "1", "--utilisation", "0.6", "--family", "drain"]
    run = CliRunner().invoke(main, [*options, "--seconds", "2"])
    assert run.exit_code == 0
    lines = run.output.splitlines()
    assert lines[-1].startswith("| drain | 60% | 0 | ")
    assert lines[-1].count("|") == lines[0].count("|") == 11
