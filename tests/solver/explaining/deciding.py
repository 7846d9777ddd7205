"""Whether a small instance has a placement: a search that shares nothing with the solvers."""

from __future__ import annotations

from collections.abc import Iterator

from formulations import Instance
from solver.deadline import Deadline
from tests.oracle import Oracle


def has_placement(instance: Instance, deadline: Deadline | None = None) -> bool:
    """Return whether the oracle of the tests accepts any placement. Takes the form of `Feasible`."""
    oracle = Oracle(instance)
    for host_of in _choices(oracle, []):
        if oracle.obeys(host_of) and all(oracle.filling(j, m) for j, m in oracle.members(host_of).items()):
            return True
    return False


def _choices(oracle: Oracle, chosen: list[int]) -> Iterator[list[int]]:
    """Yield the placements whose reservations fit; of equal hosts that no rule names, first ones first."""
    vm = len(chosen)
    if vm == len(oracle.vms):
        yield list(chosen)
        return
    for host in reversed(oracle.options(vm)):
        if _is_next(oracle, chosen, host) and _fits(oracle, [*chosen, host], host):
            yield from _choices(oracle, [*chosen, host])


def _is_next(oracle: Oracle, chosen: list[int], host: int) -> bool:
    """Whether a member of an added entry of equal hosts may be opened now: those before it are in use."""
    if host <= 0 or not oracle.hosts[host][0].name.startswith(("spare host", "new host")):
        return True
    return host - 1 in chosen or oracle.hosts[host - 1][0] is not oracle.hosts[host][0]


def _fits(oracle: Oracle, chosen: list[int], host: int) -> bool:
    there = [vm for vm, at in enumerate(chosen) if at == host >= 0]
    needed = [sum(oracle.bounds(vm, host, r)[0] for vm in there) for r in range(len(oracle.quanta))]
    return all(need <= oracle.capacity(host, r) for r, need in enumerate(needed))
