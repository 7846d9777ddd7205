"""Gathering: VMs that must run together where no host or domain can take them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from formulations.rules import Among, Depend
from solver.explaining.facts import Fact
from solver.explaining.openings import Finding, Mask, Openings
from solver.explaining.scarcity import total
from solver.explaining.togetherness import Union, unions


def ungatherable(openings: Openings) -> Iterator[Finding]:
    """Yield the rules that want VMs together where no place is open to all or has room for all."""
    if openings.instance.allow_unplaced:
        return
    for position, rule in enumerate(openings.instance.rules):
        fact = openings.facts.rule(position)
        if fact is None or not rule.hard:
            continue
        if isinstance(rule, Depend):
            yield from _without_neighbour(openings, rule, fact)
        elif isinstance(rule, Among):
            hosts = np.arange(openings.instance.host_count, dtype=np.int64)
            sets = (np.isin(hosts, openings.instance.hosts_called(names)) for names in rule.sets)
            vms = [vm for vm in openings.instance.vms_called(rule.vms).tolist() if openings.instance.ruled[vm]]
            yield from _without_place(openings, vms, sets, [fact])
    for union in unions(openings.instance, openings.facts):
        yield from _without_place(openings, union.vms, _domains(openings, union), union.facts)


def _domains(openings: Openings, union: Union) -> Iterator[Mask]:
    """Yield the hosts of every domain where the VMs might meet."""
    domain_of = openings.instance.domains(union.level, np.arange(openings.instance.host_count, dtype=np.int64))
    for domain in np.unique(domain_of).tolist():
        yield domain_of == domain


def _without_place(
    openings: Openings, vms: Sequence[int], places: Iterable[Mask], rules: Sequence[Fact]
) -> Iterator[Finding]:
    """Yield why none of some places, sets of hosts, can hold all of the VMs."""
    instance, tables = openings.instance, openings.instance.tables
    kinds = openings.by_kind(vms)
    if not vms or not all(openings.open_alone[kind].any() for kind in kinds):
        return
    need = [total(tables.lower[instance.vm_entry[list(vms)], r]) for r in range(len(tables.scales))]
    missing: set[int] = set()
    for place in places:
        if all((openings.open_alone[kind] & place).any() for kind in kinds):
            entries = openings.host_entry[place & instance.usable_entries[openings.host_entry]]
            short = next((r for r, amount in enumerate(need) if amount > total(tables.capacity[entries, r])), None)
            if short is None:
                return
            missing.add(short)
    figures: list[Fact] = []
    for r in sorted(missing):
        figures += [*openings.facts.all_reservations(r, vms), *openings.facts.all_capacities(r)]
    closing = [*openings.closing_facts(kinds), *openings.maintenance_facts()]
    facts = dict.fromkeys([*rules, *closing, *figures, *openings.facts.host_count()])
    words = " and ".join(rule.text for rule in rules)
    yield Finding(f"{words}: {_missing(openings, need, missing, len(vms))}", tuple(facts))


def _missing(openings: Openings, need: Sequence[int], short: set[int], count: int) -> str:
    if not short:
        return f"no place is open to all {count} VMs"
    scales = openings.instance.tables.scales
    amounts = [f"{scales[r].say(need[r])} of {scales[r].resource.name}" for r in sorted(short)]
    return f"no place has room for {' or '.join(amounts)}"


def _without_neighbour(openings: Openings, rule: Depend, fact: Fact) -> Iterator[Finding]:
    """Yield a dependency where the VMs needed are not placed, or can be in no domain open to the others."""
    instance = openings.instance
    needing, needed = openings.by_kind(instance.vms_called(rule.vms)), openings.by_kind(instance.vms_called(rule.on))
    if not needing:
        return
    if not needed:
        yield Finding(f"{fact}: none of the VMs it depends on is to be placed", (fact,))
        return
    domains = instance.domains(rule.level, np.arange(instance.host_count, dtype=np.int64))
    near = np.isin(domains, domains[np.logical_or.reduce([openings.open[kind] for kind in needed])])
    for kind in needing:
        if openings.open[kind].any() and not (openings.open[kind] & near).any():
            closing = openings.closing_facts([kind, *needed])
            facts = dict.fromkeys([fact, *closing, *openings.facts.host_count()])
            message = f"{fact}: {openings.name(kind)} is allowed in no domain where such a VM may run"
            yield Finding(message, tuple(facts))
