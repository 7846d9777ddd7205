"""How each placement rule reads in the assignment model.

Every encoding returns the amount broken as an expression (see the rule's own class for what it
counts); a hard rule's encoding forbids any amount instead and returns 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formulations.assignment.variables import Variables
from formulations.program import ContradictionError, Expression
from formulations.rules import (
    Among,
    AtLeastDomains,
    AtMostMoves,
    AtMostOn,
    AtMostPerHost,
    Ban,
    Dedicated,
    Depend,
    FaultDomains,
    Fence,
    Gather,
    Ignore,
    Level,
    Pin,
    PlacementRule,
    Rule,
    Split,
    Spread,
)

Integers = NDArray[np.int64]

ROWS_PER_DOMAIN = 60
"""Up to this many VMs, a domain's occupancy is tied VM by VM: more rows, a tighter relaxation."""


def encode(model: Variables, rule: Rule) -> Expression:
    """Add a rule to the model and return the amount by which it is broken."""
    return Encoding(model, rule).amount


class Encoding:
    """One rule in one model: what it adds, and the amount by which it is broken."""

    def __init__(self, model: Variables, rule: Rule) -> None:
        self.model = model
        self.program = model.program
        self.instance = model.instance
        self.hard = rule.hard
        self.label = str(rule)
        self.amount = Expression()
        _ENCODINGS[type(rule)](self, rule)

    # -- words that the rules are made of ------------------------------------------------

    def called(self, selectors: Iterable[str]) -> Integers:
        """Return the VMs that the selectors name and rules see."""
        vms = self.instance.vms_called(selectors)
        return vms[self.instance.ruled[vms]]

    def limit(self, left: Expression, right: float, what: str) -> None:
        """Require ``left <= right``; where the rule is soft, what goes beyond counts as broken."""
        name = f"{self.label} {what}"
        if self.hard:
            self.program.at_most(left, right, name)
        elif left.fixed:
            self.amount.constant += max(0.0, left.constant - right)
        else:
            over = self.program.continuous(f"over {name}")
            self.program.at_most(left.times(1.0).add(over, -1.0), right, name)
            self.amount.add(over)

    def occupied(self, count: Expression, what: str) -> Expression:
        """Return an expression that is at least 1 when the count is positive, and free to be 0 otherwise."""
        if count.fixed or count.constant >= 1:
            return Expression(constant=float(count.constant > 0))
        flag = self.program.binary(f"{self.label} occupied {what}")
        if len(count.terms) <= ROWS_PER_DOMAIN:
            for position, variable in enumerate(count.terms):
                tie = Expression({variable: 1.0, flag: -1.0})
                self.program.at_most(tie, 0, f"{self.label} occupied {what} {position}")
        else:
            tie = count.times(1.0).add(flag, -float(len(count.terms)))
            self.program.at_most(tie, 0, f"{self.label} occupied {what}")
        return Expression({flag: 1.0})

    def present(self, count: Expression, what: str) -> Expression:
        """Return an expression that can be 1 only when the count is positive."""
        if count.fixed or count.constant >= 1:
            return Expression(constant=float(count.constant > 0))
        flag = self.program.binary(f"{self.label} present {what}")
        self.program.at_most(Expression({flag: 1.0}).plus(count, -1.0), 0, f"{self.label} present {what}")
        return Expression({flag: 1.0})

    def by_domain(self, vms: Integers, level: Level) -> dict[int, Expression]:
        """Return how many of the VMs are in each domain."""
        return self.model.count_by_domain(vms, level)

    def on_hosts(self, vms: Integers, hosts: Integers, *, inside: bool) -> tuple[dict[int, Expression], int]:
        """Return, per free VM, whether it is inside (or outside) the hosts, and how many fixed ones are."""
        allowed = set(hosts.tolist())
        where = self.model.scope.fixed.host_of[vms]
        fixed = int((np.isin(where, hosts) == inside)[where >= 0].sum())
        free = {
            vm: Expression.total(x for host, x in self.model.x[vm].items() if (host in allowed) == inside)
            for vm in self.model.free(vms)
        }
        return free, fixed

    def forbid(self, vms: Integers, hosts: Integers, *, inside: bool) -> None:
        """Count every VM inside (or outside) the hosts as broken."""
        free, fixed = self.on_hosts(vms, hosts, inside=inside)
        total = Expression(constant=float(fixed))
        for there in free.values():
            total.plus(there)
        if self.hard:
            self.program.at_most(total, 0, self.label)
        else:
            self.amount.plus(total)

    def apart(self, groups: list[Integers], level: Level, *, named_only: bool = False) -> None:
        """Let at most one of the groups be in each domain."""
        counts = [self.by_domain(group, level) for group in groups]
        for domain in sorted(set().union(*counts)):
            here = [count[domain] for count in counts if domain in count]
            if len(here) < 2 or (named_only and not self._is_named(level, domain)):
                continue
            total = Expression()
            for number, count in enumerate(here):
                total.plus(self.occupied(count, f"{level} {domain} {number}"))
            self.limit(total, 1, f"{level} {domain}")

    def _is_named(self, level: Level, domain: int) -> bool:
        """Whether a domain is a label's and not a host without the label."""
        return domain < self.instance.labels(level)


