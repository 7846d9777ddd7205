"""Neighbourhood search by several workers where there are several threads, by one where not."""

from __future__ import annotations

from concurrent.futures import Executor

from solver.deadline import Deadline
from solver.engines.neighbourhoods.search import NeighbourhoodSearch
from solver.engines.neighbourhoods.workers import Workers
from solver.engines.search import Search


class ParallelSearch:
    """Improves the incumbent of a search, alone or side by side.

    Parameters
    ----------
    search : Search
        With an incumbent.
    executor : Executor, optional
        Where workers search side by side; by default processes of this machine, as many as the
        settings' threads, where these are more than one.
    """

    def __init__(self, search: Search, executor: Executor | None = None) -> None:
        self.search = search
        self.executor = executor
        self._alone = NeighbourhoodSearch(search)

    def run(self, deadline: Deadline, iterations: int | None = None) -> None:
        """Search until the deadline, the number of iterations, proof, or a stall without deadline.

        With ``iterations`` one worker searches, so that the same seed does the same.
        """
        threads = self.search.settings.threads
        several = iterations is None and (threads > 1 or self.executor is not None)
        together = several and Workers(self.search, self.executor, threads).run(deadline, meanwhile=self._alone)
        if not together:
            self._alone.run(deadline, iterations)
