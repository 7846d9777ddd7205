"""An instance restated as a reassignment question, and a reassignment question as an instance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from formulations.errors import UnsupportedError
from formulations.instance import Instance
from formulations.isolation import Full, Shared
from formulations.machines import VM, Host
from formulations.objective import ObjectiveLevel, Term, TermKind
from formulations.placement import Placement
from formulations.quantities import LARGEST_INTEGER, common_quantum, exact
from formulations.reassignment import NOWHERE, Reassignment
from formulations.resources import Resource
from formulations.rules import AtLeastDomains, AtMostMoves, AtMostPerHost, Ban, Depend, Fence, Level, Pin, Rule, Spread
from formulations.tables import Integers

Mask = NDArray[np.bool_]

TERMS = frozenset({"load", "balance", "migration", "group_moves", "distance"})

MOST_HOSTS = 20_000
"""Beyond this many hosts an instance is not restated."""


@dataclass(frozen=True, eq=False)
class Restated:
    """An instance as a reassignment question, and the way back.

    Attributes
    ----------
    instance : Instance
    problem : Reassignment
        Over the VMs that want a host.
    vms : int64 array, shape (problem.vms,)
        Their numbers in the instance.
    step : Fraction
        What a unit of the problem's cost is worth in the objective's level.
    """

    instance: Instance
    problem: Reassignment
    vms: Integers
    step: Fraction

    def placement(self, hosts: Integers) -> Placement:
        """Return the placement that puts the problem's VMs on these hosts."""
        host_of = np.full(self.instance.vm_count, -1, dtype=np.int64)
        host_of[self.vms] = hosts
        return Placement(host_of)

    def hosts(self, placement: Placement) -> Integers:
        """Return the hosts of the problem's VMs in a placement."""
        return placement.host_of[self.vms]


def restated(instance: Instance, level: int | None = None) -> Restated:
    """Return the reassignment question that an instance asks, or one level of it.

    What can be restated: VMs of fixed size without NUMA cells that share their hosts; one objective
    level of the terms load, balance, migration, group_moves and distance; hard rules spread over
    hosts, at most per host, at least domains and depend over one label each, ban, fence, pin, and one budget of moves
    for all.

    Parameters
    ----------
    instance : Instance
    level : int, optional
        Restate this objective level and leave the others out; by default there must be one only.

    Raises
    ------
    UnsupportedError
        Naming the first thing that does not fit.
    """
    return _Restating(instance, level).run()


def first_restatable_level(instance: Instance) -> int | None:
    """Return the first objective level in which placements differ, if all can be placed and no rule is soft.

    Levels before it count only VMs without a host, broken soft rules and unmet demand: of an
    instance that can be restated these are always 0.
    """
    idle = {"unplaced", "broken_rules", "unmet_demand"}
    kinds = [{term.kind for term in stated.terms} for stated in instance.levels]
    return next((number for number, found in enumerate(kinds) if not found <= idle), None)


