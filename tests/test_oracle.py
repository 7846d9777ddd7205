"""Is the oracle itself right: the parts that are more than plain reading, and known answers."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings

from formulations import VM, Bounds, Full, Host, Instance, Partial, Resource, UnsupportedError
from formulations.objective import level
from formulations.rules import Gather, Spread
from solver.verifying import verify
from tests.gains import best_gains
from tests.oracle import brute_force
from tests.strategies import MODES, RULES, TERMS, everything, instances, random_instance


def test_gains_are_the_best_of_all() -> None:
    """Branch and bound over the exact simplex finds what trying every integer finds."""
    for seed in range(150):
        rng = np.random.default_rng(seed)
        count = int(rng.integers(1, 4))
        worth = [Fraction(int(w), 7) for w in rng.integers(0, 9, count)]
        most = [int(m) for m in rng.integers(0, 6, count)]
        rows = [
            ({k: Fraction(int(rng.integers(0, 4)), 2) for k in range(count)}, Fraction(int(rng.integers(0, 15)), 2))
            for _ in range(3)
        ]
        inside = [
            gains
            for gains in product(*(range(m + 1) for m in most))
            if all(sum((part * gains[k] for k, part in parts.items()), Fraction(0)) <= slack for parts, slack in rows)
        ]
        gains = best_gains(worth, most, rows)
        assert tuple(gains) in inside
        best = max(sum((w * g for w, g in zip(worth, gains, strict=True)), Fraction(0)) for gains in inside)
        assert sum((w * g for w, g in zip(worth, gains, strict=True)), Fraction(0)) == best


def test_memory_of_the_reference_case() -> None:
    """Half of 160 GB reserved, all wanted, on 100 GB: the cheapest satisfaction is bought first."""
    sizes = [40, 20, 60, 10, 30]
    vms = [VM(name=f"v{n}", resources={"memory": Bounds(reservation=d / 2, limit=d)}) for n, d in enumerate(sizes)]
    instance = Instance(
        resources=[Resource(name="memory", unit="GB")],
        vms=vms,
        hosts=[Host(name="h", capacity={"memory": 100})],
        objective=[level("unmet_demand")],
    )
    best = brute_force(instance)
    assert best is not None
    assert best.values == (Fraction(1, 2) * 2 + Fraction(1, 2) - Fraction(5, 30),)  # 15 GB finish two, 5 help a third
    assert best.placement.allocation is not None
    assert int(best.placement.allocation.sum()) * instance.tables.scales[0].quantum == 100
    rigid = instance.replace(vms=[VM(name=f"v{n}", resources={"memory": d}) for n, d in enumerate(sizes)])
    assert brute_force(rigid) is None


def test_rules_and_isolation_are_obeyed() -> None:
    """A hard spread over two hosts and equal parts: values known by hand."""
    instance = Instance(
        resources=[Resource(name="cpu", unit="cores")],
        vms=[
            VM(name="a", count=2, resources={"cpu": Bounds(demand=4)}, isolation=Partial(alpha=1)),
            VM(name="b", resources={"cpu": Bounds(demand=3)}, isolation=Full(pinned=True)),
        ],
        hosts=[Host(name="h", count=2, capacity={"cpu": 4}, cores=4)],
        rules=[Spread(vms=["a"])],
        objective=[level("unmet_demand"), level("hosts")],
    )
    best = brute_force(instance)
    assert best is not None
    assert best.values == (Fraction(1, 2) + Fraction(1, 3), Fraction(2))  # 2 of 4 for one a, 2 of 3 for b
    assert brute_force(instance.replace(rules=[*instance.rules, Gather(vms=["a"])])) is None


@given(instances(rules=["spread"], hard=True))
@settings(max_examples=25, deadline=None)
def test_answers_are_valid(instance: Instance) -> None:
    """What brute force calls best, the judge accepts at the same value."""
    best = brute_force(instance)
    if best is not None:
        verdict = verify(instance, best.placement)
        assert verdict.ok, verdict.violations
        assert verdict.values == best.values


@pytest.mark.campaign
def test_random_instances_are_interesting() -> None:
    """Of every rule, and of every level, neither all instances nor none have an answer."""
    for kind in RULES:
        found = [brute_force(random_instance(np.random.default_rng(s), rules=[kind], hard=True)) for s in range(16)]
        assert 3 <= sum(best is not None for best in found) <= 15, kind
    for mode in MODES:
        drawn = [random_instance(np.random.default_rng(s), rules=[], isolation=[mode]) for s in range(20)]
        assert 3 <= sum(brute_force(instance) is not None for instance in drawn) <= 19, mode


def test_same_seed_same_instance() -> None:
    """A failure must be repeatable from its seed."""
    first, second = (everything(np.random.default_rng(7), terms=TERMS, energy=True) for _ in range(2))
    assert first == second


def test_unknown_knobs_are_refused() -> None:
    """A misspelt knob would silently test less."""
    with pytest.raises(TypeError, match="isolaton"):
        random_instance(np.random.default_rng(0), isolaton=["full"])


def test_unlimited_hosts_have_no_balance() -> None:
    """The oracle leaves it to the judge to refuse this objective; the judge does."""
    instance = random_instance(np.random.default_rng(3), unlimited=True, terms=["imbalance"], rules=[])
    best = brute_force(instance)
    assert best is not None
    with pytest.raises(UnsupportedError):
        verify(instance, best.placement)
