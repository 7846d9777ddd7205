"""Refilling for vector packing: fewer or cheaper bins of limited number for the same items."""

from __future__ import annotations

from solver.backends.base import Backend, Settings
from solver.deadline import Deadline
from solver.engines.packing_search import PackingSearch
from solver.engines.refilling.annealing import affordable
from solver.engines.refilling.contents import MOST_ITEMS, packed, packing_contents
from solver.engines.refilling.search import Refilling


def refill(search: PackingSearch, backend: Backend, deadline: Deadline, *, attempts: int | None = None) -> None:
    """Improve the incumbent of a search until it meets the bound, the deadline, or so many attempts.

    Strong where bins differ in cost or size and hold few items each; needs an incumbent, and
    leaves packings of more than `MOST_ITEMS` items alone.

    Parameters
    ----------
    search : PackingSearch
    backend : Backend
        For the mixes of bins.
    deadline : Deadline
    attempts : int, optional
        No limit by default. With it the same seed finds the same packings.
    """
    incumbent = search.incumbent
    if incumbent is None or search.problem.items > MOST_ITEMS or not affordable(deadline):
        return
    contents = packing_contents(search.problem, incumbent)
    settings = Settings(seed=search.seed)
    refilling = Refilling(contents, search.bound, backend, settings, by_nodes=attempts is not None)
    while not (search.done or deadline.over or attempts == 0) and refilling.budget.open:
        attempts = None if attempts is None else attempts - 1
        host_of = refilling.step(deadline)
        if host_of is not None:
            search.offer(packed(search.problem, host_of), "refilling by annealing")
