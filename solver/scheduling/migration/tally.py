"""The running count of how much of one hard rule is broken, as VMs come and go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np

from formulations.instance import Instance
from formulations.rules import Level, Rule, Selector


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
