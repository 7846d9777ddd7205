"""NUMA packing as an engine: bounds by column generation, fillings by the backend, names under the rules."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from formulations.cell_packing import CellPacking, LinearLevel
from formulations.cell_patterns import CellPatternModel
from formulations.errors import UnsupportedError
from formulations.tables import Integers
from solver.backends import backend_named
from solver.backends.base import Solution
from solver.deadline import Deadline
from solver.engines.cells.generation import CellGeneration
from solver.engines.cells.master import CellMaster
from solver.engines.cells.naming import Fillings, Naming
from solver.engines.cells.pricing import CellPricer
from solver.engines.compiling import affordable
from solver.engines.construction import Construction
from solver.engines.greedy import complete, preferred_order
from solver.engines.search import Search
from solver.errors import BackendError

log = logging.getLogger("placewright")

FOUND_BY = "fillings of NUMA cells"
PROVED_BY = "column generation over NUMA cells, exact"

CHOOSING_SHARE = 0.4
"""The backend gets this share of the time to choose among the fillings known, per level."""

NODES = 2_000
"""Of the backend, where the search is stopped by iterations rather than time."""

MOST_NAMINGS = 12
"""So often VMs are given to the slots anew, with those that found none before coming first."""


def cell_packing(search: Search) -> CellPacking | None:
    """Return the counted NUMA packing of a search's instance, or None if it cannot be counted, or not in time."""
    if not any(cells is not None for cells in search.instance.tables.cells):
        return None
    if not affordable(search.deadline, "solver.engines.cells.kernels", "fill_hosts"):
        return None
    try:
        packing = CellPacking.of(search.instance)
        return packing if packing.levels else None
    except UnsupportedError as error:
        log.info("not counted: %s", error)
        return None


