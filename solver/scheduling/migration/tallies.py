"""Running counts of how much of each hard rule is broken while VMs come and go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

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
    Selector,
    Split,
    Spread,
)
from solver.verifying import RuleJudge


class Tally(ABC):
    """The amount broken of one rule, kept up to date as VMs are put on hosts and taken off.

    Attributes
    ----------
    members : frozenset of int
        The VMs that it looks at.
    amount : int
        The amount broken now; VMs that are on no host do not count.
    """

    members: frozenset[int]
    amount: int = 0

    def __init__(self, instance: Instance, rule: Rule) -> None:
        self.instance = instance
        self.rule = rule

    @abstractmethod
    def put(self, vm: int, host: int, /) -> None:
        """Count a VM on a host."""

    @abstractmethod
    def take(self, vm: int, host: int, /) -> None:
        """Count it there no longer."""

    def role(self, vm: int) -> Any:
        """Return what the rule sees in a VM: two VMs with the same role may change places."""
        return vm in self.members

    def seen(self, selectors: Iterable[Selector]) -> frozenset[int]:
        """Return the VMs of the selectors that rules see."""
        vms = self.instance.vms_called(selectors)
        return frozenset(vms[self.instance.ruled[vms]].tolist())

    def hosts(self, selectors: Iterable[Selector]) -> frozenset[int]:
        """Return the hosts of the selectors."""
        return frozenset(self.instance.hosts_called(selectors).tolist())

    def domains(self, level: Level) -> list[int]:
        """Return the domain of every host."""
        domains: list[int] = self.instance.domains(level, np.arange(self.instance.host_count)).tolist()
        return domains


class Misplaced(Tally):
    """Ban, fence and pin: each VM by itself is where it may be or not."""

    def __init__(self, instance: Instance, rule: Ban | Fence | Pin) -> None:
        super().__init__(instance, rule)
        self.members = self.seen(rule.vms)
        self.home: dict[int, int] = {}
        self.banned: Callable[[int, int], bool]
        if isinstance(rule, Pin):
            stay = instance.current if rule.host is None else None
            only = -1 if rule.host is None else next(iter(self.hosts([rule.host])))
            self.home = {vm: only if stay is None else int(stay[vm]) for vm in self.members}
            self.members = frozenset(vm for vm, host in self.home.items() if host >= 0)
            self.banned = lambda vm, host: self.home[vm] != host
        else:
            hosts, inside = self.hosts(rule.hosts), isinstance(rule, Ban)
            self.banned = lambda _, host: (host in hosts) == inside

    def put(self, vm: int, host: int, /) -> None:
        """Count a VM on a host."""
        self.amount += self.banned(vm, host)

    def take(self, vm: int, host: int, /) -> None:
        """Count it there no longer."""
        self.amount -= self.banned(vm, host)

    def role(self, vm: int) -> Any:
        """Return whether the rule binds the VM, and where to."""
        return self.home.get(vm) if self.home else vm in self.members


class Fullest(Tally):
    """Among: the VMs outside the set that holds most of them."""

    def __init__(self, instance: Instance, rule: Among) -> None:
        super().__init__(instance, rule)
        self.members = self.seen(rule.vms)
        self.sets = [self.hosts(hosts) for hosts in rule.sets]
        self.inside = [0] * len(self.sets)
        self.placed = 0

    def _count(self, host: int, by: int) -> None:
        self.placed += by
        for at, hosts in enumerate(self.sets):
            if host in hosts:
                self.inside[at] += by
        self.amount = self.placed - max(self.inside)

    def put(self, _vm: int, host: int, /) -> None:
        """Count a VM on a host."""
        self._count(host, 1)

    def take(self, _vm: int, host: int, /) -> None:
        """Count it there no longer."""
        self._count(host, -1)


class Occupied(Tally):
    """Spread, gather, at least: how many domains the VMs occupy."""

    def __init__(self, instance: Instance, rule: Spread | Gather | AtLeastDomains) -> None:
        super().__init__(instance, rule)
        self.members = self.seen(rule.vms)
        self.domain = self.domains(rule.level)
        self.there: Counter[int] = Counter()
        self.placed = 0
        self.occupied = 0
        self._weigh()

    def put(self, _vm: int, host: int, /) -> None:
        """Count a VM on a host."""
        domain = self.domain[host]
        self.occupied += not self.there[domain]
        self.there[domain] += 1
        self.placed += 1
        self._weigh()

    def take(self, _vm: int, host: int, /) -> None:
        """Count it there no longer."""
        domain = self.domain[host]
        self.there[domain] -= 1
        self.occupied -= not self.there[domain]
        self.placed -= 1
        self._weigh()

    def _weigh(self) -> None:
        if isinstance(self.rule, Spread):
            self.amount = self.placed - self.occupied
        elif isinstance(self.rule, Gather):
            self.amount = max(0, self.occupied - 1)
        elif isinstance(self.rule, AtLeastDomains):
            self.amount = max(0, self.rule.least - self.occupied - (len(self.members) - self.placed))


class Mixed(Tally):
    """Split and fault domains: groups beyond the first in every domain that counts."""

    def __init__(self, instance: Instance, rule: Split | FaultDomains) -> None:
        super().__init__(instance, rule)
        groups = rule.groups if isinstance(rule, Split) else rule.domains
        self.group = {vm: at for at, group in enumerate(groups) for vm in self.seen(group)}
        self.members = frozenset(self.group)
        self.levels = [self._counted(rule.level)] if isinstance(rule, Split) else self._hosts_and_racks()
        self.there: Counter[tuple[int, int, int]] = Counter()
        self.present: Counter[tuple[int, int]] = Counter()

    def _counted(self, level: Level) -> list[int]:
        return self.domains(level)

    def _hosts_and_racks(self) -> list[list[int]]:
        """Return the domains of hosts and of racks; -1 for a host without a rack, which counts once."""
        entries = self.instance.host_names.entries().tolist()
        racked = [self.instance.hosts[entry].rack is not None for entry in entries]
        racks = [rack if named else -1 for rack, named in zip(self.domains("rack"), racked, strict=True)]
        return [self.domains("host"), racks]

    def put(self, vm: int, host: int, /) -> None:
        """Count a VM on a host."""
        for level, domain in enumerate(self.levels):
            if domain[host] < 0:
                continue
            place = level, domain[host]
            key = (*place, self.group[vm])
            if not self.there[key]:
                self.amount += self.present[place] > 0
                self.present[place] += 1
            self.there[key] += 1

    def take(self, vm: int, host: int, /) -> None:
        """Count it there no longer."""
        for level, domain in enumerate(self.levels):
            if domain[host] < 0:
                continue
            place = level, domain[host]
            key = (*place, self.group[vm])
            self.there[key] -= 1
            if not self.there[key]:
                self.present[place] -= 1
                self.amount -= self.present[place] > 0

    def role(self, vm: int) -> Any:
        """Return the VM's group."""
        return self.group.get(vm)


