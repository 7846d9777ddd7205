"""Whether a target can be reached step by step, and by the fewest stops and bypasses."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from formulations.scheduling.migration import MigrationQuestion, PlanStatus
from formulations.scheduling.steps import Hop
from solver.deadline import Deadline
from solver.scheduling.migration.clearing import Clearing, shortened
from solver.scheduling.migration.explaining import circle, end_faults, obstacles
from solver.scheduling.migration.knots import Knots
from solver.scheduling.migration.searching import Outcome, Search, price
from solver.scheduling.migration.states import BYPASS, STOP, State

log = logging.getLogger("placewright")

MOST_POSITIONS = 16_000_000
"""Positions of single VMs that a search may remember in all its states."""

SEARCHABLE = 50
"""Up to so many VMs, a search over all states is given the larger part of the time; beyond, it is the last resort."""

MOST_RESTARTS = 200
"""Greedy clearings with different seeds."""

PATIENCE = 3
"""How many times as long as the first clearing took, better ones are looked for."""

MOST_IN_VAIN = 25
"""Clearings in a row that find nothing cheaper, before that is given up."""

SEARCHED = "exhaustive search"
COUNTED = "knots of waiting VMs"


@dataclass(frozen=True)
class Ordering:
    """A safe sequence of steps, and what is proved about its stops and bypasses.

    Attributes
    ----------
    status : PlanStatus
        OPTIMAL when no plan has fewer stops, or as few and fewer bypasses.
    hops : tuple of Hop
        One after the other each is safe; empty without a sequence.
    stops, bypasses : int or None
        Of the sequence; None without one.
    stop_bound : int
        No plan has fewer stops, whether they are allowed or not.
    bypass_bound : int
        No plan with ``stop_bound`` stops has fewer bypasses.
    stop_proved_by, bypass_proved_by : str
        Who proved the bounds; empty where they are 0 of themselves.
    reasons : tuple of str
        Why there is none, or what stands in the way of straight moves.
    """

    status: PlanStatus
    hops: tuple[Hop, ...] = ()
    stops: int | None = None
    bypasses: int | None = None
    stop_bound: int = 0
    bypass_bound: int = 0
    stop_proved_by: str = ""
    bypass_proved_by: str = ""
    reasons: tuple[str, ...] = ()


def ordered(question: MigrationQuestion, deadline: Deadline, seed: int = 0) -> Ordering:
    """Find a safe sequence of steps to the target with the fewest stops, then the fewest bypasses.

    Straight moves and cheap detours come first; where they need no more bypasses than the knots of
    the current placement prove necessary, that is all. Otherwise a best-first search over the
    positions of all VMs proves the fewest, or that there is no sequence; then, where stops are
    allowed, the fewest VMs to stop and start again are found in the same way.

    Parameters
    ----------
    question : MigrationQuestion
    deadline : Deadline
    seed : int
        Decides between equals.

    Returns
    -------
    Ordering
        INFEASIBLE only where the search was completed or the target itself is worse than the
        current placement; UNKNOWN where neither a sequence nor a proof was found in time.
    """
    faults = tuple(end_faults(question))
    if faults:
        return Ordering(PlanStatus.INFEASIBLE, reasons=faults)
    return _Orderer(question, deadline, seed).order()


class _Orderer:
    """Collects what is found and proved."""

    def __init__(self, question: MigrationQuestion, deadline: Deadline, seed: int) -> None:
        self.question = question
        self.deadline = deadline
        self.seed = seed
        start = State(question)
        self.broken_at_first = start.broken_at_first()
        knots = Knots(State(question, lenient=True) if self.broken_at_first else start).find(start)
        self.knots = len(knots)
        self.circles = tuple(circle(start, knot) for knot in knots[:3])
        self.searchable = len(start.movable) <= SEARCHABLE
        self.most_nodes = max(1, MOST_POSITIONS // max(1, len(start.movable)))

    def order(self) -> Ordering:
        """Return the best that can be found and proved in time."""
        share = 0.3 if self.searchable else 0.8
        best = self._cleared(self.deadline.within(self.deadline.left * share), stops=False)
        met = best is not None and price(self.question, best) // BYPASS <= self.knots
        if best is not None and (met or not self.searchable):
            return self._found(best, bypass_bound=self.knots, proved_by=COUNTED)
        share = 0.6 if self.question.allow_stops and best is None else 1.0  # leave time to find the VMs to stop
        outcome = self._searched(stops=False, lenient=False, below=best, share=share)
        best = outcome.hops or best
        if best is not None:
            return self._without_stops(best, outcome)
        if not outcome.complete:
            return self._unproved()
        if self.broken_at_first and not self._none_leniently():
            return self._unproved("No order of one step after another exists; steps at the same time may make one")
        return self._with_stops()

    # -- what is tried -------------------------------------------------------------------------

    def _cleared(self, deadline: Deadline, *, stops: bool) -> tuple[Hop, ...] | None:
        """Return the cheapest of some greedy sequences; once there is one, few more are tried."""
        best: tuple[Hop, ...] | None = None
        price_of_best, in_vain = 0, 0
        for restart in range(MOST_RESTARTS):
            met = best is not None and price_of_best // BYPASS <= self.knots
            if deadline.over or met or in_vain >= MOST_IN_VAIN:
                break
            in_vain += 1
            hops = Clearing(self.question, seed=self.seed + restart, stops=stops).run(deadline)
            if hops is None:
                continue
            hops = shortened(self.question, hops, deadline.within(deadline.left / 4))
            if best is None:
                deadline = deadline.within(max(PATIENCE * deadline.elapsed, 1.0))
            if best is None or price(self.question, hops) < price_of_best:
                best, price_of_best, in_vain = hops, price(self.question, hops), 0
        return best

    def _searched(self, *, stops: bool, lenient: bool, below: tuple[Hop, ...] | None, share: float = 1.0) -> Outcome:
        search = Search(self.question, stops=stops, lenient=lenient)
        most = None if below is None else price(self.question, below)
        outcome = search.run(self.deadline.within(self.deadline.left * share), self.most_nodes, most)
        log.debug("migration order: %d states looked at, complete: %s", outcome.nodes, outcome.complete)
        return outcome

    def _none_leniently(self) -> bool:
        """Whether there is no sequence even if what was mended may break again; then no plan at all exists."""
        outcome = self._searched(stops=False, lenient=True, below=None)
        return outcome.complete and outcome.hops is None

    # -- what is answered ------------------------------------------------------------------------

    def _found(
        self, hops: tuple[Hop, ...], *, bypass_bound: int, proved_by: str, stop_bound: int = 0, stop_proved_by: str = ""
    ) -> Ordering:
        stops, rest = divmod(price(self.question, hops), STOP)
        bypasses = rest // BYPASS
        best = stops == stop_bound and bypasses == bypass_bound
        return Ordering(
            PlanStatus.OPTIMAL if best else PlanStatus.FEASIBLE,
            hops,
            stops=stops,
            bypasses=bypasses,
            stop_bound=stop_bound,
            bypass_bound=bypass_bound,
            stop_proved_by=stop_proved_by,
            bypass_proved_by=proved_by if bypass_bound else "",
            reasons=self.circles,
        )

    def _without_stops(self, hops: tuple[Hop, ...], outcome: Outcome) -> Ordering:
        bypasses = price(self.question, hops) // BYPASS
        bound = bypasses if outcome.complete else outcome.bypass_bound
        if bound > self.knots and self.broken_at_first:
            bound = min(bound, self._lenient_bound())
        if bound > self.knots:
            return self._found(hops, bypass_bound=bound, proved_by=SEARCHED)
        return self._found(hops, bypass_bound=self.knots, proved_by=COUNTED)

    def _lenient_bound(self) -> int:
        """Return how many bypasses every plan needs, steps at the same time included."""
        outcome = self._searched(stops=False, lenient=True, below=None)
        return outcome.bypass_bound

    def _unproved(self, *said: str) -> Ordering:
        """Answer where there is neither a sequence without stops nor a proof that there is none."""
        if self.question.allow_stops:
            hops = self._cleared(self.deadline.within(self.deadline.left / 2), stops=True)
            hops = self._searched(stops=True, lenient=False, below=hops).hops or hops
            if hops is not None:
                found = self._found(hops, bypass_bound=0, proved_by="")
                return replace(found, reasons=(*said, *self.circles))
        stuck = tuple(obstacles(self.question, self.deadline))
        return Ordering(
            PlanStatus.UNKNOWN,
            bypass_bound=self.knots,
            bypass_proved_by=COUNTED if self.knots else "",
            reasons=(*said, *self.circles, *stuck) or ("No order was found in time",),
        )

    def _with_stops(self) -> Ordering:
        """Answer where every order stops a VM: plan it, or say what it would take."""
        greedy = self._cleared(self.deadline.within(self.deadline.left / 4), stops=True)
        outcome = self._searched(stops=True, lenient=False, below=greedy)
        hops = outcome.hops or greedy
        every = self._searched(stops=True, lenient=True, below=None) if self.broken_at_first else outcome
        bound = max(1, every.stop_bound)
        if hops is None:
            none = every.complete and every.hops is None
            said = ("Even if VMs may be stopped and started again, there is none",) if none else ()
            return self._infeasible(bound, said)
        if not self.question.allow_stops:
            return self._infeasible(bound, (self._stops_said(hops, bound),))
        bypasses = every.bypass_bound if bound == price(self.question, hops) // STOP else 0
        return self._found(hops, bypass_bound=bypasses, proved_by=SEARCHED, stop_bound=bound, stop_proved_by=SEARCHED)

    def _stops_said(self, hops: tuple[Hop, ...], bound: int) -> str:
        names = self.question.instance.vm_names
        stopped = [hop.vm for hop in hops if hop.kind == "stop" and self.question.there[hop.vm] >= 0]
        shown = ", ".join(names.name(vm) for vm in stopped[:6]) + ("" if len(stopped) <= 6 else ", …")
        fewest = "the fewest to stop" if len(stopped) == bound else f"at least {bound} to stop, found"
        order = "If VMs may be stopped and started again (allow-stops), there is an order"
        return f"{order}; {fewest}: {len(stopped)} ({shown})"

    def _infeasible(self, stop_bound: int, said: tuple[str, ...]) -> Ordering:
        stuck = tuple(obstacles(self.question, self.deadline))
        proved = "No order exists: every sequence of safe steps was tried"
        return Ordering(
            PlanStatus.INFEASIBLE,
            stop_bound=stop_bound,
            stop_proved_by=SEARCHED,
            bypass_proved_by="",
            reasons=(proved, *self.circles, *stuck, *said),
        )
