"""Neighbourhood search: free a few hosts, solve their exact sub-problem, repeat.

A large neighbourhood search (Shaw, CP 1998, doi:10.1007/3-540-49481-2_30) whose
neighbourhoods are solved by a MILP solver.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from formulations.assignment import Assignment, Scope
from formulations.objective import HOST_TERMS
from formulations.placement import Placement
from formulations.program import ContradictionError
from formulations.tables import Integers
from solver.backends.base import Outcome
from solver.deadline import Deadline
from solver.engines.search import Search
from solver.errors import BackendError

Floats = NDArray[np.float64]

USED_AT_FIRST = 8
UNUSED_AT_FIRST = 4
MOST_PAIRS = 1_500
"""Sub-problems have at most about this many assignment variables."""

MOST_USED = 40
EMPTIER_FIRST = 0.7
"""How often emptier hosts are preferred; otherwise all have the same chance."""

STEP_SECONDS = 1.0
STEP_NODES = 50
STALL_LEVEL = 20
"""After so many steps without improvement the later levels have their turn, too."""

STALL_STEPS = 150
"""Without a deadline the search ends after so many steps without improvement."""


class NeighbourhoodSearch:
    """Improves the incumbent of a search, one small exact sub-problem after another.

    Parameters
    ----------
    search : Search
        With an incumbent.
    """

    def __init__(self, search: Search) -> None:
        self.search = search
        self.instance = search.instance
        self.rng = np.random.default_rng(search.settings.seed)
        self.used = USED_AT_FIRST
        self.stalled = 0
        self._usable = np.flatnonzero(self.instance.usable_entries[self.instance.host_names.entries()])

    def run(self, deadline: Deadline, iterations: int | None = None) -> None:
        """Search until the deadline, the number of iterations, proof, or a stall without deadline."""
        endless = deadline.seconds == float("inf")
        steps = 0
        while not (self.search.done or deadline.over or steps == iterations):
            steps += 1
            improved = self.step(deadline, by_nodes=iterations is not None)
            self.stalled = 0 if improved else self.stalled + 1
            if endless and iterations is None and self.stalled >= STALL_STEPS:
                return

    def step(self, deadline: Deadline, *, by_nodes: bool) -> bool:
        """Free some hosts and solve for them; return whether the incumbent improved."""
        incumbent, level = self.search.incumbent, self._level()
        if incumbent is None or level is None:
            return False
        scope = Scope.around(self.instance, incumbent, self._hosts(incumbent))
        try:
            model = Assignment(self.instance, scope, self.search.candidates, lambda: deadline.over)
        except (ContradictionError, TimeoutError):
            return False
        for earlier in range(level):
            model.hold(earlier, float((self.search.values or ())[earlier]))
        return self._improve(model, level, deadline, by_nodes=by_nodes)

    def _level(self) -> int | None:
        """Return the first open level; when that has stalled, any open one."""
        still_open = [k for k in range(len(self.search.levels)) if not self.search.met(k)]
        if not still_open:
            return None
        return still_open[0] if self.stalled < STALL_LEVEL else int(self.rng.choice(still_open))

    def _improve(self, model: Assignment, level: int, deadline: Deadline, *, by_nodes: bool) -> bool:
        """Minimise the level and, where that pays, then the later ones; offer what comes of it."""
        known = self.search.values or ()
        found: Placement | None = None
        settings = replace(self.search.settings, nodes=STEP_NODES if by_nodes else None)
        start = model.start(self.search.incumbent) if self.search.incumbent is not None else None
        for current in range(level, len(self.search.levels)):
            model.minimise(current)
            limit = deadline if by_nodes else deadline.within(STEP_SECONDS)
            try:
                solution = self.search.backend.solve(model.problem, deadline=limit, settings=settings, start=start)
            except BackendError as error:
                self.search.failed(error)
                return False
            self.search.failures = 0
            self._adapt(solution.outcome is Outcome.OPTIMAL)
            if not solution.found or solution.objective is None:
                break
            found = model.decode(solution.values)
            start = dict(solution.values)
            pays = current > level or solution.objective < float(known[level]) * (1 - 1e-9)
            if deadline.over or not pays:
                break
            model.hold(current, solution.objective)
        return found is not None and self.search.offer(found, f"neighbourhood search, {self.search.backend.name}")

    def _adapt(self, solved: bool) -> None:
        """Free more hosts when sub-problems are easy, fewer when they are not."""
        if not solved:
            self.used = max(self.used - 1, 2)
        elif self.stalled > STALL_LEVEL:
            self.used = min(self.used + 1, MOST_USED)

    def _hosts(self, incumbent: Placement) -> Integers:
        """Choose hosts in use, the emptier ones with more chance, and some unused ones."""
        used = np.intersect1d(incumbent.hosts_used, self._usable, assume_unique=True)
        chosen = self._some_used(incumbent, used)
        if not self._unused_may_help(incumbent):
            return chosen
        unused = np.setdiff1d(self._usable, used, assume_unique=True)
        count = min(len(unused), max(UNUSED_AT_FIRST, self.used // 2))
        return np.union1d(chosen, self.rng.choice(unused, count, replace=False)) if count else chosen

    def _unused_may_help(self, incumbent: Placement) -> bool:
        """Whether an unused host could be better than one in use, or could take a VM without a host."""
        waiting = bool((incumbent.host_of[self.instance.wanted] < 0).any())
        kinds = {term.kind for stated in self.search.levels for term in stated.terms}
        return waiting or bool(kinds & {*HOST_TERMS, "imbalance", "unmet_demand", "broken_rules"})

    def _some_used(self, incumbent: Placement, used: Integers) -> Integers:
        """Choose from the hosts in use, as many as keep the sub-problem within `MOST_PAIRS`."""
        if not len(used):
            return used
        members, filled = self._fullness(incumbent, used)
        emptier_first = self.rng.random() < EMPTIER_FIRST
        weights = np.maximum(1.15 - np.minimum(filled, 1.0), 0.05) if emptier_first else np.ones(len(used))
        picked = self._weighted_order(weights)[: max(2, self.used)]
        pairs = np.cumsum(members[picked]) * (np.arange(1, len(picked) + 1) + UNUSED_AT_FIRST)
        return np.sort(used[picked[: max(1, int((pairs <= MOST_PAIRS).sum()))]])

    def _fullness(self, incumbent: Placement, used: Integers) -> tuple[Integers, Floats]:
        """Return the number of VMs on each host in use, and its mean utilisation by demand."""
        tables = self.instance.tables
        vms = np.flatnonzero(np.isin(incumbent.host_of, used))
        position = np.searchsorted(used, incumbent.host_of[vms])
        loads = np.zeros((len(used), len(self.instance.resources)))
        np.add.at(loads, position, tables.demand[self.instance.vm_entry[vms]])
        capacity = np.maximum(tables.capacity[self.instance.host_names.entry_of(used)], 1)
        return np.bincount(position, minlength=len(used)), (loads / capacity).mean(axis=1)

    def _weighted_order(self, weights: Floats) -> Integers:
        """Return a random order in which heavier positions tend to come first.

        Efraimidis and Spirakis, Weighted random sampling with a reservoir, Information
        Processing Letters 97(5), 2006, doi:10.1016/j.ipl.2005.11.003.
        """
        keys = self.rng.random(len(weights)) ** (1.0 / weights)
        return np.argsort(-keys, kind="stable")
