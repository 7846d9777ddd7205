"""Who must leave a host at least so that what stays is valid: a bound on moves, and a first choice of who moves."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.quantities import common_quantum, exact
from formulations.rules import Ban, Fence, Pin, Spread
from formulations.tables import Integers

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Evictions:
    """The least movement that each host needs by itself.

    Attributes
    ----------
    bound : Fraction
        Sum over hosts of a lower bound on the move costs of those who must leave it. Hosts share no
        VM, so the sum bounds the migration term of every placement.
    leaving : bool array, shape (VMs,)
        VMs whose leaving makes every host valid by itself; few, but not always the fewest.
    """

    bound: Fraction
    leaving: Mask


def least_evictions(instance: Instance) -> Evictions:
    """Return who must leave the current hosts at least.

    Counts reservations against capacity in each resource, hosts in maintenance, and the hard rules
    ban, fence, pin and spread over hosts; what others ask for can only add moves.
    """
    return _Evicting(instance).run()


class _Evicting:
    """The hosts of one instance, one after the other."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        stated = [exact(vm.move_cost) for vm in instance.vms]
        self.step = common_quantum(stated)
        self.cost: Integers = np.array([int(cost / self.step) for cost in stated], dtype=np.int64)[instance.vm_entry]
        self.size: Integers = instance.tables.lower[instance.vm_entry]
        there = instance.wanted & (instance.current >= 0)
        self.here = np.where(there, instance.current, -1)
        self.leaving = self._misplaced() & there & instance.ruled
        self.forced = self.leaving.copy()

    def run(self) -> Evictions:
        """Return the bound and the choice."""
        total = int(self.cost[self.forced].sum())
        crowded = self._crowded()
        for host in np.unique(self.here[self.here >= 0]).tolist():
            if self._overloaded[host] or host in crowded:
                total += self._thin_out(host, crowded.get(host, []))
        return Evictions(total * self.step, self.leaving)

    # -- who cannot stay, whoever else does ------------------------------------------------

    def _misplaced(self) -> Mask:
        """Return the VMs whose own host is closed to them."""
        instance = self.instance
        known = np.maximum(self.here, 0)
        closed = np.flatnonzero(~instance.usable_entries)
        wrong: Mask = np.isin(instance.host_names.entry_of(known), closed)
        for rule in instance.rules:
            if rule.hard and isinstance(rule, Ban | Fence | Pin) and not (isinstance(rule, Pin) and rule.host is None):
                vms = instance.vms_called(next(iter(rule.vm_selectors().values())))
                named = np.isin(self.here[vms], instance.hosts_called(next(iter(rule.host_selectors().values()))))
                wrong[vms] |= named if isinstance(rule, Ban) else ~named
        return wrong

    # -- who has to make way ---------------------------------------------------------------

    @cached_property
    def _overloaded(self) -> Mask:
        instance = self.instance
        load = np.zeros((instance.host_count, self.size.shape[1]), dtype=np.int64)
        staying = np.flatnonzero((self.here >= 0) & ~self.forced)
        np.add.at(load, self.here[staying], self.size[staying])
        return np.asarray((load > instance.tables.capacity[instance.host_names.entries()]).any(axis=1), dtype=np.bool_)

    def _crowded(self) -> dict[int, list[Integers]]:
        """Return, per host, the groups of which a hard spread rule lets one VM stay."""
        found: dict[int, list[Integers]] = {}
        for rule in self.instance.rules:
            if isinstance(rule, Spread) and rule.hard and rule.level == "host":
                vms = self.instance.vms_called(rule.vms)
                vms = vms[self.instance.ruled[vms] & (self.here[vms] >= 0) & ~self.forced[vms]]
                hosts, counts = np.unique(self.here[vms], return_counts=True)
                for host in hosts[counts > 1].tolist():
                    found.setdefault(host, []).append(vms[self.here[vms] == host])
        return found

    def _thin_out(self, host: int, groups: list[Integers]) -> int:
        """Let VMs leave until the host is valid; return what that costs at least, in steps."""
        members = np.flatnonzero((self.here == host) & ~self.forced)
        movable = members[self.instance.ruled[members]]
        entry = self.instance.host_names.entry_of(np.array([host]))[0]
        excess = self.size[members].sum(axis=0) - self.instance.tables.capacity[entry]
        bounds = [self._least_cover(movable, r, int(short)) for r, short in enumerate(excess) if short > 0]
        bounds += [int(self.cost[group].sum() - self.cost[group].max()) for group in groups]
        for group in groups:
            self._leave_but_one(group)
        left = excess - self.size[movable[self.leaving[movable]]].sum(axis=0)
        if (left > 0).any():
            self._relieve(movable[~self.leaving[movable]], left)
        return max(bounds, default=0)

    def _least_cover(self, vms: Integers, r: int, excess: int) -> int:
        """Return the least cost of VMs that free so much of one resource: the fractional knapsack, rounded up."""
        size, cost = self.size[vms, r], self.cost[vms]
        useful = np.flatnonzero(size)
        order = useful[np.argsort(cost[useful] / size[useful], kind="stable")]
        spent = Fraction(0)
        for at in order.tolist():
            if excess <= 0:
                break
            part = min(Fraction(1), Fraction(excess, int(size[at])))
            spent += part * int(cost[at])
            excess -= int(size[at])
        return -(-spent.numerator // spent.denominator)

    def _leave_but_one(self, group: Integers) -> None:
        """Let all leave but one, the dearest to move, unless somebody leaves already."""
        staying = group[~self.leaving[group]]
        kept = staying[np.argmax(self.cost[staying])] if len(staying) else -1
        self.leaving[staying[staying != kept]] = True

    def _relieve(self, vms: Integers, excess: Integers) -> None:
        """Choose who leaves an overloaded host: as cheap as can be seen at once, and then as small."""
        best: tuple[int, int] | None = None
        chosen: Integers = vms
        short = np.flatnonzero(excess > 0)
        worth = (np.minimum(self.size[vms][:, short], excess[short]) / excess[short]).sum(axis=1)
        rate = self.cost[vms] / np.maximum(worth, 1e-12)
        for key in (rate, -worth, *(-self.size[vms, r].astype(np.float64) for r in short)):
            picked = self._enough(vms[np.argsort(key, kind="stable")], excess)
            figure = int(self.cost[picked].sum()), int(self.size[picked].sum())
            if best is None or figure < best:
                best, chosen = figure, picked
        self.leaving[self._smaller(vms, chosen, excess)] = True

    def _enough(self, order: Integers, excess: Integers) -> Integers:
        """Return the shortest beginning of an order that frees enough, without those it can spare."""
        freed = np.cumsum(self.size[order], axis=0)
        enough = (freed >= excess).all(axis=1)
        picked = order[: int(np.argmax(enough)) + 1] if enough.any() else order
        for vm in picked[::-1].tolist():
            rest = picked[picked != vm]
            if len(rest) and (self.size[rest].sum(axis=0) >= excess).all():
                picked = rest
        return picked

    def _smaller(self, vms: Integers, chosen: Integers, excess: Integers) -> Integers:
        """Exchange each chosen VM for the smallest one of no higher cost that still frees enough."""
        for vm in chosen.tolist():
            rest = chosen[chosen != vm]
            needed = excess - self.size[rest].sum(axis=0)
            others = vms[~np.isin(vms, chosen) & (self.cost[vms] <= self.cost[vm])]
            fitting = others[(self.size[others] >= needed).all(axis=1)]
            weight = self.size.sum(axis=1)
            if len(fitting) and weight[fitting].min() < weight[vm]:
                chosen = np.append(rest, fitting[np.argmin(weight[fitting])])
        return chosen
