"""Drafts: an instance with some of its facts changed, put together and validated once."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import msgspec
import numpy as np

from formulations.bounds import Bounds, Size
from formulations.instance import Instance
from formulations.isolation import AnyIsolation, Shared
from formulations.machines import MOST_CELLS, VM, Cell, Count, Host
from formulations.objective import level
from formulations.quantities import LARGEST_INTEGER, LARGEST_QUANTITY, MOST_DECIMALS, Quantity, exact
from formulations.rules import AtMostOn, Dedicated, FaultDomains, Ignore, Rule


class Draft:
    """What an instance becomes when facts are relaxed or amounts changed; the instance stays as it is.

    Only what decides whether there is a placement is kept: soft rules and the objective are left out.
    Changes are given in terms of the instance drafted from: entries by name, rules by position.

    Parameters
    ----------
    instance : Instance
    """

    def __init__(self, instance: Instance) -> None:
        self.source = instance
        self._vms = {vm.name: vm for vm in instance.vms}
        self._hosts = {host.name: host for host in instance.hosts}
        self._rules: dict[int, Rule] = {n: rule for n, rule in enumerate(instance.rules) if rule.hard}
        self._new_rules: list[Rule] = []
        self._new_hosts: list[Host] = []
        self._isolation: AnyIsolation = instance.isolation
        self._roomy: dict[str, set[int]] = {}
        self._free: dict[str, set[int]] = {}
        self._more_hosts = False

    def copy(self) -> Draft:
        """Return a draft with the same changes, to be changed further on its own."""
        other = Draft(self.source)
        other._vms, other._hosts, other._rules = dict(self._vms), dict(self._hosts), dict(self._rules)
        other._new_rules, other._new_hosts = list(self._new_rules), list(self._new_hosts)
        other._isolation, other._more_hosts = self._isolation, self._more_hosts
        other._roomy = {host: set(resources) for host, resources in self._roomy.items()}
        other._free = {vm: set(resources) for vm, resources in self._free.items()}
        return other

    def instance(self) -> Instance:
        """Return the changed instance.

        Raises
        ------
        InputError
            If a change asks for figures that no instance may have.
        """
        idle = self._idle()
        hosts = [self._enlarged(host) for host in self._hosts.values()]
        members = max(1, sum(vm.count for vm in self._vms.values() if vm.power == "on" and vm.name not in idle))
        return self.source.replace(
            vms=[msgspec.structs.replace(vm, power="off") if name in idle else vm for name, vm in self._vms.items()],
            hosts=hosts + self._new_hosts + (self._spare(hosts, members) if self._more_hosts else []),
            rules=[*self._rules.values(), *self._new_rules],
            isolation=self._isolation,
            objective=[level("hosts")],
        )

    def _idle(self) -> set[str]:
        """Return VM entries that any host could take whatever the others do, so that they decide nothing."""
        levels = [self._isolation, *(vm.isolation for vm in self._vms.values() if vm.isolation is not None)]
        rules = [*self._rules.values(), *self._new_rules]
        celled = any(host.cells for host in self._hosts.values())
        closed = all(host.state == "maintenance" for host in self._hosts.values())
        if closed or not all(isinstance(own, Shared) for own in levels):
            return set()
        if any(isinstance(rule, AtMostOn | Dedicated) for rule in rules):
            return set()
        plenty = self._plentiful()
        named = {selector for rule in rules for names in rule.vm_selectors().values() for selector in names}
        busy = set(np.unique(self.source.vm_entry[self.source.vms_called(named)]).tolist())
        return {
            vm.name
            for entry, vm in enumerate(self._vms.values())
            if entry not in busy and (vm.numa == 1 or not celled) and self._weightless(entry, vm, plenty)
        }

    def _plentiful(self) -> set[int]:
        """Return the resources of which every host has enough for everything."""
        names = range(len(self.source.resources))
        return {r for r in names if all(r in self._roomy.get(host, ()) for host in self._hosts)}

    def _weightless(self, entry: int, vm: VM, plenty: set[int]) -> bool:
        """Return whether a VM reserves nothing that could be short."""
        needed = set(np.flatnonzero(self.source.tables.lower[entry]).tolist())
        return needed - plenty <= self._free.get(vm.name, set())

    # -- rules ---------------------------------------------------------------------------

    def drop_rule(self, position: int) -> None:
        """Leave out the rule at a position of the instance."""
        self._rules.pop(position, None)

    def change_rule(self, position: int, **changes: Any) -> None:
        """Change fields of the rule at a position of the instance."""
        self._rules[position] = msgspec.structs.replace(self._rules[position], **changes)

    def leave_out(self, vm: str) -> None:
        """Do without a VM: one entry (all its members), or a member of an entry without a current host."""
        if vm in self._vms:
            self._vms[vm] = msgspec.structs.replace(self._vms[vm], power="off")
        else:
            self._new_rules.append(Ignore(vms=[vm]))

    # -- VMs -----------------------------------------------------------------------------

    def reserve(self, vm: str, resource: int, amount: Fraction) -> None:
        """Set a VM's reservation, overhead included; a rigid size changes as a whole."""
        entry, name = self._vms[vm], self.source.resources[resource].name
        low, demand, high = entry.bounds(name)
        sizes: dict[str, Size] = dict(entry.resources)
        stated = sizes.get(name, 0)
        if low == demand == high:
            sizes[name] = quantity(amount)
        elif isinstance(stated, Bounds):
            sizes[name] = _lowered(stated, amount, low - stated.triple()[0])
        overhead = {key: value for key, value in entry.overhead.items() if key != name}
        self._change_vm(vm, resources=sizes, overhead=overhead)

    def unreserve(self, vm: str, resource: int) -> None:
        """Let a VM reserve nothing of a resource."""
        self._free.setdefault(vm, set()).add(resource)
        self.reserve(vm, resource, Fraction(0))

    def share(self, vm: str | None) -> None:
        """Isolate a VM, or every VM without a level of its own, no more than shared."""
        if vm is None:
            self._isolation = Shared()
        else:
            self._change_vm(vm, isolation=Shared())

    def _change_vm(self, vm: str, **changes: Any) -> None:
        self._vms[vm] = msgspec.structs.replace(self._vms[vm], **changes)

    # -- hosts ---------------------------------------------------------------------------

    def switch_on(self, host: str) -> None:
        """Take a host out of maintenance."""
        self._change_host(host, state="on")

    def join_cells(self, host: str) -> None:
        """Forget a host's NUMA cells and keep their sums."""
        entry = self._hosts[host]
        names = [resource.name for resource in self.source.resources]
        self._change_host(host, cells=[], capacity={name: quantity(entry.physical(name)) for name in names})

    def make_roomy(self, host: str, resource: int) -> None:
        """Give a host so much of a resource that all VMs would fit."""
        self._roomy.setdefault(host, set()).add(resource)

    def add_capacity(self, host: str, resource: int, amount: Fraction) -> None:
        """Add usable capacity to each member of a host entry, evenly over the cells that list it."""
        entry, name = self._hosts[host], self.source.resources[resource].name
        before = entry.usable(name)
        changes: dict[str, Any] = {
            "capacity": {**entry.capacity, name: quantity(before + amount)},
            "reserve": {key: value for key, value in entry.reserve.items() if key != name},
            "overcommit": {key: value for key, value in entry.overcommit.items() if key != name},
        }
        if (cells := entry.cell_usable(name)) is not None:
            each = amount / len(cells)
            changes["cells"] = [
                msgspec.structs.replace(cell, capacity={**cell.capacity, name: quantity(usable + each)})
                for cell, usable in zip(entry.cells, cells, strict=True)
            ]
        if entry.cores and self.source.tables.cpu == resource and before > 0:
            changes["cores"] = max(1, int(entry.cores * (before + amount) / before))
        self._change_host(host, **changes)

    def add_hosts(self, like: str, count: int, *, labelled: bool = True) -> None:
        """Add hosts like those of an entry, in the same domains or in domains of their own."""
        self._new_hosts.append(self._copy(self._hosts[like], count, len(self._new_hosts), labelled=labelled))

    def allow_more_hosts(self) -> None:
        """Add so many hosts of every kind that their number does not matter."""
        self._more_hosts = True

    def _change_host(self, host: str, **changes: Any) -> None:
        self._hosts[host] = msgspec.structs.replace(self._hosts[host], **changes)

    # -- hosts large and numerous enough ---------------------------------------------------

    def _enlarged(self, host: Host) -> Host:
        for resource in sorted(self._roomy.get(host.name, ())):
            host = self._enlarged_in(host, resource)
        return host

    def _enlarged_in(self, host: Host, resource: int) -> Host:
        """Multiply a host's capacity of a resource, its reserve and (for cpu) its cores: cores keep their size."""
        name = self.source.resources[resource].name
        everything = self._everything(resource)
        parts = [host.usable(name), *(host.cell_usable(name) or ())]
        if min(parts) <= 0:
            return self._refitted(host, name, everything, with_cores=resource == self.source.tables.cpu)
        members = int(self.source.wanted.sum())
        factor = max(2, ceil(everything / min(parts)) + (ceil(members / host.cores) if host.cores else 0))
        largest = max(host.physical(name), *parts)
        quanta = max(1, self.source.tables.scales[resource].integer(largest))
        factor = min(factor, int(LARGEST_QUANTITY // largest), LARGEST_INTEGER // quanta)
        return _multiplied(host, name, max(1, factor), with_cores=resource == self.source.tables.cpu)

    def _everything(self, resource: int) -> Fraction:
        """Return what would hold every VM at its largest stated size, on each host and in each cell."""
        tables = self.source.tables
        upper = tables.upper[:, resource]
        finite = np.where(upper < LARGEST_INTEGER, upper, 0)
        most = max(int(finite.max(initial=0)), int(tables.demand[:, resource].max(initial=0)), 1)
        largest = LARGEST_INTEGER // MOST_CELLS
        return tables.scales[resource].value(min(most * max(1, self.source.vm_count), largest))

    def _refitted(self, host: Host, name: str, everything: Fraction, *, with_cores: bool) -> Host:
        """Give a host that lacks a resource, wholly or in a cell, as much of it as everything needs."""
        amount = quantity(min(everything, Fraction(LARGEST_QUANTITY)))
        cells = [_with_capacity(cell, name, amount) for cell in host.cells]
        whole = quantity(min(everything * max(1, len(cells)), Fraction(LARGEST_QUANTITY)))
        changes: dict[str, Any] = {"capacity": {**host.capacity, name: whole}, "cells": cells}
        changes["reserve"] = {key: value for key, value in host.reserve.items() if key != name}
        if with_cores and host.cores:
            changes["cores"] = max(1, int(everything))
        return msgspec.structs.replace(host, **changes)

    def _spare(self, hosts: list[Host], members: int) -> list[Host]:
        """Return more hosts of every kind for so many VMs, in the domains there are and in new ones."""
        old_domains = any(_names_domains(rule) for rule in self._rules.values())
        kinds: dict[tuple[bool, bytes], Host] = {}
        for host in hosts:
            if host.count == "unlimited" or host.state == "maintenance":
                continue
            for labelled in (False, True) if old_domains and set(host.domains) - {"type"} else (False,):
                kinds.setdefault((labelled, _kind(host, labelled=labelled)), host)
        each = max(1, min(members, (4 * members + 64) // max(1, len(kinds))))
        return [
            self._copy(host, each, n, labelled=labelled, what="spare")
            for n, ((labelled, _), host) in enumerate(kinds.items())
        ]

    def _copy(self, host: Host, count: Count, number: int, *, labelled: bool, what: str = "new") -> Host:
        names = {*self._vms, *self._hosts}
        name = f"{what} host {number + 1}"
        while name in names:
            name += "'"
        domains: dict[str, Any] = {} if labelled else {"rack": None, "zone": None, "labels": {}}
        return msgspec.structs.replace(host, name=name, count=count, state="on", **domains)


def quantity(value: Fraction) -> Quantity:
    """Return a fraction as people would write it, rounded down to the decimals that a file may hold."""
    if value.denominator == 1:
        return int(value)
    return Decimal(int(value * 10**MOST_DECIMALS)).scaleb(-MOST_DECIMALS)


def _names_domains(rule: Rule) -> bool:
    """Return whether a rule asks in which rack, zone or other domain a host is."""
    by_level = any(level != "host" for level in rule.levels().values()) or isinstance(rule, FaultDomains)
    return by_level or any(":" in name for names in rule.host_selectors().values() for name in names)


def _lowered(bounds: Bounds, reservation: Fraction, extra: Fraction) -> Bounds:
    """Return bounds with the overhead ``extra`` taken into demand and limit, and another reservation."""
    demand: Quantity | list[Quantity] = [quantity(value + extra) for value in bounds.profile]
    if not isinstance(bounds.demand, list):
        demand = quantity(bounds.profile[0] + extra)
    limit = bounds.triple()[2]
    high = None if limit is None else quantity(limit + extra)
    return msgspec.structs.replace(bounds, reservation=quantity(reservation), demand=demand, limit=high)


def _multiplied(host: Host, name: str, factor: int, *, with_cores: bool) -> Host:
    def more(table: dict[str, Quantity]) -> dict[str, Quantity]:
        return {**table, name: quantity(exact(table[name]) * factor)} if name in table else table

    def cores(count: int | None) -> int | None:
        return count * factor if count and with_cores else count

    cells = [
        msgspec.structs.replace(cell, capacity=more(cell.capacity), cores=cores(cell.cores)) for cell in host.cells
    ]
    changes = {"capacity": more(host.capacity), "reserve": more(host.reserve), "cores": cores(host.cores)}
    return msgspec.structs.replace(host, cells=cells, **changes)


def _with_capacity(cell: Cell, name: str, amount: Quantity) -> Cell:
    return msgspec.structs.replace(cell, capacity={**cell.capacity, name: amount})


def _kind(host: Host, *, labelled: bool) -> bytes:
    """Return what tells hosts apart in which VMs they could take."""
    plain: dict[str, Any] = {} if labelled else {"rack": None, "zone": None, "labels": {}}
    alike = msgspec.structs.replace(
        host, name="kind", count=1, cost=None, idle_power=0, peak_power=0, migration_bandwidth=None, state="on", **plain
    )
    return msgspec.json.encode(alike, order="deterministic")
