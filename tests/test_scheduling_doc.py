"""The page on scheduling: its sessions in Python and on the command line give what they show."""

from __future__ import annotations

import doctest
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from solver.cli import main
from solver.cli.program import COMMANDS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "scheduling.md"
ELLIPSIS = "…"


@dataclass(frozen=True)
class Step:
    """A command of the session, and what it is said to print."""

    command: str
    shown: str


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def steps() -> list[Step]:
    """Return the commands of the whole way, in order, with what the page shows of their output."""
    whole = text().partition("## The whole way on one example")[2]
    found: list[Step] = []
    for block in re.findall(r"^```console\n(.*?)^```$", whole, flags=re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append(Step(command, shown))
    return found


def pattern(shown: str) -> str:
    """Return what output must match: an ellipsis stands for anything, alone on a line for any lines."""
    lines = []
    for line in shown.strip("\n").split("\n"):
        if line.strip() == ELLIPSIS:
            lines.append(r"(?:.*\n)*?")
        else:
            plain = ".*".join(re.escape(part) for part in line.split(ELLIPSIS))
            lines.append(plain + r"\n")
    return "".join(lines)


def test_the_sessions_in_python_give_what_they_show() -> None:
    """People embed the scheduler by copying these sessions."""
    tried = doctest.testfile(str(PAGE), module_relative=False)
    assert tried.attempted >= 8
    assert tried.failed == 0


def test_the_whole_way_runs_as_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Solve, schedule, migrate, settings: one example from the question to what hypervisors are told."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    used = []
    for step in steps():
        name, command, *arguments = shlex.split(step.command)
        assert name == "placewright"
        assert main([command, *arguments, *(() if command == "example" else ("-q",))]) == 0
        out = capsys.readouterr().out
        assert re.fullmatch(pattern(step.shown) if step.shown.strip() else r"(?:.*\n)*", out), f"{step.command}:\n{out}"
        used.append(command)
    assert used == ["example", "solve", "schedule", "migrate", "settings"]


def test_every_command_of_the_page_exists() -> None:
    """A page that speaks of commands that are not there sends people into errors."""
    named = set(re.findall(r"`placewright (\w+)", text()))
    assert named <= set(COMMANDS)
    assert named >= {"schedule", "simulate", "migrate", "settings"}


def test_links_lead_somewhere() -> None:
    """Every anchor is a heading of the page, every file is there."""
    headings = {
        re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text().splitlines()
        if line.startswith("#")
    }
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text()) if "://" not in link]
    assert links
    for link in links:
        file, _, anchor = link.partition("#")
        assert not file or (PAGE.parent / file).exists(), link
        assert not anchor or file or anchor in headings, link