class _Restating:
    """One instance on its way to arrays."""

    def __init__(self, instance: Instance, level: int | None) -> None:
        self.instance = instance
        self.tables = instance.tables
        self.levels = list(instance.levels) if level is None else [instance.levels[level]]
        self._refuse_what_does_not_fit()
        self.vms = np.flatnonzero(instance.wanted)
        self.entry = instance.vm_entry[self.vms]
        self.row = np.full(instance.vm_count, -1, dtype=np.int64)
        self.row[self.vms] = np.arange(len(self.vms))
        self.rows_of: dict[tuple[str, ...], Integers] = {}
        self.host_entry = instance.host_names.entries()
        self.quantum, self.factor = self._common_quanta()

    def run(self) -> Restated:
        """Return the question."""
        weights, step = self._weights()
        services = self._services()
        vm_class, allowed = self._allowed()
        problem = Reassignment(
            sizes=self.tables.lower[self.entry] * self.factor,
            service=services.of,
            current=np.where(self.instance.current[self.vms] >= 0, self.instance.current[self.vms], NOWHERE),
            capacity=self.tables.capacity[self.host_entry] * self.factor,
            safety=self.tables.safety[self.host_entry] * self.factor,
            location=self._domains(services.location),
            neighbourhood=self._domains(services.neighbourhood),
            transient=np.array([resource.transient for resource in self.instance.resources], dtype=np.bool_),
            load_weight=weights.load,
            balances=weights.balances,
            spread=services.spread,
            most_per_host=services.most,
            dependencies=services.dependencies,
            move_cost=weights.move_cost,
            move_weight=1,
            service_weight=weights.group_moves,
            pair_weight=weights.distance,
            host_class=self.host_entry if weights.distance else np.zeros(len(self.host_entry), dtype=np.int64),
            pair_cost=self._pair_cost() if weights.distance else np.zeros((1, 1), dtype=np.int32),
            vm_class=vm_class,
            allowed=allowed,
            most_moves=self._budget(),
            name=self.instance.name,
        )
        return Restated(self.instance, problem, self.vms, step)

    # -- what fits -----------------------------------------------------------------------

    def _refuse_what_does_not_fit(self) -> None:
        for reason in self._reasons():
            raise UnsupportedError(f"cannot be restated as machine reassignment: {reason}")

    def _reasons(self) -> Iterable[str]:
        """Yield what a reassignment question does not know."""
        instance, tables = self.instance, self.tables
        if any(host.count == "unlimited" for host in instance.hosts) or instance.host_count > MOST_HOSTS:
            yield "hosts without number, or too many"
        if any(cells is not None for cells in tables.cells):
            yield "NUMA cells"
        if bool((tables.lower != tables.demand).any()):
            yield "demands beyond reservations"
        if instance.allow_unplaced:
            yield "VMs that may be left out"
        if self._overloaded_in_transit():
            yield "a host that is overloaded now in a transient resource"
        if bool(instance.ignored.any()):
            yield "ignored VMs"
        for entry in range(len(instance.vms)):
            own = instance.isolation_of(entry)
            if not isinstance(own, Shared) and not (isinstance(own, Full) and not own.pinned):
                yield f"isolation of {instance.vms[entry].name}"
        if len(self.levels) != 1 or not {term.kind for term in self.levels[0].terms} <= TERMS:
            yield "an objective that is not one level of load, balance, migration, group moves and distance"
        for rule in instance.rules:
            if not rule.hard or not self._knows(rule):
                yield f"the rule {rule}"

    def _overloaded_in_transit(self) -> bool:
        """Whether a transient resource is short before anybody moves: a reassignment question forbids that forever."""
        instance = self.instance
        there = np.flatnonzero(instance.wanted & (instance.current >= 0))
        held = np.zeros((instance.host_count, len(instance.resources)), dtype=np.int64)
        np.add.at(held, instance.current[there], self.tables.lower[instance.vm_entry[there]])
        over = held > self.tables.capacity[instance.host_names.entries()]
        return bool(over[:, [resource.transient for resource in instance.resources]].any())

    @staticmethod
    def _knows(rule: Rule) -> bool:
        if isinstance(rule, Spread):
            return rule.level == "host"
        if isinstance(rule, AtMostMoves):
            return rule.vms == ["*"]
        if isinstance(rule, AtMostPerHost):
            return rule.hosts == ["*"]
        return isinstance(rule, AtLeastDomains | Depend | Ban | Fence | Pin)

    # -- the objective -------------------------------------------------------------------

    def _common_quanta(self) -> tuple[list[Fraction], Integers]:
        """Return the quantum of each resource here, and into how many of these the tables' own one is divided.

        Resources that are balanced against one another share a quantum.
        """
        quanta = [scale.quantum for scale in self.tables.scales]
        names = self.tables.resource_names
        terms = [term for term in self.levels[0].terms if term.kind == "balance"]
        tied = {names.index(str(name)) for term in terms for name in (term.resource, term.other)}
        shared = common_quantum(quanta[r] for r in tied)
        used = [shared if r in tied else quantum for r, quantum in enumerate(quanta)]
        factor = [quantum / here for quantum, here in zip(quanta, used, strict=True)]
        largest = [max(self.tables.capacity[:, r].max(initial=0), self.tables.lower[:, r].max(initial=0)) for r in tied]
        if any(int(most) * factor[r] > LARGEST_INTEGER for most, r in zip(largest, tied, strict=True)):
            raise UnsupportedError("cannot be restated as machine reassignment: balanced resources of too unlike units")
        return used, np.array([int(parts) for parts in factor], dtype=np.int64)

    def _weights(self) -> tuple[_Weights, Fraction]:
        """Return whole weights per quantum, and what one unit of them is worth."""
        names = self.tables.resource_names
        quanta = self.quantum
        load = [Fraction(0)] * len(names)
        balances: list[tuple[int, int, Fraction, Fraction]] = []
        moves = groups = distance = Fraction(0)
        for term in self.levels[0].terms:
            weight = exact(term.weight)
            match term.kind:
                case "load":
                    load[names.index(str(term.resource))] += weight * quanta[names.index(str(term.resource))]
                case "balance":
                    first, second = names.index(str(term.resource)), names.index(str(term.other))
                    if term.ratio.denominator != 1:
                        raise UnsupportedError(f"cannot be restated as machine reassignment: the target of {term}")
                    balances.append((first, second, term.ratio, weight * quanta[second]))
                case "migration":
                    moves += weight
                case "group_moves":
                    groups += weight
                case "distance":
                    distance += weight * self.instance.distances[1]
        costs = [moves * exact(vm.move_cost) for vm in self.instance.vms]
        step = common_quantum([*load, *(weight for *_, weight in balances), *costs, groups, distance])
        return (
            _Weights(
                np.array([int(weight / step) for weight in load], dtype=np.int64),
                np.array([(a, b, int(t), int(w / step)) for a, b, t, w in balances], dtype=np.int64).reshape(-1, 4),
                np.array([int(cost / step) for cost in costs], dtype=np.int64)[self.entry],
                int(groups / step),
                int(distance / step),
            ),
            step,
        )

    def _pair_cost(self) -> NDArray[np.int32]:
        """Return the distances between host entries."""
        rows, _ = self.instance.distances
        table = np.zeros((len(self.instance.hosts),) * 2, dtype=np.int32)
        for entry, row in rows.items():
            if int(row.max(initial=0)) >= 2**31:
                raise UnsupportedError("cannot be restated as machine reassignment: distances beyond 32 bits")
            table[entry] = row
        return table

    # -- rules ---------------------------------------------------------------------------

    def _services(self) -> _Services:
        """Return the partition of the VMs that rules and groups speak of, and what they ask of each part."""
        services = _Services(len(self.vms))
        if any(term.kind == "group_moves" for term in self.levels[0].terms):
            for name in {vm.group for vm in self.instance.vms if vm.group is not None}:
                services.part(self._rows([f"group:{name}"]), f"the group {name}")
        for rule in self.instance.rules:
            if isinstance(rule, Spread):
                services.limit(services.part(self._rows(rule.vms), str(rule)), 1)
            elif isinstance(rule, AtMostPerHost):
                services.limit(services.part(self._rows(rule.vms), str(rule)), rule.most)
            elif isinstance(rule, AtLeastDomains):
                services.location = self._one_level(services.location, rule)
                part = services.part(self._rows(rule.vms), str(rule))
                services.least_of[part] = max(rule.least, services.least_of.get(part, 0))
            elif isinstance(rule, Depend):
                services.neighbourhood = self._one_level(services.neighbourhood, rule)
                asked = services.part(self._rows(rule.vms), str(rule)), services.part(self._rows(rule.on), str(rule))
                services.pairs.append(asked)
        services.close()
        return services

    def _rows(self, selectors: list[str]) -> Integers:
        """Return the rows of the VMs that selectors name; remembered, as thousands of rules may name the same."""
        key = tuple(selectors)
        if key not in self.rows_of:
            rows = self.row[self.instance.vms_called(selectors)]
            self.rows_of[key] = rows[rows >= 0]
        return self.rows_of[key]

    @staticmethod
    def _one_level(known: Level | None, rule: AtLeastDomains | Depend) -> Level:
        if known not in (None, rule.level):
            raise UnsupportedError(f"cannot be restated as machine reassignment: a second level in {rule}")
        return rule.level

    def _domains(self, level: Level | None) -> Integers:
        hosts = np.arange(self.instance.host_count, dtype=np.int64)
        if level is None:
            return np.zeros_like(hosts)
        return np.unique(self.instance.domains(level, hosts), return_inverse=True)[1].reshape(-1).astype(np.int64)

    def _allowed(self) -> tuple[Integers, Mask | None]:
        """Return the class of every VM, and on which hosts each class may be; None where all may be everywhere."""
        hosts = self.instance.host_count
        open_to = self.instance.usable_entries[self.host_entry]
        masks: dict[int, Mask] = {}
        for rule in self.instance.rules:
            if isinstance(rule, Ban | Fence | Pin):
                for row in self._rows(next(iter(rule.vm_selectors().values()))).tolist():
                    if (mask := self._mask_of(rule, row)) is not None:
                        masks[row] = masks.get(row, open_to) & mask
        if not masks and bool(open_to.all()):
            return np.zeros(len(self.vms), dtype=np.int64), None
        classes: dict[bytes, int] = {open_to.tobytes(): 0}
        of = np.zeros(len(self.vms), dtype=np.int64)
        for row, mask in masks.items():
            of[row] = classes.setdefault(mask.tobytes(), len(classes))
        table = np.array([np.frombuffer(key, dtype=np.bool_) for key in classes]).reshape(-1, hosts)
        return of, table

    def _mask_of(self, rule: Ban | Fence | Pin, row: int) -> Mask | None:
        """Return the hosts that a rule leaves to a VM; None where it says nothing."""
        mask = np.zeros(self.instance.host_count, dtype=np.bool_)
        if isinstance(rule, Pin) and rule.host is None:
            here = int(self.instance.current[self.vms[row]])
            if here < 0:
                return None
            mask[here] = True
            return mask
        mask[self.instance.hosts_called(next(iter(rule.host_selectors().values())))] = True
        return ~mask if isinstance(rule, Ban) else mask

    def _budget(self) -> int | None:
        return min((rule.most for rule in self.instance.rules if isinstance(rule, AtMostMoves)), default=None)


