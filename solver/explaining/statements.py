"""Statements: all the facts that an instance states, in families, each in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np

from formulations.instance import Instance
from formulations.isolation import Full, Protected, Shared
from formulations.machines import VM, Host
from formulations.quantities import plain
from formulations.rules import AtLeastDomains, Ban, Depend, Fence, Ignore, Pin, Rule
from formulations.rules.base import quoted
from solver.explaining.facts import (
    CapacityFact,
    CellsFact,
    Fact,
    HostCountFact,
    IsolationFact,
    MaintenanceFact,
    ReservationFact,
    RuleFact,
    together,
)


class Facts:
    """The facts of an instance, in families, the preferred ones in an explanation first.

    Rules come first: where rules alone conflict, sizes and hosts are not blamed. The number of
    hosts comes last.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    @cached_property
    def families(self) -> tuple[tuple[Fact, ...], ...]:
        """The facts by kind; no family is empty."""
        return tuple(tuple(family) for family in self._collect() if family)

    def __iter__(self) -> Iterator[Fact]:
        for family in self.families:
            yield from family

    def _collect(self) -> Iterator[list[Fact]]:
        yield list(self.rules)
        yield list(self.maintenance())
        yield list(self.isolations())
        yield [fact for host in range(len(self.instance.hosts)) for fact in self.cells(host)]
        for r in range(len(self.instance.resources)):
            yield list(self.reservations(r))
        for r in range(len(self.instance.resources)):
            yield list(self.capacities(r))
        yield self.host_count()

    @cached_property
    def rules(self) -> tuple[RuleFact, ...]:
        """A fact per hard rule; equal rules are one."""
        return tuple(self._rules())

    def _rules(self) -> Iterator[RuleFact]:
        seen: dict[str, list[int]] = {}
        rules = self.instance.rules
        for position, rule in enumerate(rules):
            if rule.hard:
                seen.setdefault(repr(rule), []).append(position)
        texts = [rule_words(rules[positions[0]]) for positions in seen.values()]
        often = Counter(texts)
        for text, positions in zip(texts, seen.values(), strict=True):
            rule = rules[positions[0]]
            name = text if often[text] == 1 else f"{text} (rules[{positions[0]}])"
            if not isinstance(rule, Ignore):
                yield RuleFact(name, tuple(positions))
            elif entries := self._whole_entries(rule):
                yield RuleFact(name, tuple(positions), entries)

    def _whole_entries(self, rule: Ignore) -> tuple[str, ...]:
        """Return the entries that a rule ignores as a whole and that are somewhere now."""
        called = self.instance.vms_called(rule.vms)
        entries, counts = np.unique(self.instance.vm_entry[called], return_counts=True)
        whole = [self.instance.vms[e] for e, n in zip(entries, counts, strict=True) if n == self.instance.vms[e].count]
        return tuple(vm.name for vm in whole if vm.power == "on" and vm.host is not None)

    def rule(self, position: int) -> Fact | None:
        """Return the fact of the rule at a position of the instance."""
        return self._by_position.get(position)

    @cached_property
    def _by_position(self) -> dict[int, Fact]:
        return {position: fact for fact in self.rules for position in fact.positions}

    def isolations(self) -> Iterator[Fact]:
        """Yield the isolation levels that can forbid a placement."""
        entries = np.unique(self.instance.vm_entry[self.instance.wanted])
        stated = [self.instance.vms[entry] for entry in entries]
        protection = any(isinstance(self.instance.isolation_of(entry), Protected) for entry in entries)
        if any(vm.isolation is None for vm in stated) and self._matters(self.instance.isolation, protection=protection):
            own = self.instance.isolation.__struct_config__.tag
            yield IsolationFact(f"isolation {own} of {'all' if len(stated) > 1 else stated[0].name}", None)
        for vm in stated:
            if vm.isolation is not None and self._matters(vm.isolation, protection=protection):
                yield IsolationFact(f"isolation {vm.isolation.__struct_config__.tag} of {vm.name}", vm.name)

    @staticmethod
    def _matters(isolation: object, *, protection: bool) -> bool:
        if isinstance(isolation, Full):
            return isolation.pinned or protection
        return not isinstance(isolation, Shared)

    def reservations(self, r: int, vms: Iterable[int] | None = None) -> Iterator[Fact]:
        """Yield what each VM entry (of the given VMs) reserves of a resource."""
        tables, wanted = self.instance.tables, self.instance.wanted
        chosen = np.flatnonzero(wanted) if vms is None else np.array([v for v in vms if wanted[v]], dtype=np.int64)
        scale = tables.scales[r]
        for entry in np.unique(self.instance.vm_entry[chosen]):
            if low := int(tables.lower[entry, r]):
                vm = self.instance.vms[entry]
                yield ReservationFact(
                    f"{scale.resource.name} reservation of {vm_words(vm)}: {scale.say(low)}", vm.name, r
                )

    def all_reservations(self, r: int, vms: Sequence[int] | None = None) -> list[Fact]:
        """Return what VMs (or all) reserve of a resource, as one fact."""
        facts = list(self.reservations(r, vms))
        if not facts:
            return []
        tables, wanted = self.instance.tables, self.instance.wanted
        chosen = np.flatnonzero(wanted) if vms is None else np.array([v for v in vms if wanted[v]], dtype=np.int64)
        total = sum(tables.lower[self.instance.vm_entry[chosen], r].tolist())
        scale = tables.scales[r]
        return [together(f"{scale.resource.name} reservations of {len(chosen)} VMs: {scale.say(total)} in all", facts)]

    def capacities(self, r: int, hosts: Iterable[int] | None = None) -> Iterator[Fact]:
        """Yield what each host entry (of the given host entries) has of a resource."""
        tables, instance = self.instance.tables, self.instance
        entries = np.unique(instance.vm_entry[instance.wanted])
        shared = all(isinstance(instance.isolation_of(entry), Shared) for entry in entries)
        if shared and not tables.lower[entries, r].any():
            return
        scale = tables.scales[r]
        for position in range(len(instance.hosts)) if hosts is None else sorted(set(hosts)):
            host = instance.hosts[position]
            figure = scale.say(int(tables.capacity[position, r]))
            yield CapacityFact(f"{scale.resource.name} capacity of {host_words(host)}: {figure}", host.name, r)

    def all_capacities(self, r: int, hosts: Sequence[int] | None = None) -> list[Fact]:
        """Return what hosts (or all) have of a resource, as one fact."""
        facts = list(self.capacities(r, hosts))
        scale, tables = self.instance.tables.scales[r], self.instance.tables
        if not facts:
            return []
        chosen = range(len(self.instance.hosts)) if hosts is None else sorted(set(hosts))
        most = scale.say(int(tables.capacity[list(chosen), r].max()))
        return [together(f"{scale.resource.name} capacity of the hosts: at most {most} each", facts)]

    def host_count(self) -> list[Fact]:
        """Return the number of hosts as a fact; nothing where it is unlimited or none is on."""
        usable = [host for host in self.instance.hosts if host.state != "maintenance"]
        counts = [host.count for host in usable if host.count != "unlimited"]
        if not usable or (len(counts) < len(usable) and len({_size(host) for host in usable}) == 1):
            return []
        return [HostCountFact(f"there {'is 1 host' if sum(counts) == 1 else f'are {sum(counts)} hosts'}")]

    def maintenance(self) -> list[MaintenanceFact]:
        """Return the hosts in maintenance as facts."""
        stopped = [host for host in self.instance.hosts if host.state == "maintenance"]
        return [MaintenanceFact(f"{host_words(host)} in maintenance", host.name) for host in stopped]

    def cells(self, host: int) -> list[Fact]:
        """Return the NUMA cells of a host entry as a fact, if it has any."""
        entry = self.instance.hosts[host]
        return (
            [CellsFact(f"the {len(entry.cells)} NUMA cells of {host_words(entry)}", entry.name)] if entry.cells else []
        )


