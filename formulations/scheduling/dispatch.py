"""The fixed schedule, asked and answered: which vCPU runs on which core, in every frame again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import groupby
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError, UnsupportedError
from formulations.instance import Instance
from formulations.isolation import Full
from formulations.placement import Placement
from formulations.rules import Selector

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Owners = Literal["full", "pinned"]

DEFAULT_FRAME = 100_000
"""Microseconds of a frame when neither its length nor a latency is given: the period of Linux's cpu bandwidth."""

LONGEST_FRAME = 10_000_000
"""Microseconds that a frame may last at most."""


@dataclass(frozen=True, eq=False)
class DispatchQuestion:
    """What every frame must give to whom, and how smoothly.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        With an allocation, and with cells where hosts list some.
    frame : int, optional
        Length of a frame in microseconds. Without it every host gets the length that its
        blackout bounds and the quantum ask for, and ``DEFAULT_FRAME`` where there are none.
    latency : int, optional
        Largest blackout of every vCPU in microseconds: the longest time from the end of a run
        to the beginning of the next, over the borders of frames.
    blackouts : mapping of selector to int
        Bounds of single VMs, instead of ``latency``. Of several that name a VM the least holds.
    quantum : int
        Least length of a slice in microseconds.
    gang : sequence of selectors
        VMs whose vCPUs run all at the same time.
    shortest : bool
        Whether gangs are packed as tightly as can be proved; otherwise it is enough that they fit.
    resource : str, optional
        Which resource is core time; by default the one of role cpu.
    owners : {"full", "pinned"}
        Who owns whole cores: every fully isolated VM, or only those that are pinned.

    Raises
    ------
    InputError
        If a figure is out of range, a selector names nothing, or the placement does not belong to the
        instance or has no allocation.
    """

    instance: Instance
    placement: Placement
    frame: int | None = None
    latency: int | None = None
    blackouts: Mapping[Selector, int] = field(default_factory=dict)
    quantum: int = 1
    gang: Sequence[Selector] = ()
    shortest: bool = False
    resource: str | None = None
    owners: Owners = "full"

    def __post_init__(self) -> None:
        self._check_figures()
        self._check_placement()
        _ = self.cpu, self.bounds, self.together

    def _check_figures(self) -> None:
        if self.frame is not None and not 1 <= self.frame <= LONGEST_FRAME:
            raise InputError(f"must be from 1 to {LONGEST_FRAME:,} µs, got {self.frame:,}", "frame")
        if self.latency is not None and self.latency < 1:
            raise InputError(f"must be at least 1 µs, got {self.latency:,}", "latency")
        for selector, bound in self.blackouts.items():
            if bound < 1:
                raise InputError(f"must be at least 1 µs, got {bound:,}", f"blackouts.{selector}")
        longest = LONGEST_FRAME if self.frame is None else self.frame
        if not 1 <= self.quantum <= longest:
            raise InputError(
                f"must be from 1 to {longest:,} µs, the length of a frame, got {self.quantum:,}", "quantum"
            )
        if self.owners not in ("full", "pinned"):
            raise InputError(f"expected 'full' or 'pinned', got {self.owners!r}", "owners")

    def _check_placement(self) -> None:
        shape = (self.instance.vm_count,)
        hosts, cells, given = self.placement.host_of, self.placement.cells, self.placement.allocation
        if hosts.shape != shape or hosts.max(initial=-1) >= self.instance.host_count or hosts.min(initial=-1) < -1:
            raise InputError("the placement does not belong to the instance", "placement")
        if given is None:
            raise InputError("a fixed schedule needs to know what each VM gets", "placement.allocation")
        if given.shape != (*shape, len(self.instance.resources)) or given.min(initial=0) < 0:
            raise InputError("the allocation does not belong to the instance", "placement.allocation")
        if cells is not None and cells.shape != shape:
            raise InputError("the cells do not belong to the instance", "placement.cells")

    @cached_property
    def cpu(self) -> int:
        """The position of the resource that is core time."""
        if self.resource is not None:
            names = [resource.name for resource in self.instance.resources]
            if self.resource not in names:
                expected = ", ".join(names)
                raise InputError(f"unknown resource {self.resource!r}; expected one of {expected}", "resource")
            return names.index(self.resource)
        if self.instance.tables.cpu is None:
            raise UnsupportedError(
                "a fixed schedule needs a resource of core time: none is called cpu or has that role"
            )
        return self.instance.tables.cpu

    @cached_property
    def bounds(self) -> Integers:
        """The bound on the blackout of every VM's vCPUs, 0 for none: shape (VMs,)."""
        bounds = np.full(self.instance.vm_count, self.latency or 0, dtype=np.int64)
        own = np.zeros(self.instance.vm_count, dtype=np.int64)
        for selector, bound in self.blackouts.items():
            named = self.instance.vms_called([selector], "blackouts")
            own[named] = np.where(own[named] > 0, np.minimum(own[named], bound), bound)
        return np.where(own > 0, own, bounds)

    @cached_property
    def together(self) -> Mask:
        """Which VMs are gangs, whether or not they have several vCPUs: shape (VMs,)."""
        mask = np.zeros(self.instance.vm_count, dtype=np.bool_)
        mask[self.instance.vms_called(self.gang, "gang")] = True
        return mask

    def owns_cores(self, vm_entry: int) -> bool:
        """Return whether VMs of an entry own whole cores."""
        isolation = self.instance.isolation_of(vm_entry)
        return isinstance(isolation, Full) and (isolation.pinned or self.owners == "full")


