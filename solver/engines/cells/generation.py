"""Column generation: fillings are priced into the master program until its bound is known.

Gilmore and Gomory, Operations Research 9, 1961, doi:10.1287/opre.9.6.849; weights are smoothed as
by Wentges (International Transactions in Operational Research 4, 1997).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers
from solver.deadline import Deadline
from solver.engines.cells.master import CellMaster
from solver.engines.cells.pricing import CellPricer

Floats = NDArray[np.float64]

SMOOTHING = 0.5
"""How much the weights that are priced keep to those of the best bound."""

FINEST = 2**40
"""Sums of integer weights stay below this times the scale of one step."""

MOST_ROUNDS = 2_000
WORTH = 1e-7
"""A filling must save at least this part of a step to be a column."""


class CellGeneration:
    """Minimises one level of a packing after another over all fillings.

    Parameters
    ----------
    master : CellMaster
    pricer : CellPricer

    Attributes
    ----------
    bound : int
        What the level that is minimised cannot fall below, in its steps; proved in integers.
    converged : bool
        Whether no filling can lower the master's value.
    rounds : int
    """

    def __init__(self, master: CellMaster, pricer: CellPricer) -> None:
        self.master = master
        self.pricer = pricer
        self.packing = master.packing
        self.bound = 0
        self.converged = False
        self.rounds = 0

    def run(self, deadline: Deadline) -> None:
        """Price fillings in until none helps or the time is over."""
        self.bound, self.converged, best = 0, False, -np.inf
        centre: Floats | None = None
        smoothing = SMOOTHING
        self.seed(deadline)
        for _ in range(MOST_ROUNDS):
            if not self.master.solve(deadline):
                return
            self.rounds += 1
            if best > self.master.objective - WORTH:
                self.converged = True
                return
            duals = self.master.duals
            weights = duals if centre is None else smoothing * centre + (1 - smoothing) * duals
            proved, added = self._price(weights, self.master.prices)
            if proved > best:
                best, centre = proved, weights
            if not added and smoothing == 0.0:
                self.converged = True
                return
            smoothing = SMOOTHING if added else 0.0

    def seed(self, deadline: Deadline) -> None:
        """Begin with the fillings that hold most, weighed by size."""
        if self.master.cells or deadline.over:
            return
        packing = self.packing
        whole = np.maximum((packing.cells.sum(axis=1) * packing.number[:, None]).sum(axis=0), 1)
        taken = packing.sizes * np.where(packing.spans, packing.cells.shape[1], 1)[:, None]
        self._price((taken / whole).sum(axis=1) * packing.number.sum(), np.zeros(len(self.master.held)))

    def _price(self, weights: Floats, prices: Floats) -> tuple[float, int]:
        """Price at some weights; return what they prove, and how many columns came of it."""
        scale = self._scale(weights, prices)
        whole: Integers = np.floor(weights * scale).astype(np.int64)
        rates = [int(price * scale) for price in prices.tolist()]
        priced = self.pricer.price(whole)
        proved = self._proved(whole, rates, scale, priced.values)
        self.bound = max(self.bound, -(-proved // scale))
        master = self.master
        costs = master.level.costs + sum(
            (level.costs * price for (level, _), price in zip(master.held, prices, strict=True)), np.float64(0.0)
        )
        added = 0
        for k, cells in enumerate(priced.patterns):
            gain = float(cells.sum(axis=0) @ master.duals) - float(costs[k] + master.rents[k])
            if cells.any() and (gain > WORTH or not self.rounds):
                added += master.add(k, cells)
        return proved / scale, added

    def _scale(self, weights: Floats, prices: Floats) -> int:
        """Return into how many parts a step is divided so that all sums stay exact."""
        master = self.master
        largest = float(weights.max(initial=1.0)) * float(max(1, self.packing.demand.sum()))
        costs = [float(level.costs.max(initial=0) + level.refusals.max(initial=0)) for level, _ in master.held]
        largest += sum(price * cost for price, cost in zip(prices.tolist(), costs, strict=True))
        return max(1, min(FINEST, int(2.0**61 / max(largest, 1.0))))

    def _proved(self, weights: Integers, rates: list[int], scale: int, values: Integers) -> int:
        """Return the Lagrangian bound at integer weights, in parts of a step.

        Demands count with their weights, held levels with their rates against them; every host
        and every VM left out then takes whatever is best for it alone.
        """
        master, packing = self.master, self.packing
        total: int = sum(w * d for w, d in zip(weights.tolist(), packing.demand.tolist(), strict=True))
        total -= sum(rate * most for rate, (_, most) in zip(rates, master.held, strict=True))
        charged = [level for level, _ in master.held]
        for k, (number, value) in enumerate(zip(packing.number.tolist(), values.tolist(), strict=True)):
            cost = scale * int(master.level.costs[k])
            cost += sum(rate * int(level.costs[k]) for rate, level in zip(rates, charged, strict=True))
            total += number * min(0, cost - value)
        if packing.optional:
            for f, (demand, weight) in enumerate(zip(packing.demand.tolist(), weights.tolist(), strict=True)):
                price = scale * int(master.level.refusals[f])
                price += sum(rate * int(level.refusals[f]) for rate, level in zip(rates, charged, strict=True))
                total += demand * min(0, price - weight)
        return total
