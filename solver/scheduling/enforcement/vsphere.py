"""Settings for vSphere: the resource allocation part of each VM's configuration, in MHz and MB.

Field names are those of VirtualMachineConfigSpec, ResourceAllocationInfo and SharesInfo. A MB
of vSphere is 2^20 bytes. vSphere accounts for the hypervisor's overhead of memory by itself,
so that figures of memory are the guest's alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import msgspec

from formulations.scheduling.enforcement import Grant, HostGrants, Reading, SettingsFile, Steps, VmGrants
from solver.scheduling.enforcement.system import file_name, limit_steps, megahertz, whole_steps

MB = 2**20
"""Bytes."""

SHARES = 1000
"""Of a VM that states no shares: what vSphere gives a VM of one vCPU at level normal."""

MOST_SHARES = 1_000_000
"""Larger shares are scaled down, all in the same proportion."""

UNLIMITED = -1


@dataclass(frozen=True)
class VSphere:
    """One VirtualMachineConfigSpec per VM as JSON."""

    name: str = "vsphere"
    ending: str = ".json"

    def files(self, host: HostGrants) -> Iterator[SettingsFile]:
        """Yield ``HOST/VM.json``."""
        top = file_name(host.host, "")
        for vm in host.members:
            yield SettingsFile(f"{top}/{file_name(vm.vm, '.json')}", _json(specification(host, vm)))

    def whole(self, hosts: Sequence[HostGrants]) -> str:
        """Return the specifications by host and VM."""
        return _json({host.host: {vm.vm: specification(host, vm)["spec"] for vm in host.members} for host in hosts})

    def read(self, host: HostGrants, files: Iterable[SettingsFile]) -> Iterator[Reading]:
        """Yield what the specifications say."""
        members = {vm.vm: vm for vm in host.members}
        for file in files:
            document = msgspec.json.decode(file.content.encode())
            yield _reading(host, members[document["vm"]], document["spec"])

    def steps(self, host: HostGrants) -> Steps:
        """Return one MHz and one MB."""
        states = frozenset({"cpu_reserved", "cpu_limit", "memory_reserved", "memory_limit"})
        return Steps(1 / (host.mhz_per_unit or Fraction(1)), MB / host.bytes_per_unit, states)

    def notes(self, hosts: Sequence[HostGrants]) -> Iterator[str]:
        """Yield what keeps VMs on their hosts."""
        if hosts:
            yield "where DRS is on, vSphere moves VMs by itself: VM-host rules keep them where the placement has them"


def specification(host: HostGrants, vm: VmGrants) -> dict[str, Any]:
    """Return where a VM runs and its VirtualMachineConfigSpec."""
    spec: dict[str, Any] = {}
    if vm.cpu is not None:
        spec["cpuAllocation"] = _cpu(host, vm, vm.cpu)
    if vm.memory is not None:
        spec["memoryAllocation"] = _memory(host, vm, vm.memory)
    if vm.pinned and vm.cpus:
        if vm.vcpus in (None, len(vm.cpus)):
            spec["latencySensitivity"] = {"level": "high"}
        else:
            spec["cpuAffinity"] = {"affinitySet": list(vm.cpus)}
    if vm.cells:
        spec["extraConfig"] = [{"key": "numa.nodeAffinity", "value": ",".join(str(cell) for cell in vm.cells)}]
    return {"vm": vm.vm, "host": vm.host, "spec": spec}


def _cpu(host: HostGrants, vm: VmGrants, grant: Grant) -> dict[str, Any]:
    unlimited = grant.limit is None or vm.pinned
    limit = UNLIMITED if unlimited else limit_steps(vm, "cpu", megahertz(host, grant.limit or Fraction(0)), 1)
    return _allocation(host, whole_steps(megahertz(host, grant.reserved), 1), limit, grant)


def _memory(host: HostGrants, vm: VmGrants, grant: Grant) -> dict[str, Any]:
    reserved, limit = guest_memory(grant)
    most = UNLIMITED if limit is None else limit_steps(vm, "memory", limit * host.bytes_per_unit, MB)
    return _allocation(host, whole_steps(reserved * host.bytes_per_unit, MB), most, grant)


def guest_memory(grant: Grant) -> tuple[Fraction, Fraction | None]:
    """Return reservation and limit of the guest alone, without the hypervisor's overhead of the VM."""
    reserved = grant.reserved - grant.overhead / grant.ratio
    return reserved, None if grant.limit is None else grant.limit - limit_overhead(grant)


def limit_overhead(grant: Grant) -> Fraction:
    """Return the overhead that is part of the limit: of a stated limit as stated, of an allocation its real part."""
    return grant.overhead / grant.ratio if grant.held else grant.overhead


def _allocation(host: HostGrants, reservation: int, limit: int, grant: Grant) -> dict[str, Any]:
    scale = min(Fraction(SHARES), MOST_SHARES / host.largest_shares)
    shares = max(1, round(grant.shares * scale))
    return {"reservation": reservation, "limit": limit, "shares": {"level": "custom", "shares": shares}}


def _json(content: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def _reading(host: HostGrants, vm: VmGrants, spec: dict[str, Any]) -> Reading:
    cpu, memory = spec.get("cpuAllocation"), spec.get("memoryAllocation")
    clock = megahertz(host, Fraction(1)) if cpu else Fraction(1)
    limit = None if memory is None or memory["limit"] == UNLIMITED else memory["limit"] * MB / host.bytes_per_unit
    reserved = None if memory is None else memory["reservation"] * MB / host.bytes_per_unit
    if vm.memory is not None and reserved is not None:
        reserved += vm.memory.overhead / vm.memory.ratio
    if vm.memory is not None and limit is not None:
        limit += limit_overhead(vm.memory)
    return Reading(
        vm=vm.vm,
        host=host.host,
        cpu_reserved=None if cpu is None else cpu["reservation"] / clock,
        cpu_limit=None if cpu is None or cpu["limit"] == UNLIMITED else cpu["limit"] / clock,
        memory_reserved=reserved,
        memory_limit=limit,
    )
