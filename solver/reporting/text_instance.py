"""Instances as people read them: totals against capacity, VMs, hosts, rules and the objective."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType
from rich.text import Text

from formulations.instance import Instance
from formulations.isolation import AnyIsolation, Full, Partial, Protected
from formulations.resources import Scale
from formulations.rules import Rule
from formulations.tables import NO_LIMIT
from solver.reporting.figures import amount, count, heading, percent
from solver.reporting.tables import Column, stacked, table

Integers = NDArray[np.int64]

MOST_ENTRIES = 20


def instance_report(instance: Instance, *, everything: bool = False) -> Iterator[RenderableType]:
    """Yield the report of an instance.

    Parameters
    ----------
    instance : Instance
    everything : bool
        Show every entry and rule, however many.
    """
    most = max(len(instance.vms), len(instance.hosts), len(instance.rules)) if everything else MOST_ENTRIES
    yield Text(_headline(instance), style="bold")
    yield Text(f"isolation {isolation_words(instance.isolation)}; minimise {_objective(instance)}\n")
    yield totals_table(instance)
    yield Text("\nVMs (reservation / demand / limit where they differ)")
    yield from _vm_tables(instance, most)
    yield Text("\nhosts (what VMs may use)")
    yield from _host_tables(instance, most)
    if instance.rules:
        yield Text("\nrules")
        yield from (Text(f"- {rule_words(rule)}") for rule in instance.rules[:most])
        yield from _more(len(instance.rules) - most, "rule")


def _headline(instance: Instance) -> str:
    unlimited = any(host.count == "unlimited" for host in instance.hosts)
    hosts = "unlimited hosts" if unlimited else count(instance.host_count, "host")
    hard = sum(rule.hard for rule in instance.rules)
    rules = f"{count(len(instance.rules), 'rule')} ({hard} hard)" if instance.rules else "no rules"
    return f"{instance.name or 'instance'}: {count(instance.vm_count, 'VM')}, {hosts}, {rules}"


def isolation_words(level: AnyIsolation) -> str:
    """Spell an isolation level as the command line takes it."""
    if isinstance(level, Full):
        return "full:pinned" if level.pinned else "full"
    if isinstance(level, Partial):
        return f"partial:{level.alpha}"
    return f"protected:{level.gamma}" if isinstance(level, Protected) else "shared"


def _objective(instance: Instance) -> str:
    return ", then ".join(level.name for level in instance.levels) or "nothing"


def rule_words(rule: Rule) -> str:
    """Spell a rule with its price and its note."""
    price = "" if rule.hard else f" (soft, price {rule.price})"
    return f"{rule}{price}" + (f": {rule.note}" if rule.note else "")


def totals(instance: Instance) -> dict[str, Integers]:
    """Return reserved and demanded totals of wanted VMs, and the capacity outside maintenance, in quanta."""
    tables = instance.tables
    wanted = np.bincount(instance.vm_entry[instance.wanted], minlength=len(instance.vms))
    hosts = np.where(instance.usable_entries, instance.host_names.counts, 0)
    return {
        "reserved": wanted @ tables.lower,
        "demand": wanted @ tables.demand,
        "capacity": hosts @ tables.capacity,
    }


def totals_table(instance: Instance) -> RenderableType:
    """Return what is reserved and demanded in all against what there is."""
    sums = totals(instance)
    scales = instance.tables.scales
    columns = [Column("resource", [heading(scale) for scale in scales], name=True)]
    columns += [Column(title, _amounts(scales, figures)) for title, figures in sums.items() if title != "capacity"]
    if any(host.count == "unlimited" for host in instance.hosts):
        return table([*columns, Column("capacity", ["unlimited"] * len(scales))])
    pairs = list(zip(sums["demand"].tolist(), sums["capacity"].tolist(), strict=True))
    columns.append(Column("capacity", _amounts(scales, sums["capacity"])))
    columns.append(Column("demand / capacity", [percent(need / room) if room else "-" for need, room in pairs]))
    return table(columns)


def _amounts(scales: Sequence[Scale], figures: Integers) -> list[str]:
    return [amount(scale, integer) for scale, integer in zip(scales, figures.tolist(), strict=True)]


def _vm_tables(instance: Instance, most: int) -> Iterator[RenderableType]:
    vms = instance.vms[:most]
    keys = [Column("VM", [vm.name for vm in vms], name=True), Column("count", [f"{vm.count:,}" for vm in vms])]
    columns = [
        Column(heading(scale), [_bounds(instance, entry, r) for entry in range(len(vms))])
        for r, scale in enumerate(instance.tables.scales)
    ]
    stated = {
        "group": [vm.group or "" for vm in vms],
        "now on": [_now_on(vm.host) for vm in vms],
        "priority": [str(vm.priority) if vm.priority else "" for vm in vms],
        "power": ["off" if vm.power == "off" else "" for vm in vms],
        "isolation": [isolation_words(vm.isolation) if vm.isolation else "" for vm in vms],
    }
    columns += [Column(title, cells, name=True) for title, cells in stated.items() if any(cells)]
    yield from stacked(keys, columns)
    yield from _more(len(instance.vms) - most, "entry", "entries")


def _now_on(host: str | list[str] | None) -> str:
    if host is None or isinstance(host, str):
        return host or ""
    shown = ", ".join(host[:3])
    return shown if len(host) <= 3 else f"{shown} and {len(host) - 3} more"


def _bounds(instance: Instance, entry: int, r: int) -> str:
    """Spell the bounds of a VM entry: one figure where all three agree."""
    tables = instance.tables
    scale = tables.scales[r]
    low, expected, high = (int(bound[entry, r]) for bound in (tables.lower, tables.demand, tables.upper))
    if low == expected == high:
        return amount(scale, low)
    return f"{amount(scale, low)} / {amount(scale, expected)} / {'-' if high == NO_LIMIT else amount(scale, high)}"


def _host_tables(instance: Instance, most: int) -> Iterator[RenderableType]:
    hosts = instance.hosts[:most]
    keys = [
        Column("host", [host.name for host in hosts], name=True),
        Column("count", [host.count if isinstance(host.count, str) else f"{host.count:,}" for host in hosts]),
    ]
    columns = [
        Column(heading(scale), [amount(scale, room) for room in instance.tables.capacity[: len(hosts), r].tolist()])
        for r, scale in enumerate(instance.tables.scales)
    ]
    labels = sorted(set().union(*(host.domains for host in hosts)))
    stated = {label: [host.domains.get(label, "") for host in hosts] for label in labels}
    stated["cost"] = ["" if host.cost is None else str(host.cost) for host in hosts]
    stated["cells"] = [str(len(host.cells)) if host.cells else "" for host in hosts]
    stated["state"] = ["" if host.state == "on" else host.state for host in hosts]
    columns += [Column(title, cells, name=True) for title, cells in stated.items() if any(cells)]
    yield from stacked(keys, columns)
    yield from _more(len(instance.hosts) - most, "entry", "entries")


def _more(number: int, one: str, many: str = "") -> Iterator[RenderableType]:
    if number > 0:
        yield Text(f"… and {number:,} more {one if number == 1 else many or one + 's'} (--all shows them)")
