"""The event loops of the built-in policies, compiled; `plainly` and `shares` say what they compute.

All of them stand in one file: numba's cache of compiled code notices changes of the file that a
loop stands in, and of no other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from formulations.tables import Integers
from solver.engines.heuristics.kernels.compiling import entry, inner
from solver.scheduling.dynamic.accruing import add_up_entitlements

# -- what the loops work on ------------------------------------------------------------------------


NEVER = np.int64(2**62)
"""Later than anything happens."""

NOW, NEXT, PLACE, KEPT, EVENTS, SWITCHES, OVERHEAD, READY, DONE, FREE, PERIOD, CLOCK, CHOICES = range(13)
"""What `State.counters` holds: the time, the next arrival, the next place, and so on."""

RANK, PREEMPTIVE, QUANTUM, AGEING, COST, FRAME, PRECISION, PLAIN, CAPPED, WINDOW, WINDOW_END = range(11)
"""What `State.rules` holds: the policy in figures, and the window of which segments are kept."""

ARRIVAL, VM, WORK, PRIORITY, LEFT, SINCE, WAITED, KEY, START, FINISH, LAST, CHILD, SIBLING = range(13)
"""Columns of `State.job`: the job; work left; when it began to wait or to run; its place in that
order; its rank while it waits; when it first ran and ended; its last core; links of its queue."""

VCPUS, ROOT, BUSY, WAITING, HEAP, POSITION, WEIGHT, BUDGET, STRIDE, ALLOWANCE = range(10)
VIRTUAL, REST, ENTERED, FIRST, MEMBER, SLOT, STANDING = range(10, 17)
"""Columns of `State.vm`: its first waiting job, how many of its jobs run and wait; the heap of VMs and
where each is in it; for the proportional share what `solver.scheduling.dynamic.shares` keeps."""

ON, BEGIN, UNTIL, BEFORE, ENDED, CHOSEN, TURN = range(7)
"""Columns of `State.core`: its job, when the work begins and the turn ends, and its last job; lists of
jobs whose turn ended, of those chosen next, and of their turns."""


class State(NamedTuple):
    """The course so far: int64 arrays.

    Attributes
    ----------
    counters : shape (13,)
    rules : shape (11,)
    job : shape (jobs, 13)
    vm : shape (VMs, 17)
    core : shape (cores, 7)
    segments : shape (room, 4)
        Core, job, begin and end.
    """

    counters: Integers
    rules: Integers
    job: Integers
    vm: Integers
    core: Integers
    segments: Integers


def fresh_state(job: Integers, vm: Integers, cores: int, rules: Integers, room: int) -> State:
    """Return the state before anything has happened.

    Parameters
    ----------
    job : int64 array, shape (jobs, 4)
        Arrival, VM, work and priority of each job, sorted by arrival.
    vm : int64 array, shape (VMs, 4)
        vCPUs, weight, budget and stride of each VM.
    cores : int
    rules : int64 array, shape (11,)
    room : int
        For so many segments.
    """
    jobs: Integers = np.full((len(job), 13), -1, dtype=np.int64)
    jobs[:, : PRIORITY + 1] = job
    jobs[:, LEFT] = job[:, WORK]
    vms: Integers = np.zeros((len(vm), 17), dtype=np.int64)
    vms[:, (ROOT, POSITION, SLOT, ENTERED)] = -1
    vms[:, (VCPUS, WEIGHT, BUDGET, STRIDE)] = vm
    vms[:, ALLOWANCE] = vms[:, BUDGET]
    counters: Integers = np.zeros(13, dtype=np.int64)
    counters[NOW] = -1
    counters[FREE] = cores
    core: Integers = np.full((cores, 7), -1, dtype=np.int64)
    return State(counters, rules, jobs, vms, core, np.zeros((room, 4), dtype=np.int64))


# -- queues ----------------------------------------------------------------------------------------


@inner
def before(state: State, one: int, other: int) -> bool:
    """Return whether a waiting job goes before another: by rank, then by who waited first."""
    if state.job[one, KEY] != state.job[other, KEY]:
        return bool(state.job[one, KEY] < state.job[other, KEY])
    return bool(state.job[one, WAITED] < state.job[other, WAITED])


# -- waiting jobs of one VM: a pairing heap (Fredman et al., Algorithmica 1, 1986) --------------


@inner
def _meld(state: State, one: int, other: int) -> int:
    """Join two heaps, given by their first jobs, and return the first of both."""
    if one < 0:
        return other
    if other < 0:
        return one
    if before(state, other, one):
        one, other = other, one
    state.job[other, SIBLING] = state.job[one, CHILD]
    state.job[one, CHILD] = other
    return one


@inner
def _take_first(state: State, vm: int) -> None:
    """Remove a VM's first waiting job from its heap: join the rest in pairs, then all pairs."""
    first = state.vm[vm, ROOT]
    at = state.job[first, CHILD]
    state.job[first, CHILD] = -1
    paired = -1
    while at >= 0:
        partner = state.job[at, SIBLING]
        following = -1
        if partner >= 0:
            following = state.job[partner, SIBLING]
            state.job[partner, SIBLING] = -1
        state.job[at, SIBLING] = -1
        both = _meld(state, at, partner)
        state.job[both, SIBLING] = paired
        paired = both
        at = following
    root = -1
    while paired >= 0:
        following = state.job[paired, SIBLING]
        state.job[paired, SIBLING] = -1
        root = _meld(state, root, paired)
        paired = following
    state.vm[vm, ROOT] = root


