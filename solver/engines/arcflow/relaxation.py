"""The linear relaxation of the arc-flow model, for its dual prices."""

from __future__ import annotations

import logging
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from formulations.arcflow import Network
from solver.deadline import Deadline

log = logging.getLogger("placewright")

_SMALL = 2_000
"""With fewer arcs the simplex method is faster than the interior point method."""

_FOREVER = 1e9

_OPTIMAL, _INFEASIBLE = 0, 2

Floats = NDArray[np.float64]


class Relaxation(NamedTuple):
    """What HiGHS says of a relaxation.

    Attributes
    ----------
    feasible : bool
    worth : float64 array, shape (levels,)
        The dual price of one item of each flavour: in cost, or if infeasible in items that no
        flow carries.
    """

    feasible: bool
    worth: Floats


def relaxed(network: Network, deadline: Deadline) -> Relaxation | None:
    """Solve the linear relaxation of a network's flow; None where HiGHS comes to no end.

    The flow and the bins are continuous, all else is as in `ArcFlow`. Where no flow carries the
    demand, that which carries most of it is looked for instead.
    """
    costs = np.concatenate([np.zeros(network.graph.arcs), network.costs])
    status, worth = _solve(network, _carried(network), costs, deadline)
    if status != _INFEASIBLE:
        return Relaxation(feasible=True, worth=worth) if worth is not None else None
    levels = len(network.demand)
    missing = csr_array((np.ones(levels), (np.arange(levels), np.arange(levels))), shape=(levels, levels))
    every = hstack([_carried(network), missing], format="csr")
    costs = np.concatenate([np.zeros_like(costs), np.ones(levels)])
    _, worth = _solve(network, every, costs, deadline)
    return Relaxation(feasible=False, worth=worth) if worth is not None else None


def _solve(network: Network, carried: csr_array, costs: Floats, deadline: Deadline) -> tuple[int, Floats | None]:
    """Return how HiGHS ended, and the prices of the demand if it is optimal."""
    from scipy.optimize import linprog  # noqa: PLC0415 - scipy.optimize takes 0.4 s to import

    conserved = _conserved(network, carried.shape[1])
    high = np.full(len(costs), np.inf)
    bins = slice(network.graph.arcs, network.graph.arcs + len(network.available))
    high[bins] = network.available
    answer = linprog(  # type: ignore[call-overload] # the stubs know no sparse matrices
        costs,
        A_ub=-carried,
        b_ub=-network.demand.astype(np.float64),
        A_eq=conserved,
        b_eq=np.zeros(conserved.shape[0]),
        bounds=np.column_stack([np.zeros(len(costs)), high]),
        method="highs-ds" if network.graph.arcs < _SMALL else "highs-ipm",
        options={"time_limit": min(_FOREVER, deadline.left)},
    )
    if answer.status != _OPTIMAL:
        log.debug("the relaxation of the arc-flow model: %s", answer.message)
        return int(answer.status), None
    return _OPTIMAL, np.maximum(-np.asarray(answer.ineqlin.marginals, dtype=np.float64), 0.0)


def _carried(network: Network) -> csr_array:
    """Return how many items of each flavour one unit on each arc, and one bin, carries."""
    graph = network.graph
    taking = np.flatnonzero(graph.levels >= 0)
    shape = (len(network.demand), graph.arcs + len(graph.starts))
    return csr_array((np.ones(len(taking)), (graph.levels[taking], taking)), shape=shape)


def _conserved(network: Network, columns: int) -> csr_array:
    """Return what leaves each node but the sink, less what enters it."""
    graph = network.graph
    arcs, bins = np.arange(graph.arcs), graph.arcs + np.arange(len(graph.starts))
    rows = np.concatenate([graph.tails, graph.heads, graph.starts])
    entries = np.concatenate([np.ones(graph.arcs), -np.ones(graph.arcs + len(graph.starts))])
    balance = csr_array((entries, (rows, np.concatenate([arcs, arcs, bins]))), shape=(graph.nodes, columns))
    used = np.bincount(rows, minlength=graph.nodes) > 0
    used[graph.sink] = False
    return csr_array(balance[np.flatnonzero(used)])
