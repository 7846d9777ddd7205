"""Knots: hosts whose VMs wait for one another in a circle, so that something must make way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx

from formulations.isolation import Partial
from solver.scheduling.migration.states import State


@dataclass(frozen=True)
class Knot:
    """A closed circle of waiting.

    Attributes
    ----------
    hosts : frozenset of int
        Every VM on them that waits, waits for one of these hosts.
    circle : tuple of int
        VMs, each waiting for room on the host that the next one is on; the last for that of the first.
    """

    hosts: frozenset[int]
    circle: tuple[int, ...]


class Knots:
    """Finds knots in states of one question.

    Every VM goes straight to its target as soon as there is room, and nobody's arrival takes room
    from anyone else; the VMs that even so never get there are *stuck*. Hosts are joined by the stuck
    VMs between them. In a strongly connected part that no stuck VM leaves, the first of its VMs to
    go cannot go straight: it, or a VM that need not move, must make way. Different parts have
    different VMs, so that their number bounds the bypasses (or stops) from below.

    Parameters
    ----------
    state : State
        Gives the sizes; reservations bound the floors of partially isolated VMs from below.
    """

    def __init__(self, state: State) -> None:
        rooms, instance = state.rooms, state.question.instance
        self._needs: dict[tuple[int, int], tuple[int, ...]] = {}
        self._rooms = rooms
        self._partial = [isinstance(instance.isolation_of(entry), Partial) for entry in range(len(instance.vms))]
        self._capacity = [rooms.needs.capacity[entry] for entry in rooms.host_entry]
        if state.lenient:
            loads = self._totals(state.host)
            self._capacity = [
                [max(pair) for pair in zip(most, load, strict=True)]
                for most, load in zip(self._capacity, loads, strict=True)
            ]

    def _need(self, vm: int, host: int) -> tuple[int, ...]:
        entry, host_entry = self._rooms.vm_entry[vm], self._rooms.host_entry[host]
        if self._partial[entry]:
            return tuple(self._rooms.needs.lower[entry])
        return self._rooms.needs.least(entry, host_entry, 1)

    def _totals(self, hosts: Sequence[int]) -> list[list[int]]:
        totals = [[0] * self._rooms.needs.width for _ in self._capacity]
        for vm, host in enumerate(hosts):
            if host >= 0:
                totals[host] = [a + b for a, b in zip(totals[host], self._need(vm, host), strict=True)]
        return totals

    def stuck(self, state: State) -> list[int]:
        """Return the VMs that never get straight to their targets, arrivals not counted."""
        loads = self._totals(state.host)
        waiting: dict[int, list[int]] = {}
        look: list[int] = []
        for vm in state.movable:
            source, target = state.host[vm], state.goal[vm][0]
            if source == target:
                continue
            if target < 0:
                self._leave(loads, vm, source)
            else:
                waiting.setdefault(target, []).append(vm)
        look = list(waiting)
        while look:
            target = look.pop()
            held = []
            for vm in waiting.get(target, ()):
                if not self._fits(loads[target], vm, target):
                    held.append(vm)
                elif (source := state.host[vm]) >= 0:
                    self._leave(loads, vm, source)
                    look.append(source)
            waiting[target] = held
        return [vm for held in waiting.values() for vm in held]

    def _leave(self, loads: list[list[int]], vm: int, host: int) -> None:
        loads[host] = [a - b for a, b in zip(loads[host], self._need(vm, host), strict=True)]

    def _fits(self, load: list[int], vm: int, host: int) -> bool:
        need = self._need(vm, host)
        return all(not b or a + b <= most for a, b, most in zip(load, need, self._capacity[host], strict=True))

    def find(self, state: State) -> list[Knot]:
        """Return the knots of a state; their number bounds its bypasses and stops together."""
        stuck = [vm for vm in self.stuck(state) if state.host[vm] >= 0]
        if not stuck:
            return []
        waits: nx.DiGraph[int] = nx.DiGraph()
        for vm in stuck:
            waits.add_edge(state.host[vm], state.goal[vm][0], vm=vm)
        knots = []
        for part in nx.strongly_connected_components(waits):
            closed = all(target in part for host in part for target in waits.successors(host))
            if closed and len(part) > 1:
                circle = tuple(int(waits.edges[edge]["vm"]) for edge in nx.find_cycle(waits.subgraph(part)))
                knots.append(Knot(frozenset(part), circle))
        return knots