class Alone(Tally):
    """Depend: the VMs in domains without any that they depend on."""

    def __init__(self, instance: Instance, rule: Depend) -> None:
        super().__init__(instance, rule)
        self.vms, self.on = self.seen(rule.vms), self.seen(rule.on)
        self.members = self.vms | self.on
        self.domain = self.domains(rule.level)
        self.asking: Counter[int] = Counter()
        self.serving: Counter[int] = Counter()

    def _count(self, vm: int, host: int, by: int) -> None:
        domain = self.domain[host]
        before = 0 if self.serving[domain] else self.asking[domain]
        self.asking[domain] += by * (vm in self.vms)
        self.serving[domain] += by * (vm in self.on)
        self.amount += (0 if self.serving[domain] else self.asking[domain]) - before

    def put(self, vm: int, host: int, /) -> None:
        """Count a VM on a host."""
        self._count(vm, host, 1)

    def take(self, vm: int, host: int, /) -> None:
        """Count it there no longer."""
        self._count(vm, host, -1)

    def role(self, vm: int) -> Any:
        """Return whether the VM depends, and whether it is depended on."""
        return vm in self.vms, vm in self.on


class Crowded(Tally):
    """At most per host: the VMs beyond the most, over the rule's hosts."""

    def __init__(self, instance: Instance, rule: AtMostPerHost) -> None:
        super().__init__(instance, rule)
        self.members = self.seen(rule.vms)
        self.counted = self.hosts(rule.hosts)
        self.most = rule.most
        self.there: Counter[int] = Counter()

    def put(self, _vm: int, host: int, /) -> None:
        """Count a VM on a host."""
        if host in self.counted:
            self.there[host] += 1
            self.amount += self.there[host] > self.most

    def take(self, _vm: int, host: int, /) -> None:
        """Count it there no longer."""
        if host in self.counted:
            self.amount -= self.there[host] > self.most
            self.there[host] -= 1


