"""How each objective term reads in the assignment model, fixed part included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.assignment.capacity import Capacity
from formulations.assignment.variables import Variables
from formulations.errors import UnsupportedError
from formulations.objective import Term, TermKind
from formulations.program import Expression
from formulations.quantities import exact
from formulations.rules import Rule

Floats = NDArray[np.float64]


class Parts(NamedTuple):
    """What terms are made of: the variables, what VMs get, and by how much each rule is broken."""

    variables: Variables
    capacity: Capacity
    amounts: Sequence[tuple[Rule, Expression]]


def expression(parts: Parts, term: Term) -> Expression:
    """Return a term's value as an expression."""
    return _TERMS[term.kind](parts, term)


def _unplaced(parts: Parts, term: Term) -> Expression:
    model = parts.variables
    counted = model.instance.ruled.copy()
    if term.priority is not None:
        priorities = np.array([vm.priority for vm in model.instance.vms])[model.instance.vm_entry]
        counted &= priorities == term.priority
    weights = _weights(model, term)
    free = [vm for vm in model.x if counted[vm]]
    fixed = counted & (model.scope.fixed.host_of < 0)
    total = Expression(constant=float(weights[fixed].sum()))  # free VMs have no host in the fixed part
    for vm in free:
        if weights[vm]:
            total.plus(model.placed(vm), -float(weights[vm]))
    return total


def _weights(model: Variables, term: Term) -> Floats:
    """Return what each VM counts for when it has no host: 1, or its demand for a resource."""
    if term.resource is None:
        return np.ones(model.instance.vm_count)
    tables = model.instance.tables
    r = tables.resource_names.index(term.resource)
    weights: Floats = tables.demand[model.instance.vm_entry, r] * float(tables.scales[r].quantum)
    return weights


def _broken_rules(parts: Parts, _: Term) -> Expression:
    total = Expression()
    for rule, amount in parts.amounts:
        if rule.price is not None:
            total.plus(amount, float(exact(rule.price)))
    return total


def _unmet_demand(parts: Parts, _: Term) -> Expression:
    model, capacity = parts.variables, parts.capacity
    tables, entry_of = model.instance.tables, model.instance.vm_entry
    total = Expression(constant=_unmet_by_fixed(model))
    for vm in model.x:
        entry = entry_of[vm]
        for r in np.flatnonzero(tables.demand[entry] > 0).tolist():
            share = float(tables.shares[entry, r]) / tables.shares_unit
            total.constant += share
            met = capacity.met.get((vm, r), Expression())
            total.plus(met, -share * capacity.unit[r] / float(tables.demand[entry, r]))
    return total


def _unmet_by_fixed(model: Variables) -> float:
    tables, fixed = model.instance.tables, model.scope.fixed
    free = np.fromiter(model.x, dtype=np.int64)
    counted = model.instance.wanted.copy()
    counted[free] = False
    vms = np.flatnonzero(counted)
    if fixed.allocation is None or not len(vms):
        return 0.0
    entries = model.instance.vm_entry[vms]
    demand = tables.demand[entries].astype(np.float64)
    short = np.maximum(0.0, demand - fixed.allocation[vms]) / np.maximum(demand, 1.0)
    return float((short * tables.shares[entries]).sum()) / tables.shares_unit


def _hosts(parts: Parts, _: Term) -> Expression:
    model = parts.variables
    total = Expression.total(model.on.values())
    total.constant = float(len(model.fixed_in_use))
    return total


def _cost(parts: Parts, _: Term) -> Expression:
    model = parts.variables
    names = model.instance.host_names
    costs = [float(exact(0 if host.cost is None else host.cost)) for host in model.instance.hosts]
    total = Expression(constant=sum(costs[entry] for entry in names.entry_of(model.fixed_in_use)))
    for host, entry in zip(model.on, names.entry_of(np.fromiter(model.on, dtype=np.int64)), strict=True):
        total.add(model.on[host], costs[entry])
    return total


