"""Tests of the house itself: every module says what it is for, and nothing prints but the command line."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for folder in ("formulations", "solver") for path in (ROOT / folder).rglob("*.py"))
NAMELESS = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


def parsed() -> Iterator[tuple[str, Path, ast.Module]]:
    """Yield every module of the two packages."""
    for path in SOURCES:
        yield str(path.relative_to(ROOT)), path, ast.parse(path.read_text(encoding="utf-8"))


def test_a_module_says_its_purpose_in_its_first_line() -> None:
    """A newcomer reads the first lines of modules to find the way."""
    silent = [
        name
        for name, _, tree in parsed()
        if not (ast.get_docstring(tree) or "").split("\n")[0].endswith((".", ":", ";"))
    ]
    assert not silent


def test_a_module_is_named_after_a_thing() -> None:
    """Rooms called utils fill with what belongs elsewhere."""
    assert not [name for name, path, _ in parsed() if path.stem in NAMELESS]


def test_no_package_exports_a_name_that_one_of_its_modules_has() -> None:
    """A function called like its module hides it from whoever imports the module."""
    hidden = [
        f"{name}: {alias.asname or alias.name}"
        for name, path, tree in parsed()
        if path.stem == "__init__"
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if node.module is not None and node.module.endswith(f".{alias.asname or alias.name}")
    ]
    assert not hidden


def test_only_the_command_line_prints() -> None:
    """A library that writes to standard output spoils its host program's."""
    prints = [
        name
        for name, path, tree in parsed()
        if "cli" not in path.parts and any(_writes(node) for node in ast.walk(tree))
    ]
    assert not prints


def _writes(node: ast.AST) -> bool:
    """Whether a node prints, or names one of the standard streams."""
    if isinstance(node, ast.Name):
        return node.id == "print"
    return isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr") and _is_sys(node.value)


def _is_sys(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "sys"


def test_judging_and_the_question_load_no_solver() -> None:
    """The judge must be independent of what it judges, down to what it imports."""
    code = "import formulations, solver.verifying, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not {"pulp", "scipy", "highspy", "networkx"} & set(run.stdout.split())
