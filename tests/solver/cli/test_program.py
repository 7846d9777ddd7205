"""Tests of the program as a whole: help, versions, usage errors, and how every ending becomes a code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from formulations.errors import InputError, UnsupportedError
from solver.cli import main
from solver.cli.exits import Exit
from solver.cli.program import COMMANDS
from solver.cli.program import placewright as program
from solver.errors import BackendMissingError, VerificationError
from tests.solver.cli.conftest import Placewright


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_states_the_exit_codes(placewright: Placewright, command: str) -> None:
    """Scripts rely on exit codes, so they must be found wherever one looks."""
    run = placewright(command, "--help")
    assert run.code == 0
    assert "Exit codes:" in run.out
    assert "UNKNOWN: stopped without an answer" in run.out
    assert "schedule --check, migrate --check: rejected" in run.out
    assert max(map(len, run.out.splitlines())) <= 80


def test_general_help_names_every_command_without_importing_any_of_them() -> None:
    """Help must come at once: no solver, no numerical library may be loaded for it."""
    code = "import sys; from solver.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert all(command in run.stdout for command in COMMANDS)
    assert not {"numpy", "pulp", "scipy", "msgspec", "matplotlib", "rich"} & set(run.stderr.split())


def test_version_names_everything_that_an_answer_depends_on(placewright: Placewright) -> None:
    """A report of a defect needs these versions."""
    run = placewright("--version")
    assert run.code == 0
    assert all(f"{part} " in run.out for part in ("placewright", "Python", "CBC", "PuLP", "HiGHS", "scipy"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["solve"],
        ["sovle", "x"],
        ["solve", "x", "--time", "0"],
        ["solve", "x", "--time", "nan"],
        ["solve", "x", "--gap", "2"],
        ["solve", "x", "--threads", "0"],
        ["solve", "x", "--isolation", "partial:2"],
        ["solve", "x", "--objective", "speed"],
        ["solve", "x", "--backend", "glpk"],
        ["solve", "x", "--output", "/no/such/folder/result.json"],
        ["solve", "x", "--what"],
        ["schema", "rules"],
        ["example", "nothing"],
        ["allocate", "x", "--evaluate", "1"],
        ["allocate", "x", "--model", "linear", "--policy", "drf"],
        ["allocate", "x", "--ranges"],
        ["solve", "no-such-file.yaml"],
        ["verify", "."],
    ],
)
def test_usage_errors_are_one_line_and_code_2(placewright: Placewright, arguments: list[str]) -> None:
    """A wrong call must say in one line what is wrong, on standard error only."""
    run = placewright(*arguments)
    assert run.code == Exit.BAD_INPUT
    assert run.out == ""
    assert run.err.startswith("placewright: error: ")
    assert run.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("must be positive", "vms[0].count", "a.yaml"), Exit.BAD_INPUT, "a.yaml: vms[0].count: must be"),
        (UnsupportedError("no imbalance on unlimited hosts"), Exit.BAD_INPUT, "unlimited hosts"),
        (KeyboardInterrupt(), Exit.UNKNOWN, "interrupted"),
        (BackendMissingError("CBC is missing"), Exit.INTERNAL, "CBC is missing"),
        (VerificationError("host-1 is over capacity"), Exit.INTERNAL, "over capacity"),
        (OSError(28, "No space left on device"), Exit.INTERNAL, "No space left"),
        (MemoryError(), Exit.INTERNAL, "internal error: MemoryError"),
        (ZeroDivisionError("division\nby zero"), Exit.INTERNAL, "internal error: ZeroDivisionError: division by zero"),
    ],
)
def test_every_ending_has_one_line_and_one_code(
    placewright: Placewright, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: Exit, said: str
) -> None:
    """Whatever happens inside, the shell gets a documented code and a person one line."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("solver.inventories.read_instance", fail)
    run = placewright("show", "any.yaml")
    assert run.code == code
    assert said in run.err
    assert run.err.count("\n") == 1
    verbose = placewright("show", "any.yaml", "-v")
    assert verbose.code == code
    assert ("Traceback" in verbose.err) == (code == Exit.INTERNAL)


def test_a_defect_that_exits_is_not_taken_for_success(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that calls sys.exit must not turn into exit code 0."""

    def leave(*_: object, **__: object) -> None:
        raise SystemExit(7)

    monkeypatch.setattr("solver.inventories.read_instance", leave)
    with pytest.raises(SystemExit) as left:
        main(["show", "any.yaml"])
    assert left.value.code == 7


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """`placewright … | head` must end quietly, with nothing on standard error."""
    hosts = [{"name": f"host-number-{n}", "capacity": {"cpu": 8}} for n in range(1, 2000)]
    vms = [{"name": "a", "resources": {"cpu": 1}}]
    path = tmp_path / "wide.json"
    path.write_text(json.dumps({"resources": [{"name": "cpu"}], "vms": vms, "hosts": hosts}), encoding="utf-8")
    command = f"'{sys.executable}' -m solver show --all '{path}' | head -n 1"
    run = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.stdout.startswith("instance: 1 VM, 1,999 hosts")
    assert run.stderr == ""
    assert run.returncode == 0


def test_names_that_the_terminal_cannot_spell_are_escaped(tmp_path: Path) -> None:
    """A plain ASCII terminal must not end a run that found an answer."""
    vms = [{"name": "bücher-日本", "resources": {"cpu": 1}}]
    hosts = [{"name": "[red]host[/red] :smile:", "capacity": {"cpu": 8}}]
    path = tmp_path / "names.json"
    path.write_text(json.dumps({"resources": [{"name": "cpu"}], "vms": vms, "hosts": hosts}), encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    run = subprocess.run(
        [sys.executable, "-m", "solver", "show", str(path)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "b\\xfccher-\\u65e5\\u672c" in run.stdout
    assert "[red]host[/red] :smile:" in run.stdout


def test_the_module_runs_like_the_console_script() -> None:
    """`python -m solver` must pass on the exit code."""
    run = subprocess.run([sys.executable, "-m", "solver", "nonsense"], capture_output=True, timeout=60, check=False)
    assert run.returncode == Exit.BAD_INPUT


def test_every_command_that_is_listed_exists() -> None:
    """The list of commands is written by hand, apart from the commands."""
    context = click.Context(program)
    for name in COMMANDS:
        command = program.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert (command.help or "").splitlines()[0]
