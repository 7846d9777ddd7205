"""How much of a rule is broken at worst while VMs are under way, each at one end of its move or the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from formulations.instance import Instance
from formulations.rules import (
    Among,
    AtLeastDomains,
    AtMostOn,
    AtMostPerHost,
    Ban,
    Dedicated,
    Depend,
    FaultDomains,
    Fence,
    Gather,
    Level,
    Pin,
    Rule,
    Split,
    Spread,
)
from formulations.tables import Integers
from solver.verifying.rules import RuleJudge

MOST_CHOICES = 2**10
"""Choices of ends that are tried one by one."""

MOST_BRANCHES = 4096

Edge = tuple[int, int]


class Worst(NamedTuple):
    """The largest amount broken over all choices of one end per moving VM, between two figures.

    Attributes
    ----------
    least : int
        Some choice breaks this much.
    most : int
        No choice breaks more.
    """

    least: int
    most: int


class Presence:
    """One rule of an instance, asked for the worst over all choices of ends.

    Parameters
    ----------
    instance : Instance
    rule : Rule
    """

    def __init__(self, instance: Instance, rule: Rule) -> None:
        self.instance = instance
        self.rule = rule
        self.judge = RuleJudge(instance, rule)
        self.members = self.judge.members
        self._worst = _WAYS.get(type(rule), _by_choices)

    def worst(self, first: Integers, second: Integers) -> Worst:
        """Return the largest amount broken.

        Parameters
        ----------
        first, second : int64 arrays, shape (VMs,)
            The ends of every VM: both the host of one that is not under way, -1 for none.
        """
        return self._worst(self, first, second)

    def flying(self, first: Integers, second: Integers) -> Integers:
        """Return the members that are under way."""
        members: Integers = self.members[first[self.members] != second[self.members]]
        return members

    def domain(self, level: Level) -> Integers:
        """Return the domain of every host, -1 for the host -1 (the last)."""
        return np.append(self.instance.domains(level, np.arange(self.instance.host_count)), -1)


def _exactly(amount: int) -> Worst:
    return Worst(amount, amount)


def _tried(presence: Presence, first: Integers, second: Integers, flying: Integers) -> int:
    """Return the largest amount over the choices of these VMs, the others at their first ends."""
    host_of = first.copy()
    largest = 0
    for ends in product((0, 1), repeat=len(flying)):
        chosen = np.array(ends, dtype=np.bool_)
        host_of[flying] = np.where(chosen, second[flying], first[flying])
        largest = max(largest, presence.judge.amount(host_of))
    return largest


def _by_choices(presence: Presence, first: Integers, second: Integers) -> Worst:
    """Try every choice; where there are too many, nothing more than the number of VMs is known."""
    flying = presence.flying(first, second)
    if 2 ** len(flying) <= MOST_CHOICES:
        return _exactly(_tried(presence, first, second, flying))
    least = max(presence.judge.amount(first), presence.judge.amount(second))
    return Worst(least, len(presence.members))


def _one_by_one(presence: Presence, first: Integers, second: Integers) -> Worst:
    """Ban, fence, pin: each VM is counted by itself, at its worse end."""
    flying = presence.flying(first, second)
    resting = first.copy()
    resting[flying] = -1
    amount = presence.judge.amount(resting)
    alone = np.full(len(first), -1, dtype=np.int64)
    for vm in flying.tolist():
        ends = []
        for end in (first[vm], second[vm]):
            alone[vm] = end
            ends.append(presence.judge.amount(alone))
        alone[vm] = -1
        amount += max(ends)
    return _exactly(amount)


def _hosts_on(presence: Presence, first: Integers, second: Integers) -> Worst:
    """At most on: both hosts of a moving VM are in use."""
    rule = presence.rule
    assert isinstance(rule, AtMostOn)  # noqa: S101 -- for the type checker
    used = np.union1d(first, second)
    counted = presence.instance.hosts_called(rule.hosts)
    return _exactly(max(0, len(np.intersect1d(used, counted)) - rule.most))


# -- rules that count occupied domains ------------------------------------------------------


def _edges(presence: Presence, first: Integers, second: Integers, level: Level) -> tuple[set[int], list[Edge], int]:
    """Return the domains that resting members hold, the pairs between which others are, and how many are placed."""
    domain = presence.domain(level)
    ends = np.stack([domain[first[presence.members]], domain[second[presence.members]]])
    ends = ends[:, ends[0] >= 0]
    rest = ends[0] == ends[1]
    pairs = [(min(a, b), max(a, b)) for a, b in ends[:, ~rest].T.tolist()]
    return set(ends[0, rest].tolist()), pairs, ends.shape[1]


def _most_domains(held: set[int], edges: Sequence[Edge]) -> int:
    """Return the most domains that can be occupied: all of a connected part, but one in a tree that holds none."""
    total = len(held)
    for part, joining in _parts(edges):
        rooted = bool(part & held) or joining >= len(part)
        total += len(part - held) - (not rooted)
    return total


def _parts(edges: Iterable[Edge]) -> list[tuple[set[int], int]]:
    """Return the connected parts with their numbers of edges."""
    parts: dict[int, tuple[set[int], int]] = {}
    for a, b in edges:
        one, other = parts.get(a, ({a}, 0)), parts.get(b, ({b}, 0))
        joint = (one[0] | other[0], one[1] + 1 + (0 if one is other else other[1]))
        for vertex in joint[0]:
            parts[vertex] = joint
    return list({id(part): part for part in parts.values()}.values())


def _least_domains(held: set[int], edges: Sequence[Edge]) -> Worst:
    """Return the fewest domains that can be occupied: those held, and a vertex cover of what lies between others."""
    open_edges = {edge for edge in edges if not held & set(edge)}
    budget = [MOST_BRANCHES]
    cover = _cover(open_edges, budget)
    if budget[0] > 0:
        return _exactly(len(held) + cover)
    return Worst(len(held) + _matching(open_edges), len(held) + cover)


def _matching(edges: Iterable[Edge]) -> int:
    """Return the size of a maximal matching: no cover is smaller."""
    taken: set[int] = set()
    size = 0
    for a, b in edges:
        if a not in taken and b not in taken:
            taken |= {a, b}
            size += 1
    return size


def _cover(edges: set[Edge], budget: list[int]) -> int:
    """Return the size of a smallest vertex cover; of some cover once the budget is spent."""
    if not edges:
        return 0
    near: defaultdict[int, set[int]] = defaultdict(set)
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    leaf = next((vertex for vertex, others in near.items() if len(others) == 1), None)
    if leaf is not None:
        (chosen,) = near[leaf]
        return 1 + _cover({edge for edge in edges if chosen not in edge}, budget)
    hub = max(near, key=lambda vertex: len(near[vertex]))
    budget[0] -= 1
    with_hub = 1 + _cover({edge for edge in edges if hub not in edge}, budget)
    if budget[0] <= 0:
        return with_hub
    others = near[hub]
    return min(with_hub, len(others) + _cover({edge for edge in edges if not others & set(edge)}, budget))


def _gathered(presence: Presence, first: Integers, second: Integers) -> Worst:
    rule = presence.rule
    assert isinstance(rule, Gather)  # noqa: S101 -- for the type checker
    held, edges, _ = _edges(presence, first, second, rule.level)
    return _exactly(max(0, _most_domains(held, edges) - 1))


def _spread(presence: Presence, first: Integers, second: Integers) -> Worst:
    rule = presence.rule
    assert isinstance(rule, Spread)  # noqa: S101 -- for the type checker
    held, edges, placed = _edges(presence, first, second, rule.level)
    domains = _least_domains(held, edges)
    return Worst(placed - domains.most, placed - domains.least)


def _at_least(presence: Presence, first: Integers, second: Integers) -> Worst:
    rule = presence.rule
    assert isinstance(rule, AtLeastDomains)  # noqa: S101 -- for the type checker
    held, edges, placed = _edges(presence, first, second, rule.level)
    domains = _least_domains(held, edges)
    needed = rule.least - (len(presence.members) - placed)
    return Worst(max(0, needed - domains.most), max(0, needed - domains.least))


# -- rules that add up over hosts or domains --------------------------------------------------


def _touching(presence: Presence, first: Integers, second: Integers, vms: Integers) -> Integers:
    """Return on how many hosts' account each of the VMs may be: shape (hosts,)."""
    one, other = first[vms], second[vms]
    moving = one != other
    hosts = np.concatenate([one, other[moving]])
    return np.bincount(hosts[hosts >= 0], minlength=presence.instance.host_count).astype(np.int64)