# -- the VMs that may have another core: a binary heap that knows where each VM is --------------


@inner
def _goes_first(state: State, one: int, other: int) -> bool:
    return bool(before(state, state.vm[one, ROOT], state.vm[other, ROOT]))


@inner
def _put(state: State, at: int, vm: int) -> None:
    state.vm[at, HEAP] = vm
    state.vm[vm, POSITION] = at


@inner
def _rise(state: State, vm: int) -> None:
    at = state.vm[vm, POSITION]
    while at > 0:
        parent = (at - 1) >> 1
        if not _goes_first(state, vm, state.vm[parent, HEAP]):
            break
        _put(state, at, state.vm[parent, HEAP])
        at = parent
    _put(state, at, vm)


@inner
def _sink(state: State, vm: int) -> None:
    size = state.counters[READY]
    at = state.vm[vm, POSITION]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and _goes_first(state, state.vm[child + 1, HEAP], state.vm[child, HEAP]):
            child += 1
        if not _goes_first(state, state.vm[child, HEAP], vm):
            break
        _put(state, at, state.vm[child, HEAP])
        at = child
    _put(state, at, vm)


@inner
def _leave(state: State, vm: int) -> None:
    """Take a VM out of the heap."""
    at = state.vm[vm, POSITION]
    state.vm[vm, POSITION] = -1
    state.counters[READY] -= 1
    last = state.vm[state.counters[READY], HEAP]
    if last != vm:
        _put(state, at, last)
        _rise(state, last)
        _sink(state, last)


@inner
def settle(state: State, vm: int) -> None:
    """Put a VM where it belongs after its first waiting job or its running jobs have changed."""
    allowed = state.vm[vm, ROOT] >= 0 and state.vm[vm, BUSY] < state.vm[vm, VCPUS]
    if not allowed:
        if state.vm[vm, POSITION] >= 0:
            _leave(state, vm)
        return
    if state.vm[vm, POSITION] < 0:
        _put(state, state.counters[READY], vm)
        state.counters[READY] += 1
    _rise(state, vm)
    _sink(state, vm)


@inner
def add_quietly(state: State, vm: int, job: int) -> None:
    """Let a job wait; the heap of VMs is not told."""
    state.job[job, CHILD] = -1
    state.job[job, SIBLING] = -1
    state.vm[vm, ROOT] = _meld(state, state.vm[vm, ROOT], job)
    state.vm[vm, WAITING] += 1


@inner
def take_quietly(state: State, vm: int) -> int:
    """Take a VM's first waiting job out of its queue; the heap of VMs is not told."""
    job = state.vm[vm, ROOT]
    _take_first(state, vm)
    state.vm[vm, WAITING] -= 1
    state.vm[vm, BUSY] += 1
    return int(job)


@inner
def add(state: State, vm: int, job: int) -> None:
    """Let a job wait."""
    add_quietly(state, vm, job)
    settle(state, vm)


@inner
def take(state: State, vm: int) -> int:
    """Take a VM's first waiting job out of its queue to give it a core."""
    if state.vm[vm, POSITION] >= 0:
        _leave(state, vm)
    job = take_quietly(state, vm)
    settle(state, vm)
    return int(job)


