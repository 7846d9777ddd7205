"""Reports and pictures of simulations show what the simulations are."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from formulations import VM, Host, InputError, Instance, Placement, Resource
from formulations.scheduling.workload import Job, Workload
from solver.reporting.pictures.simulations import distribution, simulation_figure
from solver.reporting.simulations import milliseconds, simulation_document, simulation_report
from solver.scheduling.dynamic import FirstCome, RoundRobin, Simulation, Span, compare, machines_of

INSTANCE = Instance(
    name="shop $1",
    resources=[Resource(name="cpu", unit="cores")],
    vms=[VM(name="vm", count=50, vcpus=1, resources={"cpu": 1})],
    hosts=[Host(name="h", count=5, cores=10, capacity={"cpu": 10})],
)


def simulations(jobs: int = 200, window: int = 100_000) -> tuple[Simulation, ...]:
    """Return two policies on the same work."""
    rng = np.random.default_rng(1)
    columns = [rng.integers(low, high, jobs) for low, high in ((0, 100_000), (0, 50), (1, 30_000), (0, 5))]
    machines = machines_of(INSTANCE, Placement(np.arange(50) % 5))
    return compare(machines, Workload(*columns), (FirstCome(), RoundRobin()), window=Span(0, window))


def text_of(parts: object) -> str:
    """Return what is printed on a page."""
    console = Console(file=io.StringIO(), width=80)
    console.print(*parts)  # type: ignore[misc]
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_many_vms_are_shown_as_far_as_asked() -> None:
    """A page of a thousand VMs helps nobody who did not ask for it."""
    (one, _) = simulations()
    assert "more VMs; --all shows them" in text_of(simulation_report(INSTANCE, [one]))
    whole = text_of(simulation_report(INSTANCE, [one], everything=True))
    assert "vm-50" in whole
    assert "more VM" not in whole


def test_the_document_says_what_the_simulation_says() -> None:
    """Programs read the same figures, to the microsecond."""
    both = simulations()
    told = simulation_document(INSTANCE, both)
    for one, policy in zip(both, told["policies"], strict=True):
        assert policy["turnaround"]["max"] == int((one.finish - one.workload.arrival).max())
        assert len(policy["segments"]) == len(one.segments)
        assert {segment["vm"] for segment in policy["segments"]} <= set(policy["vms"])


def test_times_are_spelled_shortly() -> None:
    """Three digits tell enough of a time that is measured."""
    assert [milliseconds(time) for time in (0, 7, 12_345, 999_949, 61_234_567)] == [
        "0",
        "0.007",
        "12.3",
        "999.9",
        "61,235",
    ]


def test_distributions_end_with_everything() -> None:
    """However many jobs there are, the curve ends at the longest with all of them."""
    times = np.random.default_rng(0).integers(1, 10**6, 10_000)
    at, part = distribution(times)
    assert len(at) <= 2_000
    assert at[-1] == times.max()
    assert part[-1] == 1
    for time, share in zip(at[::100].tolist(), part[::100].tolist(), strict=True):
        assert abs(float((times <= time).mean()) - share) < 1e-3


def test_the_figure_has_a_curve_and_cores_for_every_policy() -> None:
    """A panel of curves, and below it the busiest host under each policy."""
    both = simulations()
    axes = simulation_figure(INSTANCE, both).axes
    assert len(axes) == 1 + len(both)
    assert [line.get_label() for line in axes[0].lines] == [" FCFS", " RR"]
    assert axes[1].get_title(loc="left").startswith("FCFS: 8 of 10 cores of h-")


def test_without_a_window_there_are_curves_only() -> None:
    """Who asked for no moment gets none."""
    assert len(simulation_figure(INSTANCE, simulations(window=0)).axes) == 1


def test_nothing_is_not_drawn() -> None:
    """An empty picture would look like an answer."""
    with pytest.raises(InputError, match="no simulation"):
        simulation_figure(INSTANCE, [])


def test_a_job_that_is_done_at_once_is_drawn() -> None:
    """A logarithmic axis must not fail on a single point."""
    machines = machines_of(INSTANCE, Placement(np.arange(50) % 5))
    one = compare(machines, Workload.of_jobs([Job(0, 0, 1)]), (FirstCome(),))
    assert simulation_figure(INSTANCE, one).axes