@dataclass(frozen=True, eq=False)
class _Weights:
    """The objective in whole numbers."""

    load: Integers
    balances: Integers
    move_cost: Integers
    group_moves: int
    distance: int


class _Services:
    """A partition of the VMs: who stands in a rule or a group together."""

    def __init__(self, vms: int) -> None:
        self.of: Integers = np.full(vms, -1, dtype=np.int64)
        self.parts: dict[bytes, int] = {}
        self.most_of: dict[int, int] = {}
        self.least_of: dict[int, int] = {}
        self.pairs: list[tuple[int, int]] = []
        self.location: Level | None = None
        self.neighbourhood: Level | None = None

    def part(self, rows: Integers, what: str) -> int:
        """Return the number of a set of VMs, which overlaps no other one.

        Raises
        ------
        UnsupportedError
            If it does.
        """
        key = rows.tobytes()
        if key not in self.parts:
            if (self.of[rows] >= 0).any():
                raise UnsupportedError(
                    f"cannot be restated as machine reassignment: {what} overlaps another set of VMs"
                )
            self.parts[key] = len(self.parts)
            self.of[rows] = self.parts[key]
        return self.parts[key]

    def limit(self, part: int, most: int) -> None:
        """Let a host have at most so many VMs of a part."""
        self.most_of[part] = min(most, self.most_of.get(part, most))

    def close(self) -> None:
        """Make every VM that nothing speaks of a part of its own, and write what is asked as arrays."""
        alone = np.flatnonzero(self.of < 0)
        self.of[alone] = len(self.parts) + np.arange(len(alone))
        count = len(self.parts) + len(alone)
        self.most: Integers = np.full(count, max(1, len(self.of)), dtype=np.int64)
        self.spread: Integers = np.zeros(count, dtype=np.int64)
        for part, most in self.most_of.items():
            self.most[part] = most
        for part, least in self.least_of.items():
            self.spread[part] = least
        self.dependencies: Integers = np.array(self.pairs, dtype=np.int64).reshape(-1, 2)


