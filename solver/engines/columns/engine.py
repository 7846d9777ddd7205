"""The engine: relaxation, dives and restarts until proof or the deadline."""

from __future__ import annotations

import logging
from math import ceil

import numpy as np

from solver.engines.columns.diving import Dive
from solver.engines.columns.generation import Generation, Relaxation
from solver.engines.columns.master import Master
from solver.engines.columns.pricing import Pricer
from solver.engines.packing_search import PackingSearch

PORTIONS = (0.2, 0.1, 0.05, 0.02, 0.0)

log = logging.getLogger("placewright")


def pack_by_columns(search: PackingSearch) -> None:
    """Pack by column generation and diving until proof or the deadline.

    Parameters
    ----------
    search : PackingSearch
        Of a problem whose flavours all take something and fit some bin.
    """
    problem = search.problem
    generation = Generation(problem, Master(problem), Pricer(problem))
    for i in range(problem.flavours):
        for k in generation.pricer.types:
            if problem.most[i, k]:
                single = np.zeros(problem.flavours, dtype=np.int64)
                single[i] = problem.most[i, k]
                generation.master.add(k, single)
    if search.incumbent is not None:
        for kind, pattern in zip(search.incumbent.types.tolist(), search.incumbent.patterns, strict=True):
            generation.master.add(kind, pattern)

    volume = (problem.sizes / np.maximum(problem.capacities[generation.pricer.types].max(axis=0), 1)).sum(axis=1)
    for power in (1.0, 1.5):
        weights = np.floor(generation.scale * volume**power / (volume**power).max()).astype(np.int64)
        packing = generation.pricer.pack(weights, problem.demand, problem.available, search.deadline)
        if packing is not None:
            search.offer(packing, "fillings by depth-first search")
            for kind, pattern in zip(packing.types.tolist(), packing.patterns, strict=True):
                generation.master.add(kind, pattern)
        log.debug("filling: %s", search.cost)

    def enough(known: Relaxation) -> bool:
        search.prove(ceil(known.bound), "column generation")
        return search.done or search.bound >= ceil(known.value - 1e-6)

    known = generation.converge(search.deadline, enough=enough, centre=volume / problem.resources)
    log.debug("relaxation %.4f, bound %.4f, %d rounds", known.value, float(known.bound), known.rounds)
    rng = np.random.default_rng(search.seed)
    dives = 0
    while not search.done:
        portion = PORTIONS[min(dives, len(PORTIONS) - 1)] if problem.items > 300 else 0.0
        Dive(search, generation, rng if dives else None, portion).run(search.deadline, "column generation and dive")
        dives += 1
        log.debug("dive %d: %s of %d", dives, search.cost, search.bound)
