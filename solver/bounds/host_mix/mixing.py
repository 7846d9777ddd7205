"""The host-mix program with a growing set of cuts: its relaxation, safe bounds, and its proof."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from formulations.errors import InputError
from formulations.host_mix import Cut
from formulations.tables import Integers
from solver.bounds.host_mix.certificates import Certificate
from solver.bounds.host_mix.linear import LinearRelaxation, Optimum
from solver.bounds.host_mix.restarts import WholeProgram, explored
from solver.bounds.host_mix.rows import ROOM, Rows
from solver.deadline import Deadline

INFEASIBLE: Final = math.inf
"""The bound where no mix passes the cuts."""

MOST_CUTS = 400
"""With more cuts than this, those that were not tight for long are forgotten."""

PATIENCE = 50
"""A cut that was not tight in so many relaxations may be forgotten."""

FIRST_ROWS = 20
"""So many cuts begin in the linear program of a proof; others join it when they are broken."""


class MixProof(NamedTuple):
    """What is proved of a host-mix program.

    Attributes
    ----------
    bound : int
        No mix that passes every cut costs less: exact. More than all bins cost where none passes.
    mix : int64 array of shape (types,), or None
        The cheapest mix found that passes every cut.
    optimal : bool
        Whether the mix costs the bound.
    infeasible : bool
        Whether no mix passes.
    nodes : int
        Boxes that were looked at with a linear program.
    """

    bound: int
    mix: Integers | None
    optimal: bool
    infeasible: bool
    nodes: int


class HostMix:
    """Minimise ``costs.n`` over integers ``0 <= n <= limits`` that pass every cut.

    Parameters
    ----------
    costs : sequence of int, shape (types,)
        Of one bin of each type, at least 0.
    limits : sequence of int, shape (types,)
        How many bins of each type can be of use; the smaller, the quicker.

    Attributes
    ----------
    cuts : list of Cut
        Those that count, reduced; see `Cut.reduced`.

    Raises
    ------
    InputError
        If shapes do not match, an entry is negative, or all bins together cost 2**62 or more.

    Examples
    --------
    >>> mixing = HostMix([3, 5], [9, 9])
    >>> mixing.add(Cut((4, 7), 18))
    True
    >>> mixing.prove().bound
    13
    """

    def __init__(self, costs: Sequence[int] | Integers, limits: Sequence[int] | Integers) -> None:
        known = [int(cost) for cost in costs], [int(limit) for limit in limits]
        if len(known[0]) != len(known[1]):
            raise InputError("costs and limits need one entry per type", "host mix")
        if min([0, *known[0], *known[1]]) < 0:
            raise InputError("costs and limits must not be negative", "host mix")
        self._dearest = sum(cost * max(1, limit) for cost, limit in zip(*known, strict=True))
        if max([self._dearest, *known[1]]) >= ROOM // 4:
            raise InputError("costs are too large to be added exactly", "host mix")
        self.costs: Integers = np.array(known[0], dtype=np.int64)
        self.limits: Integers = np.array(known[1], dtype=np.int64)
        self._forget()

    def _forget(self, cuts: Sequence[Cut] = ()) -> None:
        """Begin anew with some cuts."""
        self.cuts: list[Cut] = list(cuts)
        self._rows = Rows(self.cuts, self.limits)
        self._program: LinearRelaxation | None = None
        self._tight: list[int] = [0] * len(self.cuts)
        self._relaxations = 0

    def add(self, cut: Cut) -> bool:
        """Add a cut; say whether it says more than each of the others does.

        Raises
        ------
        InputError
            If it has not one value per type.
        """
        if len(cut.values) != len(self.costs):
            raise InputError(f"expected {len(self.costs)} values, got {len(cut.values)}", "cut")
        cut = cut.reduced()
        if cut.trivial or any(self.cuts[t].implies(cut) for t in self._perhaps_implying(cut)):
            return False
        self.cuts.append(cut)
        self._tight.append(self._relaxations)
        self._rows.add(cut)
        if len(self.cuts) > MOST_CUTS:
            self._drop_old()
        return True

    def _perhaps_implying(self, cut: Cut) -> list[int]:
        """Return the cuts that imply another as far as floats tell."""
        rows = self._rows
        mine = np.array([value / cut.least for value in cut.values])
        theirs = rows.floats / rows.right[:, None]
        return np.flatnonzero((theirs <= mine * (1 + 1e-9)).all(axis=1)).tolist()

    def _drop_old(self) -> None:
        """Forget cuts that were not tight for long."""
        recent = [cut for cut, last in zip(self.cuts, self._tight, strict=True) if self._relaxations - last < PATIENCE]
        if len(recent) < len(self.cuts):
            self._forget(recent)

    # -- the relaxation ----------------------------------------------------------------------------

    def relaxation(self) -> Optimum:
        """Return the cheapest fractional mix, in floats; ``prices`` are those of `cuts`."""
        optimum = self._relaxed(np.zeros_like(self.limits), self.limits)
        self._relaxations += 1
        for t in np.flatnonzero(optimum.prices > 0).tolist():
            self._tight[t] = self._relaxations
        return optimum

    def _relaxed(self, lower: Integers, upper: Integers) -> Optimum:
        """Solve the linear program in a box; where HiGHS fails, no row has a price."""
        if self._program is None:
            self._program = LinearRelaxation(self.costs, self._rows)
            self._program.hold(np.arange(min(FIRST_ROWS, len(self._rows))))
        optimum = self._program.solve(lower, upper)
        self._program.drop_idle()
        if optimum is None:
            return Optimum(0.0, lower.astype(np.float64), np.zeros(len(self._rows)), feasible=False)
        return optimum

    def safe_bound(self, lower: Integers | None = None, upper: Integers | None = None) -> float:
        """Return what every mix in a box costs at least: an exact integer, or `INFEASIBLE`.

        Parameters
        ----------
        lower, upper : int64 arrays of shape (types,), optional
            The box; all mixes by default.
        """
        lower = np.zeros_like(self.limits) if lower is None else np.maximum(lower, 0)
        upper = self.limits if upper is None else np.minimum(upper, self.limits)
        if (lower > upper).any() or not self._rows.passed(upper):
            return INFEASIBLE
        optimum = self._relaxed(lower, upper)
        proof = Certificate(self.costs, self._rows, optimum.prices, self._dearest)
        return self._lifted(max(0, proof.bound(lower, upper)), lower, upper)

    def _lifted(self, bound: int, lower: Integers, upper: Integers) -> int:
        """Return the least value from a bound on that costs in a box can take."""
        least, step = int(self.costs @ lower), int(np.gcd.reduce(self.costs[lower < upper], initial=0))
        return least if step == 0 else least + max(0, -(-(bound - least) // step)) * step

    # -- the proof ---------------------------------------------------------------------------------

    def prove(self, deadline: Deadline | None = None, target: int | None = None) -> MixProof:
        """Return a bound on what every mix costs, by branch and bound; exact whenever it ends.

        Parameters
        ----------
        deadline : Deadline, optional
            The bound found until then counts.
        target : int, optional
            A bound of so much is enough.
        """
        if not all(cut.passes(self.limits.tolist()) for cut in self.cuts):
            return MixProof(self._dearest + 1, None, optimal=False, infeasible=True, nodes=0)
        if not self.cuts:
            return MixProof(0, np.zeros_like(self.limits), optimal=True, infeasible=False, nodes=0)
        enough = self._dearest + 1 if target is None else min(target, self._dearest + 1)
        clock = Deadline() if deadline is None else deadline
        program = WholeProgram(self.costs, self.limits, Rows(self.cuts, self.limits))
        found = explored(program, enough, self._first_rows(), clock)
        bound, mix = max(0, found.bound), found.mix
        if mix is not None and not all(cut.passes(mix.tolist()) for cut in self.cuts):
            mix = None  # a cut had to be rounded
        optimal = mix is not None and int(self.costs @ mix) == bound
        return MixProof(bound, mix, optimal, infeasible=False, nodes=found.nodes)

    def _first_rows(self) -> Integers:
        """Return the cuts that were tight last."""
        latest = sorted(range(len(self.cuts)), key=lambda t: (-self._tight[t], t))
        return np.array(latest[:FIRST_ROWS], dtype=np.int64)
