"""Tests of Kubernetes manifests: quantities, QoS classes, nodes, and KubeVirt's machines."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import yaml

from formulations import VM, Bounds, Full, Instance, Placement
from formulations.errors import InputError
from solver.scheduling.enforcement import enforcement_settings
from solver.scheduling.enforcement.kubernetes import cpu_quantity, memory_quantity, quality
from tests.solver.scheduling.enforcement.cases import single_host


def manifests(instance: Instance, placement: Placement, system: str = "kubernetes", **more: Any) -> list[Any]:
    """Return the documents, which must be the same one by one and as one stream."""
    settings = enforcement_settings(instance, placement, system, **more)
    apart = [yaml.safe_load(file.content) for file in settings.files]
    assert list(yaml.safe_load_all(settings.whole)) == apart
    return apart


def test_figures_of_a_plain_vm() -> None:
    """One case by hand: requests are what is reserved, limits what may not be passed."""
    vm = VM(name="web", resources={"cpu": Bounds(reservation=1.5, demand=2, limit=4), "memory": 4})
    [pod] = manifests(*single_host([vm]))
    assert pod["metadata"] == {"name": "web"}
    assert pod["spec"]["nodeSelector"] == {"kubernetes.io/hostname": "host"}
    resources = pod["spec"]["containers"][0]["resources"]
    assert resources == {"requests": {"cpu": "1500m", "memory": "4Gi"}, "limits": {"cpu": "4", "memory": "4Gi"}}
    assert quality(resources) == "Burstable"


def test_nothing_reserved_is_said_aloud() -> None:
    """A request left out would become the limit."""
    vm = VM(name="web", resources={"cpu": Bounds(demand=2, limit=4)})
    [pod] = manifests(*single_host([vm]))
    assert pod["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "0"}


def test_pinned_vms_are_guaranteed_whole_cpus() -> None:
    """The static CPU manager gives exclusive cores to integers of class Guaranteed only."""
    vm = VM(name="own", resources={"cpu": Bounds(reservation=3, limit=4), "memory": 8}, isolation=Full(pinned=True))
    instance, placement = single_host([vm])
    [file] = enforcement_settings(instance, placement, "kubernetes").files
    assert file.content.startswith("# QoS class: Guaranteed\n")
    [pod] = manifests(instance, placement)
    resources = pod["spec"]["containers"][0]["resources"]
    assert resources["requests"] == resources["limits"] == {"cpu": "4", "memory": "8Gi"}


def test_qualities() -> None:
    """The classes of the documentation."""
    both = {"cpu": "1", "memory": "1Gi"}
    assert quality({"requests": both, "limits": both}) == "Guaranteed"
    assert quality({"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}) == "Burstable"
    assert quality({"requests": {"cpu": "0"}}) == quality({}) == "BestEffort"


def test_quantities_are_exact() -> None:
    """Spelled and read back they must be the same number."""
    assert [cpu_quantity(n) for n in (1, 999, 1000, 1500, 64_000)] == ["1m", "999m", "1", "1500m", "64"]
    assert [memory_quantity(n) for n in (0, 1023, 1024, 3 * 2**20, 2**41)] == ["0", "1023", "1Ki", "3Mi", "2Ti"]


@pytest.mark.parametrize("name", ["Web", "a_b", "-a", "a b", "ä", "a..b"])
def test_names_that_kubernetes_refuses_are_refused_here(name: str) -> None:
    """Renaming a VM silently would make two names one."""
    with pytest.raises(InputError, match="is no name for Kubernetes"):
        enforcement_settings(*single_host([VM(name=name, resources={"cpu": 1})]), "kubernetes")


def test_kubevirt_adds_the_overhead_by_itself() -> None:
    """The guest and its requests are without what the hypervisor needs."""
    vm = VM(
        name="web",
        vcpus=2,
        resources={"cpu": 1, "memory": Bounds(reservation=2, demand=4, limit=4)},
        overhead={"memory": 1},
    )
    instance, placement = single_host([vm])
    [machine] = manifests(instance, placement, "kubevirt")
    domain = machine["spec"]["template"]["spec"]["domain"]
    assert domain["cpu"] == {"cores": 2}
    assert domain["memory"] == {"guest": "4Gi"}
    assert domain["resources"]["requests"]["memory"] == "2Gi"
    assert domain["resources"]["limits"]["memory"] == "4Gi"
    [reading] = enforcement_settings(instance, placement, "kubevirt").readings
    assert (reading.memory_reserved, reading.memory_limit) == (Fraction(3), Fraction(5))


def test_kubevirt_pins_one_vcpu_to_each_core() -> None:
    """A slice of another size than the machine cannot be had, and is refused with the reason."""
    pinned = Full(pinned=True)
    [machine] = manifests(*single_host([VM(name="a", resources={"cpu": 2, "memory": 1}, isolation=pinned)]), "kubevirt")
    domain = machine["spec"]["template"]["spec"]["domain"]
    assert domain["cpu"] == {"cores": 2, "dedicatedCpuPlacement": True}
    vm = VM(name="a", vcpus=3, resources={"cpu": 2, "memory": 1}, isolation=pinned)
    with pytest.raises(InputError, match="a has 3 vCPUs and 2 processors of its own"):
        enforcement_settings(*single_host([vm]), "kubevirt")
