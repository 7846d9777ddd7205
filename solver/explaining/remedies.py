"""Remedies: the practical changes by which a fact can give way, fixed ones and measured ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from math import ceil

import numpy as np

from formulations.instance import Instance
from formulations.machines import Host
from formulations.quantities import common_quantum, plain
from formulations.rules import AtLeastDomains, AtMostMoves, AtMostOn, AtMostPerHost
from solver.explaining.draft import Draft
from solver.explaining.facts import (
    AllOf,
    CapacityFact,
    Fact,
    HostCountFact,
    IsolationFact,
    MaintenanceFact,
    ReservationFact,
    RuleFact,
)
from solver.explaining.statements import host_words, vm_words

MOST_MEMBERS = 4
"""Of a fact with many members so many are tried one by one."""

FINEST = 2**20
"""A figure is measured in no more steps than this."""


class Price(IntEnum):
    """What a remedy asks of people, the cheapest first: no work, a promise given up, money."""

    SWITCH_ON = 0
    RELAX_RULE = 1
    SHARE = 2
    RESERVE_LESS = 3
    LEAVE_OUT = 4
    MORE_CAPACITY = 5
    MORE_HOSTS = 6


@dataclass(frozen=True)
class Remedy:
    """A change of an instance, by an amount where it has one.

    Attributes
    ----------
    price : Price
    apply : callable
        Makes the change in a draft, by an amount in [1, most].
    say : callable
        The change in words.
    most : int
        The largest amount; 1 for a change without amount.
    hint : int
        The amount to try first.
    """

    price: Price
    apply: Callable[[Draft, int], None]
    say: Callable[[int], str]
    most: int = 1
    hint: int = 1


def remedies_of(instance: Instance, fact: Fact) -> Iterator[Remedy]:
    """Yield the practical ways in which a fact can give way; none for what nobody can change."""
    match fact:
        case RuleFact():
            yield _without_rule(fact)
            yield from _eased_rule(instance, fact)
            yield from _without_vms(instance, _vms_of_rule(instance, fact))
        case MaintenanceFact():
            yield Remedy(Price.SWITCH_ON, lambda d, _: fact.relax(d), lambda _: f"take {fact.host} out of maintenance")
        case IsolationFact():
            whom = "all VMs" if fact.vm is None else fact.vm
            yield Remedy(Price.SHARE, lambda d, _: fact.relax(d), lambda _: f"isolate {whom} no more than shared")
        case ReservationFact():
            yield from _smaller_reservations(instance, [fact])
        case CapacityFact():
            yield from _larger_capacities(instance, [fact])
        case HostCountFact():
            yield from _more_hosts(instance)
        case AllOf(facts=members):
            yield from _remedies_of_many(instance, members)


def _remedies_of_many(instance: Instance, members: Sequence[Fact]) -> Iterator[Remedy]:
    reservations = [fact for fact in members if isinstance(fact, ReservationFact)]
    capacities = [fact for fact in members if isinstance(fact, CapacityFact)]
    if reservations:
        yield from _smaller_reservations(instance, reservations)
    elif capacities:
        yield from _larger_capacities(instance, capacities)
    else:
        for fact in members[:MOST_MEMBERS]:
            yield from remedies_of(instance, fact)


# -- rules and VMs -----------------------------------------------------------------------------


def _without_rule(fact: RuleFact) -> Remedy:
    def drop(draft: Draft, _: int) -> None:
        for position in fact.positions:
            draft.drop_rule(position)

    return Remedy(Price.RELAX_RULE, drop, lambda _: f"relax {fact}")


def _eased_rule(instance: Instance, fact: RuleFact) -> Iterator[Remedy]:
    """Yield another number in a rule that counts."""
    rule = instance.rules[fact.positions[0]]
    if isinstance(rule, AtLeastDomains):
        field, number, sign, most = "least", rule.least, -1, rule.least - 1
    elif isinstance(rule, AtMostMoves | AtMostOn | AtMostPerHost):
        field, number, sign, most = "most", rule.most, 1, max(1, int(instance.wanted.sum()) - rule.most)
    else:
        return

    def ease(draft: Draft, amount: int) -> None:
        for position in fact.positions:
            draft.change_rule(position, **{field: number + sign * amount})

    def say(amount: int) -> str:
        return f"{'allow' if sign > 0 else 'ask for'} {number + sign * amount} instead of {number} in: {fact}"

    if most >= 1:
        yield Remedy(Price.RELAX_RULE, ease, say, most)


def _vms_of_rule(instance: Instance, fact: RuleFact) -> list[int]:
    """Return the VMs that a rule speaks of; for a rule about everything, none in particular."""
    groups = instance.rules[fact.positions[0]].vm_selectors().values()
    selectors = [name for names in groups for name in names if name != "*"]
    return [vm for vm in instance.vms_called(selectors).tolist() if instance.wanted[vm]]


def _without_vms(instance: Instance, vms: Sequence[int], resource: int | None = None) -> Iterator[Remedy]:
    """Yield leaving out VMs, one or the first few: the least important and largest of them first."""
    tables, entries = instance.tables, instance.vm_entry
    total = tables.lower.sum(axis=0).astype(np.float64)

    def size(vm: int) -> float:
        row = tables.lower[entries[vm]]
        return float(row[resource]) if resource is not None else float((row / np.maximum(total, 1)).sum())

    movable = [vm for vm in vms if instance.vms[entries[vm]].host is None or instance.vms[entries[vm]].count == 1]
    order = sorted(movable, key=lambda vm: (instance.vms[entries[vm]].priority, -size(vm), vm))[:MOST_MEMBERS]
    names = [instance.vm_names.name(vm) for vm in order]

    def leave_out(draft: Draft, amount: int) -> None:
        for name in names[:amount]:
            draft.leave_out(name)

    def words(amount: int) -> str:
        return f"leave {' and '.join(names[:amount])} unplaced"

    if names:
        yield Remedy(Price.LEAVE_OUT, leave_out, words, len(names))


# -- reservations --------------------------------------------------------------------------------


def _smaller_reservations(instance: Instance, facts: Sequence[ReservationFact]) -> Iterator[Remedy]:
    """Yield reserving less for one of the VMs, or for all in proportion, or leaving some out."""
    r, unit = facts[0].resource, unit_of(instance, facts[0].resource)
    entries = {vm.name: n for n, vm in enumerate(instance.vms)}
    low = {fact.vm: instance.vms[entries[fact.vm]].bounds(instance.resources[r].name)[0] for fact in facts}
    weight = {fact.vm: low[fact.vm] * instance.vms[entries[fact.vm]].count for fact in facts}
    for fact in sorted(facts, key=lambda fact: -weight[fact.vm])[:MOST_MEMBERS]:
        yield from _smaller_reservation(instance, fact, low[fact.vm], unit)
    if len(facts) > 1:
        yield _all_reservations_smaller(instance, facts, low)
    vms = [vm for fact in facts for vm in instance.vm_names.members(entries[fact.vm]).tolist() if instance.wanted[vm]]
    yield from _without_vms(instance, vms, r)


def _smaller_reservation(instance: Instance, fact: ReservationFact, low: Fraction, unit: Fraction) -> Iterator[Remedy]:
    resource = instance.resources[fact.resource]
    (vm,) = [vm for vm in instance.vms if vm.name == fact.vm]
    most = ceil(low / unit) - 1  # something stays reserved; nothing at all would be leaving it out

    def say(amount: int) -> str:
        return (
            f"reduce {resource.name} reservation of {vm_words(vm)} by {plain(amount * unit)} {resource.unit}".rstrip()
        )

    if most >= 1:
        yield Remedy(
            Price.RESERVE_LESS, lambda d, amount: d.reserve(fact.vm, fact.resource, low - amount * unit), say, most
        )


def _all_reservations_smaller(instance: Instance, facts: Sequence[ReservationFact], low: dict[str, Fraction]) -> Remedy:
    resource = instance.resources[facts[0].resource].name

    def apply(draft: Draft, percent: int) -> None:
        for fact in facts:
            draft.reserve(fact.vm, fact.resource, low[fact.vm] * (100 - percent) / 100)

    def say(percent: int) -> str:
        return f"reduce {resource} reservations of {len(facts)} VM entries by {percent} %"

    return Remedy(Price.RESERVE_LESS, apply, say, 99)


# -- hosts ---------------------------------------------------------------------------------------


def _larger_capacities(instance: Instance, facts: Sequence[CapacityFact]) -> Iterator[Remedy]:
    """Yield more of a resource on one host entry, the largest first, or on every one of several."""
    r = facts[0].resource
    hosts = {host.name: host for host in instance.hosts}
    name = instance.resources[r].name
    ordered = sorted(facts, key=lambda fact: -hosts[fact.host].usable(name))
    for fact in ordered[:MOST_MEMBERS]:
        yield _larger_capacity(instance, [hosts[fact.host]], r)
    if len(facts) > 1:
        yield _larger_capacity(instance, [hosts[fact.host] for fact in facts], r)


def _larger_capacity(instance: Instance, hosts: Sequence[Host], r: int) -> Remedy:
    resource = instance.resources[r]
    unit = unit_of(instance, r)
    if r == instance.tables.cpu and len(hosts) == 1 and (cores := hosts[0].cores):
        unit = hosts[0].usable(resource.name) / cores or unit  # whole cores of the size there are
    where = host_words(hosts[0]) if len(hosts) == 1 else "every host"
    members = sum(1 if host.count == "unlimited" else host.count for host in hosts)
    scale, low = instance.tables.scales[r], instance.tables.lower[:, r]
    reserved = scale.value(sum(low[instance.vm_entry[instance.wanted]].tolist()))
    have = sum(host.usable(resource.name) * (1 if host.count == "unlimited" else host.count) for host in instance.hosts)
    short = ceil((reserved - have) / unit / members)
    largest = ceil((scale.value(int(low.max(initial=0))) - min(host.usable(resource.name) for host in hosts)) / unit)

    def apply(draft: Draft, amount: int) -> None:
        for host in hosts:
            draft.add_capacity(host.name, r, amount * unit)

    def say(amount: int) -> str:
        return f"{plain(amount * unit)} {resource.unit} more {resource.name} on {where}".replace("  ", " ")

    hint = short if short > 0 else max(1, largest)
    return Remedy(Price.MORE_CAPACITY, apply, say, max(hint, ceil(2 * reserved / unit)), hint)


def _more_hosts(instance: Instance) -> Iterator[Remedy]:
    """Yield adding hosts of each type, first in the domains of those there are, then in new ones."""
    seen: set[tuple[str | None, str]] = set()
    wanted = max(1, int(instance.wanted.sum()))
    for host in instance.hosts:
        key = host.type, repr((host.capacity, host.reserve, host.overcommit, host.cells, host.cores, host.domains))
        if host.state == "maintenance" or host.count == "unlimited" or key in seen or len(seen) >= MOST_MEMBERS:
            continue
        seen.add(key)
        yield _more_like(host, wanted, labelled=True)
        if set(host.domains) - {"type"}:
            yield _more_like(host, wanted, labelled=False)


def _more_like(host: Host, most: int, *, labelled: bool) -> Remedy:
    kind = f"of type {host.type}" if host.type is not None else f"like {host.name}"
    where = "" if labelled else ", outside the racks, zones and other domains there are"

    def say(amount: int) -> str:
        return f"{'one more host' if amount == 1 else f'{amount} more hosts'} {kind}{where}"

    return Remedy(Price.MORE_HOSTS, lambda d, amount: d.add_hosts(host.name, amount, labelled=labelled), say, most)


def unit_of(instance: Instance, r: int) -> Fraction:
    """Return the step in which amounts of a resource are measured: what the input's figures have in common."""
    name = instance.resources[r].name
    lows = {vm.bounds(name)[0] for vm in instance.vms}
    usable = {host.usable(name) for host in instance.hosts}
    unit = common_quantum(lows | usable)
    return unit * max(1, ceil(sum(lows, Fraction(0)) / unit / FINEST))
