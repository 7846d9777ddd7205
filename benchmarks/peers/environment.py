"""A peer's environment: a Python of its own with pinned packages, in a folder that git ignores."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from formulations.errors import PlacewrightError

ROOT = Path(__file__).resolve().parents[2]

FOLDER = "PLACEWRIGHT_PEERS"
"""Names the folder of all environments; ``.peers`` in the project's folder otherwise."""

PYTHONS = "PLACEWRIGHT_PYTHONS"
"""Interpreters to choose from before those on the path, separated like the path."""

NEWEST = 14
"""The newest Python 3 that is looked for."""


class SetupError(PlacewrightError):
    """An environment cannot be made: says what is missing or what failed."""


@dataclass(frozen=True)
class Environment:
    """Where a peer lives.

    Parameters
    ----------
    name : str
    packages : sequence of str
        Pinned requirements, dependencies included.
    python : (int, int)
        The oldest and the newest minor version of Python 3 that the packages run on.
    build : sequence of str
        Pinned requirements that are installed first; packages are then built with them alone.
    programs : sequence of str
        Programs that are needed and that pip does not bring.
    """

    name: str
    packages: tuple[str, ...]
    python: tuple[int, int] = (11, 13)
    build: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where it is, or would be."""
        return Path(os.environ.get(FOLDER) or ROOT / ".peers") / self.name

    @property
    def interpreter(self) -> Path:
        """Its Python."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @cached_property
    def pins(self) -> list[str]:
        """Everything that is installed in it, in order."""
        return [*self.build, *self.packages]

    def absent(self) -> str | None:
        """Return why it cannot be used, or None."""
        missing = [program for program in self.programs if shutil.which(program) is None]
        if missing:
            return f"needs {', '.join(missing)} on the path"
        note = self.folder / "installed.json"
        if not note.exists() or not self.interpreter.exists():
            return f"not set up: python -m benchmarks.peers setup {self.name}"
        if json.loads(note.read_text(encoding="utf-8")) != self.pins:
            return f"set up with other versions: python -m benchmarks.peers setup {self.name}"
        return None

    def set_up(self, python: str | None = None) -> None:
        """Make it anew, with a given interpreter or with the first that fits.

        Raises
        ------
        SetupError
            If a program or a fitting Python is missing, or pip fails.
        """
        if missing := [program for program in self.programs if shutil.which(program) is None]:
            raise SetupError(f"{self.name}: needs {', '.join(missing)} on the path")
        chosen = self._chosen(python)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._run(chosen, "-m", "venv", str(self.folder))
        pip = (str(self.interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        if self.build:
            self._run(*pip, *self.build)
        self._run(*pip, "--no-deps", *(["--no-build-isolation"] if self.build else []), *self.packages)
        (self.folder / "installed.json").write_text(json.dumps(self.pins), encoding="utf-8")

    def _chosen(self, python: str | None) -> str:
        for candidate in [python] if python else self._candidates():
            if self._fits(candidate):
                return candidate
        oldest, newest = self.python
        raise SetupError(
            f"{self.name}: no Python from 3.{oldest} to 3.{newest} was found"
            f" ({f'{python} is none' if python else 'on the path'}); name one with --python or in {PYTHONS}"
        )

    def _candidates(self) -> Iterator[str]:
        """Yield interpreters: those named by the variable, this one, then those on the path."""
        yield from (path for path in os.environ.get(PYTHONS, "").split(os.pathsep) if path)
        yield sys.executable
        names = (f"python3.{minor}" for minor in range(self.python[0], min(self.python[1], NEWEST) + 1))
        yield from (found for name in names if (found := shutil.which(name)))

    def _fits(self, python: str) -> bool:
        """Ask the interpreter itself: a name on the path may be a stand-in that does not start."""
        question = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
        try:
            asked = subprocess.run([python, "-c", question], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
        except OSError:
            return False
        if asked.returncode:
            return False
        major, minor = map(int, asked.stdout.split())
        return major == 3 and self.python[0] <= minor <= self.python[1]

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - pip and venv
        if done.returncode:
            raise SetupError(f"{self.name}: {' '.join(command[:4])} failed: {done.stderr.strip()[-1000:]}")
