"""The engine: fillings, the relaxation and its bound, then dives and integer masters until proof or the deadline."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

from formulations.host_mix import Cut, volume_cuts
from formulations.patterns import PatternModel
from formulations.program import ContradictionError
from formulations.tables import Integers
from formulations.vector_packing import Packing, VectorPacking
from solver.backends.base import Backend, Outcome, Settings, Solution
from solver.bounds.host_mix import HostMix
from solver.deadline import Deadline
from solver.engines.columns.diving import Dive
from solver.engines.columns.enumeration import Listed, patterns_worth, tight_patterns
from solver.engines.columns.generation import Generation, Relaxation, worth_of
from solver.engines.columns.master import Master
from solver.engines.columns.outlook import Outlook
from solver.engines.columns.pricing import Priced, Pricer
from solver.engines.packing_search import PackingSearch
from solver.errors import BackendError

log = logging.getLogger("placewright")

NAME = "column generation"

PORTIONS = (0.2, 0.1, 0.05, 0.02, 0.0)
"""How much of what is left is fixed at each step of the first dive, the second, and so on."""

MANY_ITEMS = 300
"""With fewer items every dive fixes one pattern at a time."""

ROOT_SHARE, MIXED_ROOT_SHARE = 0.25, 0.5
"""The relaxation gets at most this share of the time left, so that some is left for packings; then it goes on."""

MOSTLY = 0.9
"""Prices begin with this share on the resource that is shortest, the rest on all alike."""

FEW_TYPES = 8

MASTER_EVERY = 3
"""The integer master is solved after every so many dives."""

MOST_COLUMNS = 4_000
"""The integer master is given at most so many columns."""

MASTER_SHARE = 0.15
LAST_CALL = 5.0
"""The backend may take some seconds more than it is given: it is not asked when fewer are left."""

MOST_ATTEMPTS, NODES_OF_AN_ATTEMPT = 5, 100
"""Packings without waste are sought so often, with so many nodes of branch and bound."""

DIVES_BEFORE_LISTING, MOST_LISTED, GAP_SHARE = 4, 20_000, 0.3
"""After so many dives, up to so many patterns are listed, in this share of the time left."""

CLOSE = 1.0005
"""Where the mix bounds the cost, a relaxation so close to it is solved well enough."""

LEFT_OVER = 1e-6
"""Fewer items than this in all are none."""

MOST_MIXES = 200
"""The relaxation at a mix of bins is asked so often at most between two dives."""

MIX_SECONDS = 5.0

Floats = NDArray[np.float64]


class ColumnEngine:
    """Packs by column generation.

    Parameters
    ----------
    search : PackingSearch
        Of a problem whose flavours all take something and fit some bin.
    backend : Backend or None
        Solves the integer program over the known patterns; not asked again once it has failed.
    """

    def __init__(self, search: PackingSearch, backend: Backend | None = None, threads: int = 1) -> None:
        self.search = search
        self.problem: VectorPacking = search.problem
        self.backend = backend
        self.settings = Settings(seed=search.seed, threads=threads)
        self.generation = Generation(self.problem, Master(self.problem), Pricer(self.problem))
        self.rng = np.random.default_rng(search.seed)
        self.step = gcd(*self.problem.costs.tolist()) or 1
        self.dives = 0
        self.root = Relaxation()
        self._cut_off = False
        self._begun = False
        self._unfinished = False
        self._listed_tight = False
        self._attempted = 0
        self.mix: HostMix | None = None
        if self.problem.types > 1 or self.generation.master.limited:
            self.mix = HostMix(self.problem.costs, self.problem.available)
            for cut in volume_cuts(self.problem):
                self.mix.add(cut)

    def run(self, dives: int | None = None) -> None:
        """Search until proof, the deadline, or so many dives; called again, it goes on."""
        if not self._begun:
            self._begin()
        last = None if dives is None else self.dives + dives
        while not self.search.done and self.dives != last:
            if self._unfinished and self.dives:
                self._relax()
            self._dive(self.dives)
            self.dives += 1
            if self.mix is not None:
                self._mix_dive()
            if self.dives % MASTER_EVERY == 0:
                self._solve_integer_master()
            if self.dives == 1 and not self._listed_tight:
                self._close_gap(self._tight_patterns)
            if self.dives == DIVES_BEFORE_LISTING:
                self._close_gap(self._patterns_for)

    def _begin(self) -> None:
        """Fill bins, and solve the relaxation."""
        self._begun = True
        self._add_singles()
        self._fill()
        self._close_gap(self._tight_patterns)
        if not self.search.done:
            self._relax()

    # -- before the relaxation ---------------------------------------------------------------

    def _add_singles(self) -> None:
        """Give the master bins of one flavour each, and the patterns of the incumbent."""
        few = self.generation.pricer.types[:FEW_TYPES]
        for i in range(self.problem.flavours):
            for k in few:
                if self.problem.most[i, k]:
                    single = np.zeros(self.problem.flavours, dtype=np.int64)
                    single[i] = self.problem.most[i, k]
                    self.generation.master.add(k, single)
        if self.search.incumbent is not None:
            self._learn(self.search.incumbent)

    def _learn(self, packing: Packing) -> None:
        for kind, pattern in zip(packing.types.tolist(), packing.patterns, strict=True):
            self.generation.master.add(kind, pattern)

    @property
    def _volumes(self) -> Floats:
        """Each item's mean share of the largest bin."""
        largest = self.problem.capacities[self.generation.pricer.types].max(axis=0)
        volumes: Floats = (self.problem.sizes / np.maximum(largest, 1)).mean(axis=1)
        return volumes

    def _fill(self) -> None:
        """Fill bin after bin with what is worth most where large items are worth more than in proportion.

        With many types to try for every bin this takes longer than heuristics, and finds no more.
        """
        if len(self.generation.pricer.types) > FEW_TYPES:
            return
        for power in (1.0, 1.5):
            if self.search.done:
                return
            worth = self._volumes**power
            weights: Integers = np.floor(self.generation.scale * worth / worth.max()).astype(np.int64)
            packing = self.generation.pricer.pack(
                weights, self.problem.demand, self.problem.available, self.search.deadline
            )
            if packing is not None:
                self.search.offer(packing, "fillings by depth-first search")
                self._learn(packing)

    # -- the relaxation -----------------------------------------------------------------------

    def _relax(self) -> None:
        """Solve the relaxation of all patterns as far as it can raise the bound; prove what it says."""
        share = ROOT_SHARE if self.mix is None else MIXED_ROOT_SHARE
        deadline = self.search.deadline.within(self.search.deadline.left * share)
        start = self._first_prices if self.root.prices is None else self.root.prices
        known = self.generation.converge(deadline, enough=self._enough, watch=partial(self._watch, None), start=start)
        self._unfinished = self.mix is None and deadline.over
        if known.bound >= self.root.bound:
            self.root = known
        self._prove_mix(deadline)

    @property
    def _first_prices(self) -> Floats:
        """What items are worth by volume, most of it in the resource that is shortest."""
        problem, largest = self.problem, self.problem.capacities[self.generation.pricer.types].max(axis=0)
        shares: Floats = problem.sizes / np.maximum(largest, 1)
        shortest = int((problem.demand @ shares).argmax())
        return MOSTLY * shares[:, shortest] + (1 - MOSTLY) * self._volumes

    def _enough(self, known: Relaxation) -> bool:
        self.search.prove(self._rounded_up(known.bound), NAME)
        if self.mix is not None and known.value <= CLOSE * self.search.bound:
            return True  # the mix of bins proves more than the relaxation; dives price patterns of their own
        return self.search.done or self.search.bound >= ceil(known.value / self.step - 1e-6) * self.step

    def _rounded_up(self, bound: Fraction) -> int:
        return ceil(bound / self.step) * self.step

    def _watch(self, mix: Integers | None, weights: Integers, priced: dict[int, Priced]) -> None:
        """Turn weights that were priced into a cut on the mix of bins; note whether it cuts a mix off."""
        if self.mix is not None:
            values = tuple(priced[k].upper if k in priced else 0 for k in range(self.problem.types))
            cut = Cut(values, worth_of(weights, self.problem.demand), NAME)
            self.mix.add(cut)
            self._cut_off = mix is not None and not cut.passes(mix.tolist())

    def _decided(self) -> bool:
        """Whether the relaxation fills the mix that is tried, or a cut says that it cannot."""
        return self._cut_off or self.generation.master.left_out < LEFT_OVER

    def _prove_mix(self, deadline: Deadline) -> Integers | None:
        """Bound by the host-mix program; return its cheapest mix."""
        if self.mix is None:
            return None
        proof = self.mix.prove(deadline.within(MIX_SECONDS), target=self.search.cost)
        if proof.infeasible:
            self.search.infeasible = True
            return None
        self.search.prove(proof.bound, "host-mix program over column generation")
        return proof.mix

    # -- packings -----------------------------------------------------------------------------

    def _dive(self, number: int, available: Integers | None = None) -> bool:
        portion = PORTIONS[min(number, len(PORTIONS) - 1)] if self.problem.items > MANY_ITEMS else 0.0
        rng = self.rng if number else None
        dive = Dive(self.search, self.generation, rng, portion, available=available, prices=self.root.prices)
        better = dive.run(self.search.deadline, f"{NAME} and dive")
        log.debug(
            "%.2f s: dive %d, %s of %d", self.search.deadline.elapsed, number, self.search.cost, self.search.bound
        )
        return better

    def _mix_dive(self) -> None:
        """Find the cheapest mix of bins that the relaxation can fill, and dive within it."""
        master = self.generation.master
        for number in range(MOST_MIXES):
            if self.search.done:
                return
            mix = self._prove_mix(self.search.deadline)
            if mix is None or self.search.done:
                return
            master.restrict(self.problem.demand, mix)
            self._cut_off = False
            self.generation.converge(
                self.search.deadline, enough=lambda _: self._decided(), watch=partial(self._watch, mix)
            )
            if not self._cut_off:
                self._dive(number + 1, mix)
                break
        master.restrict(self.problem.demand, self.problem.available)

    def _close_gap(self, listed: Callable[[int, Deadline], Listed | None]) -> None:
        """Where one step is missing: list every pattern that a better packing could use, and ask the backend.

        Its word that there is none is a claim, unless a packing without waste was asked for.
        """
        search = self.search
        if self.backend is None or search.failures or self.mix is not None or search.cost is None:
            return
        if search.done or search.cost - self.step > search.bound:
            return
        deadline = search.deadline.within(GAP_SHARE * search.deadline.left)
        found = listed(search.cost - self.step, deadline)
        if found is None:
            return
        cost = search.cost
        types: Integers = np.zeros(len(found.patterns), dtype=np.int64)
        solution = self._ask(types, found.patterns, deadline, exact=found.exact)
        if solution is None or found.exact:
            return  # of equations CBC, when cut short, was seen to call some infeasible that are not
        proved = solution.outcome is Outcome.OPTIMAL and (solution.objective or 0.0) > cost - self.step / 2
        if proved or solution.outcome is Outcome.INFEASIBLE:
            search.claim(cost, f"all patterns that can be of use, {solution.backend}")

    def _tight_patterns(self, cost: int, deadline: Deadline) -> Listed | None:
        """Return the patterns that packings of a cost can use, where that many bins have hardly any room to spare."""
        (kind,) = self.generation.pricer.types
        found = tight_patterns(self.problem, kind, cost // int(self.problem.costs[kind]), MOST_LISTED, deadline)
        if found is not None:
            log.debug("%d patterns waste little enough", len(found.patterns))
            self._listed_tight = not found.exact  # another seed may find what the first ones did not
        return found

    def _patterns_for(self, cost: int, deadline: Deadline) -> Listed | None:
        """Return the patterns that packings of a cost can use: no other one's reduced cost leaves room for it."""
        root, (kind,) = self.root, self.generation.pricer.types
        if root.weights is None or not root.weights.any():
            return None
        upper, worth = root.uppers[kind], worth_of(root.weights, self.problem.demand)
        least = ceil(upper + worth - Fraction(upper * cost, int(self.problem.costs[kind])))
        items = np.arange(self.problem.flavours)  # those of no weight, too: they must lie somewhere
        outlook = Outlook(self.problem, [kind], items, root.weights, self.problem.demand)
        patterns = patterns_worth(outlook, kind, least, MOST_LISTED, deadline)
        log.debug("%s patterns can be of use", "too many" if patterns is None else len(patterns))
        return None if patterns is None else Listed(patterns)

    def _solve_integer_master(self) -> None:
        """Ask the backend for the best packing from the patterns known."""
        master = self.generation.master
        if self.backend is None or self.search.failures or self.search.deadline.left < LAST_CALL:
            return
        if not master.solve(self.search.deadline):
            return
        columns = self._promising()
        deadline = self.search.deadline.within(max(1.0, MASTER_SHARE * self.search.deadline.left))
        self._ask(master.types[columns], master.patterns[columns], deadline)

    def _ask(self, types: Integers, patterns: Integers, deadline: Deadline, *, exact: bool = False) -> Solution | None:
        """Solve the pattern model; offer what is found."""
        if self.backend is None:
            return None
        try:
            model = PatternModel(self.problem, types, patterns, exact=exact)
        except ContradictionError:
            return Solution(Outcome.INFEASIBLE, backend="a demand that no pattern covers")
        start = None if exact or self.search.incumbent is None else model.start(self.search.incumbent)
        solution = None
        for settings in self._attempts() if exact else [self.settings]:
            limit = deadline.within(deadline.left / 2) if exact else deadline
            try:
                solution = self.backend.solve(model.problem, deadline=limit, settings=settings, start=start)
            except BackendError as error:
                self.search.failed(error)
                return None
            if solution.outcome is not Outcome.UNKNOWN or deadline.over:
                break
        if solution is not None and solution.found:
            self.search.offer(model.decode(solution.values), f"pattern model, {solution.backend}")
        return solution

    def _attempts(self) -> list[Settings]:
        """Return seeds to try in turn where there is nothing to minimise: most find a packing soon, some never do."""
        seed = self.settings.seed + self._attempted
        self._attempted += MOST_ATTEMPTS
        return [replace(self.settings, seed=seed + n, nodes=NODES_OF_AN_ATTEMPT) for n in range(MOST_ATTEMPTS)]

    def _promising(self) -> Integers:
        """Return the columns whose reduced cost leaves room for a better packing, the best `MOST_COLUMNS`."""
        master = self.generation.master
        slack = (self.search.cost or 0) - self.step - master.objective
        reduced = self.problem.costs[master.types] - master.patterns @ master.duals
        chosen = np.flatnonzero(reduced <= max(slack, 0.0) + 1e-6)
        return chosen[np.argsort(reduced[chosen], kind="stable")[:MOST_COLUMNS]]
