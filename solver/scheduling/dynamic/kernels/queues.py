"""Queues of the compiled loops: a heap of waiting jobs per VM, and a heap of the VMs that may have a core."""

from __future__ import annotations

from solver.engines.heuristics.kernels.compiling import inner
from solver.scheduling.dynamic.kernels.state import (
    BUSY,
    CHILD,
    HEAP,
    KEY,
    POSITION,
    READY,
    ROOT,
    SIBLING,
    VCPUS,
    WAITED,
    WAITING,
    State,
)


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
