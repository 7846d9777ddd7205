"""``placewright migrate``: options become the question, statuses exit codes, and plans files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.solver.cli.conftest import Placewright

Write = Callable[..., Path]


@pytest.fixture
def swap(tmp_path: Path) -> Write:
    """Return a function that writes an instance of two full hosts that swap their VMs, and its target."""

    def write(**more: Any) -> Path:
        hosts = [{"name": name, "capacity": {"memory": 6}, "rack": name} for name in ("x", "y", "spare")]
        content = {
            "resources": [{"name": "memory", "unit": "GB"}],
            "vms": [{"name": vm, "resources": {"memory": 6}, "host": host} for vm, host in (("a", "x"), ("b", "y"))],
            "hosts": hosts,
            **more,
        }
        path = tmp_path / "swap.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        (tmp_path / "target.json").write_text(json.dumps({"placement": {"a": "y", "b": "x"}}), encoding="utf-8")
        return path

    return write


def test_a_swap_goes_by_the_spare_host(placewright: Placewright, swap: Write, tmp_path: Path) -> None:
    """The everyday call: a file with current hosts, a target, a table."""
    run = placewright("migrate", swap(), tmp_path / "target.json", "--bandwidth", 1, "--per-host", 1, "--time", 10)
    assert run.code == 0
    assert "3 moves in 18 s" in run.out
    assert "1 bypass, the fewest there can be" in run.out


def test_without_a_way_around_there_is_no_plan(placewright: Placewright, swap: Write, tmp_path: Path) -> None:
    """Proved impossible is exit code 1, with the reason; stopping is a way out where it is allowed."""
    call = ("migrate", swap(), tmp_path / "target.json", "--bandwidth", 1, "--no-bypass", "--time", 10)
    run = placewright(*call)
    assert run.code == 1
    assert "a waits for room on y until b leaves it" in run.out
    run = placewright(*call, "--allow-stops", "--json")
    assert run.code == 0
    assert [step.get("kind", "move") for step in run.object["steps"]] == ["stop", "move", "start"]


def test_bypass_hosts_may_be_named(placewright: Placewright, swap: Write, tmp_path: Path) -> None:
    """A host that is kept free for something else is not visited."""
    call = ("migrate", swap(), tmp_path / "target.json", "--bandwidth", 1, "--time", 10)
    assert placewright(*call, "--bypass-hosts", "rack:spare").code == 0
    assert placewright(*call, "--bypass-hosts", "x").code == 1


def test_limits_reach_the_plan(placewright: Placewright, example: Callable[[str], Path], tmp_path: Path) -> None:
    """Hosts, links and the cluster: a checker with the same options accepts, one with tighter ones rejects."""
    file, plan = example("rollout"), tmp_path / "plan.json"
    target = tmp_path / "target.json"
    assert placewright("solve", file, "--time", 10, "-o", target, "-q").code == 0
    limits = ["--per-cluster", 2, "--host-limit", "b-1=1", "--link", "rack:a,rack:b=1"]
    run = placewright("migrate", file, target, *limits, "--time", 5, "-o", plan, "-q")
    assert run.code == 0
    assert placewright("migrate", file, target, *limits, "--check", plan).code == 0
    tighter = placewright("migrate", file, target, "--per-cluster", 1, "--check", plan)
    assert tighter.code == 1
    assert "migrations are under way of 1" in tighter.out


def test_a_plan_is_replayed_without_a_target(placewright: Placewright, swap: Write, tmp_path: Path) -> None:
    """Anybody's plan can be checked: it leads where its steps lead, if they are safe."""
    good = [
        {"vm": "a", "from": "x", "to": "spare", "start_ms": 0},
        {"vm": "b", "from": "y", "to": "x", "start_ms": 20_000},
    ]
    for steps, code, said in ((good, 0, "accepted: 2 steps replayed"), (good[1:], 1, "memory of x")):
        (tmp_path / "plan.json").write_text(json.dumps({"steps": steps}), encoding="utf-8")
        run = placewright("migrate", swap(), "--bandwidth", 1, "--check", tmp_path / "plan.json")
        assert run.code == code
        assert said in run.out
        run = placewright("migrate", swap(), "--bandwidth", 1, "--check", tmp_path / "plan.json", "--json")
        assert run.object["accepted"] is (code == 0)


def test_files_and_pictures_are_written(placewright: Placewright, swap: Write, tmp_path: Path) -> None:
    """The plan goes to a file for programs, and a chart for the meeting."""
    plan, picture = tmp_path / "plan.json", tmp_path / "plan.svg"
    call = ("migrate", swap(), tmp_path / "target.json", "--bandwidth", 1, "--time", 3)
    assert placewright(*call, "-o", plan, "--picture", picture).code == 0
    assert json.loads(plan.read_text())["bypasses"] == 1
    assert "Migration plan" in picture.read_text()


