"""The move-value curve: monotone, exact at its ends, and with a knee where it bends."""

from __future__ import annotations

import pytest

from formulations import Instance
from formulations.objective import level
from solver.rebalancing import move_value_curve
from solver.rebalancing.questions import budgeted
from solver.result import Status
from tests.agreement import seeds
from tests.oracle import brute_force
from tests.solver.rebalancing.test_answers import running, shop


def assert_exact(instance: Instance) -> bool:
    """Assert that the curve is monotone and exact at its ends; return whether it falls at all."""
    curve = move_value_curve(instance, seconds=120.0)
    values = [point.values for point in curve.points if point.values]
    assert values == sorted(values, reverse=True)
    for point in (curve.points[0], curve.points[-1]):
        best = brute_force(budgeted(instance, point.most))
        assert (point.status is Status.INFEASIBLE) == (best is None)
        assert point.values == (best.values if best is not None else ())
        assert point.moves is None or point.moves <= point.most
    return bool(values) and values[0] != values[-1]


def test_the_curve_is_monotone_and_exact_at_its_ends() -> None:
    """No moves, and as many as one likes, must be what brute force finds."""
    found = [assert_exact(instance) for rng in seeds("curve", 5) if (instance := running(rng)) is not None]
    assert any(found)


@pytest.mark.campaign
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("block", range(4))
def test_the_curve_is_monotone_and_exact_at_its_ends_campaign(block: int) -> None:
    """The same on 30 clusters a block."""
    for rng in seeds("curve campaign", 30, 30 * block):
        if (instance := running(rng)) is not None:
            assert_exact(instance)


def test_the_knee_is_where_most_is_gained() -> None:
    """One move gains nothing here, the second nothing, the third empties a host: no early knee."""
    curve = move_value_curve(shop(objective=[level("hosts")]), budgets=(0, 1, 4), seconds=20)
    assert [int(point.values[0]) for point in curve.points] == [2, 2, 2]
    assert curve.knee is None
    balanced = move_value_curve(shop(objective=[level("imbalance")]), budgets=(0, 1, 2, 3, 4), seconds=30)
    assert balanced.knee is not None
    assert balanced.knee.most == 1
