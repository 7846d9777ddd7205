"""The one way to enforcement settings: grant, write, read back, check."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.placement import Placement
from formulations.scheduling.enforcement import Enforce, HostGrants, Reading, SettingsFile
from solver.allocating import allocate
from solver.errors import VerificationError
from solver.scheduling.enforcement.granting import granted
from solver.scheduling.enforcement.registry import system_named
from solver.scheduling.enforcement.system import System
from solver.scheduling.enforcement.units import Measure, measure
from solver.verifying import verify
from solver.verifying.schedules.enforcement import SettingsJudge


@dataclass(frozen=True)
class EnforcementSettings:
    """Checked settings for every VM asked for.

    Attributes
    ----------
    system : System
        What they are written for.
    enforce : Enforce
    hosts : tuple of HostGrants
        What every VM is granted, exactly, host by host.
    files : tuple of SettingsFile
        The settings, in files below a folder per host.
    readings : tuple of Reading
        What the files say when they are read back, which the checker has accepted.
    notes : tuple of str
        What these settings cannot hold the VMs to, or need besides.
    """

    system: System
    enforce: Enforce
    hosts: tuple[HostGrants, ...]
    files: tuple[SettingsFile, ...]
    readings: tuple[Reading, ...]
    notes: tuple[str, ...]

    @cached_property
    def whole(self) -> str:
        """The same settings as the text of one file, whose name ends in ``system.ending``."""
        return self.system.whole(self.hosts)


def enforcement_settings(
    instance: Instance,
    placement: Placement,
    system: str | System,
    *,
    enforce: Enforce | str = Enforce.LIMIT,
    vms: Collection[int] | None = None,
    **units: Any,
) -> EnforcementSettings:
    """Return the settings that hold every placed VM to what the solution gives it.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        Without an allocation it gets the default one.
    system : {"cgroup", "systemd", "libvirt", "vsphere", "kubernetes", "kubevirt"} or System
    enforce : {"limit", "allocation"}
        Between reservation and limit, as shares say; or exactly the allocation.
    vms : collection of int, optional
        Only these; the others on their hosts still count.
    **units
        How to read cpu and memory; see `measure`.

    Raises
    ------
    InputError
        If the placement is none that the instance allows, a unit or clock is not known, or a
        figure or name cannot be stated to the system.
    UnsupportedError
        If pinned slices do not fit in whole cores, or a name is too long.
    """
    target = system_named(system) if isinstance(system, str) else system
    mode, read_as = Enforce(enforce), measure(instance, **units)
    complete = _complete(instance, placement)
    hosts = tuple(granted(instance, complete, read_as, enforce=mode, vms=vms))
    written = [tuple(target.files(host)) for host in hosts]
    judge = SettingsJudge(instance, complete, (read_as.cpu, read_as.memory), mode)
    readings = tuple(
        reading
        for host, files in zip(hosts, written, strict=True)
        for reading in _read_back(target, host, files, judge)
    )
    return EnforcementSettings(
        system=target,
        enforce=mode,
        hosts=hosts,
        files=tuple(file for files in written for file in files),
        readings=readings,
        notes=(*target.notes(hosts), *_left_out(instance, read_as)),
    )


def _complete(instance: Instance, placement: Placement) -> Placement:
    """Return a placement that the judge accepts, with an allocation."""
    if placement.allocation is None and (found := allocate(instance, placement)) is not None:
        placement = found
    verdict = verify(instance, placement)
    if not verdict.ok:
        more = f" (and {len(verdict.violations) - 1} more)" if len(verdict.violations) > 1 else ""
        raise InputError(f"the placement is rejected: {verdict.violations[0].message}{more}", "placement")
    return placement


def _read_back(
    target: System, host: HostGrants, files: tuple[SettingsFile, ...], judge: SettingsJudge
) -> list[Reading]:
    """Return what the files of one host say, after the checker has compared it with the solution."""
    readings = list(target.read(host, files))
    said = {reading.vm for reading in readings}
    if missing := [vm.vm for vm in host.members if vm.vm not in said and (vm.cpu or vm.memory)]:
        raise VerificationError(f"the settings for {target.name} do not mention {missing[0]}")
    fault = next(judge.faults(readings, target.steps(host), host.cores_per_unit), None)
    if fault is not None:
        raise VerificationError(f"the settings for {target.name} are rejected: {fault.message}")
    return readings


def _left_out(instance: Instance, read_as: Measure) -> Iterator[str]:
    """Yield which resources no setting speaks of."""
    others = [one.name for at, one in enumerate(instance.resources) if at not in (read_as.cpu, read_as.memory)]
    if others:
        yield f"settings cover cpu and memory; {', '.join(others)} must be limited by other means"
