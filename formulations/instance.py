"""The question: an instance of VMs, hosts, rules, isolation and objective, validated at birth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from formulations.bounds import Bounds
from formulations.errors import InputError
from formulations.isolation import AnyIsolation, Protected, Shared
from formulations.machines import MOST_MEMBERS, VM, Host, Pool
from formulations.naming import CountedNames
from formulations.objective import ObjectiveLevel, level
from formulations.quantities import common_quantum, exact
from formulations.resources import MOST_RESOURCES, Resource, check_name
from formulations.rules import FaultDomains, Ignore, Level, Rule, Selector, Split
from formulations.tables import NO_LIMIT, Tables

MOST_RULES = 100_000


class Instance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """VMs to place on hosts.

    Parameters
    ----------
    resources : list of Resource
        At least one.
    vms, hosts : list of VM, list of Host
        Entries may be counted.
    rules : list of Rule
        Placement rules, hard and soft.
    isolation : isolation level
        For every VM that states none of its own.
    pools : list of Pool
        Resource pools, a forest.
    objective : list of ObjectiveLevel, optional
        Lexicographic; by default the levels of `default_objective`.
    allow_unplaced : bool
        Whether VMs may be left without a host (by priority).
    name : str
        For reports.
    version : 1
        Of the file format.

    Raises
    ------
    InputError
        Naming the field, if anything is inconsistent.
    """

    resources: list[Resource]
    vms: list[VM]
    hosts: list[Host]
    rules: list[Rule] = []
    isolation: AnyIsolation = msgspec.field(default_factory=Shared)
    pools: list[Pool] = []
    objective: list[ObjectiveLevel] | None = None
    allow_unplaced: bool = False
    name: str = ""
    version: Literal[1] = 1

    def __post_init__(self) -> None:
        self._check_sizes()
        self._check_resources()
        self._check_pools()
        self._check_vms()
        self._check_rules()
        self._check_objective()
        _ = self.tables

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed, validated again."""
        return msgspec.structs.replace(self, **changes)

    # -- members and names ---------------------------------------------------------------

    @cached_property
    def vm_names(self) -> CountedNames:
        """The numbering of VMs, all members counted."""
        return _within("vms", [vm.name for vm in self.vms], [vm.count for vm in self.vms])

    @cached_property
    def host_names(self) -> CountedNames:
        """The numbering of hosts; an unlimited entry has as many members as there are VMs."""
        most = max(1, sum(vm.count for vm in self.vms))
        counts = [most if host.count == "unlimited" else host.count for host in self.hosts]
        return _within("hosts", [host.name for host in self.hosts], counts)

    @property
    def vm_count(self) -> int:
        """How many VMs there are."""
        return self.vm_names.total

    @property
    def host_count(self) -> int:
        """How many hosts there are (an unlimited entry counts one per VM)."""
        return self.host_names.total

    @cached_property
    def vm_entry(self) -> NDArray[np.int64]:
        """The entry of every VM: shape (vm_count,)."""
        return self.vm_names.entries()

    @cached_property
    def tables(self) -> Tables:
        """The integer arrays behind the instance."""
        return Tables(self.resources, self.vms, self.hosts, self.isolation)

    # -- who is meant --------------------------------------------------------------------

    def vms_called(self, selectors: Iterable[Selector], path: str = "") -> NDArray[np.int64]:
        """Return the numbers of the VMs that the selectors name, ascending, each once.

        Raises
        ------
        InputError
            If a selector names nothing.
        """
        return self._called(selectors, path, self.vm_names, self._vm_groups, "VM")

    def hosts_called(self, selectors: Iterable[Selector], path: str = "") -> NDArray[np.int64]:
        """Return the numbers of the hosts that the selectors name, ascending, each once."""
        return self._called(selectors, path, self.host_names, self._host_groups, "host")

    @cached_property
    def _vm_groups(self) -> dict[str, list[int]]:
        groups: dict[str, list[int]] = {}
        for position, vm in enumerate(self.vms):
            if vm.group is not None:
                groups.setdefault(f"group:{vm.group}", []).append(position)
        return groups

    @cached_property
    def _host_groups(self) -> dict[str, list[int]]:
        groups: dict[str, list[int]] = {}
        for position, host in enumerate(self.hosts):
            for label, name in host.domains.items():
                groups.setdefault(f"{label}:{name}", []).append(position)
        return groups

    def _called(
        self, selectors: Iterable[Selector], path: str, names: CountedNames, groups: dict[str, list[int]], what: str
    ) -> NDArray[np.int64]:
        found: list[NDArray[np.int64]] = []
        for position, selector in enumerate(selectors):
            if selector == "*":
                found.append(np.arange(names.total, dtype=np.int64))
            elif (members := names.find(selector)) is not None:
                found.append(members)
            elif selector in groups:
                found.append(self._members_of(selector, names, groups[selector], what))
            else:
                raise InputError(f"no {what}, member or label is called {selector!r}", f"{path}[{position}]")
        if len(found) == 1:
            return found[0]  # ascending, each once
        return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *found]))

    def _members_of(self, label: str, names: CountedNames, entries: list[int], what: str) -> NDArray[np.int64]:
        """Return the members of a group or label; remembered, as hundreds of rules may name the same."""
        if (what, label) not in self._remembered:
            members = np.concatenate([names.members(entry) for entry in entries])
            members.setflags(write=False)
            self._remembered[what, label] = members
        return self._remembered[what, label]

    @cached_property
    def _remembered(self) -> dict[tuple[str, str], NDArray[np.int64]]:
        return {}

    def domains(self, at: Level, hosts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the domain number of each host at a level (``host``, ``rack``, ``zone``, a label).

        Domains are numbered from 0; a host without the label is a domain of its own.
        """
        if at == "host":
            return hosts
        of_entry, labels = self._labelled[at]
        own = of_entry[self.host_names.entry_of(hosts)]
        return np.where(own >= 0, own, labels + hosts)

    def labels(self, at: Level) -> int:
        """Return how many names the hosts have at a level; ``host`` has none."""
        return 0 if at == "host" else self._labelled[at][1]

    @cached_property
    def _labelled(self) -> dict[str, tuple[NDArray[np.int64], int]]:
        tables: dict[str, tuple[NDArray[np.int64], int]] = {}
        for at in {"rack", "zone", "type"}.union(*(host.labels for host in self.hosts)):
            names = [host.domains.get(at) for host in self.hosts]
            numbers = {name: n for n, name in enumerate(sorted({name for name in names if name is not None}))}
            own = np.array([-1 if name is None else numbers[name] for name in names], dtype=np.int64)
            tables[at] = own, len(numbers)
        return tables

    def domain_name(self, at: Level, domain: int) -> str:
        """Return the name of a domain number at a level."""
        if at == "host":
            return self.host_names.name(domain)
        labels = sorted({host.domains[at] for host in self.hosts if at in host.domains})
        return labels[domain] if domain < len(labels) else self.host_names.name(domain - len(labels))

    # -- who must be placed, and where it is now ----------------------------------------

    @cached_property
    def current(self) -> NDArray[np.int64]:
        """The current host of every VM, -1 if none: shape (vm_count,)."""
        where = np.full(self.vm_count, -1, dtype=np.int64)
        numbers: dict[str, int] = {}  # a million VMs name few different hosts
        for position, vm in enumerate(self.vms):
            if vm.host is not None:
                names = vm.host if isinstance(vm.host, list) else [vm.host]
                for name in names:
                    if name not in numbers:
                        numbers[name] = self._single_host(name)
                found = [numbers[name] for name in names]
                if min(found) < 0:
                    member = next(member for member, host in enumerate(found) if host < 0)
                    at = f"[{member}]" if isinstance(vm.host, list) else ""
                    raise InputError(f"no single host is called {names[member]!r}", f"vms[{position}].host{at}")
                begin = self.vm_names.offsets[position]
                where[begin : begin + vm.count] = found
        return where

    def _single_host(self, name: str) -> int:
        """Return the number of the one host of this name, -1 where it names none or several."""
        hosts = self.host_names.find(name)
        return int(hosts[0]) if hosts is not None and len(hosts) == 1 else -1

    @cached_property
    def arrival_room(self) -> NDArray[np.int64] | None:
        """What the VMs that move to each host may reserve of transient resources: shape (hosts, resources).

        The VMs that are on a host now occupy it until all moves are over. ``NO_LIMIT`` for other
        resources; None where no resource is transient, or nobody is anywhere yet.
        """
        transient = [resource.transient for resource in self.resources]
        there = np.flatnonzero(self.wanted & (self.current >= 0))
        if not any(transient) or not len(there):
            return None
        held = np.zeros((self.host_count, len(transient)), dtype=np.int64)
        np.add.at(held, self.current[there], self.tables.lower[self.vm_entry[there]])
        room = np.maximum(self.tables.capacity[self.host_names.entries()] - held, 0)
        return np.where(transient, room, NO_LIMIT)

    @cached_property
    def move_costs(self) -> NDArray[np.float64]:
        """What it costs to move each VM, for models: shape (vm_count,)."""
        return np.array([float(exact(vm.move_cost)) for vm in self.vms])[self.vm_entry]

    @cached_property
    def distances(self) -> tuple[dict[int, NDArray[np.int64]], Fraction]:
        """What moves cost by distance: per host entry that states any, a whole number per entry, and its step."""
        stated = [self._distances_of(position) for position in range(len(self.hosts))]
        step = common_quantum({cost for row in stated for cost in row.values()})
        rows: dict[int, NDArray[np.int64]] = {}
        for entry, row in enumerate(stated):
            if row:
                rows[entry] = np.zeros(len(self.hosts), dtype=np.int64)
                rows[entry][list(row)] = [int(cost / step) for cost in row.values()]
        return rows, step

    def _distances_of(self, position: int) -> dict[int, Fraction]:
        """Return what it costs to move from one host entry to others, by entry."""
        found: dict[int, Fraction] = {}
        for name, cost in self.hosts[position].distance.items():
            path = f"hosts[{position}].distance.{name}"
            entries = self._host_groups.get(name) or self._host_entries.get(name)
            if entries is None:
                raise InputError(f"no host entry or label is called {name!r}", path)
            for entry in entries:
                if found.setdefault(entry, exact(cost)) != exact(cost):
                    raise InputError(f"two names mean host {self.hosts[entry].name!r}, with different costs", path)
        return found

    @cached_property
    def _host_entries(self) -> dict[str, list[int]]:
        return {host.name: [position] for position, host in enumerate(self.hosts)}

    @cached_property
    def ignored(self) -> NDArray[np.bool_]:
        """Which VMs an ignore rule leaves alone: shape (vm_count,)."""
        mask = np.zeros(self.vm_count, dtype=np.bool_)
        for rule in self.rules:
            if isinstance(rule, Ignore):
                mask[self.vms_called(rule.vms)] = True
        return mask

    @cached_property
    def wanted(self) -> NDArray[np.bool_]:
        """Which VMs need a host: on, and not ignored unless they have one now: shape (vm_count,)."""
        on = np.array([vm.power == "on" for vm in self.vms], dtype=np.bool_)[self.vm_entry]
        wanted: NDArray[np.bool_] = on & (~self.ignored | (self.current >= 0))
        return wanted

    @cached_property
    def ruled(self) -> NDArray[np.bool_]:
        """Which VMs the rules see: wanted and not ignored: shape (vm_count,)."""
        ruled: NDArray[np.bool_] = self.wanted & ~self.ignored
        return ruled

    @cached_property
    def usable_entries(self) -> NDArray[np.bool_]:
        """Which host entries may take VMs (not in maintenance): shape (len(hosts),)."""
        return np.array([host.state != "maintenance" for host in self.hosts], dtype=np.bool_)

    def isolation_of(self, entry: int) -> AnyIsolation:
        """Return the isolation level of a VM entry."""
        return self.vms[entry].isolation or self.isolation

    @cached_property
    def gamma(self) -> int:
        """The number of protected VMs per host that may burst at once; 0 where nobody is protected."""
        return next((own.gamma for own in self._levels_in_use() if isinstance(own, Protected)), 0)

    def _levels_in_use(self) -> Iterable[AnyIsolation]:
        yield self.isolation
        yield from (vm.isolation for vm in self.vms if vm.isolation is not None)

    @property
    def levels(self) -> Sequence[ObjectiveLevel]:
        """The objective's levels: those given, or the default ones."""
        return self.objective if self.objective is not None else default_objective(self)

    # -- validation ----------------------------------------------------------------------

    def _check_sizes(self) -> None:
        if not self.hosts:
            raise InputError("expected at least one host", "hosts")
        if not 1 <= len(self.resources) <= MOST_RESOURCES:
            raise InputError(f"expected 1 to {MOST_RESOURCES}, got {len(self.resources)}", "resources")
        if len(self.rules) > MOST_RULES:
            raise InputError(f"at most {MOST_RULES:,}, got {len(self.rules):,}", "rules")
        for field, counted in (("vms", self.vms), ("hosts", self.hosts)):
            total = sum(1 if entry.count == "unlimited" else entry.count for entry in counted)
            if total > MOST_MEMBERS:
                raise InputError(f"at most {MOST_MEMBERS:,} in all, got {total:,}", field)
        if self.name:
            check_name(self.name)
        _ = self.vm_names, self.host_names

    def _check_resources(self) -> None:
        known = [resource.name for resource in self.resources]
        _unique(known, "resources")
        names = set(known)
        for position, vm in enumerate(self.vms):
            _known(vm.resources, names, f"vms[{position}].resources")
            _known(vm.overhead, names, f"vms[{position}].overhead")
        for position, host in enumerate(self.hosts):
            for field in ("capacity", "reserve", "overcommit", "safety"):
                _known(getattr(host, field), names, f"hosts[{position}].{field}")
            for number, cell in enumerate(host.cells):
                _known(cell.capacity, names, f"hosts[{position}].cells[{number}].capacity")

    def _check_pools(self) -> None:
        _unique([pool.name for pool in self.pools], "pools")
        parents = {pool.name: pool.parent for pool in self.pools}
        for position, pool in enumerate(self.pools):
            _known(pool.resources, {resource.name for resource in self.resources}, f"pools[{position}].resources")
            if pool.parent is not None and pool.parent not in parents:
                raise InputError(f"no pool is called {pool.parent!r}", f"pools[{position}].parent")
        _acyclic({name: [parent] if parent else [] for name, parent in parents.items()}, "pools", "parent")

    def _check_vms(self) -> None:
        pools = {pool.name for pool in self.pools}
        periods = {
            len(size.demand)
            for vm in self.vms
            for size in vm.resources.values()
            if isinstance(size, Bounds) and isinstance(size.demand, list)
        }
        if len(periods) > 1:
            raise InputError(f"every demand list must have as many periods, got {sorted(periods)}", "vms")
        for position, vm in enumerate(self.vms):
            if vm.pool is not None and vm.pool not in pools:
                raise InputError(f"no pool is called {vm.pool!r}", f"vms[{position}].pool")
        gammas = {own.gamma for own in self._levels_in_use() if isinstance(own, Protected)}
        if len(gammas) > 1:
            raise InputError(f"one gamma for all protected VMs, got {sorted(gammas)}", "isolation")
        self._check_start_order()
        _ = self.current

    def _check_start_order(self) -> None:
        after: dict[str, list[str]] = {}
        nodes: dict[str, str] = {}
        for position, vm in enumerate(self.vms):
            before = after.setdefault(vm.name, [])
            for place, name in enumerate(vm.start_after):
                if name not in nodes:
                    nodes[name] = self._start_node(name, f"vms[{position}].start_after[{place}]", after)
                before.append(nodes[name])
        _acyclic(after, "vms", "start_after")

    def _start_node(self, name: str, path: str, after: dict[str, list[str]]) -> str:
        """Return the node of a name in the graph of who waits: an entry, or a group with arcs of its own."""
        if name != "*" and (members := self.vm_names.find(name)) is not None:
            return self.vms[int(self.vm_names.entry_of(members[:1])[0])].name
        if name != "*" and name not in self._vm_groups:
            raise InputError(f"no VM, member or label is called {name!r}", path)
        entries = range(len(self.vms)) if name == "*" else self._vm_groups[name]
        node = f"{name} "  # no VM is called so: names end in no space
        after[node] = [self.vms[entry].name for entry in entries]
        return node

    def _check_objective(self) -> None:
        names = {resource.name for resource in self.resources}
        for position, stated in enumerate(self.objective or ()):
            for number, term in enumerate(stated.terms):
                for field in ("resource", "other"):
                    if (name := getattr(term, field)) is not None:
                        _known([name], names, f"objective[{position}].terms[{number}].{field}")
        if any(host.distance for host in self.hosts):
            _ = self.distances

    def _check_rules(self) -> None:
        for position, rule in enumerate(self.rules):
            path = f"rules[{position}]"
            groups = [self.vms_called(names, f"{path}.{f}") for f, names in rule.vm_selectors().items()]
            for field, names in rule.host_selectors().items():
                found = self.hosts_called(names, f"{path}.{field}")
                if field == "host" and len(found) != 1:
                    raise InputError(f"expected one host, {names[0]!r} is {len(found)}", f"{path}.host")
            for field, at in rule.levels().items():
                if at != "host" and at not in self._labelled:
                    raise InputError(f"no host has a label {at!r}", f"{path}.{field}")
            if isinstance(rule, Split | FaultDomains):
                together = np.concatenate(groups)
                if len(np.unique(together)) < len(together):
                    raise InputError("a VM stands in two of the groups", path)


def default_objective(instance: Instance) -> list[ObjectiveLevel]:
    """Return the default levels that can differ between placements of the instance.

    Unplaced VMs by priority (when allowed), broken soft rules, unmet demand, the hosts'
    cost (their number unless a host states a cost), migration, imbalance (finite hosts only).
    """
    levels: list[ObjectiveLevel] = []
    if instance.allow_unplaced:
        priorities = sorted({vm.priority for vm in instance.vms}, reverse=True)
        levels += [level("unplaced", priority=priority) for priority in priorities]
    if any(not rule.hard for rule in instance.rules):
        levels.append(level("broken_rules"))
    if bool((instance.tables.demand > instance.tables.lower).any()):
        levels.append(level("unmet_demand"))
    levels.append(level("hosts" if all(host.cost is None for host in instance.hosts) else "cost"))
    if bool((instance.current >= 0).any()):
        levels.append(level("migration"))
    if all(host.count != "unlimited" for host in instance.hosts):
        levels.append(level("imbalance"))
    return levels


def _within(field: str, names: list[str], counts: list[int]) -> CountedNames:
    try:
        return CountedNames(names, counts)
    except InputError as error:
        raise error.inside(field) from None


def _unique(names: Sequence[str], field: str) -> None:
    seen: set[str] = set()
    for position, name in enumerate(names):
        if name in seen:
            raise InputError(f"duplicate name {name!r}", f"{field}[{position}].name")
        seen.add(name)


def _known(table: Iterable[str], names: set[str], field: str) -> None:
    for name in table:
        if name not in names:
            raise InputError(f"unknown resource; expected one of {', '.join(sorted(names))}", f"{field}.{name}")


def _acyclic(after: dict[str, list[str]], field: str, what: str) -> None:
    """Refuse a cycle and name it."""
    done: set[str] = set()
    for root in after:
        trail: list[str] = []
        on_trail: set[str] = set()
        stack: list[tuple[str, bool]] = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                trail.pop()
                on_trail.discard(node)
                done.add(node)
            elif node in on_trail:
                cycle = [*trail[trail.index(node) :], node]
                raise InputError(f"{what} forms a cycle: {' -> '.join(map(str.strip, cycle))}", field)
            elif node not in done:
                trail.append(node)
                on_trail.add(node)
                stack.append((node, True))
                stack.extend((other, False) for other in after.get(node, ()))
