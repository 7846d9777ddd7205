"""The start-up order, asked and answered: who starts, after whom, how many at once, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.placement import Placement
from formulations.quantities import exact

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

LEAST_BOOT = 1
"""Milliseconds that every start takes at least, so that what starts later has a later time."""

LONGEST_TOGETHER = 2**60
"""All boot times together, in milliseconds, may not exceed this."""


@dataclass(frozen=True)
class StartLimits:
    """How many VMs may be starting at the same time.

    Parameters
    ----------
    per_host, per_cluster : int, optional
        At least 1; None for any number.
    """

    per_host: int | None = None
    per_cluster: int | None = None

    def __post_init__(self) -> None:
        for name, most in (("per_host", self.per_host), ("per_cluster", self.per_cluster)):
            if most is not None and most < 1:
                raise InputError(f"at least one VM must be allowed to start, got {most}", name)


@dataclass(frozen=True, eq=False)
class Precedence:
    """Who waits for whom, with a node of its own for every name in a ``start_after``.

    An entry waits for names, a name stands for VMs: as many arcs as the file has words, however
    many VMs a group holds.

    Attributes
    ----------
    names : tuple of str
        The names that are waited for, each once, in the order of the file.
    members : tuple of int64 arrays
        The VMs that each name stands for, ascending.
    waits_for : tuple of tuple of int
        Per VM entry the names it waits for.
    waiting : tuple of tuple of int
        Per name the entries that wait for it.
    """

    names: tuple[str, ...]
    members: tuple[Integers, ...]
    waits_for: tuple[tuple[int, ...], ...]
    waiting: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, instance: Instance) -> Precedence:
        """Return what the VMs of an instance wait for."""
        number: dict[str, int] = {}
        waits_for = tuple(
            tuple(dict.fromkeys(number.setdefault(name, len(number)) for name in vm.start_after)) for vm in instance.vms
        )
        waiting: list[list[int]] = [[] for _ in number]
        for entry, names in enumerate(waits_for):
            for name in names:
                waiting[name].append(entry)
        members = tuple(instance.vms_called([name], "start_after") for name in number)
        return cls(tuple(number), members, waits_for, tuple(map(tuple, waiting)))


@dataclass(frozen=True, eq=False)
class StartupQuestion:
    """Which VMs are to be started, and what must hold while they are.

    A VM is *to start* if it is placed, on, not ignored and not running yet. It is *up* from its
    start plus its boot time on; one that runs already, or is ignored where it runs, is up from
    the beginning. A VM starts once, for every name in its ``start_after``, all VMs of that name
    are up that are to start. VMs that are off or have no host are not waited for, but a name
    must stand for one at least that runs or is to start.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        Where the VMs start.
    limits : StartLimits
    running : bool array, shape (VMs,), optional
        Which VMs run already; none by default.

    Raises
    ------
    InputError
        If the arrays do not fit the instance, or the boot times together are beyond measure.
    """

    instance: Instance
    placement: Placement
    limits: StartLimits = field(default_factory=StartLimits)
    running: Mask | None = None

    def __post_init__(self) -> None:
        shape = (self.instance.vm_count,)
        hosts = self.placement.host_of
        if hosts.shape != shape or hosts.max(initial=-1) >= self.instance.host_count or hosts.min(initial=-1) < -1:
            raise InputError("the placement does not belong to the instance", "placement")
        if self.running is not None and (self.running.shape != shape or self.running.dtype != np.bool_):
            raise InputError(f"expected one truth value per VM, {shape[0]:,} in all", "running")
        if sum(map(int, self.boot[self.starts])) > LONGEST_TOGETHER:
            raise InputError(f"boot times together exceed {LONGEST_TOGETHER:,} ms", "vms")

    @cached_property
    def present(self) -> Mask:
        """Which VMs have a host and are meant to run there: shape (VMs,)."""
        present: Mask = self.instance.wanted & self.placement.placed
        return present

    @cached_property
    def up(self) -> Mask:
        """Which VMs are up before anything starts: shape (VMs,)."""
        before = self.instance.ignored if self.running is None else self.instance.ignored | self.running
        up: Mask = self.present & before
        return up

    @cached_property
    def starts(self) -> Mask:
        """Which VMs are to start: shape (VMs,)."""
        starts: Mask = self.present & ~self.up
        return starts

    @cached_property
    def boot(self) -> Integers:
        """From start to being up, in milliseconds rounded up, at least ``LEAST_BOOT``: shape (VMs,)."""
        own = [max(LEAST_BOOT, ceil(exact(vm.boot_seconds) * 1000)) for vm in self.instance.vms]
        boot: Integers = np.array(own, dtype=np.int64)[self.instance.vm_entry]
        return boot

    @cached_property
    def precedence(self) -> Precedence:
        """Who waits for whom."""
        return Precedence.of(self.instance)


class Wave(NamedTuple):
    """VMs that start together.

    Attributes
    ----------
    start : int
        Milliseconds from the beginning.
    end : int
        When the last of them is up.
    vms : int64 array
        Ascending.
    """

    start: int
    end: int
    vms: Integers


@dataclass(frozen=True, eq=False)
class StartupOrder:
    """When each VM starts and is up.

    Attributes
    ----------
    start, end : int64 arrays, shape (VMs,)
        Milliseconds from the beginning; -1 for a VM that is not to start.
    """

    start: Integers
    end: Integers

    @property
    def started(self) -> Integers:
        """The VMs that start, ascending."""
        return np.flatnonzero(self.start >= 0)

    @property
    def makespan(self) -> int:
        """When the last VM is up, in milliseconds."""
        return int(self.end.max(initial=0))

    def waves(self) -> Iterator[Wave]:
        """Yield the VMs that start together, wave by wave."""
        vms = self.started
        order = vms[np.argsort(self.start[vms], kind="stable")]
        times, firsts = np.unique(self.start[order], return_index=True)
        for time, members in zip(times.tolist(), np.split(order, firsts[1:]), strict=True) if len(times) else ():
            yield Wave(time, int(self.end[members].max()), members)
