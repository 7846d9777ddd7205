"""Exact bounds from floating prices: worths of items in integers, and longest paths in the graph."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from formulations.arcflow import Network
from formulations.arcflow.graph import LARGEST_VALUE
from formulations.host_mix import Cut
from formulations.tables import Integers
from formulations.vector_packing import Mask
from solver.engines.arcflow.relaxation import Floats


@dataclass(frozen=True, eq=False)
class Certificate:
    """Worths of items such that no filling is worth more than the price of its bin.

    All bins of a packing cost together at least what its items are worth, less what the prices
    are above the costs: ``bound / unit``. This holds whatever the worths are; those close to the
    dual solution of the relaxation give its value. Nothing is computed in floats.

    Attributes
    ----------
    network : Network
    worth : int64 array, shape (levels,)
    prices : int64 array, shape (starts,)
    unit : int
        A cost of 1 in the unit of worths and prices.
    bound : int
    """

    network: Network
    worth: Integers
    prices: Integers
    unit: int
    bound: int

    @property
    def lower(self) -> Fraction:
        """What every packing costs at least."""
        return Fraction(self.bound, self.unit)

    def cut(self) -> Cut:
        """Return that the bins hold together at least what all items are worth."""
        values = tuple(self.network.graph.most(self.worth).tolist())
        return Cut(values, _total(self.worth, self.network.demand), "dual prices of arc-flow")

    def kept(self, most: int) -> Mask:
        """Return which arcs can be part of a packing that costs at most so much.

        A packing costs ``bound`` at least, and beyond that for every bin what its price is above
        the worth of its filling: so no bin of a packing can be far below its price. Fixing by
        reduced costs in arc-flow models: V. L. de Lima, M. Iori and F. K. Miyazawa, Exact solution
        of network flow models with strong relaxations, Mathematical Programming 197, 2023,
        doi:10.1007/s10107-022-01785-9.
        """
        spare = most * self.unit - self.bound
        lost = -self.network.graph.through(self.worth, self.prices)
        return np.asarray(lost <= min(spare, LARGEST_VALUE), dtype=np.bool_)


def certified(network: Network, prices: Floats) -> Certificate | None:
    """Return the certificate that floating prices of items lead to; None where they prove that there is no packing.

    Parameters
    ----------
    network : Network
    prices : float64 array, shape (levels,)
        Of one item of each flavour, finite and at least 0, in any unit.
    """
    largest = LARGEST_VALUE // 2 // max(1, len(network.graph.waves))
    worth: Integers = np.floor(prices / max(float(prices.max()), 1e-300) * min(largest, 2**50)).astype(np.int64)
    if not worth.any():
        return _certificate(network, worth, 1)
    most, costs = network.graph.most(worth).tolist(), network.costs.tolist()
    dearest = _dearest(costs, most, network.available.tolist(), _total(worth, network.demand))
    if dearest is None:
        return None
    # items are worth as much as makes the dearest type of bins that is needed worth its cost
    cost, value = costs[dearest], most[dearest]
    limit = min(largest * value // max(1, int(worth.max()) * cost), LARGEST_VALUE // 2 // max(1, *costs))
    unit = 2 ** max(0, limit.bit_length() - 1)
    scaled = np.array([min(w * cost * unit // value, largest) for w in worth.tolist()], dtype=np.int64)
    return _certificate(network, scaled, unit)


def _dearest(costs: list[int], most: list[int], available: list[int], total: int) -> int | None:
    """Return the last type that is needed to hold a total worth, the cheapest per worth first; None if too few."""
    useful = [k for k, value in enumerate(most) if value]
    for k in sorted(useful, key=lambda k: Fraction(costs[k], most[k])):
        total -= most[k] * available[k]
        if total <= 0:
            return k
    return None


def _certificate(network: Network, worth: Integers, unit: int) -> Certificate:
    costs = [cost * unit for cost in network.costs.tolist()]
    prices = [max(cost, value) for cost, value in zip(costs, network.graph.most(worth).tolist(), strict=True)]
    above = sum(
        (price - cost) * number for price, cost, number in zip(prices, costs, network.available.tolist(), strict=True)
    )
    bound = _total(worth, network.demand) - above
    return Certificate(network, worth, np.array(prices, dtype=np.int64), unit, bound)


def _total(worth: Integers, demand: Integers) -> int:
    return sum(w * d for w, d in zip(worth.tolist(), demand.tolist(), strict=True))
