"""Judges of the rules about which hosts VMs run on: among, at most moves, ban, fence, ignore and pin."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.rules import Among, AtMostMoves, Ban, Fence, Ignore, Pin
from formulations.tables import Integers
from solver.verifying.rules.base import HostSet, RuleCheck, ruled


class BanCheck(RuleCheck):
    """Counts the VMs on the banned hosts."""

    def __init__(self, instance: Instance, rule: Ban) -> None:
        super().__init__(instance, ruled(instance, rule.vms))
        self.hosts = HostSet(instance, rule.hosts)

    def amount(self, host_of: Integers) -> int:
        """Return how many of the VMs run on the hosts."""
        return int(np.count_nonzero(self.hosts.holds(self.placed(host_of)[1])))

    def offences(self, host_of: Integers) -> Iterable[str]:
        """Yield who runs where it must not."""
        vms, hosts = self.placed(host_of)
        yield from _runs_on(self, vms, hosts, self.hosts.holds(hosts))


class FenceCheck(RuleCheck):
    """Counts the VMs outside the fence."""

    def __init__(self, instance: Instance, rule: Fence) -> None:
        super().__init__(instance, ruled(instance, rule.vms))
        self.hosts = HostSet(instance, rule.hosts)

    def amount(self, host_of: Integers) -> int:
        """Return how many of the placed VMs run elsewhere."""
        return int(np.count_nonzero(~self.hosts.holds(self.placed(host_of)[1])))

    def offences(self, host_of: Integers) -> Iterable[str]:
        """Yield who runs outside."""
        vms, hosts = self.placed(host_of)
        yield from _runs_on(self, vms, hosts, ~self.hosts.holds(hosts))


class StayCheck(RuleCheck):
    """Counts the VMs that are not on the host where each must be."""

    def __init__(self, instance: Instance, rule: Pin | Ignore) -> None:
        vms, home = _homes(instance, rule)
        super().__init__(instance, vms[home >= 0])
        self.home = home[home >= 0]

    def amount(self, host_of: Integers) -> int:
        """Return how many of the placed VMs run elsewhere."""
        hosts = host_of[self.members]
        return int(np.count_nonzero((hosts >= 0) & (hosts != self.home)))

    def offences(self, host_of: Integers) -> Iterable[str]:
        """Yield who runs where instead of where."""
        hosts = host_of[self.members]
        for at in np.flatnonzero((hosts >= 0) & (hosts != self.home)).tolist():
            where, home = self.host_called(hosts[at]), self.host_called(self.home[at])
            yield f"{self.called([self.members[at]])} runs on {where} instead of {home}"


class AtMostMovesCheck(RuleCheck):
    """Counts the VMs that leave their current host, beyond the most."""

    def __init__(self, instance: Instance, rule: AtMostMoves) -> None:
        vms = ruled(instance, rule.vms)
        super().__init__(instance, vms[instance.current[vms] >= 0])
        self.home = instance.current[self.members]
        self.most = rule.most

    def amount(self, host_of: Integers) -> int:
        """Return how many of the placed VMs run elsewhere, beyond the most."""
        return max(0, int(np.count_nonzero(self._moved(host_of))) - self.most)

    def _moved(self, host_of: Integers) -> NDArray[np.bool_]:
        hosts = host_of[self.members]
        moved: NDArray[np.bool_] = (hosts >= 0) & (hosts != self.home)
        return moved

    def offences(self, host_of: Integers) -> Iterable[str]:
        """Yield how many move, and who."""
        moved = self.members[self._moved(host_of)]
        if len(moved) > self.most:
            yield f"{len(moved)} move: {self.called(moved)}"


class AmongCheck(RuleCheck):
    """Counts the VMs outside the host set that holds most of them."""

    def __init__(self, instance: Instance, rule: Among) -> None:
        super().__init__(instance, ruled(instance, rule.vms))
        self.sets = [HostSet(instance, hosts) for hosts in rule.sets]

    def amount(self, host_of: Integers) -> int:
        """Return how many of the placed VMs run outside that set."""
        hosts = self.placed(host_of)[1]
        return len(hosts) - int(np.count_nonzero(self._fullest(hosts)))

    def offences(self, host_of: Integers) -> Iterable[str]:
        """Yield who runs outside the set that holds most."""
        vms, hosts = self.placed(host_of)
        yield from _runs_on(self, vms, hosts, ~self._fullest(hosts))

    def _fullest(self, hosts: Integers) -> NDArray[np.bool_]:
        return max((inside.holds(hosts) for inside in self.sets), key=np.count_nonzero)


def _homes(instance: Instance, rule: Pin | Ignore) -> tuple[Integers, Integers]:
    if isinstance(rule, Ignore):
        vms = instance.vms_called(rule.vms)
        return vms, instance.current[vms]
    vms = ruled(instance, rule.vms)
    if rule.host is None:
        return vms, instance.current[vms]
    return vms, np.full(len(vms), instance.hosts_called([rule.host])[0])


def _runs_on(check: RuleCheck, vms: Integers, hosts: Integers, wrong: NDArray[np.bool_]) -> Iterable[str]:
    for vm, host in zip(vms[wrong], hosts[wrong], strict=True):
        yield f"{check.called([vm])} runs on {check.host_called(host)}"
