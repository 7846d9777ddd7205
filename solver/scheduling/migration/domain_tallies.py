"""Tallies of the rules about who meets in a domain: spread, gather, at least, split, fault domains, depend."""

from __future__ import annotations

from collections import Counter
from typing import Any

from formulations.instance import Instance
from formulations.rules import AtLeastDomains, Depend, FaultDomains, Gather, Level, Split, Spread
from solver.scheduling.migration.tally import Tally


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
