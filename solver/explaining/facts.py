"""Facts as people think of them: rules, reservations, capacities, hosts; and what relaxing each means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from formulations.instance import Instance
from formulations.isolation import Full, Protected, Shared
from formulations.machines import VM, Host
from formulations.quantities import plain
from formulations.rules import AtLeastDomains, Ban, Depend, Fence, Ignore, Pin, Rule
from formulations.rules.base import quoted
from solver.explaining.draft import Draft


@dataclass(frozen=True)
class Fact(ABC):
    """Something stated by an instance without which more placements would be allowed.

    Relaxing a fact never forbids a placement, so the facts that hold can be treated as a set:
    more facts, fewer placements.

    Parameters
    ----------
    text : str
        As people say it.
    """

    text: str

    @abstractmethod
    def relax(self, draft: Draft) -> None:
        """Take the fact out of a draft."""

    def members(self) -> Iterator[Fact]:
        """Yield the facts that this one consists of."""
        yield self

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class RuleFact(Fact):
    """A hard rule. Relaxing leaves it out; for an ignore rule, it takes the ignored VMs away.

    (Ignored VMs that had to be placed anew would not be a relaxation.)

    Parameters
    ----------
    positions : tuple of int
        Where the rule stands in the instance: once, or more often if it is repeated.
    ignored : tuple of str
        The VM entries that an ignore rule covers as a whole.
    """

    positions: tuple[int, ...]
    ignored: tuple[str, ...] = ()

    def relax(self, draft: Draft) -> None:
        """Leave the rule out, or the VMs that it ignores."""
        for vm in self.ignored:
            draft.leave_out(vm)
        for position in self.positions if not self.ignored else ():
            draft.drop_rule(position)


@dataclass(frozen=True)
class ReservationFact(Fact):
    """What a VM entry's members reserve of a resource. Relaxing sets it to 0."""

    vm: str
    resource: int

    def relax(self, draft: Draft) -> None:
        """Reserve nothing."""
        draft.unreserve(self.vm, self.resource)


@dataclass(frozen=True)
class CapacityFact(Fact):
    """What a host entry's members have of a resource. Relaxing gives enough for all VMs."""

    host: str
    resource: int

    def relax(self, draft: Draft) -> None:
        """Make room for everything."""
        draft.make_roomy(self.host, self.resource)


@dataclass(frozen=True)
class CellsFact(Fact):
    """The NUMA cells of a host entry. Relaxing joins them into one."""

    host: str

    def relax(self, draft: Draft) -> None:
        """Join the cells."""
        draft.join_cells(self.host)


@dataclass(frozen=True)
class MaintenanceFact(Fact):
    """A host entry in maintenance. Relaxing switches it on."""

    host: str

    def relax(self, draft: Draft) -> None:
        """Switch the host on."""
        draft.switch_on(self.host)


@dataclass(frozen=True)
class IsolationFact(Fact):
    """The isolation level of a VM entry, or (None) of all that state none. Relaxing: shared."""

    vm: str | None

    def relax(self, draft: Draft) -> None:
        """Share."""
        draft.share(self.vm)


@dataclass(frozen=True)
class HostCountFact(Fact):
    """How many hosts there are. Relaxing adds more of each kind, in old domains and in new ones."""

    def relax(self, draft: Draft) -> None:
        """Add hosts."""
        draft.allow_more_hosts()


@dataclass(frozen=True)
class AllOf(Fact):
    """Several facts of one kind, taken as one. Relaxing relaxes all."""

    facts: tuple[Fact, ...]

    def relax(self, draft: Draft) -> None:
        """Relax every member."""
        for fact in self.facts:
            fact.relax(draft)

    def members(self) -> Iterator[Fact]:
        """Yield the members."""
        yield from self.facts


def together(text: str, facts: Sequence[Fact]) -> Fact:
    """Return one fact for several; a single one stays itself."""
    return facts[0] if len(facts) == 1 else AllOf(text, tuple(facts))


def atoms(facts: Iterable[Fact]) -> frozenset[Fact]:
    """Return the single facts behind facts and groups of them."""
    return frozenset(member for fact in facts for member in fact.members())


def relaxed(instance: Instance, facts: Iterable[Fact]) -> Instance:
    """Return an instance without the facts (and without what does not decide feasibility)."""
    draft = Draft(instance)
    for fact in facts:
        fact.relax(draft)
    return draft.instance()


class Facts:
    """The facts of an instance, in families, the preferred ones in an explanation first.

    Rules come first: where rules alone conflict, sizes and hosts are not blamed. The number of
    hosts comes last.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.families: tuple[tuple[Fact, ...], ...] = tuple(tuple(family) for family in self._collect() if family)

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
