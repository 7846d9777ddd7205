"""Tests of the README: its Python session, its commands, its tables and its links."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

from solver.cli.program import COMMANDS
from tests.solver.cli.conftest import Run

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


def blocks(language: str) -> list[str]:
    """Return the README's code blocks of a language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )


def test_the_python_session_gives_what_it_shows() -> None:
    """People embed placewright by copying this session."""
    tried = doctest.testfile(str(README), module_relative=False)
    assert tried.attempted >= 8
    assert tried.failed == 0


def test_the_python_session_is_about_ten_lines() -> None:
    """An embedding that needs more would be a sign of a clumsy interface."""
    [session] = blocks("python")
    assert sum(line.startswith(">>>") for line in session.splitlines()) <= 10


def test_there_are_two_commands_each_on_a_line_of_its_own() -> None:
    """Each must be pasted as it stands, with its own set-up inside; the script of all checks runs both."""
    first, second = blocks("sh")
    for command in (first, second):
        assert command.count("\n") == 1
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert ".venv/bin/placewright solve" in first
    assert second.rstrip().endswith(".venv/bin/pytest")


def test_the_first_command_prints_what_is_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A placement with allocation, objective, bound, gap and time, from the README's own words."""
    from solver.cli import main

    runs = []
    for part in blocks("sh")[0].split("&&"):
        words = shlex.split(part)
        if words[0].endswith("/placewright"):
            code = main([str(tmp_path / word) if word.endswith(".yaml") else word for word in words[1:]])
            said = capsys.readouterr()
            runs.append(Run(code, said.out, said.err))
    assert [run.code for run in runs] == [0, 0]
    [transcript] = blocks("text")
    for out in (runs[-1].out, transcript):
        assert re.match(r"OPTIMAL: .+, bound .+, gap 0 %, .+ s\n", out)
        assert "cpu (cores)" in out
    assert _proved(transcript) == _proved(runs[-1].out)


def _proved(report: str) -> list[list[str]]:
    """Return the values and bounds of a report's levels: what is the same on every machine."""
    _, table, *_ = report.split("\n\n")
    return [re.split(r"\s{2,}", line)[:4] for line in table.splitlines()]


def test_every_command_stands_in_the_table() -> None:
    """The README is where people look for what there is."""
    text = README.read_text(encoding="utf-8")
    assert all(f"`placewright {command}" in text for command in COMMANDS)


def test_links_and_pictures_lead_somewhere() -> None:
    """A broken picture on the front page is worse than none."""
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert links
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert not missing


def test_the_readme_stays_short() -> None:
    """What is longer belongs in docs/."""
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 130
