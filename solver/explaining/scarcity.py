"""Shortages: more is reserved than the hosts that may serve it have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from formulations.rules import AtMostOn, Dedicated, Ignore
from solver.explaining.facts import Fact
from solver.explaining.openings import Finding, Mask, Openings

Integers = NDArray[np.int64]


MOST_PAIRS = 100_000
"""With more pairs of a kind of VM and a host, only hosts that rules single out are looked at."""


def shortages(openings: Openings) -> Iterator[Finding]:
    """Yield every way in which reservations exceed capacities."""
    if not openings.instance.allow_unplaced and openings.instance.usable_entries.any():
        yield from _in_all(openings)
        yield from _behind_fences(openings)
        yield from _on_few_hosts(openings)
        yield from _beside_dedicated(openings)
    yield from _by_ignored(openings)


def total(column: Integers) -> int:
    """Return the exact sum of a column of integers."""
    return sum(column.tolist())


def _short(openings: Openings, r: int, amount: int) -> str:
    scale = openings.instance.tables.scales[r]
    return f"{scale.resource.name} short by {scale.say(amount)}"


def _everywhere(openings: Openings, r: int, maintained: bool = False) -> int | None:
    """Return what the usable hosts (or those in maintenance) have together; None if without end."""
    instance, amount = openings.instance, 0
    for position, host in enumerate(instance.hosts):
        capacity = int(instance.tables.capacity[position, r])
        if (host.state == "maintenance") == maintained and capacity:
            if host.count == "unlimited":
                return None
            amount += capacity * host.count
    return amount


def _in_all(openings: Openings) -> Iterator[Finding]:
    """Yield the resources of which less is there than is reserved."""
    instance, tables = openings.instance, openings.instance.tables
    usable_host = instance.usable_entries[openings.host_entry]
    served = instance.wanted & ~(instance.ignored & ~usable_host[np.maximum(instance.current, 0)])
    for r in range(len(tables.scales)):
        have = _everywhere(openings, r)
        need = total(tables.lower[instance.vm_entry[served], r])
        if have is not None and need > have:
            vms = np.flatnonzero(served).tolist()
            facts = [*openings.facts.all_reservations(r, vms), *openings.facts.all_capacities(r)]
            facts += [*openings.facts.host_count(), *_givers_needed(openings, r, need - have)]
            yield Finding(_short(openings, r, need - have), tuple(facts))


def _givers_needed(openings: Openings, r: int, short: int) -> Iterator[Fact]:
    """Yield those hosts in maintenance and ignored VMs without which a shortage could be met."""
    instance, tables = openings.instance, openings.instance.tables
    givers: list[tuple[int, str, Fact]] = []
    for stopped in openings.facts.maintenance():
        position = next(n for n, host in enumerate(instance.hosts) if host.name == stopped.host)
        there = instance.wanted & (instance.current >= 0)
        there &= openings.host_entry[np.maximum(instance.current, 0)] == position
        load = total(tables.lower[instance.vm_entry[there & instance.ignored], r])
        count = instance.hosts[position].count
        many = instance.host_count if count == "unlimited" else count
        givers.append((many * int(tables.capacity[position, r]) - load, stopped.text, stopped))
    for rule in openings.facts.rules:
        if rule.ignored:
            entries = [n for n, vm in enumerate(instance.vms) if vm.name in rule.ignored]
            givers.append((sum(int(tables.lower[n, r]) * instance.vms[n].count for n in entries), rule.text, rule))
    for amount, _, fact in sorted(givers, key=lambda giver: giver[:2]):
        if amount < short:
            short -= max(0, amount)
        else:
            yield fact


def _behind_fences(openings: Openings) -> Iterator[Finding]:
    """Yield the sets of hosts that must hold more than they have, because rules or sizes allow nothing else."""
    few = len(openings.kinds) * openings.instance.host_count <= MOST_PAIRS
    bound: dict[bytes, list[int]] = {}
    for kind, (_, positions, union) in enumerate(openings.kinds):
        if (positions or union >= 0 or few) and openings.open[kind].any():
            bound.setdefault(openings.open[kind].tobytes(), []).append(kind)
    masks = {key: openings.open[kinds[0]] for key, kinds in bound.items()}
    for mask in masks.values():
        inside = [kind for key, kinds in bound.items() if not (masks[key] & ~mask).any() for kind in kinds]
        if not mask.all():
            yield from _overfilled(openings, mask, inside)


def _overfilled(openings: Openings, mask: Mask, inside: Sequence[int]) -> Iterator[Finding]:
    """Yield the resources of which some hosts have less than the VMs reserve that fit nowhere else."""
    tables, instance, kinds = openings.instance.tables, openings.instance, list(openings.kinds.values())
    vms = np.concatenate([kinds[kind] for kind in inside])
    entries = openings.host_entry[mask]
    for r in range(len(tables.scales)):
        have, need = total(tables.capacity[entries, r]), total(tables.lower[instance.vm_entry[vms], r])
        if need > have and len(vms) > 1:
            figures = [*openings.facts.all_reservations(r, vms.tolist())]
            figures += openings.facts.all_capacities(r, entries.tolist())
            where = f"{hosts_named(openings, mask)}, the only hosts open to {len(vms)} VMs"
            facts = (*openings.closing_facts(inside), *figures, *openings.facts.host_count())
            yield Finding(f"{_short(openings, r, need - have)} on {where}", facts)


def hosts_named(openings: Openings, mask: Mask, most: int = 3) -> str:
    """Name some hosts shortly."""
    hosts = np.flatnonzero(mask).tolist()
    shown = [openings.instance.host_names.name(host) for host in hosts[:most]]
    return ", ".join(shown) + (f" and {len(hosts) - most} more" if len(hosts) > most else "")


def _on_few_hosts(openings: Openings) -> Iterator[Finding]:
    """Yield the rules that let too few hosts on for what is reserved."""
    instance, tables = openings.instance, openings.instance.tables
    usable = instance.usable_entries[openings.host_entry]
    for position, rule in enumerate(instance.rules):
        if not isinstance(rule, AtMostOn) or not rule.hard:
            continue
        limited = np.zeros(instance.host_count, dtype=np.bool_)
        limited[instance.hosts_called(rule.hosts)] = True
        for r in range(len(tables.scales)):
            each = tables.capacity[openings.host_entry, r] * usable
            few = np.sort(each[limited])[::-1][: rule.most]
            have, need = total(each[~limited]) + total(few), total(tables.lower[instance.vm_entry[instance.ruled], r])
            if need > have and (fact := openings.facts.rule(position)) is not None:
                facts = [fact, *openings.facts.all_reservations(r, np.flatnonzero(instance.ruled).tolist())]
                facts += [*openings.facts.all_capacities(r), *openings.facts.host_count()]
                message = f"{_short(openings, r, need - have)} with {fact}"
                yield Finding(message, (*facts, *openings.maintenance_facts()))


def _beside_dedicated(openings: Openings) -> Iterator[Finding]:
    """Yield the rules that keep hosts for some VMs where all hosts together are too few for both sides."""
    instance = openings.instance
    for position, rule in enumerate(instance.rules):
        if not isinstance(rule, Dedicated) or not rule.hard:
            continue
        lonely = np.zeros(instance.vm_count, dtype=np.bool_)
        lonely[instance.vms_called(rule.vms)] = True
        mine, theirs = np.flatnonzero(lonely & instance.ruled), np.flatnonzero(~lonely & instance.ruled)
        hosts = int(instance.usable_entries[openings.host_entry].sum())
        if not len(mine) or not len(theirs):
            continue
        for r in range(len(instance.tables.scales)):
            needed = [_hosts_needed(openings, r, side) for side in (mine, theirs)]
            if sum(needed) > hosts and (fact := openings.facts.rule(position)) is not None:
                facts: Sequence[Fact] = [*openings.facts.all_reservations(r), *openings.facts.all_capacities(r)]
                rest = (*facts, *openings.facts.host_count(), *openings.maintenance_facts())
                message = f"{fact}: {needed[0]} + {needed[1]} hosts needed for both sides, {hosts} there"
                yield Finding(message, (fact, *rest))
                break


def _hosts_needed(openings: Openings, r: int, vms: Integers) -> int:
    """Return how many hosts, the largest first, hold what VMs reserve of a resource: at least 1."""
    tables = openings.instance.tables
    usable = openings.instance.usable_entries[openings.host_entry]
    largest = np.sort(tables.capacity[openings.host_entry, r] * usable)[::-1]
    need = total(tables.lower[openings.instance.vm_entry[vms], r])
    filled = np.cumsum(largest.astype(object))
    return max(1, int(np.searchsorted(filled, need)) + 1) if need else 1


def _by_ignored(openings: Openings) -> Iterator[Finding]:
    """Yield the hosts on which ignored VMs reserve more than there is."""
    instance, tables = openings.instance, openings.instance.tables
    staying = np.flatnonzero(instance.ignored & instance.wanted)
    for host in np.unique(instance.current[staying]).tolist():
        vms = staying[instance.current[staying] == host]
        entry = int(openings.host_entry[host])
        for r in range(len(tables.scales)):
            have, need = int(tables.capacity[entry, r]), total(tables.lower[instance.vm_entry[vms], r])
            if need > have:
                name = instance.host_names.name(host)
                ignoring = [f for f in openings.facts.rules if isinstance(instance.rules[f.positions[0]], Ignore)]
                facts: list[Fact] = [*ignoring, *openings.facts.all_reservations(r, vms.tolist())]
                facts += openings.facts.all_capacities(r, [entry])
                yield Finding(f"{_short(openings, r, need - have)} on {name}, where ignored VMs stay", tuple(facts))