def test_without_a_target_the_file_is_solved_first(placewright: Placewright, example: Callable[[str], Path]) -> None:
    """One command from where VMs are to where they had better be."""
    run = placewright("migrate", example("rollout"), "--time", 6, "--json")
    assert run.code == 0
    assert run.object["status"] in ("OPTIMAL", "FEASIBLE")
    assert len(run.object["steps"]) >= 5


def test_current_hosts_may_come_from_a_file(placewright: Placewright, swap: Write, tmp_path: Path) -> None:
    """Exports of current hosts live apart from the model."""
    vms = [{"name": vm, "resources": {"memory": 6}} for vm in ("a", "b")]
    file = swap(vms=vms)
    run = placewright("migrate", file, tmp_path / "target.json", "--bandwidth", 1)
    assert run.code == 2
    assert "no VM states its host" in run.err
    now = tmp_path / "now.json"
    now.write_text(json.dumps({"placement": {"a": "x", "b": "spare"}}), encoding="utf-8")
    run = placewright("migrate", file, tmp_path / "target.json", "--bandwidth", 1, "--current", now, "--time", 3)
    assert run.code == 0
    assert "2 moves" in run.out


def test_rules_may_wait_for_the_end(placewright: Placewright, swap: Write, tmp_path: Path) -> None:
    """A rule is named by position, kind or words; nothing is guessed."""
    vms = [{"name": vm, "resources": {"memory": 2}, "host": "x"} for vm in ("a", "b")]
    file = swap(vms=vms, rules=[{"rule": "gather", "vms": ["a", "b"], "note": "cache"}])
    (tmp_path / "target.json").write_text(json.dumps({"placement": {"a": "y", "b": "y"}}), encoding="utf-8")
    call = ("migrate", file, tmp_path / "target.json", "--bandwidth", 1, "--time", 3)
    assert placewright(*call).code == 1
    for words in ("1", "gather", "cache", "gather a, b"):
        assert placewright(*call, "--at-end-only", words).code == 0
    run = placewright(*call, "--at-end-only", "spread")
    assert run.code == 2
    assert "no hard rule is 'spread'; there are 1: gather a, b" in run.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--link", "rack:x"], "expected END=LIMIT"),
        (["--link", "rack:x=many"], "expected a number of migrations"),
        (["--link", "rack:q=1"], "links.uplink of rack:q.one"),
        (["--host-limit", "x"], "expected HOST=N"),
        (["--host-limit", "q=1"], "host_limits"),
        (["--bandwidth", "0"], "expected a positive number"),
        (["--no-bypass", "--bypass-hosts", "x"], "--no-bypass does not go with --bypass-hosts"),
        (["--check", "plan.json", "-o", "other.json"], "--check makes no plan"),
        ([], "bandwidth: expected a default"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(
    placewright: Placewright, swap: Write, tmp_path: Path, options: list[str], said: str
) -> None:
    """Bad input ends with code 2 and says where."""
    more = [] if not options or options[0] == "--bandwidth" else ["--bandwidth", "1"]
    run = placewright("migrate", swap(), tmp_path / "target.json", *more, *options)
    assert run.code == 2
    assert said in run.err


def test_a_target_that_breaks_a_rule_is_told(placewright: Placewright, swap: Write, tmp_path: Path) -> None:
    """A target need not be perfect, but who asks must know that it is not."""
    file = swap(rules=[{"rule": "spread", "vms": ["a", "b"]}])
    hosts = {"placement": {"a": "x", "b": "x"}}
    (tmp_path / "target.json").write_text(json.dumps(hosts), encoding="utf-8")
    run = placewright("migrate", file, tmp_path / "target.json", "--bandwidth", 1, "--time", 3)
    assert run.code == 1
    assert "the target is not valid" in run.err


def test_vms_that_are_off_and_have_a_target_are_started(placewright: Placewright, swap: Write, tmp_path: Path) -> None:
    """What admit answers for a VM that is off must be a target as it is, for the plan and for its check."""
    vms = [
        {"name": "a", "resources": {"memory": 3}, "host": "x"},
        {"name": "new", "count": 2, "resources": {"memory": 6}, "power": "off"},
    ]
    file, target, plan = swap(vms=vms), tmp_path / "admitted.json", tmp_path / "plan.json"
    assert placewright("admit", file, "new", "--output", target).code == 0
    run = placewright("migrate", file, target, "--bandwidth", 1, "--output", plan)
    assert run.code == 0, run.err
    assert "2 starts" in run.out
    assert "not valid" not in run.err
    assert placewright("migrate", file, target, "--check", plan, "--bandwidth", 1).code == 0
