"""Tests of folders that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from formulations.errors import InputError
from solver.inventories.folders import write_folder

FILES = {"a/b/c.txt": b"one", "a/d.txt": b"two", r"a/placewright-web\x2d1.slice": b"three"}


def contents(folder: Path) -> dict[str, bytes]:
    """Return what a folder holds."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_or_an_empty_folder_is_filled(tmp_path: Path) -> None:
    """Both are what people give."""
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        write_folder(tmp_path / name, FILES)
        assert contents(tmp_path / name) == FILES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "new"]


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    """Settings of VMs that are gone must not mix with new ones, and nothing is deleted unasked."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "kept").write_text("mine")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="holds files already"):
        write_folder(tmp_path / "old", FILES)
    with pytest.raises(InputError, match="is a file"):
        write_folder(tmp_path / "file", FILES)
    with pytest.raises(InputError, match="is no folder"):
        write_folder(tmp_path / "missing" / "new", FILES)
    assert contents(tmp_path) == {"old/kept": b"mine", "file": b"mine"}


def test_nothing_is_left_behind_when_a_file_cannot_be_written(tmp_path: Path) -> None:
    """Half of the settings would be worse than none."""
    with pytest.raises(OSError, match=r"name too long|File name"):
        write_folder(tmp_path / "new", {"a": b"one", "b" * 300: b"two"})
    assert list(tmp_path.iterdir()) == []
