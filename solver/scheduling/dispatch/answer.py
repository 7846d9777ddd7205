"""The fixed schedule of all hosts, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from formulations.scheduling.dispatch import DispatchQuestion, DispatchTable
from solver.result import Status


class Refusal(NamedTuple):
    """Why a host has no table.

    Attributes
    ----------
    host : int
    name : str
        The host's.
    message : str
        One sentence.
    proved : bool
        Whether no table can meet what was asked; otherwise none was found.
    """

    host: int
    name: str
    message: str
    proved: bool


class GangLength(NamedTuple):
    """How much of the frame the gangs of a host use, where they were packed.

    Attributes
    ----------
    host : int
    length : int or None
        Microseconds until the last gang has run; None where bounds on blackouts cut the frame.
    bound : int
        No table is shorter.
    proved_by : str
        Who proved the bound.
    """

    host: int
    length: int | None
    bound: int
    proved_by: str

    @property
    def optimal(self) -> bool:
        """Whether the length meets its bound."""
        return self.length is not None and self.length <= self.bound


@dataclass(frozen=True, eq=False)
class DispatchAnswer:
    """The answer to a question of fixed schedule.

    Attributes
    ----------
    question : DispatchQuestion
    status : Status
        ``OPTIMAL``: every host in use has a table that meets everything asked, and gangs use as little
        of the frame as is possible. ``FEASIBLE``: the same, but some gangs may be packed more tightly.
        ``INFEASIBLE``: some host cannot have a table, proved. ``UNKNOWN``: for some host none was found.
    tables : tuple of DispatchTable
        By host, checked; of all hosts that are not refused.
    refusals : tuple of Refusal
        By host.
    lengths : tuple of GangLength
        Of the hosts with gangs.
    seconds : float
    """

    question: DispatchQuestion
    status: Status
    tables: tuple[DispatchTable, ...]
    refusals: tuple[Refusal, ...] = ()
    lengths: tuple[GangLength, ...] = ()
    seconds: float = 0.0
