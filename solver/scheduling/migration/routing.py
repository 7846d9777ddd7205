"""The shortest of all plans of few steps with as few bypasses: every way of every VM, every order of starts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from formulations.scheduling.legs import Legs
from formulations.scheduling.migration import NOWHERE, MigrationQuestion, StepKind
from formulations.scheduling.steps import Hop
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.scheduling.migration.bounds import Windows, makespan_bound, windows
from solver.scheduling.migration.chaining import LONE, order_of
from solver.scheduling.migration.claiming import Claiming
from solver.scheduling.migration.sequences import Sequences
from solver.scheduling.migration.states import State

MOST_STEPS = 9
"""Steps up to which every order is tried."""

MOST_ROUTES = 3000
"""Ways of all VMs together that are looked at."""

EVERY_WAY = "every way and every order of starts"

Route = tuple[Hop, ...]


class Routed(NamedTuple):
    """What the search over all ways found.

    Attributes
    ----------
    hops : tuple of Hop
        Of a shorter plan than the one known, the hops of each VM in their order; empty without one.
    legs : Legs or None
    start : int64 array, shape (hops,), or None
    complete : bool
        Whether no plan with as many bypasses is shorter than what is known now.
    """

    hops: Route
    legs: Legs | None
    start: Integers | None
    complete: bool


class _Candidate(NamedTuple):
    """The ways of all VMs, with a bound on how long they take."""

    bound: int
    route: Route
    legs: Legs
    windows: Windows


def shortest_route(question: MigrationQuestion, bypasses: int, known: int, deadline: Deadline) -> Routed | None:
    """Return the shortest plan without stops and with so many bypasses, if it is shorter than the one known.

    Parameters
    ----------
    question : MigrationQuestion
    bypasses : int
        No plan without stops has fewer.
    known : int
        Milliseconds.
    deadline : Deadline

    Returns
    -------
    Routed or None
        None where there are too many steps or ways, or rules and cells that are not plain sums.
    """
    if len(question.changing) + bypasses > MOST_STEPS:
        return None
    ways = _Ways(question)
    if not ways.plain:
        return None
    routes = list(islice(ways.routes(bypasses), MOST_ROUTES + 1))
    return None if len(routes) > MOST_ROUTES else _shortest(question, routes, known, deadline)


def _shortest(question: MigrationQuestion, routes: list[Route], known: int, deadline: Deadline) -> Routed | None:
    """Search the routes, those that may be shortest first."""
    candidates = []
    for route in routes:
        if deadline.over:
            return Routed((), None, None, complete=False)
        rules = order_of(question, route)
        if rules.chained:
            return None
        legs = Claiming(question, route).legs(rules.rows)
        derived = windows(legs, deadline)
        candidates.append(_Candidate(makespan_bound(legs, derived).value, route, legs, derived))
    found = Routed((), None, None, complete=True)
    for candidate in sorted(candidates, key=lambda candidate: candidate.bound):
        if candidate.bound >= known:
            break
        search = Sequences(candidate.legs, candidate.windows, known, deadline)
        start = search.run()
        if start is not None:
            known = candidate.legs.makespan(start)
            found = Routed(candidate.route, candidate.legs, start, complete=True)
        if not search.complete:
            return found._replace(complete=False)
    return found


class _Ways:
    """Which ways every VM may take, with so many bypasses."""

    def __init__(self, question: MigrationQuestion) -> None:
        self._state = State(question)
        self._question = question

    @property
    def plain(self) -> bool:
        """Whether loads are plain sums, and rules look at each VM by itself and hold."""
        state, rules = self._state, self._question.rules_on_the_way
        return (
            state.rooms.additive
            and all(isinstance(rule, LONE) for rule in rules)
            and not any(state.first_amounts.values())
        )

    def routes(self, bypasses: int) -> Iterator[Route]:
        """Yield the hops of all VMs, with so many bypasses in all."""
        yield from self._routes(self._state.movable, bypasses)

    def _routes(self, vms: list[int], bypasses: int) -> Iterator[Route]:
        if not vms:
            if bypasses == 0:
                yield ()
            return
        for spent in range(bypasses + 1):
            for walk in self._walks(vms[0], spent):
                for rest in self._routes(vms[1:], bypasses - spent):
                    yield (*walk, *rest)

    def _walks(self, vm: int, bypasses: int) -> Iterator[Route]:
        """Yield the ways of one VM: as many hops as bypasses, and one if it must go anywhere at all."""
        here, there = int(self._question.here[vm]), int(self._question.there[vm])
        hops = bypasses + (here != there)
        if hops == 0:
            yield ()
        elif here != there or hops > 1:
            yield from self._walks_from(vm, here, there, hops)

    def _walks_from(self, vm: int, here: int, there: int, hops: int) -> Iterator[Route]:
        if hops == 1:
            if here != there:
                yield (Hop(vm, _kind(here, there), here, there),)
            return
        for host in sorted({*self._state.stops, there} - {here, NOWHERE}):
            if self._allowed(vm, host):
                for rest in self._walks_from(vm, host, there, hops - 1):
                    yield (Hop(vm, _kind(here, host), here, host), *rest)

    def _allowed(self, vm: int, host: int) -> bool:
        """Whether a VM may ever be on a host, whoever else is there."""
        rooms = self._state.rooms
        if rooms.refusal(rooms.vm_entry[vm], rooms.host_entry[host]):
            return False
        return host == self._question.here[vm] or self._state.unruly(vm, host) is None


def _kind(source: int, target: int) -> StepKind:
    return "start" if source < 0 else "stop" if target < 0 else "move"
