"""What an objective term is worth at least: the best of the simple bounds, and its name."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from math import ceil

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.machines import Host
from formulations.objective import Term
from formulations.quantities import common_quantum, exact
from formulations.rules import AtLeastDomains, AtMostPerHost
from solver.bounds.cliques import conflict_cliques
from solver.bounds.dual_feasible import bin_bounds
from solver.bounds.evictions import least_evictions
from solver.bounds.volume import Supply, cheapest, least_cost, least_number

Proof = tuple[Fraction, str]
"""A bound and who proved it."""

NOTHING: Proof = (Fraction(0), "no term is negative")


def lower_bound(instance: Instance, term: Term, *, all_placed: bool | None = None) -> Proof:
    """Return a value that an objective term cannot fall below in any placement, and who proved it.

    Sizes count with their reservations, so the bound holds under every isolation level. Where
    an instance has no placement at all, the bound may be anything up to that of some relaxation.

    Parameters
    ----------
    instance : Instance
    term : Term
        Its weight does not count.
    all_placed : bool, optional
        Whether only placements of every wanted VM count; by default what the instance demands.
        Pass True below a level that is already proved to leave no VM unplaced.

    Returns
    -------
    bound : Fraction
        In the term's unit.
    proved_by : str
        Such as ``volume of memory`` or ``L2 of cpu``.
    """
    bounds = TermBounds(instance, not instance.allow_unplaced if all_placed is None else all_placed)
    return max([NOTHING, *bounds.proofs(term)], key=lambda proof: proof[0])


class TermBounds:
    """The simple bounds of an instance's terms.

    Parameters
    ----------
    instance : Instance
    everyone : bool
        Whether every wanted VM must be placed; otherwise only ignored VMs count.
    """

    def __init__(self, instance: Instance, everyone: bool) -> None:
        self.instance = instance
        self.everyone = everyone
        self.tables = instance.tables

    def proofs(self, term: Term) -> Iterator[Proof]:
        """Yield the bounds of a term."""
        match term.kind:
            case "hosts":
                yield from self._hosts()
            case "cost":
                yield from self._cost()
            case "energy":
                yield from self._energy()
            case "unplaced":
                yield from self._unplaced(term.priority) if term.resource is None else self._left_out(term)
            case "unmet_demand":
                yield self._unmet()
            case "migration":
                yield least_evictions(self.instance).bound, "who must leave each host"
            case "load":
                yield from self._load(str(term.resource))
            case "balance":
                yield from self._balance(term)

    # -- who is served, and by whom ---------------------------------------------------------

    @cached_property
    def _stuck(self) -> NDArray[np.bool_]:
        """Ignored VMs on hosts in maintenance, which serve nobody else: shape (vms,)."""
        instance, entries = self.instance, self.instance.host_names.entries()
        stays = instance.wanted & instance.ignored
        usable = instance.usable_entries[entries[np.maximum(instance.current, 0)]]
        stuck: NDArray[np.bool_] = stays & ~usable
        return stuck

    @cached_property
    def counts(self) -> list[int]:
        """How many VMs of every entry must be served by usable hosts."""
        served = self.instance.wanted & ~self._stuck
        if not self.everyone:
            served = served & self.instance.ignored
        counts: list[int] = np.bincount(self.instance.vm_entry[served], minlength=len(self.instance.vms)).tolist()
        return counts

    @cached_property
    def forced(self) -> list[int]:
        """How many hosts of every entry ignored VMs keep in use."""
        hosts = np.unique(self.instance.current[self.instance.ignored & self.instance.wanted])
        entries = self.instance.host_names.entry_of(hosts)
        forced: list[int] = np.bincount(entries, minlength=len(self.instance.hosts)).tolist()
        return forced

    def _free(self) -> Iterator[tuple[int, Host, int | None]]:
        """Yield the usable host entries with how many are not kept in use anyway."""
        for entry, host in enumerate(self.instance.hosts):
            if self.instance.usable_entries[entry]:
                yield entry, host, None if host.count == "unlimited" else host.count - self.forced[entry]

    def _demand(self, r: int) -> int:
        """Return what must be served beyond the hosts that are in use anyway."""
        total = sum(low * count for low, count in zip(self.tables.lower[:, r].tolist(), self.counts, strict=True))
        usable = self.instance.usable_entries
        given = [c * n for c, n, on in zip(self.tables.capacity[:, r].tolist(), self.forced, usable, strict=True) if on]
        return int(total - sum(given))

    def _name(self, r: int) -> str:
        return self.tables.scales[r].resource.name

    # -- hosts and their cost ------------------------------------------------------------------

    def _hosts(self) -> Iterator[Proof]:
        fixed = sum(self.forced)
        for r in range(len(self.tables.scales)):
            supplies = [Supply(int(self.tables.capacity[e, r]), Fraction(1), n) for e, _, n in self._free()]
            if (number := least_number(supplies, self._demand(r))) is not None:
                yield Fraction(fixed + number), f"volume of {self._name(r)}"
        kept_on_maintained = sum(n for n, on in zip(self.forced, self.instance.usable_entries, strict=True) if not on)
        for number, name in self._bins():
            yield Fraction(kept_on_maintained + number), name
        if self.everyone:
            yield from self._by_rules()

    def _bins(self) -> Iterator[tuple[int, str]]:
        """Yield bounds on the usable hosts in use, as if each were as large as the largest."""
        largest = self.tables.capacity[self.instance.usable_entries].max(axis=0, initial=0).tolist()
        for r, capacity in enumerate(largest):
            sizes = self.tables.lower[:, r].tolist()
            if capacity > 0 and all(size <= capacity for size, n in zip(sizes, self.counts, strict=True) if n):
                known = [(size, n) for size, n in zip(sizes, self.counts, strict=True) if n and size]
                for number, name in bin_bounds([s for s, _ in known], [n for _, n in known], capacity):
                    yield number, f"{name} of {self._name(r)}"

    def _by_rules(self) -> Iterator[Proof]:
        for clique in conflict_cliques(self.instance)[:1]:
            yield Fraction(len(clique.vms)), f"clique of {len(clique.vms)} VMs kept apart"
        for rule in self.instance.rules:
            if rule.hard and isinstance(rule, AtLeastDomains):
                if self.instance.ruled[self.instance.vms_called(rule.vms)].any():
                    yield Fraction(rule.least), str(rule)
            elif rule.hard and isinstance(rule, AtMostPerHost) and rule.most:
                members = int(self.instance.ruled[self.instance.vms_called(rule.vms)].sum())
                if len(self.instance.hosts_called(rule.hosts)) == self.instance.host_count:
                    yield Fraction(-(-members // rule.most)), str(rule)

    def _cost(self) -> Iterator[Proof]:
        costs = [exact(0 if host.cost is None else host.cost) for host in self.instance.hosts]
        step = common_quantum(costs)
        for bound, name in self._covered(costs):
            yield step * ceil(bound / step), name

    def _covered(self, costs: list[Fraction]) -> Iterator[Proof]:
        """Yield bounds on the sum of a figure over the hosts in use."""
        fixed = sum((cost * n for cost, n in zip(costs, self.forced, strict=True)), Fraction(0))
        for r in range(len(self.tables.scales)):
            supplies = [Supply(int(self.tables.capacity[e, r]), costs[e], n) for e, _, n in self._free()]
            if (least := least_cost(supplies, self._demand(r))) is not None:
                yield fixed + least, f"volume of {self._name(r)}"
        number, name = max([NOTHING, *self._hosts()], key=lambda proof: proof[0])
        kinds = [(costs[e], n) for e, _, n in self._free()]
        if (least := cheapest(kinds, max(0, int(number) - sum(self.forced)))) is not None:
            yield fixed + least, f"{name}, on the cheapest hosts"

    def _energy(self) -> Iterator[Proof]:
        """Yield bounds on idle power, plus the least that the cpu demand adds to it."""
        added = self._least_dynamic_power()
        for bound, name in self._covered([exact(host.idle_power) for host in self.instance.hosts]):
            yield bound + added, f"{name}, and cpu demand on the thriftiest hosts"

    def _least_dynamic_power(self) -> Fraction:
        cpu = self.tables.cpu
        if cpu is None:
            return Fraction(0)
        rates = [
            (exact(host.peak_power) - exact(host.idle_power)) / int(self.tables.capacity[entry, cpu])
            for entry, host, _ in self._free()
            if self.tables.capacity[entry, cpu] > 0
        ]
        demand = sum(int(d) * n for d, n in zip(self.tables.demand[:, cpu], self.counts, strict=True))
        if any(self.tables.capacity[entry, cpu] == 0 for entry, _, _ in self._free()):
            return Fraction(0)
        return min(rates, default=Fraction(0)) * demand

    # -- load and balance ------------------------------------------------------------------------

    def _load(self, resource: str) -> Iterator[Proof]:
        """Yield what all hosts together lack in safety capacity."""
        r = self.tables.resource_names.index(resource)
        if (demand := self._served_demand(r)) is None or any(host.count == "unlimited" for host in self.instance.hosts):
            return
        above = demand - self._of_all_hosts(self.tables.safety[:, r])
        yield max(0, above) * self.tables.scales[r].quantum, f"safety capacity of {resource} in all"

    def _balance(self, term: Term) -> Iterator[Proof]:
        """Yield how far what is free in all falls short of balance; the sum of shortfalls is no less."""
        if any(host.count == "unlimited" or host.state == "maintenance" for host in self.instance.hosts):
            return
        free: list[Fraction] = []
        for name in (term.resource, term.other):
            r = self.tables.resource_names.index(str(name))
            if (demand := self._served_demand(r)) is None:
                return
            free.append((self._of_all_hosts(self.tables.capacity[:, r]) - demand) * self.tables.scales[r].quantum)
        yield max(Fraction(0), term.ratio * free[0] - free[1]), f"{term.resource} and {term.other} free in all"

    def _served_demand(self, r: int) -> int | None:
        """Return the demand of all wanted VMs; None where some may stay out."""
        if not self.everyone:
            return None
        counts = np.bincount(self.instance.vm_entry[self.instance.wanted], minlength=len(self.instance.vms)).tolist()
        return int(sum(d * n for d, n in zip(self.tables.demand[:, r].tolist(), counts, strict=True)))

    def _of_all_hosts(self, figure: NDArray[np.int64]) -> int:
        counts = [host.count for host in self.instance.hosts if host.count != "unlimited"]
        return int(sum(value * n for value, n in zip(figure.tolist(), counts, strict=True)))

    # -- refused VMs and unmet demand -------------------------------------------------------------

    def _unplaced(self, priority: int | None) -> Iterator[Proof]:
        """Yield how many VMs find no room even if those with the smallest reservations go first."""
        asked = self.instance.ruled
        if priority is not None:
            asked = asked & np.array([vm.priority == priority for vm in self.instance.vms])[self.instance.vm_entry]
        asked_counts = np.bincount(self.instance.vm_entry[asked], minlength=len(self.instance.vms)).tolist()
        for r in range(len(self.tables.scales)):
            if (room := self._room(r)) is not None:
                refused = 0
                for low, count in sorted(zip(self.tables.lower[:, r].tolist(), asked_counts, strict=True)):
                    fit = count if low == 0 else min(count, room // low)
                    room -= fit * low
                    refused += count - fit
                yield Fraction(refused), f"volume of {self._name(r)}"

    def _left_out(self, term: Term) -> Iterator[Proof]:
        """Yield how much of a resource is left out even if those stay who take least for what they demand of it."""
        counted = self.tables.resource_names.index(str(term.resource))
        asked = self.instance.ruled
        if term.priority is not None:
            asked = asked & np.array([vm.priority == term.priority for vm in self.instance.vms])[self.instance.vm_entry]
        counts = np.bincount(self.instance.vm_entry[asked], minlength=len(self.instance.vms)).tolist()
        for r in range(len(self.tables.scales)):
            if (room := self._room(r)) is not None:
                rows = zip(
                    self.tables.lower[:, r].tolist(), self.tables.demand[:, counted].tolist(), counts, strict=True
                )
                refused = self._worth_refused([row for row in rows if row[1] and row[2]], room)
                yield refused * self.tables.scales[counted].quantum, f"volume of {self._name(r)}"

    @staticmethod
    def _worth_refused(rows: list[tuple[int, int, int]], room: int) -> int:
        """Return the least worth left out of (size, worth, count) when items may be cut, rounded up."""
        left = Fraction(0)
        for size, worth, count in sorted(rows, key=lambda row: Fraction(row[0], row[1])):
            taken = Fraction(count) if size == 0 else min(Fraction(count), Fraction(room, size))
            room = max(0, room - ceil(taken * size))
            left += (count - taken) * worth
        return ceil(left)

    def _room(self, r: int) -> int | None:
        """Return what the usable hosts have together beside ignored VMs; None if without end."""
        if (room := self._whole(r)) is None:
            return None
        kept = self.instance.ignored & self.instance.wanted & ~self._stuck
        taken: int = sum(self.tables.lower[self.instance.vm_entry[kept], r].tolist())
        return max(0, room - taken)

    def _unmet(self) -> Proof:
        """Return the unmet demand if all hosts were one, taken from those whom it costs least."""
        total = Fraction(0)
        wanted = np.bincount(
            self.instance.vm_entry[self.instance.wanted & ~self._stuck], minlength=len(self.instance.vms)
        )
        for r in range(len(self.tables.scales)):
            if (room := self._whole(r)) is not None:
                total += self._unmet_of(r, room, wanted.tolist())
        return total, "volume of all hosts together"

    def _whole(self, r: int) -> int | None:
        """Return what the usable hosts have together; None if without end."""
        whole = 0
        for entry, host in enumerate(self.instance.hosts):
            if self.instance.usable_entries[entry]:
                if host.count == "unlimited":
                    return None
                whole += int(self.tables.capacity[entry, r]) * host.count
        return whole

    def _unmet_of(self, r: int, room: int, counts: list[int]) -> Fraction:
        tables, unit = self.tables, self.tables.shares_unit
        rows = zip(
            tables.lower[:, r].tolist(), tables.demand[:, r].tolist(), tables.shares[:, r].tolist(), counts, strict=True
        )
        served = [(low, d, Fraction(share, unit * d), n) for low, d, share, n in rows if d and n]
        excess = sum(d * n for _, d, _, n in served) - room
        total = Fraction(0)
        for low, d, price, n in sorted(served, key=lambda row: row[2]):
            taken = min(max(0, excess), (d - low if self.everyone else d) * n)
            total += taken * price
            excess -= taken
        return total
