"""Replays a start-up order: durations, dependencies, limits and priorities, moment by moment."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from formulations.quantities import exact
from formulations.scheduling.startup import StartupOrder, StartupQuestion
from solver.verifying.verdict import Violation, listed

Integers = NDArray[np.int64]


class StartFault(StrEnum):
    """What is wrong with a start-up order."""

    ARRAYS = "arrays"
    """An array has the wrong shape, type or range."""
    NOT_STARTED = "not started"
    """A VM that is to run is never started."""
    NOT_WANTED = "not wanted"
    """A VM is started that runs already, is off, ignored, or has no host."""
    BOOT = "boot time"
    """A VM is up before or after its boot time has passed."""
    DEPENDENCY = "dependency"
    """A VM starts before one that it waits for is up, or waits for one that never is."""
    HOST_LIMIT = "host limit"
    """More VMs are starting on a host than may."""
    CLUSTER_LIMIT = "cluster limit"
    """More VMs are starting in the cluster than may."""
    PRIORITY = "priority"
    """A VM starts while one of higher priority is ready and could start in its place."""
    BOUND = "bound"
    """The order is shorter than any is said to be."""


def check_startup(question: StartupQuestion, order: StartupOrder, bound: int | None = None) -> tuple[Violation, ...]:
    """Return what is wrong with a start-up order: nothing if all of it holds.

    Everything is worked out again from the instance, the placement, the limits and who runs;
    what follows from wrong times is not listed on top of them.

    Parameters
    ----------
    question : StartupQuestion
    order : StartupOrder
    bound : int, optional
        What is said of every order, in milliseconds: that none is shorter.
    """
    replay = _Replay(question, order)
    for faults in (replay.arrays(), replay.who_starts(), replay.durations(), replay.dependencies()):
        if found := tuple(faults):
            return found
    late = () if bound is None or order.makespan >= bound else (_too_short(order, bound),)
    return (*replay.limits(), *replay.priorities(), *late)


def _too_short(order: StartupOrder, bound: int) -> Violation:
    text = f"all is up at {order.makespan:,} ms, and no order is said to be shorter than {bound:,} ms"
    return _violation(StartFault.BOUND, (), text, bound - order.makespan)


def _violation(
    kind: StartFault, subjects: tuple[str, ...], message: str, amount: int = 1, unit: str = "ms"
) -> Violation:
    return Violation(kind, subjects, Fraction(amount), unit, message)


@dataclass(frozen=True, eq=False)
class _Replay:
    """An order next to what its question says."""

    question: StartupQuestion
    order: StartupOrder

    # -- who starts, and for how long ----------------------------------------------------

    def arrays(self) -> Iterator[Violation]:
        """Judge the form of the answer."""
        for name, times in (("start", self.order.start), ("end", self.order.end)):
            if times.shape != (self.question.instance.vm_count,) or times.dtype != np.int64:
                yield _violation(StartFault.ARRAYS, (), f"{name} is no array of one 64-bit integer per VM", unit="")
            elif times.min(initial=0) < -1:
                yield _violation(StartFault.ARRAYS, (), f"{name} lies before the beginning: {times.min():,} ms")

    @cached_property
    def to_run(self) -> NDArray[np.bool_]:
        """Which VMs are to be up in the end."""
        to_run: NDArray[np.bool_] = self.question.instance.wanted & (self.question.placement.host_of >= 0)
        return to_run

    @cached_property
    def to_start(self) -> NDArray[np.bool_]:
        """Which of them do not run from the beginning."""
        to_start: NDArray[np.bool_] = self.to_run & ~self.question.instance.ignored
        if self.question.running is not None:
            to_start = to_start & ~self.question.running
        return to_start

    def who_starts(self) -> Iterator[Violation]:
        """Judge whether exactly those start that are to."""
        started = self.order.start >= 0
        name = self.question.instance.vm_names.name

        def missing(vm: int) -> Violation:
            return _violation(StartFault.NOT_STARTED, (name(vm),), f"{name(vm)} is never started", unit="VM")

        def needless(vm: int) -> Violation:
            said = f"{name(vm)} is started but runs already, is off, ignored, or has no host"
            return _violation(StartFault.NOT_WANTED, (name(vm),), said, unit="VM")

        yield from listed(StartFault.NOT_STARTED, np.flatnonzero(self.to_start & ~started).tolist(), missing)
        yield from listed(StartFault.NOT_WANTED, np.flatnonzero(started & ~self.to_start).tolist(), needless)

    def durations(self) -> Iterator[Violation]:
        """Judge whether each VM is up when its boot time has passed, rounded up to whole milliseconds."""
        own = [max(1, -(-exact(vm.boot_seconds) * 1000 // 1)) for vm in self.question.instance.vms]
        boot = np.array(own, dtype=np.int64)
        start, end = self.order.start, self.order.end
        expected = np.where(self.to_start, start + boot[self.question.instance.vm_entry], -1)

        def wrong(vm: int) -> Violation:
            name = self.question.instance.vm_names.name(vm)
            said = f"{name} is up at {end[vm]:,} ms instead of {expected[vm]:,} ms"
            return _violation(StartFault.BOOT, (name,), said, abs(int(end[vm] - expected[vm])))

        yield from listed(StartFault.BOOT, np.flatnonzero(end != expected).tolist(), wrong)

    # -- who waits for whom --------------------------------------------------------------

    @cached_property
    def called(self) -> dict[str, Integers]:
        """The VMs that each name in a start_after stands for and that are to run."""
        instance = self.question.instance
        names = {name for vm in instance.vms for name in vm.start_after}
        everyone = {name: instance.vms_called([name]) for name in names}
        return {name: vms[self.to_run[vms]] for name, vms in everyone.items()}

    @cached_property
    def ready(self) -> Integers:
        """When all that each VM waits for is up; -1 if something never is: shape (VMs,)."""
        instance = self.question.instance
        up = {name: int(self.order.end[vms].max(initial=0)) if len(vms) else None for name, vms in self.called.items()}
        moments = []
        for vm in instance.vms:
            times = [up[name] for name in vm.start_after]
            moments.append(-1 if None in times else max((time for time in times if time is not None), default=0))
        ready: Integers = np.array(moments, dtype=np.int64)[instance.vm_entry]
        return ready

    def dependencies(self) -> Iterator[Violation]:
        """Judge whether everything that a VM waits for is up when it starts."""
        start = self.order.start
        name = self.question.instance.vm_names.name

        def early(vm: int) -> Violation:
            if self.ready[vm] < 0:
                said = f"{name(vm)} starts, but something that it waits for is neither placed nor running"
                return _violation(StartFault.DEPENDENCY, (name(vm),), said, unit="VM")
            said = f"{name(vm)} starts at {start[vm]:,} ms, what it waits for is up at {self.ready[vm]:,} ms"
            return _violation(StartFault.DEPENDENCY, (name(vm),), said, int(self.ready[vm] - start[vm]))

        wrong = self.to_start & ((self.ready < 0) | (start < self.ready))
        yield from listed(StartFault.DEPENDENCY, np.flatnonzero(wrong).tolist(), early)

    # -- how many at once ----------------------------------------------------------------

    def limits(self) -> Iterator[Violation]:
        """Judge how many VMs are starting at once, on each host and in all."""
        limits, instance = self.question.limits, self.question.instance
        vms = np.flatnonzero(self.to_start)
        if limits.per_cluster is not None and len(vms):
            most, at = self._busiest(vms)
            if most > limits.per_cluster:
                said = f"{most:,} VMs are starting in the cluster at {at:,} ms, {limits.per_cluster:,} may"
                yield _violation(StartFault.CLUSTER_LIMIT, (), said, most - limits.per_cluster, "VMs")
        if limits.per_host is not None:
            crowded = [
                (host, *self._busiest(own), limits.per_host)
                for host, own in self._by_host(vms)
                if len(own) > limits.per_host
            ]

            def over(position: int) -> Violation:
                host, most, at, allowed = crowded[position]
                name = instance.host_names.name(host)
                said = f"{most:,} VMs are starting on {name} at {at:,} ms, {allowed:,} may"
                return _violation(StartFault.HOST_LIMIT, (name,), said, most - allowed, "VMs")

            wrong = [position for position, (_, most, _, allowed) in enumerate(crowded) if most > allowed]
            yield from listed(StartFault.HOST_LIMIT, wrong, over)

    def _by_host(self, vms: Integers) -> Iterator[tuple[int, Integers]]:
        hosts = self.question.placement.host_of[vms]
        order = np.argsort(hosts, kind="stable")
        borders = np.flatnonzero(np.diff(hosts[order])) + 1
        for own in np.split(vms[order], borders) if len(vms) else ():
            yield int(self.question.placement.host_of[own[0]]), own

    def _busiest(self, vms: Integers) -> tuple[int, int]:
        """Return how many of some VMs are starting at once at most, and when first."""
        times = np.concatenate((self.order.start[vms], self.order.end[vms]))
        steps = np.repeat(np.array([1, -1], dtype=np.int64), len(vms))
        order = np.lexsort((steps, times))  # who is up makes room at once
        running = np.cumsum(steps[order])
        peak = int(np.argmax(running))
        return int(running[peak]), int(times[order][peak])

    # -- who comes first -----------------------------------------------------------------

    @cached_property
    def urgency(self) -> list[int]:
        """The priority of each VM, or a higher one of a VM that waits for it.

        Whoever waits starts later, so that the latest starts are looked at first.
        """
        instance, start = self.question.instance, self.order.start
        urgency = [instance.vms[entry].priority for entry in instance.vm_entry.tolist()]
        names: dict[int, list[str]] = {}
        for name, vms in self.called.items():
            for vm in vms.tolist():
                names.setdefault(vm, []).append(name)
        of_name: dict[str, int] = {}
        vms = np.flatnonzero(self.to_start)
        for vm in vms[np.argsort(-start[vms], kind="stable")].tolist():
            urgency[vm] = max([urgency[vm], *(of_name[name] for name in names.get(vm, ()) if name in of_name)])
            for name in instance.vms[int(instance.vm_entry[vm])].start_after:
                of_name[name] = max(urgency[vm], of_name.get(name, urgency[vm]))
        return urgency

    def priorities(self) -> Iterator[Violation]:
        """Judge at every start whether somebody of higher priority could have started instead."""
        if len({self.urgency[vm] for vm in np.flatnonzero(self.to_start).tolist()}) < 2:
            return
        found = list(_Queue(self).overtakings())
        name = self.question.instance.vm_names.name

        def overtaken(position: int) -> Violation:
            vm, waiting, at = found[position]
            said = (
                f"{name(vm)} (priority {self.urgency[vm]}) starts at {at:,} ms while {name(waiting)} "
                f"(priority {self.urgency[waiting]}) is ready and could start instead"
            )
            amount = self.urgency[waiting] - self.urgency[vm]
            return _violation(StartFault.PRIORITY, (name(vm), name(waiting)), said, amount, "priority")

        yield from listed(StartFault.PRIORITY, range(len(found)), overtaken)


class _Queue:
    """Who is ready and waits, host by host, as time goes on."""

    def __init__(self, replay: _Replay) -> None:
        self.host: list[int] = replay.question.placement.host_of.tolist()
        self.start: list[int] = replay.order.start.tolist()
        self.urgency = replay.urgency
        vms = np.flatnonzero(replay.to_start)
        self.starting: list[int] = vms[np.argsort(replay.order.start[vms], kind="stable")].tolist()
        self.becoming_ready: list[tuple[int, int]] = sorted(zip(replay.ready[vms].tolist(), vms.tolist(), strict=True))
        self.ending: list[tuple[int, int]] = sorted(zip(replay.order.end[vms].tolist(), vms.tolist(), strict=True))
        self.limit = replay.question.limits.per_host
        self.busy: dict[int, int] = {}
        self.waiting: dict[int, list[tuple[int, int]]] = {}
        self.fronts: list[tuple[int, int]] = []

    def overtakings(self) -> Iterator[tuple[int, int, int]]:
        """Yield who starts too early, who should start instead, and when."""
        ready, ended = 0, 0
        for now, group in groupby(self.starting, key=lambda vm: self.start[vm]):
            starters = list(group)
            touched = {self.host[vm] for vm in starters}
            while ended < len(self.ending) and self.ending[ended][0] <= now:
                host = self.host[self.ending[ended][1]]
                self.busy[host] -= 1
                touched.add(host)
                ended += 1
            while ready < len(self.becoming_ready) and self.becoming_ready[ready][0] <= now:
                vm = self.becoming_ready[ready][1]
                heapq.heappush(self.waiting.setdefault(self.host[vm], []), (-self.urgency[vm], vm))
                touched.add(self.host[vm])
                ready += 1
            for vm in starters:
                self.busy[self.host[vm]] = self.busy.get(self.host[vm], 0) + 1
            for host in touched:
                self._move_up(host, now)
            anywhere = self._first_with_room(now)
            for vm in starters:
                for rival in (anywhere, self._first(self.host[vm], now)):
                    if rival is not None and self.urgency[rival] > self.urgency[vm]:
                        yield vm, rival, now
                        break

    def _first(self, host: int, now: int) -> int | None:
        """Return who waits at the head of a host's queue; whoever has started leaves it."""
        queue = self.waiting.get(host, [])
        while queue and self.start[queue[0][1]] <= now:
            heapq.heappop(queue)
        return queue[0][1] if queue else None

    def _move_up(self, host: int, now: int) -> None:
        first = self._first(host, now)
        if first is not None and self._room(host):
            heapq.heappush(self.fronts, (-self.urgency[first], host))

    def _room(self, host: int) -> bool:
        return self.limit is None or self.busy.get(host, 0) < self.limit

    def _first_with_room(self, now: int) -> int | None:
        """Return the most urgent VM that waits on a host with room for one more."""
        while self.fronts:
            urgency, host = self.fronts[0]
            first = self._first(host, now)
            if first is not None and -self.urgency[first] == urgency and self._room(host):
                return first
            heapq.heappop(self.fronts)
        return None
