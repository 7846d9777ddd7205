"""What a script reads, the clock that it works by, and what it writes."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Literal, TypeVar

Thing = TypeVar("Thing")

Status = Literal["OPTIMAL", "FEASIBLE", "INFEASIBLE", "UNKNOWN"]

Contents = dict[int, int]
"""What lies in one host: items by flavour."""


class OutOfTime(Exception):  # noqa: N818 - not an error of the script
    """The limit was reached before the peer could begin."""


class Unsupported(Exception):  # noqa: N818 - not an error of the script
    """The peer's model does not cover the problem."""


@dataclass(frozen=True)
class Problem:
    """The counted question, as the problem file states it.

    Parameters
    ----------
    sizes : list of list of int
        A row per flavour, a column per resource.
    demand : list of int
        Items per flavour.
    capacities : list of list of int
        A row per type of host.
    costs, limits : list of int
        What a host of each type costs, and how many there are.
    """

    sizes: list[list[int]]
    demand: list[int]
    capacities: list[list[int]]
    costs: list[int]
    limits: list[int]

    @classmethod
    def read(cls, path: Path) -> Problem:
        """Read a problem file."""
        stated = json.loads(path.read_text(encoding="utf-8"))
        return cls(*(stated[name] for name in ("sizes", "demand", "capacities", "costs", "limits")))

    @property
    def flavours(self) -> range:
        """The numbers of the flavours."""
        return range(len(self.sizes))

    @property
    def resources(self) -> range:
        """The numbers of the resources."""
        return range(len(self.capacities[0]) if self.capacities else 0)

    @property
    def types(self) -> range:
        """The numbers of the host types."""
        return range(len(self.capacities))

    @cached_property
    def items(self) -> int:
        """How many items there are in all."""
        return sum(self.demand)

    @cached_property
    def most(self) -> list[list[int]]:
        """How many items of a flavour one host of a type can hold: a row per flavour."""
        return [
            [
                min([count, *(room // size for size, room in zip(sizes, rooms, strict=True) if size)])
                for rooms in self.capacities
            ]
            for sizes, count in zip(self.sizes, self.demand, strict=True)
        ]

    @cached_property
    def tightest(self) -> int:
        """The resource that is demanded most, against what one host of each type holds together."""
        if not self.resources:
            raise Unsupported("there are no resources")
        return max(self.resources, key=self._pressure)

    def _pressure(self, resource: int) -> float:
        taken = sum(sizes[resource] * count for sizes, count in zip(self.sizes, self.demand, strict=True))
        held = sum(rooms[resource] for rooms in self.capacities)
        return taken / held if held else float(taken > 0) * math.inf


@dataclass
class Outcome:
    """What a peer ended with.

    Parameters
    ----------
    status : str
    value, bound : number, optional
        As the peer sees them.
    hosts : list of (type, Contents), optional
        The hosts in use.
    message : str
        Why there is no better answer.
    """

    status: Status
    value: float | None = None
    bound: float | None = None
    hosts: list[tuple[int, Contents]] | None = None
    message: str = ""


@dataclass
class Attempt:
    """One run of a peer on a problem; its clock starts when the problem has been read.

    Parameters
    ----------
    problem : Problem
    seconds : float
        The limit, building the model included.
    output : Path
        Where the answer goes.
    seed : int
    variant : str
        Which of the script's ways of solving.
    """

    problem: Problem
    seconds: float
    output: Path
    seed: int = 0
    variant: str = ""
    versions: dict[str, str] = field(default_factory=lambda: {"python": platform.python_version()})
    trace: list[tuple[float, float]] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    @property
    def elapsed(self) -> float:
        """Seconds since the problem was read."""
        return time.perf_counter() - self.began

    @property
    def left(self) -> float:
        """Seconds left, never below a tenth: solvers read 0 as no limit."""
        return max(0.1, self.seconds - self.elapsed)

    def check(self) -> None:
        """Stop building when the time is up.

        Raises
        ------
        OutOfTime
            If nothing is left of the limit.
        """
        if self.elapsed > self.seconds:
            raise OutOfTime("the model was not built within the limit")

    def each(self, things: Iterable[Thing]) -> Iterator[Thing]:
        """Yield things as long as there is time.

        Raises
        ------
        OutOfTime
            If nothing is left of the limit.
        """
        for thing in things:
            self.check()
            yield thing

    def restart(self) -> None:
        """Begin to count now: what came before does not depend on the instance's size."""
        self.began = time.perf_counter()

    def incumbent(self, value: float) -> None:
        """Note a better value."""
        if math.isfinite(value) and (not self.trace or value < self.trace[-1][1]):
            self.trace.append((self.elapsed, value))

    def used(self, *packages: str) -> None:
        """Note the versions of packages."""
        self.versions.update({package: version(package) for package in packages})

    def write(self, outcome: Outcome) -> None:
        """Write the answer, whole or not at all."""
        answer = asdict(outcome)
        hosts = answer.pop("hosts")
        answer["patterns"] = None if hosts is None else fillings(hosts)
        answer |= {"seconds": self.elapsed, "trace": self.trace, "versions": self.versions}
        answer = {key: _plain(entry) for key, entry in answer.items()}
        draft = self.output.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(answer), encoding="utf-8")
        draft.replace(self.output)


def _plain(entry: object) -> object:
    """Return what JSON can hold: an infinite bound is none."""
    return None if isinstance(entry, float) and not math.isfinite(entry) else entry


def fillings(hosts: list[tuple[int, Contents]]) -> list[dict[str, object]]:
    """Return hosts as the answer file holds them, equal ones counted."""
    times: dict[tuple[int, tuple[tuple[int, int], ...]], int] = {}
    for kind, contents in hosts:
        alike = (kind, tuple(sorted((flavour, count) for flavour, count in contents.items() if count)))
        if alike[1]:
            times[alike] = times.get(alike, 0) + 1
    return [{"type": kind, "times": count, "items": items} for (kind, items), count in times.items()]


def run(solve: Callable[[Attempt], Outcome], *variants: str) -> None:
    """Read the arguments and the problem, solve, and write the answer, whatever happens."""
    parser = argparse.ArgumentParser()
    parser.add_argument("problem", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--variant", choices=variants, default=variants[0] if variants else "")
    given = parser.parse_args()
    attempt = Attempt(Problem.read(given.problem), given.seconds, given.output, given.seed, given.variant)
    attempt.write(_outcome(solve, attempt))


def _outcome(solve: Callable[[Attempt], Outcome], attempt: Attempt) -> Outcome:
    try:
        return solve(attempt)
    except (OutOfTime, Unsupported) as reason:
        return Outcome("UNKNOWN", message=str(reason))
    except MemoryError:
        return Outcome("UNKNOWN", message="out of memory")
    except Exception:
        return Outcome("UNKNOWN", message=traceback.format_exc(limit=-3))
