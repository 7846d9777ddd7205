"""How the figures of one instance are to be read: exact factors between its units and the systems'."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.machines import Host
from formulations.quantities import Quantity, exact
from formulations.resources import Resource, Role
from formulations.units import BYTES, CORES, MEGAHERTZ


@dataclass(frozen=True)
class Measure:
    """How the figures of one instance are to be read.

    Attributes
    ----------
    cpu, memory : int or None
        The position of the resource; None where there is no such resource.
    cpu_unit, memory_unit : str
        One of `CORES` or `MEGAHERTZ`, and one of `BYTES`.
    mhz_per_core : Fraction or None
        Given by the caller, for hosts of any kind.
    """

    cpu: int | None
    memory: int | None
    cpu_unit: str = "cores"
    memory_unit: str = "B"
    mhz_per_core: Fraction | None = None

    def clock(self, instance: Instance, host: Host) -> Fraction | None:
        """Return the MHz of one core of a host: as given, or what the host's figures say; None if unknown."""
        if self.mhz_per_core is not None or self.cpu is None or self.cpu_unit in CORES or not host.cores:
            return self.mhz_per_core
        physical = host.physical(instance.resources[self.cpu].name)
        return physical * MEGAHERTZ[self.cpu_unit] / host.cores or None

    def cores(self, instance: Instance, host: Host) -> Fraction | None:
        """Return how many cores of a host one unit of cpu is; None where the clock is not known."""
        if self.cpu_unit in CORES:
            return CORES[self.cpu_unit]
        clock = self.clock(instance, host)
        return None if clock is None else MEGAHERTZ[self.cpu_unit] / clock

    def megahertz(self, instance: Instance, host: Host) -> Fraction | None:
        """Return how many MHz one unit of cpu is; None where the clock is not known."""
        if self.cpu_unit in MEGAHERTZ:
            return MEGAHERTZ[self.cpu_unit]
        clock = self.clock(instance, host)
        return None if clock is None else CORES[self.cpu_unit] * clock

    @property
    def bytes(self) -> Fraction:
        """How many bytes one unit of memory is."""
        return BYTES[self.memory_unit]


def measure(
    instance: Instance,
    *,
    cpu_resource: str | None = None,
    memory_resource: str | None = None,
    cpu_unit: str | None = None,
    memory_unit: str | None = None,
    mhz_per_core: Quantity | None = None,
) -> Measure:
    """Return how the instance's figures of cpu and memory are to be read.

    Parameters
    ----------
    instance : Instance
    cpu_resource, memory_resource : str, optional
        The resources' names; by default those that have the roles.
    cpu_unit, memory_unit : str, optional
        Read figures in this unit whatever the instance calls it.
    mhz_per_core : number, optional
        Clock of every core. By default, where cpu is in MHz or GHz and a host states its
        cores, what its capacity says.

    Raises
    ------
    InputError
        If a resource does not exist, none has either role, or a unit is not known.
    """
    cpu = _position(instance, "cpu", cpu_resource)
    memory = _position(instance, "memory", memory_resource)
    if cpu is None and memory is None:
        raise InputError("no resource has the role cpu or memory: there is nothing to enforce", "resources")
    clock = None if mhz_per_core is None else exact(mhz_per_core, "mhz_per_core")
    if clock is not None and clock == 0:
        raise InputError("must be positive, got 0", "mhz_per_core")
    return Measure(
        cpu,
        memory,
        _unit(instance, cpu, cpu_unit, "cores", {**CORES, **MEGAHERTZ}),
        _unit(instance, memory, memory_unit, "B", BYTES),
        clock,
    )


def _position(instance: Instance, role: Role, name: str | None) -> int | None:
    """Return the position of the resource with the name, or with the role where no name is given."""

    def meant(resource: Resource) -> bool:
        return resource.kind == role if name is None else resource.name == name

    found = next((at for at, resource in enumerate(instance.resources) if meant(resource)), None)
    if found is None and name is not None:
        known = ", ".join(resource.name for resource in instance.resources)
        raise InputError(f"no resource is called {name!r}; expected one of {known}", f"{role}_resource")
    return found


def _unit(instance: Instance, at: int | None, given: str | None, default: str, known: dict[str, Fraction]) -> str:
    if at is None:
        return default
    unit = instance.resources[at].unit if given is None else given
    if unit not in known:
        name = instance.resources[at].name
        field = f"resources[{at}].unit" if given is None else "unit"
        said = f"unknown unit {unit!r} of {name}" if unit else f"{name} states no unit"
        raise InputError(f"{said}; expected one of {', '.join(known)}", field)
    return unit
