"""What the VMs of a host ask of its cores, as plain data: core time and vCPUs, zone by zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from formulations.scheduling.dispatch import Excess


@dataclass(frozen=True)
class Part:
    """The vCPUs of a VM that lie in one NUMA cell.

    Attributes
    ----------
    vm : int
    name : str
        The VM's.
    cell : int
    first, vcpus : int
        The number of the first of them, and how many they are, at least 1.
    cores : Fraction
        Core time per second that they may use together, at most ``vcpus``.
    bound : int
        On their blackouts, in microseconds; 0 for none.
    """

    vm: int
    name: str
    cell: int
    first: int
    vcpus: int
    cores: Fraction
    bound: int

    @property
    def rate(self) -> Fraction:
        """Core time per second of one vCPU."""
        return self.cores / self.vcpus


@dataclass(frozen=True)
class Zone:
    """Cores, and the VMs that run there and nowhere else.

    Attributes
    ----------
    name : str
        As people call it, such as ``cell 0 of host-3``.
    cores : mapping of int to (tuple of int)
        The cores per NUMA cell.
    singles : tuple of Part
        Their vCPUs run independently of each other; by cell and VM.
    gangs : tuple of (tuple of Part)
        The parts of each gang, whose vCPUs run together and at the same rate.
    """

    name: str
    cores: Mapping[int, tuple[int, ...]]
    singles: tuple[Part, ...]
    gangs: tuple[tuple[Part, ...], ...] = ()

    @property
    def parts(self) -> Iterator[Part]:
        """All parts."""
        yield from self.singles
        for gang in self.gangs:
            yield from gang


@dataclass(frozen=True)
class HostDemand:
    """A host's cores, and everything that its VMs ask of them.

    Attributes
    ----------
    host : int
    name : str
    cells : tuple of int
        The NUMA cell of every core.
    owners : tuple of int
        The VM that owns each core, -1 for none.
    zones : tuple of Zone
    excess : tuple of Excess
        By VM.
    """

    host: int
    name: str
    cells: tuple[int, ...]
    owners: tuple[int, ...]
    zones: tuple[Zone, ...]
    excess: tuple[Excess, ...]

    @property
    def parts(self) -> Iterator[Part]:
        """The parts of all zones."""
        for zone in self.zones:
            yield from zone.parts
