"""The systems that settings can be written for, by the names that people use."""

from __future__ import annotations

from formulations.errors import InputError
from solver.scheduling.enforcement.cgroup import Cgroup
from solver.scheduling.enforcement.kubernetes import Kubernetes
from solver.scheduling.enforcement.libvirt import Libvirt
from solver.scheduling.enforcement.system import System
from solver.scheduling.enforcement.systemd import Systemd
from solver.scheduling.enforcement.vsphere import VSphere

SYSTEMS: dict[str, System] = {
    system.name: system
    for system in (
        Cgroup(),
        Systemd(),
        Libvirt(),
        VSphere(),
        Kubernetes(),
        Kubernetes(name="kubevirt", virtual=True),
    )
}


def system_named(name: str) -> System:
    """Return a system by its name.

    Raises
    ------
    InputError
        If there is no such.
    """
    if name not in SYSTEMS:
        raise InputError(f"unknown system {name!r}; expected one of {', '.join(SYSTEMS)}", "system")
    return SYSTEMS[name]
