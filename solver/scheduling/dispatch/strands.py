"""Strands: what runs as one, and for how many microseconds of every frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import floor
from typing import NamedTuple

from solver.scheduling.dispatch.demand import Part, Zone
from solver.scheduling.dispatch.frames import frame_for
from solver.scheduling.dispatch.refusal import RefusedError


@dataclass(frozen=True)
class Strand:
    """A vCPU, or the vCPUs of a gang.

    Attributes
    ----------
    vm : int
    name : str
        The VM's.
    vcpus : tuple of (int, int)
        The NUMA cell and the number of each vCPU.
    time : int
        Microseconds of every frame that each of them runs, at least 1.
    bound : int
        On their blackouts, in microseconds; 0 for none.
    """

    vm: int
    name: str
    vcpus: tuple[tuple[int, int], ...]
    time: int
    bound: int


class Run(NamedTuple):
    """A strand on cores for a while: ``cores`` in the order of its vCPUs."""

    strand: int
    start: int
    end: int
    cores: tuple[int, ...]


def strands_of(zone: Zone, frame: int, quantum: int) -> list[Strand]:
    """Return the strands of a zone with whole microseconds.

    Largest remainder (Hamilton's method): in each cell every VM gets its time rounded down, and
    what then remains of their total goes to the largest fractions, one microsecond each. So the
    total never exceeds the cores. A VM's time is dealt out evenly among its vCPUs, the first ones
    getting a microsecond more. Gangs are rounded down, as all their vCPUs get the same.

    Raises
    ------
    RefusedError
        If a vCPU's time is below the quantum.
    """
    strands: list[Strand] = []
    for _, parts in groupby(zone.singles, key=lambda part: part.cell):
        strands += _singles(list(parts), frame)
    for gang in zone.gangs:
        vcpus = tuple((part.cell, part.first + n) for part in gang for n in range(part.vcpus))
        strands.append(Strand(gang[0].vm, gang[0].name, vcpus, floor(frame * gang[0].rate), gang[0].bound))
    idle = {part.vm for part in zone.parts if not part.cores}
    running = [strand for strand in strands if strand.vm not in idle]
    _check_quantum(zone, running, frame, quantum)
    return running


def _singles(parts: Sequence[Part], frame: int) -> Iterator[Strand]:
    exact = [frame * part.cores for part in parts]
    times = [floor(time) for time in exact]
    left = floor(sum(exact)) - sum(times)
    by_fraction = sorted(range(len(parts)), key=lambda p: (times[p] - exact[p], parts[p].vm))
    for position in by_fraction[:left]:
        times[position] += 1
    for part, time in zip(parts, times, strict=True):
        each, more = divmod(time, part.vcpus)
        for number in range(part.vcpus):
            vcpu = (part.cell, part.first + number)
            yield Strand(part.vm, part.name, (vcpu,), each + (number < more), part.bound)


def _check_quantum(zone: Zone, strands: Sequence[Strand], frame: int, quantum: int) -> None:
    short = min(strands, key=lambda strand: strand.time, default=None)
    if short is not None and short.time < quantum:
        enough = frame_for([part for part in zone.parts if part.vm == short.vm], quantum)
        message = (
            f"{short.name} has {short.time:,} µs per vCPU in a frame of {frame:,} µs, less than the quantum of "
            f"{quantum:,} µs; a frame of {enough:,} µs would do"
        )
        raise RefusedError(message, proved=True)
