"""Cores in the compiled loops: how turns begin and end."""

from __future__ import annotations

import numpy as np

from solver.engines.heuristics.kernels.compiling import inner
from solver.scheduling.dynamic.kernels.state import (
    ARRIVAL,
    BEFORE,
    BEGIN,
    BUSY,
    CHOSEN,
    COST,
    DONE,
    ENDED,
    EVENTS,
    FINISH,
    FREE,
    KEPT,
    LAST,
    LEFT,
    NEVER,
    NEXT,
    ON,
    OVERHEAD,
    PLACE,
    SINCE,
    START,
    SWITCHES,
    TURN,
    UNTIL,
    VM,
    WAITED,
    WINDOW,
    WINDOW_END,
    State,
)


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
