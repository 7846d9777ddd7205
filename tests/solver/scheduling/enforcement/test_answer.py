"""Tests of what settings of every system have in common, on random placements."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from formulations import VM, Bounds, Placement
from formulations.errors import InputError, UnsupportedError
from formulations.instance import Instance
from formulations.quantities import exact
from formulations.scheduling.enforcement import Enforce
from formulations.tables import NO_LIMIT
from solver.scheduling.enforcement import SYSTEMS, EnforcementSettings, enforcement_settings
from tests.solver.scheduling.enforcement.cases import cases, single_host

EVERYDAY = range(20)
CAMPAIGN = range(1_000, 1_400)


def settings_of(instance: Instance, placement: Placement, system: str, mode: Enforce) -> EnforcementSettings | None:
    """Return settings; None where the system cannot state a figure, which it must say rather than round away."""
    try:
        return enforcement_settings(instance, placement, system, enforce=mode, mhz_per_core=2400)
    except (InputError, UnsupportedError) as error:
        said = str(error)
        assert any(
            part in said
            for part in (
                "less than the system can state",
                "pins one vCPU",
                "does not state its vcpus",
                "whole cores",
                "every core",
            )
        ), said
        return None


def check_seeds(seeds: range) -> int:
    """Hold the settings of all seeds against the solution; return how many there were."""
    count = 0
    for _, instance, placement in cases(seeds):
        for system in SYSTEMS:
            for mode in Enforce:
                settings = settings_of(instance, placement, system, mode)
                if settings is not None:
                    check(instance, placement, settings)
                    count += 1
    return count


def check(instance: Instance, placement: Placement, settings: EnforcementSettings) -> None:
    """Compare what the written files say with the solution, by sums of our own."""
    assert placement.allocation is not None
    for host in settings.hosts:
        steps = settings.system.steps(host)
        readings = [one for one in settings.readings if one.host == host.host]
        assert {one.vm for one in readings} >= {vm.vm for vm in host.members if vm.cpu or vm.memory}
        entry = int(instance.host_names.entry_of(instance.host_names.find(host.host))[0])  # type: ignore[arg-type]
        for r, what, step in ((0, "cpu", steps.cpu), (1, "memory", steps.memory)):
            name = instance.resources[r].name
            ratio = exact(instance.hosts[entry].overcommit.get(name, 1))
            room = instance.hosts[entry].usable(name) / ratio
            loose = [one for one in readings if not (what == "cpu" and pinned(host, one.vm))]
            reserved = [getattr(one, f"{what}_reserved") or Fraction(0) for one in loose]
            assert sum(reserved) <= room
            if settings.enforce is Enforce.ALLOCATION:
                assert sum(getattr(one, f"{what}_limit") or Fraction(0) for one in loose) <= room
            for one in loose:
                vm = int(instance.vm_names.find(one.vm)[0])  # type: ignore[index]
                given = instance.tables.scales[r].value(int(placement.allocation[vm, r])) / ratio
                limit = getattr(one, f"{what}_limit")
                upper = int(instance.tables.upper[instance.vm_entry[vm], r])
                if settings.enforce is Enforce.ALLOCATION and limit is not None:
                    assert limit <= given
                    if what == "memory":
                        assert given - limit < step
                elif upper != NO_LIMIT and limit is not None:
                    assert limit <= instance.tables.scales[r].value(upper)


def pinned(host: object, vm: str) -> bool:
    """Whether a VM has processors of its own."""
    return any(one.vm == vm and one.pinned for one in host.members)  # type: ignore[attr-defined]


def test_settings_hold_everyone_to_what_the_solution_gives() -> None:
    """Reserved sums fit hosts, limits are never passed, nothing is lost but less than one step of the system."""
    assert check_seeds(EVERYDAY) > 60


@pytest.mark.campaign
def test_settings_of_many_placements_hold() -> None:
    """The same for hundreds of placements."""
    assert check_seeds(CAMPAIGN) > 1_500


def test_a_placement_without_allocation_gets_one() -> None:
    """Anybody's placement can be enforced."""
    instance, placement = single_host([VM(name="a", resources={"cpu": 2, "memory": 4})])
    bare = enforcement_settings(instance, Placement(placement.host_of), "cgroup")
    assert bare.files == enforcement_settings(instance, placement, "cgroup").files


