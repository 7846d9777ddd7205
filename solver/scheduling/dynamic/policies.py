"""Policies: who gets a core next, for how long, and who must give one back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from formulations.errors import InputError
from formulations.scheduling.workload import SECOND
from solver.scheduling.dynamic.machines import Machine

MILLISECOND = 1_000

LONGEST_QUANTUM = 60 * SECOND
"""No quantum, period or ageing interval may be longer (µs)."""

Rank = int | tuple[int, ...]


@dataclass(eq=False)
class Task:
    """A job as a policy sees it while it waits or runs.

    Attributes
    ----------
    number : int
        Of the job on its machine, in order of arrival.
    vm : int
        The VM's position on its machine (``Machine.shares[task.vm]`` are its shares).
    arrival, work, priority : int
        As in the workload, µs.
    remaining : int
        Work left when it last began to wait or to run, µs.
    since : int
        When it began to wait, or was given its present core, µs.
    place : int
        Its place in the order in which tasks began to wait.
    core : int
        The core that it runs on, -1 while it waits.
    turn, begin, until : int
        The work of its present turn, when that begins, after the switch, and when it ends at the latest, µs.
    rank_then : rank
        Its rank when it was given its present core.
    last_core : int
        The core that it ran on last, -1 before its first turn.
    start, finish : int
        When its first work began and its last work ended, -1 before that, µs.
    """

    number: int
    vm: int
    arrival: int
    work: int
    priority: int
    remaining: int = 0
    since: int = 0
    place: int = 0
    core: int = -1
    turn: int = 0
    begin: int = 0
    until: int = 0
    rank_then: Rank = 0
    last_core: int = -1
    start: int = -1
    finish: int = -1

    @property
    def running(self) -> bool:
        """Whether it has a core."""
        return self.core >= 0

    def left(self, now: int) -> int:
        """Return the work left at a moment, µs."""
        return self.remaining - max(0, now - self.begin) if self.running else self.remaining


class Ranking:
    """What a policy knows and decides on one machine; override `rank`, and the rest where needed."""

    def rank(self, task: Task, now: int) -> Rank | None:
        """Return an integer or a tuple of integers: the smallest goes first; None: it may not run now.

        Tasks of equal rank go in the order in which they began to wait, and one that runs keeps
        its core against one that waits.
        """
        raise NotImplementedError

    def turn(self, task: Task, now: int) -> int | None:  # noqa: ARG002 - for those who override it
        """Return after how much work the task must queue again, µs; None: not before it is done."""
        return None

    def arrived(self, task: Task, now: int) -> None:
        """Take note that a task has arrived."""

    def started(self, task: Task, turn: int, now: int) -> None:
        """Take note that a task is given a core for a turn of work, µs."""

    def stopped(self, task: Task, ran: int, now: int) -> None:
        """Take note that a task has given its core back after so much work; ``remaining`` is what is left."""

    def next_change(self, waiting: Sequence[Task], running: Sequence[Task], now: int) -> int | None:  # noqa: ARG002
        """Return the next moment after now at which ranks change of themselves, None if they do not."""
        return None


class Policy(Protocol):
    """A scheduling policy.

    Attributes
    ----------
    name : str
        For tables.
    preemptive : bool
        Whether a task that ranks before a running one takes its core at once.
    """

    @property
    def name(self) -> str:
        """For tables."""
        ...

    @property
    def preemptive(self) -> bool:
        """Whether a task that ranks before a running one takes its core at once."""
        ...

    def ranking(self, machine: Machine) -> Ranking:
        """Return the policy's fresh state on one machine."""
        ...


# -- policies of one's own -------------------------------------------------------------------


@dataclass(frozen=True)
class Ranked:
    """A policy made of a rank and, if wanted, a quantum.

    Parameters
    ----------
    name : str
    by : callable
        Takes a `Task` and the time (µs) and returns an integer or a tuple of integers: the
        smallest goes first. It must be importable, not a lambda, where an executor of processes is used.
    preemptive : bool
        Whether a task that ranks before a running one takes its core at once.
    quantum : int, optional
        After how much work a task queues again, µs.

    Examples
    --------
    Earliest deadline first, where a job should be done within ten times its work:

    >>> Ranked("deadline", lambda task, now: task.arrival + 10 * task.work, preemptive=True).name
    'deadline'
    """

    name: str
    by: Callable[[Task, int], Rank]
    preemptive: bool = False
    quantum: int | None = None

    def __post_init__(self) -> None:
        if self.quantum is not None:
            check_interval(self.quantum, "quantum")

    def ranking(self, machine: Machine) -> Ranking:  # noqa: ARG002 - the protocol's
        """Return the policy's state on one machine."""
        return _ByRank(self.by, self.quantum)