# -- the rules ---------------------------------------------------------------------------


def _spread(encoding: Encoding, rule: Spread) -> None:
    """At most one of the VMs per domain: one clique row a domain."""
    for domain, count in encoding.by_domain(encoding.called(rule.vms), rule.level).items():
        if len(count.terms) + count.constant > 1:
            encoding.limit(count, 1, f"{rule.level} {domain}")


def _at_most_per_host(encoding: Encoding, rule: AtMostPerHost) -> None:
    hosts = set(encoding.instance.hosts_called(rule.hosts).tolist())
    for host, count in encoding.by_domain(encoding.called(rule.vms), "host").items():
        if host in hosts:
            encoding.limit(count, rule.most, f"host {host}")


def _at_most_moves(encoding: Encoding, rule: AtMostMoves) -> None:
    vms = encoding.called(rule.vms)
    current = encoding.instance.current
    vms = vms[current[vms] >= 0]
    fixed = encoding.model.scope.fixed.host_of[vms]
    moved = Expression(constant=float(((fixed >= 0) & (fixed != current[vms])).sum()))
    for vm in encoding.model.free(vms):
        home = int(current[vm])
        moved.plus(Expression.total(x for host, x in encoding.model.x[vm].items() if host != home))
    encoding.limit(moved, rule.most, "moves")


def _gather(encoding: Encoding, rule: Gather) -> None:
    """At most one domain is occupied."""
    total = Expression()
    for domain, count in encoding.by_domain(encoding.called(rule.vms), rule.level).items():
        total.plus(encoding.occupied(count, f"{rule.level} {domain}"))
    encoding.limit(total, 1, "one domain")


def _ban(encoding: Encoding, rule: Ban) -> None:
    encoding.forbid(encoding.called(rule.vms), encoding.instance.hosts_called(rule.hosts), inside=True)


def _fence(encoding: Encoding, rule: Fence) -> None:
    encoding.forbid(encoding.called(rule.vms), encoding.instance.hosts_called(rule.hosts), inside=False)


def _pin(encoding: Encoding, rule: Pin) -> None:
    vms = encoding.called(rule.vms)
    if rule.host is not None:
        encoding.forbid(vms, encoding.instance.hosts_called([rule.host]), inside=False)
        return
    current = encoding.instance.current[vms]
    for here in np.unique(current[current >= 0]):
        encoding.forbid(vms[current == here], np.array([here]), inside=False)


def _dedicated(encoding: Encoding, rule: Dedicated) -> None:
    """On every host, either none of the VMs or nobody else."""
    inside = np.zeros(encoding.instance.vm_count, dtype=np.bool_)
    inside[encoding.called(rule.vms)] = True
    members = encoding.by_domain(np.flatnonzero(inside), "host")
    others = encoding.by_domain(np.flatnonzero(encoding.instance.ruled & ~inside), "host")
    for host in sorted(set(members) & set(others)):
        both = encoding.occupied(members[host], f"members {host}")
        encoding.limit(both.times(1.0).plus(encoding.occupied(others[host], f"others {host}")), 1, f"host {host}")


def _split(encoding: Encoding, rule: Split) -> None:
    encoding.apart([encoding.called(group) for group in rule.groups], rule.level)


def _fault_domains(encoding: Encoding, rule: FaultDomains) -> None:
    groups = [encoding.called(domain) for domain in rule.domains]
    encoding.apart(groups, "host")
    encoding.apart(groups, "rack", named_only=True)


