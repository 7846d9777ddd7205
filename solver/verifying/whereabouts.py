"""Checks of the arrays themselves, and of who must be where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from formulations.instance import Instance
from formulations.placement import Placement
from formulations.tables import Integers
from solver.verifying.verdict import Fault, Violation, listed


@dataclass(frozen=True)
class Arrays:
    """A placement's arrays as int64, where they are well-formed.

    Attributes
    ----------
    host_of : int64 array or None
    allocation : int64 array or None
    cells : int64 array or None
    violations : tuple of Violation
        What is wrong with those that are not.
    """

    host_of: Integers | None
    allocation: Integers | None
    cells: Integers | None
    violations: tuple[Violation, ...]

    @classmethod
    def of(cls, instance: Instance, placement: Placement) -> Arrays:
        """Check shapes, types and ranges."""
        faults: list[Violation] = []
        flat = (instance.vm_count,)
        host_of = _integers(placement.host_of, flat, "host_of", faults)
        if host_of is not None and len(wrong := _outside(host_of, instance.host_count)):
            faults += _unknown_hosts(instance, host_of, wrong)
            host_of = None
        shape = (*flat, len(instance.resources))
        allocation = (
            None if placement.allocation is None else _integers(placement.allocation, shape, "allocation", faults)
        )
        cells = None if placement.cells is None else _integers(placement.cells, flat, "cells", faults)
        return cls(host_of, allocation, cells, tuple(faults))


def _integers(array: Any, shape: tuple[int, ...], name: str, faults: list[Violation]) -> Integers | None:
    try:
        given = np.asarray(array)
    except ValueError:
        faults.append(_malformed(name, shape, "rows of different lengths"))
        return None
    if not np.issubdtype(given.dtype, np.integer) or given.shape != shape:
        faults.append(_malformed(name, shape, f"{given.dtype} of shape {given.shape}"))
        return None
    if given.dtype == np.uint64 and int(given.max(initial=0)) >= 2**63:
        faults.append(_malformed(name, shape, f"the number {given.max()}"))
        return None
    return given.astype(np.int64, copy=False)


def _malformed(name: str, shape: tuple[int, ...], found: str) -> Violation:
    message = f"{name}: expected 64-bit integers of shape {shape}, got {found}"
    return Violation(Fault.ARRAYS, (name,), Fraction(1), "", message)


def _outside(host_of: Integers, hosts: int) -> Integers:
    return np.flatnonzero((host_of < -1) | (host_of >= hosts))


def _unknown_hosts(instance: Instance, host_of: Integers, wrong: Integers) -> Iterator[Violation]:
    def unknown(vm: int) -> Violation:
        name = instance.vm_names.name(vm)
        expected = f"expected -1 to {instance.host_count - 1}"
        return Violation(Fault.ARRAYS, (name,), Fraction(1), "", f"{name}: no host {host_of[vm]}, {expected}")

    return listed(Fault.ARRAYS, wrong.tolist(), unknown)


def who_is_where(instance: Instance, host_of: Integers) -> Iterator[Violation]:
    """Yield the VMs that lack a host, have one they should not, or were moved although ignored."""
    vms, hosts = instance.vm_names.name, instance.host_names.name
    placed, ruled, kept = host_of >= 0, instance.ruled, instance.wanted & instance.ignored

    def fault(kind: Fault, found: Integers, text: str) -> Iterator[Violation]:
        def make(vm: int) -> Violation:
            host, home = int(host_of[vm]), int(instance.current[vm])
            where = hosts(host) if host >= 0 else "no host"
            message = text.format(vm=vms(vm), where=where, home=hosts(home) if home >= 0 else "no host")
            return Violation(kind, (vms(vm), where) if host >= 0 else (vms(vm),), Fraction(1), "", message)

        return listed(kind, found.tolist(), make)

    if not instance.allow_unplaced:
        yield from fault(Fault.NO_HOST, np.flatnonzero(ruled & ~placed), "{vm} has no host")
    unwanted = np.flatnonzero(placed & ~instance.wanted)
    yield from fault(Fault.NOT_WANTED, unwanted, "{vm} is off, or ignored without a current host, but is on {where}")
    moved = np.flatnonzero(kept & (host_of != instance.current))
    yield from fault(Fault.IGNORED, moved, "{vm} is ignored and runs on {home}, but is put on {where}")
    closed = _in_maintenance(instance, host_of) & ~kept
    yield from fault(Fault.MAINTENANCE, np.flatnonzero(closed), "{vm} is on {where}, which is in maintenance")


def _in_maintenance(instance: Instance, host_of: Integers) -> Any:
    entry = instance.host_names.entry_of(np.maximum(host_of, 0))
    return (host_of >= 0) & ~instance.usable_entries[entry]
