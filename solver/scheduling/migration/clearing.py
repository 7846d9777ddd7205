"""Clearing: straight moves while there are any, then whoever must make way makes way where that is cheapest."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from operator import gt
from typing import NamedTuple

import numpy as np

from formulations.scheduling.migration import MigrationQuestion
from formulations.scheduling.steps import Hop
from solver.deadline import Deadline
from solver.scheduling.migration.states import GONE, Position, State

MOST_DETOURS = 3
"""How often one VM may make way."""

HOSTS_TRIED = 16
"""Bypass hosts looked at per VM."""

WAITING_TRIED = 60
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

    def _step(self, vm: int, position: Position) -> int:
        """Carry out a step; return the host that was left."""
        source = self.state.host[vm]
        self.hops.append(self.state.hop(vm, position))
        self.state.place(vm, position)
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
            moved = [vm for vm in self._waiting() if self._arrive(vm) is not None]
            if not moved:
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
        look = deque(sorted(self._into))
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
        reliefs = (self._several(vm, hosts) for vm in waiting if not deadline.over)
        found = next((relief for relief in reliefs if relief is not None), None)
        return found or (self._stop_one(waiting) if self.stopping else None)

    def _by_room(self) -> list[int]:
        """Return the hosts that may be visited, those that nobody waits for and with the most room first."""
        rooms, width = self.state.rooms, self.state.rooms.needs.width

        def fullness(host: int) -> float:
            pairs = zip(rooms.loads[host][:width], rooms.limits(host)[:width], strict=True)
            return max((load / most if most else 1.0 for load, most in pairs), default=0.0)

        return sorted(self.state.stops, key=lambda host: (host in self._into, fullness(host)))

    def _in_the_way(self, vm: int) -> list[int]:
        """Return who might make way for a waiting VM, those that move anyway and have least to copy first."""
        target = self.state.goal[vm][0]
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

    def _places(self, vm: int, hosts: Iterable[int]) -> Iterator[Position]:
        """Yield safe positions for a VM that makes way."""
        tried = 0
        for host in hosts:
            if host == self.state.host[vm]:
                continue
            tried += 1
            for cells in self.state.masks(vm, host):
                if (host, cells) != self.state.goal[vm] and self.state.safe(vm, (host, cells)):
                    yield host, cells
            if tried >= HOSTS_TRIED:
                return

    def _single(self, waiting: int, hosts: list[int]) -> Iterator[Relief]:
        """Yield how one VM's making way lets a waiting one go."""
        for vm in self._in_the_way(waiting):
            back = self.state.position(vm)
            for position in self._places(vm, hosts):
                cost = self.state.cost(vm, position)
                self.state.place(vm, position)
                helps = self.state.safe(waiting, self.state.goal[waiting])
                self.state.place(vm, back)
                if helps:
                    yield Relief(cost, ((vm, position),), waiting)
                    break
                if self.state.rooms.additive and self.state.unruly(waiting, self.state.goal[waiting][0]) is None:
                    break  # wherever else it goes, it leaves as much room

    def _several(self, waiting: int, hosts: list[int]) -> Relief | None:
        """Let VMs make way, the largest first, until the waiting one can go; None if it still cannot."""
        done: list[tuple[int, Position, Position]] = []
        total = 0
        found = False
        for vm in sorted(self._in_the_way(waiting), key=lambda vm: (self.state.arrived(vm), -self._size(vm))):
            position = next(self._places(vm, hosts), None)
            if position is None:
                continue
            total += self.state.cost(vm, position)
            done.append((vm, self.state.position(vm), position))
            self.state.place(vm, position)
            if self.state.safe(waiting, self.state.goal[waiting]):
                found = True
                break
        for vm, back, _ in reversed(done):
            self.state.place(vm, back)
        return Relief(total, tuple((vm, position) for vm, _, position in done), waiting) if found else None

    def _stop_one(self, waiting: list[int]) -> Relief | None:
        """Stop the smallest VM whose stop lets a waiting one go."""
        best: Relief | None = None
        for vm in waiting:
            for other in self._in_the_way(vm):
                if not self.state.safe(other, GONE):
                    continue
                back, cost = self.state.position(other), self.state.cost(other, GONE) + self._size(other)
                self.state.place(other, GONE)
                if self.state.safe(vm, self.state.goal[vm]) and (best is None or cost < best.cost):
                    best = Relief(cost, ((other, GONE),), vm)
                self.state.place(other, back)
        return best


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
