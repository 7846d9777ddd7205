"""Closures: the hosts that hard rules close to a VM, given who is where, for all hosts at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.rules import AtMostPerHost, FaultDomains, Gather, Level, Rule, Selector, Split, Spread
from formulations.tables import Integers

Mask = NDArray[np.bool_]


class Closure(Protocol):
    """What one rule closes.

    Attributes
    ----------
    members : int64 array
        The VMs that the rule speaks of, ascending.
    """

    members: Integers

    def open_to(self, vm: int) -> Mask | None:
        """Return the hosts where a VM that is nowhere breaks no more than is broken: shape (hosts,); None for all."""

    def kin(self, vm: int) -> Integers | int:
        """Return per host how many others are in a domain there with whom the VM may be; 0 where that never is."""

    def put(self, vm: int, host: int) -> None:
        """Note that a member is on a host now."""

    def take(self, vm: int, host: int) -> None:
        """Note that a member has left a host."""


class Domains:
    """The domains of one level, numbered without gaps.

    Attributes
    ----------
    of : int64 array, shape (hosts,)
        Each host's domain.
    number : int
        How many domains there are.
    named : int
        The first of them have a name; the others are single hosts.
    """

    def __init__(self, instance: Instance, level: Level) -> None:
        domains = instance.domains(level, np.arange(instance.host_count, dtype=np.int64))
        numbers, position = np.unique(domains, return_inverse=True)
        self.of: Integers = position.reshape(-1).astype(np.int64)
        self.number = len(numbers)
        self.named = self.number if level == "host" else int((numbers < instance.labels(level)).sum())

    def outside(self, domains: list[int]) -> Mask:
        """Return the hosts in none of some domains."""
        outside = np.ones(self.number, dtype=np.bool_)
        outside[domains] = False
        return outside[self.of]


class _Presence:
    """Who is in each domain of a level: per domain and side of a rule, how many members."""

    def __init__(self, domains: Domains, side: dict[int, int], *, named_only: bool = False) -> None:
        self.domains = domains
        self.side = side
        self.last = domains.named if named_only else domains.number
        self.present: dict[int, dict[int, int]] = {}

    def count(self, vm: int, host: int, number: int) -> None:
        """Note that a member came to a host (1) or left it (-1)."""
        domain, side = int(self.domains.of[host]), self.side[vm]
        sides = self.present.setdefault(domain, {})
        sides[side] = sides.get(side, 0) + number
        if not sides[side]:
            del sides[side]
        if not sides:
            del self.present[domain]

    def own(self, vm: int) -> Integers:
        """Return per host how many of the VM's own side are in the domain: shape (hosts,)."""
        counts: Integers = np.zeros(self.domains.number, dtype=np.int64)
        for domain, sides in self.present.items():
            counts[domain] = sides.get(self.side[vm], 0)
        return counts[self.domains.of]

    def where_others_are(self, vm: int) -> list[int]:
        """Return the domains that hold members of other sides and none of the VM's own."""
        own = self.side[vm]
        return [domain for domain, sides in self.present.items() if own not in sides and domain < self.last]


class _Apart:
    """Members of different sides never share a domain: spread, split, fault domains."""

    def __init__(self, members: Integers, presences: Sequence[_Presence]) -> None:
        self.members = members
        self._presences = presences

    def open_to(self, vm: int) -> Mask | None:
        closed = [(presence.domains, presence.where_others_are(vm)) for presence in self._presences]
        masks = [domains.outside(where) for domains, where in closed if where]
        return np.logical_and.reduce(masks) if masks else None

    def kin(self, vm: int) -> Integers | int:
        return sum(presence.own(vm) for presence in self._presences)

    def put(self, vm: int, host: int) -> None:
        for presence in self._presences:
            presence.count(vm, host, 1)

    def take(self, vm: int, host: int) -> None:
        for presence in self._presences:
            presence.count(vm, host, -1)


class Together:
    """All members in one domain: gather.

    Parameters
    ----------
    members : int64 array
    domains : Domains
    """

    def __init__(self, members: Integers, domains: Domains) -> None:
        self.members = members
        self.domains = domains
        self.refused: list[int] = []
        """Domains that are closed as long as nobody is anywhere."""
        self._presence = _Presence(domains, dict.fromkeys(members.tolist(), 0))

    @property
    def begun(self) -> bool:
        """Whether any member has a host."""
        return bool(self._presence.present)

    def open_to(self, vm: int) -> Mask | None:  # noqa: ARG002 (all members are alike)
        """Return the hosts in domains where members are; where none is, those of domains that are not refused."""
        present = self._presence.present
        return ~self.domains.outside(list(present)) if present else self.domains.outside(self.refused)

    def kin(self, vm: int) -> Integers | int:
        """Return per host how many members are in its domain."""
        return self._presence.own(vm)

    def put(self, vm: int, host: int) -> None:
        """Note that a member is on a host now."""
        self._presence.count(vm, host, 1)

    def take(self, vm: int, host: int) -> None:
        """Note that a member has left a host."""
        self._presence.count(vm, host, -1)


