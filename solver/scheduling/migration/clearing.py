"""Clearing: straight moves while there are any, then whoever must make way makes way where that is cheapest."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from operator import gt
from typing import NamedTuple

import numpy as np

from formulations.scheduling.migration import MigrationQuestion
from formulations.scheduling.steps import Hop
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.scheduling.migration.states import GONE, Position, State

MOST_DETOURS = 3
"""How often one VM may make way."""

HOSTS_TRIED = 16
"""Bypass hosts looked at per VM."""

DEEPEST = 3
"""How many VMs may make way for one another."""

MOST_TRIES = 1000
"""Positions looked at to make room for one waiting VM."""

WAITING_TRIED = 24
"""Waiting VMs for which way is looked for, before the best is taken."""


class Relief(NamedTuple):
    """Who makes way where to, so that a waiting VM can go to its target."""

    cost: int
    ways: tuple[tuple[int, Position], ...]
    waiting: int


class Clearing:
    """Finds a sequence of safe steps, quickly and without proof.

    Parameters
    ----------
    question : MigrationQuestion
    seed : int
        Decides between equals.
    stops : bool
        Whether VMs may be stopped where no bypass helps.
    """

    def __init__(self, question: MigrationQuestion, *, seed: int = 0, stops: bool = False) -> None:
        self.question = question
        self.state = State(question)
        self.stopping = stops
        self.hops: list[Hop] = []
        self._rng = np.random.default_rng(seed)
        self._detours: Counter[int] = Counter()
        self._into: dict[int, set[int]] = {}
        self._gone: set[int] = set()
        self._freed: set[int] = set()
        """Hosts that somebody has left, or begun to wait for, since they were looked at."""
        self._alone = self.state.rooms.additive and not self.state.tallies
        """Whether nothing but room on its target holds a VM up."""
        for vm in self.state.pending():
            self._await(vm)

    def run(self, deadline: Deadline) -> tuple[Hop, ...] | None:
        """Return a sequence that brings every VM to its target; None if none was found."""
        while not deadline.over:
            self.go_straight(deadline)
            if not self._waiting():
                return tuple(self.hops)
            relief = self._relief(deadline)
            if relief is None:
                return None
            for vm, position in relief.ways:
                self._detours[vm] += 1
                self._step(vm, position)
            self._step(relief.waiting, self.state.goal[relief.waiting])
        return None

    def _waiting(self) -> list[int]:
        return [vm for vms in (*self._into.values(), self._gone) for vm in sorted(vms)]

    def _await(self, vm: int) -> None:
        target = self.state.goal[vm][0]
        (self._gone if target < 0 else self._into.setdefault(target, set())).add(vm)
        self._freed.add(target)

    def _step(self, vm: int, position: Position) -> int:
        """Carry out a step; return the host that was left."""
        source = self.state.host[vm]
        self.hops.append(self.state.hop(vm, position))
        self.state.place(vm, position)
        self._freed.add(source)
        if not self.state.arrived(vm):
            self._await(vm)
            return source
        target = position[0]
        if target < 0:
            self._gone.discard(vm)
        elif target in self._into:
            self._into[target].discard(vm)
            if not self._into[target]:
                del self._into[target]
        return source

    # -- straight moves ----------------------------------------------------------------------

    def go_straight(self, deadline: Deadline) -> None:
        """Do straight moves until none is safe."""
        while not deadline.over:
            self._leave_for_good()
            self._fill(deadline)
            if self._alone or all([self._arrive(vm) is None for vm in self._waiting()]):  # noqa: C419 -- each is tried
                return

    def _leave_for_good(self) -> None:
        for vm in sorted(self._gone):
            if self.state.safe(vm, GONE):
                self._step(vm, GONE)

    def _arrive(self, vm: int) -> int | None:
        """Bring a VM to its target if that is safe; return the host that it left."""
        goal = self.state.goal[vm]
        return self._step(vm, goal) if self.state.safe(vm, goal) else None

    def _fill(self, deadline: Deadline) -> None:
        """Fill hosts with room for all that wait for them first; where it is contested, one VM at a time."""
        look = deque(sorted(self._freed & self._into.keys()))
        self._freed.clear()
        contested: list[int] = []
        while (look or contested) and not deadline.over:
            if look:
                target = look.popleft()
                if self._has_room_for_all(target):
                    left = [self._arrive(vm) for vm in sorted(self._into.get(target, ()))]
                    look.extend(host for host in left if host is not None and host in self._into)
                elif target in self._into and target not in contested:
                    contested.append(target)
                continue
            target = contested.pop(int(self._rng.integers(len(contested))))
            if (source := self._let_one_in(target)) is not None:
                look.append(target)
                if source in self._into:
                    look.append(source)

    def _has_room_for_all(self, target: int) -> bool:
        """Whether whoever waits for a host fits at once: then nobody loses by going."""
        rooms = self.state.rooms
        if target not in self._into or not rooms.additive:
            return False
        loads = rooms.loads[target]
        for vm in self._into[target]:
            need = rooms.needs.least(rooms.vm_entry[vm], rooms.host_entry[target], 1)
            loads = [a + b for a, b in zip(loads, need, strict=True)]
        return not any(map(gt, loads, self.state.allowed(target)))

    def _let_one_in(self, target: int) -> int | None:
        """Bring one of those who wait for a host there, rather one from a host that others wait for."""
        waiting = sorted(self._into.get(target, ()))
        self._rng.shuffle(waiting)
        waiting.sort(key=lambda vm: len(self._into.get(self.state.host[vm], ())), reverse=True)
        for vm in waiting:
            if (source := self._arrive(vm)) is not None:
                return source
        return None

    # -- making way --------------------------------------------------------------------------

    def _relief(self, deadline: Deadline) -> Relief | None:
        """Return the cheapest way to let a waiting VM go to its target."""
        waiting = self._waiting()
        self._rng.shuffle(waiting)
        hosts = self._by_room()
        best: Relief | None = None
        for number, vm in enumerate(waiting):
            if deadline.over or (best is not None and number >= WAITING_TRIED):
                break
            for relief in self._single(vm, hosts):
                if best is None or relief.cost < best.cost:
                    best = relief
        if best is not None:
            return best
        for depth in range(DEEPEST):
            reliefs = (self._in_turn(vm, hosts, depth, deadline) for vm in waiting if not deadline.over)
            found = next((relief for relief in reliefs if relief is not None), None)
            if found is not None:
                return found
        return self._stop_one(waiting) if self.stopping else None

    def _by_room(self) -> Integers:
        """Return the hosts that may be visited, those that nobody waits for and with the most room first."""
        rooms, width = self.state.rooms, self.state.rooms.needs.width

        def fullness(host: int) -> float:
            pairs = zip(rooms.loads[host][:width], rooms.limits(host)[:width], strict=True)
            return max((load / most if most else 1.0 for load, most in pairs), default=0.0)

        ranked = sorted(self.state.stops, key=lambda host: (host in self._into, fullness(host)))
        return np.array(ranked, dtype=np.int64)

    def in_the_way(self, vm: int, position: Position) -> list[int]:
        """Return who might make way for a VM, those that move anyway and have least to copy first."""
        target = position[0]
        if target < 0:
            return []
        who = set(self.state.rooms.members[target])
        if (tally := self.state.unruly(vm, target)) is not None:
            who |= {other for other in tally.members if not self.state.arrived(other)}
        ruled = self.question.instance.ruled
        free = [
            other
            for other in who
            if other != vm and ruled[other] and self._detours[other] < MOST_DETOURS and self.state.host[other] >= 0
        ]
        return sorted(free, key=lambda other: (self.state.arrived(other), self._size(other), other))

    def _size(self, vm: int) -> int:
        rooms = self.state.rooms
        return sum(rooms.needs.lower[rooms.vm_entry[vm]])

    def places(self, vm: int, hosts: Integers) -> Iterator[Position]:
        """Yield safe positions for a VM that makes way, on the first of these hosts that have any."""
        roomy = hosts[self.state.rooms.roomy(vm)[hosts]]
        for host in roomy[roomy != self.state.host[vm]][:HOSTS_TRIED].tolist():
            for cells in self.state.masks(vm, host):
                if (host, cells) != self.state.goal[vm] and self.state.safe(vm, (host, cells)):
                    yield host, cells

    def _single(self, waiting: int, hosts: Integers) -> Iterator[Relief]:
        """Yield how one VM's making way lets a waiting one go."""
        goal = self.state.goal[waiting]
        blocked = self.state.unruly(waiting, goal[0]) is not None
        short = None if blocked or not self.state.rooms.additive else self._short(waiting, goal[0])
        for vm in self.in_the_way(waiting, goal):
            if short is not None and not self._frees(vm, goal[0], short):
                continue
            back = self.state.position(vm)
            for position in self.places(vm, hosts):
                cost = self.state.cost(vm, position)
                self.state.place(vm, position)
                helps = self.state.safe(waiting, goal)
                self.state.place(vm, back)
                if helps:
                    yield Relief(cost, ((vm, position),), waiting)
                    break

    def _short(self, vm: int, host: int) -> list[int]:
        """Return how much room a VM lacks on a host in every resource (where needs add up)."""
        loads = self.state.rooms.with_vm(host, vm, 0)
        return [load - most for load, most in zip(loads, self.state.allowed(host), strict=True)]

    def _frees(self, vm: int, host: int, short: list[int]) -> bool:
        """Whether a VM's leaving makes that much room."""
        rooms = self.state.rooms
        need = rooms.needs.least(rooms.vm_entry[vm], rooms.host_entry[host], 1)
        return vm in rooms.members[host] and all(part >= lack for part, lack in zip(need, short, strict=True))

    def _in_turn(self, waiting: int, hosts: Integers, depth: int, deadline: Deadline) -> Relief | None:
        """Let several VMs make way, and others for them, until the waiting one can go; None if it still cannot."""
        goal = self.state.goal[waiting]
        if goal[0] < 0:
            return None
        trail: list[tuple[int, Position, Position]] = []
        room = _Room(self, hosts, trail, deadline)
        found = room.make(waiting, goal, depth, {waiting}, frozenset())
        total = 0
        for vm, back, position in reversed(trail):
            self.state.place(vm, back)
            total += self.state.cost(vm, position)
        return Relief(total, tuple((vm, position) for vm, _, position in trail), waiting) if found else None

    def _stop_one(self, waiting: list[int]) -> Relief | None:
        """Stop the smallest VM whose stop lets a waiting one go."""
        best: Relief | None = None
        for vm in waiting:
            for other in self.in_the_way(vm, self.state.goal[vm]):
                if not self.state.safe(other, GONE):
                    continue
                back, cost = self.state.position(other), self.state.cost(other, GONE) + self._size(other)
                self.state.place(other, GONE)
                if self.state.safe(vm, self.state.goal[vm]) and (best is None or cost < best.cost):
                    best = Relief(cost, ((other, GONE),), vm)
                self.state.place(other, back)
        return best


