"""Water-filling of many hosts at once: vectorised over VMs, for hosts and cells that nest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from solver.allocating.claims import rank_within

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_ROUNDS = 64
"""Rounding settles in one or two; near the largest integers it takes a few more."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Disjoint groups of claims, such as hosts or NUMA cells, and the capacity of each.

    Attributes
    ----------
    group : int64 array, shape (n,)
        The group of each claim, 0 … m - 1, ascending.
    capacity : int64 array, shape (m,)
    """

    group: Integers
    capacity: Integers

    def sums(self, values: Integers) -> Integers:
        """Return the sum over every group's claims: shape (m,). Exact where the sum itself fits 64 bits."""
        running = np.append(np.int64(0), np.cumsum(values))  # wraps around; differences are exact
        ends = np.searchsorted(self.group, np.arange(len(self.capacity) + 1))
        return np.diff(running[ends])

    def float_sums(self, values: Floats, of: Integers | slice = slice(None)) -> Floats:
        """Return the sum over every group's claims (or some claims) as floats: shape (m,)."""
        return np.bincount(self.group[of], weights=values, minlength=len(self.capacity)).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Hosts:
    """The claims of many hosts on one resource.

    Attributes
    ----------
    levels : tuple of Groups
        From the finest to the hosts; every group lies in one group of the next level.
    lower, demand, upper, shares : int64 arrays, shape (n,)
        The lower bounds fit every group.
    """

    levels: tuple[Groups, ...]
    lower: Integers
    demand: Integers
    upper: Integers
    shares: Integers


def filled(hosts: Hosts, start: Integers, slope: Floats) -> Integers:
    """Return the progressive filling ``clamp(start + slope * t, lower, upper)`` of every host.

    In integers: a host's whole capacity is given out unless all its rising claims are at their
    upper bounds, or in full cells. Where groups nest, what a claim gets in its cell alone is the
    most that it can get on the host: the host then fills up to that. Each amount is within one
    quantum per level of the exact one, as far as floats tell.
    """
    amounts = np.where(slope > 0, hosts.upper, hosts.lower)
    for groups in hosts.levels:
        amounts = _filled(groups, replace(hosts, upper=amounts), start, slope)
    return amounts


def _filled(groups: Groups, hosts: Hosts, start: Integers, slope: Floats) -> Integers:
    target = np.minimum(groups.capacity, groups.sums(hosts.upper))
    tight = (target < groups.sums(hosts.upper))[groups.group]
    amounts = np.where(tight, hosts.lower, hosts.upper)
    part = np.flatnonzero(tight & (slope > 0) & (hosts.lower < hosts.upper))
    if len(part):
        water = _Water(groups, hosts, start, slope, part, target)
        exact = np.clip(start[part] + slope[part] * water.claim_levels(), hosts.lower[part], hosts.upper[part])
        amounts[part] = np.clip(np.floor(exact).astype(np.int64), hosts.lower[part], hosts.upper[part])
        water.settle(amounts, exact - amounts[part])
    return amounts


@dataclass(frozen=True, eq=False)
class _Water:
    """The groups whose capacity is short, the claims that rise there (``part``), and what each group gives out."""

    groups: Groups
    hosts: Hosts
    start: Integers
    slope: Floats
    part: Integers
    target: Integers

    def claim_levels(self) -> Floats:
        """Return the ``t`` of every rising claim's group: bisected among breakpoints, then exact between two."""
        groups, part = self.groups, self.part
        group, rate, begin = groups.group[part], self.slope[part], self.start[part].astype(np.float64)
        low, high = self.hosts.lower[part].astype(np.float64), self.hosts.upper[part].astype(np.float64)
        fixed = groups.float_sums(self.hosts.lower.astype(np.float64)) - groups.float_sums(low, part)
        leave, meet = np.maximum(0.0, (low - begin) / rate), (high - begin) / rate
        times, owner = np.concatenate([leave, meet]), np.concatenate([group, group])
        times = times[np.lexsort((times, owner))]
        counts = np.bincount(owner, minlength=len(fixed))
        offset = np.cumsum(counts) - counts

        def load(level: Floats) -> Floats:
            return fixed + groups.float_sums(np.clip(begin + rate * level[group], low, high), part)

        def at(index: Integers) -> Floats:
            return np.where(counts > 0, times[np.minimum(offset + index, len(times) - 1)], 0.0)

        below, above = np.zeros(len(fixed), dtype=np.int64), np.maximum(counts - 1, 0)
        while (above - below > 1).any():
            middle = (below + above) // 2
            fits = load(at(middle)) <= self.target
            below, above = np.where(fits, middle, below), np.where(fits, above, middle)
        first, last = at(below), at(above)
        moving = np.flatnonzero((leave <= first[group]) & (meet >= last[group]))
        speed = groups.float_sums(rate[moving], part[moving])
        step = np.divide(self.target - load(first), speed, out=np.zeros_like(first), where=speed > 0)
        return np.clip(first + step, first, last)[group]

    def settle(self, amounts: Integers, lost: Floats) -> None:
        """Give or take single quanta, by the largest remainder, until every group's sum is its target."""
        part, group = self.part, self.groups.group[self.part]
        for _ in range(MOST_ROUNDS):
            missing = (self.target - self.groups.sums(amounts))[group]
            give = (missing > 0) & (amounts[part] < self.hosts.upper[part])
            take = (missing < 0) & (amounts[part] > self.hosts.lower[part])
            able = np.flatnonzero(give | take)
            if not len(able):
                return
            order = able[np.lexsort((np.where(give, -lost, lost)[able], group[able]))]
            rank, index = rank_within(group[order]), part[order]
            count = np.bincount(group[able], minlength=len(self.target))[group[order]]
            each, more = np.divmod(np.abs(missing[order]), count)
            ends = np.where(give[order], self.hosts.upper[index], self.hosts.lower[index])
            amounts[index] += np.sign(missing[order]) * np.minimum(each + (rank < more), np.abs(ends - amounts[index]))
        raise ArithmeticError("rounding did not settle")


