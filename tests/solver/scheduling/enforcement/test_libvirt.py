"""Tests of libvirt fragments, by libvirt's own schema where it is installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from formulations import VM, Bounds, Cell, Full, Host, Instance, Placement, Resource
from formulations.errors import InputError, UnsupportedError
from solver.allocating import allocate
from solver.scheduling.enforcement import enforcement_settings
from tests.solver.scheduling.enforcement.cases import cases, single_host

SCHEMAS = Path(os.environ.get("PLACEWRIGHT_LIBVIRT_SCHEMAS", "/usr/share/libvirt/schemas"))
"""Where Debian's package libvirt0 puts them."""


@pytest.fixture(scope="module")
def faults() -> Callable[[str], str]:
    """Return a function that says what libvirt's schema finds wrong with a domain; nothing if it is valid."""
    schema = SCHEMAS / "domain.rng"
    if not schema.is_file():
        pytest.skip(f"libvirt's schemas are not in {SCHEMAS}; PLACEWRIGHT_LIBVIRT_SCHEMAS may say where they are")
    if importlib.util.find_spec("lxml") is not None:
        return _by_lxml(schema)
    if shutil.which("xmllint") is None:
        pytest.skip("neither lxml nor xmllint is installed")
    return _by_xmllint(schema)


def _by_lxml(schema: Path) -> Callable[[str], str]:
    from lxml import etree  # type: ignore[import-untyped, unused-ignore]

    validator = etree.RelaxNG(etree.parse(str(schema)))

    def found(text: str) -> str:
        return "" if validator.validate(etree.fromstring(text)) else str(validator.error_log)

    return found


def _by_xmllint(schema: Path) -> Callable[[str], str]:
    def found(text: str) -> str:
        command = ["xmllint", "--noout", "--relaxng", str(schema), "-"]
        run = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)
        return run.stderr if run.returncode else ""

    return found


def domains(instance: Instance, placement: Placement, enforce: str = "limit") -> dict[str, ET.Element]:
    """Return the fragments by the VMs' names."""
    files = enforcement_settings(instance, placement, "libvirt", enforce=enforce).files
    found = [ET.fromstring(file.content) for file in files]  # noqa: S314 - our own text
    return {domain.findtext("name", ""): domain for domain in found}


def complete(domain: ET.Element) -> str:
    """Return a fragment as a whole domain: with the least that libvirt asks for besides."""
    if domain.find("memory") is None:
        ET.SubElement(domain, "memory").text = "1048576"
    ET.SubElement(ET.SubElement(domain, "os"), "type").text = "hvm"
    return ET.tostring(domain, encoding="unicode")


def test_the_schema_can_tell_right_from_wrong(faults: Callable[[str], str]) -> None:
    """A validator that accepts everything would prove nothing."""
    [domain] = domains(*single_host([VM(name="a", vcpus=1, resources={"cpu": 1, "memory": 1})])).values()
    assert not faults(complete(domain))
    ET.SubElement(domain.find("cputune") or domain, "global_quota").text = "many"
    assert faults(ET.tostring(domain, encoding="unicode"))


def test_random_fragments_are_valid_domains(faults: Callable[[str], str]) -> None:
    """What is written must be what libvirt takes, for every level of isolation and both ways to enforce."""
    count = 0
    for _, instance, placement in cases(range(400, 430)):
        for enforce in ("limit", "allocation"):
            try:
                found = domains(instance, placement, enforce)
            except (InputError, UnsupportedError):
                continue
            for domain in found.values():
                assert not faults(complete(domain))
                count += 1
    assert count > 30


def test_a_pinned_vm_with_everything_is_a_valid_domain(faults: Callable[[str], str]) -> None:
    """Pins, cells, locked memory and a hard limit together."""
    assert not faults(complete(everything()))


def everything() -> ET.Element:
    """Return the fragment of a pinned VM with overhead in a NUMA cell."""
    vm = VM(
        name="bank & <sons>",
        vcpus=3,
        resources={"cpu": 3, "memory": 8},
        overhead={"memory": 1},
        isolation=Full(pinned=True),
    )
    celled = Instance(
        resources=[Resource(name="cpu", unit="cores"), Resource(name="memory", unit="GiB")],
        vms=[vm],
        hosts=[Host(name="host", cells=[Cell(capacity={"cpu": 4, "memory": 32}, cores=4)] * 2, cores=8)],
    )
    allocated = allocate(celled, Placement(np.zeros(1, dtype=np.int64), cells=np.array([2])))
    assert allocated is not None
    [domain] = domains(celled, allocated).values()
    return domain


def test_every_vcpu_has_its_core_and_the_memory_its_cell() -> None:
    """The fragment must say what the placement says."""
    domain = everything()
    assert {pin.get("vcpu"): pin.get("cpuset") for pin in domain.iter("vcpupin")} == {"0": "4", "1": "5", "2": "6"}
    memory = domain.find("numatune/memory")
    assert memory is not None
    assert memory.get("nodeset") == "1"
    assert domain.find("cputune/global_quota") is None
    assert domain.find("memoryBacking/locked") is not None


def test_the_guest_is_without_the_overhead_and_the_limit_with_it() -> None:
    """QEMU's own memory counts against hard_limit: without it the guest would be killed."""
    domain = everything()
    assert domain.findtext("memory") == str(8 * 2**20)
    assert domain.findtext("memtune/hard_limit") == str(9 * 2**20)


def test_no_hard_limit_without_overhead() -> None:
    """The documentation of libvirt advises against a limit that leaves no room for QEMU."""
    vm = VM(name="a", vcpus=1, resources={"cpu": 1, "memory": 8})
    settings = enforcement_settings(*single_host([vm]), "libvirt")
    assert "memtune" not in settings.files[0].content
    assert any("hard_limit is left out" in note for note in settings.notes)


def test_quotas_are_of_the_whole_domain() -> None:
    """``quota`` is per vCPU: written there, four vCPUs would get four times the limit."""
    vm = VM(name="a", vcpus=4, resources={"cpu": Bounds(demand=1, limit=2)})
    [domain] = domains(*single_host([vm])).values()
    assert domain.findtext("cputune/global_quota") == "200000"
    assert domain.find("cputune/quota") is None


def test_vms_beside_pinned_ones_must_state_their_vcpus() -> None:
    """Without a count libvirt cannot keep them off the pinned cores, and silence would break the isolation."""
    vms = [
        VM(name="own", resources={"cpu": 2}, isolation=Full(pinned=True)),
        VM(name="other", resources={"cpu": 1}),
    ]
    instance, placement = single_host(vms)
    with pytest.raises(InputError, match="other may run on processors 2-7 of host only, and does not state its vcpus"):
        enforcement_settings(instance, placement, "libvirt")


def test_balloons_start_at_the_allocation() -> None:
    """Limits of memory may add up to more than the host has; allocations do not."""
    vms = [VM(name=name, vcpus=1, resources={"cpu": 1, "memory": Bounds(demand=60, limit=60)}) for name in "ab"]
    found = domains(*single_host(vms))
    now = [int(domain.findtext("currentMemory", "0")) for domain in found.values()]
    assert sum(now) <= 64 * 2**20
    assert all(domain.findtext("memory") == str(60 * 2**20) for domain in found.values())
