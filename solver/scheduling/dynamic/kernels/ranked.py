"""The compiled event loop of the policies that go by a rank: FCFS, RR, SJF, SRTF and priority."""

from __future__ import annotations

import numpy as np

from formulations.tables import Integers
from solver.engines.heuristics.kernels.compiling import entry, inner
from solver.scheduling.dynamic.kernels.cores import next_event, queue, roomy, seat_chosen, stop, stop_ended
from solver.scheduling.dynamic.kernels.queues import add, before, settle, take
from solver.scheduling.dynamic.kernels.state import (
    AGEING,
    ARRIVAL,
    BEGIN,
    BUSY,
    CHOSEN,
    DONE,
    ENDED,
    EVENTS,
    FREE,
    HEAP,
    KEY,
    LAST,
    LEFT,
    NEVER,
    NEXT,
    NOW,
    ON,
    PREEMPTIVE,
    PRIORITY,
    QUANTUM,
    RANK,
    READY,
    ROOT,
    SINCE,
    TURN,
    VCPUS,
    VM,
    WAITED,
    WORK,
    State,
)

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
def _give_out(state: State, now: int) -> None:
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
        _give_out(state, now)
    return True
