"""Random cases of linear allocation, and an oracle that enumerates intersections of all lines."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

import pytest

from formulations.allocation.contention import HostResource

EVERYDAY = 25
CAMPAIGN = 360

SEEDS = [*range(EVERYDAY), *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(EVERYDAY, CAMPAIGN))]


def random_case(seed: int) -> HostResource:
    """Return a small case; about half have a policy, many are degenerate (rigid or equal VMs)."""
    draw = random.Random(seed)  # noqa: S311
    count = draw.randint(1, 5)
    demand = [draw.choice([0, draw.randint(0, 9), draw.randint(1, 9)]) for _ in range(count)]
    if draw.random() < 0.15:
        demand = [demand[0]] * count
    upper = [need + draw.choice([0, 0, draw.randint(0, 6)]) for need in demand]
    lower = [need if draw.random() < 0.25 else draw.randint(0, need) if draw.random() < 0.6 else 0 for need in demand]
    capacity = max(1, int(draw.uniform(0.5, 1.6) * sum(demand)))
    limits = [None if draw.random() < 0.1 else high for high in upper]
    return HostResource.of(capacity, lower, demand, limits, resource="memory", unit="GB")


def split_cases(seeds: Sequence[int]) -> tuple[list[HostResource], list[HostResource]]:
    """Return the random cases with a policy and those without, judged by the oracle."""
    cases = [random_case(seed) for seed in seeds]
    return [case for case in cases if feasible_points(case)], [case for case in cases if not feasible_points(case)]


class HalfPlane(NamedTuple):
    """``first * A + second * B <= side``."""

    first: Fraction
    second: Fraction
    side: Fraction

    def holds(self, point: tuple[Fraction, Fraction]) -> bool:
        """Whether a point (A, B) keeps it."""
        return self.first * point[0] + self.second * point[1] <= self.side


def half_planes(case: HostResource) -> list[HalfPlane]:
    """Return every bound and the capacity, as the textbook writes them."""
    planes = []
    for low, expected, high in zip(case.lower, case.demand, case.upper, strict=True):
        planes += [HalfPlane(case.capacity, expected, high), HalfPlane(-case.capacity, -expected, -low)]
    whole = sum(case.demand, Fraction(0))
    return [*planes, HalfPlane(case.count * case.capacity, whole, case.capacity)]


def _crossings(lines: Sequence[HalfPlane]) -> Iterator[tuple[Fraction, Fraction]]:
    for one, other in combinations(lines, 2):
        determinant = one.first * other.second - one.second * other.first
        if determinant:
            yield (
                (one.side * other.second - one.second * other.side) / determinant,
                (one.first * other.side - one.side * other.first) / determinant,
            )


def feasible_points(case: HostResource) -> set[tuple[Fraction, Fraction]]:
    """Return the feasible crossings of every pair of lines where a level's value can bend.

    Those are the bounds, the capacity, A = 0, B = 0 and ``a = d``. Where any policy is
    feasible one of these points is, and one of them is lexicographically best.
    """
    zero, one = Fraction(0), Fraction(1)
    planes = half_planes(case)
    axes = [HalfPlane(one, zero, zero), HalfPlane(zero, one, zero)]
    met = [HalfPlane(case.capacity, expected, expected) for expected in case.demand]
    return {point for point in _crossings([*planes, *axes, *met]) if all(plane.holds(point) for plane in planes)}


def vertices(case: HostResource) -> set[tuple[Fraction, Fraction]]:
    """Return the feasible crossings of the bounds and the capacity alone."""
    planes = half_planes(case)
    return {point for point in _crossings(planes) if all(plane.holds(point) for plane in planes)}


def best_levels(case: HostResource) -> tuple[Fraction, Fraction, Fraction] | None:
    """Return the best utilisation, smallest satisfaction and -|A|; None without a policy."""
    levels = []
    for first, second in feasible_points(case):
        given = [first * case.capacity + second * expected for expected in case.demand]
        met = [min(got, need) / need for got, need in zip(given, case.demand, strict=True) if need]
        levels.append((sum(given, Fraction(0)) / case.capacity, min(met, default=Fraction(1)), -abs(first)))
    return max(levels, default=None)
