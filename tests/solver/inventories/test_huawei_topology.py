"""Huawei's topology files: servers, racks and rules as stated, refused with the line and the field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from formulations.errors import InputError
from formulations.rules import FaultDomains, Gather, Spread
from solver.inventories.huawei_topology import is_huawei_topology, read_huawei_topology
from solver.placing import place
from solver.result import Status

SERVERS = """server,CPU1,RAM1,CPU2,RAM2
0,16,32,32,64
1,34,68,36.5,72
"""
RACKS = "host_id,rack_id\nhost-0,7\nhost-1,8\nhost-2,8\n"
VMS = """flavor_vcpus,flavor_ram,numa,strategy,group,domain
8,16,1,fault_domain,0.0,1.0
8,16,2,fault_domain,0.0,2.0
2,4,1,,,
4,8,1,anti-affinity,0.0,
4,8,1,anti-affinity,0.0,
2,4,1,affinity,0.0,
2,4,1,affinity,0.0,
2,4,1,affinity,1.0,
2,4,1,fault_domain,1.0,0.0
2,4,1,fault_domain,1.0,0.0
"""


def write(folder: Path, **changed: str) -> Path:
    """Write the three files; return the sequence."""
    content = {"PM_res": SERVERS, "topology_provider": RACKS, "VM_data_C1": VMS} | changed
    for name, text in content.items():
        (folder / f"{name}.csv").write_text(text)
    return folder / "VM_data_C1.csv"


def test_every_field_lands_where_it_belongs(tmp_path: Path) -> None:
    """Nodes become cells, rows of the rack file the racks of the same rows, groups rules by their strategy."""
    instance = read_huawei_topology(write(tmp_path))
    assert [host.name for host in instance.hosts] == ["server-0", "server-1"]
    assert [host.rack for host in instance.hosts] == ["7", "8"]
    cells = instance.tables.cells[1]
    assert cells is not None
    quanta = np.array([float(scale.quantum) for scale in instance.tables.scales])
    assert (cells * quanta).tolist() == [[34, 68], [36.5, 72]]
    assert (instance.tables.capacity[1] * quanta).tolist() == [70.5, 140]
    assert [vm.name for vm in instance.vms[:2]] == ["C1-1", "C1-2"]
    assert [vm.numa for vm in instance.vms[:3]] == [1, 2, 1]
    assert [type(rule) for rule in instance.rules] == [Gather, Spread, FaultDomains]
    gather, spread, apart = instance.rules
    assert isinstance(gather, Gather)
    assert isinstance(apart, FaultDomains)
    assert gather.level == "rack"
    assert instance.vms_called(gather.vms).tolist() == [5, 6]
    assert instance.vms_called(spread.vm_selectors()["vms"]).tolist() == [3, 4]
    assert apart.domains == [["C1-1"], ["C1-2"]]


def test_what_is_read_can_be_placed(tmp_path: Path) -> None:
    """The rules bind: fault domains and spread VMs need both servers."""
    answer = place(read_huawei_topology(write(tmp_path)), seconds=20)
    assert answer.status is Status.OPTIMAL
    assert answer.levels[0].value == 2


def test_a_folder_is_all_its_sequences(tmp_path: Path) -> None:
    """Sequences are asked for alone, by name, or together; their groups and names stay apart."""
    write(tmp_path, VM_data_C2=VMS)
    assert is_huawei_topology(tmp_path)
    assert is_huawei_topology(tmp_path / "VM_data_C2.csv")
    assert not is_huawei_topology(tmp_path / "PM_res.csv")
    both = read_huawei_topology(tmp_path)
    assert both.vm_count == 20
    assert both.name == "C1 and C2"
    assert len(both.rules) == 6
    assert read_huawei_topology(tmp_path, ["C2"]).vms[0].name == "C2-1"
    assert read_huawei_topology(tmp_path / "VM_data_C2.csv").vm_count == 10


def test_affinity_may_mean_one_host(tmp_path: Path) -> None:
    """Whose groups are small enough can ask for the stricter reading."""
    instance = read_huawei_topology(write(tmp_path), affinity="host")
    assert isinstance(instance.rules[0], Gather)
    assert instance.rules[0].level == "host"


BROKEN = {
    "no number": ({"PM_res": SERVERS.replace("68", "many")}, "PM_res.csv: line 3, RAM1: expected a number, got 'many'"),
    "negative": ({"PM_res": SERVERS.replace("68", "-1")}, "PM_res.csv: line 3, RAM1: must not be negative"),
    "not finite": ({"PM_res": SERVERS.replace("68", "NaN")}, "PM_res.csv: line 3, RAM1: expected a finite number"),
    "twice": ({"PM_res": SERVERS + "1,1,1,1,1\n"}, "PM_res.csv: line 4, server: expected a server that is not listed"),
    "no server": ({"PM_res": SERVERS.splitlines()[0]}, "PM_res.csv: lists no server"),
    "too few racks": ({"topology_provider": "host_id,rack_id\na,1\n"}, "ends before the servers do"),
    "nameless rack": ({"topology_provider": "host_id,rack_id\na,\nb,1\n"}, "topology_provider.csv: line 2, rack_id"),
    "other fields": ({"VM_data_C1": VMS.replace("numa", "cells")}, "line 1: expected the fields flavor_vcpus"),
    "short row": ({"VM_data_C1": VMS + "1,2\n"}, "VM_data_C1.csv: line 12: expected 6 fields, got 2"),
    "strategy": ({"VM_data_C1": VMS + "1,2,1,near,1,\n"}, "line 12, strategy: expected one of affinity"),
    "no group": ({"VM_data_C1": VMS + "1,2,1,affinity,,\n"}, "line 12, group: expected a number, got ''"),
    "part of a group": ({"VM_data_C1": VMS + "1,2,1,affinity,1.5,\n"}, "line 12, group: expected a whole number"),
    "no domain": ({"VM_data_C1": VMS + "1,2,1,fault_domain,1,\n"}, "line 12, domain: expected a number, got ''"),
    "no cell": ({"VM_data_C1": VMS + "1,2,0,,,\n"}, "line 12, numa: expected a whole number from 1 to 62"),
    "quotes": ({"VM_data_C1": VMS + '1,2,"1"x,,,\n'}, "VM_data_C1.csv: line 12: not valid CSV"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_wrong_is_named(tmp_path: Path, fault: str) -> None:
    """Whoever mends an export needs the file, the line and the field."""
    files, message = BROKEN[fault]
    write(tmp_path, **files)
    with pytest.raises(InputError) as raised:
        read_huawei_topology(tmp_path / "VM_data_C1.csv")
    assert message in str(raised.value)
    assert str(tmp_path) in str(raised.value)


def test_missing_files_are_named(tmp_path: Path) -> None:
    """A sequence alone is no instance, nor a folder without one."""
    sequence = write(tmp_path)
    (tmp_path / "PM_res.csv").rename(tmp_path / "servers.csv")
    with pytest.raises(InputError, match=r"PM_res\.csv: no such file"):
        read_huawei_topology(sequence)
    sequence.unlink()
    with pytest.raises(InputError, match="holds no sequence of VMs"):
        read_huawei_topology(tmp_path)


def test_files_of_other_names_are_refused(tmp_path: Path) -> None:
    """The name tells the sequence apart from others, and names its VMs."""
    write(tmp_path).rename(tmp_path / "vms.csv")
    with pytest.raises(InputError, match=r"VM_data_C1\.csv"):
        read_huawei_topology(tmp_path / "vms.csv")