def _energy(parts: Parts, _: Term) -> Expression:
    model = parts.variables
    instance, cpu = model.instance, model.instance.tables.cpu
    if cpu is None:
        raise UnsupportedError("the objective term energy needs a resource with the role cpu")
    idle = [float(exact(host.idle_power)) for host in instance.hosts]
    span = [float(exact(host.peak_power)) - low for host, low in zip(instance.hosts, idle, strict=True)]
    total = Expression()
    for host, on in model.on.items():
        entry = int(instance.host_names.entry_of(np.array([host]))[0])
        total.add(on, idle[entry])
        capacity = float(instance.tables.capacity[entry, cpu])
        for vm in model.members[host] if capacity else ():
            demand = float(instance.tables.demand[instance.vm_entry[vm], cpu])
            total.add(model.x[vm][host], span[entry] * demand / capacity)
    for host, entry in zip(model.fixed_in_use, instance.host_names.entry_of(model.fixed_in_use), strict=True):
        total.constant += idle[entry]
        if capacity := float(instance.tables.capacity[entry, cpu]):
            vms = np.flatnonzero(model.scope.fixed.host_of == host)
            total.constant += span[entry] * float(instance.tables.demand[instance.vm_entry[vms], cpu].sum()) / capacity
    return total


def _migration(parts: Parts, _: Term) -> Expression:
    return _left(parts.variables, parts.variables.instance.move_costs)


def _left(model: Variables, costs: Floats) -> Expression:
    """Return the sum of a figure over the VMs that are not on their current host: shape of costs (VMs,)."""
    instance = model.instance
    counted = instance.ruled & (instance.current >= 0) & (costs != 0)
    moved = counted & (model.scope.fixed.host_of != instance.current)
    total = Expression(constant=float(costs[moved].sum()))  # a free VM counts as moved unless it stays
    for vm in model.x:
        stay = model.x[vm].get(int(instance.current[vm]))
        if counted[vm] and stay is not None:
            total.add(stay, -float(costs[vm]))
    return total


def _group_moves(parts: Parts, _: Term) -> Expression:
    """Return a variable that no group's number of moves exceeds."""
    model = parts.variables
    instance = model.instance
    most = model.program.continuous("most moves of a group")
    names = [f"group {vm.group}" if vm.group is not None else None for vm in instance.vms]
    numbers = {name: n for n, name in enumerate(dict.fromkeys(names))}
    of_vm = np.array([numbers[name] for name in names])[instance.vm_entry]
    if None in numbers:  # a VM without a group is one of its own
        alone = of_vm == numbers[None]
        of_vm[alone] = len(numbers) + np.flatnonzero(alone)
    counted = instance.ruled & (instance.current >= 0)
    moved = counted & (model.scope.fixed.host_of != instance.current)  # a free VM counts as moved unless it stays
    left = np.bincount(of_vm[moved], minlength=int(of_vm.max(initial=0)) + 1)
    moves: dict[int, Expression] = {}
    for vm in (vm for vm in model.x if counted[vm]):
        group = int(of_vm[vm])
        if group not in moves:
            moves[group] = Expression({most: -1.0}, float(left[group]))
            left[group] = 0
        if (stay := model.x[vm].get(int(instance.current[vm]))) is not None:
            moves[group].add(stay, -1.0)
    for group, total in moves.items():
        model.program.at_most(total, 0, f"moves of group {group}")
    if highest := float(left.max(initial=0)):
        model.program.at_most(Expression({most: -1.0}, highest), 0, "moves of all other groups")
    return Expression({most: 1.0})


def _distance(parts: Parts, _: Term) -> Expression:
    model = parts.variables
    instance, fixed = model.instance, model.scope.fixed.host_of
    rows, step = instance.distances
    entries = instance.host_names.entries()
    counted = instance.ruled & (instance.current >= 0)
    total = Expression()
    for vm in np.flatnonzero(counted & (fixed >= 0) & (fixed != instance.current)).tolist():
        if (row := rows.get(int(entries[instance.current[vm]]))) is not None:
            total.constant += float(row[entries[fixed[vm]]]) * float(step)
    for vm, hosts in model.x.items():
        row = rows.get(int(entries[instance.current[vm]])) if counted[vm] else None
        if row is None:
            continue
        for host, variable in hosts.items():
            if host != instance.current[vm] and (cost := row[entries[host]]):
                total.add(variable, float(cost) * float(step))
    return total


def _load(parts: Parts, term: Term) -> Expression:
    """Sum over hosts of the demand beyond the safety capacity."""
    model = parts.variables
    r = model.instance.tables.resource_names.index(str(term.resource))
    unit = float(model.instance.tables.scales[r].quantum)
    safe = model.instance.tables.safety[model.instance.host_names.entries(), r]
    total = Expression()
    for host, load in _loads(model, r).items():
        name = f"above safety {model.instance.host_names.name(host)} {r}"
        total.plus(_excess(model, load.plus(Expression(constant=-float(safe[host]) * unit)), name))
    return total