class _Room:
    """Makes room for a VM by bringing others elsewhere, in the state itself; what was tried in vain is undone.

    Parameters
    ----------
    clearing : Clearing
    hosts : int64 array
        That may be visited, the best first.
    trail : list
        Gets every step that was made: the VM, where it was, where it is.
    deadline : Deadline
    """

    def __init__(
        self, clearing: Clearing, hosts: Integers, trail: list[tuple[int, Position, Position]], deadline: Deadline
    ) -> None:
        self.clearing = clearing
        self.state = clearing.state
        self.hosts = hosts
        self.trail = trail
        self.deadline = deadline
        self.tries = MOST_TRIES

    def make(self, vm: int, position: Position, depth: int, busy: set[int], closed: frozenset[int]) -> bool:
        """Make room for a VM: ``busy`` ones stay, ``closed`` hosts take nobody, ``depth`` make way for each other."""
        mark = len(self.trail)
        before = self.state.position(vm)
        in_the_way = [other for other in self.clearing.in_the_way(vm, position) if other not in busy]
        for other in self._by_use(vm, position[0], in_the_way):
            if self.state.safe(vm, position):
                break
            if self.tries <= 0 or self.deadline.over:
                break
            self._away(other, depth, busy | {other}, closed | {position[0]})
        if self.state.position(vm) == before and self.state.safe(vm, position):
            return True
        self._undo(mark)
        return False

    def _by_use(self, vm: int, host: int, others: list[int]) -> list[int]:
        """Return VMs in the order of their use: the smallest that alone makes enough room, then the largest first."""
        needs, entries = self.state.rooms.needs, self.state.rooms.vm_entry
        short = [
            load - most
            for load, most in zip(
                self.state.rooms.with_vm(host, vm, self.state.goal[vm][1]), self.state.allowed(host), strict=True
            )
        ]

        def key(other: int) -> tuple[bool, bool, int]:
            need = needs.lower[entries[other]]
            enough = all(part >= lack for part, lack in zip(need, short, strict=False))
            size = sum(need)
            return not enough, self.state.arrived(other), size if enough else -size

        return sorted(others, key=key)

    def _away(self, vm: int, depth: int, busy: set[int], closed: frozenset[int]) -> bool:
        """Bring a VM to a host that is not closed, where others make room for it if need be."""
        hosts = self.hosts[~np.isin(self.hosts, list(closed))]
        self.tries -= 1
        for position in self.clearing.places(vm, hosts):
            return self._place(vm, position)
        for target in hosts[:HOSTS_TRIED].tolist() if depth else ():
            for cells in self.state.masks(vm, target):
                self.tries -= 1
                position = target, cells
                if self.tries <= 0 or position in {self.state.goal[vm], self.state.position(vm)}:
                    continue
                if self.make(vm, position, depth - 1, busy, closed):
                    return self._place(vm, position)
        return False

    def _place(self, vm: int, position: Position) -> bool:
        self.trail.append((vm, self.state.position(vm), position))
        self.state.place(vm, position)
        return True

    def _undo(self, mark: int) -> None:
        while len(self.trail) > mark:
            vm, back, _ = self.trail.pop()
            self.state.place(vm, back)


