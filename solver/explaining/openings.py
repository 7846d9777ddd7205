"""Openings: which hosts each kind of VM could run on, and which facts close the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from formulations.candidates import Candidates
from formulations.instance import Instance
from formulations.isolation import Full
from formulations.machines import Host
from formulations.rules import Ban, Fence, Pin
from solver.explaining.facts import Fact, IsolationFact, together
from solver.explaining.statements import Facts
from solver.explaining.togetherness import Union, unions_at

Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Finding:
    """Facts that leave no placement, found without a solver.

    Attributes
    ----------
    message : str
        One sentence.
    facts : tuple of Fact
        They conflict; not each need be necessary.
    """

    message: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Closure:
    """Facts that close hosts to a VM.

    Attributes
    ----------
    hosts : bool array, shape (hosts,)
        Which it closes.
    facts : tuple of Fact
    why : str
        In words, for one host.
    also_new : bool
        Whether a further host of a kind that there is would be closed as well.
    """

    hosts: Mask
    facts: tuple[Fact, ...]
    why: str
    also_new: bool


Kind = tuple[int, tuple[int, ...], int]
"""A VM entry, the positions of unary rules (and where it must stay), and a union or -1."""


class Openings:
    """The open hosts of every ruled VM of an instance; VMs of one entry under the same rules are alike."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.facts = Facts(instance)
        self.host_entry: Integers = instance.host_names.entries()
        self._candidates = Candidates(instance)

    @cached_property
    def unions(self) -> list[Union]:
        """VMs that must share a host."""
        return list(unions_at(self.instance, self.facts, "host"))

    @cached_property
    def kinds(self) -> dict[Kind, Integers]:
        """Ruled VMs by entry, the hard ban, fence and pin rules that speak of them, and union."""
        union_of = {vm: number for number, union in enumerate(self.unions) for vm in union.vms}
        rules: dict[int, list[int]] = {}
        for position, rule in enumerate(self.instance.rules):
            if rule.hard and isinstance(rule, Ban | Fence | Pin):
                for vm in self.instance.vms_called(rule.vms).tolist():
                    rules.setdefault(vm, []).append(position)
        kinds: dict[Kind, list[int]] = {}
        for vm in sorted({*rules, *union_of}):
            if self.instance.ruled[vm]:
                kinds.setdefault(self._kind(vm, rules.get(vm, []), union_of.get(vm, -1)), []).append(vm)
        free = self.instance.ruled.copy()
        free[[*rules, *union_of]] = False
        found = {key: np.array(vms, dtype=np.int64) for key, vms in kinds.items()}
        numbers = np.flatnonzero(free)
        entries, starts = np.unique(self.instance.vm_entry[numbers], return_index=True)
        for entry, vms in zip(entries.tolist(), np.split(numbers, starts[1:]), strict=bool(len(entries))):
            found[entry, (), -1] = vms
        return found

    def _kind(self, vm: int, positions: list[int], union: int) -> Kind:
        """Return what tells a VM under unary rules from others; one that must stay, by where it is."""
        key = tuple(positions)
        if any(self._stays(position) for position in positions):
            key += (-2 - int(self.instance.current[vm]),)
        return int(self.instance.vm_entry[vm]), key, union

    def _stays(self, position: int) -> bool:
        rule = self.instance.rules[position]
        return isinstance(rule, Pin) and rule.host is None

    @cached_property
    def kind_of(self) -> Integers:
        """The number of the kind of every VM, -1 unless rules see it: shape (vms,)."""
        kind_of = np.full(self.instance.vm_count, -1, dtype=np.int64)
        for kind, vms in enumerate(self.kinds.values()):
            kind_of[vms] = kind
        return kind_of

    @cached_property
    def open_alone(self) -> list[Mask]:
        """Per kind, the hosts that it could run on if it were alone: shape (hosts,)."""
        return [self._candidates.hosts_of(int(vms[0])) for vms in self.kinds.values()]

    @cached_property
    def open(self) -> list[Mask]:
        """Per kind, the hosts that are open to it and to all that must share its host: shape (hosts,)."""
        masks = list(self.open_alone)
        for kinds in self._united.values():
            shared = np.logical_and.reduce([self.open_alone[kind] for kind in kinds])
            for kind in kinds:
                masks[kind] = shared
        return masks

    @cached_property
    def _united(self) -> dict[int, list[int]]:
        """The kinds of every union."""
        united: dict[int, list[int]] = {}
        for kind, (_, _, union) in enumerate(self.kinds):
            if union >= 0:
                united.setdefault(union, []).append(kind)
        return united

    def by_kind(self, vms: Iterable[int]) -> dict[int, list[int]]:
        """Return the ruled ones among VMs by the number of their kind."""
        found: dict[int, list[int]] = {}
        for vm in vms:
            if (kind := int(self.kind_of[int(vm)])) >= 0:
                found.setdefault(kind, []).append(int(vm))
        return found

    # -- what closes hosts ----------------------------------------------------------------

    def closures(self, kind: int) -> list[Closure]:
        """Return what closes hosts to a kind of VM and to all that must share its host."""
        union = list(self.kinds)[kind][2]
        if union < 0 or not (self.open_alone[kind] & ~self.open[kind]).any():
            return self.closures_alone(kind)
        ties = self.unions[union].facts
        others = [closure for other in self._united[union] if other != kind for closure in self.closures_alone(other)]
        tied = [Closure(c.hosts, (*ties, *c.facts), f"{c.why} with {self.unions[union]}", c.also_new) for c in others]
        return [*self.closures_alone(kind), *tied]

    def closures_alone(self, kind: int) -> list[Closure]:
        """Return what closes hosts to a kind of VM itself, rules first."""
        (entry, positions, _), vms = list(self.kinds.items())[kind]
        return [
            *self._by_rules(int(vms[0]), positions),
            *self._by_maintenance(),
            *self._by_capacity(entry, int(vms[0])),
            *self._by_cells(entry, int(vms[0])),
            *self._by_pinning(entry, int(vms[0])),
        ]

    def closing_facts(self, kinds: Iterable[int], hosts: Mask | None = None) -> list[Fact]:
        """Return every fact that closes a host (of some) to one of the kinds, each once."""
        found: dict[Fact, None] = {}
        for kind in kinds:
            for closure in self.closures(kind):
                if hosts is None or (closure.hosts & hosts).any():
                    found.update(dict.fromkeys(closure.facts))
        return list(found)

    def _by_rules(self, vm: int, positions: Sequence[int]) -> Iterator[Closure]:
        for position in positions:
            if position < 0:
                continue
            rule, named = self.instance.rules[position], np.zeros(self.instance.host_count, dtype=np.bool_)
            if self._stays(position):
                if self.instance.current[vm] < 0:
                    continue
                named[self.instance.current[vm]] = True
            else:
                named[self.instance.hosts_called(next(iter(rule.host_selectors().values())))] = True
            closed = named if isinstance(rule, Ban) else ~named
            if (fact := self.facts.rule(position)) is not None and closed.any():
                yield Closure(closed, (fact,), str(fact), not isinstance(rule, Ban))

    def _by_maintenance(self) -> Iterator[Closure]:
        for position, host in enumerate(self.instance.hosts):
            if host.state == "maintenance":
                (fact,) = [fact for fact in self.facts.maintenance() if fact.host == host.name]
                yield Closure(self.host_entry == position, (fact,), "in maintenance", False)

    def _by_capacity(self, entry: int, vm: int) -> Iterator[Closure]:
        tables = self.instance.tables
        for r, scale in enumerate(tables.scales):
            low = int(tables.lower[entry, r])
            small = np.flatnonzero(tables.capacity[:, r] < low)
            if len(small):
                facts = (*self.facts.reservations(r, [vm]), *self.facts.all_capacities(r, small.tolist()))
                gap = scale.say(low - int(tables.capacity[small, r].max()))
                why = f"{scale.resource.name} short by {gap}" + (" or more" if len(small) > 1 else "")
                yield Closure(np.isin(self.host_entry, small), facts, why, True)

    def _by_cells(self, entry: int, vm: int) -> Iterator[Closure]:
        """Yield the hosts with too few NUMA cells that are large enough."""
        tables, numa = self.instance.tables, int(self.instance.tables.numa[entry])
        for position, cells in enumerate(tables.cells):
            if cells is None:
                continue
            room = ((cells < 0) | (cells * numa >= tables.lower[entry])).all(axis=1)
            if int(room.sum()) < numa:
                facts = [*self.facts.cells(position), *self._figures(entry, vm, position)]
                if len(cells) < numa:
                    facts = self.facts.cells(position)
                why = f"{numa} NUMA cells wanted, {int(room.sum())} large enough"
                yield Closure(self.host_entry == position, tuple(facts), why, True)

    def _figures(self, entry: int, vm: int, host: int) -> list[Fact]:
        """Return the reservations that some cell of a host cannot hold, and the host's capacities of these."""
        tables, found = self.instance.tables, list[Fact]()
        cells = tables.cells[host]
        for r in range(len(tables.scales)):
            low = int(tables.lower[entry, r])
            if cells is not None and ((cells[:, r] >= 0) & (cells[:, r] * int(tables.numa[entry]) < low)).any():
                found += [*self.facts.reservations(r, [vm]), *self.facts.capacities(r, [host])]
        return found

    def _by_pinning(self, entry: int, vm: int) -> Iterator[Closure]:
        own, tables = self.instance.isolation_of(entry), self.instance.tables
        if not (isinstance(own, Full) and own.pinned) or tables.cpu is None or tables.upper[entry, tables.cpu] == 0:
            return
        core = np.maximum(tables.core, 1)
        least = -(-tables.lower[entry, tables.cpu] // core) * core
        most = np.minimum(tables.upper[entry, tables.cpu], tables.capacity[:, tables.cpu])
        name = self.instance.vms[entry].name if self.instance.vms[entry].isolation is not None else None
        facts = [f for f in self.facts.isolations() if isinstance(f, IsolationFact) and f.vm == name]
        silent = np.flatnonzero(tables.core == 0)
        if len(silent):
            why = "its cores, on which the VM is pinned, are not stated"
            wanted = self.facts.reservations(tables.cpu, [vm])
            yield Closure(np.isin(self.host_entry, silent), (*facts, *wanted), why, True)
        unfit = np.flatnonzero((tables.core > 0) & (least > most))
        if len(unfit):
            sizes = [*self.facts.reservations(tables.cpu, [vm]), *self.facts.all_capacities(tables.cpu, unfit.tolist())]
            why = "no whole number of its cores lies within the VM's bounds"
            yield Closure(np.isin(self.host_entry, unfit), (*facts, *sizes), why, True)

    # -- words ----------------------------------------------------------------------------

    def name(self, kind: int) -> str:
        """Name a kind of VM by its first member."""
        return self.instance.vm_names.name(int(list(self.kinds.values())[kind][0]))

    def maintenance_facts(self) -> list[Fact]:
        """Return the hosts in maintenance, as one fact where they are many."""
        facts = list(self.facts.maintenance())
        return [together(f"{len(facts)} hosts in maintenance", facts)] if len(facts) > 8 else list(facts)

    def usable(self) -> list[tuple[int, Host]]:
        """Return the host entries that may take VMs."""
        return [(n, host) for n, host in enumerate(self.instance.hosts) if self.instance.usable_entries[n]]
