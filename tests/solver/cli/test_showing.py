"""Tests of ``placewright show``, ``schema`` and ``example``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from solver.cli.exits import Exit
from solver.examples import example_names
from solver.inventories import read_instance
from tests.solver.cli.conftest import Placewright


@pytest.mark.parametrize("name", example_names())
def test_every_example_is_written_and_shown(placewright: Placewright, tmp_path: Path, name: str) -> None:
    """The examples are the first files that people meet."""
    path = tmp_path / "example.yaml"
    assert placewright("example", name, "-o", path).code == 0
    assert placewright("example", name).out == path.read_text(encoding="utf-8")
    run = placewright("show", path)
    assert run.code == 0
    assert max(map(len, run.out.splitlines())) <= 80
    assert placewright("show", path, "--json").object["vms"] == read_instance(path).vm_count


def test_examples_are_listed_with_what_they_show(placewright: Placewright) -> None:
    """Without a name the command must help to choose one."""
    run = placewright("example")
    assert run.code == 0
    assert all(name in run.out for name in example_names())


def test_an_example_never_overwrites_work(placewright: Placewright, tmp_path: Path) -> None:
    """Somebody's edited file is worth more than the example."""
    path = tmp_path / "mine.yaml"
    path.write_text("mine", encoding="utf-8")
    run = placewright("example", "reference", "-o", path)
    assert run.code == Exit.BAD_INPUT
    assert "--force" in run.err
    assert path.read_text(encoding="utf-8") == "mine"
    assert placewright("example", "reference", "-o", path, "--force").code == 0
    assert placewright("example", "reference", "-o", path).code == 0, "the same content again is no loss"


@pytest.mark.parametrize("kind", ["instance", "result"])
def test_schemas_are_printed_whole(placewright: Placewright, kind: str) -> None:
    """Editors and validators take the schema from here."""
    schema = placewright("schema", kind).object
    jsonschema.validators.validator_for(schema).check_schema(schema)


def test_a_result_is_shown_with_a_fresh_verdict(
    placewright: Placewright, example: Callable[[str], Path], tmp_path: Path
) -> None:
    """A result file may have been edited: what is shown is judged anew."""
    path, result = example("reference"), tmp_path / "result.json"
    assert placewright("solve", path, "-o", result).code == 0
    assert placewright("show", path, result).out.startswith("ACCEPTED")
    content = json.loads(result.read_text(encoding="utf-8"))
    first = next(iter(content["allocation"].values()))
    first["cpu"] = 10_000
    result.write_text(json.dumps(content), encoding="utf-8")
    assert placewright("show", path, result).out.startswith("REJECTED")


def test_a_result_is_drawn(placewright: Placewright, example: Callable[[str], Path], tmp_path: Path) -> None:
    """A picture can be had later, without solving again."""
    path, result, picture = example("reference"), tmp_path / "result.json", tmp_path / "hosts.svg"
    assert placewright("solve", path, "-o", result).code == 0
    assert placewright("show", path, result, "--picture", picture).code == 0
    assert "<svg" in picture.read_text(encoding="utf-8")
    assert placewright("show", path, "--picture", picture).code == Exit.BAD_INPUT
