"""Settings for libvirt: the elements of a domain that hold a VM to what it is granted.

The elements are those of libvirt's domain format (formatdomain): cputune, memtune, numatune,
and the sizes that they refer to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from xml.etree import ElementTree as ET

from formulations.errors import InputError
from formulations.scheduling.enforcement import Grant, HostGrants, Reading, SettingsFile, Steps, VmGrants
from solver.scheduling.enforcement.cgroup import HEAVIEST, PERIOD, quota_and_period
from solver.scheduling.enforcement.contention import whole_weight
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

KIB = 1024
"""Bytes: the unit in which libvirt counts memory."""

LIGHTEST = 2
"""The smallest share that both versions of control groups take; the largest is 10,000 in version 2."""


@dataclass(frozen=True)
class Libvirt:
    """One domain fragment per VM, to be merged into its definition."""

    name: str = "libvirt"
    ending: str = ".xml"

    def files(self, host: HostGrants) -> Iterator[SettingsFile]:
        """Yield ``HOST/VM.xml``."""
        top = file_name(host.host, "")
        for vm in host.members:
            yield SettingsFile(f"{top}/{file_name(vm.vm, '.xml')}", _text(fragment(host, vm)))

    def whole(self, hosts: Sequence[HostGrants]) -> str:
        """Return all fragments in one document, host by host."""
        root = ET.Element("hosts")
        for host in hosts:
            element = ET.SubElement(root, "host", name=host.host)
            element.extend(fragment(host, vm) for vm in host.members)
        return _text(root)

    def read(self, host: HostGrants, files: Iterable[SettingsFile]) -> Iterator[Reading]:
        """Yield what the fragments say."""
        for file in files:
            yield _reading(host, ET.fromstring(file.content))  # noqa: S314 - our own text, just written

    def steps(self, host: HostGrants) -> Steps:
        """Return a hundred-thousandth of a core and a KiB."""
        states = frozenset({"cpu_weight", "cpu_limit", "cpus", "cells"})
        return Steps(Fraction(1, PERIOD) / (host.cores_per_unit or 1), KIB / host.bytes_per_unit, states)

    def notes(self, hosts: Sequence[HostGrants]) -> Iterator[str]:
        """Yield that QEMU has no memory reservation, and whose hard limits are left out."""
        members = [vm for host in hosts for vm in host.members if vm.memory is not None]
        if any(vm.memory is not None and vm.memory.reserved and not _locked(vm, vm.memory) for vm in members):
            yield "libvirt cannot reserve memory for QEMU: reservations hold as long as nothing else uses the host"
        if any(vm.vcpus is None and vm.cpus is not None and not vm.pinned for vm in members):
            yield "VMs that state no vcpus are bound to the memory of their NUMA cells, not to the cells' processors"
        if bare := without_overhead(hosts):
            yield (
                f"{stating(bare)} no overhead of memory: their hard_limit is left out, since it would count QEMU's "
                "own memory too; the size of the guest bounds them"
            )


def fragment(host: HostGrants, vm: VmGrants) -> ET.Element:
    """Return the elements of a domain that its grants decide.

    Raises
    ------
    InputError
        If a VM must keep off the processors of pinned ones and does not state its vCPUs.
    """
    domain = ET.Element("domain", type="kvm")
    ET.SubElement(domain, "name").text = vm.vm
    if vm.memory is not None:
        _add_memory(domain, host, vm, vm.memory)
    if vm.cpu is not None:
        _add_vcpus(domain, host, vm)
        domain.append(_cputune(host, vm, vm.cpu))
    if vm.cells:
        numatune = ET.SubElement(domain, "numatune")
        ET.SubElement(numatune, "memory", mode="strict", nodeset=ranges(vm.cells))
    return domain


def _add_memory(domain: ET.Element, host: HostGrants, vm: VmGrants, grant: Grant) -> None:
    """Add the guest's size, what it has of it now, and the limits on the process."""
    largest = grant.nominal if vm.full or grant.stated is None else grant.stated
    if vm.full or grant.stated is not None:
        if most := _kib(host, largest - grant.overhead):
            _size(domain, "memory", most)
        if now := _kib(host, grant.nominal - grant.overhead):
            _size(domain, "currentMemory", now)
    if _locked(vm, grant):
        ET.SubElement(ET.SubElement(domain, "memoryBacking"), "locked")
    if grant.limit is None or not grant.overhead:
        return
    memtune = ET.SubElement(domain, "memtune")
    limit = limit_steps(vm, "memory", grant.limit * host.bytes_per_unit, KIB)
    if vm.full or not grant.held:
        _size(memtune, "hard_limit", limit)
        return
    if grant.stated is not None:
        _size(memtune, "hard_limit", _kib(host, grant.stated))
    _size(memtune, "soft_limit", limit)


