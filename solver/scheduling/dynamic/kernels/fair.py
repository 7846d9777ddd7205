"""The compiled event loop of the proportional share; `solver.scheduling.dynamic.shares` says what it computes."""

from __future__ import annotations

import numpy as np

from formulations.tables import Integers
from solver.engines.heuristics.kernels.compiling import entry, inner
from solver.scheduling.dynamic.kernels.cores import next_event, queue, roomy, seat_chosen, stop_ended
from solver.scheduling.dynamic.kernels.queues import add_quietly, before, take_quietly
from solver.scheduling.dynamic.kernels.state import (
    ALLOWANCE,
    ARRIVAL,
    BUDGET,
    BUSY,
    CHOICES,
    CHOSEN,
    CLOCK,
    COST,
    DONE,
    ENDED,
    ENTERED,
    EVENTS,
    FIRST,
    FRAME,
    FREE,
    KEY,
    LEFT,
    MEMBER,
    NEVER,
    NEXT,
    NOW,
    PERIOD,
    PLAIN,
    PRECISION,
    QUANTUM,
    READY,
    REST,
    ROOT,
    SLOT,
    STANDING,
    STRIDE,
    TURN,
    VCPUS,
    VIRTUAL,
    VM,
    WAITING,
    WEIGHT,
    State,
)

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
    for at in range(state.counters[READY]):
        vm = state.vm[at, MEMBER]
        if state.vm[vm, STANDING] != 0:
            if state.vm[vm, FIRST] == 2:
                state.vm[vm, VIRTUAL] = clock
            state.vm[vm, FIRST] %= 2


@inner
def _mean(state: State) -> int:
    """Return the weighted mean of virtual time over those who compete and do not go first, rounded down."""
    clock = state.counters[CLOCK]
    total = np.int64(0)
    weight = np.int64(0)
    for at in range(state.counters[READY]):
        vm = state.vm[at, MEMBER]
        if state.vm[vm, STANDING] != 0 and state.vm[vm, FIRST] == 0:
            total += state.vm[vm, WEIGHT] * (state.vm[vm, VIRTUAL] - clock)
            weight += state.vm[vm, WEIGHT]
    return int(clock if weight == 0 else clock + total // weight)


@inner
def _longest_waiting_first(state: State) -> int:
    """Return who has waited longest of those who go first; -1 if there is none."""
    found = -1
    for at in range(state.counters[READY]):
        vm = state.vm[at, MEMBER]
        goes = state.vm[vm, STANDING] == 2 and state.vm[vm, FIRST] == 1
        if goes and (found < 0 or before(state, state.vm[vm, ROOT], state.vm[found, ROOT])):
            found = vm
    return int(found)


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
    vm = -1 if state.rules[PLAIN] == 1 else _longest_waiting_first(state)
    return vm if vm >= 0 else _earliest_deadline(state, _mean(state))


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
def _give_out(state: State, now: int) -> None:
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
        _give_out(state, now)
    return True