class CellSearch:
    """Answers the levels that count hosts in use and VMs left out, where hosts have NUMA cells.

    Parameters
    ----------
    search : Search
        Told of placements and bounds.
    packing : CellPacking
    by_nodes : bool
        Whether to stop by nodes and attempts rather than by time.

    Raises
    ------
    UnsupportedError
        If sizes are too finely divided.
    """

    def __init__(self, search: Search, packing: CellPacking, *, by_nodes: bool = False) -> None:
        self.search = search
        self.packing = packing
        self.by_nodes = by_nodes
        self.master = CellMaster(packing)
        self.generation = CellGeneration(self.master, CellPricer(packing))
        self._waiting: list[tuple[LinearLevel, list[int], int]] = []
        """Bounds of later levels: the level, what earlier ones were held at, the bound in steps."""

    def run(self, deadline: Deadline) -> None:
        """Search until nothing is left to gain by counting, or the deadline."""
        try:
            times = self._choose(deadline)
            if times is not None and not self.search.infeasible:
                self._name(times, deadline)
            self._prove_later_levels(deadline)
        except BackendError as error:
            self.search.failed(error)

    # -- fillings ---------------------------------------------------------------------------

    def _choose(self, deadline: Deadline) -> Integers | None:
        """Minimise one level after another; return how often each filling is used."""
        times: Integers | None = None
        for level in self.packing.levels:
            self._generate(level, deadline)
            if deadline.over or not self.master.cells:
                break
            better = self._by_backend(level, times, deadline)
            times = better if better is not None else times
            if times is None:
                return self._rounded()
            self.master.hold(level, self._value(level, times))
        return times

    def _generate(self, level: LinearLevel, deadline: Deadline) -> None:
        """Price fillings in for a level; take over the bound where it says something of every placement."""
        self.master.minimise(level)
        self.generation.run(deadline)
        self._waiting.append((level, [most for _, most in self.master.held], self.generation.bound))
        self._tell()

    def _tell(self) -> None:
        """Hand over the bounds that hold for all placements as good as the one known on the levels before."""
        known, search = self.search.values, self.search
        waiting, self._waiting = self._waiting, []
        for level, held, bound in waiting:
            earlier = zip(self.packing.levels, held, strict=False)
            if not held:
                search.prove(level.number, level.step * bound, PROVED_BY, whatever_earlier=True)
                everything = int(level.costs @ self.packing.number)
                if bound > everything and not self.packing.optional and known is None:
                    log.info("all hosts together are too small for the VMs")
                    search.infeasible = True
            elif known is not None and all(known[stated.number] <= stated.step * most for stated, most in earlier):
                search.prove(level.number, level.step * bound, PROVED_BY)
            else:
                self._waiting.append((level, held, bound))

    def _by_backend(self, level: LinearLevel, known: Integers | None, deadline: Deadline) -> Integers | None:
        """Choose among the fillings known by integer programming; None if nothing was found."""
        model = CellPatternModel(self.packing, self.master.types, self.master.patterns)
        for earlier, most in self.master.held:
            model.hold(earlier, most)
        model.minimise(level)
        limit = deadline if self.by_nodes else deadline.within(CHOOSING_SHARE * deadline.left)
        start = None
        if known is not None:
            padded = np.zeros(len(self.master.cells), dtype=np.int64)
            padded[: len(known)] = known
            start = model.start(padded)
        solution = self._solved(model, limit, start)
        return model.decode(solution.values) if solution.found else None

    def _solved(self, model: CellPatternModel, limit: Deadline, start: Mapping[str, float] | None) -> Solution:
        """Ask the backend; where it crashes, with another seed, and then HiGHS: CBC crashes on some paths only."""
        search = self.search
        settings = replace(search.settings, nodes=NODES if self.by_nodes else None)
        for seed in (settings.seed, settings.seed + 1):
            own = replace(settings, seed=seed)
            try:
                solution: Solution = search.backend.solve(model.problem, deadline=limit, settings=own, start=start)
            except BackendError as error:
                search.failed(error)
            else:
                search.failures = 0
                return solution
        return backend_named("highs").solve(model.problem, deadline=limit, settings=settings, start=start)

    def _rounded(self) -> Integers:
        """Return the master's solution rounded down: who is left finds room one by one."""
        return np.floor(self.master.values + 1e-6).astype(np.int64)

    def _value(self, level: LinearLevel, times: Integers) -> int:
        """Return a level's value when fillings are used so often, in its steps."""
        out = np.maximum(self.packing.demand - times @ self.master.patterns[: len(times)], 0)
        return int(level.costs[self.master.types[: len(times)]] @ times + level.refusals @ out)

    # -- names ------------------------------------------------------------------------------

    def _name(self, times: Integers, deadline: Deadline) -> None:
        """Give slots to VMs, again and again: groups that found none come first the next time."""
        search, trouble = self.search, dict[int, int]()
        rng = np.random.default_rng(search.settings.seed)
        longest = 0.0
        for attempt in range(MOST_NAMINGS):
            began = deadline.elapsed
            construction = Construction(search.instance, search.candidates, search.judges)
            fillings = Fillings(self.packing, self.master.types[: len(times)], self.master.cells[: len(times)], times)
            naming = Naming(construction, self.packing, fillings, rng, trouble)
            left = naming.run(preferred_order(search.instance, construction), deadline)
            unlucky = self._grouped(construction, left)
            complete(construction, left, deadline)
            search.offer(construction.placement(), FOUND_BY)
            self._tell()
            longest = max(longest, deadline.elapsed - began)
            log.info("naming %d: %d VMs found no slot, %d of them in groups", attempt, len(left), len(unlucky))
            late = longest > deadline.left and not self.by_nodes
            if search.done or not unlucky or late or self._as_good_as_chosen(times):
                return
            for vm in unlucky:
                trouble[vm] = trouble.get(vm, 0) + 1

    def _as_good_as_chosen(self, times: Integers) -> bool:
        """Whether the placement known is as good as the fillings promise."""
        known = self.search.values
        return known is not None and all(
            known[level.number] <= level.step * self._value(level, times) for level in self.packing.levels
        )

    @staticmethod
    def _grouped(construction: Construction, left: Integers) -> list[int]:
        """Return those of the VMs that rules speak of."""
        return [vm for vm in left.tolist() if vm in construction.closures.of]

    # -- bounds under what was found -----------------------------------------------------------

    def _prove_later_levels(self, deadline: Deadline) -> None:
        """Bound the later levels given what the placement found has on the earlier ones."""
        known = self.search.values
        if known is None or not self._waiting:
            return
        master = CellMaster(self.packing)
        for k, cells in zip(self.master.types.tolist(), self.master.cells, strict=True):
            master.add(k, cells)
        self.master = master
        self.generation = CellGeneration(master, self.generation.pricer)
        for level in self.packing.levels:
            if deadline.over:
                return
            if master.held:
                self._generate(level, deadline)
            master.hold(level, int(known[level.number] / level.step))
