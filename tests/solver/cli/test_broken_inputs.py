"""Tests of the command line on broken input: every fault is one line, code 2, and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from solver.cli.exits import Exit
from tests.solver.cli.conftest import Placewright

BROKEN = Path(__file__).parents[2] / "data" / "broken"
FILES = sorted(path for path in BROKEN.iterdir() if path.suffix in (".json", ".yaml", ".yml", ".vbp"))


def test_there_are_many_kinds_of_faults() -> None:
    """An empty folder would let every test below pass."""
    assert len(FILES) >= 30


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_broken_file_is_one_line_and_code_2(placewright: Placewright, path: Path) -> None:
    """Whoever hands in a broken file must learn which file it is and what is wrong, and nothing else."""
    run = placewright("solve", path, "--time", "5", "--json")
    assert run.code == Exit.BAD_INPUT
    assert run.out == ""
    assert run.err.count("\n") == 1
    assert str(path) in run.err
    assert "Traceback" not in run.err
    assert len(run.err) < len(str(path)) + 500


@pytest.mark.parametrize("command", ["show", "explain", "allocate", "verify"])
def test_every_command_refuses_alike(placewright: Placewright, command: str) -> None:
    """The reader is the same, so must be its refusals."""
    run = placewright(command, FILES[0])
    assert run.code == Exit.BAD_INPUT
    assert run.out == ""
    assert run.err.count("\n") == 1


def test_ten_megabytes_of_nesting_do_not_crash(placewright: Placewright, tmp_path: Path) -> None:
    """Recursion must end in a message, not in a crash of the interpreter."""
    for name, opening in (("deep.json", "["), ("deep.yaml", "[")):
        path = tmp_path / name
        path.write_text(opening * 10_000_000, encoding="ascii")
        run = placewright("show", path)
        assert run.code == Exit.BAD_INPUT
        assert run.err.count("\n") == 1


def test_a_file_that_may_not_be_read_is_bad_input(
    placewright: Placewright, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Permissions are the caller's to mend, and no defect."""
    path = tmp_path / "secret.json"
    path.write_text("{}", encoding="ascii")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    run = placewright("show", path)
    assert run.code == Exit.BAD_INPUT
    assert "permission" in run.err
