"""The level of the objective that a counted question answers, and what hosts cost in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from formulations.instance import Instance
from formulations.machines import Host
from formulations.objective import HOST_TERMS, ObjectiveLevel, Term
from formulations.quantities import Quantity, exact
from formulations.rules import Rule
from formulations.tables import Integers


@dataclass(frozen=True, eq=False)
class CountedLevel:
    """What a placement of all VMs is worth, as far as it depends on the hosts in use.

    Attributes
    ----------
    number : int or None
        The first level that hosts in use can raise; None when no level speaks of hosts.
    prices : tuple of Fraction
        What a host of each entry adds to that level when it is in use.
    constant : Fraction
        What every placement of all VMs adds.
    served : bool
        Whether an earlier level asks that no demand stays unmet.
    faults : tuple of str
        Why the cheapest hosts need not be the level's optimum; empty when they are, given that
        all VMs are placed and, where ``served``, have their demands.
    """

    number: int | None
    prices: tuple[Fraction, ...]
    constant: Fraction
    served: bool
    faults: tuple[str, ...]


class LevelReading:
    """Reads an objective for placements that leave no VM out.

    Parameters
    ----------
    instance : Instance
    binding : sequence of Rule
        The rules that bind.
    hosts : int64 array
        The entries that hold VMs or may.
    settled : int64 array, shape (VMs,)
        The host of VMs that can be on no other one, else -1.
    """

    def __init__(self, instance: Instance, binding: Iterable[Rule], hosts: Integers, settled: Integers) -> None:
        self.instance = instance
        self._hosts = hosts.tolist()
        self._soft = any(not rule.hard for rule in binding)
        entries = np.bincount(instance.vm_entry[instance.wanted], minlength=len(instance.vms))
        self._members = entries.tolist()
        tables = instance.tables
        self._elastic = bool((tables.demand > tables.lower)[entries > 0].any())
        self._can_leave = bool((instance.ruled & (instance.current >= 0) & (settled != instance.current)).any())
        self._movable = self._can_migrate(settled)
        self.number = self._counted()

    def _counted(self) -> int | None:
        """Return the first level that hosts in use can raise; else the first that speaks of hosts and stays 0."""
        priced = [k for k, stated in enumerate(self.instance.levels) if self._prices(stated)]
        named = [k for k, stated in enumerate(self.instance.levels) if self._host_terms(stated)]
        return next(iter(priced + named), None)

    def _can_migrate(self, settled: Integers) -> bool:
        """Return whether some placement moves a VM at a cost."""
        instance = self.instance
        free = instance.ruled & (instance.current >= 0) & (settled != instance.current)
        entries = np.flatnonzero(np.bincount(instance.vm_entry[free])).tolist()
        return any(exact(instance.vms[entry].move_cost) for entry in entries)

    @property
    def asks_service(self) -> bool:
        """Whether a level before the counted one is worse for unmet demand, and there may be some."""
        return self._elastic and any(term.kind == "unmet_demand" for stated in self._earlier for term in stated.terms)

    @property
    def _earlier(self) -> list[ObjectiveLevel]:
        return list(self.instance.levels)[: self.number]

    def read(self, *, served: bool) -> CountedLevel:
        """Return the counted level when every VM gets its demand (``served``) or its reservation."""
        faults = [
            f"{term} comes before the hosts' cost"
            for stated in self._earlier
            for term in stated.terms
            if not self._nothing(term, served=served)
        ]
        if self.instance.allow_unplaced and not self._all_wanted():
            faults.append("VMs may be left out, and not every one counts before the hosts' cost")
        prices, constant = [Fraction(0)] * len(self.instance.hosts), Fraction(0)
        if self.number is not None:
            stated = self.instance.levels[self.number]
            faults += [f"{term} counts beside the hosts' cost" for term in stated.terms if self._disturbs(term, served)]
            prices = self._priced(stated)
            constant, uneven = self._dynamic_energy(stated)
            faults += [uneven] if uneven else []
        return CountedLevel(self.number, tuple(prices), constant, served, tuple(faults))

    # -- terms ---------------------------------------------------------------------------

    def _nothing(self, term: Term, *, served: bool) -> bool:  # noqa: PLR0911 (one case per term)
        """Return whether a term is 0 in every placement of all VMs that gives them their sizes."""
        match term.kind:
            case "unplaced":
                return True
            case "broken_rules":
                return not self._soft
            case "unmet_demand":
                return served or not self._elastic
            case "migration":
                return not self._movable
            case "group_moves" | "distance":
                return not self._can_leave
            case "imbalance" | "load" | "balance":
                return False
        return not any(self._own_price(term, self.instance.hosts[entry]) for entry in self._hosts)

    def _disturbs(self, term: Term, served: bool) -> bool:
        """Return whether a term of the counted level depends on more than the hosts in use.

        That it could be 0 is not enough there: it might be traded against hosts.
        """
        if term.kind in HOST_TERMS:
            return False
        if term.kind == "unplaced":
            return self.instance.allow_unplaced
        return not self._nothing(term, served=served and self.asks_service)

    def _all_wanted(self) -> bool:
        """Return whether the earlier levels count every VM that is left out."""
        terms = [term for stated in self._earlier for term in stated.terms if term.kind == "unplaced"]
        counted = {term.priority for term in terms if term.resource is None}
        priorities = {vm.priority for vm, members in zip(self.instance.vms, self._members, strict=True) if members}
        return None in counted or priorities <= counted

    # -- what hosts cost -----------------------------------------------------------------

    def _prices(self, stated: ObjectiveLevel) -> bool:
        """Return whether hosts in use can raise a level."""
        hosts = [self.instance.hosts[entry] for entry in self._hosts]
        return any(
            term.kind == "energy" or self._own_price(term, host) for term in self._host_terms(stated) for host in hosts
        )

    @staticmethod
    def _host_terms(stated: ObjectiveLevel) -> list[Term]:
        return [term for term in stated.terms if term.kind in HOST_TERMS]

    def _priced(self, stated: ObjectiveLevel) -> list[Fraction]:
        """Return what a host of each entry adds to the level; equal hosts are computed once."""
        known: dict[tuple[Quantity | None, Quantity], Fraction] = {}
        for host in self.instance.hosts:
            if (key := (host.cost, host.idle_power)) not in known:
                parts = (exact(term.weight) * self._own_price(term, host) for term in self._host_terms(stated))
                known[key] = sum(parts, Fraction(0))
        return [known[host.cost, host.idle_power] for host in self.instance.hosts]

    @staticmethod
    def _own_price(term: Term, host: Host) -> Fraction:
        """Return what an idle host in use adds to a term."""
        if term.kind == "hosts":
            return Fraction(1)
        return exact((host.cost or 0) if term.kind == "cost" else host.idle_power)

    def _dynamic_energy(self, stated: ObjectiveLevel) -> tuple[Fraction, str]:
        """Return what the VMs' cpu demand adds at least, and why it may be more.

        Where a unit of cpu draws the same on every host the sum is the same wherever VMs are.
        """
        weight = sum((exact(term.weight) for term in stated.terms if term.kind == "energy"), Fraction(0))
        tables = self.instance.tables
        if not weight or tables.cpu is None:
            return Fraction(0), ""
        demand = sum(d * n for d, n in zip(tables.demand[:, tables.cpu].tolist(), self._members, strict=True))
        slopes = {self._slope(entry, int(tables.capacity[entry, tables.cpu])) for entry in self._hosts}
        if not demand or not slopes:
            return Fraction(0), ""
        why = "a unit of cpu does not draw the same power on every host" if len(slopes) > 1 else ""
        return weight * demand * min(slopes), why

    def _slope(self, entry: int, capacity: int) -> Fraction:
        host = self.instance.hosts[entry]
        return (exact(host.peak_power) - exact(host.idle_power)) / capacity if capacity else Fraction(0)
