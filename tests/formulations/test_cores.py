"""How many cores a host has: what is stated, what is counted, and what is never guessed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from formulations import Cell, Host, InputError, Resource
from formulations.cores import MOST_CORES, core_count, core_counts, worth_of_a_core

CORES = Resource(name="cpu", unit="cores")
CLOCK = Resource(name="cpu", unit="GHz")


def host(*cells: Cell, **fields: Any) -> Host:
    """Return a host called h."""
    return Host(name="h", cells=list(cells), **fields)


def cell(cpu: float | None, cores: int | None = None) -> Cell:
    """Return a NUMA cell with so much cpu."""
    return Cell(capacity={} if cpu is None else {"cpu": cpu}, cores=cores)


@pytest.mark.parametrize(
    ("own", "cpu", "expected"),
    [
        (host(cores=12, capacity={"cpu": 28.8}), CLOCK, (12,)),
        (host(cores=12, capacity={"cpu": 24}), CORES, (12,)),
        (host(cell(14.4, 6), cell(14.4, 4)), CLOCK, (6, 4)),
        (host(cell(14.4, 6), cell(14.4, 4), cores=10), CLOCK, (6, 4)),
        (host(cell(20), cell(10), cores=12), CLOCK, (8, 4)),
        (host(cell(20, 8), cell(10), cores=12), CLOCK, (8, 4)),
        (host(cell(None), cores=12), CLOCK, (12,)),
        (host(capacity={"cpu": 6}), CORES, (6,)),
        (host(capacity={"cpu": 6000}), Resource(name="cpu", unit="millicores"), (6,)),
        (host(capacity={"cpu": 6}, reserve={"cpu": 1}, overcommit={"cpu": 2}), CORES, (6,)),
        (host(cell(6), cell(2)), CORES, (6, 2)),
        (host(cell(6), cell(0)), CORES, (6, 0)),
    ],
)
def test_cores_are_as_stated_or_as_counted(own: Host, cpu: Resource, expected: tuple[int, ...]) -> None:
    """Dispatch tables and simulations must mean the same cores by the same file."""
    assert core_counts(own, cpu) == expected
    assert core_count(own, cpu) == sum(expected)


@pytest.mark.parametrize(
    ("own", "cpu", "message"),
    [
        (host(capacity={"cpu": 8}), Resource(name="cpu"), "it does not state them"),
        (host(capacity={"cpu": 8}), CLOCK, "it does not state them"),
        (host(capacity={"cpu": 7.5}), CORES, "its cpu is no whole number of them"),
        (host(cell(3.5), cell(3.5)), CORES, "its cpu is no whole number of them"),
        (host(), CORES, "it does not state them, and has no cpu"),
        (host(cell(4, 4), cell(4)), CORES, "its NUMA cells do not all state them"),
        (host(cell(4, 3), cell(4, 3), cores=8), CORES, "it states 8 and its NUMA cells 6 together"),
        (host(capacity={"cpu": MOST_CORES + 1}), CORES, "65,537 cores; schedules take hosts of up to 65,536"),
        (host(capacity={"cpu": 1}, cores=MOST_CORES + 1), CLOCK, "65,537 cores"),
    ],
)
def test_cores_that_are_not_known_are_not_guessed(own: Host, cpu: Resource, message: str) -> None:
    """A capacity of 8 may be 8 cores or 8 GHz: a schedule for cores that are not there is worthless."""
    with pytest.raises(InputError, match=message) as refused:
        core_count(own, cpu)
    assert refused.value.path == "cores"


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (host(cell(5), cell(4), cores=4), "their cpu does not tell"),
        (host(cell(None), cell(None), cores=8), "their cpu does not tell"),
        (host(cell(4, 3), cell(4), cores=8), "some NUMA cells state others than their part"),
    ],
)
def test_cores_that_cannot_be_divided_are_known_in_all_only(own: Host, message: str) -> None:
    """Simulations look at whole hosts and may go on where dispatch tables cannot."""
    assert core_count(own, CLOCK) == own.cores
    with pytest.raises(InputError, match=message):
        core_counts(own, CLOCK)


def test_a_core_is_its_part_of_the_physical_capacity() -> None:
    """What the hypervisor keeps and what is overcommitted do not change how fast a core is."""
    assert worth_of_a_core(host(cores=12, capacity={"cpu": 28.8}, reserve={"cpu": 4}), CLOCK) == Fraction("2.4")
    with pytest.raises(InputError, match="h has no cpu to run anybody"):
        worth_of_a_core(host(cores=12), CLOCK)
