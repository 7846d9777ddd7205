"""Small problems for column generation, and all their patterns one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from formulations.tables import Integers
from formulations.vector_packing import VectorPacking
from solver.deadline import Deadline
from solver.engines.columns.pricing import Effort, Priced, Pricer
from tests.packing_oracle import random_packing


def problem(sizes: object, demand: object, capacities: object, costs: object, limits: object) -> VectorPacking:
    """Return the problem of these lists."""
    return VectorPacking(*(np.array(part, dtype=np.int64) for part in (sizes, demand, capacities, costs, limits)))


def packable(rng: np.random.Generator, most_items: int = 8) -> VectorPacking:
    """Return one of the oracle's random problems, without flavours that take nothing or fit no bin."""
    while True:
        drawn = random_packing(rng, most_items)
        kept = np.flatnonzero(drawn.sizes.any(axis=1) & drawn.fits.any(axis=1))
        if len(kept):
            return replace(drawn, sizes=drawn.sizes[kept], demand=drawn.demand[kept])


def many_patterns(rng: np.random.Generator) -> VectorPacking:
    """Return a problem of up to six flavours and four resources whose bins hold up to twenty items."""
    flavours, resources, types = (int(n) for n in rng.integers((2, 1, 1), (7, 5, 4)))
    top = int(rng.choice([12, 60, 5000]))
    capacities = rng.integers(top // 2, top + 1, size=(types, resources))
    sizes = rng.integers(0, top // int(rng.integers(3, 9)) + 1, size=(flavours, resources))
    sizes[rng.random(sizes.shape) < 0.15] = 0
    sizes[~sizes.any(axis=1), 0] = 1
    demand = rng.integers(1, 5, size=flavours)
    limits = rng.integers(1, 9, size=types)
    return problem(sizes, demand, capacities, rng.integers(1, 9, size=types), limits)


def patterns_of(question: VectorPacking, kind: int, demand: Integers | None = None) -> Integers:
    """Return all fillings of a bin, the empty one first: shape (patterns, flavours)."""
    most = np.minimum(question.most[:, kind], question.demand if demand is None else demand)
    shape = tuple(int(many) + 1 for many in most)
    every: Integers = np.indices(shape).reshape(question.flavours, -1).T.astype(np.int64)
    fitting: Integers = every[(every @ question.sizes <= question.capacities[kind]).all(axis=1)]
    return fitting


def drawn_weights(rng: np.random.Generator, question: VectorPacking) -> Integers:
    """Return weights of every kind: small and large, in proportion to size, equal, and some of 0."""
    kind = int(rng.integers(5))
    volumes = (question.sizes / np.maximum(question.capacities.max(axis=0), 1)).sum(axis=1)
    weights: Integers = [
        rng.integers(0, 9, size=question.flavours),
        rng.integers(0, 2**42, size=question.flavours),
        np.floor(1000 * volumes).astype(np.int64) + rng.integers(0, 3, size=question.flavours),
        np.floor(2**40 * volumes * rng.uniform(0.9, 1.1, size=question.flavours)).astype(np.int64),
        np.full(question.flavours, 7),
    ][kind]
    weights[rng.random(question.flavours) < 0.15] = 0
    return weights


def price(
    question: VectorPacking,
    weights: Integers,
    above: Integers,
    *,
    demand: Integers | None = None,
    nodes: int | None = None,
    slack: int = 0,
    complements: int = 0,
    deadline: Deadline | None = None,
    thorough: bool = False,
) -> dict[int, Priced]:
    """Return what pricing says, all items there and searched to the end unless said otherwise."""
    effort = Effort(Deadline() if deadline is None else deadline, nodes, slack, complements, thorough)
    return Pricer(question).price(weights, question.demand if demand is None else demand, above, effort)
