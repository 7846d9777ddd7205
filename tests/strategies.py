"""Random small instances and placements: the raw material of every test that compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import msgspec
import numpy as np
from hypothesis import strategies as st

from formulations import VM, Bounds, Cell, Full, Host, Instance, Partial, Placement, Protected, Resource, Shared, Term
from formulations.bounds import Size
from formulations.isolation import AnyIsolation
from formulations.naming import CountedNames
from formulations.objective import ObjectiveLevel, TermKind
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
    Pin,
    Rule,
    Split,
    Spread,
)

RULES: tuple[str, ...] = (
    "among",
    "at_least_domains",
    "at_most_moves",
    "at_most_on",
    "at_most_per_host",
    "ban",
    "dedicated",
    "depend",
    "fault_domains",
    "fence",
    "gather",
    "pin",
    "split",
    "spread",
)
"""Every rule that may be hard or soft (``ignore`` has a knob of its own)."""

MODES: tuple[str, ...] = ("shared", "full", "pinned", "partial", "protected")
"""Every isolation level; ``pinned`` is full with whole cores."""

TERMS: tuple[TermKind, ...] = (
    "unplaced",
    "broken_rules",
    "unmet_demand",
    "hosts",
    "cost",
    "energy",
    "migration",
    "group_moves",
    "distance",
    "load",
    "balance",
    "imbalance",
)
"""Every objective term."""

Thing = TypeVar("Thing")

UNITS = {"cpu": "cores", "memory": "GB"}


@dataclass(frozen=True)
class Knobs:
    """What a random instance may have. None means that a coin decides.

    Parameters
    ----------
    vms, hosts : int
        Most VMs (at least 2; members counted) and most hosts. An unlimited host entry has as
        many members as there are VMs.
    resources : int, optional
        1 (cpu) or 2 (cpu and memory).
    rules : sequence of str, optional
        One rule of each kind named, of `RULES`; up to two random ones if missing.
    hard : bool, optional
        Whether they are hard, or soft with a price.
    isolation : sequence of str
        The levels that VMs may have, of `MODES`.
    elastic : bool, optional
        Whether sizes are bounds instead of plain numbers.
    labels : bool
        Whether hosts may have racks, zones and rooms.
    numa, maintenance, overcommit, unlimited, transient : bool
        Whether some hosts have NUMA cells, are in maintenance, overcommit, are unlimited in number;
        whether some resources are occupied at both ends while VMs move.
    ignored, off : bool
        Whether some VMs are ignored, or off.
    current : bool, optional
        Whether VMs have a current host.
    cost, energy : bool, optional
        Whether hosts have costs, or power figures.
    allow_unplaced : bool, optional
        The instance's; with it, priorities differ.
    counted : bool, optional
        Whether entries may stand for several VMs or hosts.
    terms : sequence of str, optional
        Objective terms, dealt to levels with weights; the default objective if missing.
    load : float, optional
        About what part of the capacity the sizes take; between 0.3 and 1.05 if missing.
    """

    vms: int = 4
    hosts: int = 3
    resources: int | None = None
    rules: Sequence[str] | None = None
    hard: bool | None = None
    isolation: Sequence[str] = ("shared",)
    elastic: bool | None = None
    labels: bool = True
    numa: bool = False
    maintenance: bool = False
    overcommit: bool = False
    transient: bool = False
    unlimited: bool = False
    ignored: bool = False
    off: bool = False
    current: bool | None = None
    cost: bool | None = None
    energy: bool | None = None
    allow_unplaced: bool | None = False
    counted: bool | None = None
    terms: Sequence[TermKind] | None = None
    load: float | None = None


def random_instance(rng: np.random.Generator, **knobs: Any) -> Instance:
    """Return a small random instance; a fair part of them is infeasible, and rules bind.

    Parameters
    ----------
    rng : numpy.random.Generator
        The instance depends on its state and the knobs alone.
    **knobs
        See `Knobs`.
    """
    return _Drawing(rng, Knobs(**knobs)).instance()


def instances(**knobs: Any) -> st.SearchStrategy[Instance]:
    """Return the hypothesis strategy of random instances (it shrinks to small seeds)."""
    return st.integers(0, 2**32 - 1).map(lambda seed: random_instance(np.random.default_rng(seed), **knobs))


def everything(rng: np.random.Generator, **knobs: Any) -> Instance:
    """Return a random instance in which every feature may appear at once."""
    features = ("numa", "maintenance", "overcommit", "unlimited", "ignored", "off")
    some: dict[str, Any] = {name: bool(rng.random() < 0.3) for name in features}
    modes = [str(mode) for mode in rng.choice(MODES, int(rng.integers(1, 4)))]
    unplaced = bool(rng.random() < 0.3)
    some["transient"] = bool(rng.random() < 0.2)
    return random_instance(rng, **{**some, "isolation": modes, "allow_unplaced": unplaced, **knobs})


class _Drawing:
    """One instance in the making."""

    def __init__(self, rng: np.random.Generator, knobs: Knobs) -> None:
        self.rng = rng
        self.knobs = knobs
        count = self.number(1, 2) if knobs.resources is None else knobs.resources
        self.resources = list(UNITS)[:count]
        self.many = self.coin(knobs.counted)
        self.unplaced = self.coin(knobs.allow_unplaced)
        self.elastic = self.coin(knobs.elastic)
        self.gamma = self.number(0, 3)

    def number(self, low: int, high: int) -> int:
        """Draw an integer, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        """Draw a yes with this probability."""
        return bool(self.rng.random() < probability)

    def coin(self, knob: bool | None) -> bool:
        """Return the knob, or throw a coin where it is None."""
        return self.chance(0.5) if knob is None else knob

    def one(self, things: Sequence[Thing]) -> Thing:
        """Draw one of the things."""
        return things[self.number(0, len(things) - 1)]

    def some(self, things: Sequence[Thing], least: int) -> list[Thing]:
        """Draw at least so many different ones of the things, in random order."""
        count = self.number(min(least, len(things)), len(things))
        return [things[int(at)] for at in self.rng.permutation(len(things))[:count]]

    def instance(self) -> Instance:
        """Draw the instance."""
        rules = [self.rule(kind) for kind in self.kinds()]
        if self.knobs.ignored:
            rules.append(Ignore(vms=self.vm_selectors(1)))
        return Instance(
            resources=[Resource(name=name, unit=UNITS[name], transient=self.transient()) for name in self.resources],
            vms=self.vms,
            hosts=self.hosts,
            rules=rules,
            isolation=self.isolation() if self.chance(0.5) else Shared(),
            objective=None if self.knobs.terms is None else self.objective(self.knobs.terms),
            allow_unplaced=self.unplaced,
        )

    def transient(self) -> bool:
        """Draw whether a resource is transient."""
        return self.knobs.transient and self.chance(0.7)

    # -- hosts ---------------------------------------------------------------------------

    @cached_property
    def hosts(self) -> list[Host]:
        """The hosts' entries."""
        costs, watts = self.coin(self.knobs.cost), self.coin(self.knobs.energy)
        entries: list[Host] = []
        left = self.number(min(2, self.knobs.hosts), self.knobs.hosts)
        while left:
            count = self.number(1, left) if self.many else 1
            left -= count
            entries.append(self.host(f"h{len(entries) + 1}", count, costs=costs, watts=watts))
        if self.knobs.unlimited:
            at = self.number(0, len(entries) - 1)
            fields = {field: getattr(entries[at], field) for field in Host.__struct_fields__}
            entries[at] = Host(**{**fields, "count": "unlimited", "state": "on"})
        return self.with_safety(self.with_distances(entries))

    def with_safety(self, entries: list[Host]) -> list[Host]:
        """Give hosts safety capacities where the objective asks for them."""
        if "load" not in (self.knobs.terms or ()):
            return entries
        return [
            msgspec.structs.replace(host, safety={name: self.number(0, 10) for name in self.some(self.resources, 0)})
            for host in entries
        ]

    def with_distances(self, entries: list[Host]) -> list[Host]:
        """Give hosts costs of moves where the objective asks for them."""
        if "distance" not in (self.knobs.terms or ()):
            return entries
        names = (
            [host.name for host in entries]
            if self.chance(0.7)
            else [f"rack:{host.rack}" for host in entries if host.rack]
        )
        return [
            msgspec.structs.replace(host, distance={name: self.number(0, 5) for name in self.some(names, 0)})
            for host in entries
        ]

    def host(self, name: str, count: int, *, costs: bool, watts: bool) -> Host:
        """Draw one host entry."""
        cpu = self.number(2, 6) * 2
        capacity: dict[str, Any] = {resource: self.number(2, 6) * 2 for resource in self.resources} | {"cpu": cpu}
        idle = self.number(0, 5) * 10
        return Host(
            name=name,
            count=count,
            capacity=capacity,
            reserve={"cpu": 1} if self.chance(0.15) else {},
            overcommit={"cpu": self.one([1.5, 2])} if self.knobs.overcommit and self.chance(0.6) else {},
            type=self.label(["big", "small"]),
            cost=self.number(0, 9) if costs and self.chance(0.9) else None,
            idle_power=idle if watts else 0,
            peak_power=idle + self.number(0, 20) * 10 if watts else 0,
            rack=self.label(["r1", "r2"]),
            zone=self.label(["east", "west"]),
            labels={"room": self.one(["blue", "red"])} if self.knobs.labels and self.chance(0.5) else {},
            cells=self.cells(capacity) if self.knobs.numa and self.chance(0.7) else [],
            cores=self.one([cpu, cpu // 2]) if self.chance(0.8) else None,
            state="maintenance" if self.knobs.maintenance and self.chance(0.3) else "on",
        )

    def label(self, names: Sequence[str]) -> str | None:
        """Draw a label, or none."""
        return self.one(names) if self.knobs.labels and self.chance(0.75) else None

    def cells(self, capacity: dict[str, Any]) -> list[Cell]:
        """Draw two NUMA cells, even or not; they may leave memory out."""
        shift = self.number(0, 1)
        local = [name for name in capacity if name == "cpu" or self.chance(0.6)]
        return [Cell(capacity={name: capacity[name] // 2 + by for name in local}) for by in (shift, -shift)]

    @cached_property
    def host_names(self) -> CountedNames:
        """The hosts' numbering."""
        most = sum(vm.count for vm in self.bare_vms)
        return CountedNames(
            [host.name for host in self.hosts],
            [most if host.count == "unlimited" else host.count for host in self.hosts],
        )

    # -- VMs -----------------------------------------------------------------------------

    @cached_property
    def bare_vms(self) -> list[VM]:
        """The VMs' entries, without their current hosts."""
        left = self.number(2, self.knobs.vms)
        load = self.knobs.load if self.knobs.load is not None else float(self.rng.uniform(0.3, 1.05))
        sizes = {name: self._mean_size(name, left, load) for name in self.resources}
        entries: list[VM] = []
        while left:
            count = self.number(1, left) if self.many else 1
            left -= count
            entries.append(self.vm(f"v{len(entries) + 1}", count, sizes))
        return entries

    def _mean_size(self, name: str, vms: int, load: float) -> float:
        counts = [2 if host.count == "unlimited" else host.count for host in self.hosts]
        total = sum(float(host.usable(name)) * count for host, count in zip(self.hosts, counts, strict=True))
        return load * total / vms

    def vm(self, name: str, count: int, means: dict[str, float]) -> VM:
        """Draw one VM entry."""
        return VM(
            name=name,
            count=count,
            resources={resource: self.size(mean) for resource, mean in means.items() if self.chance(0.95)},
            overhead={"memory": 1} if "memory" in means and self.chance(0.1) else {},
            priority=self.number(0, 1) if self.unplaced else 0,
            group=self.one(["red", "blue"]) if self.chance(0.5) else None,
            power="off" if self.knobs.off and self.chance(0.3) else "on",
            numa=2 if self.knobs.numa and self.chance(0.3) else 1,
            isolation=self.isolation() if self.chance(0.6) else None,
            move_cost=self.number(0, 3),
        )

    def size(self, mean: float) -> Size:
        """Draw a size, or bounds of which the demand is a size."""
        expected = self.number(0 if self.chance(0.1) else 1, max(1, round(2 * mean)))
        if not self.elastic or self.chance(0.2):
            return expected
        low = self.one([0, expected // 2, expected // 3, expected])
        high = self.one([None, expected, expected + 1, 2 * expected])
        return Bounds(reservation=low, demand=expected, limit=high, shares=self.one([1, 1, 2, 0.5]))

    def isolation(self) -> AnyIsolation:
        """Draw one of the isolation levels asked for; gamma is the same for all."""
        mode = self.one(self.knobs.isolation)
        if mode == "partial":
            return Partial(alpha=self.one([0, 0.3, 0.5, 1]))
        if mode == "protected":
            return Protected(gamma=self.gamma)
        return Full(pinned=mode == "pinned") if mode in {"full", "pinned"} else Shared()

    @cached_property
    def vms(self) -> list[VM]:
        """The VMs' entries, with their current hosts where there are such."""
        if not (self.coin(self.knobs.current) or self.knobs.ignored or self.knobs.transient):
            return self.bare_vms
        return [self._at_home(vm) if self.chance(0.75) else vm for vm in self.bare_vms]

    def _at_home(self, vm: VM) -> VM:
        names = self.host_names.all_names()
        home: Any = self.one(names) if vm.count == 1 else [self.one(names) for _ in range(vm.count)]
        return VM(**{**{field: getattr(vm, field) for field in VM.__struct_fields__}, "host": home})

    # -- rules and objective -------------------------------------------------------------

    def kinds(self) -> Sequence[str]:
        """Return the kinds of rules to draw."""
        if self.knobs.rules is not None:
            return self.knobs.rules
        return [self.one(RULES) for _ in range(self.number(0, 2))]

    def vm_selectors(self, least: int) -> list[str]:
        """Draw selectors of at least so many VMs: members, entries, a group, or all."""
        names = CountedNames([vm.name for vm in self.bare_vms], [vm.count for vm in self.bare_vms])
        groups = sorted({f"group:{vm.group}" for vm in self.bare_vms if vm.group})
        if groups and least <= 1 and self.chance(0.15):
            return [self.one(groups)]
        if self.chance(0.15):
            return ["*"]
        if least <= 1 and self.chance(0.2):
            return self.some(list(names.names), 1)
        return self.some(names.all_names(), least)

    def host_selectors(self) -> list[str]:
        """Draw selectors of hosts: members, entries, or a label's."""
        labelled = sorted({f"{label}:{name}" for host in self.hosts for label, name in host.domains.items()})
        if labelled and self.chance(0.3):
            return [self.one(labelled)]
        if self.chance(0.2):
            return self.some(list(self.host_names.names), 1)
        names = self.host_names.all_names()
        return self.some(names, 1)[: max(1, len(names) - 1)]

    def groups(self) -> list[list[str]]:
        """Draw two or three groups of VMs without a VM in common."""
        names = CountedNames([vm.name for vm in self.bare_vms], [vm.count for vm in self.bare_vms])
        members = self.some(names.all_names(), 2)
        cut = self.number(1, len(members) - 1)
        parts = [members[:cut], members[cut:]]
        if len(parts[1]) > 1 and self.chance(0.3):
            parts[1:] = [parts[1][:1], parts[1][1:]]
        return parts

    def level(self) -> str:
        """Draw where VMs meet."""
        rooms = ["room"] if any("room" in host.labels for host in self.hosts) else []
        return self.one(["host", "host", "rack", "zone", *rooms])

    def rule(self, kind: str) -> Rule:
        """Draw a rule of one kind, hard or soft."""
        soft = self.coin(None if self.knobs.hard is None else not self.knobs.hard)
        more: dict[str, Any] = {"price": self.one([1, 2, 0.5, 5])} if soft else {}
        return getattr(self, f"_{kind}")(more)  # type: ignore[no-any-return]

    def _among(self, more: dict[str, Any]) -> Rule:
        return Among(vms=self.vm_selectors(2), sets=[self.host_selectors() for _ in range(self.number(1, 3))], **more)

    def _at_least_domains(self, more: dict[str, Any]) -> Rule:
        return AtLeastDomains(vms=self.vm_selectors(2), least=self.number(1, 3), level=self.level(), **more)

    def _at_most_moves(self, more: dict[str, Any]) -> Rule:
        return AtMostMoves(most=self.number(0, 2), vms=self.vm_selectors(2), **more)

    def _at_most_on(self, more: dict[str, Any]) -> Rule:
        hosts = ["*"] if self.chance(0.5) else self.host_selectors()
        return AtMostOn(most=self.number(0, 2), hosts=hosts, **more)

    def _at_most_per_host(self, more: dict[str, Any]) -> Rule:
        hosts = ["*"] if self.chance(0.5) else self.host_selectors()
        return AtMostPerHost(most=self.number(0, 2), vms=self.vm_selectors(2), hosts=hosts, **more)

    def _ban(self, more: dict[str, Any]) -> Rule:
        return Ban(vms=self.vm_selectors(1), hosts=self.host_selectors(), **more)

    def _dedicated(self, more: dict[str, Any]) -> Rule:
        return Dedicated(vms=self.vm_selectors(1), **more)

    def _depend(self, more: dict[str, Any]) -> Rule:
        return Depend(vms=self.vm_selectors(1), on=self.vm_selectors(1), level=self.level(), **more)

    def _fault_domains(self, more: dict[str, Any]) -> Rule:
        return FaultDomains(domains=self.groups(), **more)

    def _fence(self, more: dict[str, Any]) -> Rule:
        return Fence(vms=self.vm_selectors(1), hosts=self.host_selectors(), **more)

    def _gather(self, more: dict[str, Any]) -> Rule:
        return Gather(vms=self.vm_selectors(2), level=self.level(), **more)

    def _pin(self, more: dict[str, Any]) -> Rule:
        host = None if self.chance(0.4) else self.one(self.host_names.all_names())
        return Pin(vms=self.vm_selectors(1), host=host, **more)

    def _split(self, more: dict[str, Any]) -> Rule:
        return Split(groups=self.groups(), level=self.level(), **more)

    def _spread(self, more: dict[str, Any]) -> Rule:
        return Spread(vms=self.vm_selectors(2), level=self.level(), **more)

    def resources_of(self, kind: TermKind) -> dict[str, Any]:
        """Draw what a term speaks of, where it speaks of resources."""
        if kind == "unplaced":
            return {"resource": self.one([None, None, *self.resources])}
        if kind == "load":
            return {"resource": self.one(self.resources)}
        if kind == "balance":
            return {"resource": "cpu", "other": self.resources[-1], "target": self.one([None, 2, 0.5])}
        return {}

    def objective(self, kinds: Sequence[TermKind]) -> list[ObjectiveLevel]:
        """Deal the terms to levels, in random order."""
        levels: list[list[Term]] = []
        for kind in self.some(kinds, len(kinds)):
            term = Term(kind=kind, weight=self.one([1, 1, 2, 0.5]), **self.resources_of(kind))
            if levels and self.chance(0.3):
                levels[-1].append(term)
            else:
                levels.append([term])
        return [ObjectiveLevel(terms=terms) for terms in levels]


def random_placement(rng: np.random.Generator, instance: Instance, *, partial: bool = False) -> Placement:
    """Return a random placement of the wanted VMs without allocation; ignored VMs stay, cells are as they must be.

    Parameters
    ----------
    partial : bool
        Whether VMs may lack a host.
    """
    host_of = rng.integers(0, instance.host_count, instance.vm_count)
    host_of = np.where(instance.ignored, instance.current, host_of)
    if partial:
        host_of[rng.random(instance.vm_count) < 0.25] = -1
    host_of[~instance.wanted] = -1
    return Placement(host_of, cells=random_cells(rng, instance, host_of))


def random_cells(rng: np.random.Generator, instance: Instance, host_of: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return random NUMA cells, as many as each VM wants; as many as there are where there are too few."""
    cells = np.zeros(instance.vm_count, dtype=np.int64)
    for vm in np.flatnonzero(host_of >= 0).tolist():
        table = instance.tables.cells[int(instance.host_names.entry_of(host_of[vm : vm + 1])[0])]
        if table is not None:
            wanted = int(instance.tables.numa[instance.vm_entry[vm]])
            chosen = rng.permutation(len(table))[:wanted]
            cells[vm] = sum(1 << int(cell) for cell in chosen)
    return cells
