"""The judge: whether a placement satisfies every condition of docs/semantics.md, in integers."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.placement import Placement
from formulations.rules import Ignore
from formulations.tables import Integers
from solver.verifying.capacity import (
    broken_cores,
    bursting,
    crowded_in_transit,
    given_without_host,
    outside_bounds,
    overloaded,
)
from solver.verifying.cells import overloaded_cells, wrong_cells
from solver.verifying.occupants import Occupants
from solver.verifying.rules import RuleJudge
from solver.verifying.values import level_values
from solver.verifying.verdict import Fault, Verdict, Violation
from solver.verifying.whereabouts import Arrays, who_is_where


def verify(instance: Instance, placement: Placement) -> Verdict:
    """Judge a placement.

    Parameters
    ----------
    instance : Instance
    placement : Placement
        Anybody's. Without an allocation it is judged by the smallest one that the floors
        ask for: a placement is accepted exactly if some allocation fits it.

    Returns
    -------
    Verdict
        Every violation (many of one kind are counted), and the recomputed objective.

    Raises
    ------
    UnsupportedError
        If the objective is not defined for the instance; see `level_values`.
    """
    arrays = Arrays.of(instance, placement)
    if arrays.host_of is None or arrays.violations:
        return Verdict(arrays.violations, None)
    violations = tuple(_violations(instance, arrays.host_of, arrays.allocation, arrays.cells))
    return Verdict(violations, _values(instance, Placement(arrays.host_of, arrays.allocation)))


def holds(instance: Instance, placement: Placement) -> bool:
    """Return whether nothing is violated; stops at the first violation."""
    arrays = Arrays.of(instance, placement)
    if arrays.host_of is None or arrays.violations:
        return False
    return next(_violations(instance, arrays.host_of, arrays.allocation, arrays.cells), None) is None


def least_allocation(instance: Instance, host_of: Integers) -> Integers:
    """Return the smallest allocation of a placement: every VM's floor, in whole cores where pinned.

    Parameters
    ----------
    host_of : int64 array, shape (VMs,)
        Well-formed; -1 for a VM without a host, which gets 0.

    Returns
    -------
    int64 array, shape (VMs, resources)
        In quanta. It fits exactly if any allocation does.
    """
    occupants = Occupants(instance, host_of)
    allocation = np.zeros((instance.vm_count, len(instance.resources)), dtype=np.int64)
    allocation[occupants.vm] = occupants.least
    return allocation


def _violations(
    instance: Instance, host_of: Integers, allocation: Integers | None, cells: Integers | None
) -> Iterator[Violation]:
    yield from who_is_where(instance, host_of)
    yield from _broken_rules(instance, host_of)
    occupants = Occupants(instance, host_of)
    given = occupants.least if allocation is None else allocation[occupants.vm]
    verb = "needed" if allocation is None else "allocated"
    if allocation is not None:
        yield from given_without_host(instance, host_of, allocation)
    yield from outside_bounds(occupants, given, verb)
    yield from broken_cores(occupants, given)
    yield from overloaded(occupants, given, verb)
    yield from crowded_in_transit(occupants)
    yield from bursting(occupants, given)
    yield from _cells(occupants, host_of, given, cells, verb)


def _cells(
    occupants: Occupants, host_of: Integers, given: Integers, cells: Integers | None, verb: str
) -> Iterator[Violation]:
    if cells is None and all(table is None for table in occupants.instance.tables.cells):
        return
    masks = np.zeros(len(host_of), dtype=np.int64) if cells is None else cells
    wrong = list(wrong_cells(occupants, host_of, masks))
    yield from wrong or overloaded_cells(occupants, given, masks, verb)


def _broken_rules(instance: Instance, host_of: Integers) -> Iterator[Violation]:
    for rule in instance.rules:
        if rule.hard and not isinstance(rule, Ignore):  # who_is_where reports ignored VMs
            judge = RuleJudge(instance, rule)
            if amount := judge.amount(host_of):
                message = f"{rule}: {judge.explain(host_of)}"
                yield Violation(Fault.RULE, (str(rule),), Fraction(amount), "", message)


def _values(instance: Instance, placement: Placement) -> tuple[Fraction, ...] | None:
    try:
        return level_values(instance, placement)
    except InputError:
        return None
