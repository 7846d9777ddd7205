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
    gap : float
        The search is done within this relative gap of the bound; 0 asks for proof.

    Attributes
    ----------
    incumbent : Packing or None
        The cheapest packing so far, checked in integers.
    bound : int
        No packing costs less; proved in exact arithmetic by ``proved_by``.
    infeasible : bool
        Whether it was proved that there is no packing.
    claimed : int
        No packing costs less, in the word of a solver that computes in floats: ``claimed_by``.
    claimed_infeasible : bool
        Whether such a solver says that there is no packing.
    failures : list of str
        What went wrong in a part of the search that is not needed for an answer.
    found, proved, claims : list of Step
        How incumbent, bound and claimed bound came about.
    """

    problem: VectorPacking
    deadline: Deadline = field(default_factory=Deadline)
    seed: int = 0
    progress: Callable[[Packing, str], None] | None = None
    gap: float = 0.0
    incumbent: Packing | None = None
    cost: int | None = None
    bound: int = 0
    proved_by: str = "no cost is negative"
    infeasible: bool = False
    claimed: int = 0
    claimed_by: str = ""
    claimed_infeasible: bool = False
    found: list[Step] = field(default_factory=list)
    proved: list[Step] = field(default_factory=list)
    claims: list[Step] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

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

    def claim(self, bound: int | None, claimed_by: str) -> None:
        """Take a lower bound that holds in the word of a solver that computes in floats; None: no packing at all."""
        if bound is None:
            self.claimed_infeasible, self.claimed_by = True, claimed_by
        elif bound > max(self.bound, self.claimed):
            self.claimed, self.claimed_by = bound, claimed_by
            self.claims.append(Step(self.deadline.elapsed, claimed_by, bound))

    def failed(self, error: Exception) -> None:
        """Note that a part of the search ended for a reason of its own."""
        log.info("%s", error)
        if str(error) not in self.failures:
            self.failures.append(str(error))

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do, if what is claimed is believed."""
        meets = self.cost is not None and self.cost <= max(self.bound, self.claimed)
        return self.infeasible or self.claimed_infeasible or meets

    @property
    def optimal(self) -> bool:
        """Whether the incumbent is proved to be the cheapest."""
        return self.cost is not None and self.cost <= self.bound

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do, or no time to do it."""
        close = self.cost is not None and self.cost - self.bound <= self.gap * self.cost
        return self.infeasible or close or self.deadline.over