# -- cores: how turns begin and end ----------------------------------------------------------------


@inner
def next_event(state: State) -> int:
    """Return the next arrival or end of a turn, ``NEVER`` if there is none."""
    moment = NEVER
    if state.counters[NEXT] < len(state.job):
        moment = state.job[state.counters[NEXT], ARRIVAL]
    for core in range(len(state.core)):
        if state.core[core, ON] >= 0 and state.core[core, UNTIL] < moment:
            moment = state.core[core, UNTIL]
    return int(moment)


@inner
def roomy(state: State) -> bool:
    """Return whether the segments of one more event are sure to fit."""
    return bool(len(state.segments) - state.counters[KEPT] > 2 * len(state.core))


@inner
def queue(state: State, job: int, now: int) -> None:
    """Give a job the last place among those that wait."""
    state.job[job, SINCE] = now
    state.job[job, WAITED] = state.counters[PLACE]
    state.counters[PLACE] += 1


@inner
def stop(state: State, core: int, now: int) -> None:
    """Take the job off a core."""
    job = state.core[core, ON]
    ran = max(np.int64(0), now - state.core[core, BEGIN])
    if ran > 0:
        if state.job[job, START] < 0:
            state.job[job, START] = state.core[core, BEGIN]
        if state.core[core, BEGIN] < state.rules[WINDOW_END] and now > state.rules[WINDOW]:
            row = state.segments[state.counters[KEPT]]
            row[0], row[1], row[2], row[3] = core, job, state.core[core, BEGIN], now
            state.counters[KEPT] += 1
    state.counters[OVERHEAD] += min(np.int64(now), state.core[core, BEGIN]) - state.job[job, SINCE]
    state.job[job, LEFT] -= ran
    state.job[job, LAST] = core
    state.core[core, ON] = -1
    state.vm[state.job[job, VM], BUSY] -= 1
    state.counters[FREE] += 1
    state.counters[EVENTS] += 1
    if state.job[job, LEFT] == 0:
        state.job[job, FINISH] = now
        state.counters[DONE] += 1


@inner
def stop_ended(state: State, now: int) -> int:
    """End the turns that end now; return how many do, their jobs listed in ``ended``."""
    many = 0
    for core in range(len(state.core)):
        if state.core[core, ON] >= 0 and state.core[core, UNTIL] == now:
            state.core[many, ENDED] = state.core[core, ON]
            stop(state, core, now)
            many += 1
    return many


@inner
def seat(state: State, at: int, core: int, now: int) -> None:
    """Put the chosen job of a place on a core for its turn; another job than the core's last one costs a switch."""
    job = state.core[at, CHOSEN]
    begin = now
    if state.core[core, BEFORE] >= 0 and state.core[core, BEFORE] != job:
        begin = now + state.rules[COST]
        state.counters[SWITCHES] += 1
    state.core[core, BEGIN] = begin
    state.core[core, UNTIL] = begin + state.core[at, TURN]
    state.job[job, SINCE] = now
    state.core[core, ON] = job
    state.core[core, BEFORE] = job


@inner
def seat_chosen(state: State, many: int, now: int) -> None:
    """Seat the chosen jobs, in their order: first those whose last core is free, then the others."""
    for at in range(many):
        job = state.core[at, CHOSEN]
        core = state.job[job, LAST]
        if core >= 0 and state.core[core, ON] < 0:
            seat(state, at, core, now)
            state.core[at, CHOSEN] = -1
    core = 0
    for at in range(many):
        job = state.core[at, CHOSEN]
        if job >= 0:
            while state.core[core, ON] >= 0:
                core += 1
            seat(state, at, core, now)
    state.counters[FREE] -= many


# -- the policies that go by a rank: FCFS, RR, SJF, SRTF and priority ------------------------------


IN_TURN, BY_WORK, BY_REMAINING, BY_PRIORITY, BY_AGE = range(5)
"""What ranks a waiting job."""


