"""Containers of a placement: one host's claims and rows, for one resource, as exact integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import lcm
from typing import NamedTuple

from formulations.allocation.container import Container, Row
from formulations.errors import InputError
from formulations.placement import Placement
from solver.allocating.claims import Claims

Cells = Sequence[frozenset[int]]
"""The NUMA cells that each member touches."""


def containers_of(claims: Claims, placement: Placement, host: int) -> tuple[Container, ...]:
    """Return the containers of the ``host``-th host in use, one per resource.

    Raises
    ------
    InputError
        If a VM on a host with NUMA cells has no fitting set of them.
    """
    touched = _touched_cells(claims, placement, host)
    return tuple(_container(claims, host, r, touched) for r in range(claims.capacity.shape[1]))


def _touched_cells(claims: Claims, placement: Placement, host: int) -> Cells | None:
    cells = claims.instance.tables.cells[int(claims.host_entry[host])]
    if cells is None:
        return None
    part = claims.members(host)
    wanted = claims.instance.tables.numa[claims.entry[part]].tolist()
    masks = [0] * len(wanted) if placement.cells is None else placement.cells[claims.vm[part]].tolist()
    for vm, mask, count in zip(claims.vm[part].tolist(), masks, wanted, strict=True):
        if mask < 0 or mask.bit_count() != count or mask >> len(cells):
            names = claims.instance.vm_names.name(vm), claims.instance.host_names.name(int(claims.hosts[host]))
            raise InputError(
                f"{names[0]} on {names[1]} needs {count} of its {len(cells)} NUMA cells", "placement.cells"
            )
    return [frozenset(cell for cell in range(len(cells)) if mask >> cell & 1) for mask in masks]


def _container(claims: Claims, host: int, r: int, touched: Cells | None) -> Container:
    part = claims.members(host)
    capacity = int(claims.capacity[host, r])
    lower, upper = claims.lower[part, r].tolist(), claims.upper[part, r].tolist()
    steps = _steps(claims, host, r)
    whole = Container(
        lower=tuple(-(-low // step) * step for low, step in zip(lower, steps, strict=True)),
        demand=tuple(claims.demand[part, r].tolist()),
        upper=tuple(min(high, capacity) // step * step for high, step in zip(upper, steps, strict=True)),
        shares=tuple(claims.shares[part, r].tolist()),
        step=steps,
        rows=(),
        resource=claims.instance.resources[r].name,
    )
    rows = _rows(claims, host, r, _Place("host", capacity, 1, (1,) * len(whole)))
    cells = claims.instance.tables.cells[int(claims.host_entry[host])]
    if cells is not None and touched is not None and cells[0, r] >= 0:
        unit = lcm(*{len(own) for own in touched})
        for cell, local in enumerate(cells[:, r].tolist()):
            weights = tuple(unit // len(own) if cell in own else 0 for own in touched)
            rows += _rows(claims, host, r, _Place(f"cell_{cell + 1}", local, unit, weights))
    return replace(whole, rows=tuple(rows))


def _steps(claims: Claims, host: int, r: int) -> tuple[int, ...]:
    """Return the size of a core for pinned members' cpu, 1 for all else."""
    core = int(claims.instance.tables.core[int(claims.host_entry[host])])
    pinned = claims.pinned[claims.members(host)].tolist()
    if r != claims.instance.tables.cpu or not core:
        return (1,) * len(pinned)
    return tuple(core if own else 1 for own in pinned)


class _Place(NamedTuple):
    """One cell, or the whole host, with the members' weights there.

    A member that touches n cells has a part ``1 / n`` in each; all is multiplied by ``unit``,
    of which every n is a divisor.
    """

    name: str
    capacity: int
    unit: int
    weights: tuple[int, ...]


def _rows(claims: Claims, host: int, r: int, place: _Place) -> list[Row]:
    """Return the rows of one place: what is allocated, and what bursts may add."""
    rows = [Row(place.name, place.weights, place.unit * place.capacity)]
    part = claims.members(host)
    lower, upper = claims.lower[part, r].tolist(), claims.upper[part, r].tolist()
    protected, full = claims.protected[part].tolist(), claims.full[part].tolist()
    bursts = [
        weight * (high - low)
        for weight, low, high, own in zip(place.weights, lower, upper, protected, strict=True)
        if own and weight
    ]
    if bursts:
        largest = sum(sorted(bursts, reverse=True)[: claims.instance.gamma])
        floors = sum(weight * low for weight, low, own in zip(place.weights, lower, full, strict=True) if not own)
        slices = tuple(weight if own else 0 for weight, own in zip(place.weights, full, strict=True))
        rows.append(Row(f"{place.name}_burst", slices, place.unit * place.capacity - floors - largest))
    return rows
