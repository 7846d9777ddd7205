"""The pattern model: how often each of some known fillings of a bin is used.

Gilmore and Gomory, Operations Research 9, 1961, doi:10.1287/opre.9.6.849, restricted to
patterns at hand.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pulp

from formulations.program import Expression, Program
from formulations.tables import Integers
from formulations.vector_packing import Packing, VectorPacking


class PatternModel:
    """Minimise ``sum_p costs[type of p] n_p`` with ``sum_p pattern[p,i] n_p >= demand[i]``, n_p integer.

    At most ``limits[k]`` bins of type k are used. Asked for any packing without waste, it has equations in place of
    ``>=``, and nothing to minimise: branch and bound then finds in a second what it otherwise seeks in vain.

    Parameters
    ----------
    problem : VectorPacking
    types : int64 array, shape (patterns,)
        The bin type of each pattern.
    patterns : int64 array, shape (patterns, flavours)
        How many items of each flavour lie in one bin.
    exact : bool
        Whether every item must be packed exactly as often as asked, at whatever cost.
    """

    def __init__(self, problem: VectorPacking, types: Integers, patterns: Integers, *, exact: bool = False) -> None:
        self.data = problem
        self.exact = exact
        self.types, self.patterns = types, patterns
        self._program = Program("patterns")
        self.times = [self._program.integer(f"times_{p}", 0, self._most(p)) for p in range(len(types))]
        if not exact:
            self._minimise_cost()
        self._cover_demand()
        self._limit_bins()

    @property
    def problem(self) -> pulp.LpProblem:
        """The program as PuLP's."""
        return self._program.problem

    def decode(self, values: Mapping[str, float]) -> Packing:
        """Return the packing of a solution, given by variable name; items may be packed more often than asked."""
        times = [round(values.get(variable.name, 0.0)) for variable in self.times]
        bins = [(int(k), pattern, n) for k, pattern, n in zip(self.types, self.patterns, times, strict=True)]
        return Packing.of(bins, self.data.flavours)

    def start(self, packing: Packing) -> dict[str, float] | None:
        """Return the values of a packing, or None if a pattern of it is not among those known."""
        known = {(int(k), row.tobytes()): p for p, (k, row) in enumerate(zip(self.types, self.patterns, strict=True))}
        values = {variable.name: 0.0 for variable in self.times}
        for kind, pattern, times in zip(packing.types.tolist(), packing.patterns, packing.times.tolist(), strict=True):
            place = known.get((kind, np.ascontiguousarray(pattern).tobytes()))
            if place is None:
                return None
            values[self.times[place].name] += times
        return values

    def _most(self, p: int) -> int:
        """Return how often a pattern can be of use; more where equations say it, for CBC does better without bounds."""
        if self.exact:
            return self.data.items
        held = np.flatnonzero(self.patterns[p])
        needed = -(-self.data.demand[held] // self.patterns[p][held])
        return min(int(needed.max(initial=0)), int(self.data.available[self.types[p]]))

    def _minimise_cost(self) -> None:
        costs = self.data.costs[self.types].tolist()
        self.problem.setObjective(Expression({n: float(c) for n, c in zip(self.times, costs, strict=True)}).pulp())

    def _cover_demand(self) -> None:
        """Require that every item is packed; a pattern with items to spare does no harm."""
        for i, demand in enumerate(self.data.demand.tolist()):
            users = np.flatnonzero(self.patterns[:, i])
            terms = {self.times[p]: float(self.patterns[p, i]) for p in users.tolist()}
            require = self._program.equal if self.exact else self._program.at_least
            require(Expression(terms), float(demand), f"pack_{i}")

    def _limit_bins(self) -> None:
        for k, limit in enumerate(self.data.limits.tolist()):
            if limit < self.data.items:
                users = np.flatnonzero(self.types == k).tolist()
                self._program.at_most(Expression.total(self.times[p] for p in users), float(limit), f"bins_{k}")
