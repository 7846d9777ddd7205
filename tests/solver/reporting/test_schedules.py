"""Reports of schedules: short on large instances, complete on request, and spelled as people count."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from typing import Any

import numpy as np
import pytest
from rich.console import Console, RenderableType

from formulations import VM, Host, Instance, Placement, Resource
from formulations.scheduling.dispatch import DispatchQuestion
from formulations.scheduling.startup import StartLimits
from solver.reporting.schedule_documents import startup_document
from solver.reporting.schedules import MOST_HOSTS, MOST_WAVES, dispatch_report, duration, microseconds, startup_report
from solver.scheduling.dispatch import dispatch_tables
from solver.scheduling.startup import StartupResult, startup_order


def printed(parts: Iterable[RenderableType], width: int = 200) -> str:
    """Return what a report looks like on a page."""
    page = StringIO()
    console = Console(file=page, width=width)
    for part in parts:
        console.print(part)
    return page.getvalue()


def many(count: int = 60, **limits: Any) -> StartupResult:
    """Return the order of an entry of many VMs on one host, with limits."""
    vms = [VM(name="a", count=count, resources={"cpu": 1}, boot_seconds=1)]
    hosts = [Host(name="h", capacity={"cpu": 1000})]
    instance = Instance(resources=[Resource(name="cpu")], vms=vms, hosts=hosts)
    return startup_order(instance, Placement(np.zeros(count, dtype=np.int64)), limits=StartLimits(**limits))


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [(0, "0 ms"), (999, "999 ms"), (1_001, "1.001 s"), (599_999, "599.999 s"), (3_723_500, "1 h 2 min 3.5 s")],
)
def test_durations_are_exact_and_short(milliseconds: int, expected: str) -> None:
    """What is printed is what was computed."""
    assert duration(milliseconds) == expected


def test_microseconds_are_spelled_in_milliseconds() -> None:
    """The unit of frames and blackouts in every table."""
    assert [microseconds(span) for span in (None, 1, 2_500, 1_000_000)] == ["-", "0.001 ms", "2.5 ms", "1,000 ms"]


def test_an_entry_that_starts_as_a_whole_is_named_once() -> None:
    """Sixty names say less than one."""
    text = printed(startup_report(many()))
    assert "a (all 60)" in text
    assert "a-2" not in text


def test_long_orders_are_cut_with_a_word_and_shown_in_full_on_request() -> None:
    """Nobody reads 60 waves unasked; --all is there for those who do."""
    result = many(per_host=1)
    short = printed(startup_report(result))
    assert f"and {60 - MOST_WAVES} more waves" in short
    assert "a-60" not in short
    full = printed(startup_report(result, everything=True))
    shown = [line.split()[-1] for line in full.splitlines() if line.strip()]
    assert {f"a-{n}" for n in range(1, 61)} <= set(shown)


def test_the_document_holds_every_vm_once() -> None:
    """Programs start VMs from it."""
    document = startup_document(many(per_host=7))
    waves = [name for wave in document["waves"] for name in wave["vms"]]
    assert sorted(waves) == sorted(document["vms"])
    assert len(waves) == 60
    assert (document["makespan_ms"], document["bound_ms"], document["gap"]) == (9_000, 9_000, 0.0)


def test_hosts_without_a_table_are_named_and_not_all_listed() -> None:
    """A page of a thousand refusals hides what it says, and a refusal that names no host helps nobody."""
    hosts = [Host(name="h", count=30, capacity={"cpu": 1}, cores=1)]
    vms = [VM(name="a", count=30, resources={"cpu": 0})]
    instance = Instance(resources=[Resource(name="cpu")], vms=vms, hosts=hosts)
    nothing = np.zeros((30, 1), dtype=np.int64)
    placement = Placement(np.arange(30), nothing)
    answer = dispatch_tables(DispatchQuestion(instance, placement, latency=1000))
    page = printed(dispatch_report(answer))
    assert "h-1: a-1 has no core time, so its blackout has no end" in page
    assert page.count("has no end") == MOST_HOSTS
    assert "… and 10 more hosts; --all shows them" in page
    assert printed(dispatch_report(answer, everything=True)).count("has no end") == 30


def test_every_line_of_figures_names_its_host_on_a_narrow_page() -> None:
    """Eight figures do not fit beside a name on eighty columns: they continue below, beside the name again."""
    hosts = [Host(name="host-in-the-second-rack", capacity={"cpu": 4}, cores=4)]
    vms = [VM(name="a", vcpus=2, resources={"cpu": 1})]
    instance = Instance(resources=[Resource(name="cpu")], vms=vms, hosts=hosts)
    placement = Placement(np.zeros(1, dtype=np.int64), np.ones((1, 1), dtype=np.int64))
    answer = dispatch_tables(DispatchQuestion(instance, placement, gang=["a"]))
    page = printed(dispatch_report(answer), width=80)
    assert page.count("host-in-the-second-rack") == 2
    assert all(title in page for title in ("frame", "busy", "moving", "longest blackout", "gangs done"))
