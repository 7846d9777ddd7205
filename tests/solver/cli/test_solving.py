"""Tests of ``placewright solve``: answers, exit codes, files, and ends before the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from formulations import Instance
from solver.cli.exits import Exit
from solver.inventories import read_instance, read_placement, result_schema
from solver.result import Result, Status
from solver.verifying import verify
from tests.solver.cli.conftest import Placewright

HARD = 400
"""VMs in an instance that no solver proves optimal in seconds."""


def hard_instance(path: Path) -> Path:
    """Write an instance whose search takes as long as it may."""
    sizes = [37 + (n * 7919) % 211 for n in range(HARD)]
    vms = [
        {"name": f"vm{n}", "resources": {"cpu": size, "memory": 37 + (size * 31) % 199}} for n, size in enumerate(sizes)
    ]
    hosts = [
        {
            "name": f"host{n}",
            "capacity": {"cpu": 401 + (n * 53) % 97, "memory": 409 + (n * 29) % 83},
            "cost": 50 + n % 17,
        }
        for n in range(HARD)
    ]
    resources = [{"name": "cpu"}, {"name": "memory"}]
    path.write_text(json.dumps({"resources": resources, "vms": vms, "hosts": hosts}), encoding="utf-8")
    return path


def test_a_small_instance_is_solved_and_told_within_80_columns(placewright: Placewright, two_vms: Path) -> None:
    """Status, objective, bound, gap, time, placement and allocation are what people came for."""
    run = placewright("solve", two_vms)
    assert run.code == 0
    assert run.out.startswith("OPTIMAL: hosts 2, bound 2, gap 0 %, ")
    assert run.err == ""
    assert max(map(len, run.out.splitlines())) <= 80
    assert all(part in run.out for part in ("proved by", "cpu (cores)", "memory (GB)"))


def test_json_is_one_object_that_keeps_to_the_schema(placewright: Placewright, two_vms: Path) -> None:
    """Programs rely on the published schema and on the fields that the documentation promises."""
    run = placewright("solve", two_vms, "--json")
    answer = run.object
    jsonschema.validate(answer, result_schema())
    assert (run.code, answer["status"], answer["objective"], answer["bound"], answer["gap"]) == (0, "OPTIMAL", 2, 2, 0)
    assert set(answer["placement"]) == {"a", "b"}
    assert answer["hosts_used"] == 2
    assert answer["seconds"] >= 0
    assert [level["name"] for level in answer["levels"]] == ["unmet demand", "hosts", "migration", "imbalance"]


def test_the_result_file_is_accepted_by_the_judge(placewright: Placewright, two_vms: Path, tmp_path: Path) -> None:
    """What solve writes, verify and show must read, exactly."""
    result = tmp_path / "result.json"
    assert placewright("solve", two_vms, "-o", result).code == 0
    assert placewright("verify", two_vms, result).code == 0
    assert placewright("show", two_vms, result).code == 0
    instance = read_instance(two_vms)
    assert verify(instance, read_placement(result, instance)).ok
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result.json", "two.json"]


@pytest.mark.parametrize("backend", ["cbc", "highs"])
def test_both_backends_are_reached(placewright: Placewright, two_vms: Path, backend: str) -> None:
    """The second opinion is only worth something if it is asked."""
    answer = placewright("solve", two_vms, "--json", "--backend", backend).object
    assert answer["settings"]["backend"].lower().startswith(backend)


def test_options_replace_what_the_file_says(placewright: Placewright, two_vms: Path) -> None:
    """Isolation and objective on the command line must reach the model."""
    answer = placewright("solve", two_vms, "--json", "--objective", "imbalance, 2*hosts+migration").object
    assert [level["name"] for level in answer["levels"]] == ["imbalance", "2 hosts + migration"]
    full = placewright("solve", two_vms, "--json", "--isolation", "full:pinned")
    assert full.code == Exit.NO_ANSWER, "a host that does not state its cores takes no pinned VM"


def test_an_infeasible_instance_says_why(placewright: Placewright, example: Callable[[str], Path]) -> None:
    """The reference case without room must name the shortage, and exit 1."""
    run = placewright("solve", example("reference-infeasible"))
    assert run.code == Exit.NO_ANSWER
    assert run.out.startswith("INFEASIBLE")
    assert "memory short by 60 GB" in run.out
    assert placewright("solve", example("reference-infeasible"), "--json").object["status"] == "INFEASIBLE"


def test_vms_may_be_left_out_when_asked(placewright: Placewright, example: Callable[[str], Path]) -> None:
    """--allow-unplaced turns an infeasible instance into the best that can be had."""
    answer = placewright("solve", example("reference-infeasible"), "--allow-unplaced", "--json")
    assert answer.code == 0
    assert None in answer.object["placement"].values()


def test_an_objective_that_makes_leaving_out_free_is_warned_of(placewright: Placewright, two_vms: Path) -> None:
    """An optimal placement of nobody must not come as a surprise."""
    run = placewright("solve", two_vms, "--allow-unplaced", "--objective", "hosts")
    assert run.code == 0
    assert "leaving all out is free" in run.err
    assert placewright("solve", two_vms, "--allow-unplaced", "--objective", "hosts", "-q").err == ""


def _answering(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    def place(instance: Instance, **_: object) -> Result:
        return Result(instance, **{"status": Status.UNKNOWN, "seconds": 1.0, **fields})

    monkeypatch.setattr("solver.placing.place", place)


def test_unknown_is_code_3(placewright: Placewright, two_vms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped without an answer is neither success nor infeasibility."""
    _answering(monkeypatch)
    run = placewright("solve", two_vms)
    assert run.code == Exit.UNKNOWN
    assert run.out.startswith("UNKNOWN")


