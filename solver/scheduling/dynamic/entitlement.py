"""Entitlements: the core time that VMs would get if cores could be shared out without grain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers
from solver.scheduling.dynamic.machines import Machine

Floats = NDArray[np.float64]

FEW_EVENTS = 2_000
"""Up to here the loop is run as it stands; more are worth compiling it."""


def entitled(machine: Machine, arrival: Integers, finish: Integers, vm: Integers) -> Floats:
    """Return the core time that each VM is entitled to while it has jobs, µs: shape (VMs,).

    At any moment the cores are divided among the VMs with unfinished jobs in proportion to their
    shares, as far as their jobs, vCPUs and limits can use it (generalised processor sharing;
    Parekh and Gallager, IEEE/ACM Transactions on Networking 1(3), 1993, doi:10.1109/90.234856).

    Parameters
    ----------
    machine : Machine
    arrival, finish : int64 arrays, shape (jobs,)
        µs.
    vm : int64 array, shape (jobs,)
        Positions on the machine.
    """
    moments = np.concatenate((arrival, finish))
    order = np.argsort(moments, kind="stable")
    change = np.repeat(np.array([1, -1], dtype=np.int64), len(vm))[order]
    caps: Floats = machine.usable / 1e6
    total: Floats = np.zeros(len(machine.vms), dtype=np.float64)
    add_up = add_up_entitlements
    if len(moments) > FEW_EVENTS:
        from solver.scheduling.dynamic.kernels import (  # noqa: PLC0415 - numba is imported when needed
            add_up_compiled as add_up,
        )
    whose = np.concatenate((vm, vm))[order]
    add_up(moments[order], whose, change, machine.cores, machine.shares, caps, total)
    return total


def add_up_entitlements(  # noqa: PLR0917 - it is compiled as it stands
    moments: Integers, vm: Integers, change: Integers, cores: int, shares: Integers, caps: Floats, total: Floats
) -> None:
    """Add to ``total`` what each VM is entitled to, from one moment to the next.

    Parameters
    ----------
    moments : int64 array, shape (changes,)
        Ascending, µs.
    vm, change : int64 arrays, shape (changes,)
        Whose jobs become one more (1) or one less (-1).
    cores : int
    shares : int64 array, shape (VMs,)
    caps : float64 array, shape (VMs,)
        Cores that each can use.
    total : float64 array, shape (VMs,)
        Result, µs.
    """
    jobs = np.zeros(len(shares), dtype=np.int64)
    rate = np.zeros(len(shares), dtype=np.float64)
    active = np.zeros(len(shares), dtype=np.int64)
    many = 0
    for event in range(len(moments)):
        if event > 0 and moments[event] > moments[event - 1]:
            room = float(cores)
            weight = 0.0
            for at in range(many):
                weight += shares[active[at]]
                rate[active[at]] = -1.0
            found = True
            while found:
                found = False
                for at in range(many):
                    own = active[at]
                    use = min(caps[own], float(jobs[own]))
                    if rate[own] < 0.0 and shares[own] * room >= use * weight:
                        rate[own] = use
                        room -= use
                        weight -= shares[own]
                        found = True
            stretch = moments[event] - moments[event - 1]
            for at in range(many):
                own = active[at]
                part = rate[own] if rate[own] >= 0.0 else shares[own] * room / weight
                total[own] += part * stretch
        own = vm[event]
        if jobs[own] == 0:
            active[many] = own
            many += 1
        jobs[own] += change[event]
        if jobs[own] == 0:
            for at in range(many):
                if active[at] == own:
                    active[at] = active[many - 1]
                    break
            many -= 1
