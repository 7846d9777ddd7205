"""``placewright schedule``: both parts of a schedule in every form, and every refusal with its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.solver.cli.conftest import Placewright


def write(path: Path, **changes: Any) -> Path:
    """Write an instance of two VMs with dependencies on a host with four cores, with changes."""
    content: dict[str, Any] = {
        "resources": [{"name": "cpu", "unit": "cores"}],
        "vms": [
            {"name": "db", "vcpus": 2, "resources": {"cpu": 1}, "boot_seconds": 60, "host": "h"},
            {"name": "web", "count": 2, "vcpus": 1, "resources": {"cpu": 0.5}, "start_after": ["db"]},
        ],
        "hosts": [{"name": "h", "capacity": {"cpu": 4}, "cores": 4}],
        **changes,
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a file with two entries on one host."""
    return write(tmp_path / "small.json")


def test_without_a_result_the_instance_is_solved_first(placewright: Placewright, small: Path) -> None:
    """One command must do for a first look."""
    run = placewright("schedule", small, "-q")
    assert run.code == 0
    assert "start-up of 3 VMs in 60.001 s" in run.out
    assert "dispatch tables of 1 host, 4 vCPUs" in run.out
    waves = [line.split()[0] for line in run.out.splitlines() if line.endswith(("db", "web (all 2)"))]
    assert waves == ["1", "2"]


def test_a_result_is_taken_over_and_the_whole_schedule_written(
    placewright: Placewright, small: Path, tmp_path: Path
) -> None:
    """The JSON holds every start and every slice by name, and adds up."""
    assert placewright("solve", small, "-q", "-o", tmp_path / "r.json").code == 0
    run = placewright("schedule", small, tmp_path / "r.json", "--json", "-o", tmp_path / "s.json")
    assert run.code == 0
    assert json.loads((tmp_path / "s.json").read_text(encoding="utf-8")) == run.object
    startup, dispatch = run.object["startup"], run.object["dispatch"]
    assert startup["status"] == dispatch["status"] == "OPTIMAL"
    assert startup["waves"][1] == {"start_ms": 60_000, "end_ms": 60_001, "vms": ["web-1", "web-2"]}
    assert startup["vms"]["db"] == {"host": "h", "start_ms": 0, "end_ms": 60_000}
    host = dispatch["hosts"]["h"]
    given = {(vcpu["vm"], vcpu["vcpu"]): vcpu["share_us"] for vcpu in host["vcpus"]}
    slices = [piece for core in host["cores"] for piece in core["slices"]]
    for (vm, vcpu), share in given.items():
        own = [piece["end_us"] - piece["start_us"] for piece in slices if (piece["vm"], piece["vcpu"]) == (vm, vcpu)]
        assert sum(own) == share
    assert sum(given.values()) == 2 * host["frame_us"]


def test_a_bare_placement_is_shared_out_and_a_wrong_one_gets_a_word(
    placewright: Placewright, small: Path, tmp_path: Path
) -> None:
    """People bring placements of their own, without allocations and not always valid."""
    bare = tmp_path / "bare.json"
    bare.write_text('{"placement": {"db": "h", "web-1": "h", "web-2": "h"}}', encoding="utf-8")
    run = placewright("schedule", small, bare)
    assert (run.code, run.err) == (0, "")
    bare.write_text('{"placement": {"db": "h", "web-1": "h"}}', encoding="utf-8")
    run = placewright("schedule", small, bare)
    assert run.code == 0
    assert "the placement is not valid: web-2" in run.err


def test_what_runs_needs_no_start(placewright: Placewright, small: Path) -> None:
    """Day two: the database is up, only the web servers are new."""
    run = placewright("schedule", small, "-q", "--only", "startup", "--running", "--json")
    assert [wave["vms"] for wave in run.object["startup"]["waves"]] == [["web-1", "web-2"]]
    assert run.object["dispatch"] is None


def test_limits_reach_the_order(placewright: Placewright, small: Path) -> None:
    """One at a time makes three waves of three VMs."""
    for option in ("--starts-per-host", "--starts-per-cluster"):
        run = placewright("schedule", small, "-q", "--only", "startup", option, "1", "--json")
        assert len(run.object["startup"]["waves"]) == 3