class _ByRank(Ranking):
    def __init__(self, by: Callable[[Task, int], Rank], quantum: int | None = None) -> None:
        self.by = by
        self.quantum = quantum

    def rank(self, task: Task, now: int) -> Rank:
        return self.by(task, now)

    def turn(self, task: Task, now: int) -> int | None:  # noqa: ARG002 - the protocol's
        return self.quantum


def check_interval(interval: int, field: str) -> None:
    """Refuse an interval outside 1 µs … ``LONGEST_QUANTUM``."""
    if not 1 <= interval <= LONGEST_QUANTUM:
        raise InputError(f"must lie in 1 … {LONGEST_QUANTUM:,} µs, got {interval:,}", field)


# -- the classic ones ------------------------------------------------------------------------


@dataclass(frozen=True)
class FirstCome:
    """First come, first served: who began to wait first runs until it is done."""

    name: str = "FCFS"
    preemptive: bool = field(default=False, init=False)

    def ranking(self, machine: Machine) -> Ranking:  # noqa: ARG002 - the protocol's
        """Return the policy's state on one machine."""
        return _ByRank(lambda _task, _now: 0)


@dataclass(frozen=True)
class RoundRobin:
    """Round robin: first come, first served, but after a quantum of work a task queues again.

    A job that arrives as a quantum ends queues before the task whose quantum it was.

    Parameters
    ----------
    quantum : int
        µs of work.
    """

    quantum: int = 10 * MILLISECOND
    name: str = "RR"
    preemptive: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        check_interval(self.quantum, "quantum")

    def ranking(self, machine: Machine) -> Ranking:  # noqa: ARG002 - the protocol's
        """Return the policy's state on one machine."""
        return _ByRank(lambda _task, _now: 0, self.quantum)


@dataclass(frozen=True)
class ShortestJob:
    """Shortest job first: who needs the least work runs until it is done."""

    name: str = "SJF"
    preemptive: bool = field(default=False, init=False)

    def ranking(self, machine: Machine) -> Ranking:  # noqa: ARG002 - the protocol's
        """Return the policy's state on one machine."""
        return _ByRank(lambda task, _now: task.work)


@dataclass(frozen=True)
class ShortestRemaining:
    """Shortest remaining time first: pre-emptive, the least mean turnaround on one core.

    Schrage, A Proof of the Optimality of the Shortest Remaining Processing Time Discipline,
    Operations Research 16(3), 1968, doi:10.1287/opre.16.3.687.
    """

    name: str = "SRTF"
    preemptive: bool = field(default=True, init=False)

    def ranking(self, machine: Machine) -> Ranking:  # noqa: ARG002 - the protocol's
        """Return the policy's state on one machine."""
        return _ByRank(lambda task, now: task.left(now))


@dataclass(frozen=True)
class Priority:
    """The most urgent job first; with ageing, nobody waits for ever.

    With ageing a waiting job's priority grows by one per interval. It stands still while the
    job runs, and is the job's own again when the job loses its core. A waiting job takes the
    core of a running one when its priority is at least one higher.

    Parameters
    ----------
    preemptive : bool
        Whether a more urgent job takes the core of a running one.
    ageing : int, optional
        µs of waiting that are worth one priority; no ageing by default.
    """

    preemptive: bool = True
    ageing: int | None = None

    def __post_init__(self) -> None:
        if self.ageing is not None:
            check_interval(self.ageing, "ageing")

    @property
    def name(self) -> str:
        """For tables."""
        return f"priority{'' if self.preemptive else ', kept'}{'' if self.ageing is None else ', ageing'}"

    def ranking(self, machine: Machine) -> Ranking:  # noqa: ARG002 - the protocol's
        """Return the policy's state on one machine."""
        return _ByRank(lambda task, _now: -task.priority) if self.ageing is None else _Ageing(self.ageing)


class _Ageing(Ranking):
    """Ranks by when a task's priority would have been zero: the earlier, the more urgent it is now."""

    def __init__(self, interval: int) -> None:
        self.interval = interval

    def rank(self, task: Task, now: int) -> int:
        if task.running and isinstance(task.rank_then, int):
            return task.rank_then + (now - task.since) - (self.interval - 1)
        return task.since - task.priority * self.interval

    def next_change(self, waiting: Sequence[Task], running: Sequence[Task], now: int) -> int | None:
        moments = (
            holder.since + self.rank(task, now) - holder.rank_then + self.interval
            for task in waiting
            for holder in running
            if isinstance(holder.rank_then, int)
        )
        return min((moment for moment in moments if moment > now), default=None)