def _crowded(presence: Presence, first: Integers, second: Integers) -> Worst:
    rule = presence.rule
    assert isinstance(rule, AtMostPerHost)  # noqa: S101 -- for the type checker
    there = _touching(presence, first, second, presence.members)
    excess = np.zeros(len(there), dtype=np.int64)
    counted = presence.instance.hosts_called(rule.hosts)
    excess[counted] = np.maximum(0, there[counted] - rule.most)
    return _hot(presence, first, second, excess)


def _shared(presence: Presence, first: Integers, second: Integers) -> Worst:
    rule = presence.rule
    assert isinstance(rule, Dedicated)  # noqa: S101 -- for the type checker
    own = np.intersect1d(presence.instance.vms_called(rule.vms), presence.members)
    others = np.setdiff1d(presence.members, own)
    both = [_touching(presence, first, second, vms) > 0 for vms in (own, others)]
    return _hot(presence, first, second, (both[0] & both[1]).astype(np.int64))


def _hot(presence: Presence, first: Integers, second: Integers, excess: Integers) -> Worst:
    """Return the worst where each host's part is largest with all who may be there on it.

    ``excess`` is every host's part then. A VM between two hosts with such a part can only be on one
    of them: those are tried one by one; any other is where it hurts.
    """
    most = int(excess.sum())
    if not most:
        return _exactly(0)
    flying = presence.flying(first, second)
    hot = excess > 0
    torn = flying[hot[first[flying]] & hot[second[flying]]]
    resting = first.copy()
    resting[flying] = np.where(hot[second[flying]], second[flying], first[flying])
    resting[torn] = first[torn]
    if 2 ** len(torn) <= MOST_CHOICES:
        return _exactly(_tried(presence, resting, second, torn))
    return Worst(presence.judge.amount(resting), most)


