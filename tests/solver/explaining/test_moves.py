"""Tests of why a VM cannot run on a host."""

from __future__ import annotations

from formulations import Placement
from formulations.rules import Spread
from solver.explaining import why_not
from solver.verifying import holds
from tests.agreement import moved, seeds
from tests.oracle import brute_force
from tests.solver.explaining.cases import cluster, random_small


def test_the_obstacles_are_those_of_the_judge() -> None:
    """From a valid placement, a move has no obstacle exactly if the judge accepts some choice of cells."""
    judged = 0
    for rng in seeds("moves", 40):
        instance = random_small(rng)
        if (best := brute_force(instance)) is None:
            continue
        for vm in range(instance.vm_count):
            for host in range(instance.host_count):
                obstacles = why_not(instance, best.placement, vm, host)
                bare = moved(Placement(best.placement.host_of), vm, host)
                if all(cells is None for cells in instance.tables.cells):
                    assert (not obstacles) == holds(instance, bare), obstacles
                    judged += 1
                if host == best.placement.host_of[vm]:
                    assert not obstacles
    assert judged > 50


def test_rule_and_capacity_are_told() -> None:
    """Both obstacles of a move are named, and nothing else."""
    instance = cluster(5, 2, [Spread(vms=["v1", "v2"])])
    placement = Placement.from_names(instance, {"v1": "h1", "v2": "h2", "v3": "h2", "v4": "h2", "v5": "h2"})
    obstacles = why_not(instance, placement, 0, 1)
    assert len(obstacles) == 3
    assert any("spread" in obstacle for obstacle in obstacles)
    assert any("cpu" in obstacle for obstacle in obstacles)
    assert why_not(instance, placement, 2, 0) == ()
