"""Result documents: names and figures that lead back to the same placement, to the last quantum."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from formulations import VM, Bounds, Cell, Full, Host, Instance, Placement, Resource
from formulations.errors import InputError
from formulations.quantities import json_number
from formulations.resources import Scale
from solver.inventories import document, read_placement, result_schema
from solver.inventories.placements import quanta_of
from solver.result import Incumbent, LevelResult, Reason, Result, Status
from tests.strategies import instances


def saved(result: Result, path: Path) -> dict[str, Any]:
    """Write a result as the command line does; return it as other programs read it."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document(result)), indent=1))
    plain: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    jsonschema.validate(plain, result_schema(), cls=jsonschema.Draft202012Validator)
    return plain


def cluster() -> Instance:
    """Return two hosts with cells, a counted VM and thirds of a core as quanta."""
    return Instance(
        name="two",
        resources=[Resource(name="cpu", unit="cores"), Resource(name="memory", unit="GB")],
        hosts=[
            Host(name="h", count=2, capacity={"cpu": 10, "memory": 64}, cores=3, cells=[Cell(capacity={"cpu": 5})] * 2)
        ],
        vms=[
            VM(name="web", count=3, resources={"cpu": Bounds(reservation=1, limit=4), "memory": 8}),
            VM(name="db", resources={"cpu": 2, "memory": Decimal("0.3")}, isolation=Full(pinned=True)),
        ],
    )


def placed(instance: Instance) -> Placement:
    """Return a placement with one VM without a host, and an allocation of odd quanta."""
    allocation = np.array([[1, 8], [7, 8], [0, 0], [3, 1]], dtype=np.int64) * 1001
    return Placement(np.array([0, 1, -1, 1]), allocation, np.array([1, 2, 0, 3]))


def test_placement_comes_back_exactly(tmp_path: Path) -> None:
    """A result that is read again must be the result that was verified."""
    instance = cluster()
    placement = placed(instance)
    plain = saved(Result(instance, Status.FEASIBLE, placement), tmp_path / "result.json")
    assert plain["placement"] == {"web-1": "h-1", "web-2": "h-2", "web-3": None, "db": "h-2"}
    assert plain["cells"] == {"web-1": [0], "web-2": [1], "db": [0, 1]}
    assert "web-3" not in plain["allocation"]
    read = read_placement(tmp_path / "result.json", instance)
    assert read.allocation is not None
    assert read.cells is not None
    assert placement.allocation is not None
    assert placement.cells is not None
    np.testing.assert_array_equal(read.host_of, placement.host_of)
    np.testing.assert_array_equal(read.allocation, placement.allocation)
    np.testing.assert_array_equal(read.cells, placement.cells)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    instance=instances(isolation=("shared", "pinned"), numa=True, overcommit=True),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_allocation_comes_back_exactly(tmp_path: Path, instance: Instance, seed: int) -> None:
    """Whatever the quanta of an instance are, reading restores them."""
    rng = np.random.default_rng(seed)
    host_of = rng.integers(-1, instance.host_count, instance.vm_count)
    top = instance.tables.capacity.max(axis=0) + 1
    allocation = rng.integers(0, top, (instance.vm_count, len(top))) * (host_of >= 0)[:, None]
    placement = Placement(host_of, allocation)
    saved(Result(instance, Status.FEASIBLE, placement), tmp_path / "result.json")
    read = read_placement(tmp_path / "result.json", instance)
    np.testing.assert_array_equal(read.host_of, host_of)
    assert read.allocation is not None
    np.testing.assert_array_equal(read.allocation, allocation)


@settings(max_examples=150, deadline=None)
@given(
    integer=st.integers(0, 2**52),
    quantum=st.fractions(min_value=Fraction(1, 10**9), max_value=1000, max_denominator=10**12),
)
@example(integer=4_503_599_627_370_495, quantum=Fraction(9617, 36_800_000_000))
def test_every_quantum_survives_its_number(integer: int, quantum: Fraction) -> None:
    """Floats are nearest, not equal, to thirds; they must still name their quantum."""
    scale = Scale(Resource(name="cpu"), quantum)
    spelled = msgspec.json.encode(json_number(scale.value(integer)))
    if scale.value(integer) <= 10**12:
        assert quanta_of(msgspec.json.decode(spelled, type=float), scale) == integer


def test_document_says_all_of_a_result(tmp_path: Path) -> None:
    """Programs read status, figures, reasons and trace from this one object."""
    instance = cluster()
    result = Result(
        instance,
        Status.FEASIBLE,
        placed(instance),
        levels=tuple(
            LevelResult(level.name, level.said_unit, Fraction(2, 3) + n, Fraction(n), "CBC 2.10.3")
            for n, level in enumerate(instance.levels)
        ),
        seconds=1.23456789,
        trace=(Incumbent(0.5, "greedy", (Fraction(1), Fraction(1, 4))),),
        warnings=("CBC stopped early",),
        interrupted=True,
        settings={"seed": "0"},
        versions={"CBC": "2.10.3"},
    )
    plain = saved(result, tmp_path / "result.json")
    hosts = [level.name for level in instance.levels].index("hosts")
    assert plain["status"] == "FEASIBLE"
    assert plain["objective"] == pytest.approx(2 / 3 + hosts)
    assert (plain["bound"], plain["unit"], plain["hosts_used"]) == (hosts, "hosts", 2)
    assert (
        plain["levels"][hosts]["gap"] == plain["gap"] == pytest.approx(float(Fraction(2, 3) / (Fraction(2, 3) + hosts)))
    )
    assert plain["trace"] == [{"seconds": 0.5, "found_by": "greedy", "values": [1, 0.25]}]
    assert (plain["seconds"], plain["interrupted"], plain["version"]) == (1.234568, True, 1)
    assert (plain["settings"], plain["versions"]) == ({"seed": "0"}, {"CBC": "2.10.3"})


