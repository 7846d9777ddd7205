"""Tests of ``placewright allocate``: the three models, evaluation and ranges, on the reference case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from solver.cli.exits import Exit
from solver.inventories import result_schema
from tests.solver.cli.conftest import Placewright

Example = Callable[[str], Path]


@pytest.mark.parametrize("policy", ["utilisation", "satisfaction", "maxmin", "drf", "entitlement"])
def test_every_policy_allocates_the_reference_case(placewright: Placewright, example: Example, policy: str) -> None:
    """100 of 100 GB and 80 of 100 cores are there to give; only DRF ties cores to memory: 62.5 % of both."""
    run = placewright("allocate", example("reference"), "--policy", policy, "--json")
    assert run.code == 0
    jsonschema.validate(run.object, result_schema())
    given = run.object["allocation"].values()
    assert sum(vm["cpu"] for vm in given) == pytest.approx(50 if policy == "drf" else 80)
    assert sum(vm["memory"] for vm in given) == pytest.approx(100)


def test_maxmin_is_told_to_people_with_shares_of_demand(placewright: Placewright, example: Example) -> None:
    """62.5 % of memory for everyone, read off a table of 80 columns."""
    run = placewright("allocate", example("reference"), "--policy", "maxmin")
    assert run.code == 0
    assert run.out.count("(62.5 %)") == 5
    assert "80 of 100 (80 %)" in run.out
    assert "100 of 100 (100 %)" in run.out
    assert max(map(len, run.out.splitlines())) <= 80


def test_no_allocation_is_code_1_and_says_by_how_much(placewright: Placewright, example: Example) -> None:
    """The reference case without room: memory is short by 60 GB on the only host."""
    run = placewright("allocate", example("reference-infeasible"))
    assert run.code == Exit.NO_ANSWER
    assert run.out.startswith("INFEASIBLE")
    assert "160" in run.out
    assert placewright("allocate", example("reference-infeasible"), "--json").object["status"] == "INFEASIBLE"


def test_the_textbook_policy_is_evaluated_exactly(placewright: Placewright, example: Example) -> None:
    """A = 0.8, B = 0.2 is 416 cores and 432 GB in all, far over capacity."""
    run = placewright("allocate", example("reference"), "--evaluate", "0.8,0.2")
    assert run.code == Exit.NO_ANSWER
    assert "416 cores" in run.out
    assert "432 GB" in run.out
    assert "over capacity" in run.out
    told = placewright("allocate", example("reference"), "--evaluate", "0.8,0.2", "--json").object
    [host] = told["hosts"].values()
    assert (host["cpu"]["allocated"], host["memory"]["allocated"]) == (416, 432)
    assert not told["feasible"]


def test_the_sample_code_is_evaluated_resource_by_resource(placewright: Placewright, example: Example) -> None:
    """Everybody gets 34 + d: 250 cores and 330 GB."""
    arguments = ("--evaluate", "cpu=0.34,1", "--evaluate", "memory=0.34,1", "--json")
    [host] = placewright("allocate", example("reference"), *arguments).object["hosts"].values()
    assert (host["cpu"]["allocated"], host["memory"]["allocated"]) == (250, 330)


def test_a_policy_that_keeps_every_bound_is_code_0(placewright: Placewright, example: Example) -> None:
    """A = 0, B = 1 gives cores exactly as demanded."""
    run = placewright("allocate", example("reference"), "--evaluate", "cpu=0,1")
    assert run.code == 0
    assert "feasible" in run.out
    assert "memory" not in run.out


def test_linear_policies_come_with_their_ranges(placewright: Placewright, example: Example) -> None:
    """The intervals of A and B are part of what makes the model usable."""
    run = placewright("allocate", example("reference"), "--model", "linear", "--ranges")
    assert run.code == 0
    assert "feasible" in run.out
    assert "price of linearity" in run.out
    assert max(map(len, run.out.splitlines())) <= 80
    told = placewright("allocate", example("reference"), "--model", "linear", "--json").object
    [host] = told["hosts"].values()
    low, high = host["memory"]["range"]["B"]
    assert low <= host["memory"]["B"] <= high


def test_dynamic_policies_are_told_period_by_period(placewright: Placewright, example: Example) -> None:
    """f(t), g(t) and every VM's allocation over time, with the bands where asked for."""
    run = placewright("allocate", example("dynamic"), "--model", "dynamic", "--ranges")
    assert run.code == 0, run.err
    assert "f(t)" in run.out
    told = placewright("allocate", example("dynamic"), "--model", "dynamic", "--json").object
    [host] = told["hosts"].values()
    assert len(host["cpu"]["f"]) == 6


def test_a_placement_of_solve_is_allocated_again(placewright: Placewright, example: Example, tmp_path: Path) -> None:
    """The usual way: solve once, then try other policies on the same placement."""
    shop, result, again = example("web-shop"), tmp_path / "result.json", tmp_path / "again.json"
    assert placewright("solve", shop, "-o", result, "--time", "20").code == 0
    assert placewright("allocate", shop, "--placement", result, "--policy", "drf", "-o", again).code == 0
    assert placewright("verify", shop, again).code == 0


@pytest.mark.parametrize(
    ("arguments", "ending"), [(("--policy", "maxmin"), "png"), (("--model", "linear", "--ranges"), "svg")]
)
def test_allocations_and_ranges_are_drawn(
    placewright: Placewright, example: Example, tmp_path: Path, arguments: tuple[str, ...], ending: str
) -> None:
    """A picture of the polygon of (A, B) shows what two intervals cannot."""
    picture = tmp_path / f"picture.{ending}"
    assert placewright("allocate", example("reference"), *arguments, "--picture", picture).code == 0
    assert picture.stat().st_size > 1000
