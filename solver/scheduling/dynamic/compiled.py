"""The built-in policies run by compiled loops, which do exactly what the plain loop does."""

from __future__ import annotations

import numpy as np

from formulations.scheduling.workload import Workload
from formulations.tables import Integers
from solver.engines.compiling import cached
from solver.scheduling.dynamic.machines import NO_CAP, Machine
from solver.scheduling.dynamic.policies import FirstCome, Policy, Priority, RoundRobin, ShortestJob, ShortestRemaining
from solver.scheduling.dynamic.records import NOTHING, Run, Span, in_order
from solver.scheduling.dynamic.shares import PRECISION, ProportionalShare

STEPS = 20_000
"""Events after which a compiled loop returns, so that Ctrl-C is heard."""

ROOM = 65_536
"""Segments that there is room for before a compiled loop returns."""

NONE = 2**62
"""A quantum that never ends."""

BUILT_IN = (FirstCome, RoundRobin, ShortestJob, ShortestRemaining, Priority, ProportionalShare)


def is_built_in(policy: Policy) -> bool:
    """Whether there is a compiled loop for a policy; a subclass may have changed its meaning."""
    return type(policy) in BUILT_IN


def kept_from_before() -> bool:
    """Whether the compiled loops are in numba's cache; otherwise the first run takes some ten seconds longer."""
    module = "solver.scheduling.dynamic.kernels"
    return all(cached(module, entry) for entry in ("run_ranked", "run_fair"))


def run_compiled(machine: Machine, workload: Workload, policy: Policy, *, window: Span = NOTHING) -> Run:
    """Run jobs on one machine under a built-in policy; see `run_plainly` for the parameters.

    Raises
    ------
    TypeError
        If there is no compiled loop for the policy.
    """
    from solver.scheduling.dynamic.kernels import (  # noqa: PLC0415 - numba is imported when it is needed
        EVENTS,
        FINISH,
        KEPT,
        OVERHEAD,
        START,
        SWITCHES,
        fresh_state,
        run_fair,
        run_ranked,
    )

    jobs = np.stack((workload.arrival, workload.vm, workload.work, workload.priority), axis=1)
    state = fresh_state(jobs, _vm_table(machine, policy), machine.cores, _rules(machine, policy, window), ROOM)
    loop = run_fair if isinstance(policy, ProportionalShare) else run_ranked
    kept: list[Integers] = []
    done = False
    while not done:
        done = loop(*state, STEPS)
        kept.append(state.segments[: state.counters[KEPT]].copy())
        state.counters[KEPT] = 0
    events, switches, overhead = (int(state.counters[place]) for place in (EVENTS, SWITCHES, OVERHEAD))
    start, finish = state.job[:, START].copy(), state.job[:, FINISH].copy()
    return Run(start, finish, events, switches, overhead, in_order(np.concatenate(kept)))


def _vm_table(machine: Machine, policy: Policy) -> Integers:
    """Return vCPUs, weight, budget and stride of each VM: shape (VMs, 4)."""
    if isinstance(policy, ProportionalShare):
        budgets: Integers = np.array(policy.budgets(machine), dtype=np.int64)
        strides: Integers = policy.quantum * PRECISION // machine.shares
        return np.stack((machine.vcpus, machine.shares, budgets, strides), axis=1)
    nothing = np.zeros_like(machine.vcpus)
    return np.stack((machine.vcpus, nothing, nothing, nothing), axis=1)


def _rules(machine: Machine, policy: Policy, window: Span) -> Integers:
    """Return a policy in figures, as the compiled loops read them: shape (11,)."""
    from solver.scheduling.dynamic.kernels import (  # noqa: PLC0415 - numba is imported when it is needed
        BY_AGE,
        BY_PRIORITY,
        BY_REMAINING,
        BY_WORK,
        IN_TURN,
    )

    rank, preemptive, quantum, ageing, period, plain, capped = IN_TURN, policy.preemptive, NONE, 0, 1, 0, 0
    if isinstance(policy, RoundRobin):
        quantum = policy.quantum
    elif isinstance(policy, ShortestJob):
        rank = BY_WORK
    elif isinstance(policy, ShortestRemaining):
        rank = BY_REMAINING
    elif isinstance(policy, Priority):
        rank, ageing = (BY_PRIORITY, 0) if policy.ageing is None else (BY_AGE, policy.ageing)
    elif isinstance(policy, ProportionalShare):
        quantum, period = policy.quantum, policy.period
        capped = int(max(policy.budgets(machine), default=NO_CAP) != NO_CAP)
        # On one core without limits nobody's part can be more than it can use.
        plain = int(machine.cores == 1 and not capped)
    elif not isinstance(policy, FirstCome):
        raise TypeError(f"no compiled loop for {policy.name}")
    figures = (rank, preemptive, quantum, ageing, machine.switch_cost, period, PRECISION, plain, capped, *window)
    return np.array(figures, dtype=np.int64)