class Slice(NamedTuple):
    """A vCPU on a core for a while, in every frame: from ``start`` to ``end``, microseconds of the frame."""

    core: int
    start: int
    end: int
    vm: int
    vcpu: int


class VirtualCpu(NamedTuple):
    """What a virtual cpu gets.

    Attributes
    ----------
    vm, vcpu : int
        The VM's number, and the vCPU's in the VM, from 0.
    cell : int
        The NUMA cell that it runs in; 0 on hosts without cells.
    share : int
        Microseconds in every frame.
    blackout : int or None
        Longest time between two runs, in microseconds; None for a vCPU that never runs.
    cores : int
        How many cores it runs on.
    """

    vm: int
    vcpu: int
    cell: int
    share: int
    blackout: int | None
    cores: int


class Excess(NamedTuple):
    """Cores that a VM is allocated and cannot use, as its vCPUs are too few or their split is uneven."""

    vm: int
    cores: Fraction


@dataclass(frozen=True, eq=False)
class DispatchTable:
    """What the cores of a host do in every frame.

    Attributes
    ----------
    host : int
    frame : int
        Microseconds.
    cells : tuple of int
        The NUMA cell of every core; 0 on hosts without cells.
    owners : tuple of int
        The VM that owns each core, -1 for a core that is shared.
    slices : tuple of Slice
        By core and start.
    vcpus : tuple of VirtualCpu
        Every vCPU of the host's VMs, by VM and number.
    excess : tuple of Excess
        By VM.
    """

    host: int
    frame: int
    cells: tuple[int, ...]
    owners: tuple[int, ...]
    slices: tuple[Slice, ...]
    vcpus: tuple[VirtualCpu, ...]
    excess: tuple[Excess, ...] = ()

    @property
    def cores(self) -> int:
        """How many cores the host has."""
        return len(self.cells)

    @property
    def migrating(self) -> int:
        """How many vCPUs run on more than one core."""
        return sum(1 for vcpu in self.vcpus if vcpu.cores > 1)

    @property
    def idle(self) -> tuple[int, ...]:
        """Microseconds of every frame that each core has left."""
        left = [self.frame] * self.cores
        for piece in self.slices:
            left[piece.core] -= piece.end - piece.start
        return tuple(left)

    @property
    def longest_blackout(self) -> int | None:
        """The largest blackout of a vCPU that runs; None where none does."""
        return max((vcpu.blackout for vcpu in self.vcpus if vcpu.blackout is not None), default=None)

    def by_core(self) -> dict[int, tuple[Slice, ...]]:
        """Return the slices of every core that has some."""
        return {core: tuple(pieces) for core, pieces in groupby(self.slices, key=lambda piece: piece.core)}
