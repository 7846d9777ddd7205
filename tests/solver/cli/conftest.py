"""Fixtures of the command line's tests: run a command in process, and small files to run it on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from solver.cli import main
from solver.examples import example_text


@dataclass(frozen=True)
class Run:
    """What one run of the command line returned and printed."""

    code: int
    out: str
    err: str

    @property
    def object(self) -> dict[str, Any]:
        """The JSON object on standard output."""
        parsed = json.loads(self.out)
        assert isinstance(parsed, dict)
        return parsed


Placewright = Callable[..., Run]


@pytest.fixture
def placewright(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Placewright:
    """Return a function that runs the command line in this process."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments: object) -> Run:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Run(code, said.out, said.err)

    return run


@pytest.fixture
def example(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes a bundled example to a file of its own."""

    def write(name: str) -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(example_text(name), encoding="utf-8")
        return path

    return write


@pytest.fixture
def two_vms(tmp_path: Path) -> Path:
    """Return a file with two VMs that must not share a host, and three hosts."""
    content = {
        "resources": [{"name": "cpu", "unit": "cores"}, {"name": "memory", "unit": "GB"}],
        "vms": [
            {
                "name": "a",
                "resources": {"cpu": {"reservation": 2, "demand": 4, "limit": 6}, "memory": 8},
                "host": "h-1",
            },
            {"name": "b", "resources": {"cpu": 2, "memory": 8}, "host": "h-2"},
        ],
        "hosts": [{"name": "h", "count": 3, "capacity": {"cpu": 8, "memory": 32}}],
        "rules": [{"rule": "spread", "vms": ["a", "b"]}],
    }
    path = tmp_path / "two.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
