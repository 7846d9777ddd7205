"""Naming: which host takes which filling, and which VM which of its slots, so that rules hold."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from formulations.cell_packing import CellPacking
from formulations.instance import Instance
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.engines.closures import Closures, Together
from solver.engines.construction import Construction

Mask = NDArray[np.bool_]

EXCHANGES_TRIED = 40
"""Hosts on which somebody is asked to make way for a VM that finds no slot."""


class Fillings:
    """Fillings in use, by host type, that are given to hosts one by one.

    Parameters
    ----------
    packing : CellPacking
    types : int64 array, shape (patterns,)
    cells : list of int64 arrays, shape (cells, flavours)
        The VMs of each flavour in each cell.
    times : int64 array, shape (patterns,)
        How often each is used.
    """

    def __init__(self, packing: CellPacking, types: Integers, cells: list[Integers], times: Integers) -> None:
        self.packing = packing
        self.cells = cells
        self.whole: Integers = np.array([filling.sum(axis=0) for filling in cells]).reshape(len(cells), -1)
        self.left = times.copy()
        self._best: dict[tuple[int, bytes], tuple[int, int]] = {}
        self.of_type = [np.flatnonzero(types == k) for k in range(len(packing.number))]
        self._remaining = [int(times[patterns].sum()) for patterns in self.of_type]
        self.free: Integers = np.zeros((len(packing.demand), len(packing.type_of)), dtype=np.int64)
        """Slots of each flavour that nobody is in yet: shape (flavours, hosts)."""
        self.given: Integers = np.full(len(packing.type_of), -1, dtype=np.int64)
        """The filling of every host, -1 for none yet."""
        self._slots: dict[tuple[int, int], list[int]] = {}

    def unused(self, hosts: Integers) -> dict[int, list[int]]:
        """Return those of the hosts that have no filling yet, by type, where their type has some left."""
        found: dict[int, list[int]] = {}
        for host, k in zip(hosts.tolist(), self.packing.type_of[hosts].tolist(), strict=True):
            if k >= 0 and self.given[host] < 0:
                found.setdefault(k, []).append(host)
        return {k: found[k] for k in found if self._remaining[k] > 0}

    def potential(self, kind: int, wanted: Integers) -> tuple[int, int]:
        """Return the most of some wanted slots that a filling of a type brings, and which does; none brings -1."""
        known = self._best.get((kind, wanted.tobytes()))
        if known is not None and self.left[known[1]] > 0:
            return known
        ready = self.of_type[kind]
        brings = np.where(self.left[ready] > 0, np.minimum(self.whole[ready], wanted).sum(axis=1), -1)
        best = int(np.argmax(brings))
        found = int(brings[best]), int(ready[best])
        if found[0] >= 0:
            self._best[kind, wanted.tobytes()] = found
        return found

    def give(self, host: int, filling: int) -> None:
        """Give a host a filling: its slots are free from now on."""
        self.left[filling] -= 1
        self._remaining[int(self.packing.type_of[host])] -= 1
        self.given[host] = filling
        self.free[:, host] += self.whole[filling]
        order, cells = self.packing.cell_order[host], self.cells[filling]
        everywhere = int((1 << len(order)) - 1)
        for cell, flavour in np.argwhere(cells).tolist():
            mask = everywhere if self.packing.spans[flavour] else 1 << int(order[cell])
            self._slots.setdefault((host, flavour), []).extend([mask] * int(cells[cell, flavour]))

    def take(self, host: int, flavour: int) -> int:
        """Take a free slot; return its cells as a mask."""
        self.free[flavour, host] -= 1
        return self._slots[host, flavour].pop()

    def leave(self, host: int, flavour: int, mask: int) -> None:
        """Give a slot back."""
        self.free[flavour, host] += 1
        self._slots[host, flavour].append(mask)


class Naming:
    """Gives VMs slots: groups that must stay together first, then the others under rules, then all that are left.

    Parameters
    ----------
    construction : Construction
        Empty; VMs are put into it. Rules that it does not see at once are asked of it for every host.
    packing : CellPacking
    fillings : Fillings
    rng : numpy.random.Generator
    trouble : dict of int to int
        How often a member of the group that a VM belongs to found no slot before: such groups come first.
    """

    def __init__(
        self,
        construction: Construction,
        packing: CellPacking,
        fillings: Fillings,
        rng: np.random.Generator,
        trouble: dict[int, int],
    ) -> None:
        self.trouble = trouble
        self.construction = construction
        self.instance: Instance = construction.instance
        self.closures: Closures = construction.closures
        self.packing = packing
        self.fillings = fillings
        self.rng = rng

    def run(self, order: Integers, deadline: Deadline) -> Integers:
        """Place VMs in about this order; return those that found no slot in time."""
        groups = [closure for closure in self.closures.together if len(closure.members) > 1]
        for closure in sorted(groups, key=lambda closure: self._urgency(closure.members)):
            if not deadline.over:
                self._place_group(closure)
        self._give_the_rest()
        placed = self.construction.host_of[order] >= 0
        left = [vm for vm in order[~placed].tolist() if deadline.over or not (self._place(vm) or self._exchange(vm))]
        return np.array(left, dtype=np.int64)

    def _urgency(self, vms: Integers) -> tuple[int, float]:
        """Return what to order groups by: trouble first, then size."""
        whole = np.maximum(self.construction.capacity.sum(axis=0, dtype=np.float64), 1.0)
        size: float = (self.instance.tables.lower[self.instance.vm_entry[vms]].sum(axis=0) / whole).max()
        return -max(self.trouble.get(vm, 0) for vm in vms.tolist()), -size

    # -- groups in one domain ---------------------------------------------------------------

    def _place_group(self, closure: Together) -> None:
        """Choose the domain whose free slots, and fillings not given yet, hold a group with the least to spare."""
        flavours = self.packing.flavour_of[closure.members]
        needed = np.bincount(flavours[flavours >= 0], minlength=len(self.packing.demand))
        hosts_of = [np.flatnonzero(closure.domains.of == domain) for domain in range(closure.domains.number)]
        found = [self._offer(hosts, needed) for hosts in hosts_of]
        short = [missing for missing, _, _ in found]
        spare = [slots for _, slots, _ in found]
        best = int(np.lexsort((spare, short))[0])
        for host, filling in found[best][2]:
            self.fillings.give(host, filling)
        members = closure.members[np.argsort(self.construction.instance.vm_entry[closure.members], kind="stable")]
        for vm in members.tolist():
            self._place(vm, hosts_of[best])

    def _offer(self, hosts: Integers, needed: Integers) -> tuple[int, int, list[tuple[int, int]]]:
        """Return how much hosts lack of the slots needed, how many they have to spare, and the fillings for that."""
        fillings = self.fillings
        have = fillings.free[:, hosts].sum(axis=1)
        wanted = np.maximum(needed - have, 0)
        given: list[tuple[int, int]] = []
        unused = fillings.unused(hosts)
        while wanted.any() and unused:
            brings, filling, kind = max((*fillings.potential(kind, wanted), kind) for kind in unused)
            if brings <= 0:
                break
            given.append((unused[kind].pop(), filling))
            if not unused[kind]:
                del unused[kind]
            fillings.left[filling] -= 1
            have = have + fillings.whole[filling]
            wanted = np.maximum(needed - have, 0)
        for _, filling in given:
            fillings.left[filling] += 1
        return int(wanted.sum()), int(have.sum()), given

    # -- everybody else ------------------------------------------------------------------------

    def _give_the_rest(self) -> None:
        """Give the fillings that are left to hosts at random: rules that keep VMs apart like variety."""
        for k, patterns in enumerate(self.fillings.of_type):
            hosts = np.flatnonzero((self.packing.type_of == k) & (self.fillings.given < 0))
            queue = np.repeat(patterns, self.fillings.left[patterns])
            chosen = self.rng.permutation(hosts)[: len(queue)]
            for host, filling in zip(chosen.tolist(), queue.tolist(), strict=True):
                self.fillings.give(host, filling)

    def _place(self, vm: int, among: Integers | None = None) -> bool:
        """Put a VM into a free slot where rules let it; say whether there was one."""
        flavour = int(self.packing.flavour_of[vm])
        hosts = np.flatnonzero(self.fillings.free[flavour])
        if among is not None:
            hosts = hosts[np.isin(hosts, among)]
        for host in self._open(vm, hosts).tolist():
            if self._allowed(vm, host):
                self._put(vm, host)
                return True
        return False

    def _allowed(self, vm: int, host: int) -> bool:
        """Whether the rules that are not seen for all hosts at once let a VM onto a host with a slot for it."""
        return self.construction.free_of_judges(vm) or self.construction.price(vm, host) is not None

    def _open(self, vm: int, hosts: Integers) -> Integers:
        """Return the hosts that are open to a VM, in an order that leaves domains to others."""
        if not self.construction.ruled[vm]:
            return hosts
        mask = self.construction.candidates.hosts_of(vm)
        if (by_rules := self.closures.open_to(vm)) is not None:
            mask = mask & by_rules
        hosts = hosts[mask[hosts]]
        return hosts[np.argsort(-self._kin(vm)[hosts], kind="stable")]

    def _kin(self, vm: int) -> Integers:
        """Return per host how welcome a VM is: more where those of its own side are already."""
        kin: Integers = np.zeros(self.instance.host_count, dtype=np.int64)
        for closure in self.closures.of.get(vm, ()):
            kin += closure.kin(vm)
        return kin

    def _put(self, vm: int, host: int) -> None:
        mask = self.fillings.take(host, int(self.packing.flavour_of[vm]))
        self.construction.add(vm, host, mask)

    def _off(self, vm: int) -> tuple[int, int]:
        """Take a VM out of its slot; return its host and cells."""
        host, mask = int(self.construction.host_of[vm]), int(self.construction.cells[vm])
        self.construction.remove(vm)
        self.fillings.leave(host, int(self.packing.flavour_of[vm]), mask)
        return host, mask

    def _exchange(self, vm: int) -> bool:
        """Let a VM of the same flavour make way by going to a free slot elsewhere; say whether that helped."""
        flavour = int(self.packing.flavour_of[vm])
        if not self.fillings.free[flavour].any():
            return False
        mask = self.construction.candidates.hosts_of(vm)
        if (by_rules := self.closures.open_to(vm)) is not None:
            mask = mask & by_rules
        alike = np.flatnonzero((self.packing.flavour_of == flavour) & (self.construction.host_of >= 0))
        alike = alike[mask[self.construction.host_of[alike]]]
        loose = np.argsort(self.construction.ruled[alike], kind="stable")
        return any(self._makes_way(other, vm) for other in _first(alike[loose].tolist()))

    def _makes_way(self, other: int, vm: int) -> bool:
        host, _ = self._off(other)
        if self._allowed(vm, host) and self._reopened(vm, host):
            self._put(vm, host)
            if self._place(other):
                return True
            self._off(vm)
        self._put(other, host)
        return False

    def _reopened(self, vm: int, host: int) -> bool:
        """Whether rules still let a VM onto a host that another one has just left."""
        by_rules = self.closures.open_to(vm)
        return by_rules is None or bool(by_rules[host])


def _first(vms: Iterable[int]) -> Iterable[int]:
    return (vm for _, vm in zip(range(EXCHANGES_TRIED), vms, strict=False))
