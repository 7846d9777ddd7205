"""Entitlements: the core time that VMs would get if cores could be shared out without grain."""

from __future__ import annotations

import numpy as np

from formulations.tables import Integers
from solver.scheduling.dynamic.accruing import Floats, add_up_entitlements
from solver.scheduling.dynamic.machines import Machine

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
