"""Which legs must keep an order, so that no rule and no host is worse off when they overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from operator import gt
from typing import NamedTuple

from formulations.isolation import Partial
from formulations.rules import (
    AtLeastDomains,
    AtMostPerHost,
    Ban,
    Dedicated,
    Depend,
    FaultDomains,
    Fence,
    Gather,
    Pin,
    Rule,
    Split,
    Spread,
)
from formulations.scheduling.legs import Row, RowKind
from formulations.scheduling.migration import MigrationQuestion
from formulations.scheduling.steps import Hop
from solver.scheduling.migration.claiming import Part, RowDraft
from solver.scheduling.migration.domain_tallies import Alone, Occupied
from solver.scheduling.migration.rooms import Rooms
from solver.scheduling.migration.tallies import Fullest, InUse, tally_of
from solver.scheduling.migration.tally import Tally

MOST_OVERLAPPING = 6
"""Legs of one chain that may be under way at once: every choice of their ends is tried."""

LONE = (Ban, Fence, Pin)
"""Rules that look at each VM by itself: what is safe in sequence is safe at any time."""

BY_PLACE = (AtMostPerHost, Dedicated, Depend, FaultDomains, Split, Spread)
"""Rules whose amount is a sum over places, each of which depends on who is there."""


class Order(NamedTuple):
    """What rules and hosts ask of the legs beyond their claims.

    Attributes
    ----------
    rows : tuple of RowDraft
        Rules that count, as rows.
    after, following : tuple of (int, int)
        As in `Legs`.
    """

    rows: tuple[RowDraft, ...]
    after: tuple[tuple[int, int], ...]
    following: tuple[tuple[int, int], ...]

    @property
    def chained(self) -> bool:
        """Whether some order is kept that other plans need not keep."""
        return bool(self.after or self.following)


def order_of(question: MigrationQuestion, hops: Sequence[Hop]) -> Order:
    """Return rows and orders under which every overlap of a safe sequence is safe, too.

    Rules that count VMs by place become rows where the sequence keeps them so. For any other rule,
    and for hosts whose loads are no plain sums, the legs that it sees start in the order of the
    sequence, and one overlaps with those before it only where that can make nothing worse whichever
    of them have arrived.
    """
    rows: list[RowDraft] = []
    after: set[tuple[int, int]] = set()
    following: set[tuple[int, int]] = set()
    for rule in question.rules_on_the_way:
        if isinstance(rule, LONE):
            continue
        counted = _rows(question, rule, hops) if isinstance(rule, Spread | AtMostPerHost) else None
        if counted is not None:
            rows += counted
            continue
        for members, fits in _chains_of_rule(question, rule, hops):
            _link(members, fits, after, following)
    for members, fits in _chains_of_hosts(question, hops):
        _link(members, fits, after, following)
    return Order(tuple(rows), tuple(sorted(after)), tuple(sorted(following - after)))


Fits = Callable[[int, int], bool]
"""Whether the chain's members from one position to another may all be under way, those before done."""


def _link(members: list[int], fits: Fits, after: set[tuple[int, int]], following: set[tuple[int, int]]) -> None:
    """Let each member start after the one before it, and overlap with as many as fit."""
    begin = 0
    for at in range(1, len(members)):
        earlier = begin
        begin = max(begin, at - MOST_OVERLAPPING + 1)
        while begin < at and not fits(begin, at):
            begin += 1
        after |= {(members[before], members[at]) for before in range(earlier, begin)}
        following.add((members[at - 1], members[at]))


# -- rules that count ----------------------------------------------------------------------------


def _rows(question: MigrationQuestion, rule: Spread | AtMostPerHost, hops: Sequence[Hop]) -> list[RowDraft] | None:
    """Return a row per place, None where the sequence does not keep within them (the rule is broken at first)."""
    tally = tally_of(question.instance, rule)
    place_of = _places(rule, tally)
    present: dict[int, int] = {}
    for vm in tally.members:
        if (place := place_of(int(question.here[vm]))) is not None:
            present[place] = present.get(place, 0) + 1
    most = rule.most if isinstance(rule, AtMostPerHost) else 1
    load = dict(present)
    parts: dict[int, list[Part]] = {}
    for number, hop in enumerate(hops):
        source, target = place_of(hop.source), place_of(hop.target)
        if hop.vm not in tally.members or source == target:
            continue
        if target is not None:
            parts.setdefault(target, []).append(Part(number, 1, 0))
            load[target] = load.get(target, 0) + 1
            if load[target] > most:
                return None
        if source is not None:
            parts.setdefault(source, []).append(Part(number, 0, 1))
            load[source] -= 1
    return [
        RowDraft(Row(str(rule), f"place {place}", RowKind.STORE, present.get(place, 0), most), of_place)
        for place, of_place in parts.items()
    ]


