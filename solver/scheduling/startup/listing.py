"""List scheduling: whenever something can start, the first VM of a list that can, does."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from formulations.scheduling.startup import Integers, StartupQuestion
from solver.scheduling.startup.bounds import Slots


@dataclass(frozen=True, eq=False)
class Roster:
    """What a pass through time looks up again and again, as plain lists.

    Attributes
    ----------
    boot, host : list of int
        Per VM its boot time and its host's number among those in use.
    host_count, per_host, per_cluster : int
    names_of : list of tuple of int
        Per VM the names that stand for it and that somebody waits for.
    waiting : tuple of tuple of int
        Per name the entries that wait for it.
    members : list of list of int
        Per entry its VMs that are to start.
    unmet_of_name : list of int
        Per name how many of its VMs are to start.
    unmet_of_entry : list of int
        Per entry how many names with such VMs it waits for.
    """

    boot: list[int]
    host: list[int]
    host_count: int
    per_host: int
    per_cluster: int
    names_of: list[tuple[int, ...]]
    waiting: tuple[tuple[int, ...], ...]
    members: list[list[int]]
    unmet_of_name: list[int]
    unmet_of_entry: list[int]

    @classmethod
    def of(cls, question: StartupQuestion, slots: Slots) -> Roster:
        """Return the roster of a question."""
        starts, precedence, names = question.starts, question.precedence, question.instance.vm_names
        everyone = int(starts.sum()) + 1
        unmet = [int(starts[members].sum()) for members in precedence.members]
        entries = (names.members(entry) for entry in range(len(question.instance.vms)))
        return cls(
            boot=question.boot.tolist(),
            host=slots.host.tolist(),
            host_count=len(slots.hosts),
            per_host=everyone if slots.per_host is None else slots.per_host,
            per_cluster=everyone if slots.per_cluster is None else slots.per_cluster,
            names_of=_names_of_vms(question),
            waiting=precedence.waiting,
            members=[own[starts[own]].tolist() for own in entries],
            unmet_of_name=unmet,
            unmet_of_entry=[sum(unmet[name] > 0 for name in own) for own in precedence.waits_for],
        )


def _names_of_vms(question: StartupQuestion) -> list[tuple[int, ...]]:
    names: list[tuple[int, ...]] = [()] * question.instance.vm_count
    for name, members in enumerate(question.precedence.members):
        for vm in members.tolist():
            names[vm] = (*names[vm], name)
    return names


def list_order(roster: Roster, preferred: Integers) -> Integers:
    """Return when each VM starts, -1 for those that do not.

    At every moment the ready VMs are gone through in the order of the list, and each starts if
    its host and the cluster may start one more (Graham, 1969, doi:10.1137/0117039, with a limit
    per host added).

    Parameters
    ----------
    roster : Roster
    preferred : int64 array
        The VMs that are to start; whoever stands first is taken first.
    """
    course = _Course(roster, preferred)
    course.begin()
    course.start_all()
    while course.running:
        course.advance()
        course.start_all()
    return course.start


class _Course:
    """One pass through time.

    Of every host only the first ready VM is on offer, and only while the host may start one:
    an offer that its host has no longer at its head is stale and passed over.
    """

    def __init__(self, roster: Roster, preferred: Integers) -> None:
        self.roster = roster
        self.vm: list[int] = preferred.tolist()
        rank = np.full(len(roster.boot), -1, dtype=np.int64)
        rank[preferred] = np.arange(len(preferred))
        self.rank: list[int] = rank.tolist()
        self.start: Integers = np.full(len(roster.boot), -1, dtype=np.int64)
        self.now = 0
        self.running: list[tuple[int, int]] = []
        self.offers: list[int] = []
        self.ready: list[list[int]] = [[] for _ in range(roster.host_count)]
        self.busy = [0] * roster.host_count
        self.unmet_of_name = list(roster.unmet_of_name)
        self.unmet_of_entry = list(roster.unmet_of_entry)

    def begin(self) -> None:
        """Make ready who waits for nobody."""
        for entry, unmet in enumerate(self.unmet_of_entry):
            if not unmet:
                self._make_ready(entry)

    def _make_ready(self, entry: int) -> None:
        for vm in self.roster.members[entry]:
            host, rank = self.roster.host[vm], self.rank[vm]
            waiting = self.ready[host]
            heapq.heappush(waiting, rank)
            if waiting[0] == rank and self.busy[host] < self.roster.per_host:
                heapq.heappush(self.offers, rank)

    def start_all(self) -> None:
        """Start whoever can start now."""
        roster = self.roster
        while self.offers and len(self.running) < roster.per_cluster:
            rank = heapq.heappop(self.offers)
            vm = self.vm[rank]
            host = roster.host[vm]
            waiting = self.ready[host]
            if not waiting or waiting[0] != rank or self.busy[host] >= roster.per_host:
                continue
            heapq.heappop(waiting)
            self.start[vm] = self.now
            self.busy[host] += 1
            heapq.heappush(self.running, (self.now + roster.boot[vm], vm))
            self._offer(host)

    def _offer(self, host: int) -> None:
        if self.ready[host] and self.busy[host] < self.roster.per_host:
            heapq.heappush(self.offers, self.ready[host][0])

    def advance(self) -> None:
        """Go on to the next moment at which a VM is up, and make ready who waited for it."""
        self.now = self.running[0][0]
        freed = set()
        while self.running and self.running[0][0] == self.now:
            vm = heapq.heappop(self.running)[1]
            self.busy[self.roster.host[vm]] -= 1
            freed.add(self.roster.host[vm])
            self._tell(vm)
        for host in sorted(freed):
            self._offer(host)

    def _tell(self, vm: int) -> None:
        for name in self.roster.names_of[vm]:
            self.unmet_of_name[name] -= 1
            if not self.unmet_of_name[name]:
                for entry in self.roster.waiting[name]:
                    self.unmet_of_entry[entry] -= 1
                    if not self.unmet_of_entry[entry]:
                        self._make_ready(entry)
