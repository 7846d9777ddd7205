"""How many cores a host has, in all and in each NUMA cell: what it states, or what its capacity counts."""

from __future__ import annotations

from fractions import Fraction

from formulations.errors import InputError
from formulations.machines import Host
from formulations.quantities import exact
from formulations.resources import Resource
from formulations.units import CORES

MOST_CORES = 65_536
"""No schedule is made for a host with more."""


def core_count(host: Host, cpu: Resource) -> int:
    """Return how many cores a host has.

    Those that all its NUMA cells state; else those that it states; else, where neither it nor a
    cell states any and the unit of cpu counts processors (cores, vCPUs, threads, millicores), as
    many as its physical capacity. Nothing is guessed from a clock, or without a unit.

    Parameters
    ----------
    host : Host
    cpu : Resource
        The resource that is core time.

    Raises
    ------
    InputError
        If that does not tell, host and cells contradict each other, or they are more than ``MOST_CORES``.
    """
    stated = [cell.cores for cell in host.cells if cell.cores is not None]
    if stated and len(stated) == len(host.cells):
        if host.cores not in (None, sum(stated)):
            raise _unknown(host, f"it states {host.cores} and its NUMA cells {sum(stated)} together")
        return _bounded(host, sum(stated))
    if host.cores is not None:
        return _bounded(host, host.cores)
    if stated:
        raise _unknown(host, "its NUMA cells do not all state them")
    return _bounded(host, sum(_counted(host, cpu)))


def core_counts(host: Host, cpu: Resource) -> tuple[int, ...]:
    """Return how many cores each NUMA cell of a host has; of a host without cells, the host.

    Cells that state none have the host's divided among them as their cpu is.

    Parameters
    ----------
    host : Host
    cpu : Resource
        The resource that is core time.

    Raises
    ------
    InputError
        If `core_count` does, or the cells' cpu does not divide the host's cores into whole ones.
    """
    total = core_count(host, cpu)
    if len(host.cells) <= 1:
        return (total,)
    stated = [cell.cores for cell in host.cells]
    if (known := [cores for cores in stated if cores is not None]) and len(known) == len(stated):
        return tuple(known)
    capacities = [exact(cell.capacity.get(cpu.name, 0)) for cell in host.cells]
    parts = [total * capacity / (sum(capacities) or 1) for capacity in capacities]
    if sum(parts) != total or any(part.denominator != 1 for part in parts):
        raise _unknown(host, f"its NUMA cells do not all state them, and their {cpu.name} does not tell")
    if any(cores not in (None, part) for cores, part in zip(stated, parts, strict=True)):
        raise _unknown(host, f"some NUMA cells state others than their part of its {cpu.name}")
    return tuple(map(int, parts))


def worth_of_a_core(host: Host, cpu: Resource) -> Fraction:
    """Return how much of a host's physical cpu one core stands for, in the unit of cpu.

    Raises
    ------
    InputError
        If `core_count` does, or the host has no cpu.
    """
    physical = host.physical(cpu.name)
    if not physical:
        raise InputError(f"{host.name} has no {cpu.name} to run anybody", f"capacity.{cpu.name}")
    return physical / core_count(host, cpu)


def _counted(host: Host, cpu: Resource) -> list[int]:
    """Return the cores that the capacity counts, of each cell that lists cpu or of the host."""
    if cpu.unit not in CORES:
        raise _unknown(host, "it does not state them")
    listed = any(cpu.name in cell.capacity for cell in host.cells)
    capacities = [exact(cell.capacity.get(cpu.name, 0)) for cell in host.cells] if listed else [host.physical(cpu.name)]
    counted = [capacity * CORES[cpu.unit] for capacity in capacities]
    if any(number.denominator > 1 for number in counted):
        raise _unknown(host, f"it does not state them, and its {cpu.name} is no whole number of them")
    if not sum(counted):
        raise _unknown(host, f"it does not state them, and has no {cpu.name}")
    return [int(number) for number in counted]


def _bounded(host: Host, cores: int) -> int:
    if cores > MOST_CORES:
        raise InputError(f"{host.name} has {cores:,} cores; schedules take hosts of up to {MOST_CORES:,}", "cores")
    return cores


def _unknown(host: Host, why: str) -> InputError:
    return InputError(f"how many cores {host.name} has is not known: {why}", "cores")
