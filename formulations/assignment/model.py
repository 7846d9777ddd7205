"""The assignment model: its variables, the placement constraints, and how a solution is read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
import pulp
from numpy.typing import NDArray

from formulations.assignment import rules, terms
from formulations.assignment.capacity import Capacity
from formulations.assignment.scope import Scope
from formulations.candidates import Candidates
from formulations.instance import Instance
from formulations.objective import HOST_TERMS, ObjectiveLevel
from formulations.placement import Placement
from formulations.program import Expression, Program
from formulations.quantities import exact
from formulations.rules import AtMostOn, Level, Rule

Integers = NDArray[np.int64]


class Assignment:
    """An instance, or the part of it in a scope, as an integer program.

    Every objective level's expression gives the level's value for the whole instance, fixed
    part included.

    Parameters
    ----------
    instance : Instance
    scope : Scope, optional
        What is free; everything by default.
    candidates : Candidates, optional
        Shared between models of one instance to save work.
    stop : callable, optional
        Asked now and then while the model is built; True ends that with a `TimeoutError`.

    Attributes
    ----------
    x : dict of int to dict of int to pulp.LpVariable
        ``x[vm][host]`` is 1 when the VM runs on the host.
    on : dict of int to pulp.LpVariable
        1 when the free host is in use; empty where nothing asks.
    levels : list of Expression
        One per objective level, to be minimised in order.

    Raises
    ------
    ContradictionError
        If a constraint is false whatever the variables.
    TimeoutError
        If ``stop`` says so.
    """

    def __init__(
        self,
        instance: Instance,
        scope: Scope | None = None,
        candidates: Candidates | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        self.instance = instance
        self._stop = stop
        self.scope = scope or Scope.whole(instance)
        self.program = Program(instance.name or "placement")
        self.stated: Sequence[ObjectiveLevel] = instance.levels
        self._make_assignments(candidates or Candidates(instance))
        self._make_hosts_on()
        self._place_every_wanted_vm()
        self.capacity = Capacity(self)
        self._use_interchangeable_hosts_in_order()
        self.amounts = [(rule, self._encoded(rule)) for rule in instance.rules]
        self.levels = [self._level(stated) for stated in self.stated]

    @property
    def problem(self) -> pulp.LpProblem:
        """The model as PuLP's."""
        return self.program.problem

    def check_time(self) -> None:
        """Raise TimeoutError when it is time to stop building."""
        if self._stop is not None and self._stop():
            raise TimeoutError("no time to build the model")

    # -- variables -----------------------------------------------------------------------

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

    # -- constraints ---------------------------------------------------------------------

    def _place_every_wanted_vm(self) -> None:
        for vm, hosts in self.x.items():
            name = f"place_{self.instance.vm_names.name(vm)}"
            if self.may_stay_out(vm):
                self.program.at_most(Expression.total(hosts.values()), 1, name)
            else:
                self.program.equal(Expression.total(hosts.values()), 1, name)

    def may_stay_out(self, vm: int) -> bool:
        """Whether a wanted VM may be left without a host."""
        return self.instance.allow_unplaced and not self.instance.ignored[vm]

    def _use_interchangeable_hosts_in_order(self) -> None:
        """Break the symmetry between counted hosts that nothing tells apart."""
        self._in_order: list[Integers] = []
        if not self.on:
            return
        names = self.instance.host_names
        entry_of = names.entry_of(self.scope.hosts)
        for entry in np.unique(entry_of).tolist():
            hosts = self.scope.hosts[entry_of == entry]
            if len(hosts) > 1 and self._interchangeable(entry):
                self._in_order.append(hosts)
                for first, second in zip(hosts[:-1].tolist(), hosts[1:].tolist(), strict=True):
                    ordered = Expression({self.on[second]: 1.0, self.on[first]: -1.0})
                    self.program.at_most(ordered, 0, f"order_{names.name(second)}")

    def _interchangeable(self, entry: int) -> bool:
        members = self.instance.host_names.members(entry)
        if np.isin(self.instance.current, members).any():
            return False
        for rule in self.instance.rules:
            for selectors in rule.host_selectors().values():
                named = int(np.isin(members, self.instance.hosts_called(selectors)).sum())
                if 0 < named < len(members):
                    return False
        return True

    # -- what rules and objective terms are made of --------------------------------------

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

    def _encoded(self, rule: Rule) -> Expression:
        self.check_time()
        return rules.encode(self, rule)

    # -- objective -----------------------------------------------------------------------

    def _level(self, stated: ObjectiveLevel) -> Expression:
        total = Expression()
        for term in stated.terms:
            total.plus(terms.expression(self, term), float(exact(term.weight)))
        return total

    def minimise(self, level: int) -> None:
        """Make a level the objective."""
        self.problem.setObjective(self.levels[level].pulp())

    def hold(self, level: int, value: float) -> None:
        """Require a level to be no worse than a value (up to float accuracy)."""
        slack = 1e-7 * max(1.0, abs(value))
        self.program.at_most(self.levels[level], value + slack, f"hold_level{level}")

    # -- reading and starting ------------------------------------------------------------

    def _ordered(self, placement: Placement) -> Placement:
        """Return the placement with interchangeable hosts renumbered so that the first ones are in use."""
        host_of = placement.host_of.copy()
        for hosts in self._in_order:
            used = np.intersect1d(placement.hosts_used, hosts)
            for old, new in zip(used.tolist(), hosts.tolist(), strict=False):
                host_of[placement.host_of == old] = new
        return Placement(host_of, placement.allocation, placement.cells)

    def decode(self, values: Mapping[str, float]) -> Placement:
        """Return the placement that a solution's values stand for, without allocation."""
        host_of = self.scope.fixed.host_of.copy()
        for vm, hosts in self.x.items():
            host_of[vm] = next((host for host, x in hosts.items() if values.get(x.name, 0.0) > 0.5), -1)
        return Placement(host_of, None, self.capacity.decode_cells(values, host_of))

    def start(self, placement: Placement) -> dict[str, float]:
        """Return the values of the main variables that stand for a placement, or for one alike."""
        values: dict[str, float] = {}
        placement = self._ordered(placement)
        for vm, hosts in self.x.items():
            here = int(placement.host_of[vm])
            values.update({x.name: float(host == here) for host, x in hosts.items()})
        used = set(placement.hosts_used.tolist())
        values.update({on.name: float(host in used) for host, on in self.on.items()})
        values.update(self.capacity.start(placement))
        return values
