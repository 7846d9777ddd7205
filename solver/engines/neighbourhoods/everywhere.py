"""Refilling all hosts of a search at once, where sizes, masks and counts say all about who fits where."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil

import numpy as np

from formulations.placement import Placement
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.engines.refilling.annealing import affordable
from solver.engines.refilling.budget import Budget
from solver.engines.refilling.instances import InstanceContents, host_costs, is_plain, target_level
from solver.engines.refilling.search import Refilling
from solver.engines.search import Search

FOUND_BY = "neighbourhood search, hosts refilled by annealing"

LEAST_EFFORT = 0.3
"""Of choosing hosts and starting over, in steps."""

MOVES_PER_STEP = 20e6
"""So many moves cost about as much as one sub-problem."""


class Everywhere:
    """Refills all hosts around the incumbent of a search.

    Parameters
    ----------
    search : Search
    seed : int
    budget : Budget, optional
        What an earlier search has learnt.
    """

    def __init__(self, search: Search, seed: int, budget: Budget | None = None) -> None:
        self.search = search
        self._learnt = budget
        self.settings = replace(search.settings, seed=seed)
        self.refilling: Refilling | None = None
        self.effort = 0.0
        """Of the last step, in steps."""
        self._plain = is_plain(search.instance)
        self._known: tuple[Placement, int, tuple[InstanceContents, Refilling]] | None = None

    @property
    def budget(self) -> Budget | None:
        """What has been learnt about budgets so far."""
        return self._learnt if self.refilling is None else self.refilling.budget

    def possible(self, deadline: Deadline) -> bool:
        """Whether there is something to refill for, and time to."""
        return self._plain and (self.search.values is not None) and self.target is not None and affordable(deadline)

    @property
    def target(self) -> int | None:
        """Return the level to lower, -1 for VMs without a host, None if there is nothing to do."""
        search = self.search
        met = [search.met(level) for level in range(len(search.levels))]
        first = search.open_level
        if first is not None and all(term.kind == "unplaced" for term in search.levels[first].terms):
            return -1
        return target_level(search.instance, search.values or (), met)

    def step(self, deadline: Deadline, *, by_nodes: bool) -> bool:
        """Make one attempt; return whether the incumbent improved."""
        target, incumbent = self.target, self.search.incumbent
        self.effort = LEAST_EFFORT
        if target is None or incumbent is None:
            return False
        job = self._job(incumbent, target)
        if job is None:
            return False
        contents, refilling = job
        refilling.by_nodes = by_nodes
        before = refilling.effort
        everyone = target < 0
        host_of = refilling.fill(refilling.contents.numbers, deadline) if everyone else refilling.step(deadline)
        self.effort += (refilling.effort - before) / MOVES_PER_STEP
        if host_of is None:
            return False
        whole: Integers = incumbent.host_of.copy()
        whole[contents.vms] = host_of
        return self.search.offer(Placement(whole), FOUND_BY)

    def _job(self, incumbent: Placement, target: int) -> tuple[InstanceContents, Refilling] | None:
        """Return the contents around the incumbent and who refills them; None if they are empty or too many."""
        if self._known is not None and self._known[0] is incumbent and self._known[1] == target:
            return self._known[2]
        instance = self.search.instance
        priced = None if target < 0 else host_costs(instance, self.search.levels[target])
        costs, step = priced or (np.zeros(len(instance.hosts), dtype=np.int64), Fraction(1))
        around = InstanceContents(instance, incumbent, costs, everyone=target < 0)
        contents = around.contents()
        if contents is None or (target >= 0 and priced is None):
            self._plain = False
            return None
        if self.refilling is None:
            self.refilling = Refilling(contents, 0, self.search.backend, self.settings)
            self.refilling.budget = self._learnt or self.refilling.budget
        self.refilling.take(contents)
        if target >= 0:
            self.refilling.budget.impossible(self._floor(target, self.refilling.budget.known, step) - 1)
        self._known = incumbent, target, (around, self.refilling)
        return around, self.refilling

    def _floor(self, target: int, known: int, step: Fraction) -> int:
        """Return below what hosts need not be looked for, as the level's bound says."""
        rest = (self.search.values or ())[target] - known * step
        return max(0, ceil((self.search.bounds[target].value - rest) / step))
