"""Tests of vSphere's resource allocation: MHz, MB, -1, and shares that can be compared across hosts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from formulations import VM, Bounds, Full, Instance, Placement
from formulations.errors import InputError
from solver.scheduling.enforcement import enforcement_settings
from tests.solver.scheduling.enforcement.cases import single_host


def specs(instance: Instance, placement: Placement, **more: Any) -> dict[str, dict[str, Any]]:
    """Return the configuration specs by VM."""
    settings = enforcement_settings(instance, placement, "vsphere", mhz_per_core=2600, **more)
    documents = [msgspec.json.decode(file.content.encode()) for file in settings.files]
    whole = msgspec.json.decode(settings.whole.encode())
    assert {name: spec for host in whole.values() for name, spec in host.items()} == {
        one["vm"]: one["spec"] for one in documents
    }
    return {one["vm"]: one["spec"] for one in documents}


def test_figures_of_a_plain_vm() -> None:
    """One case by hand."""
    vm = VM(
        name="a",
        resources={
            "cpu": Bounds(reservation=1, demand=2, limit=4, shares=2),
            "memory": Bounds(reservation=2, demand=4),
        },
        overhead={"memory": 1},
    )
    spec = specs(*single_host([vm]))["a"]
    assert spec["cpuAllocation"] == {
        "reservation": 2600,
        "limit": 10400,
        "shares": {"level": "custom", "shares": 2000},
    }
    assert spec["memoryAllocation"] == {
        "reservation": 2048,
        "limit": -1,
        "shares": {"level": "custom", "shares": 1000},
    }


def test_an_enforced_allocation_is_both_reservation_and_limit() -> None:
    """No less and no more."""
    vm = VM(name="a", resources={"cpu": Bounds(reservation=1, demand=2, limit=4), "memory": 4})
    spec = specs(*single_host([vm]), enforce="allocation")["a"]
    assert spec["cpuAllocation"]["reservation"] == spec["cpuAllocation"]["limit"] == 10400


def test_a_clock_is_asked_for() -> None:
    """A core has any number of the MHz that vSphere counts."""
    vm = VM(name="a", resources={"cpu": 1})
    with pytest.raises(InputError, match="expected the MHz per core"):
        enforcement_settings(*single_host([vm]), "vsphere")
    memory = VM(name="a", resources={"memory": 1})
    assert enforcement_settings(*single_host([memory]), "vsphere").files


def test_large_shares_are_scaled_down_together() -> None:
    """Their proportion is what counts."""
    vms = [VM(name=f"v{n}", resources={"cpu": Bounds(demand=1, limit=2, shares=n)}) for n in (1, 5000, 50_000)]
    found = specs(*single_host(vms))
    shares = [found[f"v{n}"]["cpuAllocation"]["shares"]["shares"] for n in (1, 5000, 50_000)]
    assert shares == [20, 100_000, 1_000_000]


def test_pinned_vms_ask_for_cores_of_their_own() -> None:
    """Latency sensitivity gives exclusive cores where every vCPU has one; affinity says which where not."""
    vms = [
        VM(name="even", vcpus=2, resources={"cpu": 2}, isolation=Full(pinned=True)),
        VM(name="odd", vcpus=4, resources={"cpu": 2}, isolation=Full(pinned=True)),
    ]
    found = specs(*single_host(vms))
    assert found["even"]["latencySensitivity"] == {"level": "high"}
    assert found["even"]["cpuAllocation"]["reservation"] == 5200
    assert found["odd"]["cpuAffinity"] == {"affinitySet": [2, 3]}
