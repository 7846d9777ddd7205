"""The roomy-mix model: which hosts to use, so that a budget pays for them and most room is to spare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pulp
from numpy.typing import NDArray

from formulations.program import Expression, Program
from formulations.tables import Integers

Floats = NDArray[np.float64]


class Need(NamedTuple):
    """What some kinds of hosts must offer together: ``sum_k offer[k] n[k] >= least``."""

    offer: Integers
    least: int


class RoomyMix:
    """Maximise ``t`` with ``sum_k C[k,r] n[k] >= D[r] + spare[r] t``, ``sum_k c[k] n[k] <= budget``, n[k] integer.

    The hosts are then known, and what is left is to fit everything into them: the more room
    there is to spare in every resource, the easier.

    Parameters
    ----------
    capacity : int64 array, shape (kinds, resources)
    costs : int64 array, shape (kinds,)
    demand : int64 array, shape (resources,)
        ``D``: what must fit in all.
    budget : int
    least, most : int64 arrays, shape (kinds,)
        How many hosts of each kind must be, and can be, in use.
    spare : float64 array, shape (resources,)
        How much of each resource makes one unit of room.
    needs : sequence of Need
        What else the hosts must offer.
    preference : float64 array, shape (kinds,), optional
        Added to the objective per host: small figures decide between mixes of equal room.

    Attributes
    ----------
    problem : pulp.LpProblem

    Raises
    ------
    ContradictionError
        If no kind offers something that is needed.
    """

    def __init__(
        self,
        capacity: Integers,
        costs: Integers,
        demand: Integers,
        budget: int,
        *,
        least: Integers,
        most: Integers,
        spare: Floats,
        needs: Sequence[Need] = (),
        preference: Floats | None = None,
    ) -> None:
        self._program = Program("roomy mix")
        self.number = [
            self._program.integer(f"number_{k}", low, high)
            for k, (low, high) in enumerate(zip(least.tolist(), most.tolist(), strict=True))
        ]
        self.room = self._program.continuous("room")
        for r, wanted in enumerate(demand.tolist()):
            offered = self._sum(capacity[:, r])
            if wanted:
                offered.add(self.room, -float(spare[r]))
            self._program.at_least(offered, float(wanted), f"cover_{r}")
        for position, need in enumerate(needs):
            self._program.at_least(self._sum(need.offer), float(need.least), f"need_{position}")
        self._program.at_most(self._sum(costs), float(budget), "budget")
        self._program.at_most(Expression({self.room: 1.0}), 1e6, "room_ends")
        # 100 is what is needed: gaps are then relative to capacity, not to the little that is to spare
        liked = Expression({self.room: -1.0}, 100.0)
        if preference is not None:
            liked.plus(Expression(dict(zip(self.number, preference.tolist(), strict=True))), -1.0)
        self.problem.setObjective(liked.pulp())

    @property
    def problem(self) -> pulp.LpProblem:
        """The program as PuLP's."""
        return self._program.problem

    def decode(self, values: Mapping[str, float]) -> Integers:
        """Return how many hosts of each kind are in use: shape (kinds,)."""
        numbers: Integers = np.array([round(values.get(n.name, 0.0)) for n in self.number], dtype=np.int64)
        return numbers

    def _sum(self, figures: Integers) -> Expression:
        pairs = zip(self.number, figures.tolist(), strict=True)
        return Expression({n: float(figure) for n, figure in pairs if figure})
