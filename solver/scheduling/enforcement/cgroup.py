"""Settings for Linux control groups, version 2: one directory of interface files per VM.

The semantics are those of the kernel's documentation, admin-guide/cgroup-v2.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from formulations.scheduling.enforcement import Grant, HostGrants, Reading, SettingsFile, Steps, VmGrants
from solver.scheduling.enforcement.contention import whole_weight
from solver.scheduling.enforcement.slices import PARENT, slice_name
from solver.scheduling.enforcement.system import (
    cores,
    file_name,
    limit_steps,
    numbers,
    ranges,
    stating,
    whole_steps,
    without_overhead,
)

PAGE = 4096
"""Bytes; the kernel counts memory in pages."""

PERIOD = 100_000
"""Microseconds in which a quota is given out: the kernel's default."""

LONGEST_PERIOD = 1_000_000
"""Microseconds; the longest period that the kernel takes."""

SMALLEST_QUOTA = 1_000
"""Microseconds; the smallest quota that the kernel takes."""

HEAVIEST = 10_000
"""The largest weight; the smallest is 1."""

SCRIPT = """#!/bin/sh
# Applies the settings of one host: sh THIS_FILE [HOST], as root; HOST is by default this machine's name.
# The processes of each VM belong into its own directory (cgroup.procs).
set -eu
root="${CGROUP_ROOT:-/sys/fs/cgroup}"

put() {
    printf '%s\\n' "$2" > "$root/$1"
}

prepare() {
    for controllers in "$root/cgroup.subtree_control" "$root/@PARENT@/cgroup.subtree_control"; do
        mkdir -p "$root/@PARENT@"
        printf '+cpu +cpuset +memory\\n' > "$controllers"
    done
}

case "${1:-$(hostname)}" in
"""


@dataclass(frozen=True)
class Cgroup:
    """Control groups below one parent group per host, named as systemd would name them."""

    name: str = "cgroup"
    ending: str = ".sh"

    def files(self, host: HostGrants) -> Iterator[SettingsFile]:
        """Yield ``HOST/placewright.slice/placewright-VM.slice/cpu.weight`` and so on."""
        top = f"{file_name(host.host, '')}/{PARENT}"
        for file, value in parent_values(host).items():
            yield SettingsFile(f"{top}/{file}", f"{value}\n")
        for vm in host.members:
            folder = f"{top}/{slice_name(vm.vm)}"
            for file, value in values(host, vm).items():
                yield SettingsFile(f"{folder}/{file}", f"{value}\n")

    def whole(self, hosts: Sequence[HostGrants]) -> str:
        """Return a script that writes the files of the host that it runs on."""
        parts = [SCRIPT.replace("@PARENT@", PARENT)]
        for host in hosts:
            parts.append(f"{shlex.quote(host.host)})\n    prepare\n")
            at = ""
            for file in self.files(host):
                path = file.path.split("/", 1)[1]
                folder = path.rpartition("/")[0]
                if folder != at:
                    parts.append(f'    mkdir -p "$root/"{shlex.quote(folder)}\n')
                    at = folder
                parts.append(f"    put {shlex.quote(path)} {shlex.quote(file.content.strip())}\n")
            parts.append("    ;;\n")
        parts.append('*)\n    echo "no settings for host ${1:-$(hostname)}" >&2\n    exit 1\n    ;;\nesac\n')
        return "".join(parts)

    def read(self, host: HostGrants, files: Iterable[SettingsFile]) -> Iterator[Reading]:
        """Yield what the files of every VM say."""
        names = {slice_name(vm.vm): vm.vm for vm in host.members}
        inner = [file for file in files if len(file.path.split("/")) == 4]
        for folder, group in groupby(inner, key=lambda file: file.path.split("/")[2]):
            said = {file.path.rpartition("/")[2]: file.content.strip() for file in group}
            yield reading(host, names[folder], said)

    def steps(self, host: HostGrants) -> Steps:
        """Return a hundred-thousandth of a core and a page."""
        states = frozenset({"cpu_weight", "cpu_limit", "memory_reserved", "memory_limit", "cpus", "cells"})
        return Steps(Fraction(1, PERIOD) / (host.cores_per_unit or 1), PAGE / host.bytes_per_unit, states)

    def notes(self, hosts: Sequence[HostGrants]) -> Iterator[str]:
        """Yield what memory.max means for VMs without overhead."""
        return memory_notes(hosts)


def memory_notes(hosts: Sequence[HostGrants]) -> Iterator[str]:
    """Yield that the hypervisor's own memory counts, where VMs state none."""
    if bare := without_overhead(hosts):
        yield (
            f"{stating(bare)} no overhead of memory: memory.max counts the hypervisor's own memory too, so that a VM "
            "that uses all of its memory is killed; state it as overhead"
        )


