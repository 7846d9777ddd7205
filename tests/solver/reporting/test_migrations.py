"""Migration plans for people and in pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from formulations.errors import InputError
from formulations.scheduling.migration import MigrationPlan
from solver.reporting.migrations import MOST_STEPS, check_report, plan_report
from solver.reporting.pictures.migrations import migration_chart, picture_of_migration
from solver.scheduling.migration.planning import plan_migration
from solver.verifying.schedules.migration import check_steps
from tests.solver.scheduling.migration.cases import between, plain


def said(plan: MigrationPlan, *, everything: bool = False) -> str:
    """Return the report as text."""
    console = Console(width=120, no_color=True)
    with console.capture() as captured:
        for part in plan_report(plan, everything=everything):
            console.print(part)
    return captured.get()


def swapped(*, spare: bool = True, allow_stops: bool = False) -> MigrationPlan:
    """Return the plan of a swap of two full hosts."""
    hosts = {"x": 6, "y": 6} | ({"spare": 6} if spare else {})
    instance = plain({"a": 6, "b": 6}, hosts)
    question = between(instance, {"a": "x", "b": "y"}, {"a": "y", "b": "x"}, per_host=1, allow_stops=allow_stops)
    return plan_migration(question, seconds=20)


def test_a_report_says_what_is_proved() -> None:
    """Makespan, bound, bypasses with their proof, and every step with its kind."""
    text = said(swapped())
    assert "3 moves in 18 s, bound" in text
    assert "1 bypass, the fewest there can be" in text
    assert "Why not straight:" in text
    assert [word in text for word in ("bypass", "spare", "downtime")] == [True] * 3


def test_a_report_says_why_there_is_no_plan() -> None:
    """The reasons come at the level people think in."""
    text = said(swapped(spare=False))
    assert text.startswith("INFEASIBLE: there is no plan (proved in ")
    assert "a waits for room on y until b leaves it" in text


def test_stops_are_counted_in_words() -> None:
    """A stopped VM is the worst that a plan does: the report must not hide it."""
    assert "1 VM stopped and started again, the fewest there can be" in said(swapped(spare=False, allow_stops=True))


def test_long_plans_are_cut_unless_all_is_asked_for() -> None:
    """A thousand steps are for the file, not for the screen."""
    count = MOST_STEPS + 3
    names = [f"v{n}" for n in range(count)]
    instance = plain(dict.fromkeys(names, 1), {"x": count, "y": count})
    plan = plan_migration(between(instance, dict.fromkeys(names, "x"), dict.fromkeys(names, "y")), seconds=1)
    assert "… and 3 more steps; --all shows them" in said(plan)
    assert "more steps" not in said(plan, everything=True)


def test_a_check_names_every_violation() -> None:
    """Whoever replays a plan must see what to mend."""
    plan = swapped()
    found = check_steps(plan.question, plan.steps[1:])
    console = Console(width=120, no_color=True)
    with console.capture() as captured:
        for part in check_report(found, len(plan.steps) - 1):
            console.print(part)
    assert captured.get().startswith(f"rejected: {len(found)} violation")
    assert str(found[0]) in captured.get()


def test_a_chart_shows_both_ends_of_every_move(tmp_path: Path) -> None:
    """Both hosts are busy while a VM moves between them: each has a bar."""
    plan = swapped()
    chart = migration_chart(plan)
    assert chart.rows == ["x", "y", "spare"]
    assert sorted((bar.row, bar.start, bar.kind) for bar in chart.bars if bar.start == 0) in (
        [(0, 0, "solid"), (2, 0, "hatched")],
        [(1, 0, "solid"), (2, 0, "hatched")],
    )
    assert len(chart.bars) == 6
    picture_of_migration(plan, tmp_path / "plan.png")
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_is_no_picture(tmp_path: Path) -> None:
    """An empty chart would look like a defect."""
    with pytest.raises(InputError, match="no steps"):
        picture_of_migration(swapped(spare=False), tmp_path / "plan.png")
