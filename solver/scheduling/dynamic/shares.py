"""The proportional share: every VM gets core time by its shares, and no more than its limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from formulations.errors import InputError
from formulations.scheduling.workload import SECOND
from solver.scheduling.dynamic.machines import NO_CAP, Machine
from solver.scheduling.dynamic.policies import MILLISECOND, Ranking, Task, check_interval

PRECISION = 2**20
"""Virtual time is kept in this many parts of a microsecond per share."""


@dataclass(frozen=True)
class ProportionalShare:
    """Core time by shares: the eligible VM with the earliest virtual deadline goes next.

    A VM's virtual time is the core time that it was given, divided by its shares. It is eligible
    while that is no more than the weighted mean over all VMs with work, and its deadline is its
    virtual time after one more quantum. On one core every VM that always has work is so kept
    within one quantum of its part (Stoica et al., A Proportional Share Resource Allocation
    Algorithm for Real-Time, Time-Shared Systems, RTSS 1996, doi:10.1109/REAL.1996.563725), which
    stride scheduling (Waldspurger and Weihl 1995) keeps between any two VMs only. A VM whose
    part would be more than its vCPUs or its limit can use goes first and counts apart, so that it
    earns no credit that it could never use (the weight readjustment of Chandra et al.,
    Surplus Fair Scheduling, OSDI 2000). A VM's jobs take turns.

    A limit is a budget per period, as in cgroups: a VM gets at most ``limit * period`` of core time
    in every period, counted from time 0, and waits for the next one when that is used up.

    Parameters
    ----------
    quantum : int
        µs of work.
    period : int
        µs in which limits hold, 1 ms to 1 s.
    """

    quantum: int = 10 * MILLISECOND
    period: int = 100 * MILLISECOND
    name: str = "shares"
    preemptive: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        check_interval(self.quantum, "quantum")
        if not MILLISECOND <= self.period <= SECOND:
            raise InputError(f"must lie in {MILLISECOND:,} … {SECOND:,} µs, got {self.period:,}", "period")

    def budgets(self, machine: Machine) -> list[int]:
        """Return how much core time each VM may use per period, µs; ``NO_CAP`` where nothing but vCPUs limits."""
        return [NO_CAP if cap == NO_CAP else cap * self.period // SECOND for cap in machine.caps.tolist()]

    def ranking(self, machine: Machine) -> Ranking:
        """Return the policy's state on one machine."""
        return _Shares(machine, self)


@dataclass(eq=False)
class _Account:
    """What the policy keeps of one VM.

    Attributes
    ----------
    budget, left : int
        Core time per period and what is left of it in this one; ``NO_CAP`` where there is no limit.
    virtual, rest : int
        Virtual time, and what division by the weight left over.
    waiting, running : int
        Its tasks.
    inside : bool
        Whether it competed when the last choice was made.
    first : bool
        Whether its part is more than it can use.
    """

    number: int
    weight: int
    vcpus: int
    budget: int
    left: int
    stride: int
    virtual: int = 0
    rest: int = 0
    waiting: int = 0
    running: int = 0
    inside: bool = False
    first: bool = False

    def charge(self, turn: int) -> None:
        """Move virtual time on by a turn of work, keeping what division leaves for the next time."""
        step, self.rest = divmod(turn * PRECISION + self.rest, self.weight)
        self.virtual += step


