"""Migration plans: a safe order becomes a schedule of parallel steps, as short as can be found and proved."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from formulations.scheduling.legs import Legs
from formulations.scheduling.migration import MigrationPlan, MigrationQuestion, PlanStatus, Step
from formulations.scheduling.steps import Hop
from formulations.tables import Integers
from solver.backends import Backend, backend_named
from solver.deadline import Deadline
from solver.errors import BackendMissingError, VerificationError
from solver.scheduling.migration.bounds import MakespanBound, Windows, makespan_bound, windows
from solver.scheduling.migration.chaining import order_of
from solver.scheduling.migration.claiming import Claiming, direct_hops
from solver.scheduling.migration.detours import least_work
from solver.scheduling.migration.exact import MOST_LEGS, shortest
from solver.scheduling.migration.improving import listed, turns
from solver.scheduling.migration.ordering import Ordering, ordered
from solver.scheduling.migration.routing import EVERY_WAY, MOST_STEPS, Routed, shortest_route
from solver.verifying.schedules.migration import check_migration

log = logging.getLogger("placewright")

ORDERING = 0.5
"""Part of the time that the search for an order may take."""

GLANCE = 2.0
"""Seconds of list scheduling before few legs go to the MILP solver."""

GLIMPSE = 0.2
"""Seconds of list scheduling before every way of very few is tried."""

ROUTING = 0.5
"""Part of the time that is left which trying every way may take."""

CHECKING = 0.0005
"""Seconds that are kept for the checker to replay a move."""

MOST_CHECKING = 0.2
"""Part of the time, at most, that is kept for the checker."""

MOST_NAMED = 5


def plan_migration(
    question: MigrationQuestion,
    *,
    seconds: float = 60.0,
    seed: int = 0,
    backend: Backend | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> MigrationPlan:
    """Plan how to get from the current placement to the target: who moves when, by what way.

    Few stops come first, then few bypasses, then a short makespan. The order is searched for step
    by step (see `ordered`); its steps then start as soon as limits and safety allow, by list
    scheduling that improves until the deadline or the bound. Up to ``MOST_STEPS`` steps are proved
    shortest by trying every way and every order, up to ``MOST_LEGS`` by a mixed-integer program.

    Parameters
    ----------
    question : MigrationQuestion
    seconds : float
        Time allowed.
    seed : int
        Of the random search.
    backend : Backend, optional
        The MILP solver; CBC by default.
    clock : callable
        What the seconds are measured by; on a machine that does other work as well, `time.process_time`
        makes runs comparable.

    Returns
    -------
    MigrationPlan
        Replayed by the checker, `check_migration`. OPTIMAL, FEASIBLE, INFEASIBLE (with reasons) or
        UNKNOWN.

    Raises
    ------
    InputError, UnsupportedError
        If the question is wrong, or not covered.
    VerificationError
        If the checker rejects the plan: a defect of placewright.
    """
    deadline = Deadline(seconds, clock)
    checking = min(seconds * MOST_CHECKING, len(question.changing) * CHECKING)
    plan = replace(
        _Planner(question, deadline.within(seconds - checking), seed, backend).plan(), seconds=deadline.elapsed
    )
    if violations := check_migration(question, plan):
        raise VerificationError(f"the migration plan was rejected: {violations[0]}")
    return plan


class _Planner:
    """One question, one deadline."""

    def __init__(self, question: MigrationQuestion, deadline: Deadline, seed: int, backend: Backend | None) -> None:
        self.question = question
        self.deadline = deadline
        self.seed = seed
        self.backend = backend
        self.warnings: list[str] = []
        self.interrupted = False

    def plan(self) -> MigrationPlan:
        """Return the plan, not yet checked."""
        order = ordered(self.question, self.deadline.within(self.deadline.left * ORDERING), self.seed)
        if order.status is PlanStatus.INFEASIBLE:
            return self._without_steps(order)
        if not order.hops and len(self.question.changing):
            return self._without_order(order)
        return self._timed(order)

    def _without_steps(self, order: Ordering) -> MigrationPlan:
        return MigrationPlan(
            self.question,
            order.status,
            bypass_bound=order.bypass_bound,
            bypass_proved_by=order.bypass_proved_by,
            stop_bound=order.stop_bound,
            stop_proved_by=order.stop_proved_by,
            reasons=order.reasons,
        )

    def _without_order(self, order: Ordering) -> MigrationPlan:
        """Try straight moves where no order was found: list scheduling may meet one."""
        if self.deadline.over:
            return self._without_steps(order)
        hops = direct_hops(self.question)
        rules = order_of(self.question, hops)
        legs = Claiming(self.question, hops).legs(rules.rows)
        if rules.chained:
            return self._without_steps(order)
        derived = windows(legs, self.deadline.within(self.deadline.left / 4))
        found = listed(legs, derived, 0, self.deadline, self.seed)
        if found is None:
            return self._without_steps(order)
        turn = np.argsort(found.turn).tolist()
        bypass_bound = order.bypass_bound
        met = Ordering(
            PlanStatus.OPTIMAL, tuple(hops[at] for at in turn), 0, 0, bypass_bound=bypass_bound, reasons=order.reasons
        )
        return self._timed(met)

    # -- times -----------------------------------------------------------------------------------

    def _timed(self, order: Ordering) -> MigrationPlan:
        rules = order_of(self.question, order.hops)
        claiming = Claiming(self.question, order.hops)
        legs = claiming.legs(rules.rows, rules.after, rules.following)
        free = claiming.legs(rules.rows) if rules.chained else legs
        derived = windows(free, self.deadline.within(self.deadline.left / 4))
        bound, known = self._bound(order, free, derived)
        start, turn, found_by = self._schedule(legs, derived, bound)
        hops = order.hops
        routed = self._routed(order, legs.makespan(start), bound)
        if routed is not None and routed.legs is not None and routed.start is not None:
            hops, legs, start, found_by = routed.hops, routed.legs, routed.start, EVERY_WAY
            turn = turns(start, legs.duration)
        if routed is not None and routed.complete:
            bound = MakespanBound(legs.makespan(start), EVERY_WAY)
        elif hops is order.hops and self._provable(legs, start, bound):
            start, turn, proved = self._proved(legs, derived, bound, start, turn)
            if proved is not None and known and not rules.chained and proved.value > bound.value:
                bound = proved
        log.info("migration plan: %d steps, makespan %d ms, found by %s", len(legs), legs.makespan(start), found_by)
        return self._answer(order, _steps(self.question, hops, start, legs.duration, turn), bound)

    def _provable(self, legs: Legs, start: Integers, bound: MakespanBound) -> bool:
        """Whether a mixed-integer program may find or prove something."""
        open_ = len(legs) <= MOST_LEGS and legs.makespan(start) > bound.value
        return open_ and not (self.deadline.over or self.interrupted)

    def _routed(self, order: Ordering, known: int, bound: MakespanBound) -> Routed | None:
        """Return the shortest of all plans with as few bypasses, None where that is too much to try."""
        fewest = order.status is PlanStatus.OPTIMAL and order.stops == 0 and order.bypasses is not None
        if not fewest or known <= bound.value or self.deadline.over or self.interrupted:
            return None
        try:
            return shortest_route(
                self.question, order.bypasses or 0, known, self.deadline.within(self.deadline.left * ROUTING)
            )
        except KeyboardInterrupt:
            self.interrupted = True
            self.warnings.append("interrupted: the best plan so far")
            return None

    def _bound(self, order: Ordering, free: Legs, derived: Windows) -> tuple[MakespanBound, bool]:
        """Return a bound for every plan with as few stops and bypasses, and whether all such have these legs."""
        if order.stops == 0 and order.bypasses == 0:
            return makespan_bound(free, derived), True
        return least_work(self.question, order.stops or 0), False

    def _schedule(self, legs: Legs, derived: Windows, bound: MakespanBound) -> tuple[Integers, Integers, str]:
        """Return starts and their order by list scheduling."""
        if not len(legs):
            nothing: Integers = np.zeros(0, dtype=np.int64)
            return nothing, nothing, "nothing to do"
        glance = GLIMPSE if len(legs) <= MOST_STEPS else GLANCE
        deadline = self.deadline.within(glance) if len(legs) <= MOST_LEGS else self.deadline
        found = listed(legs, derived, bound.value, deadline, self.seed)
        if found is None:
            raise VerificationError("a safe order of moves could not be timed")
        log.info("list scheduling: %d passes", found.passes)
        if found.interrupted:
            self.interrupted = True
            self.warnings.append("interrupted: the best plan so far")
        return found.start, found.turn, found.found_by

    def _proved(
        self, legs: Legs, derived: Windows, bound: MakespanBound, start: Integers, turn: Integers
    ) -> tuple[Integers, Integers, MakespanBound | None]:
        """Return the schedule and the bound that the mixed-integer program leads to."""
        try:
            backend = self.backend or backend_named("cbc")
        except BackendMissingError as error:
            self.warnings.append(str(error))
            return start, turn, None
        proof = shortest(legs, derived, bound.value, start, backend=backend, deadline=self.deadline, seed=self.seed)
        if proof.warning:
            self.warnings.append(proof.warning)
        if proof.start is not None:
            start, turn = proof.start, turns(proof.start, legs.duration)
        return start, turn, proof.bound

    def _answer(self, order: Ordering, steps: tuple[Step, ...], bound: MakespanBound) -> MigrationPlan:
        makespan = max((step.end for step in steps), default=0)
        best = order.status is PlanStatus.OPTIMAL and makespan <= bound.value
        return MigrationPlan(
            self.question,
            PlanStatus.OPTIMAL if best else PlanStatus.FEASIBLE,
            steps,
            makespan,
            min(bound.value, makespan),
            bound.proved_by,
            order.bypasses,
            order.bypass_bound,
            order.bypass_proved_by,
            order.stops,
            order.stop_bound,
            order.stop_proved_by,
            order.reasons,
            warnings=(*self.warnings, *_restless(self.question, steps)),
        )


def _steps(
    question: MigrationQuestion, hops: Sequence[Hop], start: Integers, duration: Integers, turn: Integers
) -> tuple[Step, ...]:
    """Return the steps in the order of their starts."""
    steps = []
    for at in np.lexsort((turn, start)).tolist():
        hop = hops[at]
        downtime = question.transfer(hop.vm, hop.source, hop.target).downtime if hop.kind == "move" else 0
        end = int(start[at] + duration[at])
        steps.append(Step(hop.vm, hop.kind, hop.source, hop.target, int(start[at]), end, downtime, hop.cells))
    return tuple(steps)


def _restless(question: MigrationQuestion, steps: tuple[Step, ...]) -> Iterator[str]:
    """Yield a warning that names the moves whose memory is rewritten faster than it is copied."""
    moves = [step for step in steps if step.kind == "move"]
    bad = [step for step in moves if not question.transfer(step.vm, step.source, step.target).converged]
    if bad:
        names = ", ".join(question.instance.vm_names.name(step.vm) for step in bad[:MOST_NAMED])
        more = f" and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
        longest = max(step.downtime for step in bad)
        yield f"memory is rewritten too fast for live migration of {names}{more}: down for up to {longest:,} ms"