def test_wishes_reach_the_tables(placewright: Placewright, small: Path) -> None:
    """Frame, latency, quantum, blackouts and gangs are met, and a host's slices are shown on request."""
    run = placewright(
        *("schedule", small, "-q", "--only", "dispatch", "--frame", "10ms", "--quantum", "100us"),
        *("--latency", "8ms", "--blackout", "db=6ms", "--gang", "db", "--tight", "--json"),
    )
    assert run.code == 0
    host = run.object["dispatch"]["hosts"]["h"]
    assert host["frame_us"] == 10_000
    blackouts = {vcpu["vm"]: vcpu["blackout_us"] for vcpu in host["vcpus"]}
    assert blackouts["db"] <= 6_000
    assert max(blackouts.values()) <= 8_000
    run = placewright("schedule", small, "-q", "--only", "dispatch", "--host", "h")
    assert "core of h" in run.out
    assert " db.0" in run.out


def test_isolated_vms_may_share_cores_in_time(placewright: Placewright, tmp_path: Path) -> None:
    """Half a core each: three owners need three cores; where only pinned VMs own some, two cores hold all."""
    vms = [{"name": "a", "count": 3, "vcpus": 1, "resources": {"cpu": 0.5}, "isolation": {"mode": "full"}}]
    hosts = [{"name": "h", "capacity": {"cpu": 2}, "cores": 2}]
    path, target, tables = write(tmp_path / "i.json", vms=vms, hosts=hosts), tmp_path / "r.json", tmp_path / "s.json"
    assert placewright("solve", path, "-q", "-o", target).code == 0
    run = placewright("schedule", path, target, "--only", "dispatch")
    assert run.code == 1
    assert "may share cores in time (owners: pinned)" in " ".join(run.out.split())
    run = placewright("schedule", path, target, "--owners", "pinned", "--json", "-o", tables)
    assert run.code == 0
    cores = run.object["dispatch"]["hosts"]["h"]["cores"]
    assert [core["owner"] for core in cores] == [None, None]
    assert placewright("schedule", path, target, "--check", tables, "--owners", "pinned").code == 0
    assert placewright("schedule", path, target, "--check", tables).code == 1


def test_demands_that_cannot_be_met_are_refused_with_exit_code_1(placewright: Placewright, small: Path) -> None:
    """A quantum of the whole frame leaves the web server no slice of half of it; the host is named."""
    run = placewright("schedule", small, "-q", "--frame", "1ms", "--quantum", "1ms")
    assert run.code == 1
    assert "start-up of 3 VMs" in run.out
    assert "INFEASIBLE: 1 host without a table" in run.out


def test_waiting_for_what_never_runs_ends_with_1(placewright: Placewright, tmp_path: Path) -> None:
    """The reason names both VMs."""
    vms = [
        {"name": "db", "resources": {"cpu": 1}, "power": "off"},
        {"name": "web", "resources": {"cpu": 1}, "start_after": ["db"]},
    ]
    run = placewright("schedule", write(tmp_path / "i.json", vms=vms), "-q", "--only", "startup")
    assert run.code == 1
    assert "Why: web starts after db, which is off" in run.out


def test_an_instance_without_a_placement_ends_as_solve_does(placewright: Placewright, tmp_path: Path) -> None:
    """Nothing can be scheduled that cannot be placed; the reasons are those of solve."""
    vms = [{"name": "big", "resources": {"cpu": 5}}]
    run = placewright("schedule", write(tmp_path / "i.json", vms=vms), "-q")
    assert run.code == 1
    assert run.out.startswith("INFEASIBLE")


def test_without_core_time_there_is_an_order_and_a_warning(placewright: Placewright, tmp_path: Path) -> None:
    """An instance of memory alone still has a start-up order; tables asked for by name are refused."""
    fields = {
        "resources": [{"name": "memory"}],
        "vms": [{"name": "a", "resources": {"memory": 1}}],
        "hosts": [{"name": "h", "capacity": {"memory": 4}}],
    }
    path = write(tmp_path / "i.json", **fields)
    run = placewright("schedule", path)
    assert run.code == 0
    assert "no dispatch tables" in run.err
    assert placewright("schedule", path, "-q", "--frame", "5ms").code == 2
    assert placewright("schedule", path, "-q", "--only", "dispatch").code == 2


def test_a_host_that_runs_nobody_is_said_to(placewright: Placewright, tmp_path: Path) -> None:
    """Who asks for a host's table must not be left with silence."""
    hosts = [{"name": name, "capacity": {"cpu": 4}, "cores": 4} for name in ("h", "spare")]
    run = placewright(
        "schedule", write(tmp_path / "i.json", hosts=hosts), "-q", "--only", "dispatch", "--host", "spare"
    )
    assert run.code == 0
    assert "spare runs no VM" in run.out


