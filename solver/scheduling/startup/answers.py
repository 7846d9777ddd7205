"""Results of planning a start-up: the order with its status, its bound, and who proved what."""

from __future__ import annotations

from dataclasses import dataclass

from formulations.scheduling.startup import StartupOrder, StartupQuestion
from solver.result import Reason, Status


@dataclass(frozen=True, eq=False)
class StartupResult:
    """The answer to a question of start-up.

    Attributes
    ----------
    question : StartupQuestion
    status : Status
        OPTIMAL, FEASIBLE or INFEASIBLE.
    order : StartupOrder or None
        Checked; None where it is INFEASIBLE.
    bound : int or None
        No order within the limits is shorter (ms).
    proved_by, found_by : str
    reasons : tuple of Reason
        For INFEASIBLE.
    warnings : tuple of str
        VMs that ought to run and have no host: they do not start, and nobody waits for them.
    """

    question: StartupQuestion
    status: Status
    order: StartupOrder | None = None
    bound: int | None = None
    proved_by: str = ""
    found_by: str = ""
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def makespan(self) -> int | None:
        """When the last VM is up, in milliseconds."""
        return None if self.order is None else self.order.makespan

    @property
    def gap(self) -> float | None:
        """``(makespan - bound) / makespan``, None without an order."""
        if self.order is None or self.bound is None:
            return None
        return (self.order.makespan - self.bound) / max(1, self.order.makespan)
