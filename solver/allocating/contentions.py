"""What the VMs of a placement contend for on every host, for the linear and the dynamic model."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from formulations.allocation.contention import HostResource
from formulations.allocation.dynamic import Horizon
from formulations.bounds import Bounds
from formulations.errors import InputError, UnsupportedError
from formulations.instance import Instance
from formulations.placement import Placement
from formulations.quantities import exact
from formulations.tables import NO_LIMIT
from solver.allocating.claims import Claims, Mask


def host_resources(
    instance: Instance, placement: Placement, hosts: Sequence[int] | None = None
) -> dict[int, dict[str, HostResource]]:
    """Return the case of every resource of hosts, by host number and resource name.

    Floors are those of docs/semantics.md, so that partial isolation raises them.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        Its allocation is not read.
    hosts : sequence of int, optional
        Numbers of hosts in use; all of them by default.

    Raises
    ------
    InputError
        If a host runs no VM.
    UnsupportedError
        If a host has NUMA cells, or a VM there is pinned or protected against bursts: one
        policy for the whole host cannot express them.
    """
    claims = Claims.of(instance, placement)
    return {int(claims.hosts[h]): _cases(claims, h) for h in _chosen(claims, hosts)}


def horizons(
    instance: Instance, placement: Placement, hosts: Sequence[int] | None = None
) -> dict[int, dict[str, Horizon]]:
    """Return the horizon of every resource of hosts, by host number and resource name.

    Demand profiles and ramp limits are those of the VMs' bounds; a VM's single figure, and a
    resource that it does not name, is the same in every period.

    Parameters
    ----------
    instance : Instance
    placement : Placement
    hosts : sequence of int, optional

    Raises
    ------
    InputError
        If a host runs no VM.
    UnsupportedError
        As `host_resources`.
    """
    claims = Claims.of(instance, placement)
    chosen = _chosen(claims, hosts)
    length = _periods(claims, chosen)
    return {
        int(claims.hosts[h]): {
            name: _horizon(claims, h, r, case, length) for r, (name, case) in enumerate(_cases(claims, h).items())
        }
        for h in chosen
    }


def _chosen(claims: Claims, hosts: Sequence[int] | None) -> list[int]:
    """Return the positions of hosts among those in use, after refusing what one policy cannot express."""
    positions = {number: h for h, number in enumerate(claims.hosts.tolist())}
    names = claims.instance.host_names
    for number in hosts or ():
        if number not in positions:
            raise InputError("runs no VM", f"placement.{names.name(number)}")
    chosen = list(positions.values()) if hosts is None else [positions[number] for number in hosts]
    refused: dict[str, Sequence[bool] | Mask] = {
        "NUMA cells": [claims.instance.tables.cells[entry] is not None for entry in claims.host_entry.tolist()],
        "pinned slices": claims.any_on(claims.pinned),
        "protected bursting": claims.any_on(claims.protected),
    }
    for what, where in refused.items():
        for h in chosen:
            if where[h]:
                raise UnsupportedError(
                    f"linear and dynamic allocation do not cover {what} (host {names.name(int(claims.hosts[h]))})"
                )
    return chosen


def _cases(claims: Claims, h: int) -> dict[str, HostResource]:
    part = claims.members(h)
    names = tuple(claims.instance.vm_names.name(vm) for vm in claims.vm[part].tolist())
    return {
        scale.resource.name: HostResource(
            capacity=scale.value(int(claims.capacity[h, r])),
            lower=tuple(scale.value(low) for low in claims.lower[part, r].tolist()),
            demand=tuple(scale.value(expected) for expected in claims.demand[part, r].tolist()),
            upper=tuple(scale.value(high) for high in claims.upper[part, r].tolist()),
            vms=names,
            resource=scale.resource.name,
            unit=scale.resource.unit,
        )
        for r, scale in enumerate(claims.instance.tables.scales)
    }


def _bounds(claims: Claims, claim: int, name: str) -> Bounds | None:
    stated = claims.instance.vms[int(claims.entry[claim])].resources.get(name)
    return stated if isinstance(stated, Bounds) else None


def _periods(claims: Claims, chosen: Sequence[int]) -> int:
    """Return the length of the profiles on the hosts (an instance has one length); 1 without any."""
    entries = {entry for h in chosen for entry in claims.entry[claims.members(h)].tolist()}
    sizes = [size for entry in entries for size in claims.instance.vms[entry].resources.values()]
    return max((len(size.profile) for size in sizes if isinstance(size, Bounds)), default=1)


def _horizon(claims: Claims, h: int, r: int, case: HostResource, length: int) -> Horizon:
    part = claims.members(h)
    members = range(part.start, part.stop)
    bounds = [_bounds(claims, claim, case.resource) for claim in members]
    extra = [exact(claims.instance.vms[int(claims.entry[claim])].overhead.get(case.resource, 0)) for claim in members]
    profiles = [
        _stretched([expected + more for expected in own.profile], length) if own else (case.demand[vm],) * length
        for vm, (own, more) in enumerate(zip(bounds, extra, strict=True))
    ]
    unlimited = (claims.instance.tables.upper[claims.entry[part], r] == NO_LIMIT).tolist()
    periods = tuple(
        HostResource(
            capacity=case.capacity,
            lower=case.lower,
            demand=demand,
            upper=tuple(
                max(case.capacity, demand[vm]) if free else case.upper[vm] for vm, free in enumerate(unlimited)
            ),
            vms=case.vms,
            resource=case.resource,
            unit=case.unit,
        )
        for demand in zip(*profiles, strict=True)
    )
    ramps = tuple(None if own is None or own.ramp is None else exact(own.ramp) for own in bounds)
    return Horizon(periods, ramps)


def _stretched(profile: list[Fraction], length: int) -> tuple[Fraction, ...]:
    return tuple(profile) * (length if len(profile) == 1 else 1)
