"""Simulations for people and for programs: policies side by side, and what each made of every VM."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from formulations.instance import Instance
from formulations.scheduling.workload import SECOND, exact_sum
from solver.reporting.figures import count, percent
from solver.reporting.tables import Column, stacked
from solver.scheduling.dynamic import Figures, Simulation, Spread, Summary, core_time, summary, vm_figures

MOST_VMS = 40
"""VMs shown unless all are asked for."""


def milliseconds(microseconds: Fraction | int) -> str:
    """Spell microseconds in milliseconds, to about three digits.

    Examples
    --------
    >>> milliseconds(1_234), milliseconds(56_789), milliseconds(1_234_567), milliseconds(0)
    ('1.234', '56.8', '1,235', '0')
    """
    value = float(microseconds) / 1000
    decimals = 3 if value < 10 else 1 if value < 1000 else 0
    spelled = f"{value:,.{decimals}f}"
    return spelled.rstrip("0").rstrip(".") if decimals else spelled


# -- for people ------------------------------------------------------------------------------


def simulation_report(
    instance: Instance, simulations: Sequence[Simulation], *, everything: bool = False
) -> Iterator[RenderableType]:
    """Yield the report of the same work under one policy or several.

    Parameters
    ----------
    instance : Instance
        For names.
    simulations : sequence of Simulation
        At least one.
    everything : bool
        Show every VM under every policy; otherwise the VMs of a single policy, the first ``MOST_VMS``.
    """
    yield _headline(simulations[0])
    summaries = [summary(one) for one in simulations]
    policies = Column("policy", [one.policy for one in summaries], name=True)
    yield from _tables(policies, [one.figures for one in summaries], _columns(summaries))
    if len(simulations) > 1 and not everything:
        return
    for one in simulations:
        yield ""
        yield from _vm_tables(instance, one, everything=everything)


def _headline(simulation: Simulation) -> Text:
    workload = simulation.workload
    cores = sum(machine.cores for machine in simulation.machines)
    span = int(workload.arrival.max()) - int(workload.arrival.min())
    text = Text("simulation", style="bold").append(
        f": {count(len(workload), 'job')} on {count(cores, 'core')} of {count(simulation.hosts, 'host')}, "
        f"{exact_sum(workload.work) / SECOND:,.3f} s of core time that arrives in {span / SECOND:,.3f} s\n",
        style="not bold default",
    )
    return text.append(
        "times in ms: the mean, what 95 % of jobs do not exceed, and the most\n", style="not bold default"
    )


def _tables(key: Column, figures: Sequence[Figures], others: Sequence[Column]) -> Iterator[RenderableType]:
    """Yield waiting and response times, then turnaround and what else there is to tell."""
    times = {
        name: _spread_columns(name, [getattr(one, name) for one in figures])
        for name in ("waiting", "response", "turnaround")
    }
    first = [*times["waiting"], *times["response"]]
    built = [*stacked([key], first), *stacked([key], [*times["turnaround"], *others])]
    for at, one in enumerate(built):
        yield from ("", one) if at else (one,)


def _columns(summaries: Sequence[Summary]) -> list[Column]:
    """Return the columns of the comparison beside times; what switches cost only where they cost anything."""
    columns = [
        Column("jobs/s", [f"{float(one.throughput):,.1f}" for one in summaries]),
        Column("fairness", [f"{one.fairness:.4f}" for one in summaries]),
        Column("switches", [f"{one.switches:,}" for one in summaries]),
        Column("used", [percent(one.utilisation) for one in summaries]),
    ]
    if any(one.overhead for one in summaries):
        columns.append(Column("lost", [percent(one.overhead) for one in summaries]))
    return columns


def _spread_columns(name: str, spreads: Sequence[Spread]) -> list[Column]:
    return [
        Column(name, [milliseconds(one.mean) for one in spreads]),
        Column("95 %", [milliseconds(one.p95) for one in spreads]),
        Column("most", [milliseconds(one.largest) for one in spreads]),
    ]


def _vm_tables(instance: Instance, simulation: Simulation, *, everything: bool) -> Iterator[RenderableType]:
    figures = vm_figures(simulation)
    parts = _parts(simulation)
    shown = list(figures) if everything else list(figures)[:MOST_VMS]
    names = [instance.vm_names.name(vm) for vm in shown]
    rows = [figures[vm] for vm in shown]
    yield Text(f"under {simulation.policy}", style="bold")
    counts = [
        Column("jobs", [f"{row.jobs:,}" for row in rows]),
        Column("core time", [milliseconds(row.work) for row in rows]),
        Column("of its due", [percent(parts[vm]) if parts[vm] < 1 else f"{parts[vm] * 100:.0f} %" for vm in shown]),
    ]
    yield from _tables(Column("VM", names, name=True), rows, counts)
    if len(shown) < len(figures):
        yield f"… and {count(len(figures) - len(shown), 'more VM')}; --all shows them"


def _parts(simulation: Simulation) -> dict[int, float]:
    """Return what part of the core time that it is entitled to each VM with jobs gets while it has jobs."""
    received, due = core_time(simulation)
    vms = [vm for machine in simulation.machines for vm in machine.vms.tolist()]
    rows = zip(vms, received.tolist(), due.tolist(), strict=True)
    return {vm: got / entitled for vm, got, entitled in rows if got}


# -- for programs ----------------------------------------------------------------------------


def simulation_document(instance: Instance, simulations: Sequence[Simulation]) -> dict[str, Any]:
    """Return simulations as plain data; times in microseconds unless their names say seconds."""
    workload = simulations[0].workload
    machines = simulations[0].machines
    return {
        "instance": instance.name,
        "jobs": len(workload),
        "core_seconds": exact_sum(workload.work) / SECOND,
        "machines": [
            {"name": one.label, "host": one.name, "cores": one.cores, "vms": len(one.vms)} for one in machines
        ],
        "switch_cost": machines[0].switch_cost,
        "policies": [_policy(instance, one) for one in simulations],
    }


def _policy(instance: Instance, simulation: Simulation) -> dict[str, Any]:
    told, parts = summary(simulation), _parts(simulation)
    return {
        "policy": told.policy,
        **_figures(told.figures),
        "seconds": float(told.seconds),
        "jobs_per_second": float(told.throughput),
        "utilisation": float(told.utilisation),
        "lost_in_switches": float(told.overhead),
        "switches": told.switches,
        "events": told.events,
        "fairness": told.fairness,
        "vms": {
            instance.vm_names.name(vm): {**_figures(own), "received_by_entitled": parts[vm]}
            for vm, own in vm_figures(simulation).items()
        },
        "window": list(simulation.window),
        "segments": [
            {
                "machine": simulation.machines[machine].label,
                "core": core,
                "vm": instance.vm_names.name(int(simulation.workload.vm[job])),
                "job": job,
                "begin": begin,
                "end": end,
            }
            for machine, core, job, begin, end in simulation.segments.tolist()
        ],
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "jobs": figures.jobs,
        "work": figures.work,
        **{name: _spread(getattr(figures, name)) for name in ("waiting", "response", "turnaround")},
    }


def _spread(one: Spread) -> dict[str, Any]:
    return {"mean": float(one.mean), "p95": one.p95, "max": one.largest}