@inner
def _enter(state: State, job: int, now: int) -> None:
    """Let a job wait with the rank that it has while it waits."""
    queue(state, job, now)
    key = np.int64(0)
    if state.rules[RANK] == BY_WORK:
        key = state.job[job, WORK]
    elif state.rules[RANK] == BY_REMAINING:
        key = state.job[job, LEFT]
    elif state.rules[RANK] == BY_PRIORITY:
        key = -state.job[job, PRIORITY]
    elif state.rules[RANK] == BY_AGE:
        key = now - state.job[job, PRIORITY] * state.rules[AGEING]
    state.job[job, KEY] = key
    add(state, state.job[job, VM], job)


@inner
def _rank_running(state: State, core: int, now: int) -> int:
    """Return the rank of the job on a core."""
    job = state.core[core, ON]
    if state.rules[RANK] == BY_REMAINING:
        return int(state.job[job, LEFT] - max(np.int64(0), now - state.core[core, BEGIN]))
    if state.rules[RANK] == BY_AGE:
        return int(state.job[job, KEY] + (now - state.job[job, SINCE]) - (state.rules[AGEING] - 1))
    return int(state.job[job, KEY])


@inner
def _worst(state: State, now: int, vm: int) -> int:
    """Return the core whose job ranks last, among those of one VM or (-1) of all; -1 if there is none."""
    found = -1
    worst = np.int64(0)
    for core in range(len(state.core)):
        job = state.core[core, ON]
        if job < 0 or (vm >= 0 and state.job[job, VM] != vm):
            continue
        rank = _rank_running(state, core, now)
        later = found >= 0 and rank == worst and state.job[job, WAITED] > state.job[state.core[found, ON], WAITED]
        if found < 0 or rank > worst or later:
            found, worst = core, rank
    return found


@inner
def _evict(state: State, core: int, now: int, ended: int) -> int:
    """Stop the job on a core and list it among those that queue again."""
    job = state.core[core, ON]
    stop(state, core, now)
    settle(state, state.job[job, VM])
    state.core[ended, ENDED] = job
    return ended + 1


@inner
def _impatient(state: State, now: int) -> int:
    """Return the VM, of those that run on all their vCPUs, whose first waiting job has most right to their core.

    -1 if none of these jobs ranks before a running one of its VM.
    """
    found = -1
    for core in range(len(state.core)):
        job = state.core[core, ON]
        vm = state.job[job, VM] if job >= 0 else -1
        if vm < 0 or state.vm[vm, BUSY] < state.vm[vm, VCPUS] or state.vm[vm, ROOT] < 0:
            continue
        rival = state.vm[vm, ROOT]
        earlier = found < 0 or before(state, rival, state.vm[found, ROOT])
        if earlier and state.job[rival, KEY] < _rank_running(state, core, now):
            found = vm
    return int(found)


@inner
def _sort_by_core(state: State, many: int) -> None:
    for at in range(1, many):
        job = state.core[at, ENDED]
        below = at
        while below > 0 and state.job[state.core[below - 1, ENDED], LAST] > state.job[job, LAST]:
            state.core[below, ENDED] = state.core[below - 1, ENDED]
            below -= 1
        state.core[below, ENDED] = job


@inner
def _give_out_by_rank(state: State, now: int) -> None:
    """Give free cores to the first who wait and, where the policy is pre-emptive, take cores for them.

    Jobs are chosen in the order of their ranks, so that nobody chosen has to make room for another.
    """
    evicted = 0
    many = 0
    while True:
        vm = state.vm[0, HEAP] if state.counters[READY] > 0 else -1
        core = -1
        if vm >= 0 and state.counters[FREE] == many:
            core = _worst(state, now, -1) if state.rules[PREEMPTIVE] else -1
            if core < 0 or state.job[state.vm[vm, ROOT], KEY] >= _rank_running(state, core, now):
                vm = -1
        rival = _impatient(state, now) if state.rules[PREEMPTIVE] else -1
        if rival >= 0 and (vm < 0 or before(state, state.vm[rival, ROOT], state.vm[vm, ROOT])):
            vm = rival
            core = _worst(state, now, rival)
        if vm < 0:
            break
        if core >= 0:
            evicted = _evict(state, core, now, evicted)
        state.core[many, CHOSEN] = take(state, vm)
        many += 1
    _sort_by_core(state, evicted)
    for at in range(evicted):
        _enter(state, state.core[at, ENDED], now)
    for at in range(many):
        state.core[at, TURN] = min(state.rules[QUANTUM], state.job[state.core[at, CHOSEN], LEFT])
    seat_chosen(state, many, now)


