"""Greedy placement: decreasing sizes, best or first fit, rules obeyed; a quick first incumbent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from formulations.candidates import Candidates
from formulations.instance import Instance
from formulations.objective import HOST_TERMS
from formulations.placement import Placement
from formulations.quantities import exact
from formulations.tables import Integers
from solver.deadline import Deadline
from solver.engines.packing import Packing, dependencies_first
from solver.verifying import RuleJudge

Fit = Literal["best", "first", "worst", "stay"]

HOSTS_TRIED = 12
"""Hosts whose rules are looked at per VM before the rest are."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Variant:
    """One way to be greedy.

    Attributes
    ----------
    fit : {"best", "first", "worst", "stay"}
        The host with the least room left, the lowest number, the most room left; or, where
        it fits, the current host, and otherwise the best.
    cheap : bool
        Open the host with the least cost for its capacity first, rather than in order.
    """

    fit: Fit
    cheap: bool = False

    def __str__(self) -> str:
        """Name the variant as the literature does."""
        return f"greedy {self.fit} fit decreasing" + (" by cost" if self.cheap else "")


def variants(instance: Instance) -> Iterator[Variant]:
    """Yield the variants worth trying on an instance, the most promising first."""
    if bool((instance.current >= 0).any()):
        yield Variant("stay")
    yield Variant("best", cheap=True)
    yield Variant("best")
    yield Variant("first")
    if not any(term.kind in HOST_TERMS for level in instance.levels for term in level.terms):
        yield Variant("worst")


def place_greedily(
    instance: Instance, variant: Variant, candidates: Candidates, judges: list[RuleJudge], deadline: Deadline
) -> Placement:
    """Place as many VMs as the variant can; VMs that fit nowhere stay without a host.

    Demands are made to fit first; a VM that fits nowhere so is placed by its reservation.
    A VM rejected because of others (dependencies) is tried again while others still move.
    """
    packing = Packing(instance, candidates, judges)
    chooser = _Chooser(packing, variant)
    waiting = _order(instance, packing).tolist()
    progress = True
    while waiting and progress and not deadline.over:
        left = [vm for vm in waiting if deadline.over or not chooser.place(vm)]
        progress, waiting = len(left) < len(waiting), left
    return packing.placement()


def _order(instance: Instance, packing: Packing) -> Integers:
    """Return wanted VMs: by priority, bound ones first, then by decreasing relative size."""
    wanted = np.flatnonzero(instance.wanted)
    tables = instance.tables
    total = np.maximum(packing.capacity[instance.usable_entries[packing.host_entry]].max(axis=0, initial=1), 1)
    size = (np.maximum(tables.demand, tables.lower) / total).max(axis=1)[instance.vm_entry[wanted]]
    bound = np.array([not packing.ruled(vm) for vm in wanted.tolist()], dtype=np.int64)
    priority = np.array([-vm.priority for vm in instance.vms], dtype=np.int64)[instance.vm_entry[wanted]]
    free_to_go = ~instance.ignored[wanted]
    return wanted[np.lexsort((wanted, -size, bound, dependencies_first(instance)[wanted], priority, free_to_go))]


class _Chooser:
    """Chooses the host of one VM after another."""

    def __init__(self, packing: Packing, variant: Variant) -> None:
        self.packing = packing
        self.instance = packing.instance
        self.variant = variant
        self.weights: Floats = 1.0 / np.maximum(packing.capacity.max(axis=0, initial=1), 1)
        self.opening = self._opening_cost() if variant.cheap else np.zeros(len(packing.capacity))
        offsets = self.instance.host_names.offsets
        self._next_closed = offsets[:-1].copy()
        self._ends = offsets[1:]

    def _opening_cost(self) -> Floats:
        """Return each host's cost per capacity, capacity weighed by what is demanded in all."""
        costs = np.array([float(exact(1 if host.cost is None else host.cost)) for host in self.instance.hosts])
        tables = self.instance.tables
        counts = np.array([vm.count for vm in self.instance.vms], dtype=np.float64)
        demanded = (tables.demand * counts[:, None]).sum(axis=0)
        share = demanded / np.maximum(tables.capacity.sum(axis=0), 1)
        value = (tables.capacity * self.weights * share).sum(axis=1)
        rate: Floats = (costs / np.maximum(value, 1e-12))[self.packing.host_entry]
        return rate

    def place(self, vm: int) -> bool:
        """Put the VM somewhere; return whether there was a place."""
        tables = self.instance.tables
        for sizes, loads in ((tables.demand, self.packing.expected), (tables.lower, self.packing.reserved)):
            for hosts in self._pools(vm):
                if (host := self._best(vm, hosts, sizes, loads)) is not None:
                    self.packing.add(vm, host)
                    return True
        return False

    def _pools(self, vm: int) -> Iterator[Integers]:
        """Yield the hosts to look at: those in use and the next unused of every entry, then all."""
        current = int(self.instance.current[vm])
        if self.variant.fit == "stay" and current >= 0:
            yield np.array([current])
        count = self.packing.count
        for entry, host in enumerate(self._next_closed.tolist()):
            while host < self._ends[entry] and count[host]:
                host += 1  # noqa: PLW2901 - walks over hosts that are in use
            self._next_closed[entry] = host
        closed = self._next_closed[self._next_closed < self._ends]
        near = np.union1d(np.flatnonzero(count), closed)
        yield near
        if self.packing.ruled(vm) and len(near) < len(count):
            yield np.setdiff1d(np.arange(len(count)), near)

    def _best(self, vm: int, hosts: Integers, sizes: Integers, loads: Integers) -> int | None:
        """Return the host that costs least in soft rules, then fits best; None if none will do."""
        hosts = hosts[self.packing.roomy(vm, hosts, sizes, loads)]
        hosts = hosts[np.argsort(self._score(vm, hosts, sizes, loads), kind="stable")]
        best, best_price = None, None
        for tried, host in enumerate(hosts.tolist()):
            price = self.packing.price(vm, host)
            if price is not None and (best_price is None or price < best_price):
                best, best_price = host, price
            if best is not None and (best_price == 0 or tried >= HOSTS_TRIED):
                break
        return best

    def _score(self, vm: int, hosts: Integers, sizes: Integers, loads: Integers) -> Floats:
        """Return the figure to choose hosts by, the smallest first; unused hosts come last."""
        closed = self.packing.count[hosts] == 0
        entry = int(self.instance.vm_entry[vm])
        left: Floats = ((self.packing.capacity[hosts] - loads[hosts] - sizes[entry]) * self.weights).sum(axis=1)
        if self.variant.fit == "worst":
            return -left
        score = np.arange(len(hosts), dtype=np.float64) if self.variant.fit == "first" else left
        scale = 1.0 + float(np.abs(score).max(initial=0.0))
        return np.where(closed, 2 * scale + (self.opening[hosts] if self.variant.cheap else score), score)