def _locked(vm: VmGrants, grant: Grant) -> bool:
    """Whether the VM's memory is kept from being reclaimed; only with a hard limit, as libvirt asks for."""
    return vm.full and bool(grant.overhead)


def _add_vcpus(domain: ET.Element, host: HostGrants, vm: VmGrants) -> None:
    count = vm.vcpus if vm.vcpus is not None or not vm.pinned else len(vm.cpus or ())
    if count is None and vm.cpus is not None and host.exclusive:
        raise InputError(
            f"{vm.vm} may run on processors {ranges(vm.cpus)} of {vm.host} only, and does not state its vcpus", "vcpus"
        )
    if count is not None:
        element = ET.SubElement(domain, "vcpu", placement="static")
        element.text = str(count)
        if vm.cpus is not None:
            element.set("cpuset", ranges(vm.cpus))


def _cputune(host: HostGrants, vm: VmGrants, grant: Grant) -> ET.Element:
    """Return shares, the quota of the whole domain, and the pins of a VM with cores of its own.

    ``global_quota`` bounds all vCPUs together, as the instance's limit does; ``quota`` would
    bound each vCPU to an equal part of it, whichever of them has work.
    """
    element = ET.Element("cputune")
    ET.SubElement(element, "shares").text = str(whole_weight(grant.weight, host.heaviest, LIGHTEST, HEAVIEST))
    if (found := quota_and_period(host, vm)) is not None:
        ET.SubElement(element, "global_period").text = str(found[1])
        ET.SubElement(element, "global_quota").text = str(found[0])
    if vm.pinned and vm.cpus:
        count = vm.vcpus or len(vm.cpus)
        for vcpu in range(count):
            own = str(vm.cpus[vcpu]) if count == len(vm.cpus) else ranges(vm.cpus)
            ET.SubElement(element, "vcpupin", vcpu=str(vcpu), cpuset=own)
        ET.SubElement(element, "emulatorpin", cpuset=ranges(vm.cpus))
    return element


def _size(parent: ET.Element, tag: str, kib: int) -> None:
    ET.SubElement(parent, tag, unit="KiB").text = str(kib)


def _kib(host: HostGrants, figure: Fraction) -> int:
    return whole_steps(figure * host.bytes_per_unit, KIB)


def _text(element: ET.Element) -> str:
    ET.indent(element)
    return ET.tostring(element, encoding="unicode") + "\n"


def _reading(host: HostGrants, domain: ET.Element) -> Reading:
    shares, quota = domain.findtext("cputune/shares"), domain.findtext("cputune/global_quota")
    period = domain.findtext("cputune/global_period", "1")
    core = cores(host, Fraction(1))
    limits = [
        Fraction(int(text) * KIB) / host.bytes_per_unit
        for tag in ("hard_limit", "soft_limit")
        if (text := domain.findtext(f"memtune/{tag}")) is not None
    ]
    vcpu, memory = domain.find("vcpu"), domain.find("numatune/memory")
    return Reading(
        vm=domain.findtext("name", ""),
        host=host.host,
        cpu_weight=None if shares is None else int(shares),
        cpu_limit=None if quota is None else Fraction(int(quota), int(period)) / core,
        memory_limit=min(limits, default=None),
        cpus=None if vcpu is None or "cpuset" not in vcpu.attrib else numbers(vcpu.attrib["cpuset"]),
        cells=None if memory is None else numbers(memory.attrib["nodeset"]),
    )
