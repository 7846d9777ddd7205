"""Settings for Kubernetes: requests and limits of pods, or of virtual machines that KubeVirt runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import yaml

from formulations.errors import InputError
from formulations.scheduling.enforcement import Grant, HostGrants, Reading, SettingsFile, Steps, VmGrants
from solver.scheduling.enforcement.system import cores, file_name, limit_steps, whole_steps
from solver.scheduling.enforcement.vsphere import guest_memory, limit_overhead

MILLI = Fraction(1, 1000)
"""Of a core: the finest cpu quantity of Kubernetes."""

BINARY = {"Ti": 2**40, "Gi": 2**30, "Mi": 2**20, "Ki": 2**10}
"""Suffixes of quantities, largest first."""

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""What names of objects look like (RFC 1123)."""

DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it, several times as fast."""

LONGEST_LABEL = 63
LONGEST_NAME = 253
HOST_LABEL = "kubernetes.io/hostname"


@dataclass(frozen=True)
class Kubernetes:
    """One pod fragment per VM.

    Attributes
    ----------
    name, ending : str
    virtual : bool
        Whether to write VirtualMachine objects of KubeVirt instead of pods.
    """

    name: str = "kubernetes"
    ending: str = ".yaml"
    virtual: bool = False

    def files(self, host: HostGrants) -> Iterator[SettingsFile]:
        """Yield ``HOST/VM.yaml``."""
        top = file_name(host.host, "")
        for vm in host.members:
            yield SettingsFile(f"{top}/{file_name(vm.vm, '.yaml')}", self._text(host, vm))

    def whole(self, hosts: Sequence[HostGrants]) -> str:
        """Return all manifests as one stream of documents."""
        return "---\n".join(self._text(host, vm) for host in hosts for vm in host.members)

    def _text(self, host: HostGrants, vm: VmGrants) -> str:
        document = manifest(host, vm, virtual=self.virtual)
        resources = _domain(document) if self.virtual else document["spec"]["containers"][0]
        text: str = yaml.dump(document, Dumper=DUMPER, sort_keys=False, allow_unicode=True)
        return f"# QoS class: {quality(resources.get('resources', {}))}\n{text}"

    def read(self, host: HostGrants, files: Iterable[SettingsFile]) -> Iterator[Reading]:
        """Yield what the manifests say."""
        members = {vm.vm: vm for vm in host.members}
        for file in files:
            document = yaml.load(file.content, Loader=LOADER)  # noqa: S506 - a safe one
            vm = members[document["metadata"]["name"]]
            where = _domain(document) if self.virtual else document["spec"]["containers"][0]
            yield _reading(host, vm, where.get("resources", {}), guest=self.virtual)

    def steps(self, host: HostGrants) -> Steps:
        """Return a millicore and a byte."""
        states = frozenset({"cpu_reserved", "cpu_limit", "memory_reserved", "memory_limit"})
        return Steps(MILLI / (host.cores_per_unit or 1), 1 / host.bytes_per_unit, states)

    def notes(self, hosts: Sequence[HostGrants]) -> Iterator[str]:
        """Yield what Kubernetes does not know, and what pinning needs."""
        members = [vm for host in hosts for vm in host.members]
        yield "Kubernetes has no shares: contended cpu time is divided in proportion to requests"
        if any(vm.pinned for vm in members):
            yield "cores of their own need nodes whose kubelet runs with cpuManagerPolicy: static"
        if any(vm.cells for vm in members):
            yield "NUMA cells are chosen by the node: memoryManagerPolicy and topologyManagerPolicy decide"


def manifest(host: HostGrants, vm: VmGrants, *, virtual: bool) -> dict[str, Any]:
    """Return the fragment of a pod, or of a KubeVirt virtual machine, that the grants decide.

    Raises
    ------
    InputError
        If a name is none that Kubernetes takes, or a figure cannot be stated.
    """
    _check_name(vm.vm, LONGEST_NAME, "VM")
    _check_name(vm.host, LONGEST_LABEL, "host")
    node = {"nodeSelector": {HOST_LABEL: vm.host}}
    resources = _resources(host, vm, guest=virtual)
    if not virtual:
        container = {"name": "compute", "resources": resources} if resources else {"name": "compute"}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": vm.vm},
            "spec": {**node, "containers": [container]},
        }
    domain = {**_guest(host, vm), **({"resources": resources} if resources else {})}
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": vm.vm},
        "spec": {"template": {"spec": {**node, "domain": domain}}},
    }


def _check_name(name: str, longest: int, what: str) -> None:
    if len(name) > longest or not NAME.fullmatch(name):
        raise InputError(
            f"{what} {name!r} is no name for Kubernetes: expected at most {longest} small letters, digits, - and ."
        )


def _guest(host: HostGrants, vm: VmGrants) -> dict[str, Any]:
    """Return what KubeVirt must know of the machine itself."""
    found: dict[str, Any] = {}
    if vm.pinned and vm.cpus:
        if vm.vcpus not in (None, len(vm.cpus)):
            raise InputError(
                f"{vm.vm} has {vm.vcpus} vCPUs and {len(vm.cpus)} processors of its own: "
                "KubeVirt pins one vCPU to each",
                "vcpus",
            )
        found["cpu"] = {"cores": len(vm.cpus), "dedicatedCpuPlacement": True}
    elif vm.vcpus is not None:
        found["cpu"] = {"cores": vm.vcpus}
    if vm.memory is not None and (vm.full or vm.memory.stated is not None):
        size = vm.memory.nominal if vm.full or vm.memory.stated is None else vm.memory.stated
        found["memory"] = {"guest": memory_quantity(whole_steps((size - vm.memory.overhead) * host.bytes_per_unit, 1))}
    return found


def _resources(host: HostGrants, vm: VmGrants, *, guest: bool) -> dict[str, dict[str, str]]:
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    if vm.cpu is not None:
        requests["cpu"], most = _cpu(host, vm, vm.cpu)
        if most is not None:
            limits["cpu"] = most
    if vm.memory is not None:
        reserved, limit = guest_memory(vm.memory) if guest else (vm.memory.reserved, vm.memory.limit)
        requests["memory"] = memory_quantity(whole_steps(reserved * host.bytes_per_unit, 1))
        if limit is not None:
            limits["memory"] = memory_quantity(limit_steps(vm, "memory", limit * host.bytes_per_unit, 1))
    found = {"requests": requests, "limits": limits}
    return {kind: amounts for kind, amounts in found.items() if amounts}


def _cpu(host: HostGrants, vm: VmGrants, grant: Grant) -> tuple[str, str | None]:
    """Return request and limit: whole cpus for a VM that has its own, as the static policy asks for."""
    if vm.pinned and vm.cpus:
        return str(len(vm.cpus)), str(len(vm.cpus))
    request = cpu_quantity(whole_steps(cores(host, grant.reserved), MILLI))
    if grant.limit is None:
        return request, None
    return request, cpu_quantity(limit_steps(vm, "cpu", cores(host, grant.limit), MILLI))


def cpu_quantity(milli: int) -> str:
    """Spell thousandths of a core: ``1500m``, or ``2`` where they are whole cores."""
    return f"{milli}m" if milli % 1000 else str(milli // 1000)


def memory_quantity(size: int) -> str:
    """Spell bytes exactly, with the largest binary suffix that does."""
    for suffix, factor in BINARY.items():
        if size and size % factor == 0:
            return f"{size // factor}{suffix}"
    return str(size)


def quality(resources: dict[str, dict[str, str]]) -> str:
    """Return the QoS class of a pod with this container alone."""
    stated = [
        {name: amount for name, amount in resources.get(kind, {}).items() if amount != "0"}
        for kind in ("requests", "limits")
    ]
    requests, limits = stated
    if not requests and not limits:
        return "BestEffort"
    return "Guaranteed" if requests == limits and len(limits) == 2 else "Burstable"


def _domain(document: dict[str, Any]) -> dict[str, Any]:
    domain: dict[str, Any] = document["spec"]["template"]["spec"]["domain"]
    return domain


def _reading(host: HostGrants, vm: VmGrants, resources: dict[str, dict[str, str]], *, guest: bool) -> Reading:
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    reserved, limit = _read_bytes(host, requests.get("memory")), _read_bytes(host, limits.get("memory"))
    if guest and vm.memory is not None:
        reserved = None if reserved is None else reserved + vm.memory.overhead / vm.memory.ratio
        limit = None if limit is None else limit + limit_overhead(vm.memory)
    return Reading(
        vm=vm.vm,
        host=host.host,
        cpu_reserved=_read_cpu(host, requests.get("cpu")),
        cpu_limit=_read_cpu(host, limits.get("cpu")),
        memory_reserved=reserved,
        memory_limit=limit,
    )


def _read_cpu(host: HostGrants, text: str | None) -> Fraction | None:
    if text is None:
        return None
    amount = Fraction(int(text[:-1]), 1000) if text.endswith("m") else Fraction(int(text))
    return amount / cores(host, Fraction(1))


def _read_bytes(host: HostGrants, text: str | None) -> Fraction | None:
    if text is None:
        return None
    size = int(text[:-2]) * BINARY[text[-2:]] if text[-2:] in BINARY else int(text)
    return size / host.bytes_per_unit