@inner
def _next_change(state: State, now: int) -> int:
    """Return when a waiting job will have grown old enough to take a core."""
    moment = NEVER
    for core in range(len(state.core)):
        job = state.core[core, ON]
        if job < 0:
            continue
        vm = state.job[job, VM]
        rival = state.vm[vm, ROOT] if state.vm[vm, BUSY] == state.vm[vm, VCPUS] else -1
        if state.counters[READY] > 0:
            other = state.vm[state.vm[0, HEAP], ROOT]
            if rival < 0 or before(state, other, rival):
                rival = other
        if rival >= 0:
            due = state.job[job, SINCE] + state.job[rival, KEY] - state.job[job, KEY] + state.rules[AGEING]
            if now < due < moment:
                moment = due
    return int(moment)


@entry
def run_ranked(  # noqa: PLR0917 - plain arrays, so that the cache of compiled code knows no class of ours
    counters: Integers, rules: Integers, job: Integers, vm: Integers, core: Integers, segments: Integers, steps: int
) -> bool:
    """Run until all jobs are done, so many more events have happened, or segments need more room.

    The arrays are those of `State`. Returns whether all jobs are done.
    """
    state = State(counters, rules, job, vm, core, segments)
    last = state.counters[EVENTS] + steps
    while state.counters[DONE] < len(state.job):
        if state.counters[EVENTS] >= last or not roomy(state):
            return False
        now = next_event(state)
        if state.rules[PREEMPTIVE] and state.rules[RANK] == BY_AGE:
            now = min(now, _next_change(state, state.counters[NOW]))
        state.counters[NOW] = now
        ended = stop_ended(state, now)
        for at in range(ended):
            settle(state, state.job[state.core[at, ENDED], VM])
        while state.counters[NEXT] < len(state.job) and state.job[state.counters[NEXT], ARRIVAL] == now:
            _enter(state, state.counters[NEXT], now)
            state.counters[NEXT] += 1
            state.counters[EVENTS] += 1
        for at in range(ended):
            if state.job[state.core[at, ENDED], LEFT] > 0:
                _enter(state, state.core[at, ENDED], now)
        _give_out_by_rank(state, now)
    return True


# -- the proportional share; `solver.scheduling.dynamic.shares` says what it computes --------------


REBASED = 2**60
"""Virtual time is counted from anew when it gets here."""


@inner
def _join(state: State, vm: int) -> None:
    """List a VM among those with tasks."""
    if state.vm[vm, SLOT] < 0:
        state.vm[vm, SLOT] = state.counters[READY]
        state.vm[state.counters[READY], MEMBER] = vm
        state.counters[READY] += 1


@inner
def _part(state: State, vm: int) -> None:
    """Strike a VM off the list if it has no tasks."""
    if state.vm[vm, WAITING] == 0 and state.vm[vm, BUSY] == 0 and state.vm[vm, SLOT] >= 0:
        state.counters[READY] -= 1
        last = state.vm[state.counters[READY], MEMBER]
        state.vm[state.vm[vm, SLOT], MEMBER] = last
        state.vm[last, SLOT] = state.vm[vm, SLOT]
        state.vm[vm, SLOT] = -1


@inner
def _open(state: State, vm: int, now: int) -> bool:
    """Return whether a VM's limit leaves it something in this period."""
    if state.vm[vm, BUDGET] < 0:
        return True
    left = state.vm[vm, ALLOWANCE] if now // state.rules[FRAME] == state.counters[PERIOD] else state.vm[vm, BUDGET]
    return bool(left > 0 and state.rules[FRAME] - now % state.rules[FRAME] > state.rules[COST])


@inner
def _begin_period(state: State, now: int) -> None:
    if now // state.rules[FRAME] != state.counters[PERIOD]:
        state.counters[PERIOD] = now // state.rules[FRAME]
        state.vm[:, ALLOWANCE] = state.vm[:, BUDGET]


@inner
def _rebase(state: State) -> None:
    """Count virtual time from now on; only differences matter."""
    clock = state.counters[CLOCK]
    if clock > REBASED:
        for vm in range(len(state.vm)):
            state.vm[vm, VIRTUAL] = max(state.vm[vm, VIRTUAL] - clock, np.int64(-REBASED))
        state.counters[CLOCK] = 0


