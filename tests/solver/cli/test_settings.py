"""Tests of ``placewright settings``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from solver.cli.commands.settings import SYSTEM_NAMES
from solver.cli.exits import Exit
from solver.scheduling.enforcement import SYSTEMS
from tests.solver.cli.conftest import Placewright


@pytest.fixture
def result(placewright: Placewright, two_vms: Path, tmp_path: Path) -> Path:
    """Return the result of solving the two VMs."""
    path = tmp_path / "result.json"
    assert placewright("solve", two_vms, "-o", path).code == Exit.ANSWER
    return path


def test_the_command_line_offers_every_system() -> None:
    """The choices stand in two places, so that help comes without importing anything."""
    assert list(SYSTEM_NAMES) == list(SYSTEMS)


@pytest.mark.parametrize("system", SYSTEM_NAMES)
def test_settings_are_printed(placewright: Placewright, two_vms: Path, result: Path, system: str) -> None:
    """Every system gives text that names both VMs, and exit code 0."""
    run = placewright("settings", two_vms, result, "--for", system, "--mhz-per-core", "2400", "-q")
    assert (run.code, run.err) == (Exit.ANSWER, "")
    assert "h-1" in run.out
    assert "a" in run.out


def test_json_holds_figures_and_files(placewright: Placewright, two_vms: Path, result: Path) -> None:
    """Programs want the exact figures as well as the text."""
    document = placewright("settings", two_vms, result, "--for", "cgroup", "--json", "-q").object
    assert document["system"] == "cgroup"
    granted = {name: vm for host in document["hosts"].values() for name, vm in host.items()}
    assert granted["a"]["cpu"]["reserved"] == 2
    assert granted["a"]["cpu"]["limit"] == 6
    assert any(path.endswith("placewright-b.slice/cpu.weight") for path in document["files"])
    assert document["notes"]


def test_output_is_a_folder_or_one_file(placewright: Placewright, two_vms: Path, result: Path, tmp_path: Path) -> None:
    """A path with an ending is one file; another is a folder with a folder per host."""
    folder, file = tmp_path / "settings", tmp_path / "settings.sh"
    for output in (folder, file):
        assert placewright("settings", two_vms, result, "--for", "cgroup", "-o", output).code == Exit.ANSWER
    quota = next(folder.glob("*/placewright.slice/placewright-a.slice/cpu.max"))
    assert quota.read_text(encoding="utf-8") == "600000 100000\n"
    assert file.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    again = placewright("settings", two_vms, result, "--for", "cgroup", "-o", folder)
    assert again.code == Exit.BAD_INPUT
    assert "holds files already" in again.err


def test_without_a_result_the_file_is_solved_first(placewright: Placewright, two_vms: Path) -> None:
    """One command from an instance to settings."""
    run = placewright("settings", two_vms, "--for", "systemd", "--time", "10", "-q")
    assert run.code == Exit.ANSWER
    assert "placewright-a.slice" in run.out


def test_an_instance_without_an_answer_has_no_settings(placewright: Placewright, two_vms: Path) -> None:
    """The reasons are said instead, with the exit code of solve."""
    content = json.loads(two_vms.read_text(encoding="utf-8"))
    content["vms"][1]["resources"]["memory"] = 100
    two_vms.write_text(json.dumps(content), encoding="utf-8")
    run = placewright("settings", two_vms, "--for", "systemd")
    assert run.code == Exit.NO_ANSWER
    assert run.out.startswith("INFEASIBLE")


def test_a_part_of_the_vms_can_be_asked_for(placewright: Placewright, two_vms: Path, result: Path) -> None:
    """Nobody reads through a thousand VMs for one."""
    run = placewright("settings", two_vms, result, "--for", "libvirt", "--vm", "b", "-q")
    assert "<name>b</name>" in run.out
    assert "<name>a</name>" not in run.out
    wrong = placewright("settings", two_vms, result, "--for", "libvirt", "--vm", "c")
    assert wrong.code == Exit.BAD_INPUT
    assert "'c'" in wrong.err


def test_what_is_missing_is_said(placewright: Placewright, two_vms: Path, result: Path) -> None:
    """Units and clocks are asked for by name, never guessed."""
    run = placewright("settings", two_vms, result, "--for", "vsphere")
    assert run.code == Exit.BAD_INPUT
    assert "expected the MHz per core" in run.err
    odd = placewright("settings", two_vms, result, "--for", "cgroup", "--memory-unit", "lumps")
    assert odd.code == Exit.BAD_INPUT
    assert "GiB" in odd.err
    assert placewright("settings", two_vms, result, "--for", "vsphere", "--mhz-per-core", "-1").code == Exit.BAD_INPUT


def test_a_placement_that_breaks_a_rule_is_refused(placewright: Placewright, two_vms: Path, tmp_path: Path) -> None:
    """Enforcing it would make it permanent."""
    path = tmp_path / "placement.json"
    path.write_text(json.dumps({"placement": {"a": "h-1", "b": "h-1"}}), encoding="utf-8")
    run = placewright("settings", two_vms, path, "--for", "cgroup")
    assert run.code == Exit.BAD_INPUT
    assert "spread" in run.err
