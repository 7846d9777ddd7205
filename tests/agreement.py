"""What it means that two ways to an answer agree on an instance."""

from __future__ import annotations

import numpy as np

from formulations import Instance, Placement
from solver.placing import place
from solver.result import Result, Status
from solver.verifying import level_values, verify
from tests.oracle import brute_force

SECONDS = 60.0


def assert_agrees_with_brute_force(instance: Instance, backend: str) -> Result:
    """Assert that `place` proves exactly what trying every placement finds."""
    best = brute_force(instance)
    result = place(instance, seconds=SECONDS, reasons=False, backend=backend)
    if best is None:
        assert result.status is Status.INFEASIBLE, (backend, result.status, result.warnings)
        return result
    assert result.status is Status.OPTIMAL, (backend, result.status, result.warnings, result.levels)
    assert result.placement is not None
    assert verify(instance, result.placement).ok
    values = tuple(level.value for level in result.levels)
    assert values == level_values(instance, result.placement)
    assert values == best.values, (backend, [float(v) for v in values], [float(v) for v in best.values])
    return result


def assert_solvers_agree(instance: Instance) -> None:
    """Assert that CBC, HiGHS and brute force agree."""
    for backend in ("cbc", "highs"):
        assert_agrees_with_brute_force(instance, backend)


def moved(placement: Placement, vm: int, host: int) -> Placement:
    """Return the placement with one VM elsewhere."""
    host_of = placement.host_of.copy()
    host_of[vm] = host
    return Placement(host_of, placement.allocation, placement.cells)


def seeds(name: str, count: int, start: int = 0) -> list[np.random.Generator]:
    """Return independent generators, the same for the same name."""
    return [np.random.default_rng([*name.encode(), start + n]) for n in range(count)]
