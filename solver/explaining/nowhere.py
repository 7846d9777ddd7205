"""Nowhere: VMs for which every host is closed, even an empty one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from solver.explaining.facts import Fact
from solver.explaining.openings import Closure, Finding, Mask, Openings

MOST_HOSTS_NAMED = 3


def homeless(openings: Openings) -> Iterator[Finding]:
    """Yield the VMs that no host could take, with what closes the hosts to each."""
    if openings.instance.allow_unplaced:
        return
    for kind, mask in enumerate(openings.open_alone):
        if not mask.any():
            yield finding_of(openings, kind)


def finding_of(openings: Openings, kind: int) -> Finding:
    """Return why a kind of VM has no host: few facts that close all hosts."""
    closures = cover(openings.closures_alone(kind), np.ones(openings.instance.host_count, dtype=np.bool_))
    facts: dict[Fact, None] = {}
    for closure in closures:
        facts.update(dict.fromkeys(closure.facts))
    return Finding(
        f"{openings.name(kind)} fits on no host: {_per_host(openings, closures)}", (*facts, *_more(openings, closures))
    )


def cover(closures: Sequence[Closure], hosts: Mask) -> list[Closure]:
    """Return few closures that close all the hosts: always the one that closes most of those left."""
    chosen: list[Closure] = []
    left = hosts.copy()
    while left.any():
        best = max(closures, key=lambda closure: int((closure.hosts & left).sum()))
        if not (best.hosts & left).any():
            break
        chosen.append(best)
        left &= ~best.hosts
    return chosen


def _more(openings: Openings, closures: Sequence[Closure]) -> list[Fact]:
    """Return the number of hosts as a fact, where one more host of some kind might be open."""
    closed = np.zeros(openings.instance.host_count, dtype=np.bool_)
    for closure in closures:
        if closure.also_new:
            closed |= closure.hosts
    usable = openings.instance.usable_entries[openings.host_entry]
    return openings.facts.host_count() if bool((usable & ~closed).any()) else []


def _per_host(openings: Openings, closures: Sequence[Closure]) -> str:
    """Say for some hosts what closes them, alike ones together."""
    instance, said = openings.instance, list[str]()
    told = np.zeros(instance.host_count, dtype=np.bool_)
    for closure in closures:
        new = closure.hosts & ~told
        told |= closure.hosts
        where = "every host" if new.all() and instance.host_count > 1 else _names(openings, new)
        said.append(f"{where}: {closure.why}")
    return "; ".join(said)


def _names(openings: Openings, hosts: Mask) -> str:
    """Name hosts, entries first, shortly."""
    names = openings.instance.host_names
    entries = np.unique(openings.host_entry[hosts])
    shown: list[str] = []
    for entry in entries.tolist():
        members = np.flatnonzero(hosts & (openings.host_entry == entry)).tolist()
        whole = len(members) == names.counts[entry]
        shown += [openings.instance.hosts[entry].name] if whole else [names.name(host) for host in members]
    more = f" and {len(shown) - MOST_HOSTS_NAMED} more" if len(shown) > MOST_HOSTS_NAMED else ""
    return ", ".join(shown[:MOST_HOSTS_NAMED]) + more