def test_a_placement_that_the_judge_rejects_is_not_enforced() -> None:
    """Settings for what does not fit would promise more than there is."""
    instance, placement = single_host([VM(name="a", resources={"cpu": 2, "memory": 4})])
    assert placement.allocation is not None
    with pytest.raises(InputError, match=r"the placement is rejected: cpu of a: 16 cores allocated"):
        enforcement_settings(instance, placement.with_allocation(placement.allocation * 8), "cgroup")


def test_only_the_vms_asked_for_are_listed_and_all_count() -> None:
    """One VM's settings must be the same whether its neighbours are printed or not."""
    vms = [VM(name=name, resources={"cpu": Bounds(demand=4, shares=n), "memory": 4}) for n, name in enumerate("abc", 1)]
    instance, placement = single_host(vms)
    everyone = enforcement_settings(instance, placement, "cgroup").files
    alone = enforcement_settings(instance, placement, "cgroup", vms=[1]).files
    assert set(alone) < set(everyone)
    assert not any("-a.slice" in file.path or "-c.slice" in file.path for file in alone)


def test_an_allocation_of_nothing_is_not_enforced() -> None:
    """A quota of zero stops a VM for good, which nobody asked for."""
    vms = [VM(name="rich", resources={"cpu": 8}), VM(name="poor", resources={"cpu": Bounds(demand=2, limit=4)})]
    instance, placement = single_host(vms)
    enforcement_settings(instance, placement, "cgroup")
    with pytest.raises(InputError, match=r"cpu of poor on host would be limited to less than the system can state"):
        enforcement_settings(instance, placement, "cgroup", enforce="allocation")


def test_a_limit_that_others_leave_to_the_host_is_unlimited() -> None:
    """No figure of ours may bind where the instance states none."""
    instance, placement = single_host([VM(name="a", resources={"cpu": Bounds(reservation=1), "memory": 4})])
    for system in SYSTEMS:
        [reading] = enforcement_settings(instance, placement, system, mhz_per_core=2000).readings
        assert reading.cpu_limit is None


def test_overcommitted_reservations_are_divided_by_the_ratio_and_limits_are_not() -> None:
    """With twice the cores promised, half a core stands behind each, and a VM may still use a whole one."""
    vm = VM(name="a", count=16, resources={"cpu": 1})
    instance, placement = single_host([vm], overcommit={"cpu": 2})
    readings = enforcement_settings(instance, placement, "kubernetes").readings
    assert {one.cpu_reserved for one in readings} == {Fraction(1, 2)}
    assert {one.cpu_limit for one in readings} == {1}


def test_a_vm_needs_no_setting_for_what_it_does_not_need() -> None:
    """A resource that a VM does not name is not limited to zero."""
    instance, placement = single_host([VM(name="a", resources={"memory": 4})])
    files = enforcement_settings(instance, placement, "cgroup").files
    assert not any("/cpu." in file.path for file in files)


def test_an_unknown_system_is_refused() -> None:
    """A typing error must not choose a default."""
    instance, placement = single_host([VM(name="a", resources={"cpu": 1})])
    with pytest.raises(InputError, match=r"unknown system 'xen'; expected one of cgroup"):
        enforcement_settings(instance, placement, "xen")


def test_settings_depend_on_nothing_but_the_solution() -> None:
    """Two runs must give the same bytes, so that a change in a repository is a change of the solution."""
    for _, instance, placement in cases(range(3)):
        for system in SYSTEMS:
            first = settings_of(instance, placement, system, Enforce.LIMIT)
            again = settings_of(instance, placement, system, Enforce.LIMIT)
            assert first == again
            assert first is None or np.unique([file.path for file in first.files]).size == len(first.files)
