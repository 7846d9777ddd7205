"""Volume bounds: what a total demand must cost at least when hosts may be filled in parts."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple


class Supply(NamedTuple):
    """Hosts of one kind: what each has and costs, and how many there are (None: without end)."""

    capacity: int
    cost: Fraction
    number: int | None


def least_cost(supplies: Sequence[Supply], demand: int) -> Fraction | None:
    """Return the least cost of hosts, each bought in any part, whose capacities add up to a demand.

    The linear relaxation of a covering knapsack: the cheapest per unit of capacity first
    (G. B. Dantzig, Discrete-Variable Extremum Problems, Operations Research 5(2), 1957,
    doi:10.1287/opre.5.2.266). None where all hosts together have too little.
    """
    left, cost = demand, Fraction(0)
    useful = [supply for supply in supplies if supply.capacity > 0]
    for supply in sorted(useful, key=lambda supply: (supply.cost / supply.capacity, -supply.capacity)):
        if left <= 0:
            break
        there = left if supply.number is None else min(left, supply.capacity * supply.number)
        cost += supply.cost * Fraction(there, supply.capacity)
        left -= there
    return cost if left <= 0 else None


def least_number(supplies: Sequence[Supply], demand: int) -> int | None:
    """Return how many hosts, the largest first, hold a demand; None where all have too little."""
    left, number = demand, 0
    for supply in sorted(supplies, key=lambda supply: -supply.capacity):
        if left <= 0 or supply.capacity == 0:
            break
        wanted = -(-left // supply.capacity)
        taken = wanted if supply.number is None else min(wanted, supply.number)
        number += taken
        left -= taken * supply.capacity
    return number if left <= 0 else None


def cheapest(costs: Sequence[tuple[Fraction, int | None]], number: int) -> Fraction | None:
    """Return the cost of the cheapest ``number`` hosts of kinds given by cost and count; None if there are fewer."""
    left, total = number, Fraction(0)
    for cost, count in sorted(costs, key=lambda kind: kind[0]):
        taken = left if count is None else min(left, count)
        total += cost * taken
        left -= taken
    return total if left <= 0 else None
