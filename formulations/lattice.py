"""Lattices: the step between the values an objective level can take, where it has one."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np

from formulations.instance import Instance
from formulations.objective import ObjectiveLevel, Term
from formulations.quantities import common_quantum, exact

TOLERANCE = Fraction(1, 10**6)
"""Relative accuracy granted to a MILP solver's bound (its own feasibility tolerance)."""

MEETING = 5 * TOLERANCE
"""Distance, relative to values above 1, at which a bound meets a value where values have no step: integer variables
that are off by a solver's tolerance move objectives by a few times as much."""


def step_of(instance: Instance, level: ObjectiveLevel) -> Fraction | None:
    """Return a fraction of which every value of the level is a whole multiple; None if there is none."""
    steps = [_term_step(instance, term) for term in level.terms]
    known = [step * exact(term.weight) for step, term in zip(steps, level.terms, strict=True) if step is not None]
    return common_quantum(known) if len(known) == len(steps) else None


def _term_step(instance: Instance, term: Term) -> Fraction | None:  # noqa: PLR0911 (one case per term)
    match term.kind:
        case "unplaced" | "hosts" | "group_moves":
            return Fraction(1) if term.resource is None else _demand_step(instance, term.resource)
        case "cost":
            return common_quantum(exact(0 if host.cost is None else host.cost) for host in instance.hosts)
        case "migration":
            return common_quantum(exact(vm.move_cost) for vm in instance.vms)
        case "distance":
            return instance.distances[1]
        case "load":
            return _quantum(instance, term.resource)
        case "balance":
            return common_quantum([term.ratio * _quantum(instance, term.resource), _quantum(instance, term.other)])
        case "broken_rules":
            return common_quantum(exact(rule.price) for rule in instance.rules if rule.price is not None)
    return None


def _demand_step(instance: Instance, resource: str) -> Fraction:
    """Return the largest step of which every demand for a resource is a multiple."""
    demands = instance.tables.demand[:, instance.tables.resource_names.index(resource)]
    return max(1, int(np.gcd.reduce(demands))) * _quantum(instance, resource)


def _quantum(instance: Instance, resource: str | None) -> Fraction:
    return next(scale.quantum for scale in instance.tables.scales if scale.resource.name == resource)


def sound_bound(instance: Instance, level: ObjectiveLevel, bound: float, value: Fraction) -> Fraction:
    """Return what a solver's floating bound proves of a level whose best known value is ``value``.

    The bound is lowered by `TOLERANCE`, lifted to the next value that the level can take,
    and never above ``value``. Where values have no step, a bound within `MEETING` of
    ``value`` counts as meeting it.
    """
    slack = TOLERANCE * max(Fraction(1), abs(Fraction(bound)))
    lowered: Fraction = Fraction(bound) - slack
    lowered = lowered if lowered > 0 else Fraction(0)
    step = step_of(instance, level)
    if step is not None:
        return min(value, step * ceil(lowered / step))
    return value if lowered >= value - MEETING * max(Fraction(1), value) else lowered