def _places(rule: Rule, tally: Tally) -> Callable[[int], int | None]:
    """Return the function that tells the place of a host, None for no host and where the rule does not look."""
    if isinstance(rule, Spread | Split | Depend):
        domain = tally.domains(rule.level)
        return lambda host: None if host < 0 else domain[host]
    if isinstance(rule, AtMostPerHost):
        counted = tally.hosts(rule.hosts)
        return lambda host: host if host in counted else None
    return lambda host: None if host < 0 else host


# -- chains of rules -------------------------------------------------------------------------------


def _chains_of_rule(question: MigrationQuestion, rule: Rule, hops: Sequence[Hop]) -> Iterator[tuple[list[int], Fits]]:
    """Yield chains of legs with what may overlap; none where nothing can be broken in any order."""
    tally = tally_of(question.instance, rule)
    seen = [number for number, hop in enumerate(hops) if hop.vm in tally.members]
    if len(seen) < 2:
        return
    if not isinstance(rule, BY_PLACE):
        if not _harmless(question, tally, [hops[number] for number in seen]):
            yield seen, _Whole(question, tally, [hops[number] for number in seen]).fits
        return
    for place_of in _levels(rule, tally):
        touching: dict[int, list[int]] = {}
        for number in seen:
            for place in {place_of(hops[number].source), place_of(hops[number].target)}:
                if place is not None:
                    touching.setdefault(place, []).append(number)
        for place, members in touching.items():
            here = _Place(question, tally, place, place_of, [hops[number] for number in members])
            if len(members) > 1 and not here.fits(0, len(members) - 1):
                yield members, here.fits


def _levels(rule: Rule, tally: Tally) -> Iterator[Callable[[int], int | None]]:
    """Yield what tells the place of a host, for each level that a rule looks at."""
    yield _places(rule, tally)
    if isinstance(rule, FaultDomains):
        rack = tally.domains("rack")
        yield lambda host: None if host < 0 else rack[host]


class _Place:
    """One place of a rule whose amount is a sum over places."""

    def __init__(
        self,
        question: MigrationQuestion,
        tally: Tally,
        place: int,
        place_of: Callable[[int], int | None],
        hops: list[Hop],
    ) -> None:
        self._tally = tally_of(question.instance, tally.rule)
        self._hops = hops
        self._comes = [place_of(hop.target) == place for hop in hops]
        self._goes = [place_of(hop.source) == place for hop in hops]
        self._first = {
            vm: host for vm in tally.members if place_of(host := int(question.here[vm])) == place and host >= 0
        }
        self._serving = tally.on if isinstance(tally, Alone) else frozenset[int]()

    def fits(self, begin: int, at: int) -> bool:
        """Whether nothing can be broken here while these legs are under way.

        Who may be here counts, but whoever others depend on counts only if it is here for sure.
        """
        hosts = dict(self._first)
        unsure: set[int] = set()
        for number, hop in enumerate(self._hops[: at + 1]):
            if self._comes[number]:
                hosts[hop.vm] = hop.target
            if number < begin and not self._comes[number]:
                hosts.pop(hop.vm, None)
            elif number >= begin and self._comes[number] != self._goes[number]:
                unsure.add(hop.vm)
        there = [(vm, host) for vm, host in hosts.items() if not (vm in unsure and vm in self._serving)]
        for vm, host in there:
            self._tally.put(vm, host)
        amount = self._tally.amount
        for vm, host in there:
            self._tally.take(vm, host)
        return amount == 0


def _harmless(question: MigrationQuestion, tally: Tally, hops: list[Hop]) -> bool:
    """Whether a rule that looks at all its VMs together holds wherever each of them may be."""
    hosts = [(vm, host) for vm in tally.members if (host := int(question.here[vm])) >= 0]
    anywhere = {*hosts, *((hop.vm, hop.target) for hop in hops if hop.target >= 0)}
    if isinstance(tally, Fullest):
        return any(all(host in inside for _, host in anywhere) for inside in tally.sets)
    probe = tally_of(question.instance, tally.rule)
    if isinstance(probe, InUse) or isinstance(probe.rule, Gather):
        for vm, host in anywhere:
            probe.put(vm, host)
        return probe.amount == 0
    if isinstance(probe, Occupied) and isinstance(probe.rule, AtLeastDomains):
        moving = {hop.vm for hop in hops}
        for vm, host in hosts:
            if vm not in moving:
                probe.put(vm, host)
        return probe.occupied >= probe.rule.least
    return False


