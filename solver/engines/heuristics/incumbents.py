"""First packings: a few heuristics that are quick and differ, offered to a search."""

from __future__ import annotations

from collections.abc import Iterable

from formulations.errors import UnsupportedError
from solver.deadline import Deadline
from solver.engines.heuristics.registry import HEURISTICS
from solver.engines.packing_search import PackingSearch

QUICK = ("FF", "FFD-max", "BFD-sum", "PABFD", "FFD-product", "Tetris", "L2", "L2-average", "tight-fill-min-reciprocal")
"""Counted, so a matter of milliseconds at any number of items of a few flavours."""

THOROUGH = (
    "FFD-max-average-dynamic",
    "FFD-sum-utilisation",
    "BFD-sum-reciprocal-dynamic",
    "dot-product-average-dynamic",
    "dot-product-utilisation",
    "L2-average-bins",
    "L2-exponential-bins",
    "tight-fill-min-reciprocal-dynamic",
    "pairing-L2-utilisation",
    "pairing-L2-average-dynamic",
    "pairing-bin-dot-product-average-dynamic",
    "pairing-bin-dot-product-utilisation-lazy",
)
"""Those that most often found the best packing of all on the instances of Mommessin et al. (docs/heuristics.md)."""


def offer_packings(search: PackingSearch, names: Iterable[str] = QUICK, deadline: Deadline | None = None) -> None:
    """Offer the packings of some heuristics, until the search is done or the time is over."""
    limit = search.deadline if deadline is None else deadline
    for name in names:
        if search.done or limit.over:
            return
        try:
            packing = HEURISTICS[name].run(search.problem, limit)
        except UnsupportedError:  # more items than it decides one by one: that is what the others are for
            continue
        if packing is not None:
            search.offer(packing, name)
