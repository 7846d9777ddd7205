"""Round trips: what is written is what is read, exactly, and old files survive every failure."""

from __future__ import annotations

import errno
import os
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from formulations import VM, Bounds, Host, Instance, Resource
from formulations.errors import InputError
from solver.examples import example_names, example_text
from solver.inventories import read_instance, write_instance
from tests.strategies import instances

AWKWARD = [
    "on",
    "no",
    "null",
    "~",
    "1e3",
    "1_000",
    "0x1F",
    "12:30",
    "2024-01-01",
    "<<",
    "=",
    "a: b",
    "# c",
    "-",
    "é€😀",
]


def same(one: Instance, other: Instance) -> bool:
    arrays = ("lower", "demand", "upper", "shares", "capacity", "core", "numa")
    return (
        one.tables.scales == other.tables.scales
        and one.tables.shares_unit == other.tables.shares_unit
        and all(np.array_equal(getattr(one.tables, name), getattr(other.tables, name)) for name in arrays)
        and np.array_equal(one.current, other.current)
        and list(map(str, one.rules)) == list(map(str, other.rules))
        and one.levels == other.levels
    )


@pytest.mark.parametrize("ending", ["json", "yaml"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(instance=instances(isolation=("shared", "full", "pinned", "partial", "protected"), numa=True, overcommit=True))
def test_written_instances_are_read_back(tmp_path: Path, ending: str, instance: Instance) -> None:
    """An instance that changes on its way through a file would be another question."""
    path = tmp_path / f"instance.{ending}"
    write_instance(instance, path)
    first = read_instance(path)
    assert same(instance, first)
    written = path.read_bytes()
    write_instance(first, path)
    assert path.read_bytes() == written
    assert read_instance(path) == first


@pytest.mark.parametrize("name", example_names())
def test_examples_survive_both_formats(tmp_path: Path, name: str) -> None:
    """The bundled examples use every field; none may get lost in writing."""
    source = tmp_path / "example.yaml"
    source.write_text(example_text(name), encoding="utf-8")
    instance = read_instance(source)
    for ending in ("json", "yaml", "yml"):
        copy = tmp_path / f"copy.{ending}"
        write_instance(instance, copy)
        assert read_instance(copy) == instance


@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_awkward_names_stay_text(tmp_path: Path, ending: str) -> None:
    """YAML readers take many words for something else than text; ours must not, nor may others."""
    instance = Instance(
        resources=[Resource(name=name) for name in AWKWARD],
        vms=[VM(name=name, resources={name: 1}, group=name) for name in AWKWARD],
        hosts=[Host(name=name, capacity={name: 2}, rack=name) for name in AWKWARD],
    )
    path = tmp_path / f"awkward.{ending}"
    write_instance(instance, path)
    assert read_instance(path) == instance


def test_numbers_are_exact(tmp_path: Path) -> None:
    """A tenth is a tenth: sizes must not drift by binary rounding."""
    sizes: list[int | float | Decimal] = [
        Decimal("0.1"),
        Decimal("0.000000001"),
        Decimal(4096),
        Decimal("1E+3"),
        Decimal("12.50"),
        7,
    ]
    vms = [VM(name=f"v{n}", resources={"cpu": Bounds(limit=size)}) for n, size in enumerate(sizes)]
    instance = Instance(resources=[Resource(name="cpu")], vms=vms, hosts=[Host(name="h", capacity={"cpu": 1})])
    for ending in ("json", "yaml"):
        path = tmp_path / f"numbers.{ending}"
        write_instance(instance, path)
        read = read_instance(path)
        assert [vm.resources["cpu"].limit for vm in read.vms if isinstance(vm.resources["cpu"], Bounds)] == sizes
        assert same(instance, read)


def small(name: str = "") -> Instance:
    return Instance(resources=[Resource(name="cpu")], vms=[], hosts=[Host(name="h", capacity={"cpu": 1})], name=name)


def test_unknown_ending_is_refused(tmp_path: Path) -> None:
    """Guessing a format would write a file that nobody expects."""
    with pytest.raises(InputError, match=r"ends in \.json"):
        write_instance(small(), tmp_path / "instance.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """A failed write must leave the old file whole and no litter."""
    path = tmp_path / "instance.json"
    write_instance(small("old"), path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", full) if step == "fsync" else (Path, "replace", full)))
    with pytest.raises(OSError, match="No space left"):
        write_instance(small("new"), path)
    monkeypatch.undo()
    assert read_instance(path).name == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["instance.json"]


def test_permissions_and_links_survive_writing(tmp_path: Path) -> None:
    """Replacing a file must not make it public, nor cut the link that leads to it."""
    path, link = tmp_path / "instance.json", tmp_path / "link.json"
    write_instance(small(), path)
    path.chmod(0o640)
    link.symlink_to(path)
    write_instance(small("new"), link)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert read_instance(path).name == "new"


def test_json_is_what_other_tools_read(tmp_path: Path) -> None:
    """The file must be plain JSON with numbers as numbers."""
    path = tmp_path / "instance.json"
    write_instance(small("plain"), path)
    plain = msgspec.json.decode(path.read_bytes())
    assert plain["version"] == 1
    assert plain["hosts"] == [{"name": "h", "capacity": {"cpu": 1}}]
