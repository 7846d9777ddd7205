"""What the judges of all rules share: the VMs they look at, domains, and sets of hosts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from formulations.instance import Instance
from formulations.rules import Level, Selector
from formulations.tables import Integers
from solver.verifying.verdict import enumeration


class RuleCheck(ABC):
    """One rule of one instance, compiled to index arrays.

    Attributes
    ----------
    members : int64 array
        The VMs that it looks at, ascending; no other VM's host changes the amount broken.
    """

    members: Integers

    def __init__(self, instance: Instance, members: Integers) -> None:
        self.instance = instance
        self.members = members

    @abstractmethod
    def amount(self, host_of: Integers) -> int:
        """Return the amount broken; `host_of` may be partial (-1 for no host)."""

    @abstractmethod
    def offences(self, host_of: Integers) -> Iterable[str]:
        """Yield a phrase per offence, naming who offends."""

    def placed(self, host_of: Integers) -> tuple[Integers, Integers]:
        """Return the placed members and their hosts."""
        hosts = host_of[self.members]
        there = hosts >= 0
        return self.members[there], hosts[there]

    def called(self, vms: Iterable[int]) -> str:
        """Spell VMs by name."""
        return enumeration([self.instance.vm_names.name(int(vm)) for vm in vms])

    def host_called(self, host: int) -> str:
        """Spell one host by name."""
        return self.instance.host_names.name(int(host))


class Domains:
    """The domains of one level: hosts, or hosts that share a label."""

    def __init__(self, instance: Instance, level: Level) -> None:
        self.instance = instance
        self.level = level

    def of(self, hosts: Integers) -> Integers:
        """Return the domain of each host."""
        return self.instance.domains(self.level, hosts)

    @cached_property
    def labels(self) -> int:
        """How many domains have a label; the others are single hosts."""
        return self.instance.labels(self.level)

    def called(self, domain: int) -> str:
        """Spell a domain, such as ``zone east`` or ``host-3``."""
        name = self.instance.domain_name(self.level, int(domain))
        return name if self.level == "host" or domain >= self.labels else f"{self.level} {name}"


class HostSet:
    """A set of hosts that answers for whole arrays."""

    def __init__(self, instance: Instance, selectors: list[Selector]) -> None:
        self.hosts = instance.hosts_called(selectors)
        self._all = len(self.hosts) == instance.host_count

    def holds(self, hosts: Integers) -> NDArray[np.bool_]:
        """Return which of the hosts belong to the set."""
        if self._all:
            return np.ones(len(hosts), dtype=np.bool_)
        position = np.searchsorted(self.hosts, hosts)
        position[position == len(self.hosts)] = 0
        inside: NDArray[np.bool_] = self.hosts[position] == hosts
        return inside


def ruled(instance: Instance, selectors: Iterable[Selector]) -> Integers:
    """Return the VMs that the selectors name and that rules see, ascending."""
    vms = instance.vms_called(selectors)
    return vms[instance.ruled[vms]]


def by_domain(vms: Integers, domains: Integers) -> dict[int, list[int]]:
    """Return the VMs of each domain, domains in order of first appearance."""
    groups: dict[int, list[int]] = {}
    for vm, domain in zip(vms.tolist(), domains.tolist(), strict=True):
        groups.setdefault(domain, []).append(vm)
    return groups
