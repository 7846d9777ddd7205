"""The pattern model of NUMA packing: how often each of some known fillings of a host is used.

Gilmore and Gomory, Operations Research 9, 1961, doi:10.1287/opre.9.6.849, restricted to
patterns at hand; a pattern fills all cells of one host.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pulp

from formulations.cell_packing import CellPacking, LinearLevel
from formulations.program import Expression, Program
from formulations.tables import Integers


class CellPatternModel:
    """Choose ``n_p`` hosts per pattern and ``u_f`` VMs left out: ``sum_p pattern[p,f] n_p + u_f >= demand[f]``.

    At most ``number[k]`` hosts of type k are used; ``u_f`` is 0 where every VM must be placed.

    Parameters
    ----------
    packing : CellPacking
    types : int64 array, shape (patterns,)
        The host type of each pattern.
    patterns : int64 array, shape (patterns, flavours)
        How many VMs of each flavour lie on one host.
    """

    def __init__(self, packing: CellPacking, types: Integers, patterns: Integers) -> None:
        self.data = packing
        self.types, self.patterns = types, patterns
        self._program = Program("cell patterns")
        self.times = [
            self._program.integer(f"times_{p}", 0, float(packing.number[k])) for p, k in enumerate(types.tolist())
        ]
        many = packing.demand if packing.optional else np.zeros_like(packing.demand)
        self.out = [self._program.integer(f"out_{f}", 0, float(most)) for f, most in enumerate(many.tolist())]
        for f, demand in enumerate(packing.demand.tolist()):
            users = np.flatnonzero(patterns[:, f])
            terms = {self.times[p]: float(patterns[p, f]) for p in users.tolist()}
            self._program.at_least(Expression({**terms, self.out[f]: 1.0}), float(demand), f"place_{f}")
        for k, number in enumerate(packing.number.tolist()):
            users = np.flatnonzero(types == k)
            self._program.at_most(Expression.total(self.times[p] for p in users.tolist()), float(number), f"hosts_{k}")

    @property
    def problem(self) -> pulp.LpProblem:
        """The program as PuLP's."""
        return self._program.problem

    def _level(self, stated: LinearLevel) -> Expression:
        costs = stated.costs[self.types].tolist()
        total = Expression({n: float(cost) for n, cost in zip(self.times, costs, strict=True) if cost})
        for out, price in zip(self.out, stated.refusals.tolist(), strict=True):
            if price:
                total.add(out, float(price))
        return total

    def minimise(self, stated: LinearLevel) -> None:
        """Make a level the objective."""
        self.problem.setObjective(self._level(stated).pulp())

    def hold(self, stated: LinearLevel, value: int) -> None:
        """Require a level to be no worse than a value, in its steps."""
        self._program.at_most(self._level(stated), value + 0.5, f"hold_level{stated.number}")

    def decode(self, values: Mapping[str, float]) -> Integers:
        """Return how often a solution, given by variable name, uses each pattern."""
        return np.array([round(values.get(variable.name, 0.0)) for variable in self.times], dtype=np.int64)

    def start(self, times: Integers) -> dict[str, float]:
        """Return the values of a solution that uses each pattern so often."""
        short = np.maximum(self.data.demand - times @ self.patterns, 0)
        values = {variable.name: float(n) for variable, n in zip(self.times, times.tolist(), strict=True)}
        return values | {variable.name: float(n) for variable, n in zip(self.out, short.tolist(), strict=True)}