def _mixed(presence: Presence, first: Integers, second: Integers) -> Worst:
    """Split, fault domains: nothing is broken where no domain is within reach of two groups."""
    rule = presence.rule
    assert isinstance(rule, Split | FaultDomains)  # noqa: S101 -- for the type checker
    groups = rule.groups if isinstance(rule, Split) else rule.domains
    levels = [rule.level] if isinstance(rule, Split) else ["host", "rack"]
    reach = 0
    for level in levels:
        domain = presence.domain(level)
        within: dict[int, set[int]] = defaultdict(set)
        for number, group in enumerate(groups):
            vms = np.intersect1d(presence.instance.vms_called(group), presence.members)
            for at in set(domain[first[vms]].tolist()) | set(domain[second[vms]].tolist()):
                within[at].add(number)
        reach += sum(len(there) - 1 for at, there in within.items() if at >= 0)
    if not reach:
        return _exactly(0)
    return _bounded(presence, first, second, reach)


def _alone(presence: Presence, first: Integers, second: Integers) -> Worst:
    """Depend: nothing is broken where each VM finds one at rest, or itself, at both its ends."""
    rule = presence.rule
    assert isinstance(rule, Depend)  # noqa: S101 -- for the type checker
    domain = presence.domain(rule.level)
    on = np.intersect1d(presence.instance.vms_called(rule.on), presence.members)
    vms = np.setdiff1d(np.intersect1d(presence.instance.vms_called(rule.vms), presence.members), on)
    at_rest = on[domain[first[on]] == domain[second[on]]]
    served = np.append(np.unique(domain[first[at_rest]]), -1)
    ends = np.stack([domain[first[vms]], domain[second[vms]]])
    lonely = int(np.count_nonzero(~np.isin(ends, served).all(axis=0)))
    return _exactly(0) if not lonely else _bounded(presence, first, second, lonely)


def _bounded(presence: Presence, first: Integers, second: Integers, most: int) -> Worst:
    found = _by_choices(presence, first, second)
    return Worst(found.least, min(found.most, most))


def _among(presence: Presence, first: Integers, second: Integers) -> Worst:
    """Among: nothing is broken beyond the VMs that the best set does not hold at both ends."""
    rule = presence.rule
    assert isinstance(rule, Among)  # noqa: S101 -- for the type checker
    placed = presence.members[first[presence.members] >= 0]
    outside = []
    for selectors in rule.sets:
        hosts = presence.instance.hosts_called(selectors)
        inside = np.isin(first[placed], hosts) & np.isin(second[placed], hosts)
        outside.append(int(np.count_nonzero(~inside)))
    most = min(outside)
    return _exactly(0) if not most else _bounded(presence, first, second, most)


_WAYS: dict[type[Any], Callable[[Presence, Integers, Integers], Worst]] = {
    Among: _among,
    AtLeastDomains: _at_least,
    AtMostOn: _hosts_on,
    AtMostPerHost: _crowded,
    Ban: _one_by_one,
    Dedicated: _shared,
    Depend: _alone,
    FaultDomains: _mixed,
    Fence: _one_by_one,
    Gather: _gathered,
    Pin: _one_by_one,
    Split: _mixed,
    Spread: _spread,
}
