"""Brute force over orders: every sequence of safe steps of a small question, by a plain reading of docs/scheduling.md.

Shares no code with the makers or the checker: loops over whole states, with the floors and the
amounts broken of the oracle of the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from heapq import heappop, heappush
from itertools import combinations, count

from formulations.rules import AtMostMoves, AtMostOn, Rule
from formulations.scheduling.migration import MigrationQuestion
from tests.oracle import Oracle

Spot = tuple[int, int]
"""A host, -1 for none, and the cells there as a bit mask."""

Where = tuple[Spot, ...]
Troubles = dict[tuple[object, ...], Fraction]
"""Every load above its limit and every amount broken."""

Cost = tuple[int, int]
"""Stops, then bypasses."""


class EveryOrder:
    """All that can be reached from the current placement, one safe step after another.

    Parameters
    ----------
    question : MigrationQuestion
    lenient : bool
        Whether steps are measured by the current placement instead of by the state before.
    """

    def __init__(self, question: MigrationQuestion, *, lenient: bool = False) -> None:
        self.question = question
        self.oracle = Oracle(question.instance)
        self.start: Where = _where(question.here.tolist(), question.cells_here.tolist())
        self.goal: Where = _where(question.there.tolist(), question.cells_there.tolist())
        self.rules = [
            rule
            for at, rule in enumerate(question.instance.rules)
            if rule.hard and at not in question.at_end_only and not isinstance(rule, AtMostMoves)
        ]
        self.lenient = lenient
        self._overloads: dict[tuple[int, tuple[tuple[int, int], ...]], Troubles] = {}
        self.first = self.troubles([[spot] for spot in self.start])

    def best(self, *, stops: bool) -> Cost | None:
        """Return the fewest stops and then bypasses that lead to the target; None if nothing does."""
        ties = count()
        reached: dict[Where, Cost] = {self.start: (0, 0)}
        waiting: list[tuple[Cost, int, Where]] = [((0, 0), next(ties), self.start)]
        while waiting:
            cost, _, where = heappop(waiting)
            if cost > reached[where]:
                continue
            if where == self.goal:
                return cost
            for vm, spot in self.steps(where, stops=stops):
                after = (*where[:vm], spot, *where[vm + 1 :])
                more = self.price(where, vm, spot)
                total = cost[0] + more[0], cost[1] + more[1]
                if total < reached.get(after, (10**9, 0)):
                    reached[after] = total
                    heappush(waiting, (total, next(ties), after))
        return None

    def price(self, where: Where, vm: int, spot: Spot) -> Cost:
        """Return the stops and bypasses of a step."""
        if spot[0] < 0:
            return int(self.goal[vm][0] >= 0), 0
        leaves_target = where[vm][0] >= 0 and where[vm] == self.goal[vm]
        return 0, int(spot != self.goal[vm]) + int(leaves_target)

    def steps(self, where: Where, *, stops: bool) -> Iterator[tuple[int, Spot]]:
        """Yield the safe steps of a state."""
        for vm in range(len(where)):
            if self.oracle.ruled(vm) and (self.start[vm][0] >= 0 or self.goal[vm][0] >= 0):
                for spot in self.spots(where, vm, stops=stops):
                    if spot != where[vm] and self.safe(where, vm, spot):
                        yield vm, spot

    def spots(self, where: Where, vm: int, *, stops: bool) -> Iterator[Spot]:
        """Yield where a VM could be."""
        if where[vm] == self.goal[vm] == (-1, 0):
            return
        yield self.goal[vm]
        if stops:
            yield -1, 0
        for host in range(len(self.oracle.hosts)):
            if self.question.bypass[host]:
                for mask in self.masks(vm, host):
                    yield host, mask

    def masks(self, vm: int, host: int) -> Iterator[int]:
        """Yield the ways to lie in the cells of a host."""
        cells = len(self.oracle.hosts[host][0].cells) if self.question.with_cells else 0
        if not cells:
            yield 0
            return
        for chosen in combinations(range(cells), self.oracle.vms[vm][0].numa):
            yield sum(1 << cell for cell in chosen)

    def safe(self, where: Where, vm: int, spot: Spot) -> bool:
        """Whether nothing is worse than allowed while the step lasts, and after it."""
        source, target = where[vm][0], spot[0]
        if target >= 0 and target != source and not self.can_ever(vm, target):
            return False
        before = self.first if self.lenient else self.troubles([[at] for at in where])
        both = [at for at in (where[vm], spot) if at[0] >= 0]
        for ends in (both, [spot]):
            state = [[at] for at in where]
            state[vm] = ends
            after = self.troubles(state)
            if any(amount > before.get(key, 0) for key, amount in after.items()):
                return False
        return True

    def can_ever(self, vm: int, host: int) -> bool:
        """Whether a host could hold the VM if it were empty of others."""
        machine = self.oracle.hosts[host][0]
        if machine.state == "maintenance" or (machine.cells and len(machine.cells) < self.oracle.vms[vm][0].numa):
            return False
        for r in range(len(self.oracle.quanta)):
            if self.oracle.is_pinned(vm, r):
                core, upper = self.oracle.core(host, r), self.oracle.bounds(vm, host, r)[2]
                if upper and (not core or self.least(vm, host, r, 1) > upper):
                    return False
        return True

    def least(self, vm: int, host: int, r: int, members: int) -> int:
        """Return what a VM is guaranteed, in whole cores where pinned."""
        floor = self.oracle.floor_of(vm, host, r, members)
        if self.oracle.is_pinned(vm, r) and (core := self.oracle.core(host, r)):
            return -(-floor // core) * core
        return floor

    # -- what is above its limit, and which rules are broken ------------------------------------

    def troubles(self, ends: list[list[Spot]]) -> Troubles:
        """Return every load above its limit and every amount broken; a VM with two ends is at both."""
        there: list[dict[int, int]] = [{} for _ in self.oracle.hosts]
        for vm, spots in enumerate(ends):
            for host, mask in spots:
                if host >= 0:
                    there[host][vm] = there[host].get(vm, 0) | mask
        found: Troubles = {}
        for host, members in enumerate(there):
            found |= self.overloads(host, tuple(members.items()))
        for number, rule in enumerate(self.rules):
            if amount := self.worst(rule, ends):
                found["rule", number] = Fraction(amount)
        return found

    def overloads(self, host: int, members: tuple[tuple[int, int], ...]) -> Troubles:
        """Return the loads of a host above their limits."""
        if (host, members) not in self._overloads:
            self._overloads[host, members] = {
                (host, r, *key): load
                for r in range(len(self.oracle.quanta))
                for key, load, limit in self.loads(host, r, dict(members))
                if load > limit
            }
        return self._overloads[host, members]

    def loads(self, host: int, r: int, there: dict[int, int]) -> Iterator[tuple[tuple[object, ...], Fraction, int]]:
        """Yield every load of a host in one resource with its limit."""
        oracle = self.oracle
        needs = {vm: self.least(vm, host, r, len(there)) for vm in there}
        places: list[tuple[object, dict[int, Fraction], int]] = [
            ("whole", {vm: Fraction(1) for vm in there}, oracle.capacity(host, r))
        ]
        rooms = oracle.hosts[host][0].cell_usable(oracle.instance.resources[r].name)
        if self.question.with_cells and rooms is not None:
            for cell, room in enumerate(rooms):
                parts = {vm: Fraction(1, oracle.vms[vm][0].numa) for vm, mask in there.items() if mask >> cell & 1}
                places.append((cell, parts, int(room / oracle.quanta[r])))
        for place, parts, limit in places:
            load = sum((needs[vm] * part for vm, part in parts.items()), Fraction(0))
            yield (place, "load"), load, limit
            bursts = [size * part for vm, part in parts.items() if (size := oracle.burst_size(vm, host, r)) is not None]
            if bursts and oracle.gamma:
                yield (place, "burst"), load + sum(sorted(bursts, reverse=True)[: oracle.gamma]), limit

    def worst(self, rule: Rule, ends: list[list[Spot]]) -> int:
        """Return the largest amount broken over the choices of ends; hosts at both ends are in use."""
        if isinstance(rule, AtMostOn):
            used = {host for spots in ends for host, _ in spots} & set(self.oracle.hosts_called(rule.hosts))
            return max(0, len(used) - rule.most)
        choices = [[]]  # type: list[list[int]]
        for spots in ends:
            choices = [[*chosen, host] for chosen in choices for host in {at for at, _ in spots}]
        return max(self.oracle.amount(rule, chosen) for chosen in choices)


def _where(hosts: list[int], masks: list[int]) -> Where:
    return tuple(zip(hosts, masks, strict=True))
