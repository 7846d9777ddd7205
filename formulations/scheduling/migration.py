"""The migration question and its answer: from one placement to another, step by step, under limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from formulations.bounds import triple_of
from formulations.errors import InputError
from formulations.instance import Instance
from formulations.machines import MOST_CELLS
from formulations.placement import Placement
from formulations.quantities import Quantity, exact
from formulations.rules import AtMostMoves, Rule, Selector
from formulations.scheduling.links import Link
from formulations.scheduling.precopy import PreCopy, Transfer, transfer
from formulations.scheduling.steps import NOWHERE, Step, StepKind
from formulations.tables import Integers


class PlanStatus(StrEnum):
    """What is known about a migration plan; spelled as `solver.Status`."""

    OPTIMAL = "OPTIMAL"
    """No plan has fewer stops, or as few and fewer bypasses; among those with as many, none is shorter."""
    FEASIBLE = "FEASIBLE"
    """A verified plan, with bounds."""
    INFEASIBLE = "INFEASIBLE"
    """Proved to have no order; ``reasons`` say why."""
    UNKNOWN = "UNKNOWN"
    """Stopped with neither."""


@dataclass(frozen=True, eq=False)
class MigrationQuestion:
    """How to get from a current placement to a target; docs/scheduling.md says what is safe on the way.

    Parameters
    ----------
    instance : Instance
    current, target : Placement
        Who runs where, with NUMA cells or without (both, or neither). A VM with a current host
        only is stopped, one with a target only is started, an ignored one stays.
    per_host : int
        Most migrations that a host takes part in at a time, incoming and outgoing together.
    host_limits : mapping of str to int
        By host selector, instead of ``per_host``; the last one that names a host counts.
    per_cluster : int, optional
        Most migrations at a time in all.
    links : tuple of Link
    bandwidth : number, optional
        Migration bandwidth of hosts that state none, in the memory resource's unit per second.
    precopy : PreCopy
    at_end_only : tuple of int
        The positions of hard rules that need not hold on the way. ``at_most_moves`` never does:
        it speaks of the target.
    bypass_hosts : tuple of str
        Hosts that a VM may visit on its way, as selectors; none without any.
    allow_stops : bool
        Whether VMs may be stopped and started again where no order exists otherwise.

    Raises
    ------
    InputError
        Naming the field, if anything is inconsistent.
    """

    instance: Instance
    current: Placement
    target: Placement
    per_host: int = 2
    host_limits: Mapping[Selector, int] = field(default_factory=dict)
    per_cluster: int | None = None
    links: tuple[Link, ...] = ()
    bandwidth: Quantity | None = None
    precopy: PreCopy = field(default_factory=PreCopy)
    at_end_only: tuple[int, ...] = ()
    bypass_hosts: tuple[Selector, ...] = ("*",)
    allow_stops: bool = False

    def __post_init__(self) -> None:
        self._check_limits()
        for name, placement in (("current", self.current), ("target", self.target)):
            self._check_hosts(placement.host_of, name)
        self._check_cells()
        _ = self.bypass, self.limit_of, self._ends_of_links
        self._check_bandwidths()

    @classmethod
    def towards(cls, instance: Instance, target: Placement, **settings: Any) -> Self:
        """Return the question that starts where the instance says its VMs run now."""
        here = np.where(instance.wanted, instance.current, NOWHERE)
        settings.setdefault("current", Placement(here))
        if settings["current"].cells is None:
            target = Placement(target.host_of)
        return cls(instance, target=target, **settings)

    # -- who moves -----------------------------------------------------------------------

    @cached_property
    def here(self) -> Integers:
        """Every VM's current host: shape (VMs,)."""
        return np.ascontiguousarray(self.current.host_of, dtype=np.int64)

    @cached_property
    def there(self) -> Integers:
        """Every VM's target host: shape (VMs,)."""
        return np.ascontiguousarray(self.target.host_of, dtype=np.int64)

    @cached_property
    def cells_here(self) -> Integers:
        """Every VM's current NUMA cells as bit masks, 0 where cells are not looked at: shape (VMs,)."""
        return _masks(self.current)

    @cached_property
    def cells_there(self) -> Integers:
        """Every VM's NUMA cells in the target: shape (VMs,)."""
        return _masks(self.target)

    @property
    def with_cells(self) -> bool:
        """Whether NUMA cells are given, and looked at."""
        return self.current.cells is not None and any(table is not None for table in self.instance.tables.cells)

    @cached_property
    def changing(self) -> Integers:
        """The VMs that are not yet as the target wants them, ascending."""
        return np.flatnonzero((self.here != self.there) | (self.cells_here != self.cells_there))

    @cached_property
    def bypass(self) -> NDArray[np.bool_]:
        """Which hosts a VM may visit on its way (none in maintenance): shape (hosts,)."""
        mask = np.zeros(self.instance.host_count, dtype=np.bool_)
        mask[self.instance.hosts_called(self.bypass_hosts, "bypass_hosts")] = True
        entries = self.instance.host_names.entries()
        allowed: NDArray[np.bool_] = mask & self.instance.usable_entries[entries]
        return allowed

    @cached_property
    def rules_on_the_way(self) -> tuple[Rule, ...]:
        """The hard rules that hold at every instant."""
        return tuple(rule for at, rule in enumerate(self.instance.rules) if rule.hard and not self._late(at))

    @cached_property
    def rules_at_the_end(self) -> tuple[Rule, ...]:
        """The hard rules that are looked at only when all is done."""
        return tuple(rule for at, rule in enumerate(self.instance.rules) if rule.hard and self._late(at))

    def _late(self, at: int) -> bool:
        rule = self.instance.rules[at]
        return at in self.at_end_only or not rule.continuous or isinstance(rule, AtMostMoves)

    # -- limits --------------------------------------------------------------------------

    @cached_property
    def limit_of(self) -> Integers:
        """Most migrations per host: shape (hosts,)."""
        limits = np.full(self.instance.host_count, self.per_host, dtype=np.int64)
        for selector, most in self.host_limits.items():
            limits[self.instance.hosts_called([selector], "host_limits")] = most
        return limits

    @cached_property
    def link_limits(self) -> tuple[int, ...]:
        """Most migrations per link."""
        return tuple(self._most_over(link) for link in self.links)

    def _most_over(self, link: Link) -> int:
        if link.most is not None:
            return link.most
        fastest = max((rate for rate in self._rates if rate is not None), default=None)
        return 1 if fastest is None else max(1, int(exact(link.bandwidth or 0) / fastest))

    def links_between(self, source: int, target: int) -> tuple[int, ...]:
        """Return the positions of the links that a migration between two hosts uses."""
        return tuple(
            at
            for at, (one, other) in enumerate(self._ends_of_links)
            if (one[source] and other[target]) or (one[target] and other[source])
        )

    @cached_property
    def _ends_of_links(self) -> tuple[tuple[NDArray[np.bool_], NDArray[np.bool_]], ...]:
        ends = []
        for link in self.links:
            one = self._mask(link.one, f"links.{link.name}.one")
            ends.append((one, ~one if link.other is None else self._mask(link.other, f"links.{link.name}.other")))
        return tuple(ends)

    def _mask(self, selectors: tuple[Selector, ...], path: str) -> NDArray[np.bool_]:
        mask = np.zeros(self.instance.host_count, dtype=np.bool_)
        mask[self.instance.hosts_called(selectors, path)] = True
        return mask

    # -- durations -----------------------------------------------------------------------

    @cached_property
    def _host_entry(self) -> list[int]:
        entries: list[int] = self.instance.host_names.entries().tolist()
        return entries

    @cached_property
    def _bandwidths(self) -> tuple[Fraction | None, ...]:
        """Return every host entry's migration bandwidth, None where it is not known."""
        default = None if self.bandwidth is None else exact(self.bandwidth, "bandwidth")
        stated = (host.migration_bandwidth for host in self.instance.hosts)
        return tuple(default if own is None else exact(own) for own in stated)

    @cached_property
    def _rates(self) -> tuple[Fraction | None, ...]:
        """Return what every host gives to one migration: its bandwidth over its limit."""
        pairs = zip(self._host_entry, self.limit_of.tolist(), strict=True)
        return tuple(None if (own := self._bandwidths[entry]) is None else own / most for entry, most in pairs)

    def rate(self, source: int, target: int) -> Fraction:
        """Return the bandwidth of a migration, whatever else is under way: the least share on its route."""
        ends = [share for share in (self._rates[source], self._rates[target]) if share is not None]
        if len(ends) < 2:
            raise InputError("expected a default for hosts that state no migration_bandwidth", "bandwidth")
        shared = [at for at in self.links_between(source, target) if self.links[at].bandwidth is not None]
        return min(*ends, *(exact(self.links[at].bandwidth or 0) / self.link_limits[at] for at in shared))

    @cached_property
    def _memory(self) -> tuple[Fraction, ...]:
        """Return every VM entry's memory in use: its demand without overhead, 0 where none is stated."""
        at = self.instance.tables.memory
        if at is None:
            return (Fraction(0),) * len(self.instance.vms)
        name = self.instance.resources[at].name
        return tuple(triple_of(vm.resources.get(name, 0))[1] for vm in self.instance.vms)

    def transfer(self, vm: int, source: int, target: int) -> Transfer:
        """Return what moving a VM takes; a VM without memory moves in one millisecond."""
        entry = int(self.instance.vm_entry[vm])
        memory = self._memory[entry]
        if memory == 0:
            return Transfer(1, 0, 1, converged=True)
        return transfer(memory, exact(self.instance.vms[entry].dirty_rate), self.rate(source, target), self.precopy)

    def boot(self, vm: int) -> int:
        """Return the milliseconds from a VM's start to its being up, rounded up."""
        return ceil(exact(self.instance.vms[int(self.instance.vm_entry[vm])].boot_seconds) * 1000)

    def duration(self, kind: StepKind, vm: int, source: int, target: int) -> int:
        """Return how many milliseconds a step takes."""
        if kind == "move":
            return self.transfer(vm, source, target).duration
        return self.boot(vm) if kind == "start" else 0

    # -- validation ----------------------------------------------------------------------

    def _check_limits(self) -> None:
        limits = {"per_host": self.per_host, "per_cluster": self.per_cluster}
        limits |= {f"host_limits.{name}": most for name, most in self.host_limits.items()}
        for path, most in limits.items():
            if most is not None and most < 1:
                raise InputError(f"must be at least 1, got {most}", path)
        for at in self.at_end_only:
            if not 0 <= at < len(self.instance.rules):
                raise InputError(f"no rule has the position {at}", "at_end_only")

    def _check_hosts(self, host_of: Integers, name: str) -> None:
        instance = self.instance
        if host_of.shape != (instance.vm_count,) or not np.issubdtype(host_of.dtype, np.integer):
            raise InputError(f"expected {instance.vm_count} host numbers", f"{name}.host_of")
        if len(wrong := np.flatnonzero((host_of < NOWHERE) | (host_of >= instance.host_count))):
            vm = int(wrong[0])
            raise InputError(f"no host {host_of[vm]}", f"{name}.{instance.vm_names.name(vm)}")
        if len(wrong := np.flatnonzero(~instance.wanted & (host_of >= 0))):
            raise InputError("is off or ignored, but has a host", f"{name}.{instance.vm_names.name(int(wrong[0]))}")
        if name == "target" and len(wrong := np.flatnonzero(instance.ignored & (self.here != host_of))):
            raise InputError("is ignored and does not move", f"target.{instance.vm_names.name(int(wrong[0]))}")

    def _check_cells(self) -> None:
        if (self.current.cells is None) != (self.target.cells is None):
            raise InputError("expected NUMA cells in both placements, or in neither", "cells")
        if self.current.cells is None:
            return
        tables = self.instance.tables
        there = np.array([0 if table is None else len(table) for table in tables.cells], dtype=np.int64)
        for name, placement, masks in (
            ("current", self.current, self.cells_here),
            ("target", self.target, self.cells_there),
        ):
            entry = self.instance.host_names.entry_of(np.maximum(placement.host_of, 0))
            count = np.where(placement.host_of >= 0, there[entry], 0)
            wanted = np.where(count > 0, tables.numa[self.instance.vm_entry], 0)
            bits = sum((masks >> cell & 1 for cell in range(MOST_CELLS)), np.zeros(len(masks), dtype=np.int64))
            if len(wrong := np.flatnonzero((masks < 0) | (masks >> count != 0) | (bits != wanted))):
                vm = self.instance.vm_names.name(int(wrong[0]))
                raise InputError(f"expected {wanted[wrong[0]]} cells of its host", f"{name}.cells.{vm}")

    def _check_bandwidths(self) -> None:
        """Refuse hosts without bandwidth where anything could be copied."""
        if self.instance.tables.memory is None or not len(self.changing):
            return
        for entry, known in enumerate(self._bandwidths):
            if known is None:
                host = self.instance.hosts[entry].name
                raise InputError(f"expected a default: {host} states no migration_bandwidth", "bandwidth")
            if known == 0:
                raise InputError("must be positive, got 0", f"hosts[{entry}].migration_bandwidth")