# -- the other way round -----------------------------------------------------------------


def instance_of(problem: Reassignment) -> Instance:
    """Return the instance that asks a reassignment question: hosts ``host-0`` …, VMs ``vm-0`` …, groups of services.

    Raises
    ------
    UnsupportedError
        If VMs may not be everywhere: only files state such questions, and they state rules.
    """
    if problem.allowed is not None:
        raise UnsupportedError("hosts that VMs may not use are rules of the instance")
    return _Stating(problem).instance()


class _Stating:
    """One reassignment question in the words of an instance."""

    def __init__(self, problem: Reassignment) -> None:
        self.problem = problem
        self.names = [f"r{r}" for r in range(problem.resources)]

    def instance(self) -> Instance:
        """Return the instance."""
        problem = self.problem
        return Instance(
            name=problem.name,
            resources=[
                Resource(name=name, transient=bool(transient))
                for name, transient in zip(self.names, problem.transient, strict=True)
            ],
            vms=[self._vm(vm) for vm in range(problem.vms)],
            hosts=[self._host(host) for host in range(problem.hosts)],
            rules=list(self._rules()),
            objective=[ObjectiveLevel(terms=list(self._terms()), unit="cost")],
        )

    def _vm(self, vm: int) -> VM:
        problem = self.problem
        host = int(problem.current[vm])
        return VM(
            name=f"vm-{vm}",
            resources=dict(zip(self.names, problem.sizes[vm].tolist(), strict=True)),
            group=f"s{problem.service[vm]}",
            host=None if host == NOWHERE else f"host-{host}",
            move_cost=int(problem.move_cost[vm]),
        )

    def _host(self, host: int) -> Host:
        problem = self.problem
        costs = problem.pair_cost[problem.host_class[host]][problem.host_class].tolist() if problem.pair_weight else []
        return Host(
            name=f"host-{host}",
            capacity=dict(zip(self.names, problem.capacity[host].tolist(), strict=True)),
            safety=dict(zip(self.names, problem.safety[host].tolist(), strict=True)),
            labels={"location": f"l{problem.location[host]}", "neighbourhood": f"n{problem.neighbourhood[host]}"},
            distance={f"host-{to}": cost for to, cost in enumerate(costs) if cost and to != host},
        )

    def _rules(self) -> Iterable[Rule]:
        problem, members = self.problem, self.problem.members
        for service in np.flatnonzero((members > 1) & (problem.most_per_host < members)).tolist():
            most = int(problem.most_per_host[service])
            alike = [f"group:s{service}"]
            yield Spread(vms=alike) if most == 1 else AtMostPerHost(vms=alike, most=most)
        for service in np.flatnonzero((problem.spread > 1) & (members > 0)).tolist():
            yield AtLeastDomains(vms=[f"group:s{service}"], least=int(problem.spread[service]), level="location")
        for service, on in problem.dependencies.tolist():
            if members[service] and members[on]:
                yield Depend(vms=[f"group:s{service}"], on=[f"group:s{on}"], level="neighbourhood")
        if problem.most_moves is not None:
            yield AtMostMoves(most=problem.most_moves)

    def _terms(self) -> Iterable[Term]:
        problem = self.problem
        for name, weight in zip(self.names, problem.load_weight.tolist(), strict=True):
            if weight:
                yield Term(kind="load", resource=name, weight=weight)
        for first, second, target, weight in problem.balances.tolist():
            if weight:
                yield Term(
                    kind="balance", resource=self.names[first], other=self.names[second], target=target, weight=weight
                )
        moving: dict[TermKind, int] = {
            "migration": problem.move_weight,
            "group_moves": problem.service_weight,
            "distance": problem.pair_weight,
        }
        for kind, weight in moving.items():
            if weight:
                yield Term(kind=kind, weight=weight)