class _Shares(Ranking):
    """The plain statement of the policy; the compiled loop does the same.

    Its methods take what the protocol hands them, needed or not.
    """

    def __init__(self, machine: Machine, policy: ProportionalShare) -> None:
        self.machine = machine
        self.policy = policy
        self.period = 0
        self.clock = 0
        rows = zip(machine.shares.tolist(), machine.vcpus.tolist(), policy.budgets(machine), strict=True)
        self.accounts = [
            _Account(vm, weight, vcpus, budget, budget, policy.quantum * PRECISION // weight)
            for vm, (weight, vcpus, budget) in enumerate(rows)
        ]
        self.chosen: tuple[int, set[int]] | None = None

    def rank(self, task: Task, now: int) -> int | None:
        """Let the VMs go that are chosen, and nobody else."""
        if self.chosen is None or self.chosen[0] != now:
            self.chosen = now, self._choose(now)
        return 0 if task.vm in self.chosen[1] else None

    def turn(self, task: Task, now: int) -> int:
        """Return a quantum, or what limits leave of it."""
        own = self.accounts[task.vm]
        if own.budget == NO_CAP:
            return self.policy.quantum
        return min(self.policy.quantum, own.left, self._period_left(now))

    def arrived(self, task: Task, now: int) -> None:  # noqa: ARG002
        """Count a task."""
        self.accounts[task.vm].waiting += 1
        self.chosen = None

    def started(self, task: Task, turn: int, now: int) -> None:  # noqa: ARG002
        """Charge a turn before it is run, so that several cores do not all choose the same VM."""
        own = self.accounts[task.vm]
        own.waiting -= 1
        own.running += 1
        if own.budget != NO_CAP:
            own.left -= turn
        if not own.first:
            own.charge(turn)
        self.chosen = None

    def stopped(self, task: Task, ran: int, now: int) -> None:  # noqa: ARG002
        """Count a task as waiting again, unless it is done."""
        own = self.accounts[task.vm]
        own.running -= 1
        own.waiting += task.remaining > 0
        self.chosen = None

    def next_change(self, waiting: Sequence[Task], running: Sequence[Task], now: int) -> int | None:  # noqa: ARG002
        """Return when the next period begins, if somebody waits for it."""
        held = any(own.waiting and not self._open(own, now) for own in self.accounts)
        return (now // self.policy.period + 1) * self.policy.period if held else None

    # -- the choice ----------------------------------------------------------------------

    def _period_left(self, now: int) -> int:
        """Return how much work fits into the rest of the period, with a switch before it."""
        return self.policy.period - now % self.policy.period - self.machine.switch_cost

    def _open(self, own: _Account, now: int) -> bool:
        """Whether a VM's limit leaves it something in this period."""
        left = own.budget if now // self.policy.period != self.period else own.left
        return own.budget == NO_CAP or (left > 0 and self._period_left(now) > 0)

    def _choose(self, now: int) -> set[int]:
        """Return the VMs that may have the next core: those that go first, else the one whose turn it is."""
        self._begin_period(now)
        competing = [own for own in self.accounts if own.running or (own.waiting and self._open(own, now))]
        self._let_in(competing)
        ready = [own for own in competing if own.waiting and own.running < own.vcpus and self._open(own, now)]
        if first := {own.number for own in ready if own.first}:
            return first
        others = [own for own in competing if not own.first]
        eligible = [own for own in ready if sum(one.weight * (one.virtual - own.virtual) for one in others) >= 0]
        if eligible:
            return {min(eligible, key=lambda own: (own.virtual + own.stride, own.number)).number}
        return {min(ready, key=lambda own: (own.virtual, own.number)).number} if ready else set()

    def _begin_period(self, now: int) -> None:
        if now // self.policy.period != self.period:
            self.period = now // self.policy.period
            for own in self.accounts:
                own.left = own.budget

    def _let_in(self, competing: Iterable[_Account]) -> None:
        """Set the clock, let in those who begin to compete, and find who goes first."""
        settled = [own for own in competing if own.inside and not own.first]
        if settled:
            weight = sum(own.weight for own in settled)
            self.clock = sum(own.weight * own.virtual for own in settled) // weight
        numbers = {own.number for own in competing}
        first = self._saturated(competing)
        for own in self.accounts:
            if own.number in numbers:
                if not own.inside:
                    own.virtual = min(max(own.virtual, self.clock), self.clock + own.stride)
                elif own.first and own.number not in first:
                    own.virtual = self.clock
            own.inside = own.number in numbers
            own.first = own.number in first

    def _saturated(self, competing: Iterable[_Account]) -> set[int]:
        """Return those whose part by shares is more than their tasks, vCPUs or limit can use."""
        room = self.machine.cores * self.policy.period
        open_ = {own.number: own for own in competing}
        weight = sum(own.weight for own in open_.values())
        found: set[int] = set()
        while True:
            more = [own for own in open_.values() if own.weight * room > self._use(own) * weight]
            if not more:
                return found
            for own in more:
                del open_[own.number]
                found.add(own.number)
                room -= self._use(own)
                weight -= own.weight

    def _use(self, own: _Account) -> int:
        """Return how much core time a VM could use per period, µs."""
        most = min(own.vcpus, own.waiting + own.running, self.machine.cores) * self.policy.period
        return most if own.budget == NO_CAP else min(most, own.budget)