class InUse(Tally):
    """At most on: the rule's hosts that run any VM, ignored or not, beyond the most."""

    def __init__(self, instance: Instance, rule: AtMostOn) -> None:
        super().__init__(instance, rule)
        self.members = frozenset(range(instance.vm_count))
        self.counted = self.hosts(rule.hosts)
        self.most = rule.most
        self.there: Counter[int] = Counter()
        self.used = 0

    def amount_with(self, host: int) -> int:
        """Return the amount while a VM that moves to the host is on both: each of them is in use."""
        return max(0, self.used + (host in self.counted and not self.there[host]) - self.most)

    def put(self, _vm: int, host: int, /) -> None:
        """Count a VM on a host."""
        if host in self.counted:
            self.used += not self.there[host]
            self.there[host] += 1
            self.amount = max(0, self.used - self.most)

    def take(self, _vm: int, host: int, /) -> None:
        """Count it there no longer."""
        if host in self.counted:
            self.there[host] -= 1
            self.used -= not self.there[host]
            self.amount = max(0, self.used - self.most)


class Shared(Tally):
    """Dedicated: the hosts that run both one of the VMs and another one."""

    def __init__(self, instance: Instance, rule: Dedicated) -> None:
        super().__init__(instance, rule)
        self.own = self.seen(rule.vms)
        self.members = frozenset(np.flatnonzero(instance.ruled).tolist())
        self.there: tuple[Counter[int], Counter[int]] = Counter(), Counter()

    def put(self, vm: int, host: int, /) -> None:
        """Count a VM on a host."""
        mine, others = self.there if vm in self.own else self.there[::-1]
        self.amount += bool(others[host]) and not mine[host]
        mine[host] += 1

    def take(self, vm: int, host: int, /) -> None:
        """Count it there no longer."""
        mine, others = self.there if vm in self.own else self.there[::-1]
        mine[host] -= 1
        self.amount -= bool(others[host]) and not mine[host]

    def role(self, vm: int) -> Any:
        """Return whether the VM has its host for itself, and whether the rule sees it."""
        return vm in self.own, vm in self.members


class Judged(Tally):
    """Any other rule: the judge is asked again after every change."""

    def __init__(self, instance: Instance, rule: Rule) -> None:
        super().__init__(instance, rule)
        self.judge = RuleJudge(instance, rule)
        self.members = frozenset(self.judge.members.tolist())
        self.host_of = np.full(instance.vm_count, -1, dtype=np.int64)
        self.amount = self.judge.amount(self.host_of)

    def put(self, vm: int, host: int, /) -> None:
        """Count a VM on a host."""
        self.host_of[vm] = host
        self.amount = self.judge.amount(self.host_of)

    def take(self, vm: int, _host: int, /) -> None:
        """Count it there no longer."""
        self.host_of[vm] = -1
        self.amount = self.judge.amount(self.host_of)

    def role(self, vm: int) -> Any:
        """Return the VM itself: nothing is known of the rule."""
        return vm if vm in self.members else None


TALLIES: dict[type[Any], Callable[[Instance, Any], Tally]] = {
    Among: Fullest,
    AtLeastDomains: Occupied,
    AtMostOn: InUse,
    AtMostPerHost: Crowded,
    Ban: Misplaced,
    Dedicated: Shared,
    Depend: Alone,
    FaultDomains: Mixed,
    Fence: Misplaced,
    Gather: Occupied,
    Pin: Misplaced,
    Split: Mixed,
    Spread: Occupied,
}


def tally_of(instance: Instance, rule: Rule) -> Tally:
    """Return the tally of a rule with nobody placed."""
    return TALLIES.get(type(rule), Judged)(instance, rule)