def parent_values(host: HostGrants) -> dict[str, str]:
    """Return the parent group's files: protection reaches VMs only through what their parent is protected to."""
    pages = {"memory.min": host.memory_reserved, "memory.low": max(host.memory_reserved, host.memory_expected)}
    if not pages["memory.low"]:
        return {}
    return {file: str(_bytes(host, figure)) for file, figure in pages.items()}


def values(host: HostGrants, vm: VmGrants) -> dict[str, str]:
    """Return the interface files of one VM and what to write into them."""
    found: dict[str, str] = {}
    if vm.cpu is not None:
        found["cpu.weight"] = str(weight(host, vm.cpu))
        found["cpu.max"] = quota(host, vm)
    if vm.cpu is not None and vm.cpus is not None:
        found["cpuset.cpus"] = ranges(vm.cpus)
    if vm.cells:
        found["cpuset.mems"] = ranges(vm.cells)
    if vm.memory is not None:
        found |= memory_values(host, vm, vm.memory)
    return found


def weight(host: HostGrants, grant: Grant) -> int:
    """Return cpu.weight, from 1 to 10,000: the heaviest VM of a host has 10,000."""
    return whole_weight(grant.weight, host.heaviest, 1, HEAVIEST)


def quota(host: HostGrants, vm: VmGrants) -> str:
    """Return cpu.max: microseconds of core time, and the period in microseconds that they are for.

    VMs with cores of their own have no quota: the cores bound them, and a quota would only
    stop them at the end of a period.
    """
    found = quota_and_period(host, vm)
    return f"max {PERIOD}" if found is None else f"{found[0]} {found[1]}"


def quota_and_period(host: HostGrants, vm: VmGrants) -> tuple[int, int] | None:
    """Return quota and period in microseconds; None without a quota."""
    if vm.cpu is None or vm.cpu.limit is None or vm.pinned:
        return None
    limit = cores(host, vm.cpu.limit)
    period = PERIOD if limit * PERIOD >= SMALLEST_QUOTA else LONGEST_PERIOD
    return limit_steps(vm, "cpu", limit, Fraction(1, period), SMALLEST_QUOTA), period


def memory_values(host: HostGrants, vm: VmGrants, grant: Grant) -> dict[str, str]:
    """Return the memory files: reservation, allocation, and the limit as one that kills or one that slows."""
    high, most = memory_limits(host, vm, grant)
    return {
        "memory.min": str(_bytes(host, grant.reserved)),
        "memory.low": str(_bytes(host, max(grant.reserved, grant.expected))),
        "memory.high": "max" if high is None else str(high),
        "memory.max": "max" if most is None else str(most),
    }


def memory_limits(host: HostGrants, vm: VmGrants, grant: Grant) -> tuple[int | None, int | None]:
    """Return memory.high and memory.max in bytes.

    A slice of a fully isolated VM and a stated limit are final. An allocation that is enforced
    beyond that slows a VM down where it passes it, rather than kill it.
    """
    if grant.limit is None:
        return None, None
    limit = limit_steps(vm, "memory", grant.limit * host.bytes_per_unit, PAGE) * PAGE
    if vm.full or not grant.held:
        return None, limit
    return limit, None if grant.stated is None else _bytes(host, grant.stated)


def _bytes(host: HostGrants, figure: Fraction) -> int:
    return whole_steps(figure * host.bytes_per_unit, PAGE) * PAGE


def reading(host: HostGrants, vm: str, said: dict[str, str]) -> Reading:
    """Return what interface files say, figures in the instance's units."""
    return Reading(
        vm=vm,
        host=host.host,
        cpu_weight=int(said["cpu.weight"]) if "cpu.weight" in said else None,
        cpu_limit=_read_quota(host, said.get("cpu.max", "max")),
        memory_reserved=_read_bytes(host, said.get("memory.min", "max")),
        memory_limit=_least(_read_bytes(host, said.get(file, "max")) for file in ("memory.high", "memory.max")),
        cpus=numbers(said["cpuset.cpus"]) if "cpuset.cpus" in said else None,
        cells=numbers(said["cpuset.mems"]) if "cpuset.mems" in said else None,
    )


def _read_quota(host: HostGrants, text: str) -> Fraction | None:
    quota, _, period = text.partition(" ")
    return None if quota == "max" else Fraction(int(quota), int(period)) / cores(host, Fraction(1))


def _read_bytes(host: HostGrants, text: str) -> Fraction | None:
    return None if text == "max" else int(text) / host.bytes_per_unit


def _least(figures: Iterable[Fraction | None]) -> Fraction | None:
    return min((figure for figure in figures if figure is not None), default=None)
