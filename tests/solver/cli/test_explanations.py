"""Tests of ``placewright explain``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from solver.cli.exits import Exit
from tests.solver.cli.conftest import Placewright


def test_a_conflict_is_named_with_ways_out(placewright: Placewright, example: Callable[[str], Path]) -> None:
    """Forty rules of which three conflict: the answer must be short, and offer what was tried to work."""
    run = placewright("explain", example("conflict"), "--json")
    assert run.code == Exit.NO_ANSWER
    [reason, *_] = run.object["reasons"]
    assert 1 <= len(reason["facts"]) <= 6
    assert len(reason["ways_out"]) >= 2


def test_a_feasible_instance_has_nothing_to_explain(placewright: Placewright, two_vms: Path) -> None:
    """Explaining what is not wrong must say so and exit 0."""
    run = placewright("explain", two_vms)
    assert run.code == Exit.ANSWER
    assert run.out.startswith("FEASIBLE")
    assert placewright("explain", two_vms, "--json").object["status"] == "FEASIBLE"


def test_what_keeps_a_vm_from_a_host_is_named(placewright: Placewright, two_vms: Path) -> None:
    """People ask of a placement why a VM is not somewhere else."""
    run = placewright("explain", two_vms, "--why-not", "a", "h-2")
    assert run.code == Exit.NO_ANSWER
    assert "spread" in run.out
    assert placewright("explain", two_vms, "--why-not", "a", "h-3").code == Exit.ANSWER


def test_unknown_names_are_bad_input(placewright: Placewright, two_vms: Path) -> None:
    """A typing error must not be answered with "nothing is in the way"."""
    assert placewright("explain", two_vms, "--why-not", "z", "h-2").code == Exit.BAD_INPUT
    assert placewright("explain", two_vms, "--why-not", "a", "h").code == Exit.BAD_INPUT
