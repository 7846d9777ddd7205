"""Counted instances: the vector packing behind an instance is solved, and its answers get names."""

from __future__ import annotations

import logging

from formulations.counting import Counting
from formulations.errors import UnsupportedError
from formulations.program import ContradictionError
from formulations.vector_packing import Packing
from solver.deadline import Deadline
from solver.engines.packer import pack
from solver.engines.packing_search import PackingSearch
from solver.engines.search import Search
from solver.errors import BackendError

log = logging.getLogger("placewright")

DIVES = 3
"""So many dives where the search is stopped by iterations rather than time."""

PATIENCE = 10.0
"""Naming and judging a packing may take this share of the time since the last one at most, the last excepted."""


def counted(search: Search) -> Counting | None:
    """Return the counted question of a search's instance, or None if it cannot be counted."""
    try:
        return Counting.relaxed(search.instance)
    except (UnsupportedError, ContradictionError) as error:
        log.info("not counted: %s", error)
        return None


class CountedSearch:
    """Answers the level of an instance that counts hosts.

    Parameters
    ----------
    search : Search
        Told of named placements, and of bounds as far as they hold.
    counting : Counting
    """

    def __init__(self, search: Search, counting: Counting) -> None:
        self.search = search
        self.counting = counting
        self._waiting: tuple[Packing, str] | None = None
        self._named_at = -float("inf")
        # Which of its host's NUMA cells a VM uses is known only where counting is exact.
        celled = any(cells is not None for cells in search.instance.tables.cells)
        self._nameable = counting.exact or not celled
        self._naming = 0.0

    @property
    def worthwhile(self) -> bool:
        """Whether the level that is counted is still open, or no placement is known."""
        level = self.counting.level
        return self.search.values is None or (level is not None and not self.search.met(level))

    def run(self, deadline: Deadline, *, by_dives: bool = False) -> None:
        """Solve the counted question until proof or the deadline."""
        search = self.search
        settings = search.settings
        inner = PackingSearch(self.counting.problem, deadline, settings.seed, self._name_later, gap=settings.gap)
        try:
            pack(inner, search.backend, threads=settings.threads, dives=DIVES if by_dives else None)
        except BackendError as error:
            search.failed(error)
        finally:
            self._name()
            self._learn(inner)

    def _name_later(self, packing: Packing, found_by: str) -> None:
        """Name a packing now, unless that takes too long to do it often."""
        self._waiting = packing, found_by
        if self.search.deadline.elapsed - self._named_at >= PATIENCE * self._naming:
            self._name()

    def _name(self) -> None:
        """Offer the latest packing as a placement."""
        if self._waiting is None:
            return
        packing, found_by = self._waiting
        self._waiting = None
        if not self._nameable:
            return
        began = self.search.deadline.elapsed
        self.search.offer(self.counting.placement(packing), found_by)
        self._named_at = self.search.deadline.elapsed
        self._naming = self._named_at - began

    def _learn(self, inner: PackingSearch) -> None:
        """Take over the bound where it holds for the instance, or the proof that there is no placement."""
        counting, search = self.counting, self.search
        search.failures += bool(inner.failures)
        search.warnings += [failure for failure in inner.failures if failure not in search.warnings]
        if inner.infeasible:
            if counting.unconditional and search.values is None:
                search.infeasible = True
        elif counting.level is not None and counting.counts(search.values):
            whatever = counting.unconditional
            search.prove(counting.level, counting.value(inner.bound), inner.proved_by, whatever_earlier=whatever)
            if inner.claimed > inner.bound:
                search.prove(counting.level, counting.value(inner.claimed), inner.claimed_by, whatever_earlier=whatever)
