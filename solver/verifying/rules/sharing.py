"""Judges of the rules about how full hosts are: dedicated, at most per host, at most on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from formulations.instance import Instance
from formulations.rules import AtMostOn, AtMostPerHost, Dedicated
from formulations.tables import Integers
from solver.verifying.rules.base import HostSet, RuleCheck, ruled
from solver.verifying.verdict import enumeration


class DedicatedCheck(RuleCheck):
    """Counts the hosts that run one of the VMs and another one."""

    def __init__(self, instance: Instance, rule: Dedicated) -> None:
        super().__init__(instance, np.flatnonzero(instance.ruled))
        self.own = ruled(instance, rule.vms)
        self.others = np.setdiff1d(self.members, self.own, assume_unique=True)

    def amount(self, host_of: Integers) -> int:
        """Return how many hosts run both."""
        return len(self._shared(host_of))

    def _shared(self, host_of: Integers) -> Integers:
        own = np.unique(host_of[self.own])
        others = host_of[self.others]
        own = own[own >= 0]
        if not len(own):
            return own
        position = np.minimum(np.searchsorted(own, others), len(own) - 1)
        return np.unique(others[own[position] == others])

    def offences(self, host_of: Integers) -> Iterable[str]:
        """Yield who shares a dedicated host."""
        for host in self._shared(host_of):
            own, others = self.own[host_of[self.own] == host], self.others[host_of[self.others] == host]
            yield f"{self.called(own)} shares {self.host_called(host)} with {self.called(others)}"


class AtMostPerHostCheck(RuleCheck):
    """Counts the VMs beyond the most that a host may run."""

    def __init__(self, instance: Instance, rule: AtMostPerHost) -> None:
        super().__init__(instance, ruled(instance, rule.vms))
        self.hosts = HostSet(instance, rule.hosts)
        self.most = rule.most

    def amount(self, host_of: Integers) -> int:
        """Return, over these hosts, the number of the VMs beyond the most."""
        return sum(max(0, count - self.most) for count in self._counts(host_of).values())

    def _counts(self, host_of: Integers) -> Counter[int]:
        hosts = self.placed(host_of)[1]
        return Counter(hosts[self.hosts.holds(hosts)].tolist())

    def offences(self, host_of: Integers) -> Iterable[str]:
        """Yield the hosts that run too many."""
        for host, count in self._counts(host_of).items():
            if count > self.most:
                yield f"{self.host_called(host)} runs {count}"


class AtMostOnCheck(RuleCheck):
    """Counts the hosts in use beyond the most; every VM counts, ignored or not."""

    def __init__(self, instance: Instance, rule: AtMostOn) -> None:
        super().__init__(instance, np.arange(instance.vm_count, dtype=np.int64))
        self.hosts = HostSet(instance, rule.hosts)
        self.most = rule.most

    def amount(self, host_of: Integers) -> int:
        """Return the number of them in use beyond the most."""
        return max(0, len(self._in_use(host_of)) - self.most)

    def _in_use(self, host_of: Integers) -> list[int]:
        hosts = host_of[host_of >= 0]
        return sorted(set(hosts[self.hosts.holds(hosts)].tolist()))

    def offences(self, host_of: Integers) -> Iterable[str]:
        """Yield the hosts in use."""
        used = self._in_use(host_of)
        if len(used) > self.most:
            names = enumeration([self.host_called(host) for host in used[:7]] + [""] * (len(used) - 7))
            yield f"{len(used)} in use: {names}"
