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
from solver.bounds.evictions import least_evictions
from solver.deadline import Deadline
from solver.engines.closures import Together
from solver.engines.construction import Construction, dependencies_first
from solver.verifying import RuleJudge

Fit = Literal["best", "first", "worst", "stay"]

HOSTS_TRIED = 12
"""Hosts whose rules are looked at per VM before the rest are."""

DOMAINS_TRIED = 12
"""Domains in which a group that must stay together is started over."""

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
    construction = Construction(instance, candidates, judges)
    chooser = _Chooser(construction, variant)
    waiting = preferred_order(instance, construction)
    if variant.fit == "stay":
        waiting = _those_who_stay_first(instance, waiting)
    progress = True
    while len(waiting) and progress and not deadline.over:
        left = [chooser.place_together(run, deadline) for run in _runs(instance, construction, waiting)]
        still = np.concatenate(left)
        progress, waiting = len(still) < len(waiting), still
    return construction.placement()


def complete(construction: Construction, vms: Integers, deadline: Deadline) -> Integers:
    """Put VMs where they fit best beside those that are placed already; return those without a place."""
    chooser = _Chooser(construction, Variant("best", cheap=True))
    for host in np.flatnonzero(construction.count).tolist():
        chooser.look_further(host)
    left = [chooser.place_run(np.array([vm]), deadline) for vm in vms.tolist()]
    still: Integers = np.concatenate([np.zeros(0, dtype=np.int64), *left])
    if construction.instance.allow_unplaced:
        return still
    left = [chooser.place_together(vm, deadline) for vm in still[:, None]]
    return np.concatenate([np.zeros(0, dtype=np.int64), *left])


def _those_who_stay_first(instance: Instance, order: Integers) -> Integers:
    """Let everybody who can stay come before those who must make way, and before newcomers: so few move."""
    staying = (instance.current >= 0) & ~least_evictions(instance).leaving
    return np.concatenate((order[staying[order]], order[~staying[order]]))


def _runs(instance: Instance, construction: Construction, order: Integers) -> list[Integers]:
    """Cut an order into runs of VMs that are alike; any other VM is a run of its own."""
    entry = instance.vm_entry[order]
    alike = construction.alike[order]
    same = (entry[1:] == entry[:-1]) & alike[1:] & alike[:-1]
    return np.split(order, np.flatnonzero(~same) + 1)


def preferred_order(instance: Instance, construction: Construction) -> Integers:
    """Return wanted VMs: by priority, bound ones first, groups that stay together as one, then by decreasing size."""
    wanted = np.flatnonzero(instance.wanted)
    tables = instance.tables
    total = np.maximum(
        construction.capacity[instance.usable_entries[construction.host_entry]].max(axis=0, initial=1), 1
    )
    size = (np.maximum(tables.demand, tables.lower) / total).max(axis=1)[instance.vm_entry[wanted]]
    bound = ~construction.ruled[wanted]
    priority = np.array([-vm.priority for vm in instance.vms], dtype=np.int64)[instance.vm_entry[wanted]]
    free_to_go = ~instance.ignored[wanted]
    together = _group_ranks(instance, construction)[wanted]
    later = dependencies_first(instance)[wanted]
    return wanted[np.lexsort((wanted, -size, together, bound, later, priority, free_to_go))]


def _group_ranks(instance: Instance, construction: Construction) -> Integers:
    """Return a rank per VM: the largest groups that must stay together first, each as one; then all others."""
    groups = [closure.members for closure in construction.closures.together if len(closure.members) > 1]
    whole = np.maximum(construction.capacity.sum(axis=0, dtype=np.float64), 1.0)
    sizes = [(instance.tables.lower[instance.vm_entry[group]].sum(axis=0) / whole).max() for group in groups]
    ranks: Integers = np.full(instance.vm_count, len(groups), dtype=np.int64)
    for rank, position in enumerate(np.argsort(-np.array(sizes), kind="stable").tolist()):
        ranks[groups[position]] = np.minimum(ranks[groups[position]], rank)
    return ranks


