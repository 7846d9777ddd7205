"""Settings for systemd: one slice per VM with the resource-control properties of its control group."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from formulations.scheduling.enforcement import HostGrants, Reading, SettingsFile, Steps, VmGrants
from solver.scheduling.enforcement.cgroup import PAGE, memory_notes, parent_values, reading, values
from solver.scheduling.enforcement.slices import PARENT, slice_name
from solver.scheduling.enforcement.system import cores, file_name, limit_steps

PERCENT = Fraction(1, 100)
"""Of one core: the step of CPUQuota that every version of systemd reads."""

PROPERTIES = {
    "cpu.weight": "CPUWeight",
    "cpuset.cpus": "AllowedCPUs",
    "cpuset.mems": "AllowedMemoryNodes",
    "memory.min": "MemoryMin",
    "memory.low": "MemoryLow",
    "memory.high": "MemoryHigh",
    "memory.max": "MemoryMax",
}
"""Interface files and the properties that systemd writes into them."""

SCRIPT = """#!/bin/sh
# Sets the properties of one host's slices for good: sh THIS_FILE [HOST]; HOST is by default this machine's name.
# Each VM belongs into its own slice.
set -eu
case "${1:-$(hostname)}" in
"""


@dataclass(frozen=True)
class Systemd:
    """Slice units below one parent slice per host."""

    name: str = "systemd"
    ending: str = ".sh"

    def files(self, host: HostGrants) -> Iterator[SettingsFile]:
        """Yield unit files such as ``HOST/placewright-VM.slice``."""
        top = file_name(host.host, "")
        if parent := parent_properties(host):
            yield SettingsFile(f"{top}/{PARENT}", _unit(f"VMs ({host.host})", parent))
        for vm in host.members:
            description = f"{vm.vm} ({vm.host})"  # a line must not end in a name, which may end in a backslash
            yield SettingsFile(f"{top}/{slice_name(vm.vm)}", _unit(description, properties(host, vm)))

    def whole(self, hosts: Sequence[HostGrants]) -> str:
        """Return a script that sets the same properties of the host that it runs on."""
        parts = [SCRIPT]
        for host in hosts:
            units = {PARENT: parent_properties(host)} | {slice_name(vm.vm): properties(host, vm) for vm in host.members}
            parts.append(f"{shlex.quote(host.host)})\n")
            parts += [f"    {_set(unit, found)}\n" for unit, found in units.items() if found]
            parts.append("    ;;\n")
        parts.append('*)\n    echo "no settings for host ${1:-$(hostname)}" >&2\n    exit 1\n    ;;\nesac\n')
        return "".join(parts)

    def read(self, host: HostGrants, files: Iterable[SettingsFile]) -> Iterator[Reading]:
        """Yield what the slices of the VMs say."""
        names = {slice_name(vm.vm): vm.vm for vm in host.members}
        for file in files:
            if (name := file.path.rpartition("/")[2]) in names:
                yield reading(host, names[name], _interface(file.content))

    def steps(self, host: HostGrants) -> Steps:
        """Return a hundredth of a core and a page."""
        states = frozenset({"cpu_weight", "cpu_limit", "memory_reserved", "memory_limit", "cpus", "cells"})
        return Steps(PERCENT / (host.cores_per_unit or 1), PAGE / host.bytes_per_unit, states)

    def notes(self, hosts: Sequence[HostGrants]) -> Iterator[str]:
        """Yield what MemoryMax means for VMs without overhead."""
        return (note.replace("memory.max", "MemoryMax") for note in memory_notes(hosts))


def parent_properties(host: HostGrants) -> dict[str, str]:
    """Return the properties of the slice that holds all VMs of a host."""
    return {PROPERTIES[file]: value for file, value in parent_values(host).items()}


def properties(host: HostGrants, vm: VmGrants) -> dict[str, str]:
    """Return the properties of one VM's slice; an empty CPUQuota takes the quota off."""
    found: dict[str, str] = {}
    for file, value in values(host, vm).items():
        if file == "cpu.max":
            found["CPUQuota"] = _quota(host, vm)
        else:
            found[PROPERTIES[file]] = "infinity" if value == "max" else value
    return found


def _quota(host: HostGrants, vm: VmGrants) -> str:
    if vm.cpu is None or vm.cpu.limit is None or vm.pinned:
        return ""
    return f"{limit_steps(vm, 'cpu', cores(host, vm.cpu.limit), PERCENT)}%"


def _unit(description: str, found: dict[str, str]) -> str:
    lines = [f"{key}={value}" for key, value in found.items()]
    return "\n".join(["[Unit]", f"Description={description.replace('%', '%%')}", "", "[Slice]", *lines, ""])


def _set(unit: str, found: dict[str, str]) -> str:
    return shlex.join(["systemctl", "set-property", unit, *(f"{key}={value}" for key, value in found.items())])


def _interface(unit: str) -> dict[str, str]:
    """Return what the interface files hold once systemd has read a unit file."""
    said = dict(line.split("=", 1) for line in unit.partition("[Slice]\n")[2].splitlines())
    found = {file: said[key].replace("infinity", "max") for file, key in PROPERTIES.items() if key in said}
    if percent := said.get("CPUQuota", "").removesuffix("%"):
        found["cpu.max"] = f"{int(percent) * 1000} 100000"
    return found
