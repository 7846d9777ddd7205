"""The first answer that peers are given, and the hosts that it shows to be enough."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.peers.scripts.exchange import Contents, Problem

Bins = list[tuple[int, Contents, int]]
"""Type, contents and number of equal hosts."""


def first_answer(problem: Problem) -> Bins | None:
    """Return the cheapest of first-fit decreasing under several measures of size; None when all fail."""
    found = [bins for bins in (_decreasing(problem, order) for order in _orders(problem)) if bins is not None]
    return min(found, key=lambda bins: cost(problem, bins), default=None)


def cost(problem: Problem, bins: Bins) -> int:
    """Return what the hosts cost together."""
    return sum(problem.costs[kind] * times for kind, _, times in bins)


def offered(problem: Problem, bins: Bins | None) -> list[int]:
    """Return how many hosts of each type an answer as cheap as ``bins`` can use.

    No cheaper answer needs more than its cost allows, so that none is cut off.
    """
    enough = [min(limit, problem.items) for limit in problem.limits]
    if bins is None:
        return enough
    dearest = cost(problem, bins)
    return [
        min(limit, dearest // price) if price else limit for limit, price in zip(enough, problem.costs, strict=True)
    ]


def _orders(problem: Problem) -> Iterator[list[int]]:
    """Yield flavours by decreasing maximum, sum and square sum of their shares, also weighted by scarcity."""
    held = [sum(rooms[r] for rooms in problem.capacities) or 1 for r in problem.resources]
    scarcity = [
        sum(sizes[r] * count for sizes, count in zip(problem.sizes, problem.demand, strict=True)) / held[r]
        for r in problem.resources
    ]
    shares = [[sizes[r] / held[r] for r in problem.resources] for sizes in problem.sizes]
    weighted = [[share * scarce for share, scarce in zip(row, scarcity, strict=True)] for row in shares]
    for rows in (shares, weighted):
        for measure in (_largest, _total, _squares):
            sized = [(-measure(row), flavour) for flavour, row in enumerate(rows)]
            yield [flavour for _, flavour in sorted(sized)]


def _largest(row: list[float]) -> float:
    return max(row, default=0.0)


def _total(row: list[float]) -> float:
    return sum(row)


def _squares(row: list[float]) -> float:
    return sum(share * share for share in row)


def _decreasing(problem: Problem, order: list[int]) -> Bins | None:
    """Fill one host after the other in the given order, of the type that holds most for its cost."""
    left, free, bins = list(problem.demand), list(problem.limits), Bins()
    remaining = problem.items
    while remaining:
        candidates = [
            (_worth(problem, contents, kind), kind, contents)
            for kind in problem.types
            if free[kind] and (contents := _filled(problem, kind, order, left))
        ]
        if not candidates:
            return None
        _, kind, contents = max(candidates, key=lambda candidate: candidate[0])
        times = min([free[kind], *(left[flavour] // count for flavour, count in contents.items())])
        bins.append((kind, contents, times))
        free[kind] -= times
        for flavour, count in contents.items():
            left[flavour] -= count * times
            remaining -= count * times
    return bins


def _filled(problem: Problem, kind: int, order: list[int], left: list[int]) -> Contents:
    """Return what first fit puts into an empty host."""
    rooms, contents = list(problem.capacities[kind]), Contents()
    for flavour in order:
        sizes = problem.sizes[flavour]
        count = left[flavour]
        for size, room in zip(sizes, rooms, strict=True):
            if size and count:
                count = min(count, room // size)
        if count:
            contents[flavour] = count
            rooms = [room - count * size for size, room in zip(sizes, rooms, strict=True)]
    return contents


def _worth(problem: Problem, contents: Contents, kind: int) -> float:
    held = [sum(rooms[r] for rooms in problem.capacities) or 1 for r in problem.resources]
    volume = sum(
        count * sum(size / room for size, room in zip(problem.sizes[flavour], held, strict=True))
        for flavour, count in contents.items()
    )
    return (volume + 1e-9 * sum(contents.values())) / (problem.costs[kind] or 1e-9)