def _among(encoding: Encoding, rule: Among) -> None:
    """Choose one set; whoever is outside it counts as broken."""
    vms = encoding.called(rule.vms)
    chosen = [encoding.program.binary(f"{encoding.label} set {k}") for k in range(len(rule.sets))]
    encoding.program.equal(Expression.total(chosen), 1, f"{encoding.label} one set")
    astray = {vm: encoding.program.continuous(f"{encoding.label} astray {vm}") for vm in encoding.model.free(vms)}
    fixed_astray = encoding.program.continuous(f"{encoding.label} astray fixed")
    for k, selectors in enumerate(rule.sets):
        free, fixed = encoding.on_hosts(vms, encoding.instance.hosts_called(selectors), inside=False)
        for vm, outside in free.items():
            owed = outside.times(1.0).add(chosen[k]).add(astray[vm], -1.0)
            encoding.program.at_most(owed, 1, f"{encoding.label} set {k} vm {vm}")
        if fixed:
            owed = Expression({chosen[k]: float(fixed), fixed_astray: -1.0})
            encoding.program.at_most(owed, 0, f"{encoding.label} set {k} fixed")
    total = Expression.total([*astray.values(), fixed_astray])
    if encoding.hard:
        encoding.program.at_most(total, 0, encoding.label)
    else:
        encoding.amount.plus(total)


def _at_most_on(encoding: Encoding, rule: AtMostOn) -> None:
    hosts = encoding.instance.hosts_called(rule.hosts)
    fixed = int(np.isin(encoding.model.fixed_in_use, hosts).sum())
    free = [on for host, on in encoding.model.on.items() if host in set(hosts.tolist())]
    total = Expression.total(free)
    total.constant = float(fixed)
    encoding.limit(total, rule.most, "hosts")


def _at_least_domains(encoding: Encoding, rule: AtLeastDomains) -> None:
    vms = encoding.called(rule.vms)
    missing = Expression(constant=float(rule.least))
    for domain, count in encoding.by_domain(vms, rule.level).items():
        missing.plus(encoding.present(count, f"{rule.level} {domain}"), -1.0)
    for vm in vms.tolist():
        if vm not in encoding.model.x:
            missing.constant -= float(encoding.model.scope.fixed.host_of[vm] < 0)
        elif encoding.model.may_stay_out(vm):
            missing.constant -= 1.0
            missing.plus(encoding.model.placed(vm))
    encoding.limit(missing, 0, "domains")


def _depend(encoding: Encoding, rule: Depend) -> None:
    """Allow a VM into a domain only where one of those it depends on is present."""
    vms, model = encoding.called(rule.vms), encoding.model
    held = encoding.by_domain(encoding.called(rule.on), rule.level)
    present = {domain: encoding.present(count, f"{rule.level} {domain}") for domain, count in held.items()}
    fixed = vms[model.scope.fixed.host_of[vms] >= 0]
    at = encoding.instance.domains(rule.level, model.scope.fixed.host_of[fixed])
    for vm, domain in zip(fixed.tolist(), at.tolist(), strict=True):
        needed = Expression(constant=1.0).plus(present.get(domain, Expression()), -1.0)
        encoding.limit(needed, 0, f"fixed {vm}")
    for vm in model.free(vms):
        alone = None if encoding.hard else encoding.program.continuous(f"{encoding.label} alone {vm}")
        for domain, there in model.count_by_domain(np.array([vm]), rule.level).items():
            needed = there.times(1.0).plus(present.get(domain, Expression()), -1.0)
            if alone is not None:
                needed.add(alone, -1.0)
            encoding.program.at_most(needed, 0, f"{encoding.label} {vm} {rule.level} {domain}")
        if alone is not None:
            encoding.amount.add(alone)


def _ignore(encoding: Encoding, rule: Ignore) -> None:
    """Ignored VMs have no candidate but their current host: nothing is left to require."""
    for vm in encoding.model.free(encoding.instance.vms_called(rule.vms)):
        if not encoding.model.x[vm]:
            raise ContradictionError(encoding.label)


_ENCODINGS: dict[type[PlacementRule], Callable[[Encoding, Any], None]] = {
    Among: _among,
    AtLeastDomains: _at_least_domains,
    AtMostMoves: _at_most_moves,
    AtMostOn: _at_most_on,
    AtMostPerHost: _at_most_per_host,
    Ban: _ban,
    Dedicated: _dedicated,
    Depend: _depend,
    FaultDomains: _fault_domains,
    Fence: _fence,
    Gather: _gather,
    Ignore: _ignore,
    Pin: _pin,
    Split: _split,
    Spread: _spread,
}
