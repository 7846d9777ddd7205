"""Counted NUMA packing: what is counted, and which instances are refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from formulations import VM, Bounds, Cell, Host, Instance, Partial, Resource
from formulations.cell_packing import CellPacking
from formulations.errors import UnsupportedError
from formulations.objective import level
from formulations.rules import Ignore


def pairs(**changes: Any) -> Instance:
    """Return equal VMs and hosts under different names, and one of each that is not."""
    cells = [Cell(capacity={"cpu": 5, "memory": 16}), Cell(capacity={"cpu": 9, "memory": 32})]
    fields: dict[str, Any] = {
        "resources": [Resource(name="cpu"), Resource(name="memory")],
        "vms": [
            VM(name="a", count=2, resources={"cpu": 2, "memory": 4}),
            VM(name="b", resources={"cpu": 2, "memory": 4}),
            VM(name="wide", resources={"cpu": 4, "memory": 8}, numa=2),
        ],
        "hosts": [
            Host(name="h", count=2, cells=cells),
            Host(name="turned", cells=cells[::-1]),
            Host(name="down", cells=cells, state="maintenance"),
        ],
        "objective": [level("hosts")],
    }
    return Instance(**{**fields, **changes})


def test_equal_things_are_counted() -> None:
    """Flavours and types are what tables and columns are made of: the fewer the better, but never mixed up."""
    packing = CellPacking.of(pairs())
    assert packing.sizes.tolist() == [[1, 1], [1, 1]]
    assert packing.spans.tolist() == [False, True]
    assert packing.demand.tolist() == [3, 1]
    assert packing.cells.tolist() == [[[4, 8], [2, 4]]]
    assert packing.number.tolist() == [3]
    assert packing.type_of.tolist() == [0, 0, 0, -1]
    assert packing.cell_order.tolist()[:3] == [[1, 0], [1, 0], [0, 1]]
    assert packing.flavour_of.tolist() == [0, 0, 0, 1]


def test_prices_keep_flavours_and_types_apart() -> None:
    """What costs differently is not alike."""
    instance = pairs(allow_unplaced=True, objective=[level("unplaced", priority=0), level("cost")])
    dear = [*instance.hosts[:2], Host(name="dear", cells=instance.hosts[0].cells, cost=3)]
    first = VM(name="first", resources={"cpu": 2, "memory": 4}, priority=1)
    packing = CellPacking.of(instance.replace(hosts=dear, vms=[*instance.vms, first]))
    assert sorted(packing.number.tolist()) == [1, 3]
    assert sorted(packing.demand.tolist()) == [1, 1, 3]
    assert packing.levels[0].refusals.sum() == 2
    assert packing.levels[1].costs.sum() * packing.levels[1].step == 3


def test_levels_that_packing_cannot_tell_are_left_out() -> None:
    """A bound is proved of levels that hosts in use and VMs left out decide alone."""
    packing = CellPacking.of(pairs(objective=[level("imbalance"), level("hosts")]))
    assert [stated.number for stated in packing.levels] == [1]


ELASTIC = VM(name="a", resources={"cpu": Bounds(reservation=1, demand=2)})

REFUSED: dict[str, dict[str, Any]] = {
    "equally many NUMA cells": {"hosts": [Host(name="plain", capacity={"cpu": 9, "memory": 32})]},
    "more or less than its cells": {
        "hosts": [Host(name="kept", cells=[Cell(capacity={"cpu": 9, "memory": 32})] * 2, reserve={"memory": 4})]
    },
    "span all of its host's": {"vms": [VM(name="a", resources={"cpu": 3}, numa=3)]},
    "more than their reservations": {"vms": [ELASTIC], "objective": [level("unmet_demand")]},
    "depends on more": {"isolation": Partial(alpha=0.5)},
    "stay where they are": {
        "vms": [VM(name="a", resources={"cpu": 2, "memory": 4}, host="h-1")],
        "rules": [Ignore(vms=["a"])],
    },
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_counted_is_refused(reason: str) -> None:
    """A bound proved of a packing that misreads the instance would be a lie."""
    with pytest.raises(UnsupportedError, match=reason):
        CellPacking.of(pairs(**REFUSED[reason]))
