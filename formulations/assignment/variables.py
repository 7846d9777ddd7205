"""The assignment variables, and the words in which rules and objective terms speak of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import pulp
from numpy.typing import NDArray

from formulations.assignment.scope import Scope
from formulations.candidates import Candidates
from formulations.instance import Instance
from formulations.objective import HOST_TERMS, ObjectiveLevel
from formulations.program import Expression, Program
from formulations.rules import AtMostOn, Level

Integers = NDArray[np.int64]


class Variables:
    """Which VM is on which host, and which hosts are on, as variables of one program.

    Parameters
    ----------
    instance : Instance
    scope : Scope
        What is free.
    candidates : Candidates
    stop : callable, optional
        Asked now and then while the model is built; True ends that with a `TimeoutError`.

    Attributes
    ----------
    program : Program
    x : dict of int to dict of int to pulp.LpVariable
        ``x[vm][host]`` is 1 when the VM runs on the host.
    members : dict of int to list of int
        The free VMs that could be on each free host.
    on : dict of int to pulp.LpVariable
        1 when the free host is in use; empty where nothing asks.
    """

    def __init__(
        self, instance: Instance, scope: Scope, candidates: Candidates, stop: Callable[[], bool] | None
    ) -> None:
        self.instance = instance
        self.scope = scope
        self._stop = stop
        self.program = Program(instance.name or "placement")
        self.stated: Sequence[ObjectiveLevel] = instance.levels
        self._make_assignments(candidates)
        self._make_hosts_on()

    def check_time(self) -> None:
        """Raise TimeoutError when it is time to stop building."""
        if self._stop is not None and self._stop():
            raise TimeoutError("no time to build the model")

    def _make_assignments(self, candidates: Candidates) -> None:
        self.x: dict[int, dict[int, pulp.LpVariable]] = {}
        self.members: dict[int, list[int]] = {host: [] for host in self.scope.hosts.tolist()}
        host_names = {host: self.instance.host_names.name(host) for host in self.members}
        for vm, hosts in self.scope.pairs(candidates).items():
            self.check_time()
            name = self.instance.vm_names.name(vm)
            self.x[vm] = {host: self.program.binary(f"assign_{name}_{host_names[host]}") for host in hosts}
            for host in hosts:
                self.members[host].append(vm)

    def _make_hosts_on(self) -> None:
        asked = self.has_term(*HOST_TERMS) or any(isinstance(rule, AtMostOn) for rule in self.instance.rules)
        names = self.instance.host_names
        self.on: dict[int, pulp.LpVariable] = (
            {host: self.program.binary(f"on_{names.name(host)}") for host in self.members} if asked else {}
        )

    def has_term(self, *kinds: str) -> bool:
        """Whether any objective level has a term of these kinds."""
        return any(term.kind in kinds for stated in self.stated for term in stated.terms)

    def may_stay_out(self, vm: int) -> bool:
        """Whether a wanted VM may be left without a host."""
        return self.instance.allow_unplaced and not self.instance.ignored[vm]

    def free(self, vms: Integers) -> list[int]:
        """Return those of the VMs that the model decides about."""
        return [vm for vm in vms.tolist() if vm in self.x]

    def placed(self, vm: int) -> Expression:
        """Return whether a free VM has a host."""
        return Expression.total(self.x[vm].values())

    def count_by_domain(self, vms: Integers, level: Level) -> dict[int, Expression]:
        """Return how many of the VMs are in each domain that any of them can be in."""
        fixed_hosts = self.scope.fixed.host_of[vms]
        domains = self.instance.domains(level, fixed_hosts[fixed_hosts >= 0])
        counts = {
            int(domain): Expression(constant=float(count))
            for domain, count in zip(*np.unique(domains, return_counts=True), strict=True)
        }
        domain_of = self._free_domains(level)
        for vm in self.free(vms):
            for host, variable in self.x[vm].items():
                counts.setdefault(domain_of[host], Expression()).add(variable)
        return counts

    def _free_domains(self, level: Level) -> dict[int, int]:
        if level not in self._domains_by_level:
            domains = self.instance.domains(level, self.scope.hosts)
            self._domains_by_level[level] = dict(zip(self.scope.hosts.tolist(), domains.tolist(), strict=True))
        return self._domains_by_level[level]

    @cached_property
    def _domains_by_level(self) -> dict[Level, dict[int, int]]:
        return {}

    @cached_property
    def fixed_in_use(self) -> Integers:
        """The hosts outside the scope that run a fixed VM."""
        return self.scope.fixed.hosts_used