class _Chooser:
    """Chooses the host of one VM after another."""

    def __init__(self, construction: Construction, variant: Variant) -> None:
        self.construction = construction
        self.instance = construction.instance
        self.variant = variant
        self.weights: Floats = 1.0 / np.maximum(construction.capacity.max(axis=0, initial=1), 1)
        self.opening = self._opening_cost() if variant.cheap else np.zeros(len(construction.capacity))
        offsets = self.instance.host_names.offsets
        self._ends = offsets[1:]
        self._near = np.zeros(len(construction.count), dtype=np.int64)
        self._near_count = 0
        self._is_near = np.zeros(len(construction.count), dtype=np.bool_)
        self._last = offsets[:-1].copy()
        """The last host of every entry that is looked at: unused, until the entry runs out."""
        for host in offsets[:-1].tolist():
            self._look_at(host)

    def _opening_cost(self) -> Floats:
        """Return each host's cost per capacity, capacity weighed by what is demanded in all."""
        costs = np.array([float(exact(1 if host.cost is None else host.cost)) for host in self.instance.hosts])
        tables = self.instance.tables
        counts = np.array([vm.count for vm in self.instance.vms], dtype=np.float64)
        demanded = (tables.demand * counts[:, None]).sum(axis=0)
        share = demanded / np.maximum(tables.capacity.sum(axis=0), 1)
        value = (tables.capacity * self.weights * share).sum(axis=1)
        rate: Floats = (costs / np.maximum(value, 1e-12))[self.construction.host_entry]
        return rate

    def place_together(self, vms: Integers, deadline: Deadline) -> Integers:
        """Place a run; where a VM does not find room beside its group, start the group over in another domain."""
        left = self.place_run(vms, deadline)
        closure = self._group_of(int(left[0])) if len(left) else None
        if closure is None:
            return left
        group = np.append(closure.members[self.construction.host_of[closure.members] >= 0], left)
        left = self._start_over(closure, group, left, deadline)
        closure.refused.clear()
        return left

    def _start_over(self, closure: Together, group: Integers, left: Integers, deadline: Deadline) -> Integers:
        """Try a group in one domain after another; return who is left out where most find room."""
        fewest, best = len(left), self._domain_of(closure, group)
        for _ in range(DOMAINS_TRIED):
            if deadline.over:
                break
            closure.refused.append(self._domain_of(closure, group))
            left = self._place_anew(group)
            if len(left) < fewest:
                fewest, best = len(left), self._domain_of(closure, group)
            if not len(left) or len(left) == len(group):
                break
        if len(left) > fewest:
            closure.refused[:] = [domain for domain in range(closure.domains.number) if domain != best]
            left = self._place_anew(group)
        return left

    def _domain_of(self, closure: Together, group: Integers) -> int:
        """Return the domain of those of a group that have a host: at least one has."""
        placed = group[self.construction.host_of[group] >= 0]
        return int(closure.domains.of[self.construction.host_of[placed[0]]])

    def _place_anew(self, group: Integers) -> Integers:
        """Take a group off its hosts and place it again, whatever the time: return those without a place."""
        for vm in group[self.construction.host_of[group] >= 0].tolist():
            self.construction.remove(vm)
        left = [vm for vm in group.tolist() if not self._place(vm)]
        return np.array(left, dtype=np.int64)

    def _group_of(self, vm: int) -> Together | None:
        """Return the rule that keeps a VM together with others that have a host already."""
        if self.variant.fit == "stay":
            return None
        closures = self.construction.closures.of.get(vm, ())
        return next((c for c in closures if isinstance(c, Together) and c.begun), None)

    def place_run(self, vms: Integers, deadline: Deadline) -> Integers:
        """Put VMs that are alike, or a single one, somewhere; return those without a place."""
        in_bulk = len(vms) > 1 and self.variant.fit != "worst"
        while len(vms) and not deadline.over:
            placed = self._place_alike(vms) if in_bulk else self._place(int(vms[0]))
            if not placed:
                break
            vms = vms[placed:]
        return vms

    def _place(self, vm: int) -> int:
        """Put the VM on the best host; return 0 if there is none, else 1."""
        for sizes, loads in self._by_demand_then_reservation():
            for hosts in self._pools(vm):
                if (host := self._best(vm, hosts, sizes, loads)) is not None:
                    self.construction.add(vm, host)
                    self.look_further(host)
                    return 1
        return 0

    def _by_demand_then_reservation(self) -> tuple[tuple[Integers, Integers], tuple[Integers, Integers]]:
        tables = self.instance.tables
        return (tables.demand, self.construction.expected), (tables.lower, self.construction.reserved)

    def _place_alike(self, vms: Integers) -> int:
        """Fill the hosts in use, or else unused hosts of one entry; return how many VMs found room."""
        vm, entry = int(vms[0]), int(self.instance.vm_entry[vms[0]])
        near = self._near[: self._near_count]
        used = self.construction.count[near] > 0
        for sizes, loads in self._by_demand_then_reservation():
            for hosts in (near[used], near[~used]):
                ranked = self._ranked(vm, hosts, sizes, loads)
                if len(ranked):
                    in_use = self.construction.count[ranked[0]] > 0
                    chosen = ranked if in_use else self._unused_like(int(ranked[0]), len(vms))
                    return self._fill(vms, chosen, self._room(entry, chosen, sizes, loads, len(vms)))
        return 0

    def _unused_like(self, host: int, most: int) -> Integers:
        """Return unused hosts of the same entry, from the first on."""
        entry = int(self.construction.host_entry[host])
        hosts: Integers = np.arange(self._last[entry], self._ends[entry])
        unused: Integers = hosts[self.construction.count[hosts] == 0][:most]
        return unused

    def _room(self, entry: int, hosts: Integers, sizes: Integers, loads: Integers, most: int) -> Integers:
        """Return how many VMs of an entry fit each host, at most ``most``."""
        needed = sizes[entry] > 0
        left: Integers = self.construction.capacity[hosts][:, needed] - loads[hosts][:, needed]
        fits: Integers = (left // sizes[entry][needed]).min(axis=1, initial=most)
        return fits

    def _fill(self, vms: Integers, hosts: Integers, room: Integers) -> int:
        """Put VMs that are alike on the hosts, in order; return how many there was room for."""
        end = np.minimum(np.cumsum(room), len(vms))
        counts = np.diff(end, prepend=0)
        hosts, counts = hosts[counts > 0], counts[counts > 0]
        self.construction.add_alike(vms[: end[-1]], hosts, counts)
        for host in hosts.tolist():
            self.look_further(host)
        return int(end[-1])

    def _look_at(self, host: int) -> None:
        """Add a host to those that are looked at first."""
        if not self._is_near[host]:
            self._is_near[host] = True
            self._near[self._near_count] = host
            self._near_count += 1

    def look_further(self, host: int) -> None:
        """Look at a host that is now in use, and at the next unused one of its entry."""
        self._look_at(host)
        entry = int(self.construction.host_entry[host])
        while self._last[entry] < self._ends[entry] and self.construction.count[self._last[entry]]:
            self._last[entry] += 1
            if self._last[entry] < self._ends[entry]:
                self._look_at(int(self._last[entry]))

    def _pools(self, vm: int) -> Iterator[Integers]:
        """Yield the hosts to look at: those in use and the next unused of every entry, then all."""
        current = int(self.instance.current[vm])
        if self.variant.fit == "stay" and current >= 0:
            yield np.array([current])
        near = self._near[: self._near_count]
        yield near
        if self.construction.ruled[vm] and len(near) < len(self.construction.count):
            yield np.flatnonzero(~self._is_near)

    def _best(self, vm: int, hosts: Integers, sizes: Integers, loads: Integers) -> int | None:
        """Return the host that costs least in soft rules, then fits best; None if none will do."""
        best, best_price = None, None
        for tried, host in enumerate(self._ranked(vm, hosts, sizes, loads).tolist()):
            price = self.construction.price(vm, host)
            if price is not None and (best_price is None or price < best_price):
                best, best_price = host, price
            if best is not None and (best_price == 0 or tried >= HOSTS_TRIED):
                break
        return best

    def _ranked(self, vm: int, hosts: Integers, sizes: Integers, loads: Integers) -> Integers:
        """Return those of the hosts that have room for the VM, the best first."""
        roomy = hosts[self.construction.roomy(vm, hosts, sizes, loads)]
        ranked: Integers = roomy[np.argsort(self._score(vm, roomy, sizes, loads), kind="stable")]
        return ranked

    def _score(self, vm: int, hosts: Integers, sizes: Integers, loads: Integers) -> Floats:
        """Return the figure to choose hosts by, the smallest first; unused hosts come last."""
        closed = self.construction.count[hosts] == 0
        entry = int(self.instance.vm_entry[vm])
        left: Floats = ((self.construction.capacity[hosts] - loads[hosts] - sizes[entry]) * self.weights).sum(axis=1)
        if self.variant.fit == "worst":
            return -left
        score = np.arange(len(hosts), dtype=np.float64) if self.variant.fit == "first" else left
        scale = 1.0 + float(np.abs(score).max(initial=0.0))
        return np.where(closed, 2 * scale + (self.opening[hosts] if self.variant.cheap else score), score)
