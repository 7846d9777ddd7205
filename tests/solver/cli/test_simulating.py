"""Tests of ``placewright simulate``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from solver.cli.exits import Exit
from tests.solver.cli.conftest import Placewright


@pytest.fixture
def placed(tmp_path: Path) -> tuple[Path, Path]:
    """Return an instance of three VMs on one host of two cores, and its placement."""
    content: dict[str, Any] = {
        "name": "three",
        "resources": [{"name": "cpu", "unit": "cores"}],
        "vms": [{"name": name, "vcpus": 2, "resources": {"cpu": {"demand": 1, "limit": 2}}} for name in "abc"],
        "hosts": [{"name": "h", "cores": 2, "capacity": {"cpu": 2}, "overcommit": {"cpu": 3}}],
    }
    file, result = tmp_path / "three.json", tmp_path / "result.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    result.write_text(json.dumps({"placement": dict.fromkeys("abc", "h")}), encoding="utf-8")
    return file, result


SHORT = ("--seconds", "0.5", "--seed", "3", "--burst", "50ms")


def test_all_policies_are_compared_by_default(placewright: Placewright, placed: tuple[Path, Path]) -> None:
    """One command answers which policy suits the work best."""
    run = placewright("simulate", *placed, *SHORT)
    assert run.code == Exit.ANSWER
    assert run.out.startswith("simulation: ")
    for policy in ("FCFS", "RR", "SJF", "SRTF", "priority", "priority, kept", "shares"):
        assert f"\n{policy} " in run.out
    assert max(map(len, run.out.splitlines())) <= 80


def test_one_policy_is_told_vm_by_vm(placewright: Placewright, placed: tuple[Path, Path]) -> None:
    """Who looks at one policy wants to know whose work waits."""
    run = placewright("simulate", *placed, *SHORT, "--policy", "rr", "--quantum", "5ms")
    assert run.code == Exit.ANSWER
    assert "under RR" in run.out
    assert "\na " in run.out


def test_figures_for_programs_are_complete(placewright: Placewright, placed: tuple[Path, Path], tmp_path: Path) -> None:
    """Standard output and file hold the same object, with every VM under every policy."""
    output = tmp_path / "figures.json"
    run = placewright("simulate", *placed, *SHORT, "--policy", "srtf", "--policy", "shares", "--json", "-o", output)
    assert run.object == json.loads(output.read_text(encoding="utf-8"))
    assert [one["policy"] for one in run.object["policies"]] == ["SRTF", "shares"]
    for one in run.object["policies"]:
        assert sum(vm["jobs"] for vm in one["vms"].values()) == run.object["jobs"] == one["jobs"]


def test_saved_work_gives_the_same_figures(placewright: Placewright, placed: tuple[Path, Path], tmp_path: Path) -> None:
    """A generated day can be kept and looked at again."""
    trace = tmp_path / "trace.csv"
    first = placewright("simulate", *placed, *SHORT, "--generate", "bursty", "--save-work", trace, "--json").object
    again = placewright("simulate", *placed, "--work", trace, "--json").object
    assert first == again


def test_without_a_result_the_file_is_solved(placewright: Placewright, placed: tuple[Path, Path]) -> None:
    """A first look needs no second command."""
    run = placewright("simulate", placed[0], *SHORT, "--policy", "fcfs", "--json")
    assert run.code == Exit.ANSWER
    assert run.object["machines"] == [{"name": "h", "host": "h", "cores": 2, "vms": 3}]


def test_the_picture_shows_a_moment(placewright: Placewright, placed: tuple[Path, Path], tmp_path: Path) -> None:
    """People see who runs where."""
    picture = tmp_path / "cores.svg"
    assert placewright("simulate", *placed, *SHORT, "--picture", picture, "--window", "80ms").code == Exit.ANSWER
    drawn = picture.read_text(encoding="utf-8")
    assert "turnaround under each policy" in drawn
    assert "cores of h" in drawn


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--work", "t.csv", "--load", "0.5"), "--load belongs to generated work"),
        (("--work", "t.csv", "--save-work", "u.csv"), "--save-work belongs to generated work"),
        (("--policy", "fcfs", "--quantum", "5ms"), "--quantum belongs to --policy rr and shares"),
        (("--policy", "rr", "--ageing", "5ms"), "--ageing belongs to --policy priority"),
        (("--policy", "best"), "best"),
        (("--quantum", "0"), "positive"),
        (("--window", "5ms"), "--window belongs to --picture"),
        (("--load", "3"), "--load"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    placewright: Placewright, placed: tuple[Path, Path], options: tuple[str, ...], message: str
) -> None:
    """An option that would be ignored is a mistake of whoever gave it."""
    run = placewright("simulate", *placed, *options)
    assert run.code == Exit.BAD_INPUT
    assert message in run.err
    assert run.out == ""


def test_work_of_a_vm_without_a_host_is_bad_input(
    placewright: Placewright, placed: tuple[Path, Path], tmp_path: Path
) -> None:
    """The message names the VM and the file."""
    trace = tmp_path / "trace.csv"
    trace.write_text("arrival,vm,cpu_seconds\n0,c,1\n", encoding="utf-8")
    placed[1].write_text(json.dumps({"placement": {"a": "h", "b": "h"}}), encoding="utf-8")
    run = placewright("simulate", *placed, "--work", trace)
    assert run.code == Exit.BAD_INPUT
    assert "trace.csv: 'c' has work but no host in the placement" in run.err


def test_an_infeasible_instance_says_so(placewright: Placewright, example: Callable[[str], Path]) -> None:
    """There is nothing to simulate where there is no placement."""
    run = placewright("simulate", example("reference-infeasible"), "--seconds", "1")
    assert run.code == Exit.NO_ANSWER
    assert run.out.startswith("INFEASIBLE")


def test_nobody_to_bring_work_is_said(placewright: Placewright, tmp_path: Path) -> None:
    """An empty inventory is no defect of the program."""
    path = tmp_path / "empty.json"
    hosts = [{"name": "h", "capacity": {"cpu": 1}, "cores": 1}]
    path.write_text(json.dumps({"resources": [{"name": "cpu"}], "vms": [], "hosts": hosts}), encoding="utf-8")
    run = placewright("simulate", path, "-q")
    assert run.code == Exit.BAD_INPUT
    assert "no VM has a host, so that nobody brings work" in run.err
