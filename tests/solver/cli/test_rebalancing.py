"""Tests of ``placewright rebalance``, ``repair``, ``drain`` and ``admit``: reports, files, exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from solver.inventories import read_instance, read_placement
from tests.solver.cli.conftest import Placewright

SHOP = """
name: small shop
resources: [{name: cpu, unit: cores}]
vms:
  - {name: web, count: 3, resources: {cpu: 4}, host: [h-1, h-1, h-2]}
  - {name: db, resources: {cpu: 6}, host: h-2}
  - {name: batch, resources: {cpu: 12}, power: "off"}
hosts: [{name: h, count: 3, capacity: {cpu: 16}}]
rules: [{rule: spread, vms: [web]}]
objective: [{terms: [{kind: hosts}]}, {terms: [{kind: migration}]}]
"""

MACHINES = """2
0 10
1 5
3
0 0 20 20 10 10 0 1 2
0 1 20 20 10 10 1 0 2
1 1 20 20 10 10 2 2 0
2
1 0
1 0
3
0 8 5 1
0 6 5 1
1 7 5 1
1
0 1 1 10
1 1 1
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a file in which two web VMs share a host and must not."""
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP, encoding="utf-8")
    return path


def test_repair_says_what_is_wrong_and_what_each_move_mends(
    placewright: Placewright, shop: Path, tmp_path: Path
) -> None:
    """Operators read why before they act; the result is a placement that verify accepts."""
    target = tmp_path / "target.json"
    run = placewright("repair", shop, "-o", target)
    assert run.code == 0
    assert "Now 1 violation:\n  spread web: web-1 and web-2 share h-1" in run.out
    assert "OPTIMAL: migration 1 move cost, bound 1 move cost" in run.out
    assert "mends spread web" in run.out
    assert max(map(len, run.out.splitlines())) <= 80
    assert placewright("verify", shop, target).code == 0
    again = placewright("repair", shop, "--current", target)
    assert "No action needed" in again.out


def test_json_holds_the_moves_and_their_reasons(placewright: Placewright, shop: Path) -> None:
    """Programs get the same facts as people."""
    answer = placewright("repair", shop, "--json").object
    assert answer["wrong_now"] == ["spread web: web-1 and web-2 share h-1"]
    assert [move["why"] for move in answer["moves"]] == [["mends spread web"]]
    assert answer["moves"][0]["from"] == "h-1"
    assert not answer["no_action_needed"]


def test_drain_empties_hosts(placewright: Placewright, shop: Path) -> None:
    """What is drained runs nothing afterwards; a host that is not there is bad input."""
    answer = placewright("drain", shop, "h-2", "--json")
    assert answer.code == 2  # h counts several hosts, of which one cannot be in maintenance alone
    named = shop.with_name("named.yaml")
    hosts = "".join(f"{{name: h-{n}, capacity: {{cpu: 16}}}}, " for n in (1, 2, 3, 4))
    named.write_text(SHOP.replace("{name: h, count: 3, capacity: {cpu: 16}}", hosts.rstrip(", ")), encoding="utf-8")
    drained = placewright("drain", named, "h-2", "--json").object
    assert set(drained["placement"].values()) & {"h-2"} == set()
    assert drained["status"] == "OPTIMAL"
    assert placewright("drain", named, "h-9").code == 2


def test_admit_makes_room(placewright: Placewright, shop: Path) -> None:
    """A VM that is off starts, and the report names it; one that runs is refused."""
    run = placewright("admit", shop, "batch")
    assert run.code == 0
    assert "1 VM without a host until now: batch" in run.out
    refused = placewright("admit", shop, "db")
    assert refused.code == 2
    assert "'db' runs already" in refused.err


def test_rebalance_keeps_to_its_budget(placewright: Placewright, shop: Path) -> None:
    """With no move allowed the broken rule has no answer; with one it has."""
    assert placewright("rebalance", shop, "--moves", "0").code == 1
    run = placewright("rebalance", shop, "--moves", "1", "--json")
    assert run.code == 0
    assert len(run.object["moves"]) == 1


def test_the_curve_is_told_and_drawn(placewright: Placewright, shop: Path, tmp_path: Path) -> None:
    """Budgets in rows, the knee marked, a picture if asked for, and no mixing with a budget of one's own."""
    pytest.importorskip("matplotlib")
    picture = tmp_path / "curve.png"
    run = placewright("rebalance", shop, "--curve", "--picture", picture, "--time", "20")
    assert run.code == 0
    assert "hosts by the number of moves that are allowed" in run.out
    assert "infeasible" in run.out
    assert picture.read_bytes().startswith(b"\x89PNG")
    points = placewright("rebalance", shop, "--curve", "--json").object["points"]
    assert [point["most"] for point in points] == [0, 1, 2, 4]
    assert placewright("rebalance", shop, "--curve", "--moves", "1").code == 2


def test_files_of_machine_reassignment_are_read(placewright: Placewright, tmp_path: Path) -> None:
    """The challenge's two files, through solve and rebalance alike, and verify on the start."""
    model, assignment = tmp_path / "model_x.txt", tmp_path / "assignment_x.txt"
    model.write_text(MACHINES, encoding="utf-8")
    assignment.write_text("0 1 0\n", encoding="utf-8")
    instance = read_instance(model)
    assert [vm.group for vm in instance.vms] == ["s0", "s0", "s1"]
    assert read_placement(assignment, instance).host_of.tolist() == [0, 1, 0]
    # 10 * (5 over on machine 0) + 5 * (0 over) + balance: free (5, 10), (14, 15), (20, 20): never short
    assert "50" in placewright("verify", model, assignment).out
    solved = placewright("solve", model, "--current", assignment, "--json")
    moved = placewright("rebalance", model, "--current", assignment, "--json")
    assert solved.object["objective"] == moved.object["objective"] == 4  # one VM moves: 1 + 1 + 2
    assignment.write_text("0 1\n", encoding="utf-8")
    short = placewright("solve", model, "--current", assignment)
    assert short.code == 2
    assert "assignment_x.txt: the file ends too early" in short.err


def test_without_running_vms_there_is_nothing_to_do(placewright: Placewright, two_vms: Path, tmp_path: Path) -> None:
    """A file that says nothing of current hosts gets one clear line."""
    path = tmp_path / "new.yaml"
    path.write_text("resources: [{name: cpu}]\nvms: [{name: a, resources: {cpu: 1}}]\nhosts: [{name: h}]\n")
    run = placewright("repair", path)
    assert run.code == 2
    assert "nothing to re-place" in run.err
