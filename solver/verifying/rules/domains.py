"""Judges of the rules about who meets in a domain: spread, gather, at least, split, fault domains, depend."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from formulations.instance import Instance
from formulations.rules import AtLeastDomains, Depend, FaultDomains, Gather, Selector, Split, Spread
from formulations.tables import Integers
from solver.verifying.rules.base import Domains, RuleCheck, by_domain, ruled
from solver.verifying.verdict import enumeration


class SpreadCheck(RuleCheck):
    """Counts the VMs beyond the first of every domain."""

    def __init__(self, instance: Instance, rule: Spread) -> None:
        super().__init__(instance, ruled(instance, rule.vms))
        self.domains = Domains(instance, rule.level)

    def amount(self, host_of: Integers) -> int:
        """Return the placed VMs less the domains that they occupy."""
        hosts = self.placed(host_of)[1]
        return len(hosts) - len(set(self.domains.of(hosts).tolist()))

    def offences(self, host_of: Integers) -> Iterable[str]:
        """Yield who shares a domain."""
        vms, hosts = self.placed(host_of)
        for domain, sharing in by_domain(vms, self.domains.of(hosts)).items():
            if len(sharing) > 1:
                yield f"{self.called(sharing)} share {self.domains.called(domain)}"


class GatherCheck(RuleCheck):
    """Counts the domains beyond the first."""

    def __init__(self, instance: Instance, rule: Gather) -> None:
        super().__init__(instance, ruled(instance, rule.vms))
        self.domains = Domains(instance, rule.level)

    def amount(self, host_of: Integers) -> int:
        """Return the number of domains beyond the first."""
        hosts = self.placed(host_of)[1]
        return max(0, len(set(self.domains.of(hosts).tolist())) - 1)

    def offences(self, host_of: Integers) -> Iterable[str]:
        """Yield who is in which domain."""
        vms, hosts = self.placed(host_of)
        groups = by_domain(vms, self.domains.of(hosts))
        if len(groups) > 1:
            where = [f"{self.called(group)} in {self.domains.called(domain)}" for domain, group in groups.items()]
            yield f"apart: {enumeration(where)}"


class AtLeastDomainsCheck(RuleCheck):
    """Counts the domains that are missing and can no longer be reached by VMs without a host."""

    def __init__(self, instance: Instance, rule: AtLeastDomains) -> None:
        super().__init__(instance, ruled(instance, rule.vms))
        self.domains = Domains(instance, rule.level)
        self.least = rule.least

    def amount(self, host_of: Integers) -> int:
        """Return the least number less the domains occupied and the VMs not placed, if positive."""
        hosts = self.placed(host_of)[1]
        unplaced = len(self.members) - len(hosts)
        return max(0, self.least - len(set(self.domains.of(hosts).tolist())) - unplaced)

    def offences(self, host_of: Integers) -> Iterable[str]:
        """Yield the domains occupied."""
        if self.amount(host_of):
            occupied = sorted(set(self.domains.of(self.placed(host_of)[1]).tolist()))
            names = enumeration([self.domains.called(domain) for domain in occupied])
            yield f"only {len(occupied)} of {self.least}: {names}" if occupied else f"none of {self.least}"


class GroupsCheck(RuleCheck):
    """Counts the groups beyond the first in every domain of one or more levels."""

    def __init__(self, instance: Instance, groups: list[list[Selector]], levels: list[Domains]) -> None:
        called = [ruled(instance, group) for group in groups]
        vms = np.concatenate(called)
        order = np.argsort(vms, kind="stable")
        super().__init__(instance, vms[order])
        self.group = np.repeat(np.arange(len(called)), [len(group) for group in called])[order]
        self.levels = levels

    def amount(self, host_of: Integers) -> int:
        """Return the number of groups present beyond the first, over all domains."""
        return sum(len(pairs) - len({domain for domain, _ in pairs}) for pairs in self._present(host_of))

    def _present(self, host_of: Integers) -> Iterable[set[tuple[int, int]]]:
        hosts = host_of[self.members]
        placed = hosts >= 0
        hosts, group = hosts[placed], self.group[placed].tolist()
        for level in self.levels:
            domains = level.of(hosts).tolist()
            yield {pair for pair in zip(domains, group, strict=True) if self._counts(level, pair[0])}

    def _counts(self, level: Domains, domain: int) -> bool:
        return level.level == "host" or len(self.levels) == 1 or domain < level.labels

    def offences(self, host_of: Integers) -> Iterable[str]:
        """Yield who of different groups shares a domain."""
        group_of = dict(zip(self.members.tolist(), self.group.tolist(), strict=True))
        vms, hosts = self.placed(host_of)
        for level in self.levels:
            for domain, sharing in by_domain(vms, level.of(hosts)).items():
                if self._counts(level, domain) and len({group_of[vm] for vm in sharing}) > 1:
                    yield f"{self.called(sharing)} share {level.called(domain)}"


class SplitCheck(GroupsCheck):
    """Counts the groups beyond the first in every domain of the rule's level."""

    def __init__(self, instance: Instance, rule: Split) -> None:
        super().__init__(instance, rule.groups, [Domains(instance, rule.level)])


class FaultDomainsCheck(GroupsCheck):
    """Counts the fault domains beyond the first on every host and in every named rack."""

    def __init__(self, instance: Instance, rule: FaultDomains) -> None:
        super().__init__(instance, rule.domains, [Domains(instance, "host"), Domains(instance, "rack")])


class DependCheck(RuleCheck):
    """Counts the VMs in domains without any VM that they depend on."""

    def __init__(self, instance: Instance, rule: Depend) -> None:
        self.vms = ruled(instance, rule.vms)
        self.needed = ruled(instance, rule.on)
        self.domains = Domains(instance, rule.level)
        self.on = enumeration(rule.on)
        super().__init__(instance, np.union1d(self.vms, self.needed))

    def amount(self, host_of: Integers) -> int:
        """Return how many of the placed VMs run in a domain without one."""
        return len(self._alone(host_of))

    def _alone(self, host_of: Integers) -> list[tuple[int, int]]:
        needed = host_of[self.needed]
        served = set(self.domains.of(needed[needed >= 0]).tolist())
        hosts = host_of[self.vms]
        vms, hosts = self.vms[hosts >= 0], hosts[hosts >= 0]
        pairs = zip(vms.tolist(), self.domains.of(hosts).tolist(), strict=True)
        return [pair for pair in pairs if pair[1] not in served]

    def offences(self, host_of: Integers) -> Iterable[str]:
        """Yield who runs in a domain without any VM it depends on."""
        for vm, domain in self._alone(host_of):
            yield f"{self.called([vm])} runs in {self.domains.called(domain)} without any of {self.on}"