def replayed(question: MigrationQuestion, hops: Iterable[Hop]) -> bool:
    """Whether a sequence is safe step by step and ends at the target."""
    state = State(question)
    for hop in hops:
        position = hop.target, hop.cells
        if state.host[hop.vm] != hop.source or state.position(hop.vm) == position or not state.safe(hop.vm, position):
            return False
        state.place(hop.vm, position)
    return not state.pending()


def shortened(question: MigrationQuestion, hops: tuple[Hop, ...], deadline: Deadline) -> tuple[Hop, ...]:
    """Return the sequence without detours that turn out needless: the later move starts where the first did."""
    at = 0
    while at < len(hops) and not deadline.over:
        hop = hops[at]
        following = next((n for n in range(at + 1, len(hops)) if hops[n].vm == hop.vm), None)
        if following is not None and hop.kind == "move" and hops[following].kind == "move":
            later = hops[following]
            joint = () if (later.target, later.cells) == (hop.source, 0) else (later._replace(source=hop.source),)
            shorter = (*hops[:at], *hops[at + 1 : following], *joint, *hops[following + 1 :])
            earlier = (*hops[:at], *joint, *hops[at + 1 : following], *hops[following + 1 :])
            better = next((tried for tried in (shorter, earlier) if replayed(question, tried)), None)
            if better is not None:
                hops = better
                continue
        at += 1
    return hops
