"""The objective's levels, recomputed exactly from a placement."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from formulations.errors import InputError, UnsupportedError
from formulations.instance import Instance
from formulations.machines import Host
from formulations.objective import Term, TermKind
from formulations.placement import Placement
from formulations.quantities import Quantity, exact
from formulations.tables import Integers
from solver.verifying.exact_sums import fraction_sum, times, totals
from solver.verifying.occupants import Mask
from solver.verifying.rules import RuleJudge

_Figure = tuple[TermKind, int | None, str | None, str | None, Fraction]


def _figure(term: Term) -> _Figure:
    """Return what a term measures, whatever its weight."""
    return term.kind, term.priority, term.resource, term.other, term.ratio


def level_values(instance: Instance, placement: Placement) -> tuple[Fraction, ...]:
    """Return the value of every objective level of a placement.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        Well-formed, but not necessarily valid or complete.

    Returns
    -------
    tuple of Fraction
        One per level, in order; see `formulations.objective.Term` for what each term counts.

    Raises
    ------
    UnsupportedError
        For imbalance over hosts of unlimited number, and for energy without a cpu resource.
    InputError
        If unmet demand is asked for, may be positive, and the placement has no allocation.
    """
    known: dict[_Figure, Fraction] = {}
    for term in (term for level in instance.levels for term in level.terms):
        if (figure := _figure(term)) not in known:
            known[figure] = TERMS[term.kind](instance, placement, term)
    return tuple(
        sum((exact(term.weight) * known[_figure(term)] for term in level.terms), Fraction(0))
        for level in instance.levels
    )


def _unplaced(instance: Instance, placement: Placement, term: Term) -> Fraction:
    missing = instance.ruled & (placement.host_of < 0)
    if term.priority is not None:
        meant = np.array([vm.priority == term.priority for vm in instance.vms], dtype=np.bool_)
        missing = missing & meant[instance.vm_entry]
    if term.resource is None:
        return Fraction(int(np.count_nonzero(missing)))
    r = instance.tables.resource_names.index(term.resource)
    lacking: list[int] = instance.tables.demand[instance.vm_entry[missing], r].tolist()
    return sum(lacking) * instance.tables.scales[r].quantum


def _broken_rules(instance: Instance, placement: Placement, _: Term) -> Fraction:
    total = Fraction(0)
    for rule in instance.rules:
        if rule.price is not None and (price := exact(rule.price)):
            total += price * RuleJudge(instance, rule).amount(placement.host_of)
    return total


def _unmet_demand(instance: Instance, placement: Placement, _: Term) -> Fraction:
    tables = instance.tables
    wanted = np.flatnonzero(instance.wanted)
    entry = instance.vm_entry[wanted]
    if placement.allocation is None:
        placed = placement.host_of[wanted] >= 0
        if (tables.demand > tables.lower)[entry[placed]].any():
            raise InputError("unmet demand is known only with an allocation", "placement.allocation")
        given = np.where(placed[:, None], tables.lower[entry], 0)
    else:
        given = placement.allocation[wanted]
    parts: list[Fraction] = []
    for r in range(len(instance.resources)):
        demand = tables.demand[entry, r]
        short = demand - np.clip(given[:, r], 0, demand)
        lacking = totals(entry[short > 0], short[short > 0], len(instance.vms))
        parts += _by_demand(lacking, tables.shares[:, r], tables.demand[:, r])
    return fraction_sum(parts) / tables.shares_unit


def _by_demand(lacking: Integers, shares: Integers, demand: Integers) -> list[Fraction]:
    """Return the parts of ``sum shares * lacking / demand``, one per distinct demand."""
    entries = np.flatnonzero(lacking > 0)
    distinct, which = np.unique(demand[entries], return_inverse=True)
    sums = totals(which.reshape(-1), times(lacking[entries], shares[entries]), len(distinct))
    return [Fraction(int(top), int(below)) for top, below in zip(sums, distinct, strict=True)]


def _in_use(instance: Instance, placement: Placement) -> Integers:
    """Return the hosts in use; at a million VMs a mask is much faster than sorting."""
    used = np.zeros(instance.host_count, dtype=np.bool_)
    used[placement.host_of[placement.host_of >= 0]] = True
    return np.flatnonzero(used)


def _hosts(instance: Instance, placement: Placement, _: Term) -> Fraction:
    return Fraction(len(_in_use(instance, placement)))


def _cost(instance: Instance, placement: Placement, _: Term) -> Fraction:
    return _over_hosts_in_use(instance, placement, lambda host: host.cost or 0)


def _energy(instance: Instance, placement: Placement, _: Term) -> Fraction:
    tables = instance.tables
    if tables.cpu is None:
        raise UnsupportedError("the energy term needs a resource of role cpu")
    placed = np.flatnonzero(placement.host_of >= 0)
    on = instance.host_names.entry_of(placement.host_of[placed])
    load = totals(on, tables.demand[instance.vm_entry[placed], tables.cpu], len(instance.hosts))
    capacity = tables.capacity[:, tables.cpu]
    dynamic = [
        (exact(host.peak_power) - exact(host.idle_power)) * Fraction(int(load[entry]), int(capacity[entry]))
        for entry, host in enumerate(instance.hosts)
        if load[entry] and capacity[entry]
    ]
    return _over_hosts_in_use(instance, placement, lambda host: host.idle_power) + fraction_sum(dynamic)


def _over_hosts_in_use(instance: Instance, placement: Placement, figure: Callable[[Host], Quantity]) -> Fraction:
    used = np.bincount(instance.host_names.entry_of(_in_use(instance, placement)), minlength=len(instance.hosts))
    return sum((int(used[entry]) * exact(figure(instance.hosts[entry])) for entry in np.flatnonzero(used)), Fraction(0))


def _left(instance: Instance, placement: Placement) -> Mask:
    """Return which VMs are not on their current host."""
    left: Mask = instance.ruled & (instance.current >= 0) & (placement.host_of != instance.current)
    return left


def _migration(instance: Instance, placement: Placement, _: Term) -> Fraction:
    left = _left(instance, placement)
    moved = np.bincount(instance.vm_entry[left], minlength=len(instance.vms))
    costs = (int(moved[entry]) * exact(instance.vms[entry].move_cost) for entry in np.flatnonzero(moved))
    return sum(costs, Fraction(0))


def _group_moves(instance: Instance, placement: Placement, _: Term) -> Fraction:
    left = _left(instance, placement)
    numbers: dict[str, int] = {}
    groups = [-1 if vm.group is None else numbers.setdefault(vm.group, len(numbers)) for vm in instance.vms]
    of_vm = np.array(groups, dtype=np.int64)[instance.vm_entry[left]]
    alone = int((of_vm < 0).any())  # a VM without a group is one of its own
    return Fraction(max(alone, int(np.bincount(of_vm[of_vm >= 0], minlength=1).max())))


def _distance(instance: Instance, placement: Placement, _: Term) -> Fraction:
    went = np.flatnonzero(_left(instance, placement) & (placement.host_of >= 0))
    rows, step = instance.distances
    start = instance.host_names.entry_of(instance.current[went])
    end = instance.host_names.entry_of(placement.host_of[went])
    return step * sum(int(rows[a][b]) for a, b in zip(start.tolist(), end.tolist(), strict=True) if a in rows)


def _loads(instance: Instance, placement: Placement, r: int) -> Integers:
    """Return the demand for a resource on every host."""
    placed = np.flatnonzero(placement.host_of >= 0)
    demand = instance.tables.demand[instance.vm_entry[placed], r]
    return totals(placement.host_of[placed], demand, instance.host_count)


def _load(instance: Instance, placement: Placement, term: Term) -> Fraction:
    r = instance.tables.resource_names.index(str(term.resource))
    safe = instance.tables.safety[instance.host_names.entries(), r]
    above = _loads(instance, placement, r) - safe
    return Fraction(sum(above[above > 0].tolist())) * instance.tables.scales[r].quantum


def _balance(instance: Instance, placement: Placement, term: Term) -> Fraction:
    if any(host.count == "unlimited" for host in instance.hosts):
        raise UnsupportedError("the balance term needs hosts of known number")
    tables, entries = instance.tables, instance.host_names.entries()
    counted = instance.usable_entries[entries]
    free = []
    for name in (term.resource, term.other):
        r = tables.resource_names.index(str(name))
        left = (tables.capacity[entries, r] - _loads(instance, placement, r))[counted]
        free.append([value * tables.scales[r].quantum for value in left.tolist()])
    return sum((max(Fraction(0), term.ratio * a - b) for a, b in zip(*free, strict=True)), Fraction(0))


def _imbalance(instance: Instance, placement: Placement, _: Term) -> Fraction:
    if any(host.count == "unlimited" for host in instance.hosts):
        raise UnsupportedError("the imbalance term needs hosts of known number")
    tables, host_entry = instance.tables, instance.host_names.entries()
    placed = np.flatnonzero(placement.host_of >= 0)
    vm_entry, host = instance.vm_entry[placed], placement.host_of[placed]
    parts: list[Fraction] = []
    for r in range(len(instance.resources)):
        load = totals(host, tables.demand[vm_entry, r], instance.host_count)
        counted = instance.usable_entries & (tables.capacity[:, r] > 0)
        parts += _excess(load, tables.capacity[host_entry, r], counted[host_entry])
    return fraction_sum(parts)


def _excess(load: Integers, capacity: Integers, counted: Mask) -> list[Fraction]:
    """Return the parts of the excess of ``load / capacity`` over the cluster's ratio, one per distinct capacity.

    Every placed VM counts in the cluster's ratio, wherever it is; only counted hosts' capacity does.
    """
    if not counted.any():
        return []
    mean = Fraction(sum(load.tolist()), sum(capacity[counted].tolist()))
    load, capacity = load[counted], capacity[counted]
    distinct, which = np.unique(capacity, return_inverse=True)
    which = which.reshape(-1)
    fair = np.array([int(mean * int(whole)) for whole in distinct])[which]
    over = load > fair  # load is whole: above mean * capacity exactly if above its floor
    sums = totals(which[over], load[over], len(distinct))
    counts = np.bincount(which[over], minlength=len(distinct))
    return [
        Fraction(int(top), int(whole)) - int(count) * mean
        for top, whole, count in zip(sums, distinct, counts, strict=True)
        if count
    ]


TERMS: dict[TermKind, Callable[[Instance, Placement, Term], Fraction]] = {
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
