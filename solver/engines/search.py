"""The state that all engines share: the verified incumbent, the proved bounds, and the trace."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from formulations.candidates import Candidates
from formulations.instance import Instance
from formulations.lattice import sound_bound
from formulations.objective import ObjectiveLevel
from formulations.placement import Placement
from solver.allocating import Policy, allocate
from solver.backends.base import Backend, Settings
from solver.deadline import Deadline
from solver.errors import BackendError, BackendMissingError, VerificationError
from solver.result import Incumbent
from solver.verifying import RuleJudge, verify

log = logging.getLogger("placewright")

MOST_FAILURES = 3
"""After so many failures of the backend in a row the search ends."""

ALLOCATION_SECONDS = 0.5
"""The allocation of a placement found at the last moment gets at least so long."""


class Bound(NamedTuple):
    """What is proved of a level: its bound and by whom.

    ``given`` are the values of the earlier levels under which it was proved: no placement that
    is at least as good on each of them goes below the bound. None: no placement at all does.
    """

    value: Fraction
    proved_by: str
    given: tuple[Fraction, ...] | None = None

    def counts(self, values: tuple[Fraction, ...]) -> bool:
        """Whether the bound still speaks of the placements at least as good as these values."""
        return self.given is None or all(now <= then for now, then in zip(values, self.given, strict=False))


@dataclass(eq=False)
class Search:
    """One search for the placement of one instance.

    Attributes
    ----------
    incumbent : Placement or None
        The best placement so far: allocated and verified.
    values : tuple of Fraction or None
        Its objective levels, recomputed exactly.
    bounds : list of Bound
        Per level the best bound that counts now; every term is non-negative, so 0 at first.
    infeasible : bool
        Whether it was proved that there is no placement.
    judging : float
        Seconds that allocating and verifying a placement took at most so far.
    warnings : list of str
    """

    instance: Instance
    deadline: Deadline
    backend: Backend
    settings: Settings
    policy: Policy = "satisfaction"
    progress: Callable[[Incumbent], None] | None = None
    incumbent: Placement | None = None
    values: tuple[Fraction, ...] | None = None
    bounds: list[Bound] = field(default_factory=list)
    trace: list[Incumbent] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    infeasible: bool = False
    judging: float = 0.0
    failures: int = 0

    def __post_init__(self) -> None:
        self.levels: Sequence[ObjectiveLevel] = tuple(self.instance.levels)
        self.bounds = [Bound(Fraction(0), "no term is negative") for _ in self.levels]
        self._whatever_earlier = list(self.bounds)

    @cached_property
    def candidates(self) -> Candidates:
        """Which hosts are open to each VM."""
        return Candidates(self.instance)

    @cached_property
    def judges(self) -> list[RuleJudge]:
        """The judge of every rule."""
        return [RuleJudge(self.instance, rule) for rule in self.instance.rules]

    def offer(self, placement: Placement, found_by: str) -> bool:
        """Allocate and verify a placement; keep it unless it is worse, and say whether it is better."""
        clock = Deadline(max(ALLOCATION_SECONDS, self.deadline.left))
        allocated = allocate(self.instance, placement, self.policy, self.backend, clock)
        if allocated is None:
            return False
        verdict = verify(self.instance, allocated)
        self.judging = max(self.judging, clock.elapsed)
        if not verdict.ok or verdict.values is None:
            log.info("%s: rejected by the judge: %s", found_by, verdict.violations[0] if verdict.violations else "")
            return False
        if self.values is not None and verdict.values > self.values:
            return False
        better = self.values is None or verdict.values < self.values
        self.incumbent, self.values = allocated, verdict.values
        self._drop_stale_bounds()
        if better:
            self._record(found_by)
        return better

    def _drop_stale_bounds(self) -> None:
        """Forget bounds that were proved for better values of earlier levels than the incumbent now has.

        A better first level may cost a later one: bounds below it were proved of fewer placements.
        """
        for level, bound in enumerate(self.bounds):
            if not bound.counts(self.values or ()):
                self.bounds[level] = self._whatever_earlier[level]

    def _record(self, found_by: str) -> None:
        found = Incumbent(self.deadline.elapsed, found_by, self.values or ())
        self.trace.append(found)
        log.info("%.2f s: %s found %s", found.seconds, found_by, [float(value) for value in found.values])
        if self.progress is not None:
            self.progress(found)

    def prove(self, level: int, value: Fraction, proved_by: str, *, whatever_earlier: bool = False) -> None:
        """Record a lower bound of a level.

        It holds given that the earlier levels are no worse than now, or ``whatever_earlier``.
        """
        given = None if whatever_earlier or level == 0 else (self.values or ())[:level]
        bound = Bound(value, proved_by, given)
        if value > self.bounds[level].value:
            self.bounds[level] = bound
        if given is None and value > self._whatever_earlier[level].value:
            self._whatever_earlier[level] = bound

    def prove_float(self, level: int, bound: float, proved_by: str) -> None:
        """Record what a solver's floating bound soundly proves."""
        ceiling = self.values[level] if self.values is not None else Fraction(10**18)
        self.prove(level, sound_bound(self.instance, self.levels[level], bound, ceiling), proved_by)

    def met(self, level: int) -> bool:
        """Whether the incumbent's level meets its bound within the gap that is asked for."""
        if self.values is None:
            return False
        value, bound = self.values[level], self.bounds[level].value
        return value <= bound or float(value - bound) <= self.settings.gap * float(value)

    @property
    def open_level(self) -> int | None:
        """The first level that is not met; None when all are."""
        return next((k for k in range(len(self.levels)) if not self.met(k)), None)

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do, or no time to do it."""
        return self.infeasible or self.deadline.over or (self.values is not None and self.open_level is None)

    def failed(self, error: BackendError) -> None:
        """Note a failure of the backend; give it on if it is missing or has failed `MOST_FAILURES` times in a row."""
        log.info("%s", error)
        self.failures += 1
        if str(error) not in self.warnings:
            self.warnings.append(str(error))
        if self.failures >= MOST_FAILURES or isinstance(error, BackendMissingError):
            raise error

    def checked(self) -> Placement | None:
        """Return the incumbent, verified once more at the very end.

        Raises
        ------
        VerificationError
            If the judge rejects it.
        """
        if self.incumbent is None:
            return None
        verdict = verify(self.instance, self.incumbent)
        if not verdict.ok or verdict.values != self.values:
            raise VerificationError(f"the answer failed verification: {[str(v) for v in verdict.violations[:3]]}")
        return self.incumbent
