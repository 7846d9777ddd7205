"""BtrPlace files: what each constraint becomes, and the published workloads repaired."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from formulations import InputError, Instance
from formulations.rules import Among, AtMostOn, Ban, Dedicated, Fence, Gather, Pin, Split, Spread
from solver.inventories import read_instance
from solver.rebalancing import repair
from solver.result import Status

MODEL: dict[str, Any] = {
    "mapping": {
        "readyVMs": [5, 6],
        "onlineNodes": {
            "0": {"runningVMs": [1, 2], "sleepingVMs": []},
            "1": {"runningVMs": [3], "sleepingVMs": [4]},
            "2": {"runningVMs": [], "sleepingVMs": []},
        },
        "offlineNodes": [3],
    },
    "attributes": {"nodes": {}, "vms": {"5": {"boot": 9}}},
    "views": [
        {
            "id": "shareableResource",
            "rcId": "cpu",
            "defCapacity": 8,
            "defConsumption": 2,
            "nodes": {"2": 4},
            "vms": {"1": 5},
        },
        {"id": "ns", "type": "vm", "map": {"web": 1, "db": 3}},
        {"id": "ns", "type": "node", "map": {"@a": 0}},
    ],
}


def read(tmp_path: Path, *constraints: dict[str, Any], name: str = "case.json.gz") -> Instance:
    """Write a file with some constraints and read it."""
    text = json.dumps({"model": MODEL, "constraints": list(constraints), "objective": {"id": "minimizeMTTR"}}).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return read_instance(path)


def test_the_mapping_becomes_hosts_and_current_hosts(tmp_path: Path) -> None:
    """Names, sizes, states and where everybody runs."""
    instance = read(tmp_path)
    assert [vm.name for vm in instance.vms] == ["web", "vm-2", "db", "vm-4", "vm-5", "vm-6"]
    assert [vm.host for vm in instance.vms] == ["@a", "@a", "node-1", None, None, None]
    assert [vm.power for vm in instance.vms] == ["on", "on", "on", "off", "off", "off"]
    assert [vm.resources["cpu"] for vm in instance.vms] == [5, 2, 2, 2, 2, 2]
    assert [(host.name, host.capacity["cpu"], host.state) for host in instance.hosts] == [
        ("@a", 8, "on"),
        ("node-1", 8, "on"),
        ("node-2", 4, "on"),
        ("node-3", 8, "off"),
    ]
    assert instance.vms[4].boot_seconds == 9


def test_states_and_demands_change(tmp_path: Path) -> None:
    """Preserve raises, running starts, ready stops, offline drains, online opens."""
    instance = read(
        tmp_path,
        {"id": "preserve", "vm": 2, "rc": "cpu", "amount": 4},
        {"id": "preserve", "vm": 1, "rc": "cpu", "amount": 3},
        {"id": "running", "vm": 5},
        {"id": "ready", "vm": 3},
        {"id": "offline", "node": 0},
        {"id": "online", "node": 3, "continuous": False},
        name="plain.json",
    )
    assert [vm.resources["cpu"] for vm in instance.vms[:2]] == [5, 4]
    assert [vm.power for vm in instance.vms] == ["on", "on", "off", "off", "on", "off"]
    assert instance.hosts[0].state == "maintenance"
    answer = repair(instance, seconds=20)
    assert answer.result.status is Status.OPTIMAL
    assert sorted(move.vm for move in answer.moves) == ["vm-2", "web"]
    assert answer.started == ("vm-5",)


def test_constraints_become_rules(tmp_path: Path) -> None:
    """Each constraint of ours, with whether it binds on the way."""
    large = [0, 1, 2, 3]
    instance = read(
        tmp_path,
        {"id": "spread", "vms": [1, 2], "continuous": True},
        {"id": "gather", "vms": [1, 2]},
        {"id": "lonely", "vms": [3]},
        {"id": "fence", "vm": 1, "nodes": large},
        {"id": "ban", "vm": 2, "nodes": [1]},
        {"id": "among", "vms": [1, 2], "parts": [[0, 1], large]},
        {"id": "split", "parts": [[1], [2, 3]]},
        {"id": "root", "vm": 3},
        {"id": "maxOnline", "nodes": large, "amount": 3},
    )
    assert list(instance.rules) == [
        Spread(vms=["web", "vm-2"], continuous=True),
        Gather(vms=["web", "vm-2"], continuous=False),
        Dedicated(vms=["db"], continuous=False),
        Fence(vms=["web"], hosts=["set-1:yes"], continuous=False),
        Ban(vms=["vm-2"], hosts=["node-1"], continuous=False),
        Among(vms=["web", "vm-2"], sets=[["@a", "node-1"], ["set-1:yes"]], continuous=False),
        Split(groups=[["web"], ["vm-2", "db"]], continuous=False),
        Pin(vms=["db"], continuous=False),
        AtMostOn(most=3, hosts=["set-1:yes"], continuous=False),
    ]
    assert instance.hosts_called(["set-1:yes"]).tolist() == large


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        ({"id": "overbook", "rc": "cpu"}, "constraints[0]"),
        ({"id": "spread", "vms": [77]}, "constraints[0].vms: no VM has the number 77"),
        ({"id": "offline", "node": 9}, "constraints[0].node: no node has the number 9"),
        ({"id": "preserve", "vm": 1, "rc": "gpu", "amount": 1}, "constraints[0].rc: no view holds the resource 'gpu'"),
        ({"id": "spread", "vms": [1], "strict": True}, "strict"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, constraint: dict[str, Any], message: str) -> None:
    """A constraint that is dropped in silence would be a false answer."""
    with pytest.raises(InputError, match=r"case\.json") as caught:
        read(tmp_path, constraint)
    assert message in str(caught.value)


def test_packed_files_that_are_broken_are_told(tmp_path: Path) -> None:
    """A gzip file that is cut off, or none at all, gives one clear message."""
    path = tmp_path / "case.json.gz"
    path.write_bytes(gzip.compress(b"{}" * 5000)[:-6])
    with pytest.raises(InputError, match="cut off"):
        read_instance(path)
    path.write_bytes(b"{}")
    with pytest.raises(InputError, match="no gzip file"):
        read_instance(path)


@pytest.mark.campaign
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("name", "moves"), [("li_r3_p5000_c0", 3), ("li_r3_p5000_c66", 3), ("nr_r6_p5000_c0", 0)])
def test_published_workloads_are_repaired_with_the_fewest_moves(name: str, moves: int) -> None:
    """5,000 servers and up to 30,000 VMs: every rule and demand met by a number of moves that is proved minimal."""
    if not (folder := os.environ.get("PLACEWRIGHT_DATA")):
        pytest.skip("the environment variable PLACEWRIGHT_DATA names no folder")
    answer = repair(read_instance(Path(folder) / "btrplace_tdsc" / f"{name}.json.gz"), seconds=300)
    assert answer.result.status is Status.OPTIMAL
    assert len(answer.moves) == moves
