"""Small problems that peers are tried on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from benchmarks.peers.environment import Environment
from benchmarks.peers.scripts.exchange import Attempt, Problem
from benchmarks.protocol import PackingFile
from formulations.vector_packing import VectorPacking


class Here(Environment):
    """The environment of the tests themselves: placewright brings PuLP and HiGHS."""

    @property
    def interpreter(self) -> Path:
        """The Python of the tests."""
        return Path(sys.executable)

    def absent(self) -> str | None:
        """Return None: it is here."""
        return None


def two_types() -> VectorPacking:
    """Return 15 items of three flavours for hosts of two types; the cheapest packing costs 50."""
    return VectorPacking(
        sizes=np.array([[3, 4], [5, 2], [2, 2]]),
        demand=np.array([5, 4, 6]),
        capacities=np.array([[10, 10], [6, 7]]),
        costs=np.array([10, 6]),
        limits=np.array([20, 3]),
    )


def one_type() -> VectorPacking:
    """Return the same items for hosts of one type; five are the fewest."""
    two = two_types()
    return VectorPacking(two.sizes, two.demand, two.capacities[:1], np.array([1]), np.array([15]))


def impossible() -> VectorPacking:
    """Return the same items for two hosts, which are too few."""
    two = two_types()
    return VectorPacking(two.sizes, two.demand, two.capacities[:1], np.array([1]), np.array([2]))


def written(problem: VectorPacking, folder: Path) -> Path:
    """Write a problem file."""
    path = folder / "problem.json"
    PackingFile.of(problem).write(path)
    return path


def attempt_at(problem: VectorPacking, folder: Path, seconds: float = 5.0) -> Attempt:
    """Return what a script is given."""
    return Attempt(Problem.read(written(problem, folder)), seconds, folder / "answer.json")


def stated(path: Path) -> dict[str, object]:
    """Return what stands in an answer file, as it stands there."""
    answer: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return answer
