"""The state that engines for vector packing share: the checked incumbent, the proved bound, the trace."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from formulations.vector_packing import Packing, VectorPacking
from solver.deadline import Deadline
from solver.errors import VerificationError

log = logging.getLogger("placewright")


class Step(NamedTuple):
    """A new incumbent or a new bound: when, by whom, and its value."""

    seconds: float
    found_by: str
    value: int


@dataclass(eq=False)
class PackingSearch:
    """One search for the cheapest packing.

    Parameters
    ----------
    problem : VectorPacking
    deadline : Deadline
    seed : int
    progress : callable, optional
        Called with every better packing.

    Attributes
    ----------
    incumbent : Packing or None
        The cheapest packing so far, checked in integers.
    bound : int
        No packing costs less; proved in exact arithmetic by ``proved_by``.
    infeasible : bool
        Whether it was proved that there is no packing.
    found, proved : list of Step
        How incumbent and bound came about.
    """

    problem: VectorPacking
    deadline: Deadline = field(default_factory=Deadline)
    seed: int = 0
    progress: Callable[[Packing, str], None] | None = None
    incumbent: Packing | None = None
    cost: int | None = None
    bound: int = 0
    proved_by: str = "no cost is negative"
    infeasible: bool = False
    found: list[Step] = field(default_factory=list)
    proved: list[Step] = field(default_factory=list)

    def offer(self, packing: Packing, found_by: str) -> bool:
        """Take a packing that is better than the incumbent; items beyond the demand are taken out first.

        Raises
        ------
        VerificationError
            If it is not a packing of the problem: a defect of the engine.
        """
        packing = packing.trimmed(self.problem)
        faults = packing.faults(self.problem)
        if faults:
            raise VerificationError(f"{found_by}: {faults[0]}")
        cost = packing.cost(self.problem)
        if self.cost is not None and cost >= self.cost:
            return False
        self.incumbent, self.cost = packing, cost
        self.found.append(Step(self.deadline.elapsed, found_by, cost))
        log.debug("%.2f s: %s packs at %d", self.deadline.elapsed, found_by, cost)
        if self.progress is not None:
            self.progress(packing, found_by)
        return True

    def prove(self, bound: int, proved_by: str) -> None:
        """Take a lower bound that holds for every packing."""
        if bound > self.bound:
            self.bound, self.proved_by = bound, proved_by
            self.proved.append(Step(self.deadline.elapsed, proved_by, bound))

    @property
    def optimal(self) -> bool:
        """Whether the incumbent is proved to be the cheapest."""
        return self.cost is not None and self.cost <= self.bound

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do, or no time to do it."""
        return self.infeasible or self.optimal or self.deadline.over