class _Whole:
    """A rule that looks at all its VMs together: every choice of the ends of those under way is tried.

    The positions that `fits` is asked for never go back.
    """

    def __init__(self, question: MigrationQuestion, tally: Tally, hops: list[Hop]) -> None:
        self._hops = hops
        self._done = tally_of(question.instance, tally.rule)
        self._all = tally_of(question.instance, tally.rule)
        for vm in tally.members:
            if (host := int(question.here[vm])) >= 0:
                self._done.put(vm, host)
                self._all.put(vm, host)
        self._begin = 0
        self._at = 0

    def fits(self, begin: int, at: int) -> bool:
        """Whether no choice of ends breaks more than is broken when all before the last have arrived."""
        while self._begin < begin:
            _move(self._done, self._hops[self._begin])
            self._begin += 1
        while self._at < at:
            _move(self._all, self._hops[self._at])
            self._at += 1
        chosen = self._hops[begin : at + 1]
        if len({hop.vm for hop in chosen}) < len(chosen):
            return False
        return self._worst(chosen) <= self._all.amount

    def _worst(self, hops: list[Hop]) -> int:
        """Return the largest amount over the choices of ends; a host that either end uses is in use."""
        if not hops:
            return self._done.amount
        hop, others = hops[0], hops[1:]
        certain = hop.source < 0 or hop.target < 0
        worst = 0 if certain or isinstance(self._done, InUse) else self._worst(others)
        leaves = hop.source >= 0 and not (isinstance(self._done, InUse) and not certain)
        if leaves:
            self._done.take(hop.vm, hop.source)
        if hop.target >= 0:
            self._done.put(hop.vm, hop.target)
        worst = max(worst, self._worst(others))
        if hop.target >= 0:
            self._done.take(hop.vm, hop.target)
        if leaves:
            self._done.put(hop.vm, hop.source)
        return worst


def _move(tally: Tally, hop: Hop) -> None:
    if hop.source >= 0:
        tally.take(hop.vm, hop.source)
    if hop.target >= 0:
        tally.put(hop.vm, hop.target)


# -- chains of hosts -------------------------------------------------------------------------------


def _chains_of_hosts(question: MigrationQuestion, hops: Sequence[Hop]) -> Iterator[tuple[list[int], Fits]]:
    """Yield chains for hosts whose loads are no plain sums: floors that depend on who is there, and bursts."""
    instance = question.instance
    partial = [isinstance(instance.isolation_of(entry), Partial) for entry in range(len(instance.vms))]
    if not instance.gamma and not any(partial):
        return
    rooms = Rooms(instance, question.here.tolist(), question.cells_here.tolist(), with_cells=question.with_cells)
    touching: dict[int, list[int]] = {}
    for number, hop in enumerate(hops):
        for host in {hop.source, hop.target}:
            if host >= 0:
                touching.setdefault(host, []).append(number)
    for host, members in touching.items():
        chosen = [hops[number] for number in members]
        if len(members) > 1:
            yield members, _Room(rooms, host, chosen).fits


class _Room:
    """One host whose loads are no plain sums: whoever of those under way may be there is tried."""

    def __init__(self, rooms: Rooms, host: int, hops: list[Hop]) -> None:
        self._rooms = rooms
        self._host = host
        self._hops = hops

    def fits(self, begin: int, at: int) -> bool:
        """Whether the host holds all, and any, of those that may be there."""
        there = dict(self._rooms.members[self._host])
        unsure: list[int] = []
        for number, hop in enumerate(self._hops[: at + 1]):
            comes = hop.target == self._host
            if comes:
                there[hop.vm] = hop.cells | (there.get(hop.vm, 0) if number >= begin else 0)
            if number >= begin:
                unsure += [hop.vm] if hop.source != hop.target else []
            elif not comes:
                there.pop(hop.vm, None)
        limits = self._rooms.limits(self._host)
        for absent in product((False, True), repeat=len(set(unsure))):
            gone = {vm for vm, out in zip(sorted(set(unsure)), absent, strict=True) if out}
            present = {vm: mask for vm, mask in there.items() if vm not in gone}
            if any(map(gt, self._rooms.measure(self._host, present), limits)):
                return False
        return True
