"""Best-first search over states: the fewest stops, then the fewest bypasses, then the cheapest ones, proved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

from formulations.scheduling.migration import MigrationQuestion
from formulations.scheduling.steps import Hop
from solver.deadline import Deadline
from solver.scheduling.migration.knots import Knots
from solver.scheduling.migration.states import BYPASS, GONE, STOP, Position, State

Positions = tuple[Position, ...]


class Node(NamedTuple):
    """A state that was reached: where the movable VMs are, from which node, by which step."""

    positions: Positions
    parent: int
    hop: Hop | None
    cost: int


@dataclass(frozen=True)
class Outcome:
    """What a search found.

    Attributes
    ----------
    hops : tuple of Hop or None
        The cheapest sequence of safe steps; None if none was found.
    complete : bool
        Whether the search ended by itself: then the sequence is the cheapest, or there is none.
    stop_bound, bypass_bound : int
        No sequence has fewer stops; none with as few stops has fewer bypasses.
    nodes : int
        States looked at.
    """

    hops: tuple[Hop, ...] | None
    complete: bool
    stop_bound: int
    bypass_bound: int
    nodes: int


class Search:
    """A* over the positions of all movable VMs, one safe step after another.

    One step at a time suffices: of any plan with steps at the same time, the same steps one by one
    in the order of their starts are safe too, measured by the current placement (docs/scheduling.md).

    Parameters
    ----------
    question : MigrationQuestion
    stops : bool
        Whether VMs may be stopped and started again.
    lenient : bool
        See `State`.
    """

    def __init__(self, question: MigrationQuestion, *, stops: bool = False, lenient: bool = False) -> None:
        self.question = question
        self.stopping = stops
        self.state = State(question, lenient=lenient)
        self.knots = Knots(self.state)
        self.vms = self.state.movable
        self.goal: Positions = tuple(self.state.goal[vm] for vm in self.vms)
        self.classes = self._classes()
        self.nodes: list[Node] = []
        self._best: dict[Positions, int] = {}
        self._open: list[tuple[int, int, int, int, bool]] = []

    def _classes(self) -> list[list[int]]:
        """Return the places in ``vms`` of VMs that may change places: same size, goal and role in every rule."""
        alike: dict[tuple[object, ...], list[int]] = {}
        for at, vm in enumerate(self.vms):
            roles = tuple(tally.role(vm) for tally in self.state.tallies)
            alike.setdefault((self.state.rooms.vm_entry[vm], self.state.goal[vm], roles), []).append(at)
        return [places for places in alike.values() if len(places) > 1]

    def _key(self, positions: Positions) -> Positions:
        """Return one name for all states that differ only in which of the like VMs is where."""
        if not self.classes:
            return positions
        key = list(positions)
        for places in self.classes:
            for at, position in zip(places, sorted(positions[at] for at in places), strict=True):
                key[at] = position
        return tuple(key)

    def run(self, deadline: Deadline, most_nodes: int, below: int | None = None) -> Outcome:
        """Search until the cheapest sequence is proved, or time or nodes run out.

        Parameters
        ----------
        deadline : Deadline
        most_nodes : int
            States to remember.
        below : int, optional
            Only sequences that cost less are of interest; without one, that is what is proved.
        """
        start = tuple(self.state.position(vm) for vm in self.vms)
        self._reach(start, -1, None, 0, bound=0)
        expanded = 0
        while self._open and (below is None or self._open[0][0] < below):
            if len(self.nodes) > most_nodes or deadline.over:
                return self._outcome(None, self._open[0][0], complete=False, nodes=expanded)
            bound, _, _, number, weighed = heappop(self._open)
            node = self.nodes[number]
            if node.cost > self._best[self._key(node.positions)]:
                continue
            if node.positions == self.goal:
                return self._outcome(self._path(number), bound, complete=True, nodes=expanded)
            self._go_to(node.positions)
            if not weighed:
                knots = len(self.knots.find(self.state))
                if knots:
                    self._push(max(bound, node.cost + knots * BYPASS), number, weighed=True)
                    continue
            expanded += 1
            if not self._expand(number, bound, deadline, most_nodes):
                return self._outcome(None, bound, complete=False, nodes=expanded)
        return self._outcome(None, below, complete=True, nodes=expanded)

    def _outcome(self, hops: tuple[Hop, ...] | None, bound: int | None, *, complete: bool, nodes: int) -> Outcome:
        stops, rest = divmod(bound or 0, STOP)
        return Outcome(hops, complete, stops, rest // BYPASS, nodes)

    def _path(self, number: int) -> tuple[Hop, ...]:
        hops: list[Hop] = []
        while (hop := self.nodes[number].hop) is not None:
            hops.append(hop)
            number = self.nodes[number].parent
        return tuple(reversed(hops))

    def _go_to(self, positions: Positions) -> None:
        for vm, position in zip(self.vms, positions, strict=True):
            if self.state.position(vm) != position:
                self.state.place(vm, position)

    def _expand(self, number: int, bound: int, deadline: Deadline, most_nodes: int) -> bool:
        """Reach all that is one safe step away; return whether time and room sufficed."""
        node = self.nodes[number]
        for at, vm in enumerate(self.vms):
            if len(self.nodes) > most_nodes or deadline.over:
                return False
            for position in self._choices(vm):
                if self.state.safe(vm, position):
                    positions = (*node.positions[:at], position, *node.positions[at + 1 :])
                    hop = self.state.hop(vm, position)
                    self._reach(positions, number, hop, node.cost + self.state.cost(vm, position), bound=bound)
        return True

    def _choices(self, vm: int) -> Iterator[Position]:
        """Yield where a VM may go: its target first, then every host that may be visited."""
        here, goal = self.state.position(vm), self.state.goal[vm]
        if goal != here:
            yield goal
        elif here == GONE:  # gone for good
            return
        if self.stopping and GONE not in {here, goal}:
            yield GONE
        for host in self.state.stops:
            for cells in self.state.masks(vm, host):
                if (host, cells) not in {here, goal}:
                    yield host, cells

    def _reach(self, positions: Positions, parent: int, hop: Hop | None, cost: int, *, bound: int) -> None:
        key = self._key(positions)
        if cost < self._best.get(key, cost + 1):
            self._best[key] = cost
            self.nodes.append(Node(positions, parent, hop, cost))
            self._push(max(bound, cost), len(self.nodes) - 1, weighed=False)

    def _push(self, bound: int, number: int, *, weighed: bool) -> None:
        left = sum(a != b for a, b in zip(self.nodes[number].positions, self.goal, strict=True))
        heappush(self._open, (bound, left, -number, number, weighed))


def price(question: MigrationQuestion, hops: Iterable[Hop]) -> int:
    """Return what a sequence costs in the measure of the search."""
    state, total = State(question), 0
    for hop in hops:
        total += state.cost(hop.vm, (hop.target, hop.cells))
        state.follow(hop)
    return total
