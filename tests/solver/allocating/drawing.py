"""Random containers: bounds, shares, whole cores and rows of one host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np

from formulations.allocation.container import Container, Row


def random_container(
    rng: np.random.Generator, *, members: int = 5, largest: int = 40, rows: str = "one", steps: bool = False
) -> Container:
    """Return a feasible container whose rows bind more often than not.

    Parameters
    ----------
    rows : {"one", "nested", "crossing"}
        The host's row alone; also rows of disjoint or nested sets; also any weighted rows, as
        VMs over several NUMA cells make them.
    steps : bool
        Whether some members take whole cores.
    """
    n = int(rng.integers(1, members + 1))
    step = np.where(rng.random(n) < 0.5, 1, int(rng.integers(2, 5))) if steps else np.ones(n, dtype=np.int64)
    low = rng.integers(0, largest // 2, n) * (rng.random(n) < 0.6) // step * step
    high = np.maximum(low, (low + rng.integers(0, largest, n)) // step * step)
    demand = np.where(rng.random(n) < 0.9, (low + (high - low) * rng.random(n)).astype(np.int64), low)
    shares = rng.integers(1, 5, n) if rng.random() < 0.7 else np.ones(n, dtype=np.int64)
    lower, wanted, upper, own, steps_of = (tuple(map(int, part)) for part in (low, demand, high, shares, step))
    bare = Container(lower, wanted, upper, own, steps_of, rows=())
    return replace(bare, rows=_rows(rng, bare, rows))


def _rows(rng: np.random.Generator, bare: Container, kind: str) -> tuple[Row, ...]:
    n = len(bare)
    weights = [np.ones(n, dtype=np.int64)]
    if kind == "nested":
        side = rng.random(n) < 0.5
        weights += [side.astype(np.int64), (~side & (rng.random(n) < 0.6)).astype(np.int64)]
    if kind == "crossing":
        weights += [rng.integers(0, 4, n) for _ in range(3)]
    rows = []
    for number, weight in enumerate(weights):
        free = Row(f"row_{number}", tuple(weight.tolist()), 0)
        least, most = free.load(bare.lower), free.load(bare.upper)
        rows.append(free._replace(capacity=int(least + (most - least) * rng.uniform(0, 1.1))))
    return tuple(rows)


def every_allocation(container: Container) -> list[tuple[int, ...]]:
    """Return everything that fits, by enumeration."""
    choices = [
        range(low, high + 1, step)
        for low, high, step in zip(container.lower, container.upper, container.step, strict=True)
    ]
    return [amounts for amounts in product(*choices) if container.fits(amounts)]


def quantum_by_quantum(container: Container, level: Callable[[int, int], Fraction], upper: list[int]) -> list[int]:
    """Fill one row the slow way: each quantum to whoever's level is lowest and may have more.

    Parameters
    ----------
    level : callable
        The level of member i at an amount.
    upper : list of int
        Where each member stops.
    """
    amounts = list(container.lower)
    for _ in range(container.rows[0].capacity - sum(amounts)):
        able = [i for i, (a, high) in enumerate(zip(amounts, upper, strict=True)) if a < high]
        if not able:
            break
        amounts[min(able, key=lambda i: level(i, amounts[i] + 1))] += 1
    return amounts