class _AtMost:
    """At most so many of the members on each of some hosts."""

    def __init__(self, members: Integers, most: int, limited: Mask) -> None:
        self.members = members
        self._most = most
        self._limited = limited
        self._count: Integers = np.zeros(len(limited), dtype=np.int64)

    def open_to(self, vm: int) -> Mask | None:  # noqa: ARG002 (all members are alike)
        return ~self._limited | (self._count < self._most)

    def kin(self, vm: int) -> Integers | int:  # noqa: ARG002
        return 0

    def put(self, vm: int, host: int) -> None:  # noqa: ARG002
        self._count[host] += 1

    def take(self, vm: int, host: int) -> None:  # noqa: ARG002
        self._count[host] -= 1


class Closures:
    """What the hard rules of an instance close, as VMs are put on hosts and taken away.

    Parameters
    ----------
    instance : Instance

    Attributes
    ----------
    of : dict of int to list of Closure
        Per VM those of the rules that speak of it.
    seen : list of bool
        Per rule whether it is among them: a soft one, and one that depends on more than who is where, is not.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self._domains: dict[Level, Domains] = {}
        self.of: dict[int, list[Closure]] = {}
        closures = [self._closure(rule) if rule.hard else None for rule in instance.rules]
        self.seen = [closure is not None for closure in closures]
        for closure in closures:
            if closure is not None:
                for vm in closure.members.tolist():
                    self.of.setdefault(vm, []).append(closure)

    @property
    def together(self) -> list[Together]:
        """Those that keep their members in one domain."""
        found = [closure for own in self.of.values() for closure in own if isinstance(closure, Together)]
        return list({id(closure): closure for closure in found}.values())

    def open_to(self, vm: int) -> Mask | None:
        """Return the hosts that no rule closes to a VM that is nowhere; None where all are open."""
        masks = [mask for closure in self.of.get(vm, ()) if (mask := closure.open_to(vm)) is not None]
        return np.logical_and.reduce(masks) if masks else None

    def put(self, vm: int, host: int) -> None:
        """Note that a VM is on a host now."""
        for closure in self.of.get(vm, ()):
            closure.put(vm, host)

    def take(self, vm: int, host: int) -> None:
        """Note that a VM has left a host."""
        for closure in self.of.get(vm, ()):
            closure.take(vm, host)

    def domains(self, level: Level) -> Domains:
        """Return the domains of a level."""
        if level not in self._domains:
            self._domains[level] = Domains(self.instance, level)
        return self._domains[level]

    def _closure(self, rule: Rule) -> Closure | None:
        if isinstance(rule, Spread):
            members = self._ruled(rule.vms)
            own = {vm: vm for vm in members.tolist()}
            return _Apart(members, [_Presence(self.domains(rule.level), own)])
        if isinstance(rule, Gather):
            return Together(self._ruled(rule.vms), self.domains(rule.level))
        if isinstance(rule, AtMostPerHost):
            limited = np.zeros(self.instance.host_count, dtype=np.bool_)
            limited[self.instance.hosts_called(rule.hosts)] = True
            return _AtMost(self._ruled(rule.vms), rule.most, limited)
        return self._of_groups(rule) if isinstance(rule, Split | FaultDomains) else None

    def _of_groups(self, rule: Split | FaultDomains) -> Closure:
        groups = [self._ruled(names) for names in rule.vm_selectors().values()]
        side = {vm: number for number, group in enumerate(groups) for vm in group.tolist()}
        if isinstance(rule, Split):
            presences = [_Presence(self.domains(rule.level), side)]
        else:
            racks = _Presence(self.domains("rack"), side, named_only=True)
            presences = [_Presence(self.domains("host"), side), racks]
        return _Apart(np.sort(np.concatenate(groups)), presences)

    def _ruled(self, names: Iterable[Selector]) -> Integers:
        vms = self.instance.vms_called(names)
        return vms[self.instance.ruled[vms]]
