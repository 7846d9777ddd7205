"""Schemas: what is published is what the code reads and writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from formulations.errors import InputError
from formulations.instance import Instance
from solver.examples import example_names, example_text
from solver.inventories import instance_schema, read_instance, result_schema
from solver.inventories.json_text import decode_json
from solver.inventories.writing import instance_json
from solver.inventories.yaml_text import json_from_yaml

PUBLISHED = Path(__file__).parents[3] / "docs" / "schema"

SCHEMAS = {"instance": instance_schema, "result": result_schema}


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_published_copy_is_fresh(name: str) -> None:
    """Editors load the copy in docs; `placewright schema NAME > docs/schema/NAME.json` renews it."""
    assert json.loads((PUBLISHED / f"{name}.json").read_text(encoding="utf-8")) == SCHEMAS[name]()


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_schemas_are_schemas(name: str) -> None:
    """A schema that is none itself would be ignored by the tools that it is for."""
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name]())


def undescribed(schema: dict[str, Any]) -> set[str]:
    return {
        f"{title}.{field}"
        for title, definition in schema["$defs"].items()
        for field, words in definition.get("properties", {}).items()
        if "description" not in words and field not in ("rule", "mode")
    }


def test_almost_every_field_is_described() -> None:
    """The schema is the reference of the format; rules say in one sentence what their fields mean."""
    rules = {title for title, d in instance_schema()["$defs"].items() if "rule" in d.get("properties", {})}
    assert {field for field in undescribed(instance_schema()) if field.split(".")[0] not in rules} <= {
        "Cell.capacity",
        "Cell.cores",
        "Pool.name",
        "Pool.resources",
        "Pool.parent",
    }
    assert undescribed(result_schema()) == set()
    assert all(d["description"] for d in instance_schema()["$defs"].values())


@pytest.mark.parametrize("name", example_names())
def test_examples_and_what_is_written_fit_the_schema(tmp_path: Path, name: str) -> None:
    """Schema and reader must accept the same files."""
    text = example_text(name).encode()
    jsonschema.validate(msgspec.json.decode(json_from_yaml(text)), instance_schema())
    path = tmp_path / "example.yaml"
    path.write_bytes(text)
    jsonschema.validate(msgspec.json.decode(instance_json(read_instance(path))), instance_schema())


LIMITS = [
    ("vms", "count", 0),
    ("vms", "count", 10_000_001),
    ("vms", "numa", 0),
    ("vms", "numa", 63),
    ("vms", "vcpus", 0),
    ("vms", "burst_probability", 1.5),
    ("vms", "move_cost", -1),
    ("vms", "name", "x" * 201),
    ("hosts", "count", 0),
    ("hosts", "cores", 0),
    ("hosts", "cost", 10**12 + 1),
    ("hosts", "cells", [{"capacity": {}}] * 63),
    ("vms", "resources", {"cpu": {"shares": 0}}),
    ("vms", "resources", {"cpu": {"demand": []}}),
    ("rules", "vms", []),
    ("rules", "least", 0),
]


@pytest.mark.parametrize(("where", "field", "value"), LIMITS)
def test_limits_in_the_schema_are_the_codes_limits(where: str, field: str, value: object) -> None:
    """What the schema refuses, the reader refuses; the neighbour inside the limit both take."""
    plain: dict[str, Any] = {
        "resources": [{"name": "cpu"}],
        "vms": [{"name": "a", "resources": {"cpu": 1}}],
        "hosts": [{"name": "h", "capacity": {"cpu": 1}}],
        "rules": [{"rule": "at_least_domains", "vms": ["a"], "least": 1}],
    }
    validator = jsonschema.Draft202012Validator(instance_schema())
    assert validator.is_valid(plain)
    assert decode_json(json.dumps(plain).encode(), Instance).vm_count == 1
    plain[where][0][field] = value
    assert not validator.is_valid(plain)
    with pytest.raises(InputError):
        decode_json(json.dumps(plain).encode(), Instance)
