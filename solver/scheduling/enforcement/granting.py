"""Granting: from a placement with its allocation to what every VM may have on its host, exactly."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.machines import VM, Host
from formulations.placement import Placement
from formulations.quantities import exact
from formulations.scheduling.enforcement import Enforce, Grant, HostGrants, VmGrants
from formulations.tables import NO_LIMIT
from solver.allocating.claims import Claims
from solver.scheduling.enforcement.contention import Contender, weights
from solver.scheduling.enforcement.processors import Seat, seated
from solver.scheduling.enforcement.units import Measure

Integers = NDArray[np.int64]


def granted(
    instance: Instance,
    placement: Placement,
    measure: Measure,
    *,
    enforce: Enforce = Enforce.LIMIT,
    vms: Collection[int] | None = None,
) -> Iterator[HostGrants]:
    """Yield what the VMs of every host in use are granted, host by host.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        Verified, with an allocation, and with NUMA cells where hosts list them.
    measure : Measure
        Which resources are cpu and memory, and what their units are worth.
    enforce : Enforce
    vms : collection of int, optional
        Only these VMs are listed; the others still count.

    Raises
    ------
    InputError
        If there is no allocation, or a figure cannot be enforced.
    """
    if placement.allocation is None:
        raise InputError("expected a placement with an allocation", "placement")
    claims = Claims.of(instance, placement)
    largest = _largest_shares(instance, measure)
    wanted = None if vms is None else frozenset(vms)
    for at in range(len(claims.hosts)):
        rows = claims.members(at)
        if wanted is None or not wanted.isdisjoint(claims.vm[rows].tolist()):
            host = _Host(instance, placement, measure, claims, at, enforce, largest)
            yield host.grants(wanted)


def _largest_shares(instance: Instance, measure: Measure) -> Fraction:
    columns = [r for r in (measure.cpu, measure.memory) if r is not None]
    return Fraction(int(instance.tables.shares[:, columns].max(initial=1)), instance.tables.shares_unit)


@dataclass(frozen=True)
class _Host:
    """One host in the making."""

    instance: Instance
    placement: Placement
    measure: Measure
    claims: Claims
    at: int
    enforce: Enforce
    largest_shares: Fraction

    @property
    def host(self) -> Host:
        return self.instance.hosts[self.entry]

    @property
    def entry(self) -> int:
        return int(self.claims.host_entry[self.at])

    @property
    def name(self) -> str:
        return self.instance.host_names.name(int(self.claims.hosts[self.at]))

    @property
    def members(self) -> list[int]:
        """The rows of the host's VMs in the order of the VMs."""
        rows = self.claims.members(self.at)
        return sorted(range(rows.start, rows.stop), key=lambda row: int(self.claims.vm[row]))

    def grants(self, wanted: frozenset[int] | None) -> HostGrants:
        """Return what the members wanted are granted."""
        members = self.members
        cpu = self._resource(members, self.measure.cpu)
        memory = self._resource(members, self.measure.memory)
        cpu = dict(zip(members, self._weighted(members, cpu), strict=True))
        cpus = seated(self.instance, self.measure, self.entry, self.name, [self._seat(row, cpu) for row in members])
        listed = [row for row in members if wanted is None or int(self.claims.vm[row]) in wanted]
        in_memory = [grant for grant in memory.values() if grant is not None]
        return HostGrants(
            host=self.name,
            members=tuple(self._vm(row, cpu[row], memory[row], cpus) for row in listed),
            cores_per_unit=self.measure.cores(self.instance, self.host),
            mhz_per_unit=self.measure.megahertz(self.instance, self.host),
            bytes_per_unit=self.measure.bytes,
            heaviest=max((grant.weight for grant in cpu.values() if grant is not None), default=Fraction(0)),
            largest_shares=self.largest_shares,
            exclusive=any(self.claims.pinned[row] for row in members),
            memory_reserved=sum((grant.reserved for grant in in_memory), Fraction(0)),
            memory_expected=sum((grant.expected for grant in in_memory), Fraction(0)),
        )

    def _vm(
        self, row: int, cpu: Grant | None, memory: Grant | None, cpus: dict[int, tuple[int, ...] | None]
    ) -> VmGrants:
        vm = int(self.claims.vm[row])
        return VmGrants(
            vm=self.instance.vm_names.name(vm),
            host=self.name,
            cpu=cpu,
            memory=memory,
            vcpus=self._entry_of(row).vcpus,
            full=bool(self.claims.full[row]),
            pinned=bool(self.claims.pinned[row]) and cpus[vm] is not None,
            cpus=cpus[vm],
            cells=self._cells(row),
        )

    def _entry_of(self, row: int) -> VM:
        return self.instance.vms[int(self.claims.entry[row])]

    def _cells(self, row: int) -> tuple[int, ...]:
        if self.placement.cells is None or not self.host.cells:
            return ()
        mask = int(self.placement.cells[self.claims.vm[row]])
        return tuple(cell for cell in range(mask.bit_length()) if mask >> cell & 1)

    def _resource(self, rows: list[int], r: int | None) -> dict[int, Grant | None]:
        return {row: None if r is None else self._grant(row, r) for row in rows}

    def _grant(self, row: int, r: int) -> Grant | None:
        """Return what one VM is granted of one resource; None if it needs nothing of it."""
        scale = self.instance.tables.scales[r]
        vm, name = self._entry_of(row), scale.resource.name
        upper = int(self.instance.tables.upper[self.claims.entry[row], r])
        if upper == 0:
            return None
        ratio = exact(self.host.overcommit.get(name, 1))
        given = scale.value(int(self._allocation(row)[r]))
        held = bool(self.claims.full[row]) or self.enforce is Enforce.ALLOCATION
        reserved = (given if held else scale.value(int(self.claims.lower[row, r]))) / ratio
        limit = None if upper == NO_LIMIT else scale.value(upper)
        grant = Grant(
            reserved=reserved,
            expected=given / ratio,
            limit=given / ratio if held else limit,
            stated=limit,
            weight=given / ratio,
            shares=Fraction(int(self.claims.shares[row, r]), self.instance.tables.shares_unit),
            overhead=exact(vm.overhead.get(name, 0)),
            nominal=given,
            ratio=ratio,
            held=held,
        )
        return self._within_vcpus(grant, vm) if r == self.measure.cpu else grant

    def _allocation(self, row: int) -> Integers:
        assert self.placement.allocation is not None  # noqa: S101 - checked where the work begins
        amounts: Integers = self.placement.allocation[self.claims.vm[row]]
        return amounts

    def _within_vcpus(self, grant: Grant, vm: VM) -> Grant:
        """Return the grant with at most one core per vCPU."""
        cores = self.measure.cores(self.instance, self.host)
        if vm.vcpus is None or cores is None:
            return grant
        most = vm.vcpus / cores
        limit = None if grant.limit is None else min(grant.limit, most)
        return replace(grant, reserved=min(grant.reserved, most), expected=min(grant.expected, most), limit=limit)

    def _seat(self, row: int, cpu: dict[int, Grant | None]) -> Seat:
        vm, r = int(self.claims.vm[row]), self.instance.tables.cpu
        core = int(self.instance.tables.core[self.entry])
        whole = 0
        if self.claims.pinned[row] and r is not None and core:
            whole = int(self._allocation(row)[r]) // core
        return Seat(vm, self._cells(row), whole, cpu[row] is not None)

    def _weighted(self, rows: list[int], grants: dict[int, Grant | None]) -> list[Grant | None]:
        """Return the grants of cpu with weights that keep reservations under contention."""
        if self.enforce is Enforce.ALLOCATION or self.measure.cpu is None:
            return [grants[row] for row in rows]
        sharing = [row for row in rows if grants[row] is not None and not self.claims.pinned[row]]
        found = [grants[row] for row in sharing]
        contenders = [Contender(one.reserved, one.shares) for one in found if one is not None]
        new = dict(zip(sharing, weights(contenders, self._pools(sharing, rows, grants)), strict=True))
        return [_with_weight(grants[row], new.get(row)) for row in rows]

    def _pools(
        self, sharing: list[int], rows: list[int], grants: dict[int, Grant | None]
    ) -> Iterator[tuple[list[int], list[Fraction], Fraction]]:
        """Yield the host and its cells as pools of cores, without what pinned VMs have of them."""
        assert self.measure.cpu is not None  # noqa: S101 - asked for before
        name = self.instance.resources[self.measure.cpu].name
        ratio = exact(self.host.overcommit.get(name, 1))
        pinned = {
            row: grant.nominal / ratio for row in rows if (grant := grants[row]) is not None and self.claims.pinned[row]
        }
        own = sum(pinned.values(), Fraction(0))
        yield list(range(len(sharing))), [Fraction(1)] * len(sharing), self.host.usable(name) / ratio - own
        for cell, capacity in enumerate(self.host.cell_usable(name) or ()):
            here = [at for at, row in enumerate(sharing) if cell in self._cells(row)]
            parts = [Fraction(1, len(self._cells(sharing[at]))) for at in here]
            taken = (whole / len(cells) for row, whole in pinned.items() if cell in (cells := self._cells(row)))
            yield here, parts, capacity / ratio - sum(taken, Fraction(0))


def _with_weight(grant: Grant | None, weight: Fraction | None) -> Grant | None:
    if grant is None or weight is None:
        return grant
    return replace(grant, weight=weight)
