"""Capacity and isolation in the assignment model: what the VMs of a host take from it.

The integer definitions are in docs/semantics.md, their derivation in docs/equations.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pulp
from numpy.typing import NDArray

from formulations.assignment.variables import Variables
from formulations.isolation import Full, Partial, Protected
from formulations.placement import Placement
from formulations.program import Expression
from formulations.tables import NO_LIMIT

Integers = NDArray[np.int64]


class Take(NamedTuple):
    """What a VM takes of a resource on a host, as expressions that are 0 when it is elsewhere."""

    floor: Expression
    given: Expression
    most: float
    """No value of ``given`` exceeds this."""


class Capacity:
    """The capacity rows of every free host and cell, and the variables of isolation.

    Parameters
    ----------
    model : Variables
    """

    def __init__(self, model: Variables) -> None:
        self.model = model
        self.program = model.program
        self.instance = model.instance
        self.tables = model.instance.tables
        self.serves = model.has_term("unmet_demand")
        self.met: dict[tuple[int, int], Expression] = {}
        """Per free VM and resource with demand: the part of the demand that is met."""
        self.in_cell: dict[tuple[int, int], list[pulp.LpVariable]] = {}
        """Per free VM and host with cells: which cells it touches."""
        self.number: dict[int, list[pulp.LpVariable]] = {}
        """Per host whose floors depend on it: the number of VMs there, one binary per number."""
        self.unit = [self._row_unit(r) for r in range(len(self.tables.scales))]
        self._guarantees = any(
            isinstance(self.instance.isolation_of(entry), Partial) for entry in range(len(self.instance.vms))
        )
        self._plain: dict[tuple[int, int], bool] = {}
        for host in model.scope.hosts.tolist():
            model.check_time()
            self._fill(host)

    def _row_unit(self, r: int) -> float:
        """Return the common unit of a resource's figures: rows are written in it."""
        tables = self.tables
        upper = tables.upper[:, r]
        stated = np.concatenate((tables.lower[:, r], tables.demand[:, r], upper[upper < 2**53], tables.capacity[:, r]))
        return float(max(1, np.gcd.reduce(stated)))

    def _fill(self, host: int) -> None:
        members = self.model.members[host]
        if not members:
            if self.model.on:
                self.program.at_most(Expression.total([self.model.on[host]]), 0, f"off_{self._name(host)}")
            return
        entry = int(self.instance.host_names.entry_of(np.array([host]))[0])
        self._count_members(host, entry, members)
        self._make_cells(host, entry, members)
        for r in range(len(self.tables.scales)):
            takes = {vm: self._take(vm, host, entry, r) for vm in members}
            self._host_rows(host, entry, r, takes)
            self._cell_rows(host, entry, r, takes)
        self._arrival_rows(host, members)
        self._mark_on(host, entry, members)

    def _name(self, host: int) -> str:
        return self.instance.host_names.name(host)

    def _vm_entry(self, vm: int) -> int:
        return int(self.instance.vm_entry[vm])

    # -- what one VM takes ---------------------------------------------------------------

    def _take(self, vm: int, host: int, host_entry: int, r: int) -> Take:
        entry, x, unit = self._vm_entry(vm), self.model.x[vm][host], self.unit[r]
        if self._takes_reservation_only(entry, r):
            taken = float(self.tables.lower[entry, r]) / unit
            return Take(Expression({x: taken}), Expression({x: taken}), taken)
        own, capacity = self.instance.isolation_of(entry), int(self.tables.capacity[host_entry, r])
        low, demand = int(self.tables.lower[entry, r]), int(self.tables.demand[entry, r])
        high = min(int(self.tables.upper[entry, r]), max(capacity, demand))
        if isinstance(own, Full) and own.pinned and r == self.tables.cpu and high > 0:
            return self._take_whole_cores(vm, host, host_entry, (low, demand, min(high, capacity)))
        floor, given, most = Expression({x: low / unit}), Expression({x: low / unit}), low
        label = f"{self.instance.vm_names.name(vm)}_{self._name(host)}_{self.tables.resource_names[r]}"
        if self.serves and demand > low:
            most = min(demand, capacity)
            given.add(self._at_most_if(x, (most - low) / unit, f"served_{label}"))
        if self.serves and demand > 0:
            self.met.setdefault((vm, r), Expression()).plus(given)
        if isinstance(own, Partial):
            most += self._guarantee(host, (x, low, high, capacity, unit), own, floor=floor, given=given, label=label)
        return Take(given if isinstance(own, Full) else floor, given, most / unit)

    def _takes_reservation_only(self, entry: int, r: int) -> bool:
        """Whether nothing but the reservation of a VM entry matters, on any host."""
        if (entry, r) not in self._plain:
            own = self.instance.isolation_of(entry)
            whole_cores = isinstance(own, Full) and own.pinned and r == self.tables.cpu
            served = self.serves and self.tables.demand[entry, r] > 0
            self._plain[entry, r] = not (isinstance(own, Partial) or whole_cores or served)
        return self._plain[entry, r]

    def _at_most_if(self, x: pulp.LpVariable, most: float, name: str) -> pulp.LpVariable:
        """Return a new variable in [0, most] that is 0 unless ``x`` is 1."""
        variable = self.program.continuous(name, most)
        self.program.at_most(Expression({variable: 1.0, x: -most}), 0, f"only_{name}")
        return variable

    def _take_whole_cores(self, vm: int, host: int, host_entry: int, bounds: tuple[int, int, int]) -> Take:
        """Give a pinned VM a whole number of cores inside its bounds."""
        low, demand, high = bounds
        x, core, r = self.model.x[vm][host], int(self.tables.core[host_entry]), self.tables.cpu
        unit = self.unit[r or 0]
        label = f"{self.instance.vm_names.name(vm)}_{self._name(host)}"
        if core == 0 or -(-low // core) > high // core:
            self.program.at_most(Expression({x: 1.0}), 0, f"no_whole_cores_{label}")
            return Take(Expression({x: 0.0}), Expression({x: 0.0}), 0.0)
        least, most = -(-low // core), high // core
        given = Expression({x: least * core / unit})
        if most > least:
            more = self.program.integer(f"cores_{label}", 0, most - least)
            self.program.at_most(Expression({more: 1.0, x: float(least - most)}), 0, f"only_cores_{label}")
            given.add(more, core / unit)
        if self.serves and demand > 0:
            served = self._at_most_if(x, demand / unit, f"served_cores_{label}")
            self.program.at_most(Expression({served: 1.0}).plus(given, -1.0), 0, f"cores_serve_{label}")
            self.met.setdefault((vm, r or 0), Expression()).add(served)
        return Take(given, given, most * core / unit)

    def _guarantee(
        self,
        host: int,
        figures: tuple[pulp.LpVariable, int, int, int, float],
        own: Partial,
        *,
        floor: Expression,
        given: Expression,
        label: str,
    ) -> int:
        """Raise the floor to what partial isolation guarantees; return the largest rise."""
        x, low, high, capacity, unit = figures
        floors = [min(high, int(own.fraction * capacity / n)) for n in range(1, len(self.number.get(host, [])))]
        if not floors or floors[0] <= low:
            return 0
        raised = self._at_most_if(x, (floors[0] - low) / unit, f"floor_{label}")
        owed = Expression({raised: -1.0, x: (floors[0] - low) / unit}, -floors[0] / unit)
        for n, least in enumerate(floors, start=1):
            owed.add(self.number[host][n], least / unit)
        self.program.at_most(owed, 0, f"guarantee_{label}")
        floor.add(raised)
        if len(given.terms) == 1:
            given.add(raised)
        else:
            surplus = self._at_most_if(x, (floors[0] - low) / unit, f"surplus_{label}")
            given.add(surplus)
            self.program.at_most(floor.times(1.0).plus(given, -1.0), 0, f"at_least_floor_{label}")
        return floors[0] - low

    # -- rows ----------------------------------------------------------------------------

    def _host_rows(self, host: int, entry: int, r: int, takes: Mapping[int, Take]) -> None:
        name = f"{self._name(host)}_{self.tables.resource_names[r]}"
        room = self._room(host, self.tables.capacity[entry, r] / self.unit[r])
        self._fits([take.given for take in takes.values()], room, f"capacity_{name}")
        if self.instance.gamma:
            bursts = {vm: (self.model.x[vm][host], self._burst(vm, entry, r)) for vm in takes}
            self._absorbs([take.floor for take in takes.values()], bursts, room, name)

    def _arrival_rows(self, host: int, members: list[int]) -> None:
        """Let those who move to a host fit beside all who are there now, in transient resources."""
        room = self.instance.arrival_room
        if room is None:
            return
        arriving = [vm for vm in members if self.instance.current[vm] != host]
        for r in np.flatnonzero(room[host] < NO_LIMIT).tolist():
            sizes = {vm: float(self.tables.lower[self._vm_entry(vm), r]) / self.unit[r] for vm in arriving}
            total = Expression({self.model.x[vm][host]: size for vm, size in sizes.items() if size})
            most = float(room[host, r]) / self.unit[r]
            if sum(sizes.values()) > most:
                self.program.at_most(total, most, f"arriving_{self._name(host)}_{self.tables.resource_names[r]}")

    def _room(self, host: int, capacity: float) -> Expression:
        """Return what a host offers: its capacity, when it is on."""
        return Expression({self.model.on[host]: capacity}) if self.model.on else Expression(constant=capacity)

    def _fits(self, takes: list[Expression], room: Expression, name: str) -> None:
        total = room.times(-1.0)
        for take in takes:
            total.plus(take)
        self.program.at_most(total, 0, name)

    def _burst(self, vm: int, host_entry: int, r: int) -> float:
        """Return how far a protected VM may burst above its reservation; 0 for others."""
        entry = self._vm_entry(vm)
        if not isinstance(self.instance.isolation_of(entry), Protected):
            return 0.0
        top = int(self.tables.upper[entry, r])
        if top == NO_LIMIT:
            top = max(int(self.tables.capacity[host_entry, r]), int(self.tables.demand[entry, r]))
        return (top - int(self.tables.lower[entry, r])) / self.unit[r]

    def _absorbs(
        self, floors: list[Expression], bursts: Mapping[int, tuple[pulp.LpVariable, float]], room: Expression, name: str
    ) -> None:
        """Let any Gamma protected VMs burst at once (Bertsimas and Sim, theorem 1)."""
        gamma = self.instance.gamma
        bursting = {vm: burst for vm, burst in bursts.items() if burst[1] > 0}
        if not bursting:
            return
        price = self.program.continuous(f"burst_price_{name}")
        total = room.times(-1.0).add(price, float(gamma))
        for vm, (inside, burst) in bursting.items():
            over = self.program.continuous(f"burst_over_{self.instance.vm_names.name(vm)}_{name}")
            total.add(over)
            dual = Expression({inside: burst, price: -1.0, over: -1.0})
            self.program.at_most(dual, 0, f"burst_{self.instance.vm_names.name(vm)}_{name}")
        for floor in floors:
            total.plus(floor)
        self.program.at_most(total, 0, f"protected_{name}")

    def _count_members(self, host: int, entry: int, members: list[int]) -> None:
        """Count the VMs of a host where a floor depends on how many there are."""
        if not self._guarantees or not any(self._floor_binds(vm, entry) for vm in members):
            return
        name = self._name(host)
        numbers = [self.program.binary(f"number_{name}_{n}") for n in range(len(members) + 1)]
        self.program.equal(Expression.total(numbers), 1, f"one_number_{name}")
        counted = Expression({z: float(n) for n, z in enumerate(numbers)})
        for vm in members:
            counted.add(self.model.x[vm][host], -1.0)
        self.program.equal(counted, 0, f"number_{name}")
        self.number[host] = numbers

    def _floor_binds(self, vm: int, host_entry: int) -> bool:
        entry = self._vm_entry(vm)
        own = self.instance.isolation_of(entry)
        if not isinstance(own, Partial):
            return False
        low, high, capacity = self.tables.lower[entry], self.tables.upper[entry], self.tables.capacity[host_entry]
        return any(
            min(int(u), int(own.fraction * int(c))) > int(b) for b, u, c in zip(low, high, capacity, strict=True)
        )

    def _mark_on(self, host: int, entry: int, members: list[int]) -> None:
        """Tie VMs to ``on`` where the capacity rows do not, or only weakly."""
        if not self.model.on:
            return
        capacity = self.tables.capacity[entry]
        for vm in members:
            low = self.tables.lower[self._vm_entry(vm)]
            if not low.any() or (2 * low > capacity).any() or len(members) <= 12:
                tie = Expression({self.model.x[vm][host]: 1.0, self.model.on[host]: -1.0})
                self.program.at_most(tie, 0, f"on_for_{self.instance.vm_names.name(vm)}_{self._name(host)}")

    # -- NUMA cells ----------------------------------------------------------------------

    def _make_cells(self, host: int, entry: int, members: list[int]) -> None:
        cells = self.tables.cells[entry]
        if cells is None:
            return
        for vm in members:
            label = f"{self.instance.vm_names.name(vm)}_{self._name(host)}"
            touched = [self.program.binary(f"cell_{label}_{c}") for c in range(len(cells))]
            wanted = Expression.total(touched).add(self.model.x[vm][host], -float(self.tables.numa[self._vm_entry(vm)]))
            self.program.equal(wanted, 0, f"cells_{label}")
            self.in_cell[vm, host] = touched

    def _cell_rows(self, host: int, entry: int, r: int, takes: Mapping[int, Take]) -> None:
        cells = self.tables.cells[entry]
        if cells is None or cells[0, r] < 0:
            return
        name = f"{self._name(host)}_{self.tables.resource_names[r]}"
        given = {vm: self._split(vm, host, take.given, take.most, f"{name}_given") for vm, take in takes.items()}
        numa = {vm: int(self.tables.numa[self._vm_entry(vm)]) for vm in takes}
        bursts = {vm: self._burst(vm, entry, r) / numa[vm] for vm in takes if self.instance.gamma}
        protects = any(burst > 0 for burst in bursts.values())
        floors = {
            vm: self._split(vm, host, take.floor, take.most, f"{name}_floor") for vm, take in takes.items() if protects
        }
        for c in range(len(cells)):
            room = Expression(constant=float(cells[c, r]) / self.unit[r])
            self._fits([parts[c] for parts in given.values()], room, f"cell{c}_{name}")
            in_cell = {vm: (self.in_cell[vm, host][c], burst) for vm, burst in bursts.items()}
            self._absorbs([parts[c] for parts in floors.values()], in_cell, room, f"cell{c}_{name}")

    def _split(self, vm: int, host: int, take: Expression, most: float, name: str) -> list[Expression]:
        """Return a VM's take in every cell: an even share of it in each cell touched."""
        touched, numa = self.in_cell[vm, host], int(self.tables.numa[self._vm_entry(vm)])
        if len(take.terms) == 1:
            (rigid,) = take.terms.values()
            return [Expression({cell: rigid / numa}) for cell in touched]
        label = f"{self.instance.vm_names.name(vm)}_{name}"
        parts: list[Expression] = []
        for c, cell in enumerate(touched):
            part = self._at_most_if(cell, most / numa, f"part{c}_{label}")
            parts.append(Expression({part: 1.0}))
            self.program.at_most(Expression({part: 1.0}).plus(take, -1.0 / numa), 0, f"even{c}_{label}")
        whole = take.times(-1.0)
        for expression in parts:
            whole.plus(expression)
        self.program.equal(whole, 0, f"parts_{label}")
        return parts

    # -- reading and starting ------------------------------------------------------------

    def decode_cells(self, values: Mapping[str, float], host_of: Integers) -> Integers | None:
        """Return the cell masks that a solution's values stand for; None where no host has cells."""
        if all(cells is None for cells in self.tables.cells):
            return None
        fixed = self.model.scope.fixed.cells
        masks = np.zeros(len(host_of), dtype=np.int64) if fixed is None else np.where(host_of >= 0, fixed, 0)
        for vm in self.model.x:
            masks[vm] = 0
        for (vm, host), touched in self.in_cell.items():
            if host_of[vm] == host:
                masks[vm] = sum(1 << c for c, cell in enumerate(touched) if values.get(cell.name, 0.0) > 0.5)
        return masks

    def start(self, placement: Placement) -> dict[str, float]:
        """Return the values of cell and number variables that stand for a placement."""
        values: dict[str, float] = {}
        for (vm, host), touched in self.in_cell.items():
            mask = int(placement.cells[vm]) if placement.cells is not None and placement.host_of[vm] == host else 0
            values.update({cell.name: float(mask >> c & 1) for c, cell in enumerate(touched)})
        for host, numbers in self.number.items():
            here = int((placement.host_of == host).sum())
            values.update({z.name: float(n == here) for n, z in enumerate(numbers)})
        return values
