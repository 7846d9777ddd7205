"""Machines are what the placement says: cores, vCPUs, shares, limits, cores of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from formulations import VM, Bounds, Cell, Full, Host, InputError, Instance, Placement, Resource, UnsupportedError
from formulations.scheduling.workload import SECOND
from solver.scheduling.dynamic import Machine, machines_of
from solver.scheduling.dynamic.machines import FINEST_SHARE, NO_CAP


def question(vms: list[VM], unit: str = "cores", **host: Any) -> tuple[Instance, Placement]:
    """Return VMs on one host."""
    fields = {"name": "h", "capacity": {"cpu": 16}, "cores": 16, **host}
    instance = Instance(resources=[Resource(name="cpu", unit=unit)], vms=vms, hosts=[Host(**fields)])
    return instance, Placement(np.zeros(instance.vm_count, dtype=np.int64))


def only(vms: list[VM], unit: str = "cores", **host: Any) -> Machine:
    """Return the one machine of VMs on one host."""
    (machine,) = machines_of(*question(vms, unit, **host))
    return machine


def test_vcpus_shares_and_limits_are_the_vms() -> None:
    """What the file says of a VM is what it may use, in cores whatever the unit of cpu."""
    vms = [
        VM(name="a", vcpus=4, resources={"cpu": Bounds(demand=1, limit=5, shares=3)}),
        VM(name="b", resources={"cpu": Bounds(demand=1, limit=5, shares=1.5)}),
        VM(name="c", vcpus=2, resources={"cpu": Bounds(demand=1, shares=6)}),
        VM(name="d", resources={"cpu": Bounds(demand=1, shares=1.5)}),
    ]
    machine = only(vms, "GHz", capacity={"cpu": 32})
    # A core is 2 GHz, so a limit of 5 GHz is 2.5 cores.
    assert machine.vcpus.tolist() == [4, 3, 2, 16]
    assert machine.caps.tolist() == [2_500_000, 2_500_000, NO_CAP, NO_CAP]
    assert machine.shares.tolist() == [2, 1, 4, 1]


def test_a_limit_is_not_divided_by_the_overcommit_ratio() -> None:
    """Overcommitment makes VMs compete; it does not forbid an idle host's cores to them."""
    vm = VM(name="a", vcpus=2, resources={"cpu": Bounds(demand=1, limit=1)})
    assert only([vm], overcommit={"cpu": 4}).caps.tolist() == [SECOND]


def test_the_hypervisor_keeps_whole_cores() -> None:
    """A simulation must not promise cores that the hypervisor keeps busy; one core stays at least."""
    vm = VM(name="a", resources={"cpu": 1})
    assert only([vm], reserve={"cpu": 1.5}).cores == 14
    assert only([vm], cores=1, capacity={"cpu": 1}, reserve={"cpu": 0.5}).cores == 1


def test_cells_tell_the_cores_where_the_host_does_not() -> None:
    """NUMA hosts list cores per cell; a capacity in cores tells as well, one in GHz does not."""
    cells = [Cell(capacity={"cpu": 8}, cores=8), Cell(capacity={"cpu": 8}, cores=8)]
    vm = VM(name="a", resources={"cpu": 1})
    assert only([vm], cores=None, capacity={}, cells=cells).cores == 16
    assert only([vm], cores=None, capacity={"cpu": 6}).cores == 6
    with pytest.raises(InputError, match=r"^hosts\[0\]\.cores: how many cores h has is not known"):
        only([vm], "GHz", cores=None)


def test_pinned_vms_have_machines_of_their_own() -> None:
    """Fully isolated whole cores are nobody else's, even when they are idle."""
    vms = [
        VM(name="bank", resources={"cpu": 4}, isolation=Full(pinned=True)),
        VM(name="web", count=2, resources={"cpu": Bounds(demand=2)}),
    ]
    own, shared = machines_of(*question(vms))
    assert (own.label, own.cores, own.vms.tolist()) == ("h (bank)", 4, [0])
    assert (shared.label, shared.cores, shared.vms.tolist()) == ("h", 12, [1, 2])


def test_more_owned_cores_than_there_are_is_refused() -> None:
    """A placement that cannot be gives no machines."""
    vms = [
        VM(name="bank", resources={"cpu": 16}, isolation=Full(pinned=True)),
        VM(name="web", resources={"cpu": Bounds(demand=0)}),
    ]
    with pytest.raises(InputError, match="too few cores"):
        machines_of(*question(vms))


def test_fine_shares_are_rounded_and_never_vanish() -> None:
    """A share of one in a billion stays a share."""
    vms = [VM(name=f"v{n}", resources={"cpu": Bounds(demand=1, shares=s)}) for n, s in enumerate((10**9, 1, 5 * 10**8))]
    assert only(vms).shares.tolist() == [FINEST_SHARE, 1, FINEST_SHARE // 2]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"vcpus": [0]}, "vcpus"),
        ({"shares": [0]}, "shares"),
        ({"caps": [-2]}, "caps"),
        ({"switch_cost": -1}, "switch_cost"),
        ({"shares": [1, 2]}, "shares"),
    ],
)
def test_figures_out_of_range_are_refused_by_name(wrong: dict[str, Any], message: str) -> None:
    """Machines made by hand are checked like those of a placement."""
    with pytest.raises(InputError, match=message):
        Machine.of(1, 1, **wrong)


def test_machines_too_large_are_refused() -> None:
    """Sizes are bounded so that virtual times fit into 64 bits."""
    with pytest.raises(UnsupportedError, match="1,025"):
        Machine.of(1025, 1)
