"""Loads: what the hosts of a placement hold, as floats in the resources' units, for drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.placement import Placement
from formulations.tables import NO_LIMIT

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Segment:
    """What the VMs of one entry hold on one host, of one resource."""

    entry: int
    count: int
    label: str
    amount: float
    reservation: float


@dataclass(frozen=True, eq=False)
class HostLoads:
    """The hosts to draw, with totals in the resources' units.

    Attributes
    ----------
    instance : Instance
    placement : Placement
    hosts : int64 array, shape (hosts,)
        Numbers of the hosts drawn.
    capacity, amount, reservation, limit, demand : float arrays, shape (hosts, resources)
        ``amount`` is what the VMs get; a VM without a limit counts as having none beyond the capacity.
    allocated : bool
        Whether the placement says what every VM gets; if not, ``amount`` is the expected demand.
    """

    instance: Instance
    placement: Placement
    hosts: Integers
    capacity: Floats
    amount: Floats
    reservation: Floats
    limit: Floats
    demand: Floats
    allocated: bool

    @classmethod
    def of(cls, instance: Instance, placement: Placement, hosts: Integers) -> HostLoads:
        """Return the loads of the given hosts."""
        if len(placement.host_of) != instance.vm_count:
            raise InputError(f"expected {instance.vm_count} VMs, got {len(placement.host_of)}", "placement")
        tables = instance.tables
        entries = instance.host_names.entry_of(hosts)
        vms = np.flatnonzero(np.isin(placement.host_of, hosts))
        row = np.searchsorted(hosts, placement.host_of[vms])
        kind = instance.vm_entry[vms]
        capacity = tables.capacity[entries]
        upper = tables.upper[kind]
        limit = np.where(upper == NO_LIMIT, np.maximum(capacity[row], tables.demand[kind]), upper)

        def total(figures: Integers) -> Floats:
            sums = np.zeros(capacity.shape, dtype=np.float64)
            np.add.at(sums, row, in_units(instance, figures))
            return sums

        given = placement.allocation
        amount = tables.demand[kind] if given is None else given[vms]
        return cls(
            instance=instance,
            placement=placement,
            hosts=hosts,
            capacity=in_units(instance, capacity),
            amount=total(amount),
            reservation=total(tables.lower[kind]),
            limit=total(limit),
            demand=total(tables.demand[kind]),
            allocated=given is not None,
        )

    @property
    def names(self) -> list[str]:
        """The names of the hosts drawn, with their state where they are not on."""
        entries = self.instance.host_names.entry_of(self.hosts).tolist()
        states = [self.instance.hosts[entry].state for entry in entries]
        names = [self.instance.host_names.name(host) for host in self.hosts.tolist()]
        return [name if state == "on" else f"{name} ({state})" for name, state in zip(names, states, strict=True)]

    @property
    def utilisation(self) -> Floats:
        """Amount over capacity, 0 where there is no capacity: shape (hosts, resources)."""
        return np.divide(self.amount, self.capacity, out=np.zeros_like(self.amount), where=self.capacity > 0)

    @property
    def pressure(self) -> Floats:
        """Expected demand over capacity, 0 where there is no capacity: shape (hosts, resources)."""
        return np.divide(self.demand, self.capacity, out=np.zeros_like(self.demand), where=self.capacity > 0)

    @property
    def over(self) -> NDArray[np.bool_]:
        """Where VMs get more than there is: shape (hosts, resources)."""
        return self.amount > self.capacity * (1 + 1e-9)

    @property
    def by_pressure(self) -> Integers:
        """Rows in falling order of what is given or asked for of the scarcest resource."""
        return np.argsort(-np.maximum(self.pressure, self.utilisation).max(axis=1), kind="stable")

    def fullest(self, most: int) -> HostLoads:
        """Return the hosts of which most is asked, in the order of hosts."""
        order = self.by_pressure[:most]
        return HostLoads.of(self.instance, self.placement, np.sort(self.hosts[order]))

    def segments(self, row: int, resource: int, most: int = 40) -> list[Segment]:
        """Return what the entries on a host hold, in the order of entries; the smallest beyond ``most`` as one."""
        instance, tables = self.instance, self.instance.tables
        vms = np.flatnonzero(self.placement.host_of == self.hosts[row])
        given = self.placement.allocation
        found = []
        for entry in np.unique(instance.vm_entry[vms]).tolist():
            own = vms[instance.vm_entry[vms] == entry]
            amount = tables.demand[entry, resource] * len(own) if given is None else given[own, resource].sum()
            name = instance.vm_names.name(int(own[0])) if len(own) == 1 else f"{len(own)}x {instance.vms[entry].name}"
            scale = float(tables.scales[resource].quantum)
            low = float(tables.lower[entry, resource]) * len(own)
            found.append(Segment(entry, len(own), name, float(amount) * scale, low * scale))
        found = [one for one in found if one.amount > 0]
        return found if len(found) <= most else _with_others(found, most)


def _with_others(segments: list[Segment], most: int) -> list[Segment]:
    """Merge all but the largest into one segment of entry -1."""
    ranked = sorted(segments, key=lambda one: -one.amount)
    kept = {id(one) for one in ranked[: most - 1]}
    rest = ranked[most - 1 :]
    count = sum(one.count for one in rest)
    others = Segment(-1, count, f"{count} more", sum(r.amount for r in rest), sum(r.reservation for r in rest))
    return [*(one for one in segments if id(one) in kept), others]


def in_units(instance: Instance, integers: Integers) -> Floats:
    """Return quanta (…, resources) as floats in the resources' units."""
    quanta = np.array([float(scale.quantum) for scale in instance.tables.scales], dtype=np.float64)
    return np.multiply(integers, quanta, dtype=np.float64)


def hosts_to_draw(instance: Instance, placement: Placement, most: int) -> Integers:
    """Return all hosts where they are few, otherwise the hosts in use."""
    if instance.host_count <= most and all(host.count != "unlimited" for host in instance.hosts):
        return np.arange(instance.host_count, dtype=np.int64)
    return placement.hosts_used
