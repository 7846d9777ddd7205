"""Tests of ``placewright verify``."""

from __future__ import annotations

import json
from pathlib import Path

from solver.cli.exits import Exit
from tests.solver.cli.conftest import Placewright


def placement_file(folder: Path, hosts: dict[str, str]) -> Path:
    """Write who is where."""
    path = folder / "placement.json"
    path.write_text(json.dumps({"placement": hosts}), encoding="utf-8")
    return path


def test_a_good_placement_is_accepted(placewright: Placewright, two_vms: Path, tmp_path: Path) -> None:
    """Anybody's placement can be judged, with or without an allocation."""
    run = placewright("verify", two_vms, placement_file(tmp_path, {"a": "h-1", "b": "h-3"}))
    assert run.code == Exit.ANSWER
    assert run.out.startswith("ACCEPTED")


def test_a_broken_rule_is_rejected_by_name(placewright: Placewright, two_vms: Path, tmp_path: Path) -> None:
    """A rejection must say who breaks what."""
    path = placement_file(tmp_path, {"a": "h-1", "b": "h-1"})
    run = placewright("verify", two_vms, path)
    assert run.code == Exit.NO_ANSWER
    assert run.out.startswith("REJECTED: 1 violation")
    assert "spread" in run.out
    verdict = placewright("verify", two_vms, path, "--json").object
    assert not verdict["accepted"]
    assert [violation["kind"] for violation in verdict["violations"]] == ["rule"]


def test_current_hosts_are_judged_by_default(placewright: Placewright, two_vms: Path) -> None:
    """A data centre as it is now can be judged without a second file."""
    assert placewright("verify", two_vms).code == Exit.ANSWER


def test_a_placement_with_unknown_names_is_bad_input(placewright: Placewright, two_vms: Path, tmp_path: Path) -> None:
    """A typing error is no verdict."""
    run = placewright("verify", two_vms, placement_file(tmp_path, {"a": "h-9", "b": "h-1"}))
    assert run.code == Exit.BAD_INPUT
    assert "h-9" in run.err
    assert run.out == ""


def test_vms_without_a_current_host_need_a_placement(placewright: Placewright, two_vms: Path) -> None:
    """Guessing where a VM runs would judge something that nobody stated."""
    content = json.loads(two_vms.read_text(encoding="utf-8"))
    del content["vms"][0]["host"]
    two_vms.write_text(json.dumps(content), encoding="utf-8")
    run = placewright("verify", two_vms)
    assert run.code == Exit.BAD_INPUT
    assert "'a' has no current host" in run.err


def test_isolation_on_the_command_line_is_what_is_judged(placewright: Placewright, two_vms: Path) -> None:
    """The same placement can hold under one level and not under another."""
    assert placewright("verify", two_vms, "--isolation", "full:pinned").code == Exit.NO_ANSWER


def test_a_result_that_states_a_better_objective_is_rejected(
    placewright: Placewright, two_vms: Path, tmp_path: Path
) -> None:
    """Results never lie: a value that the placement does not have is no small matter."""
    result = tmp_path / "result.json"
    assert placewright("solve", two_vms, "-o", result).code == 0
    content = json.loads(result.read_text(encoding="utf-8"))
    next(level for level in content["levels"] if level["name"] == "hosts")["value"] = 1
    result.write_text(json.dumps(content), encoding="utf-8")
    run = placewright("verify", two_vms, result)
    assert run.code == Exit.NO_ANSWER
    assert "states hosts 1, the placement has 2" in run.out
    assert not placewright("verify", two_vms, result, "--json").object["accepted"]
