"""The engine: fillings, the relaxation and its bound, then dives and integer masters until proof or the deadline."""

from __future__ import annotations

import logging
from fractions import Fraction
from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

from formulations.host_mix import Cut, volume_cuts
from formulations.patterns import PatternModel
from formulations.program import ContradictionError
from formulations.tables import Integers
from formulations.vector_packing import Packing, VectorPacking
from solver.backends.base import Backend, Settings
from solver.bounds.host_mix import HostMix
from solver.deadline import Deadline
from solver.engines.columns.diving import Dive
from solver.engines.columns.generation import Generation, Relaxation
from solver.engines.columns.master import Master
from solver.engines.columns.pricing import Priced, Pricer
from solver.engines.packing_search import PackingSearch
from solver.errors import BackendError

log = logging.getLogger("placewright")

NAME = "column generation"

PORTIONS = (0.2, 0.1, 0.05, 0.02, 0.0)
"""How much of what is left is fixed at each step of the first dive, the second, and so on."""

MANY_ITEMS = 300
"""With fewer items every dive fixes one pattern at a time."""

ROOT_SHARE = 0.5
"""The relaxation gets at most this share of the time left, so that some is left for packings."""

MASTER_EVERY = 3
"""The integer master is solved after every so many dives."""

MOST_COLUMNS = 4_000
"""With more columns than this the integer master is not asked."""

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
        Solves the integer program over the known patterns; without one it is not asked.
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
        self._begun = False
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
            self._dive(self.dives)
            self.dives += 1
            if self.mix is not None:
                self._mix_dive()
            if self.dives % MASTER_EVERY == 0:
                self._solve_integer_master()

    def _begin(self) -> None:
        """Fill bins, and solve the relaxation."""
        self._begun = True
        self._add_singles()
        self._fill()
        if not self.search.done:
            self._relax()

    # -- before the relaxation ---------------------------------------------------------------

    def _add_singles(self) -> None:
        """Give the master bins of one flavour each, and the patterns of the incumbent."""
        for i in range(self.problem.flavours):
            for k in self.generation.pricer.types:
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
        """Fill bin after bin with what is worth most where large items are worth more than in proportion."""
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

    def _relax(self) -> Relaxation:
        """Solve the relaxation of all patterns as far as it can raise the bound; prove what it says."""
        deadline = self.search.deadline.within(self.search.deadline.left * ROOT_SHARE)
        known = self.generation.converge(deadline, enough=self._enough, centre=self._volumes, watch=self._watch)
        self._prove_mix(deadline)
        return known

    def _enough(self, known: Relaxation) -> bool:
        self.search.prove(self._rounded_up(known.bound), NAME)
        return self.search.done or self.search.bound >= ceil(known.value / self.step - 1e-6) * self.step

    def _rounded_up(self, bound: Fraction) -> int:
        return ceil(bound / self.step) * self.step

    def _watch(self, _known: Relaxation, weights: Integers, priced: dict[int, Priced]) -> None:
        """Turn weights that were priced into a cut on the mix of bins."""
        if self.mix is not None:
            values = tuple(priced[k].upper if k in priced else 0 for k in range(self.problem.types))
            least = sum(int(w) * int(b) for w, b in zip(weights.tolist(), self.problem.demand.tolist(), strict=True))
            self.mix.add(Cut(values, least, NAME))

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
        dive = Dive(self.search, self.generation, rng, portion, available)
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
            self.generation.converge(self.search.deadline, watch=self._watch)
            if master.left_out < 1e-6:
                self._dive(number + 1, mix)
                break
        master.restrict(self.problem.demand, self.problem.available)

    def _solve_integer_master(self) -> None:
        """Ask the backend for the best packing from the patterns known."""
        master = self.generation.master
        if self.backend is None or self.search.done or not master.solve(self.search.deadline):
            return
        columns = self._promising()
        if len(columns) > MOST_COLUMNS:
            return
        try:
            model = PatternModel(self.problem, master.types[columns], master.patterns[columns])
        except ContradictionError:
            return
        start = None if self.search.incumbent is None else model.start(self.search.incumbent)
        limit = self.search.deadline.within(max(1.0, 0.15 * self.search.deadline.left))
        try:
            solution = self.backend.solve(model.problem, deadline=limit, settings=self.settings, start=start)
        except BackendError as error:
            self.search.failed(error)
            return
        if solution.found:
            self.search.offer(model.decode(solution.values), f"pattern model, {solution.backend}")

    def _promising(self) -> Integers:
        """Return the columns whose reduced cost leaves room for a better packing."""
        master = self.generation.master
        worth = master.patterns @ master.duals
        slack = (self.search.cost or 0) - self.step - master.objective
        reduced = self.problem.costs[master.types] - worth
        chosen = np.flatnonzero(reduced <= max(slack, 0.0) + 1e-6)
        return chosen[np.argsort(reduced[chosen], kind="stable")[:MOST_COLUMNS]]
