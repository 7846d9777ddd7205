"""Crowding: VMs that must keep apart, and too few places that are open to them.

By P. Hall, On Representatives of Subsets, 1935, doi:10.1112/jlms/s1-10.37.26: not all VMs find
a place exactly when some of them have, together, too few.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from formulations.rules import AtLeastDomains, AtMostPerHost, Spread
from formulations.rules.base import Level
from solver.bounds.cliques import Clique, conflict_cliques
from solver.explaining.facts import Fact
from solver.explaining.openings import Finding, Openings

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Crowd:
    """VMs of which every domain takes only so many.

    Attributes
    ----------
    vms : sequence of int
    domain_of : int64 array, shape (hosts,)
        Numbered from 0 without gaps.
    most : int64 array, shape (domains,)
        How many of the VMs a domain takes.
    need : int
        How many of them must find a place.
    """

    vms: Sequence[int]
    domain_of: Integers
    most: Integers
    need: int


def crowded_rules(openings: Openings) -> Iterator[Finding]:
    """Yield the rules that keep more VMs apart than there are places for."""
    if openings.instance.allow_unplaced:
        return
    for position, rule in enumerate(openings.instance.rules):
        if rule.hard and isinstance(rule, Spread | AtLeastDomains | AtMostPerHost):
            fact = openings.facts.rule(position)
            crowd = _crowd_of(openings, rule)
            if fact is not None and crowd is not None:
                yield from _finding(openings, crowd, [fact], str(fact))
    for clique in conflict_cliques(openings.instance):
        if len(clique.rules) > 1:
            yield from _crowded_clique(openings, clique)


def _crowded_clique(openings: Openings, clique: Clique) -> Iterator[Finding]:
    facts = [fact for position in clique.rules if (fact := openings.facts.rule(position)) is not None]
    domain_of, _ = _domains(openings, "host")
    crowd = Crowd(clique.vms, domain_of, np.ones(int(domain_of.max()) + 1, dtype=np.int64), len(clique.vms))
    yield from _finding(openings, crowd, facts, f"{len(clique.vms)} VMs of which no two may share a host")


def _domains(openings: Openings, level: Level) -> tuple[Integers, int]:
    hosts = np.arange(openings.instance.host_count, dtype=np.int64)
    if level == "host":
        return hosts, len(hosts)
    names, domain_of = np.unique(openings.instance.domains(level, hosts), return_inverse=True)
    return domain_of.astype(np.int64), len(names)


def _crowd_of(openings: Openings, rule: Spread | AtLeastDomains | AtMostPerHost) -> Crowd | None:
    """Return who must keep apart by a rule; None where it asks for nothing."""
    instance = openings.instance
    vms = [vm for vm in instance.vms_called(rule.vms).tolist() if instance.ruled[vm]]
    if not vms and not isinstance(rule, AtLeastDomains):
        return None
    if isinstance(rule, AtMostPerHost):
        domain_of, count = _domains(openings, "host")
        most = np.full(count, len(vms), dtype=np.int64)
        most[instance.hosts_called(rule.hosts)] = min(rule.most, len(vms))
        return Crowd(vms, domain_of, most, len(vms))
    domain_of, count = _domains(openings, rule.level)
    need = rule.least if isinstance(rule, AtLeastDomains) else len(vms)
    return Crowd(vms, domain_of, np.ones(count, dtype=np.int64), need)


def _finding(openings: Openings, crowd: Crowd, rules: Sequence[Fact], words: str) -> Iterator[Finding]:
    if len(crowd.vms) < crowd.need:
        yield Finding(f"{words} speaks of {len(crowd.vms)} VMs and needs {crowd.need}", tuple(rules))
        return
    kinds = openings.by_kind(crowd.vms)
    if not all(openings.open[kind].any() for kind in kinds):
        return  # told already: such a VM has no host at all
    if all(int(crowd.most[_open_domains(openings, crowd, kind)].sum()) >= len(crowd.vms) for kind in kinds):
        return  # each finds a place wherever the others are
    placed, tight, domains = _flow(openings, crowd, kinds)
    if placed < crowd.need:
        places = "1 place" if domains == 1 else f"{domains} places"
        names = f"{sum(len(kinds[kind]) for kind in tight)} VMs may be in {places} only"
        closing = openings.closing_facts(tight)
        yield Finding(f"{words}: {names}", (*rules, *closing, *openings.facts.host_count()))


def _open_domains(openings: Openings, crowd: Crowd, kind: int) -> Integers:
    return np.flatnonzero(np.bincount(crowd.domain_of[openings.open[kind]], minlength=len(crowd.most)))


def _flow(openings: Openings, crowd: Crowd, kinds: dict[int, list[int]]) -> tuple[int, list[int], int]:
    """Return how many VMs find a place, the kinds that lack places, and how many these have together."""
    count, domains = len(kinds), len(crowd.most)
    source, sink = count + domains, count + domains + 1
    rows, columns, limits = [source] * count, list(range(count)), [len(vms) for vms in kinds.values()]
    for number, kind in enumerate(kinds):
        for domain in _open_domains(openings, crowd, kind).tolist():
            rows.append(number)
            columns.append(count + domain)
            limits.append(min(len(kinds[kind]), int(crowd.most[domain])))
    rows += range(count, count + domains)
    columns += [sink] * domains
    limits += crowd.most.tolist()
    shape = (sink + 1, sink + 1)
    graph = csr_array((np.array(limits, dtype=np.int32), (rows, columns)), shape=shape)
    result = maximum_flow(graph, source, sink)
    residual = csr_array(graph - result.flow)
    residual.eliminate_zeros()
    reached = set(breadth_first_order(residual, source, return_predecessors=False).tolist())
    tight = [kind for number, kind in enumerate(kinds) if number in reached]
    places = [domain for domain in range(domains) if count + domain in reached]
    return int(result.flow_value), tight or list(kinds), len(places) if tight else domains
