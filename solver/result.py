"""Results: a verified placement with its status, value, bound, and who proved what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from formulations.instance import Instance
from formulations.objective import HOST_TERMS
from formulations.placement import Placement


class Status(StrEnum):
    """What is known about the answer."""

    OPTIMAL = "OPTIMAL"
    """Every level's value meets its bound."""
    FEASIBLE = "FEASIBLE"
    """A verified placement, with a bound and a gap."""
    INFEASIBLE = "INFEASIBLE"
    """Proved to have no placement; ``reasons`` say why."""
    UNKNOWN = "UNKNOWN"
    """Stopped with neither."""


@dataclass(frozen=True)
class LevelResult:
    """The value of one objective level, recomputed exactly, and what bounds it.

    Attributes
    ----------
    name, unit : str
    value : Fraction
    bound : Fraction or None
        No placement that is at least as good on every earlier level can have a smaller value.
    proved_by : str
        Who proved the bound, such as ``CBC 2.10.3``; empty without one.
    """

    name: str
    unit: str
    value: Fraction
    bound: Fraction | None = None
    proved_by: str = ""

    @property
    def optimal(self) -> bool:
        """Whether the value meets its bound."""
        return self.bound is not None and self.value <= self.bound

    @property
    def gap(self) -> float | None:
        """``(value - bound) / value``, 0 when they meet, None without a bound."""
        if self.bound is None:
            return None
        return 0.0 if self.optimal else float((self.value - self.bound) / self.value)


@dataclass(frozen=True)
class Incumbent:
    """One line of the trace: who found which value of the levels, and when."""

    seconds: float
    found_by: str
    values: tuple[Fraction, ...]


@dataclass(frozen=True)
class Reason:
    """Why there is no placement: facts that conflict, at the level people think in.

    Attributes
    ----------
    message : str
        One sentence, such as ``memory short by 60 GB``.
    facts : tuple of str
        A minimal set of facts that cannot all hold; without any one of them the rest can.
    ways_out : tuple of str
        Changes that make the instance feasible, each verified by solving again, cheapest first.
    """

    message: str
    facts: tuple[str, ...] = ()
    ways_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """The answer to an instance.

    Attributes
    ----------
    instance : Instance
    status : Status
    placement : Placement or None
        Verified, with allocation; None unless OPTIMAL or FEASIBLE.
    levels : tuple of LevelResult
        In order; empty without a placement.
    reasons : tuple of Reason
        For INFEASIBLE.
    seconds : float
        Solving alone, without reading, naming and writing.
    trace : tuple of Incumbent
        Every improvement, in order.
    warnings : tuple of str
        What went wrong on the way without spoiling the answer.
    failed : bool
        Whether the backend could not be used at all although it was needed.
    interrupted : bool
        Whether the user stopped the search.
    settings, versions : mapping of str to str
    """

    instance: Instance
    status: Status
    placement: Placement | None = None
    levels: tuple[LevelResult, ...] = ()
    reasons: tuple[Reason, ...] = ()
    seconds: float = 0.0
    trace: tuple[Incumbent, ...] = ()
    warnings: tuple[str, ...] = ()
    failed: bool = False
    interrupted: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def headline(self) -> LevelResult | None:
        """The level that ``objective`` and ``bound`` speak of: the hosts' cost, else the first."""
        if not self.levels:
            return None
        for level, stated in zip(self.levels, self.instance.levels, strict=True):
            if any(term.kind in HOST_TERMS for term in stated.terms):
                return level
        return self.levels[0]

    @property
    def objective(self) -> Fraction | None:
        """The headline level's value."""
        return None if self.headline is None else self.headline.value

    @property
    def bound(self) -> Fraction | None:
        """The headline level's bound."""
        return None if self.headline is None else self.headline.bound

    @property
    def gap(self) -> float | None:
        """The headline level's gap."""
        return None if self.headline is None else self.headline.gap

    @property
    def hosts_used(self) -> int | None:
        """How many hosts run a VM."""
        return None if self.placement is None else len(self.placement.hosts_used)
