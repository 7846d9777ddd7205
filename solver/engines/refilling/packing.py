"""Refilling for vector packing: fewer or cheaper bins of limited number for the same items."""

from __future__ import annotations

from formulations.vector_packing import Packing
from solver.backends.base import Backend, Settings
from solver.deadline import Deadline
from solver.engines.packing_search import PackingSearch
from solver.engines.refilling.annealing import affordable
from solver.engines.refilling.contents import MOST_ITEMS, Contents, packed, packing_contents
from solver.engines.refilling.search import Refilling


class PackingRefiller:
    """Improves the incumbent of a search, a slice of time after another.

    Strong where bins differ in cost or size, and where they hold many items each; leaves packings
    of more than `MOST_ITEMS` items alone.

    Parameters
    ----------
    search : PackingSearch
    backend : Backend
        For the mixes of bins.
    by_attempts : bool
        Whether mixes are limited by nodes alone and not by time, so that the same seed does the same.
    """

    def __init__(self, search: PackingSearch, backend: Backend, *, by_attempts: bool = False) -> None:
        self.search = search
        self.backend = backend
        self.by_attempts = by_attempts
        self._refilling: Refilling | None = None
        self._from: Packing | None = None

    def run(self, deadline: Deadline, attempts: int | None = None) -> bool:
        """Try until the incumbent meets the bound, the deadline, or so many attempts; say whether it improved."""
        search = self.search
        if search.incumbent is None or search.problem.items > MOST_ITEMS or not affordable(search.deadline):
            return False
        before = search.cost
        while not (search.done or deadline.over or attempts == 0):
            refilling = self._ready()
            if not refilling.budget.open:
                break
            attempts = None if attempts is None else attempts - 1
            host_of = refilling.step(deadline)
            if host_of is not None:
                search.offer(packed(search.problem, host_of), "refilling by annealing")
        return search.cost != before

    def _ready(self) -> Refilling:
        """Return the refilling, told of the incumbent and the bound as they are now."""
        incumbent = self.search.incumbent
        if self._refilling is None or self._from is not incumbent:
            contents = packing_contents(self.search.problem, incumbent) if incumbent is not None else None
            if contents is not None:
                self._take(contents)
            self._from = incumbent
        refilling = self._refilling
        if refilling is None:
            raise ValueError("refilling needs an incumbent")
        refilling.budget.floor = max(refilling.budget.floor, self.search.bound)
        return refilling

    def _take(self, contents: Contents) -> None:
        if self._refilling is None:
            settings = Settings(seed=self.search.seed)
            self._refilling = Refilling(contents, self.search.bound, self.backend, settings, by_nodes=self.by_attempts)
        else:
            self._refilling.take(contents)
