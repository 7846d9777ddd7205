"""Brute force: every placement of a small instance, judged and valued by a plain reading of docs/semantics.md.

Shares no code with the judge or the models: Python integers and fractions, loops and lists.
The only thing taken over is the quantum of each resource, in which allocations are integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations, product
from math import floor

import numpy as np

from formulations import Full, Host, Instance, Partial, Placement, Protected
from formulations.objective import Term
from formulations.quantities import exact
from formulations.rules import Ignore, Rule
from tests.gains import Row, best_gains
from tests.rule_amounts import amount

Cells = frozenset[int]


@dataclass(frozen=True)
class Best:
    """The optimal level values and a placement (with allocation and cells) that attains them."""

    values: tuple[Fraction, ...]
    placement: Placement


@dataclass(frozen=True)
class Filling:
    """The best that a host can do for its VMs: unmet demand, allocation per VM, cells per VM."""

    unmet: Fraction
    allocation: dict[int, list[int]]
    cells: dict[int, Cells]


def brute_force(instance: Instance) -> Best | None:
    """Return the best placement of all, or None where there is none.

    Takes (hosts + 1) ** VMs steps: for about 6 VMs on 4 hosts.
    """
    return Oracle(instance).best()


class Oracle:
    """Everything that docs/semantics.md says of one instance."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.quanta = [scale.quantum for scale in instance.tables.scales]
        self.kinds = [resource.kind for resource in instance.resources]
        self.vms = [(vm, _member(vm.name, vm.count, k)) for vm in instance.vms for k in range(vm.count)]
        self.hosts: list[tuple[Host, str]] = []
        for host in instance.hosts:
            count = len(self.vms) if host.count == "unlimited" else host.count
            self.hosts += [(host, _member(host.name, count, k)) for k in range(count)]
        self._fillings: dict[tuple[int, tuple[int, ...]], Filling | None] = {}
        self._called: dict[int, list[list[int]]] = {}

    # -- who is meant, and who must be where ---------------------------------------------

    def vms_called(self, selectors: Sequence[str]) -> list[int]:
        """Return the VMs that the selectors name."""
        found = []
        for i, (vm, name) in enumerate(self.vms):
            if {"*", vm.name, name, f"group:{vm.group}"} & set(selectors):
                found.append(i)
        return found

    def hosts_called(self, selectors: Sequence[str]) -> list[int]:
        """Return the hosts that the selectors name."""
        found = []
        for j, (host, name) in enumerate(self.hosts):
            labels = {f"{label}:{value}" for label, value in host.domains.items()}
            if ({"*", host.name, name} | labels) & set(selectors):
                found.append(j)
        return found

    @cached_property
    def current(self) -> list[int]:
        """The current host of every VM, -1 for none."""
        names = [name for _, name in self.hosts]
        where: list[int] = []
        for vm in self.instance.vms:
            homes = vm.host if isinstance(vm.host, list) else [vm.host] * vm.count
            where += [-1 if home is None else names.index(home) for home in homes]
        return where

    @cached_property
    def ignored(self) -> list[bool]:
        """Whether an ignore rule names the VM."""
        rules = [rule for rule in self.instance.rules if isinstance(rule, Ignore)]
        named = {i for rule in rules for i in self.vms_called(rule.vms)}
        return [i in named for i in range(len(self.vms))]

    @cached_property
    def wanted(self) -> list[bool]:
        """Whether the VM needs a host."""
        return [
            vm.power == "on" and (not self.ignored[i] or self.current[i] >= 0) for i, (vm, _) in enumerate(self.vms)
        ]

    def ruled(self, i: int) -> bool:
        """Whether rules see the VM."""
        return self.wanted[i] and not self.ignored[i]

    def options(self, i: int) -> list[int]:
        """Return where a VM may be as far as it alone is concerned, -1 for nowhere."""
        if not self.wanted[i]:
            return [-1]
        if self.ignored[i]:
            return [self.current[i]]
        open_hosts = [j for j, (host, _) in enumerate(self.hosts) if host.state != "maintenance"]
        return [-1, *open_hosts] if self.instance.allow_unplaced else open_hosts

    # -- what a host holds ---------------------------------------------------------------

    def capacity(self, j: int, r: int) -> int:
        """Return what VMs may use of a resource."""
        return floor(self.hosts[j][0].usable(self.instance.resources[r].name) / self.quanta[r])

    def bounds(self, i: int, j: int, r: int) -> tuple[int, int, int]:
        """Return reservation, demand and limit of a VM on a host."""
        low, expected, high = self.vms[i][0].bounds(self.instance.resources[r].name)
        d = floor(expected / self.quanta[r])
        u = max(self.capacity(j, r), d) if high is None else floor(high / self.quanta[r])
        return floor(low / self.quanta[r]), d, u

    def floor_of(self, i: int, j: int, r: int, members: int) -> int:
        """Return what a VM is guaranteed on a host with so many members."""
        low, _, high = self.bounds(i, j, r)
        own = self.vms[i][0].isolation or self.instance.isolation
        if isinstance(own, Partial):
            return max(low, min(high, floor(own.fraction * self.capacity(j, r) / members)))
        return low

    def is_full(self, i: int) -> bool:
        """Whether the VM has a fixed slice."""
        return isinstance(self.vms[i][0].isolation or self.instance.isolation, Full)

    def is_pinned(self, i: int, r: int) -> bool:
        """Whether the VM's part of the resource is whole cores."""
        own = self.vms[i][0].isolation or self.instance.isolation
        first_cpu = self.kinds.index("cpu") if "cpu" in self.kinds else -1
        return isinstance(own, Full) and own.pinned and r == first_cpu

    def burst_size(self, i: int, j: int, r: int) -> int | None:
        """Return limit less reservation of a protected VM, None for others."""
        if not isinstance(self.vms[i][0].isolation or self.instance.isolation, Protected):
            return None
        low, _, high = self.bounds(i, j, r)
        return high - low

    @cached_property
    def gamma(self) -> int:
        """How many protected VMs may burst at once."""
        levels = [self.instance.isolation, *(vm.isolation for vm in self.instance.vms)]
        return max((own.gamma for own in levels if isinstance(own, Protected)), default=0)

    def core(self, j: int, r: int) -> int:
        """Return what one core of the host stands for, 0 where it does not state its cores."""
        host = self.hosts[j][0]
        if host.cores is None:
            return 0
        return floor(host.usable(self.instance.resources[r].name) / host.cores / self.quanta[r])

    def rows(self, j: int, r: int, members: Sequence[int], cells: dict[int, Cells]) -> Iterator[Row]:
        """Yield the capacity conditions of a host, as limits on what VMs get above their floors."""
        whole = {i: Fraction(1) for i in members}
        yield from self._conditions(j, r, len(members), whole, self.capacity(j, r))
        for number, room in enumerate(self.hosts[j][0].cell_usable(self.instance.resources[r].name) or ()):
            parts = {i: Fraction(1, self.vms[i][0].numa) for i in members if number in cells[i]}
            yield from self._conditions(j, r, len(members), parts, floor(room / self.quanta[r]))

    def _conditions(self, j: int, r: int, count: int, parts: dict[int, Fraction], room: int) -> Iterator[Row]:
        base = sum((self.floor_of(i, j, r, count) * part for i, part in parts.items()), Fraction(0))
        yield dict(parts), room - base
        sizes = [(size, part) for i, part in parts.items() if (size := self.burst_size(i, j, r)) is not None]
        if sizes and self.gamma:
            largest = sum(sorted((size * part for size, part in sizes), reverse=True)[: self.gamma], Fraction(0))
            yield {i: part for i, part in parts.items() if self.is_full(i)}, room - base - largest

    def cell_choices(self, j: int, members: Sequence[int]) -> Iterator[dict[int, Cells]]:
        """Yield every way to give the VMs their cells."""
        there = range(len(self.hosts[j][0].cells))
        each = [
            [frozenset(chosen) for chosen in combinations(there, self.vms[i][0].numa)] if there else [frozenset[int]()]
            for i in members
        ]
        for chosen in product(*each):
            yield dict(zip(members, chosen, strict=True))

    def filling(self, j: int, members: tuple[int, ...]) -> Filling | None:
        """Return the least unmet demand of the VMs of a host, or None if they do not fit."""
        if (j, members) not in self._fillings:
            found = [self.fill(j, members, cells) for cells in self.cell_choices(j, members)]
            fitting = [filling for filling in found if filling is not None]
            self._fillings[j, members] = min(fitting, key=lambda filling: filling.unmet, default=None)
        return self._fillings[j, members]

    def fill(self, j: int, members: Sequence[int], cells: dict[int, Cells]) -> Filling | None:
        """Return the least unmet demand with given cells, or None if the VMs do not fit."""
        unmet, allocation = Fraction(0), {i: [0] * len(self.quanta) for i in members}
        for r in range(len(self.quanta)):
            best = self._fill_resource(j, r, members, cells)
            if best is None:
                return None
            unmet += best[0]
            for i, given in best[1].items():
                allocation[i][r] = given
        return Filling(unmet, allocation, cells)

    def _fill_resource(
        self, j: int, r: int, members: Sequence[int], cells: dict[int, Cells]
    ) -> tuple[Fraction, dict[int, int]] | None:
        """Try every number of cores of the pinned VMs; share the rest out best."""
        floors = {i: self.floor_of(i, j, r, len(members)) for i in members}
        pinned = [i for i in members if self.is_pinned(i, r)]
        others = [i for i in members if i not in pinned]
        rows = list(self.rows(j, r, members, cells))
        best: tuple[Fraction, dict[int, int]] | None = None
        for slices in product(*(self._slices(i, j, r) for i in pinned)):
            fixed = dict(zip(pinned, slices, strict=True))
            left = [
                (parts, slack - sum((parts.get(i, 0) * (a - floors[i]) for i, a in fixed.items()), Fraction(0)))
                for parts, slack in rows
            ]
            if any(slack < 0 for _, slack in left):
                continue
            worth = [self._weight(i, r, j) for i in others]
            most = [max(0, self.bounds(i, j, r)[1] - floors[i]) for i in others]
            gains = best_gains(
                worth,
                most,
                [({others.index(i): c for i, c in parts.items() if i in others}, slack) for parts, slack in left],
            )
            given = fixed | {i: floors[i] + gain for i, gain in zip(others, gains, strict=True)}
            unmet = sum((self.unmet(i, r, given[i]) for i in members), Fraction(0))
            if best is None or unmet < best[0]:
                best = unmet, given
        return best

    def _slices(self, i: int, j: int, r: int) -> list[int]:
        """Return the whole-core slices inside a pinned VM's bounds; none beyond its demand but the first."""
        low, expected, high = self.bounds(i, j, r)
        core = self.core(j, r)
        if core == 0:
            return [0] if high == 0 else []
        return [a for a in range(0, min(high, max(low, expected) + core) + 1, core) if a >= low]

    def _weight(self, i: int, r: int, j: int) -> Fraction:
        demand = self.bounds(i, j, r)[1]
        return self.shares(i, r) / demand if demand else Fraction(0)

    def shares(self, i: int, r: int) -> Fraction:
        """Return a VM's shares of a resource."""
        size = self.vms[i][0].resources.get(self.instance.resources[r].name)
        return exact(getattr(size, "shares", 1))

    def unmet(self, i: int, r: int, given: int) -> Fraction:
        """Return ``shares * max(0, d - a) / d``, 0 without demand."""
        demand = self.bounds(i, 0, r)[1]
        return self.shares(i, r) * max(0, demand - given) / demand if demand else Fraction(0)

    # -- what an answer must satisfy, and what it is worth --------------------------------

    def domain(self, j: int, level: str) -> tuple[str, str | int]:
        """Return the domain of a host: the label's, or its own where it has no such label."""
        own = self.hosts[j][0].domains.get(level)
        return ("host", j) if own is None else (level, own)

    def amount(self, rule: Rule, host_of: Sequence[int]) -> int:
        """Return how much of a rule a placement breaks."""
        return amount(self, rule, host_of)

    def obeys(self, host_of: Sequence[int]) -> bool:
        """Whether every VM is where it may be and every hard rule holds."""
        allowed = all(j in self.options(i) for i, j in enumerate(host_of))
        broken = any(rule.hard and self.amount(rule, host_of) for rule in self.instance.rules)
        return allowed and not broken and all(self.passes(j, host_of) for j in range(len(self.hosts)))

    def passes(self, j: int, host_of: Sequence[int]) -> bool:
        """Whether those who come to a host fit beside all who are there before, in transient resources."""
        before = [i for i, at in enumerate(self.current) if at == j and self.wanted[i]]
        coming = [i for i, at in enumerate(host_of) if at == j and self.current[i] != j]
        for r, resource in enumerate(self.instance.resources):
            arriving = sum(self.bounds(i, j, r)[0] for i in coming)
            held = sum(self.bounds(i, j, r)[0] for i in before)
            if resource.transient and arriving and held + arriving > self.capacity(j, r):
                return False
        return True

    def members(self, host_of: Sequence[int]) -> dict[int, tuple[int, ...]]:
        """Return the VMs of every host in use."""
        used = sorted({j for j in host_of if j >= 0})
        return {j: tuple(i for i, at in enumerate(host_of) if at == j) for j in used}

    def accepts(self, placement: Placement) -> bool:
        """Whether a placement is valid: with its allocation, or without one, with some allocation."""
        host_of = placement.host_of.tolist()
        masks = [0] * len(host_of) if placement.cells is None else placement.cells.tolist()
        cells = {i: frozenset(c for c in range(64) if mask >> c & 1) for i, mask in enumerate(masks)}
        if not self.obeys(host_of) or any(cells[i] for i, j in enumerate(host_of) if j < 0):
            return False
        for j, members in self.members(host_of).items():
            if {i: cells[i] for i in members} not in list(self.cell_choices(j, members)):
                return False
            if placement.allocation is None and self.fill(j, members, cells) is None:
                return False
        if placement.allocation is None:
            return True
        given = placement.allocation.tolist()
        idle = all(not any(given[i]) for i, j in enumerate(host_of) if j < 0)
        return idle and all(self.fits(j, members, cells, given) for j, members in self.members(host_of).items())

    def fits(self, j: int, members: Sequence[int], cells: dict[int, Cells], given: Sequence[Sequence[int]]) -> bool:
        """Whether an allocation satisfies every condition of one host."""
        for r in range(len(self.quanta)):
            above = {i: given[i][r] - self.floor_of(i, j, r, len(members)) for i in members}
            if any(above[i] < 0 or given[i][r] > self.bounds(i, j, r)[2] for i in members):
                return False
            if any(given[i][r] not in self._whole_cores(i, j, r) for i in members if self.is_pinned(i, r)):
                return False
            for parts, slack in self.rows(j, r, members, cells):
                if sum((part * above[i] for i, part in parts.items()), Fraction(0)) > slack:
                    return False
        return True

    def _whole_cores(self, i: int, j: int, r: int) -> range:
        high, core = self.bounds(i, j, r)[2], self.core(j, r)
        return range(0, high + 1, core) if core else range(1 if high == 0 else 0)

    def best(self) -> Best | None:
        """Return the best placement of all, or None where there is none."""
        found: tuple[tuple[Fraction, ...], tuple[int, ...]] | None = None
        for host_of in product(*(self.options(i) for i in range(len(self.vms)))):
            fillings = [self.filling(j, members) for j, members in self.members(host_of).items()]
            if any(filling is None for filling in fillings) or not self.obeys(host_of):
                continue
            values = self.values(host_of, self._given(host_of))
            if found is None or values < found[0]:
                found = values, host_of
        return None if found is None else Best(found[0], self._placement(found[1]))

    def _given(self, host_of: Sequence[int]) -> list[list[int]]:
        given = [[0] * len(self.quanta) for _ in host_of]
        for j, members in self.members(host_of).items():
            filling = self.filling(j, members)
            assert filling is not None
            for i in members:
                given[i] = filling.allocation[i]
        return given

    def _placement(self, host_of: Sequence[int]) -> Placement:
        cells = [0] * len(host_of)
        for j, members in self.members(host_of).items():
            filling = self.filling(j, members)
            assert filling is not None
            for i in members:
                cells[i] = sum(1 << c for c in filling.cells[i])
        allocation = np.array(self._given(host_of), dtype=np.int64).reshape(len(host_of), len(self.quanta))
        return Placement(np.array(host_of, dtype=np.int64), allocation, np.array(cells, dtype=np.int64))

    def values(self, host_of: Sequence[int], given: Sequence[Sequence[int]]) -> tuple[Fraction, ...]:
        """Return the value of every objective level."""
        return tuple(
            sum((exact(term.weight) * self.term(term, host_of, given) for term in level.terms), Fraction(0))
            for level in self.instance.levels
        )

    def term(self, term: Term, host_of: Sequence[int], given: Sequence[Sequence[int]]) -> Fraction:  # noqa: PLR0911, PLR0912 -- one case per term
        """Return the value of one objective term."""
        used = [self.hosts[j][0] for j in self.members(host_of)]
        match term.kind:
            case "unplaced":
                out = [self.vms[i][0] for i, j in enumerate(host_of) if self.ruled(i) and j < 0]
                out = [vm for vm in out if term.priority in {None, vm.priority}]
                if term.resource is None:
                    return Fraction(len(out))
                return sum((vm.bounds(term.resource)[1] for vm in out), Fraction(0))
            case "broken_rules":
                soft = [rule for rule in self.instance.rules if not rule.hard]
                return sum((exact(rule.price or 0) * self.amount(rule, host_of) for rule in soft), Fraction(0))
            case "unmet_demand":
                wanted = [i for i in range(len(host_of)) if self.wanted[i]]
                pairs = product(wanted, range(len(self.quanta)))
                return sum((self.unmet(i, r, given[i][r]) for i, r in pairs), Fraction(0))
            case "hosts":
                return Fraction(len(used))
            case "cost":
                return sum((exact(host.cost or 0) for host in used), Fraction(0))
            case "energy":
                return sum((self._power(j, members) for j, members in self.members(host_of).items()), Fraction(0))
            case "migration":
                left = [i for i, j in enumerate(host_of) if self.ruled(i) and self.current[i] not in {-1, j}]
                return sum((exact(self.vms[i][0].move_cost) for i in left), Fraction(0))
            case "group_moves":
                left = [i for i, j in enumerate(host_of) if self.ruled(i) and self.current[i] not in {-1, j}]
                groups = [self.vms[i][0].group or i for i in left]
                return Fraction(max((groups.count(group) for group in groups), default=0))
            case "distance":
                return sum(
                    (self._distance(self.current[i], j) for i, j in enumerate(host_of) if self.ruled(i)), Fraction(0)
                )
            case "load":
                return sum(
                    (
                        max(Fraction(0), -self._spare(j, term.resource, host_of, safe=True))
                        for j in range(len(self.hosts))
                    ),
                    Fraction(0),
                )
            case "balance":
                on = [j for j, (host, _) in enumerate(self.hosts) if host.state != "maintenance"]
                ratio = exact(1 if term.target is None else term.target)
                short = [
                    ratio * self._spare(j, term.resource, host_of) - self._spare(j, term.other, host_of) for j in on
                ]
                return sum((figure for figure in short if figure > 0), Fraction(0))
            case "imbalance":
                return sum((self._imbalance(r, host_of) for r in range(len(self.quanta))), Fraction(0))

    def _power(self, j: int, members: Sequence[int]) -> Fraction:
        host, r = self.hosts[j][0], self.kinds.index("cpu")
        idle, peak = exact(host.idle_power), exact(host.peak_power)
        demand, room = sum(self.bounds(i, j, r)[1] for i in members), self.capacity(j, r)
        return idle + (peak - idle) * Fraction(demand, room) if room else idle

    def _distance(self, start: int, end: int) -> Fraction:
        """Return what the old host states for moves to the new one."""
        if start < 0 or end < 0 or start == end:
            return Fraction(0)
        there = self.hosts[end][0]
        names = {there.name, *(f"{label}:{value}" for label, value in there.domains.items())}
        stated = [exact(cost) for name, cost in self.hosts[start][0].distance.items() if name in names]
        return stated[0] if stated else Fraction(0)

    def _spare(self, j: int, resource: str | None, host_of: Sequence[int], *, safe: bool = False) -> Fraction:
        """Return what is left of a host's capacity, or of its safety capacity, after demands."""
        host = self.hosts[j][0]
        name = str(resource)
        whole = exact(host.safety[name]) if safe and name in host.safety else host.usable(name)
        taken = [self.vms[i][0].bounds(name)[1] for i, at in enumerate(host_of) if at == j]
        return whole - sum(taken, Fraction(0))

    def _imbalance(self, r: int, host_of: Sequence[int]) -> Fraction:
        loads = {j: sum(self.bounds(i, j, r)[1] for i in members) for j, members in self.members(host_of).items()}
        rooms = {j: self.capacity(j, r) for j, (host, _) in enumerate(self.hosts) if host.state != "maintenance"}
        total = sum(rooms.values())
        ratios = [
            Fraction(loads.get(j, 0), room) - Fraction(sum(loads.values()), total) for j, room in rooms.items() if room
        ]
        return sum((ratio for ratio in ratios if ratio > 0), Fraction(0))


def _member(name: str, count: int, number: int) -> str:
    return name if count == 1 else f"{name}-{number + 1}"
