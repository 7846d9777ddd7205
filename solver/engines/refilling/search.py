"""Refilling step by step: a budget, the roomiest mix of hosts that it pays for, and annealing to fill them."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from formulations.program import ContradictionError
from formulations.roomy_mix import Floats, RoomyMix
from formulations.tables import Integers
from solver.backends.base import Backend, Outcome, Settings
from solver.deadline import Deadline
from solver.engines.refilling.annealing import Annealing
from solver.engines.refilling.budget import Budget
from solver.engines.refilling.contents import Contents

log = logging.getLogger("placewright")

MIX_SECONDS = 1.0
MIX_NODES = 500
MIX_GAP = 2e-4
"""The mix need not be the very roomiest: so much of the capacity is nothing."""

LUCK = 0.05
"""How much chance decides between mixes, in percent of the demand."""

NARROW = 1.5
"""Mean sizes over at which an attempt was near success."""

LEARNING = 0.15
"""How much more room a resource is given after it has been short."""


class Refilling:
    """Looks for cheaper hosts to put the same items into.

    Parameters
    ----------
    contents : Contents
    floor : int
        No hosts that hold the items cost less.
    backend : Backend
        For the mixes.
    settings : Settings
    by_nodes : bool
        Whether mixes are limited by nodes alone and not by time, so that the same seed does the same.

    Attributes
    ----------
    budget : Budget
        What is known about costs.
    effort : int
        Moves tried so far.
    """

    def __init__(
        self, contents: Contents, floor: int, backend: Backend, settings: Settings, *, by_nodes: bool = False
    ) -> None:
        self.contents = contents
        self.backend = backend
        self.by_nodes = by_nodes
        self.settings = replace(settings, gap=MIX_GAP, nodes=MIX_NODES)
        self.rng = np.random.default_rng(settings.seed)
        self.budget = Budget(contents.cost(contents.host_of), floor)
        self.effort = 0
        self._spare: Floats = np.ones(len(contents.demand))
        self._tries = 0

    def take(self, contents: Contents) -> None:
        """Go on from other contents, such as another placement of the same items."""
        self.contents = contents
        self.budget.known = contents.cost(contents.host_of)

    def step(self, deadline: Deadline) -> Integers | None:
        """Try to fit the items into cheaper hosts; return the host of every item, or None."""
        if not self.budget.open:
            return None
        budget = self.budget.next
        mix = self._mix(budget, deadline)
        if mix is None:
            return None
        host_of = self.fill(mix, deadline)
        if host_of is not None:
            self.budget.succeeded(self.contents.cost(host_of))
        log.debug("refilled for %d or less: %s", budget, "no" if host_of is None else self.budget.known)
        return host_of

    def fill(self, mix: Integers, deadline: Deadline) -> Integers | None:
        """Try to fit the items into the hosts of a mix; return the host of every item, or None."""
        contents = self.contents
        hosts = contents.hosts(mix)
        if not len(hosts):
            return None
        seed = int(self.rng.integers(2**31))
        annealing = Annealing(contents.items, contents.bins(mix), contents.start(hosts), seed)
        fits = annealing.run(self.budget.moves * len(contents.host_of), deadline)
        self.effort += annealing.moves
        if fits:
            return hosts[annealing.bin_of]
        self.budget.failed(narrowly=annealing.overflow <= NARROW)
        self._spare *= 1 + LEARNING * annealing.short / max(annealing.overflow, 1e-9)
        self._spare /= self._spare.max()
        return None

    def _mix(self, budget: int, deadline: Deadline) -> Integers | None:
        """Return the roomiest mix that the budget pays for, by chance where several are nearly so."""
        contents = self.contents
        luck = self.rng.random(len(contents.costs)) * (LUCK / max(1, len(np.unique(contents.host_of))))
        self._tries += 1
        try:
            model = RoomyMix(
                contents.capacity,
                contents.costs,
                contents.demand,
                budget,
                least=contents.least,
                most=contents.numbers,
                spare=contents.demand * self._spare / 100,
                needs=contents.needs,
                preference=luck if self._tries > 1 else None,
            )
        except ContradictionError:
            self.budget.impossible(budget)
            return None
        limit = deadline if self.by_nodes else deadline.within(MIX_SECONDS)
        solution = self.backend.solve(model.problem, deadline=limit, settings=self.settings)
        if solution.outcome is Outcome.INFEASIBLE:
            self.budget.impossible(budget)
        elif not solution.found:
            self.budget.failed()
        return model.decode(solution.values) if solution.found else None
