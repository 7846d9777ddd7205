"""Filling many hosts at once must give what exact filling gives each of them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from formulations.allocation.container import Container, Row, max_min, proportional
from solver.allocating import filling, flat
from tests.solver.allocating.drawing import random_container

SEEDS = [*range(4), *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(1000, 1300))]


def many(seed: int, largest: int, *, cells: bool = False) -> tuple[list[Container], flat.Hosts]:
    """Return random hosts one by one and together; the members of each in two cells if asked."""
    rng = np.random.default_rng(seed)
    containers = [random_container(rng, members=8, largest=largest) for _ in range(6)]
    containers = [
        container.bounded(container.lower, [min(high, container.rows[0].capacity) for high in container.upper])
        for container in containers
    ]
    if cells:
        containers = [in_two_cells(container, rng) for container in containers]
    host = np.repeat(np.arange(len(containers)), [len(container) for container in containers])
    columns = {
        name: np.array([x for container in containers for x in getattr(container, name)], dtype=np.int64)
        for name in ("lower", "demand", "upper", "shares")
    }
    groups = [flat.Groups(host, np.array([container.rows[0].capacity for container in containers], dtype=np.int64))]
    if cells:
        second = np.concatenate([container.rows[2].coefficients for container in containers]).astype(np.int64)
        capacity = [row.capacity for container in containers for row in container.rows[1:]]
        groups.insert(0, flat.Groups(2 * host + second, np.array(capacity, dtype=np.int64)))
    return containers, flat.Hosts(tuple(groups), **columns)


def in_two_cells(container: Container, rng: np.random.Generator) -> Container:
    """Return the container with its first members in one cell, the others in another."""
    n, cut = len(container), int(rng.integers(0, len(container) + 1))
    rows = [Row("cell", (1,) * cut + (0,) * (n - cut), 0), Row("cell", (0,) * cut + (1,) * (n - cut), 0)]
    ends = [(row.load(container.lower), row.load(container.upper)) for row in rows]
    return container.limited_by(
        [
            row._replace(capacity=low + int((high - low) * rng.uniform(0, 1.1)))
            for row, (low, high) in zip(rows, ends, strict=True)
        ]
    )


def split(hosts: flat.Hosts, amounts: flat.Integers) -> list[list[int]]:
    groups = hosts.levels[-1]
    return [amounts[groups.group == n].tolist() for n in range(len(groups.capacity))]


@pytest.mark.parametrize("cells", [False, True])
@pytest.mark.parametrize("largest", [9, 1000, 2**52])
@pytest.mark.parametrize("seed", SEEDS)
def test_fillings_agree_with_exact_ones(seed: int, largest: int, cells: bool) -> None:
    """Floats may move a quantum (more near their limits), never a host's total."""
    containers, hosts = many(seed, largest, cells=cells)
    for amounts, container in zip(split(hosts, flat.max_min(hosts)), containers, strict=True):
        close(container, amounts, filling.filled(max_min(container)))
    for amounts, container in zip(split(hosts, flat.entitlement(hosts)), containers, strict=True):
        close(container, amounts, filling.entitled(container))
    rest = flat.with_the_rest(hosts, hosts.lower)
    for amounts, container in zip(split(hosts, rest), containers, strict=True):
        close(container, amounts, filling.filled(proportional(container)))


def close(container: Container, one: list[int], other: list[int]) -> None:
    assert container.fits(one)
    assert sum(one) == sum(other)
    assert (
        max(abs(a - b) for a, b in zip(one, other, strict=True))
        <= len(container.rows) + 1e-15 * container.rows[0].capacity
    )


@pytest.mark.parametrize("cells", [False, True])
@pytest.mark.parametrize("largest", [9, 1000, 2**52])
@pytest.mark.parametrize("seed", SEEDS)
def test_satisfaction_is_exactly_the_greedy_optimum(seed: int, largest: int, cells: bool) -> None:
    """The default policy promises the exact optimum, so floats must not cost a quantum."""
    containers, hosts = many(seed, largest, cells=cells)
    for amounts, container in zip(split(hosts, flat.satisfaction(hosts)), containers, strict=True):
        assert container.fits(amounts)
        assert filling.unmet(container, amounts) == filling.unmet(container, filling.satisfied(container))


@pytest.mark.parametrize("seed", SEEDS)
def test_utilisation_fills_to_the_brim(seed: int) -> None:
    """With the rest handed out a host is full, or everybody is at the limit."""
    containers, hosts = many(seed, 1000)
    amounts = flat.with_the_rest(hosts, flat.utilisation(hosts))
    for own, container in zip(split(hosts, amounts), containers, strict=True):
        assert container.fits(own)
        assert sum(own) == min(container.rows[0].capacity, sum(container.upper))


def test_gains_that_floats_confuse_are_ranked_exactly() -> None:
    """Two ratios closer than a float tells apart are still different, and equal ones are equal."""
    big = 2**53
    demand = np.array([big, big - 1, 2, 4, 0, big - 2], dtype=np.int64)
    shares = np.array([big - 1, big - 2, 1, 2, 5, big - 3], dtype=np.int64)
    exact = [Fraction(int(w), int(d)) if d else Fraction(-1) for w, d in zip(shares, demand, strict=True)]
    order = sorted(set(exact), reverse=True)
    assert flat.gain_rank(shares, demand).tolist() == [order.index(gain) for gain in exact]


def test_hosts_may_have_nobody_to_fill() -> None:
    """Hosts without claims, and no hosts at all, are no special case."""
    empty = np.zeros(0, dtype=np.int64)
    nothing = flat.Hosts((flat.Groups(empty, np.array([5, 7])),), empty, empty, empty, empty)
    for policy in (flat.satisfaction, flat.utilisation, flat.max_min, flat.entitlement):
        assert policy(nothing).tolist() == []
        assert policy(replace(nothing, levels=(flat.Groups(empty, empty),))).tolist() == []