def test_hosts_that_state_no_cores_get_no_tables_and_a_word(placewright: Placewright, tmp_path: Path) -> None:
    """Many files know no cores: that is no proof of anything, and no reason to hide the start-up order."""
    clock = {"resources": [{"name": "cpu", "unit": "GHz"}], "hosts": [{"name": "h", "capacity": {"cpu": 4}}]}
    path = write(tmp_path / "i.json", **clock)
    run = placewright("schedule", path)
    assert run.code == 0
    assert "no dispatch tables: how many cores h has is not known" in run.err
    assert placewright("schedule", path, "-q", "--only", "dispatch").code == 2
    hosts = [{"name": name, "capacity": {"cpu": 1}, **own} for name, own in (("g", {"cores": 2}), ("h", {}))]
    partly = write(tmp_path / "j.json", **clock | {"hosts": hosts})
    run = placewright("schedule", partly, "-q", "--only", "dispatch", "--json")
    assert run.code == 3
    assert list(run.object["dispatch"]["hosts"]) == ["g"]
    assert [(one["host"], one["proved"]) for one in run.object["dispatch"]["refusals"]] == [("h", False)]


@pytest.mark.parametrize(
    "options",
    [
        ("--only", "startup", "--frame", "5ms"),
        ("--only", "startup", "--owners", "pinned"),
        ("--owners", "nobody"),
        ("--only", "dispatch", "--starts-per-host", "2"),
        ("--only", "dispatch", "--running"),
        ("--starts-per-host", "0"),
        ("--latency", "0ms"),
        ("--blackout", "db"),
        ("--blackout", "nobody=5ms"),
        ("--host", "nowhere"),
        ("--gang", "nobody"),
        ("--picture", "x.gif"),
    ],
)
def test_options_that_mean_nothing_are_refused(placewright: Placewright, small: Path, options: tuple[str, ...]) -> None:
    """An option that is ignored would be a promise that is not kept."""
    run = placewright("schedule", small, "-q", *options)
    assert run.code == 2
    assert run.err.count("\n") == 1
    assert run.out == ""


def test_a_picture_is_drawn(placewright: Placewright, example: Callable[[str], Path], tmp_path: Path) -> None:
    """Hosts over seconds, cores over milliseconds, in one file; a single host on request."""
    picture = tmp_path / "schedule.svg"
    assert placewright("schedule", example("rollout"), "-q", "--picture", picture).code == 0
    text = picture.read_text(encoding="utf-8")
    for said in ("Start-up order", "Dispatch tables", "b-1 core 15", "a-1 core 0", "database-1.0"):
        assert said in text
    assert (
        placewright(
            "schedule", example("rollout"), "-q", "--only", "dispatch", "--host", "b-1", "--picture", picture
        ).code
        == 0
    )
    assert "a-1 core 0" not in picture.read_text(encoding="utf-8")


def test_anybodys_schedule_can_be_replayed(placewright: Placewright, small: Path, tmp_path: Path) -> None:
    """What was written is accepted; what was changed by hand, or misses today's wishes, is rejected with sentences."""
    target, schedule = tmp_path / "r.json", tmp_path / "s.json"
    placewright("solve", small, "-q", "-o", target)
    placewright("schedule", small, target, "-q", "-o", schedule)
    run = placewright("schedule", small, target, "--check", schedule)
    assert (run.code, run.out) == (0, "start-up order accepted\ndispatch tables accepted\n")
    run = placewright("schedule", small, target, "--check", schedule, "--starts-per-host", "1", "--json")
    assert run.code == 1
    assert run.object["violations"] == {
        "start-up order": ["2 VMs are starting on h at 60,000 ms, 1 may"],
        "dispatch tables": [],
    }
    changed = json.loads(schedule.read_text(encoding="utf-8"))
    changed["startup"]["vms"]["web-1"] |= {"start_ms": 0, "end_ms": 1}
    changed["dispatch"]["hosts"]["h"]["cores"][0]["slices"] = []
    schedule.write_text(json.dumps(changed), encoding="utf-8")
    run = placewright("schedule", small, target, "--check", schedule)
    assert run.code == 1
    assert "web-1 starts at 0 ms, what it waits for is up at 60,000 ms" in run.out
    assert "dispatch tables rejected" in run.out
    run = placewright("schedule", small, target, "--check", schedule, "--only", "startup")
    assert "dispatch" not in run.out


def test_replaying_needs_the_placement_and_writes_nothing(placewright: Placewright, small: Path) -> None:
    """An order holds for one placement only; solving anew could give another."""
    assert placewright("schedule", small, "--check", small).code == 2
    assert placewright("schedule", small, small, "--check", small, "-o", "x.json").code == 2
