"""The page on VMs that run already: its sessions give what they show."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

from solver.cli import main
from tests.test_scheduling_doc import pattern

PAGE = Path(__file__).parent.parent / "docs" / "rebalancing.md"


def test_the_session_gives_what_it_shows() -> None:
    """People embed repair and admission by copying it."""
    tried = doctest.testfile(str(PAGE), module_relative=False)
    assert tried.attempted >= 12
    assert tried.failed == 0


def test_the_commands_give_what_they_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator who copies file and commands must come to the same plan."""
    text = PAGE.read_text(encoding="utf-8")
    (cluster,) = re.findall(r"^```yaml\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    (session,) = re.findall(r"^```console\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    Path("cluster.yaml").write_text(cluster, encoding="utf-8")
    steps = [part.partition("\n") for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]]
    for command, _, shown in steps:
        assert main([*shlex.split(command)[1:], "-q"]) == 0
        printed = capsys.readouterr().out
        assert re.fullmatch(pattern(shown) + r"\n*", printed), f"{command}:\n{printed}"
    assert [command.split()[1] for command, _, _ in steps] == ["admit", "migrate", "migrate"]
