"""Subjects: ways to solve a problem file, each run in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.protocol import Answer, Asks
from formulations.errors import InputError

Solve = Callable[[Path, float, int], Answer]
"""Takes the problem file, seconds and a seed."""


@dataclass(frozen=True)
class Run:
    """What a subject is asked to do."""

    problem: Path
    answer: Path
    seconds: float
    seed: int


@dataclass(frozen=True)
class Subject:
    """A way to solve problems that can be measured.

    Attributes
    ----------
    name, what : str
        ``what`` says in one sentence which method it is.
    asks : {"packing", "instance"}
        Which kind of problem file it reads.
    command : callable
        Takes a `Run`; returns the command line.
    absent : callable
        Returns why it cannot be run here, or None.
    read : callable
        Returns the answer in the file that it wrote.
    cores : int
        How many it is made for; the comparison with others is fair where this is 1.
    """

    name: str
    what: str
    asks: Asks
    command: Callable[[Run], list[str]]
    absent: Callable[[], str | None] = lambda: None
    read: Callable[[Path], Answer] = Answer.read
    cores: int = 1


SUBJECTS: dict[str, Subject] = {}
SOLVERS: dict[str, Solve] = {}
"""Placewright's own subjects, which run in Python."""


def register(subject: Subject) -> Subject:
    """Make a subject known to the command line."""
    SUBJECTS[subject.name] = subject
    return subject


def solves(name: str, what: str, asks: Asks, cores: int = 1) -> Callable[[Solve], Solve]:
    """Register a Python function as a subject of that name."""

    def command(run: Run) -> list[str]:
        options = ["--seconds", repr(run.seconds), "--seed", str(run.seed), "--output", str(run.answer)]
        return [sys.executable, "-m", "benchmarks.subjects", name, str(run.problem), *options]

    def keep(solve: Solve) -> Solve:
        SOLVERS[name] = solve
        register(Subject(name, what, asks, command, cores=cores))
        return solve

    return keep


def subject_named(name: str, subjects: Mapping[str, Subject] = SUBJECTS) -> Subject:
    """Return the subject of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in subjects:
        raise InputError(f"no subject is called {name!r}; expected one of {', '.join(sorted(subjects))}")
    return subjects[name]