def _size(host: Host) -> str:
    return repr((host.capacity, host.reserve, host.overcommit, host.cells, host.cores))


def vm_words(vm: VM) -> str:
    """Name a VM entry: ``db``, or ``each of 20 web``."""
    return vm.name if vm.count == 1 else f"each of {vm.count} {vm.name}"


def host_words(host: Host) -> str:
    """Name a host entry: ``host-3``, ``each of 20 host``, or ``every host`` of an unlimited entry."""
    if host.count == "unlimited":
        return f"every {host.name}"
    return host.name if host.count == 1 else f"each of {host.count} {host.name}"


def rule_words(rule: Rule) -> str:
    """Name a rule with all that tells it from its like: ``fence db to rack:A``."""
    words = str(rule)
    if isinstance(rule, Fence | Pin | Ban):
        hosts = [name for names in rule.host_selectors().values() for name in names]
        words += f" {'from' if isinstance(rule, Ban) else 'to'} {quoted(hosts)}" if hosts else ""
    if isinstance(rule, AtLeastDomains):
        return f"at least {plain(rule.least)} different {rule.level}s for {quoted(rule.vms)}"
    if isinstance(rule, Depend):
        words = f"depend {quoted(rule.vms)} on {quoted(rule.on)}"
    at = [level for level in rule.levels().values() if level != "host"]
    return f"{words} by {at[0]}" if at else words
