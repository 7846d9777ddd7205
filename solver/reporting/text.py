"""Results as people read them: a headline, the levels, who is where with how much, and why not."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType
from rich.text import Text

from formulations.instance import Instance
from formulations.isolation import Protected
from formulations.placement import Placement
from formulations.resources import Scale
from solver.reporting.figures import amount, count, figure, heading, percent, seconds, share_of_demand, with_unit
from solver.reporting.tables import Column, stacked, table
from solver.result import LevelResult, Reason, Result, Status

Integers = NDArray[np.int64]

MOST_VMS = 40
"""Results with more VMs show their hosts instead, unless all is asked for."""

MOST_HOSTS = 10

MOST_LEFT_OUT = 10

MOST_BURST_HOSTS = 200

BURST_SAMPLES = 20_000

COLOURS = {Status.OPTIMAL: "bold green", Status.FEASIBLE: "bold yellow", Status.INFEASIBLE: "bold red"}


def result_report(result: Result, *, everything: bool = False) -> Iterator[RenderableType]:
    """Yield the report of a result.

    Parameters
    ----------
    result : Result
    everything : bool
        Show every VM and every host in use, however many.
    """
    yield headline(result)
    if result.placement is not None:
        if len(result.levels) > 1:
            yield levels_table(result)
            yield ""
        yield from placement_report(result.instance, result.placement, everything=everything)
    for reason in result.reasons:
        yield reason_text(reason)


def headline(result: Result) -> Text:
    """Return status, objective, bound, gap and time, who proved it and who found it."""
    lines = Text(result.status.value, style=COLOURS.get(result.status, "bold"))
    level = result.headline
    if level is None:
        return lines.append(f": {_without_placement(result)}\n", style="not bold default")
    bound = "unknown" if level.bound is None else _worth(level, level.bound)
    told = (
        f": {level.name} {_worth(level, level.value)}, bound {bound}, gap {percent(level.gap)}, "
        f"{seconds(result.seconds)}\n"
    )
    lines.append(told, style="not bold default")
    if origin := _origin(result):
        lines.append(f"{origin}\n", style="not bold default")
    return lines


def _worth(level: LevelResult, value: Fraction) -> str:
    """Spell a level's value with its unit, unless the level's name says it already."""
    return with_unit(value, "" if level.unit in level.name else level.unit)


def _without_placement(result: Result) -> str:
    if result.status is Status.INFEASIBLE:
        return f"there is no placement (proved in {seconds(result.seconds)})"
    if result.placement is not None:
        return f"nothing to minimise, {seconds(result.seconds)}"
    ended = "interrupted" if result.interrupted else "stopped"
    return f"{ended} after {seconds(result.seconds)}, with neither a placement nor a proof that there is none"


def _origin(result: Result) -> str:
    """Say who proved the bound, who found the placement and whether somebody stopped the search."""
    parts: list[str] = []
    if result.headline is not None and result.headline.proved_by:
        parts.append(f"bound proved by {result.headline.proved_by}")
    if result.trace:
        last = result.trace[-1]
        parts.append(f"placement found by {last.found_by} after {seconds(last.seconds)}")
    if result.interrupted:
        parts.append("interrupted")
    return "; ".join(parts)


def levels_table(result: Result) -> RenderableType:
    """Return the lexicographic levels: value, bound, gap and who proved it."""
    levels = result.levels
    return table(
        [
            Column("level", [level.name for level in levels], name=True),
            Column("value", [_worth(level, level.value) for level in levels]),
            Column("bound", ["unknown" if level.bound is None else figure(level.bound) for level in levels]),
            Column("gap", [percent(level.gap) for level in levels]),
            Column("proved by", [level.proved_by or "-" for level in levels], name=True),
        ]
    )


def placement_report(instance: Instance, placement: Placement, *, everything: bool = False) -> Iterator[RenderableType]:
    """Yield who is where: VMs with their allocation while they are few, otherwise the fullest hosts."""
    yield Text(_how_many(instance, placement))
    yield from _left_out(instance, placement)
    yield ""
    if instance.vm_count <= MOST_VMS or everything:
        if placement.allocation is not None:
            yield Text("what each VM gets (in brackets the share of its demand, where not 100 %)")
        yield from vm_tables(instance, placement, np.arange(instance.vm_count))
        yield ""
    else:
        yield from _least_satisfied(instance, placement)
    yield from _fullest_hosts(instance, placement, everything=everything)
    yield from _bursts(instance, placement)


def _how_many(instance: Instance, placement: Placement) -> str:
    used = len(placement.hosts_used)
    hosts = count(used, "host")
    if all(host.count != "unlimited" for host in instance.hosts):
        hosts = f"{used:,} of {count(instance.host_count, 'host')}"
    told = f"{count(int(placement.placed.sum()), 'VM')} on {hosts}"
    left_out = int((instance.wanted & ~placement.placed).sum())
    moved = int(((instance.current >= 0) & placement.placed & (placement.host_of != instance.current)).sum())
    told += f", {left_out:,} left out" if left_out else ""
    return told + (f", {count(moved, 'move')}" if bool((instance.current >= 0).any()) else "")


def vm_tables(instance: Instance, placement: Placement, vms: Integers) -> Iterator[RenderableType]:
    """Yield the VMs' hosts and allocations with their share of the demand."""
    hosts = [_host_name(instance, int(host)) for host in placement.host_of[vms]]
    names = [instance.vm_names.name(int(vm)) for vm in vms]
    keys = [Column("VM", names, name=True), Column("host", hosts, name=True)]
    if placement.allocation is None:
        yield table(keys)
        return
    demand = instance.tables.demand[instance.vm_entry[vms]]
    given = placement.allocation[vms]
    columns = [
        Column(heading(scale), _allocations(scale, given[:, r], demand[:, r]))
        for r, scale in enumerate(instance.tables.scales)
    ]
    yield from stacked(keys, columns)


