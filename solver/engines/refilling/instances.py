"""The contents of an instance with rules: who may be moved by annealing, and who stays where he is.

VMs under rules that capacity, masks and counts per host cannot express stay where they are, and
their hosts in use: what such a rule sees does not change then.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.isolation import Full, Shared
from formulations.machines import Host
from formulations.objective import HOST_TERMS, ObjectiveLevel, TermKind
from formulations.placement import Placement
from formulations.quantities import common_quantum, exact
from formulations.roomy_mix import Need
from formulations.rules import AtMostOn, AtMostPerHost, Ban, Dedicated, Fence, Pin, Rule, Spread
from formulations.tables import Integers
from solver.engines.refilling.annealing import Bytes, Items
from solver.engines.refilling.contents import MOST_ITEMS, NOBODY, Contents

Mask = NDArray[np.bool_]

MOST_HOSTS = 20_000
MOST_CELLS_OF_MASK = 50_000_000
"""Beyond so many pairs of VM and host, rules on single VMs are not written out."""


class Group(NamedTuple):
    """VMs that are counted per host, and how many of them each host takes: shape (hosts,)."""

    vms: Integers
    most: Integers


class Confined(NamedTuple):
    """Items that may go to some hosts only: which hosts, shape (hosts,), and which items."""

    hosts: Mask
    items: Integers


def host_costs(instance: Instance, stated: ObjectiveLevel) -> tuple[Integers, Fraction] | None:
    """Return what one host of every entry in use adds to a level, in steps, and the step.

    None if hosts in use cost nothing there. Of energy only the idle power counts.
    """
    costs = [Fraction(0)] * len(instance.hosts)
    for term in stated.terms:
        weight = exact(term.weight)
        costs = [cost + weight * _figure(host, term.kind) for cost, host in zip(costs, instance.hosts, strict=True)]
    if not any(costs):
        return None
    step = common_quantum(costs)
    return np.array([int(cost / step) for cost in costs], dtype=np.int64), step


def _figure(host: Host, kind: TermKind) -> Fraction:
    """Return what a host in use adds to a term, whatever runs there."""
    match kind:
        case "hosts":
            return Fraction(1)
        case "cost":
            return exact(host.cost or 0)
        case "energy":
            return exact(host.idle_power)
    return Fraction(0)


def target_level(instance: Instance, values: Sequence[Fraction], met: Sequence[bool]) -> int | None:
    """Return the first level on hosts in use that is not met, if the levels before it can be kept."""
    for number, stated in enumerate(instance.levels):
        kinds = {term.kind for term in stated.terms}
        if kinds & set(HOST_TERMS):
            return number if not met[number] else None
        if not (kinds <= {"unplaced", "broken_rules"} or (kinds <= {"unmet_demand"} and values[number] == 0)):
            break
    return None


def is_plain(instance: Instance) -> bool:
    """Whether sizes alone say what fits: no floors that depend on others, no cells, no transit, not too many hosts."""
    adds_up = all(_adds_up(instance, entry) for entry in range(len(instance.vms)))
    simple = instance.arrival_room is None and all(cells is None for cells in instance.tables.cells)
    return adds_up and simple and instance.host_count <= MOST_HOSTS


def _adds_up(instance: Instance, entry: int) -> bool:
    """Whether a VM is guaranteed its reservation and nothing else, whoever is beside it."""
    own = instance.isolation_of(entry)
    if isinstance(own, Full):
        return not own.pinned
    rigid = bool((instance.tables.lower[entry] == instance.tables.upper[entry]).all())
    return isinstance(own, Shared) or rigid


class InstanceContents:
    """The contents of an instance around a placement.

    Parameters
    ----------
    instance : Instance
        One that `is_plain`.
    placement : Placement
    costs : int64 array, shape (host entries,)
        What one host in use costs.
    everyone : bool
        Whether VMs without a host are to be placed, too; all by their reservations then, as
        otherwise where the objective says nothing of unmet demand.
    """

    def __init__(
        self,
        instance: Instance,
        placement: Placement,
        costs: Integers,
        *,
        everyone: bool = False,
    ) -> None:
        self.instance = instance
        self.host_of = placement.host_of
        self._entry = instance.host_names.entries()
        self._groups: list[Group] = []
        self._allowed: dict[int, list[Mask]] = {}
        self._stays: Mask = ~instance.ruled & (self.host_of >= 0)
        self._closed: Mask = ~instance.usable_entries[self._entry]
        for rule in instance.rules:
            self._heed(rule)
        self._stays |= (self.host_of >= 0) & self._closed[np.maximum(self.host_of, 0)]
        self._stays |= self._astray()
        placed = instance.wanted if everyone else self.host_of >= 0
        self.vms: Integers = np.flatnonzero(placed & ~self._stays)
        tables = instance.tables
        served = not everyone and any(
            term.kind == "unmet_demand" for stated in instance.levels for term in stated.terms
        )
        needed = np.maximum(tables.lower, tables.demand) if served else tables.lower
        self._size = needed[instance.vm_entry]
        self._costs = costs[self._entry]

    # -- what the rules say --------------------------------------------------------------

    def _heed(self, rule: Rule) -> None:
        """Write a rule as a mask or a group, or let the VMs that it speaks of stay."""
        instance = self.instance
        named = [self.instance.vms_called(group) for group in rule.vm_selectors().values()]
        if isinstance(rule, Spread) and rule.level == "host":
            self._count(rule.vms, np.ones(instance.host_count, dtype=np.int64))
        elif isinstance(rule, AtMostPerHost):
            most = np.full(instance.host_count, instance.vm_count, dtype=np.int64)
            most[instance.hosts_called(rule.hosts)] = rule.most
            self._count(rule.vms, most)
        elif isinstance(rule, Ban | Fence | Pin) and (not isinstance(rule, Pin) or rule.host is not None):
            hosts = np.zeros(instance.host_count, dtype=np.bool_)
            hosts[instance.hosts_called(next(iter(rule.host_selectors().values())))] = True
            allowed: Mask = ~hosts if isinstance(rule, Ban) else hosts
            for vm in named[0][instance.ruled[named[0]]].tolist():
                self._allowed.setdefault(vm, []).append(allowed)
        elif not isinstance(rule, AtMostOn):
            for vms in named:
                self._stays[vms[self.host_of[vms] >= 0]] = True
            if isinstance(rule, Dedicated):
                here = self.host_of[named[0]]
                self._closed[here[here >= 0]] = True

    def _count(self, selectors: list[str], most: Integers) -> None:
        """Let hosts take as many of the VMs as the rule says, or as they have where that is more."""
        vms = self.instance.vms_called(selectors)
        vms = vms[self.instance.ruled[vms]]
        here = self.host_of[vms]
        now = np.bincount(here[here >= 0], minlength=self.instance.host_count)
        self._groups.append(Group(vms, np.maximum(most, now)))

    def _astray(self) -> Mask:
        """Return the VMs that are where a soft rule does not want them."""
        astray = np.zeros(self.instance.vm_count, dtype=np.bool_)
        for vm, masks in self._allowed.items():
            here = int(self.host_of[vm])
            astray[vm] = here >= 0 and not all(mask[here] for mask in masks)
        return astray

    # -- as contents ---------------------------------------------------------------------

    def contents(self) -> Contents | None:
        """Return the contents; None if there is nothing to move, or too much."""
        if not 0 < len(self.vms) <= MOST_ITEMS or (self._size[self.vms].sum(axis=0) > 2**53).any():
            return None
        if self._allowed and len(self.vms) * self.instance.host_count > MOST_CELLS_OF_MASK:
            return None
        staying = np.flatnonzero(self._stays)
        load: Integers = np.zeros((self.instance.host_count, self._size.shape[1]), dtype=np.int64)
        np.add.at(load, self.host_of[staying], self._size[staying])
        room = np.maximum(self.instance.tables.capacity[self._entry] - load, 0)
        kept = np.zeros(self.instance.host_count, dtype=np.bool_)
        kept[self.host_of[staying]] = True
        hosts = np.flatnonzero(~self._closed)
        masks = self._masks()
        first, groups, most = self._grouped(staying)
        columns = [room, self._costs[:, None], kept[:, None], *(mask[:, None] for mask, _ in masks), most]
        table = np.hstack([column.astype(np.int64) for column in columns])[hosts]
        kinds, which = np.unique(table, axis=0, return_inverse=True)
        resources = room.shape[1]
        return Contents(
            items=Items(np.ascontiguousarray(self._size[self.vms]), first, groups),
            host_of=self.host_of[self.vms],
            capacity=np.ascontiguousarray(kinds[:, :resources]),
            costs=kinds[:, resources].copy(),
            least=np.where(kinds[:, resources + 1] > 0, np.bincount(which.reshape(-1), minlength=len(kinds)), 0),
            members=self._members(hosts, which.reshape(-1), len(kinds)),
            kept=hosts[kept[hosts]],
            needs=self._needs(kinds[:, :resources], kinds[:, resources + 2 :], masks, groups),
            open_to=self._open_to,
            most=lambda chosen: np.ascontiguousarray(most[chosen]),
        )

    def _members(self, hosts: Integers, which: Integers, kinds: int) -> list[Integers]:
        """Return the hosts of each kind, those in use first."""
        used = np.zeros(self.instance.host_count, dtype=np.bool_)
        used[self.host_of[self.host_of >= 0]] = True
        order = np.lexsort((hosts, ~used[hosts], which))
        return np.split(hosts[order], np.cumsum(np.bincount(which, minlength=kinds))[:-1])

    def _masks(self) -> list[Confined]:
        """Return the distinct sets of hosts that some VMs are confined to, with the items so confined."""
        found: dict[bytes, tuple[Mask, list[int]]] = {}
        for item, vm in enumerate(self.vms.tolist()):
            if vm in self._allowed:
                mask: Mask = np.logical_and.reduce(self._allowed[vm])
                found.setdefault(mask.tobytes(), (mask, []))[1].append(item)
        return [Confined(mask, np.array(items, dtype=np.int64)) for mask, items in found.values()]

    def _grouped(self, staying: Integers) -> tuple[Integers, Integers, Integers]:
        """Return the groups of every item, and how many more of each group every host takes."""
        position = np.full(self.instance.vm_count, -1, dtype=np.int64)
        position[self.vms] = np.arange(len(self.vms))
        stays = np.isin(np.arange(self.instance.vm_count), staying)
        most: Integers = np.zeros((self.instance.host_count, len(self._groups)), dtype=np.int64)
        pairs: list[Integers] = [np.zeros((0, 2), dtype=np.int64)]
        for number, group in enumerate(self._groups):
            here = self.host_of[group.vms[stays[group.vms]]]
            most[:, number] = group.most - np.bincount(here, minlength=len(most))
            inside = position[group.vms]
            inside = inside[inside >= 0]
            pairs.append(np.column_stack((inside, np.full(len(inside), number))))
        table = np.concatenate(pairs)
        table = table[np.lexsort((table[:, 1], table[:, 0]))]
        first = np.searchsorted(table[:, 0], np.arange(len(self.vms) + 1))
        return first.astype(np.int64), np.ascontiguousarray(table[:, 1]), most

    def _needs(self, capacity: Integers, columns: Integers, masks: list[Confined], groups: Integers) -> list[Need]:
        """Return what the hosts must offer to confined VMs, and to the VMs of every group."""
        needs: list[Need] = []
        for number, (_, items) in enumerate(masks):
            demand = self._size[self.vms[items]].sum(axis=0)
            inside = columns[:, number]
            needs += [Need(inside * capacity[:, r], int(demand[r])) for r in np.flatnonzero(demand).tolist()]
        most = columns[:, len(masks) :]
        counts = np.bincount(groups, minlength=most.shape[1])
        needs += [Need(np.clip(most[:, g], 0, counts[g]), int(counts[g])) for g in range(most.shape[1])]
        return needs

    def _open_to(self, hosts: Integers) -> Bytes:
        """Return which item may go to which of the hosts."""
        if not self._allowed:
            return NOBODY
        table: Bytes = np.ones((len(self.vms), len(hosts)), dtype=np.uint8)
        for mask, items in self._masks():
            table[items] = mask[hosts]
        return table