def _balance(parts: Parts, term: Term) -> Expression:
    """Sum over hosts of how far the free part of one resource falls short of another's."""
    model = parts.variables
    instance, tables = model.instance, model.instance.tables
    if any(host.count == "unlimited" for host in instance.hosts):
        raise UnsupportedError("the objective term balance needs a stated number of hosts")
    first, second = (tables.resource_names.index(str(name)) for name in (term.resource, term.other))
    loads, others = _loads(model, first), _loads(model, second)
    ratio, entries = float(term.ratio), instance.host_names.entries()
    total = Expression()
    for host in np.flatnonzero(instance.usable_entries[entries]).tolist():
        whole = [float(tables.capacity[entries[host], r]) * float(tables.scales[r].quantum) for r in (first, second)]
        short = Expression(constant=ratio * whole[0] - whole[1])
        short.plus(loads[host], -ratio).plus(others[host])
        name = f"short {instance.host_names.name(host)} {first} {second} {ratio:g}"
        total.plus(_excess(model, short, name))
    return total


def _loads(model: Variables, r: int) -> dict[int, Expression]:
    """Return the demand for a resource on every host, in its unit."""
    instance, tables = model.instance, model.instance.tables
    demand = tables.demand[instance.vm_entry, r].astype(np.float64) * float(tables.scales[r].quantum)
    fixed = model.scope.fixed_members
    held = np.bincount(model.scope.fixed.host_of[fixed], demand[fixed], minlength=instance.host_count)
    loads = {host: Expression(constant=float(held[host])) for host in range(instance.host_count)}
    for host, members in model.members.items():
        for vm in members:
            loads[host].add(model.x[vm][host], float(demand[vm]))
    return loads


def _imbalance(parts: Parts, _: Term) -> Expression:
    """Sum over hosts and resources of the excess over the cluster's utilisation."""
    model = parts.variables
    instance, tables = model.instance, model.instance.tables
    if any(host.count == "unlimited" for host in instance.hosts):
        raise UnsupportedError("the objective term imbalance needs a stated number of hosts")
    entries = instance.host_names.entries()
    usable = instance.usable_entries[entries]
    fixed = model.scope.fixed_members
    total = Expression()
    for r in range(len(tables.scales)):
        demand = tables.demand[instance.vm_entry, r].astype(np.float64)
        capacity = np.where(usable, tables.capacity[entries, r], 0).astype(np.float64)
        if not capacity.sum():
            continue
        loads = np.bincount(model.scope.fixed.host_of[fixed], demand[fixed], minlength=instance.host_count)
        mean = _cluster_ratio(model, demand, capacity.sum())
        for host in np.flatnonzero(capacity > 0).tolist():
            load = Expression(constant=float(loads[host]) / capacity[host])
            for vm in model.members.get(host, ()):
                load.add(model.x[vm][host], demand[vm] / capacity[host])
            total.plus(_excess(model, load.plus(mean, -1.0), f"excess {instance.host_names.name(host)} {r}"))
    return total


def _cluster_ratio(model: Variables, demand: np.ndarray[tuple[int], np.dtype[np.float64]], total: float) -> Expression:
    """Return placed demand over capacity; it varies only where VMs may stay out."""
    ratio = Expression(constant=float(demand[model.scope.fixed_members].sum()) / total)
    for vm in model.x:
        if not model.may_stay_out(vm):
            ratio.constant += demand[vm] / total
        else:
            ratio.plus(model.placed(vm), demand[vm] / total)
    return ratio


def _excess(model: Variables, difference: Expression, name: str) -> Expression:
    """Return the positive part of an expression."""
    if difference.fixed:
        return Expression(constant=max(0.0, difference.constant))
    over = model.program.continuous(name)
    model.program.at_most(difference.add(over, -1.0), 0, name)
    return Expression({over: 1.0})


_TERMS: dict[TermKind, Callable[[Parts, Term], Expression]] = {
    "unplaced": _unplaced,
    "broken_rules": _broken_rules,
    "unmet_demand": _unmet_demand,
    "hosts": _hosts,
    "cost": _cost,
    "energy": _energy,
    "migration": _migration,
    "group_moves": _group_moves,
    "distance": _distance,
    "load": _load,
    "balance": _balance,
    "imbalance": _imbalance,
}
