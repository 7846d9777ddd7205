"""Re-placement by local search as one engine beside others: what it finds is named, judged and bounded."""

from __future__ import annotations

import logging
import math

from formulations.errors import UnsupportedError
from formulations.restating import Restated, first_restatable_level, restated
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.engines.reassignment import Improvement, reassign
from solver.engines.search import Search

log = logging.getLogger("placewright")

ENDLESS = 300.0
"""Without a deadline the search ends after so many seconds."""

STEPS_PER_ITERATION = 20_000
"""Moves tried for every iteration that was asked for."""

PATIENCE = 20.0
"""Naming and judging a placement may take this share of the time since the last one at most, the last excepted."""

LEAST_SECONDS = 0.5
"""With less time than this the search is not begun."""


def reassigning(search: Search) -> Reassigning | None:
    """Return the engine for a search's instance, or None if local search does not know all that it asks."""
    level = first_restatable_level(search.instance)
    if level is None:
        return None
    try:
        return Reassigning(search, restated(search.instance, level), level)
    except UnsupportedError as error:
        log.info("no local search: %s", error)
        return None


class Reassigning:
    """Improves the incumbent of a search by local search on one of its levels.

    Parameters
    ----------
    search : Search
        Told of placements and of the bound.
    question : Restated
    level : int
        The level that the question asks; earlier ones are 0 in every placement.
    """

    def __init__(self, search: Search, question: Restated, level: int) -> None:
        self.search = search
        self.question = question
        self.level = level
        self._waiting: tuple[Improvement, Integers] | None = None
        self._offered_at = 0.0
        self._runs = 0

    @property
    def open(self) -> bool:
        """Whether there is an incumbent whose level may be improved."""
        search = self.search
        return not search.done and search.values is not None and not search.met(self.level)

    def run(self, deadline: Deadline, iterations: int | None = None) -> None:
        """Search until the deadline, proof, or a number of moves; a Ctrl-C is passed on once its answer is in."""
        limit = self._limit(deadline)
        if self.search.incumbent is None or not self.open or limit.left < LEAST_SECONDS:
            return
        self._offered_at = self.search.deadline.elapsed
        self._runs += 1
        settings = self.search.settings
        answer = reassign(
            self.question.problem,
            limit,
            start=self.question.hosts(self.search.incumbent),
            seed=settings.seed + self._runs - 1,
            threads=settings.threads,
            steps=None if iterations is None else iterations * STEPS_PER_ITERATION,
            progress=self._offer_later,
        )
        self._offer()
        bound = answer.bound
        self.search.prove(self.level, bound.value * self.question.step, bound.proved_by, whatever_earlier=True)
        if answer.interrupted:
            raise KeyboardInterrupt

    def _limit(self, deadline: Deadline) -> Deadline:
        """Return the deadline less the time that the judge takes for the last placement, and for the answer."""
        seconds = ENDLESS if math.isinf(deadline.left) else deadline.left
        return deadline.within(max(0.0, min(seconds, self.search.deadline.left - 3 * self.search.judging)))

    def _offer_later(self, found: Improvement, hosts: Integers) -> None:
        """Offer a placement now, unless that takes too long to do it often."""
        self._waiting = found, hosts
        if self.search.deadline.elapsed - self._offered_at >= PATIENCE * self.search.judging:
            self._offer()

    def _offer(self) -> None:
        """Offer the last placement that was found, if it was not offered yet."""
        if self._waiting is None:
            return
        (found, hosts), self._waiting = self._waiting, None
        self.search.offer(self.question.placement(hosts), f"local search, {found.found_by}")
        self._offered_at = self.search.deadline.elapsed
