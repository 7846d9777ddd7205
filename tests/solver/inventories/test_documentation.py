"""The page on files: what it shows must be readable as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from formulations import VM, Bounds, Host, Instance, Resource
from formulations.rules import Rule
from solver.inventories import read_instance, read_placement
from solver.inventories.yaml_text import json_from_yaml

PAGE = Path(__file__).parents[3] / "docs" / "files.md"


def blocks() -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_shown_instance_and_placement_are_read(tmp_path: Path) -> None:
    """People copy examples from the page."""
    instance_text, placement_text = blocks()
    (tmp_path / "instance.yaml").write_text(instance_text)
    (tmp_path / "placement.yaml").write_text(placement_text)
    instance = read_instance(tmp_path / "instance.yaml")
    placement = read_placement(tmp_path / "placement.yaml", instance)
    assert placement.host_of.tolist() == [0, 1, 4, 4, -1]
    assert placement.allocation is not None
    first = [
        scale.value(got) for scale, got in zip(instance.tables.scales, placement.allocation[0].tolist(), strict=True)
    ]
    assert [float(value) for value in first] == [2.5, 8.25, 0]


def test_shown_instance_has_every_field() -> None:
    """The page claims to show all fields; new ones must be added to it."""
    shown = msgspec.json.decode(json_from_yaml(blocks()[0].encode()))
    sizes = [size for vm in shown["vms"] for size in vm["resources"].values() if isinstance(size, dict)]
    for kind, entries in (
        (Instance, [shown]),
        (Resource, shown["resources"]),
        (VM, shown["vms"]),
        (Host, shown["hosts"]),
        (Bounds, sizes),
    ):
        assert {field for entry in entries for field in entry} == set(kind.__struct_fields__)


def test_every_rule_is_in_the_table() -> None:
    """A rule that the page forgets does not exist for its readers."""
    text = PAGE.read_text(encoding="utf-8")
    for rule in Rule.__args__:
        row = re.search(rf"^\| `{rule.__struct_config__.tag}` \| (.*?) \|", text, re.MULTILINE)
        assert row is not None, rule
        fields = set(re.findall(r"`(\w+)", row[1]))
        assert fields == set(rule.__struct_fields__) - {"price", "note", "continuous"}