def with_the_rest(hosts: Hosts, amounts: Integers) -> Integers:
    """Hand out what is left above an allocation, in proportion to shares up to the limits."""
    return filled(replace(hosts, lower=amounts), amounts, hosts.shares.astype(np.float64))


def utilisation(hosts: Hosts) -> Integers:
    """Fill every host, as evenly over demands as can be."""
    return filled(hosts, np.zeros_like(hosts.lower), hosts.demand.astype(np.float64))


def max_min(hosts: Hosts) -> Integers:
    """Return the lexicographic max-min fair allocation of ``a / (shares * d)``."""
    slope = hosts.shares.astype(np.float64) * hosts.demand
    return filled(hosts, np.zeros_like(hosts.lower), slope)


def entitlement(hosts: Hosts) -> Integers:
    """Return what shares give up to the demands."""
    wanted = np.clip(hosts.demand, hosts.lower, hosts.upper)
    return filled(replace(hosts, upper=wanted), hosts.lower, hosts.shares.astype(np.float64))


def satisfaction(hosts: Hosts) -> Integers:
    """Return the allocation with the smallest ``sum shares * max(0, d - a) / d``: exact, in integers.

    Who gains most per unit is served first; claims that gain alike share evenly what is there.
    """
    amounts = np.clip(hosts.demand, hosts.lower, hosts.upper)
    place = gain_rank(hosts.shares, hosts.demand)
    for groups in hosts.levels:
        amounts = _served(groups, replace(hosts, upper=amounts), place)
    return amounts


def _served(groups: Groups, hosts: Hosts, place: Integers) -> Integers:
    """Serve claims up to their upper bounds in the order of their places."""
    order = np.lexsort((place, groups.group))
    group, rank, needs = groups.group[order], place[order], (hosts.upper - hosts.lower)[order]
    first = np.append(True, (group[1:] != group[:-1]) | (rank[1:] != rank[:-1]))[: len(order)]
    batch, begin = np.cumsum(first) - 1, np.searchsorted(group, np.arange(len(groups.capacity)))
    running = np.cumsum(needs) - needs  # may wrap around; differences within a group are exact
    before = (running - running[begin[group]])[first]
    left = (groups.capacity - groups.sums(hosts.lower))[group[first]] - before
    whole = left >= np.add.reduceat(needs, np.flatnonzero(first)) if len(needs) else left >= 0
    served, partly = np.zeros(len(order), dtype=np.bool_), np.zeros(len(order), dtype=np.bool_)
    served[order], partly[order] = whole[batch], (~whole & (left > 0))[batch]
    amounts = np.where(served, hosts.upper, hosts.lower)
    stage = replace(hosts, lower=amounts, upper=np.where(partly, hosts.upper, amounts))
    return _filled(groups, stage, np.zeros_like(amounts), hosts.demand.astype(np.float64))


def gain_rank(shares: Integers, demand: Integers) -> Integers:
    """Return the place of each ``shares / demand`` in descending exact order; last without demand.

    Equal gains have equal places. Floats sort; what they cannot tell apart is told exactly.
    """
    whole = np.maximum(demand, 1)
    shared = np.gcd(shares, whole)
    over, under = np.where(demand > 0, shares // shared, 0), whole // shared
    order = np.lexsort((under, over, -(over / under)))
    over, under = over[order], under[order]
    alike = (over / under)[1:] == (over / under)[:-1]
    new = np.append(True, (over[1:] != over[:-1]) | (under[1:] != under[:-1]))[: len(order)]
    if (alike & new[1:]).any():
        exact = [Fraction(w, d) for w, d in zip(over.tolist(), under.tolist(), strict=True)]
        again = np.array(sorted(range(len(order)), key=lambda n: -exact[n]), dtype=np.int64)
        order, new = order[again], np.append(True, (np.diff(over[again]) != 0) | (np.diff(under[again]) != 0))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.cumsum(new) - 1
    return place