def test_a_solver_that_could_not_be_used_is_code_4(
    placewright: Placewright, two_vms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even with a status, a missing solver must be noticed by scripts."""
    _answering(monkeypatch, failed=True, warnings=("CBC is missing: pip install pulp",))
    run = placewright("solve", two_vms)
    assert run.code == Exit.INTERNAL
    assert run.err == "placewright: warning: CBC is missing: pip install pulp\n"


def test_a_missing_cbc_is_code_4_and_one_line(
    placewright: Placewright, two_vms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message must say what to install; there must be no traceback."""
    from solver.backends.cbc import _found

    def missing(_path: str | None) -> str:
        return _found("/no/such/cbc")

    monkeypatch.setattr("solver.backends.cbc._found", missing)
    run = placewright("solve", two_vms)
    assert run.code == Exit.INTERNAL
    assert run.err.count("\n") == 1
    assert "install" in run.err
    assert placewright("solve", two_vms, "--backend", "highs").code == 0


def test_a_full_disk_does_not_swallow_the_answer(
    placewright: Placewright, two_vms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an hour of solving, the answer must at least be printed."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("solver.cli.commands.solving.write_bytes", full)
    run = placewright("solve", two_vms, "-o", tmp_path / "result.json")
    assert run.code == Exit.INTERNAL
    assert run.out.startswith("OPTIMAL")
    assert "No space left" in run.err
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize("name", ["hosts.txt", "no/such/folder/hosts.png", "."])
def test_a_picture_that_cannot_be_drawn_is_refused_before_solving(
    placewright: Placewright, two_vms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A wrong file name must not cost a minute first."""
    _answering(monkeypatch)
    run = placewright("solve", two_vms, "--picture", tmp_path / name)
    assert run.code == Exit.BAD_INPUT
    assert run.out == ""


def test_a_picture_is_drawn(placewright: Placewright, two_vms: Path, tmp_path: Path) -> None:
    """--picture must leave an image and nothing else."""
    picture = tmp_path / "hosts.png"
    assert placewright("solve", two_vms, "--picture", picture).code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hosts.png", "two.json"]


def _started(path: Path, *options: str) -> subprocess.Popen[str]:
    """Start a long search whose temporary files go beside the instance."""
    temporary = path.parent / "temporary"
    temporary.mkdir()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
    command = [sys.executable, "-m", "solver", "solve", str(path), "--time", "120", "--json", "-v", *options]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
        start_new_session=True,
    )


def _wait_for_a_solver(pid: int) -> None:
    """Return when a solver runs, by which time there is a first placement."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    began = time.monotonic()
    while time.monotonic() - began < (100 if children.exists() else 10):  # loops may have to be compiled first
        time.sleep(0.1)
        if children.exists() and children.read_text(encoding="ascii"):
            break
    time.sleep(0.5)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_gives_the_best_so_far(tmp_path: Path, sent: signal.Signals) -> None:
    """Ctrl-C must end within seconds with a verified placement, code 0, no process and no litter."""
    path = hard_instance(tmp_path / "hard.json")
    output = tmp_path / "result.json"
    process = _started(path, "-o", str(output))
    _wait_for_a_solver(process.pid)
    assert process.poll() is None, process.communicate()
    os.kill(process.pid, sent)
    began = time.monotonic()
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert process.returncode == 0, err
    answer = json.loads(out)
    assert answer["status"] in ("FEASIBLE", "OPTIMAL")
    assert answer["interrupted"]
    assert json.loads(output.read_text(encoding="utf-8")) == answer
    instance = read_instance(path)
    assert verify(instance, read_placement(output, instance)).ok
    assert list((tmp_path / "temporary").iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_ctrl_c_without_a_placement_is_unknown(
    placewright: Placewright, two_vms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before anything was found: code 3 and one line."""

    def interrupted(*_: object, **__: object) -> Result:
        raise KeyboardInterrupt

    monkeypatch.setattr("solver.placing.place", interrupted)
    run = placewright("solve", two_vms)
    assert run.code == Exit.UNKNOWN
    assert run.err == "placewright: interrupted before there was an answer\n"


def test_a_deadline_of_a_second_is_kept_on_a_hard_instance(tmp_path: Path, placewright: Placewright) -> None:
    """Whoever asks for a second must not wait for ten, and gets an honest status."""
    path = hard_instance(tmp_path / "hard.json")
    run = placewright("solve", path, "--time", "1", "--json")
    answer = run.object
    assert answer["seconds"] < 5, "generous, for machines that do other things too"
    assert (answer["status"], run.code) in [("FEASIBLE", Exit.ANSWER), ("UNKNOWN", Exit.UNKNOWN)]
    if answer["status"] == "FEASIBLE":
        assert answer["bound"] is None or answer["bound"] < answer["objective"] or answer["gap"] == 0


def test_verbose_tells_what_happens_on_standard_error_only(placewright: Placewright, two_vms: Path) -> None:
    """-v is for people who look into a run; it must not disturb the JSON on standard output."""
    run = placewright("solve", two_vms, "--json", "-vv")
    assert run.object["status"] == "OPTIMAL"