def test_document_without_placement(tmp_path: Path) -> None:
    """INFEASIBLE carries reasons and no placement, not an empty one."""
    instance = cluster()
    reasons = (Reason("memory short by 60 GB", ("web",), ("one more host",)),)
    plain = saved(Result(instance, Status.INFEASIBLE, reasons=reasons), tmp_path / "result.json")
    assert plain["placement"] is None
    assert plain["reasons"] == [
        {"message": "memory short by 60 GB", "facts": ["web"], "ways_out": ["one more host"]},
    ]
    with pytest.raises(InputError, match="holds no placement: it is INFEASIBLE"):
        read_placement(tmp_path / "result.json", instance)


def test_bare_mapping_in_yaml(tmp_path: Path) -> None:
    """Anybody's placement may be judged: a list of who is where is enough."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"placement": {"web-1": "h-1", "db": "h-2", "web-2": None}}))
    placement = read_placement(path, cluster())
    assert placement.host_of.tolist() == [0, -1, -1, 1]
    assert placement.allocation is None
    assert placement.cells is None


BROKEN_PLACEMENTS: dict[str, tuple[str, str, str]] = {
    "no placement": ('{"places": {}}', "places", "unknown field"),
    "empty": ("{}", "", "required field 'placement' is missing"),
    "unknown VM": ('{"placement": {"cache": "h-1"}}', "placement.cache", "no VM is called 'cache'"),
    "counted VM": ('{"placement": {"web": "h-1"}}', "placement.web", "3 VMs are called 'web'"),
    "unknown host": ('{"placement": {"db": "h-3"}}', "placement.db", "no host is called 'h-3'"),
    "counted host": ('{"placement": {"db": "h"}}', "placement.db", "2 hosts are called 'h'"),
    "empty host": ('{"placement": {"db": ""}}', "placement.db", "no host is called ''"),
    "number for a host": ('{"placement": {"db": 1}}', "placement.db", "expected text or null, got 1"),
    "VM given twice": ('{"placement": {"db": "h-1", "db": "h-2"}}', "placement.db", "is given twice"),
    "unknown resource": (
        '{"placement": {"db": "h-1"}, "allocation": {"db": {"gpu": 1}}}',
        "allocation.db.gpu",
        "unknown resource; expected one of cpu, memory",
    ),
    "no multiple": (
        '{"placement": {"db": "h-1"}, "allocation": {"db": {"memory": 0.25}}}',
        "allocation.db.memory",
        "0.25 is no multiple of 0.1 GB; the nearest is 0.2 GB",
    ),
    "negative": (
        '{"placement": {"db": "h-1"}, "allocation": {"db": {"memory": -1}}}',
        "allocation.db.memory",
        "expected a number from 0 to 1,000,000,000,000,000, got -1",
    ),
    "huge exponent": (
        '{"placement": {"db": "h-1"}, "allocation": {"db": {"memory": 1E+999999999}}}',
        "allocation.db.memory",
        "expected a number in range, got 1E+999999999",
    ),
    "huge": (
        '{"placement": {"db": "h-1"}, "allocation": {"db": {"memory": 1E+300}}}',
        "allocation.db.memory",
        "expected a number from 0 to 1,000,000,000,000,000, got 1e+300",
    ),
    "no figure": (
        '{"placement": {"db": "h-1"}, "allocation": {"db": {"memory": "1"}}}',
        "allocation.db.memory",
        'expected a number, got "1"',
    ),
    "missing allocation": (
        '{"placement": {"db": "h-1", "web-1": "h-1"}, "allocation": {"db": {"memory": 0.3}}}',
        "allocation",
        "placed VM 'web-1' has no allocation",
    ),
    "cell twice": ('{"placement": {"db": "h-1"}, "cells": {"db": [0, 0]}}', "cells.db", "distinct cells from 0 to 61"),
    "cell 62": ('{"placement": {"db": "h-1"}, "cells": {"db": [62]}}', "cells.db", "distinct cells from 0 to 61"),
    "unknown status": ('{"status": "GOOD", "placement": {}}', "status", "expected one of 'OPTIMAL'"),
    "other version": ('{"status": "OPTIMAL", "version": 9, "placement": {}}', "version", "expected 1, got 9"),
    "list": ("[]", "", "expected a mapping, got a list"),
}


@pytest.mark.parametrize("name", sorted(BROKEN_PLACEMENTS))
def test_broken_placements_name_field_and_fault(tmp_path: Path, name: str) -> None:
    """A placement that cannot be understood must not be judged by guesswork."""
    text, field, phrase = BROKEN_PLACEMENTS[name]
    path = tmp_path / "placement.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_placement(path, cluster())
    assert caught.value.file == str(path)
    assert caught.value.path == field
    assert phrase in caught.value.message
