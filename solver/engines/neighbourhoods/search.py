"""The search: one step after another, each by the operator that has gained most of late.

A large neighbourhood search (Shaw, CP 1998, doi:10.1007/3-540-49481-2_30) whose
neighbourhoods are solved by a MILP solver.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from formulations.assignment import Assignment, Scope
from formulations.placement import Placement
from formulations.program import ContradictionError
from solver.backends.base import Outcome, Solution
from solver.deadline import Deadline
from solver.engines.neighbourhoods.adapting import AdaptiveWeights
from solver.engines.neighbourhoods.choosing import Chooser, Mask
from solver.engines.neighbourhoods.everywhere import Everywhere
from solver.engines.refilling.budget import Budget
from solver.engines.search import Search
from solver.errors import BackendError

USED_AT_FIRST = 6.0
FEWEST_USED = 2.0
MOST_USED = 40.0

MOST_PAIRS = 1_500
"""Sub-problems have at most about this many assignment variables."""

STEP_SECONDS = 1.0
STEP_NODES = 50

EASY = 0.3
"""Part of its time in which a sub-problem is solved that might as well be larger."""

STALL_LEVEL = 20
"""After so many steps without improvement the later levels have their turn, too."""

STALL_STEPS = 150
"""Without a deadline the search ends after so many steps without improvement."""

REFILLING = "refilling"
REFILLING_AT_FIRST = 20.0
"""Its weight beside that of the other operators, each 1: tried first where it can lower the first open level."""

REFILLING_LATER = 2.0
"""Its weight at first where an earlier level is open, which it can only keep."""

LATER_GAIN = 0.25
"""What an improvement of a later level than the first open one is worth."""


@dataclass(frozen=True)
class Experience:
    """What a search has learnt about its instance, for another one to start from.

    Attributes
    ----------
    used : float
        How many hosts to free.
    weights : dict of str to float
        By operator.
    budget : Budget or None
        What refilling has learnt.
    """

    used: float
    weights: dict[str, float]
    budget: Budget | None


class NeighbourhoodSearch:
    """Improves the incumbent of a search, one neighbourhood after another.

    Parameters
    ----------
    search : Search
        With an incumbent.
    turf : bool array, shape (hosts,), optional
        The hosts that may be freed for sub-problems; all by default.
    experience : Experience, optional
        Of an earlier search on the same instance.
    """

    def __init__(
        self,
        search: Search,
        turf: Mask | None = None,
        experience: Experience | None = None,
    ) -> None:
        self.search = search
        self.instance = search.instance
        self.rng = np.random.default_rng(search.settings.seed)
        self.used = USED_AT_FIRST if experience is None else experience.used
        self.stalled = 0
        self._chooser = Chooser(search, self.rng, turf)
        self._everywhere = Everywhere(search, search.settings.seed, None if experience is None else experience.budget)
        soon = self._everywhere.target in {-1, search.open_level}
        weights = {
            REFILLING: REFILLING_AT_FIRST if soon else REFILLING_LATER,
            **dict.fromkeys(self._chooser.operators, 1.0),
        }
        self._weights = AdaptiveWeights(weights if experience is None else experience.weights, self.rng)

    @property
    def experience(self) -> Experience:
        """What has been learnt so far."""
        return Experience(self.used, dict(self._weights.weights), self._everywhere.budget)

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
        """Use one operator; return whether the incumbent improved."""
        before, first = self.search.values or (), self.search.open_level
        operator = self._weights.choose(*(() if self.may_refill(deadline) else (REFILLING,)))
        try:
            if operator == REFILLING:
                improved = self._everywhere.step(deadline, by_nodes=by_nodes)
                effort = self._everywhere.effort
            else:
                improved, effort = self._free(operator, deadline, by_nodes=by_nodes), 1.0
        except BackendError as error:
            self.search.failed(error)
            return False
        self._weights.learn(operator, self._gain(before, first) if improved else 0.0, effort)
        return improved

    def _gain(self, before: tuple[Fraction, ...], first: int | None) -> float:
        """Return what an improvement is worth: 1 on the level that was the first open one."""
        changed = [now < then for now, then in zip(self.search.values or (), before, strict=True)]
        return 1.0 if first is None or any(changed[: first + 1]) else LATER_GAIN

    def may_refill(self, deadline: Deadline) -> bool:
        """Whether refilling all hosts makes sense, and there is time to load its compiled code."""
        return self._everywhere.possible(deadline)

    def _free(self, operator: str, deadline: Deadline, *, by_nodes: bool) -> bool:
        """Free the hosts that an operator chooses and solve for them; return whether that improved."""
        incumbent, level = self.search.incumbent, self._level()
        if incumbent is None or level is None:
            return False
        hosts = self._chooser.choose(incumbent, operator, round(self.used), MOST_PAIRS)
        scope = Scope.around(self.instance, incumbent, hosts)
        try:
            model = Assignment(self.instance, scope, self.search.candidates, lambda: deadline.over)
        except (ContradictionError, TimeoutError):
            return False
        for earlier in range(level):
            model.hold(earlier, float((self.search.values or ())[earlier]))
        improved = self._improve(model, level, deadline, by_nodes=by_nodes)
        self._chooser.rewarded(hosts, float(improved))
        return improved

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
        settings = replace(self.search.settings, nodes=STEP_NODES if by_nodes else None, threads=1)
        start = model.start(self.search.incumbent) if self.search.incumbent is not None else None
        for current in range(level, len(self.search.levels)):
            model.minimise(current)
            limit = deadline if by_nodes else deadline.within(STEP_SECONDS)
            solution = self.search.backend.solve(model.problem, deadline=limit, settings=settings, start=start)
            self.search.failures = 0
            self._adapt(solution, by_nodes=by_nodes)
            if not solution.found or solution.objective is None:
                break
            found = model.decode(solution.values)
            start = dict(solution.values)
            pays = current > level or solution.objective < float(known[level]) * (1 - 1e-9)
            if deadline.over or not pays:
                break
            model.hold(current, solution.objective)
        if found is None or self._is_incumbent(found):
            return False
        return self.search.offer(found, f"neighbourhood search, {self.search.backend.name}")

    def _is_incumbent(self, found: Placement) -> bool:
        """Whether a placement is the incumbent itself, which need not be judged again."""
        known = self.search.incumbent
        if known is None or not np.array_equal(found.host_of, known.host_of):
            return False
        return found.cells is None or (known.cells is not None and np.array_equal(found.cells, known.cells))

    def _adapt(self, solution: Solution, *, by_nodes: bool) -> None:
        """Free more hosts when sub-problems are easy, fewer when they are not."""
        if solution.outcome is not Outcome.OPTIMAL:
            self.used = max(self.used - 0.5, FEWEST_USED)
        elif self.stalled > STALL_LEVEL or (not by_nodes and solution.seconds < EASY * STEP_SECONDS):
            self.used = min(self.used + 0.25, MOST_USED)