def _masks(placement: Placement) -> Integers:
    if placement.cells is None:
        return np.zeros(len(placement.host_of), dtype=np.int64)
    return np.ascontiguousarray(placement.cells, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class MigrationPlan:
    """The answer to a migration question.

    Attributes
    ----------
    question : MigrationQuestion
    status : PlanStatus
    steps : tuple of Step
        By start, then in the order in which they are carried out; empty without a plan.
    makespan : int or None
        Milliseconds until the last step ends; None without a plan.
    bound : int
        No plan with as many stops and bypasses is shorter, in milliseconds.
    proved_by : str
        Who proved the bound.
    bypasses : int or None
        Moves beyond the one that a VM needs; None without a plan.
    bypass_bound : int
        No plan with as few stops has fewer bypasses.
    bypass_proved_by : str
    stops : int or None
        Times a VM is stopped although it runs in the target; None without a plan.
    stop_bound : int
        No plan has fewer, whether stops are allowed or not.
    stop_proved_by : str
    reasons : tuple of str
        Why there is no plan, or what stood in the way.
    seconds : float
    warnings : tuple of str
        What the planner should know, such as moves that do not converge.
    """

    question: MigrationQuestion
    status: PlanStatus
    steps: tuple[Step, ...] = ()
    makespan: int | None = None
    bound: int = 0
    proved_by: str = ""
    bypasses: int | None = None
    bypass_bound: int = 0
    bypass_proved_by: str = ""
    stops: int | None = None
    stop_bound: int = 0
    stop_proved_by: str = ""
    reasons: tuple[str, ...] = ()
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def gap(self) -> float | None:
        """``(makespan - bound) / makespan``, 0 when they meet, None without a plan."""
        if self.makespan is None:
            return None
        return 0.0 if self.makespan <= self.bound else (self.makespan - self.bound) / self.makespan


def bypasses_in(question: MigrationQuestion, steps: Iterable[Step]) -> int:
    """Return how many bypasses the steps make.

    Counted are the steps that put a VM elsewhere than on its target, and the moves away from its
    target: together the moves beyond the one that each VM needs.
    """
    where: dict[int, tuple[int, int]] = {}
    count = 0
    for step in sorted(steps, key=lambda step: (step.start, step.end)):
        vm, goal = step.vm, (int(question.there[step.vm]), int(question.cells_there[step.vm]))
        before = where.get(vm, (int(question.here[vm]), int(question.cells_here[vm])))
        where[vm] = step.target, step.cells
        if step.kind != "stop":
            count += (where[vm] != goal) + (step.kind == "move" and before == goal)
    return count


def stops_in(question: MigrationQuestion, steps: Iterable[Step]) -> int:
    """Return how often the steps stop a VM that runs in the target."""
    return sum(step.kind == "stop" and int(question.there[step.vm]) >= 0 for step in steps)


__all__ = [
    "NOWHERE",
    "Link",
    "MigrationPlan",
    "MigrationQuestion",
    "PlanStatus",
    "PreCopy",
    "Step",
    "StepKind",
    "Transfer",
    "bypasses_in",
    "stops_in",
]
