"""What the compiled loops work on: tables that live from one call to the next."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from formulations.tables import Integers

NEVER = np.int64(2**62)
"""Later than anything happens."""

NOW, NEXT, PLACE, KEPT, EVENTS, SWITCHES, OVERHEAD, READY, DONE, FREE, PERIOD, CLOCK, CHOICES = range(13)
"""What `State.counters` holds: the time, the next arrival, the next place, and so on."""

RANK, PREEMPTIVE, QUANTUM, AGEING, COST, FRAME, PRECISION, PLAIN, WINDOW, WINDOW_END = range(10)
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
    rules : shape (10,)
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
    rules : int64 array, shape (10,)
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