def _allocations(scale: Scale, given: Integers, demand: Integers) -> list[str]:
    """Spell what is given; with its share of the demand where that is less or more than all."""
    pairs = zip(given.tolist(), demand.tolist(), strict=True)
    spelled = ((amount(scale, allocation), share_of_demand(allocation, wanted)) for allocation, wanted in pairs)
    return [f"{text} ({share})" if share else text for text, share in spelled]


def _host_name(instance: Instance, host: int) -> str:
    return "-" if host < 0 else instance.host_names.name(host)


def _left_out(instance: Instance, placement: Placement) -> Iterator[RenderableType]:
    """Name VMs that wanted a host and have none."""
    left_out = np.flatnonzero(instance.wanted & ~placement.placed)
    if len(left_out):
        names = [instance.vm_names.name(int(vm)) for vm in left_out[:MOST_LEFT_OUT]]
        more = f" and {len(left_out) - MOST_LEFT_OUT:,} more" if len(left_out) > MOST_LEFT_OUT else ""
        yield Text(f"without a host: {', '.join(names)}{more}")


def _least_satisfied(instance: Instance, placement: Placement) -> Iterator[RenderableType]:
    """Show the placed VMs that get the smallest share of their demand, when some get less than all."""
    if placement.allocation is None:
        return
    demand = instance.tables.demand[instance.vm_entry]
    met = np.minimum(placement.allocation, demand) / np.maximum(demand, 1)
    share = np.where(demand > 0, met, 1.0).min(axis=1)
    short = np.flatnonzero((share < 1) & placement.placed)
    if len(short):
        worst = short[np.argsort(share[short], kind="stable")[:MOST_LEFT_OUT]]
        yield Text(f"{count(len(short), 'VM')} below demand; the worst served:")
        yield from vm_tables(instance, placement, worst)
        yield ""


def _fullest_hosts(instance: Instance, placement: Placement, *, everything: bool) -> Iterator[RenderableType]:
    """Show the hosts in use, fullest first: VMs, and of each resource what is given and what there is."""
    used = placement.hosts_used
    if not len(used):
        return
    loads = host_loads(instance, placement, used)
    capacity = instance.tables.capacity[instance.host_names.entry_of(used)]
    fullness = (loads / np.maximum(capacity, 1)).max(axis=1)
    order = np.argsort(-fullness, kind="stable")
    if not everything:
        order = order[:MOST_HOSTS]
    members = np.bincount(np.searchsorted(used, placement.host_of[placement.placed]), minlength=len(used))
    keys = [
        Column("host", [instance.host_names.name(int(used[n])) for n in order], name=True),
        Column("VMs", [f"{int(members[n]):,}" for n in order]),
    ]
    yield from stacked(keys, [_load_column(instance, r, loads[order], capacity[order]) for r in range(loads.shape[1])])
    if len(order) < len(used):
        yield Text(f"… and {count(len(used) - len(order), 'more host')} (--all shows every VM and host)")


def host_loads(instance: Instance, placement: Placement, hosts: Integers) -> Integers:
    """Return what the VMs of each host are given (reserved, where nothing is allocated yet), in quanta."""
    placed = placement.placed
    given = placement.allocation
    if given is None:
        given = instance.tables.lower[instance.vm_entry]
    loads = np.zeros((len(hosts), given.shape[1]), dtype=np.int64)
    np.add.at(loads, np.searchsorted(hosts, placement.host_of[placed]), given[placed])
    return loads


def _load_column(instance: Instance, r: int, loads: Integers, capacity: Integers) -> Column:
    scale = instance.tables.scales[r]
    pairs = zip(loads[:, r].tolist(), capacity[:, r].tolist(), strict=True)
    return Column(
        heading(scale),
        [f"{amount(scale, load)} of {amount(scale, room)}" + _fullness(load, room) for load, room in pairs],
    )


def _fullness(load: int, room: int) -> str:
    return f" ({percent(load / room)})" if room else ""


def _bursts(instance: Instance, placement: Placement) -> Iterator[RenderableType]:
    """Say how likely the bursts of protected VMs fit, where there are some and hosts are not too many."""
    protected = any(isinstance(instance.isolation_of(entry), Protected) for entry in range(len(instance.vms)))
    if not protected or placement.allocation is None or len(placement.hosts_used) > MOST_BURST_HOSTS:
        return
    from solver.bursting import Method, burst_report  # noqa: PLC0415 - scipy, for protected VMs only

    report = burst_report(instance, placement, samples=BURST_SAMPLES)
    if report.method is Method.CERTAIN and report.probability == 1:
        yield Text("\nall protected VMs may burst at once")
        return
    worst = min(report.hosts, key=lambda host: host.probability)
    how = f"sampled: {percent(report.low)} to {percent(report.high)}" if report.method is Method.SAMPLED else "exact"
    yield Text(
        f"\nany {count(instance.gamma, 'protected VM')} per host may burst at once; all independent bursts fit with "
        f"probability {percent(report.probability)} ({how}), on {worst.host} with {percent(worst.probability)}"
    )


def reason_text(reason: Reason) -> Text:
    """Return why there is no placement, the facts that conflict, and the ways out."""
    text = Text(f"Why: {reason.message}\n", style="bold")
    plain = "not bold default"
    if reason.facts:
        text.append("  These cannot all hold:\n", style=plain)
        text.append("".join(f"  - {fact}\n" for fact in reason.facts), style=plain)
    if reason.ways_out:
        text.append("  Ways out, each verified:\n", style=plain)
        text.append("".join(f"  - {way}\n" for way in reason.ways_out), style=plain)
    return text
