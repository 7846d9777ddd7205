"""Running counts of how much of each hard rule is broken while VMs come and go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
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
    Pin,
    Rule,
    Split,
    Spread,
)
from solver.scheduling.migration.domain_tallies import Alone, Mixed, Occupied
from solver.scheduling.migration.tally import Tally
from solver.verifying import RuleJudge


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
