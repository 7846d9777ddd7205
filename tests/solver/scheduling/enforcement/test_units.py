"""Tests of units: exact factors, and refusals that say what is accepted."""

from __future__ import annotations

from fractions import Fraction

import pytest

from formulations import VM, Instance, Resource
from formulations.errors import InputError
from formulations.machines import Host
from formulations.units import BYTES
from solver.scheduling.enforcement.units import measure
from tests.solver.scheduling.enforcement.cases import plain_host


def instance_in(cpu: str, memory: str, host: Host | None = None) -> Instance:
    """Return a VM and a host with these units."""
    return Instance(
        resources=[Resource(name="cpu", unit=cpu), Resource(name="memory", unit=memory)],
        vms=[VM(name="a", resources={"cpu": 1})],
        hosts=[host or plain_host()],
    )


def test_decimal_and_binary_units_of_memory_differ() -> None:
    """A GB taken for a GiB would promise 7 % more memory than there is."""
    assert BYTES["GB"] == 10**9
    assert BYTES["GiB"] == 2**30
    assert BYTES["KiB"] == 1024
    assert BYTES["kB"] == 1000
    assert measure(instance_in("cores", "MiB")).bytes == 2**20


@pytest.mark.parametrize("unit", ["", "Gb", "G", "gigabytes", "Gbit"])
def test_units_that_could_mean_several_things_are_refused(unit: str) -> None:
    """Guessing a unit can be wrong by a factor of eight, or of a thousand."""
    with pytest.raises(InputError, match=r"resources\[1\]\.unit: .*expected one of .*GB.*GiB"):
        measure(instance_in("cores", unit))


def test_a_unit_can_be_given_instead() -> None:
    """Files from elsewhere say GB and mean GiB."""
    assert measure(instance_in("cores", "GB"), memory_unit="GiB").bytes == 2**30
    with pytest.raises(InputError, match="unknown unit 'lumps' of cpu"):
        measure(instance_in("cores", "GB"), cpu_unit="lumps")


def test_the_clock_follows_from_the_host_or_is_given() -> None:
    """MHz become cores where a host states both; the caller knows better."""
    host = plain_host(capacity={"cpu": 19200, "memory": 1})
    instance = instance_in("MHz", "GB", host)
    assert measure(instance).cores(instance, host) == Fraction(1, 2400)
    assert measure(instance, mhz_per_core=1200).cores(instance, host) == Fraction(1, 1200)
    assert measure(instance).megahertz(instance, host) == 1


def test_cores_become_mhz_only_with_a_clock() -> None:
    """Nothing in a file that counts cores says how fast they are."""
    instance = instance_in("cores", "GB")
    assert measure(instance).megahertz(instance, instance.hosts[0]) is None
    assert measure(instance, mhz_per_core=2600).megahertz(instance, instance.hosts[0]) == 2600


def test_the_clock_is_unknown_where_a_host_states_no_cores() -> None:
    """A division by a guess would be a guess."""
    host = plain_host(capacity={"cpu": 19200, "memory": 1}, cores=None)
    instance = instance_in("MHz", "GB", host)
    assert measure(instance).cores(instance, host) is None


def test_resources_can_be_named() -> None:
    """A file may call its cpu anything, with or without a role."""
    instance = Instance(
        resources=[Resource(name="compute", unit="vCPU"), Resource(name="ram", unit="GiB")],
        vms=[VM(name="a", resources={"compute": 1})],
        hosts=[Host(name="h", capacity={"compute": 4, "ram": 4})],
    )
    with pytest.raises(InputError, match="nothing to enforce"):
        measure(instance)
    read_as = measure(instance, cpu_resource="compute", memory_resource="ram")
    assert (read_as.cpu, read_as.memory) == (0, 1)
    with pytest.raises(InputError, match="no resource is called 'disk'"):
        measure(instance, cpu_resource="disk")


def test_a_clock_of_zero_is_refused() -> None:
    """It would make every core worth nothing."""
    with pytest.raises(InputError, match="must be positive"):
        measure(instance_in("cores", "GB"), mhz_per_core=0)
