"""The sequence of engines for vector packing: quick packings, column generation, arc-flow."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from formulations.errors import UnsupportedError
from formulations.host_mix import volume_cuts
from formulations.tables import Integers
from formulations.vector_packing import Packing
from solver.backends.base import Backend, Settings
from solver.bounds.host_mix import HostMix
from solver.engines import compiling
from solver.engines.arcflow import pack_by_arcflow
from solver.engines.columns.engine import ColumnEngine
from solver.engines.heuristics.incumbents import QUICK, THOROUGH, offer_packings
from solver.engines.packing_search import PackingSearch
from solver.engines.refilling.packing import PackingRefiller
from solver.errors import BackendError

log = logging.getLogger("placewright")

COMPILED = "solver.engines.columns.kernels"
PAIRING = "solver.engines.heuristics.kernels.pairing"

FIRST = ("FFD-max", "Tetris")
"""Heuristics that are run however long they take."""

FEW_ITEMS = 1_000
"""With at most so many items the thorough heuristics have their turn, too."""

HEURISTICS_SHARE = 0.03

SMALL = 150
"""With at most so many items arc-flow has its turn early."""

DIVES_BEFORE_ARC_FLOW = 6
ARC_FLOW_SHARE = 0.3

STALL_DIVES = 50
"""Without a deadline the search ends after so many dives without improvement."""

FIRST_REFILL, REFILL_SHARE, LEAST_REFILL = 0.02, 0.3, 0.3
"""Bins are refilled for this share of the time at first, then of what column generation took; in seconds at least."""

ATTEMPTS_PER_DIVE = 3


def pack(search: PackingSearch, backend: Backend | None = None, *, threads: int = 1, dives: int | None = None) -> None:
    """Pack as cheaply as the time allows, and prove it.

    Parameters
    ----------
    search : PackingSearch
        Told of every better packing and of every bound.
    backend : Backend, optional
        Solves integer programs over patterns and arcs; not asked again once it has failed.
    threads : int
        Threads that the backend may use.
    dives : int, optional
        Stop after so many dives instead of by time: the same answer for the same seed.

    Notes
    -----
    Ends, too, when a backend claims that nothing better is left, see `PackingSearch.settled`.

    Most of the work is done by compiled loops. Where the time allowed is too short to load them,
    or, the first time, to compile them, nothing is tried.

    Raises
    ------
    BackendError
        If HiGHS fails. Failures of ``backend`` end only its own part.
    """
    if _settled_at_once(search) or not compiling.affordable(search.deadline, COMPILED, "depth_first"):
        return
    sized = np.flatnonzero(search.problem.sizes.any(axis=1))
    if len(sized) == search.problem.flavours:
        _pack(search, backend, threads, dives)
    else:
        _pack_sized(search, sized, backend, threads, dives)


def _settled_at_once(search: PackingSearch) -> bool:
    """Answer problems without items, with items that fit nowhere, and with items that take nothing."""
    problem = search.problem
    if not problem.fits.any(axis=1).all():
        search.infeasible = True
    elif not problem.items:
        search.offer(Packing.of([], problem.flavours), "no items")
    elif not problem.sizes.any():
        existing = np.flatnonzero(problem.available > 0)
        cheapest = int(existing[problem.costs[existing].argmin()])
        search.prove(int(problem.costs[cheapest]), "one bin is needed")
        search.offer(Packing.of([(cheapest, problem.demand, 1)], problem.flavours), "one bin for all")
    return search.done


def _pack_sized(
    search: PackingSearch, sized: Integers, backend: Backend | None, threads: int, dives: int | None
) -> None:
    """Pack the items that take something; the others go into the first bin."""
    whole = search.problem
    problem = replace(whole, sizes=whole.sizes[sized], demand=whole.demand[sized])
    weightless: Integers = np.where(whole.sizes.any(axis=1), 0, whole.demand)

    def completed(packing: Packing, found_by: str) -> None:
        bins: list[tuple[int, Integers, int]] = []
        for kind, own, times in zip(packing.types.tolist(), packing.patterns, packing.times.tolist(), strict=True):
            pattern = np.zeros(whole.flavours, dtype=np.int64)
            pattern[sized] = own
            bins += [(kind, pattern, times)] if bins else [(kind, pattern + weightless, 1), (kind, pattern, times - 1)]
        search.offer(Packing.of(bins, whole.flavours), found_by)

    inner = PackingSearch(problem, search.deadline, search.seed, completed, gap=search.gap)
    try:
        _pack(inner, backend, threads, dives)
    finally:
        _take_over(search, inner)


def _pack(search: PackingSearch, backend: Backend | None, threads: int, dives: int | None) -> None:
    _bound_by_volume(search)
    _try_heuristics(search, by_dives=dives is not None)
    refiller = None if backend is None else PackingRefiller(search, backend, by_attempts=dives is not None)
    _refill(search, refiller, FIRST_REFILL * search.deadline.left, dives)
    engine = ColumnEngine(search, backend, threads)
    few = search.problem.items <= SMALL
    endless = search.deadline.seconds == float("inf")
    stalled = 0
    while not (search.done or search.settled or engine.dives == dives or (endless and stalled == STALL_DIVES)):
        began, known = search.deadline.elapsed, (search.cost, search.bound)
        engine.run(1)
        _refill(search, refiller, REFILL_SHARE * (search.deadline.elapsed - began), dives)
        arc_flow = few and engine.dives == DIVES_BEFORE_ARC_FLOW and not (search.done or search.failures)
        if backend is not None and arc_flow:
            _try_arcflow(search, backend, threads)
        stalled = stalled + 1 if known == (search.cost, search.bound) else 0


def _refill(search: PackingSearch, refiller: PackingRefiller | None, seconds: float, dives: int | None) -> None:
    """Refill bins for so long, or for a fixed number of attempts where dives are counted, too."""
    if refiller is not None and not (search.done or search.failures):
        attempts = None if dives is None else ATTEMPTS_PER_DIVE
        limit = search.deadline if attempts else search.deadline.within(max(LEAST_REFILL, seconds))
        try:
            refiller.run(limit, attempts)
        except BackendError as error:
            search.failed(error)


def _bound_by_volume(search: PackingSearch) -> None:
    """Bound by what bins must hold together of each resource."""
    mix = HostMix(search.problem.costs, search.problem.available)
    for cut in volume_cuts(search.problem):
        mix.add(cut)
    proof = mix.prove(search.deadline.within(1.0))
    search.infeasible = search.infeasible or proof.infeasible
    search.prove(proof.bound, "volume of all bins")


def _try_heuristics(search: PackingSearch, *, by_dives: bool) -> None:
    """Offer what heuristics pack, for a first incumbent: two at least, more as far as they are quick."""
    offer_packings(search, FIRST)
    share = 1.0 if by_dives else HEURISTICS_SHARE
    limit = search.deadline.within(share * search.deadline.left)
    offer_packings(search, [name for name in QUICK if name not in FIRST], limit)
    # Not worth compiling for; `placewright bench` does.
    if search.problem.items <= FEW_ITEMS and (by_dives or compiling.cached(PAIRING, "pair")):
        offer_packings(search, THOROUGH, limit)


def _try_arcflow(search: PackingSearch, backend: Backend, threads: int) -> None:
    """Ask arc-flow, an engine that does not stop at the relaxation of patterns."""
    deadline = search.deadline.within(search.deadline.left * ARC_FLOW_SHARE)

    def pass_on(packing: Packing, found_by: str) -> None:
        search.offer(packing, found_by)

    inner = PackingSearch(search.problem, deadline, search.seed, pass_on)
    inner.incumbent, inner.cost, inner.bound = search.incumbent, search.cost, search.bound
    try:
        pack_by_arcflow(inner, backend, Settings(seed=search.seed, threads=threads))
    except UnsupportedError as error:
        log.info("arc-flow: %s", error)
    except BackendError as error:
        search.failed(error)
    finally:
        _take_over(search, inner)


def _take_over(search: PackingSearch, inner: PackingSearch) -> None:
    """Take over what was proved and claimed of a problem with the same cheapest packing."""
    search.infeasible = search.infeasible or inner.infeasible
    search.failures += [failure for failure in inner.failures if failure not in search.failures]
    search.prove(inner.bound, inner.proved_by)
    if inner.claimed_infeasible or inner.claimed > inner.bound:
        search.claim(None if inner.claimed_infeasible else inner.claimed, inner.claimed_by)