@inner
def _look(state: State, now: int) -> None:
    """Find who competes and who may have the next core, and set the clock."""
    choice = state.counters[CHOICES]
    clock = state.counters[CLOCK]
    total = np.int64(0)
    weight = np.int64(0)
    for at in range(state.counters[READY]):
        vm = state.vm[at, MEMBER]
        ready = state.vm[vm, WAITING] > 0 and _open(state, vm, now)
        state.vm[vm, STANDING] = 0
        if ready or state.vm[vm, BUSY] > 0:
            state.vm[vm, STANDING] = 2 if ready and state.vm[vm, BUSY] < state.vm[vm, VCPUS] else 1
            if state.vm[vm, ENTERED] == choice - 1 and state.vm[vm, FIRST] == 0:
                total += state.vm[vm, WEIGHT] * (state.vm[vm, VIRTUAL] - clock)
                weight += state.vm[vm, WEIGHT]
    if weight > 0:
        state.counters[CLOCK] = clock + total // weight


@inner
def _use(state: State, vm: int) -> int:
    """Return how much core time a VM could use per period, µs."""
    tasks = state.vm[vm, WAITING] + state.vm[vm, BUSY]
    most = min(state.vm[vm, VCPUS], tasks, np.int64(len(state.core))) * state.rules[FRAME]
    return int(most if state.vm[vm, BUDGET] < 0 else min(most, state.vm[vm, BUDGET]))


@inner
def _let_in(state: State) -> None:
    """Let in those who begin to compete, and find who goes first (2 while it is not settled who was)."""
    choice = state.counters[CHOICES]
    clock = state.counters[CLOCK]
    weight = np.int64(0)
    for at in range(state.counters[READY]):
        vm = state.vm[at, MEMBER]
        if state.vm[vm, STANDING] == 0:
            continue
        weight += state.vm[vm, WEIGHT]
        if state.vm[vm, ENTERED] != choice - 1:
            state.vm[vm, VIRTUAL] = min(max(state.vm[vm, VIRTUAL], clock), clock + state.vm[vm, STRIDE])
            state.vm[vm, FIRST] = 0
        state.vm[vm, FIRST] *= 2
        state.vm[vm, ENTERED] = choice
    room = len(state.core) * state.rules[FRAME]
    found = state.rules[PLAIN] == 0
    while found:
        found = False
        for at in range(state.counters[READY]):
            vm = state.vm[at, MEMBER]
            if state.vm[vm, STANDING] == 0 or state.vm[vm, FIRST] % 2 == 1:
                continue
            use = _use(state, vm)
            if state.vm[vm, WEIGHT] * room > use * weight:
                state.vm[vm, FIRST] += 1
                room -= use
                weight -= state.vm[vm, WEIGHT]
                found = True


