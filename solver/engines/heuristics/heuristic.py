"""A named heuristic: what it is called, where it comes from, and how it is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from formulations.errors import UnsupportedError
from formulations.tables import Integers
from formulations.vector_packing import Packing, VectorPacking
from solver.deadline import Deadline
from solver.engines.heuristics.ground import Ground
from solver.engines.heuristics.pairing import cheaper
from solver.engines.heuristics.right_sizing import right_sized

Recipe = Callable[[Ground, Integers, Deadline], Packing | None]
"""Packs with types opened in a given order."""


@dataclass(frozen=True)
class Heuristic:
    """A way to pack without search.

    Parameters
    ----------
    name : str
        As the literature calls it, with its measure, score and weights.
    family : str
        "item-centric", "bin-centric" or "multi-bin".
    cites : tuple of str
        Where it comes from.
    recipe : callable
    looks : callable, optional
        The same with bins of every type filled on trial; tried in addition where there are several types.
    most_items : int, optional
        It decides item by item and refuses more items than this.
    """

    name: str
    family: str
    cites: tuple[str, ...]
    recipe: Recipe
    looks: Recipe | None = None
    most_items: int | None = None

    def run(self, problem: VectorPacking, deadline: Deadline) -> Packing | None:
        """Return a packing; None if the limits of the types or the time do not suffice.

        Where there are several types of bins, types are opened by the least cost for what they
        hold, by the least cost, and by the largest capacity, in turn; every bin is then turned
        into the cheapest type that holds its items, and the cheapest packing counts.

        Raises
        ------
        UnsupportedError
            If there are more items than the heuristic is meant for.
        """
        if self.most_items is not None and problem.items > self.most_items:
            raise UnsupportedError(
                f"{self.name} decides item by item and takes at most {self.most_items:,} items, not {problem.items:,}"
            )
        if problem.items == 0:
            return Packing.of([], problem.flavours)
        ground = Ground(problem)
        found: Packing | None = None
        for recipe, opening in self._ways(ground):
            if found is not None and deadline.over:
                break
            packing = recipe(ground, opening, deadline)
            if packing is not None:
                found = cheaper(problem, found, right_sized(problem, packing))
        return found

    def _ways(self, ground: Ground) -> list[tuple[Recipe, Integers]]:
        """Return what to try: one way with one type of bins, several with several types."""
        ways = [(self.recipe, opening) for opening in ground.openings]
        if self.looks is not None and ground.problem.types > 1:
            ways.insert(0, (self.looks, ground.openings[0]))
        return ways
