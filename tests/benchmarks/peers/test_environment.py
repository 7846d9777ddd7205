"""Environments are made with a fitting Python, and are used only as pinned."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.peers.__main__ import main
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.environment import FOLDER, PYTHONS, Environment, SetupError

NOTHING = Environment("nothing", ())


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.delenv(PYTHONS, raising=False)


def test_an_environment_is_absent_until_it_is_set_up() -> None:
    """The reason says what to type."""
    assert NOTHING.absent() == "not set up: python -m benchmarks.peers setup nothing"


def test_other_pins_are_not_used(tmp_path: Path) -> None:
    """Results name versions: an environment of yesterday's pins is not taken for today's."""
    folder = tmp_path / "nothing" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").write_text("", encoding="utf-8")
    note = folder.parent / "installed.json"
    note.write_text(json.dumps([]), encoding="utf-8")
    assert NOTHING.absent() is None
    note.write_text(json.dumps(["other==1"]), encoding="utf-8")
    reason = NOTHING.absent()
    assert reason is not None
    assert "other versions" in reason


def test_a_missing_program_is_named() -> None:
    """What pip does not bring is asked for by name."""
    environment = Environment("odd", (), programs=("no-such-program",))
    assert environment.absent() == "needs no-such-program on the path"
    with pytest.raises(SetupError, match="no-such-program"):
        environment.set_up()


def test_a_python_that_does_not_fit_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a wrong version nor a stand-in that does not start: the message names the way out."""
    stand_in = tmp_path / "python3.99"
    stand_in.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    stand_in.chmod(0o755)
    monkeypatch.setenv(PYTHONS, str(stand_in))
    future = Environment("future", (), python=(98, 99))
    with pytest.raises(SetupError, match=r"from 3\.98 to 3\.99.*PLACEWRIGHT_PYTHONS"):
        future.set_up()
    with pytest.raises(SetupError, match="is none"):
        future.set_up(sys.executable)


def test_list_says_what_is_skipped_and_why() -> None:
    """Nothing is left out in silence."""
    printed = CliRunner().invoke(main, ["list"], catch_exceptions=False).output
    assert printed.count("skipped: ") == len(PEERS)
    assert "not compared: " in printed


def test_the_command_line_refuses_unknown_names() -> None:
    """A typing error does not set up everything."""
    result = CliRunner().invoke(main, ["setup", "cbx"])
    assert result.exit_code == 2
    assert "cbx" in result.output


def test_running_what_is_not_set_up_fails_with_the_reason(tmp_path: Path) -> None:
    """The command says what to type."""
    problem = tmp_path / "problem.json"
    problem.write_text("{}", encoding="utf-8")
    result = CliRunner().invoke(main, ["run", "timefold", str(problem)])
    assert result.exit_code == 1
    assert "timefold: " in result.output