@inner
def _settled(state: State) -> tuple[int, int]:
    """Return who has waited longest of those who go first (-1: none), and the others' mean virtual time.

    The mean is weighted and rounded down; who went first before begins at the clock.
    """
    clock = state.counters[CLOCK]
    longest = -1
    total = np.int64(0)
    weight = np.int64(0)
    for at in range(state.counters[READY]):
        vm = state.vm[at, MEMBER]
        if state.vm[vm, STANDING] == 0:
            continue
        if state.vm[vm, FIRST] == 2:
            state.vm[vm, VIRTUAL] = clock
        state.vm[vm, FIRST] %= 2
        if state.vm[vm, FIRST] == 0:
            total += state.vm[vm, WEIGHT] * (state.vm[vm, VIRTUAL] - clock)
            weight += state.vm[vm, WEIGHT]
        elif state.vm[vm, STANDING] == 2:
            root = state.vm[vm, ROOT]
            if longest < 0 or before(state, root, state.vm[longest, ROOT]):
                longest = vm
    return int(longest), int(clock if weight == 0 else clock + total // weight)


@inner
def _earliest_deadline(state: State, mean: int) -> int:
    """Return the eligible VM with the earliest deadline, else the one with the least virtual time; -1 if none."""
    found = -1
    rest = -1
    for at in range(state.counters[READY]):
        vm = state.vm[at, MEMBER]
        if state.vm[vm, STANDING] != 2:
            continue
        own = state.vm[vm, VIRTUAL]
        if own <= mean:
            due = own + state.vm[vm, STRIDE]
            best = state.vm[found, VIRTUAL] + state.vm[found, STRIDE] if found >= 0 else NEVER
            if found < 0 or due < best or (due == best and vm < found):
                found = vm
        elif rest < 0 or own < state.vm[rest, VIRTUAL] or (own == state.vm[rest, VIRTUAL] and vm < rest):
            rest = vm
    return int(found if found >= 0 else rest)


@inner
def _choose(state: State, now: int) -> int:
    """Return whose turn it is, -1 if nobody may have a core."""
    state.counters[CHOICES] += 1
    _begin_period(state, now)
    _rebase(state)
    _look(state, now)
    _let_in(state)
    vm, mean = _settled(state)
    return int(vm if vm >= 0 else _earliest_deadline(state, mean))


@inner
def _charge(state: State, vm: int, job: int, now: int) -> int:
    """Charge a VM for its next turn before that is run, and return how much work it is."""
    turn = min(state.rules[QUANTUM], state.job[job, LEFT])
    if state.vm[vm, BUDGET] >= 0:
        turn = min(turn, state.vm[vm, ALLOWANCE], state.rules[FRAME] - now % state.rules[FRAME] - state.rules[COST])
        state.vm[vm, ALLOWANCE] -= turn
    if state.vm[vm, FIRST] == 0:
        due = turn * state.rules[PRECISION] + state.vm[vm, REST]
        state.vm[vm, VIRTUAL] += due // state.vm[vm, WEIGHT]
        state.vm[vm, REST] = due % state.vm[vm, WEIGHT]
    return int(turn)


@inner
def _wanted(state: State) -> bool:
    """Return whether somebody waits who has a vCPU free."""
    for at in range(state.counters[READY]):
        vm = state.vm[at, MEMBER]
        if state.vm[vm, WAITING] > 0 and state.vm[vm, BUSY] < state.vm[vm, VCPUS]:
            return True
    return False


@inner
def _give_out_by_shares(state: State, now: int) -> None:
    many = 0
    while state.counters[FREE] > many and _wanted(state):
        vm = _choose(state, now)
        if vm < 0:
            break
        job = take_quietly(state, vm)
        state.core[many, TURN] = _charge(state, vm, job, now)
        state.core[many, CHOSEN] = job
        many += 1
    seat_chosen(state, many, now)


@inner
def _next_period(state: State, now: int) -> int:
    """Return when the next period begins, if somebody waits for it."""
    if state.rules[CAPPED] == 0:
        return int(NEVER)
    for at in range(state.counters[READY]):
        vm = state.vm[at, MEMBER]
        if state.vm[vm, WAITING] > 0 and not _open(state, vm, now):
            return int((now // state.rules[FRAME] + 1) * state.rules[FRAME])
    return int(NEVER)


@entry
def run_fair(  # noqa: PLR0917 - plain arrays, so that the cache of compiled code knows no class of ours
    counters: Integers, rules: Integers, job: Integers, vm: Integers, core: Integers, segments: Integers, steps: int
) -> bool:
    """Run until all jobs are done, so many more events have happened, or segments need more room.

    The arrays are those of `State`. Returns whether all jobs are done.
    """
    state = State(counters, rules, job, vm, core, segments)
    last = state.counters[EVENTS] + steps
    while state.counters[DONE] < len(state.job):
        if state.counters[EVENTS] >= last or not roomy(state):
            return False
        now = min(next_event(state), _next_period(state, state.counters[NOW]))
        state.counters[NOW] = now
        ended = stop_ended(state, now)
        while state.counters[NEXT] < len(state.job) and state.job[state.counters[NEXT], ARRIVAL] == now:
            new = state.counters[NEXT]
            queue(state, new, now)
            state.job[new, KEY] = 0
            add_quietly(state, state.job[new, VM], new)
            _join(state, state.job[new, VM])
            state.counters[NEXT] += 1
            state.counters[EVENTS] += 1
        for at in range(ended):
            old = state.core[at, ENDED]
            if state.job[old, LEFT] > 0:
                queue(state, old, now)
                add_quietly(state, state.job[old, VM], old)
                _join(state, state.job[old, VM])
            else:
                _part(state, state.job[old, VM])
        _give_out_by_shares(state, now)
    return True


# -- entitlements ---------------------------------------------------------------------------------

add_up_compiled = entry(add_up_entitlements)
