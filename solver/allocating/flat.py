"""Water-filling of many hosts at once: vectorised over VMs, for hosts whose only row is their capacity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from solver.allocating.claims import rank_within

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Hosts:
    """The claims of many hosts on one resource.

    Attributes
    ----------
    host : int64 array, shape (n,)
        The host of each claim, 0 … m - 1, ascending.
    capacity : int64 array, shape (m,)
    lower, demand, upper, shares : int64 arrays, shape (n,)
        ``upper`` is at most the host's capacity; the lower bounds of a host fit.
    """

    host: Integers
    capacity: Integers
    lower: Integers
    demand: Integers
    upper: Integers
    shares: Integers

    def sums(self, values: Integers) -> Integers:
        """Return the sum over every host's claims: shape (m,). Exact where the sum itself fits 64 bits."""
        running = np.append(np.int64(0), np.cumsum(values))  # wraps around; differences are exact
        ends = np.searchsorted(self.host, np.arange(len(self.capacity) + 1))
        return np.diff(running[ends])

    def float_sums(self, values: Floats) -> Floats:
        """Return the sum over every host's claims as floats: shape (m,)."""
        return np.bincount(self.host, weights=values, minlength=len(self.capacity)).astype(np.float64)


def filled(hosts: Hosts, start: Integers, slope: Floats) -> Integers:
    """Return the progressive filling ``clamp(start + slope * t, lower, upper)`` of every host.

    In integers: a host's whole capacity is given out unless all its rising claims are at their
    upper bounds. Each amount is within one quantum of the exact one, as far as floats tell.
    """
    rising = (slope > 0) & (hosts.lower < hosts.upper)
    upper = np.where(rising, hosts.upper, hosts.lower)
    target = np.minimum(hosts.capacity, hosts.sums(upper))
    tight = (target < hosts.sums(upper))[hosts.host]
    amounts = np.where(tight, hosts.lower, upper)
    part = np.flatnonzero(tight & rising)
    if len(part):
        level = _levels(hosts, start, slope, part, target)
        exact = np.clip(start[part] + slope[part] * level[hosts.host[part]], hosts.lower[part], upper[part])
        amounts[part] = np.clip(np.floor(exact).astype(np.int64), hosts.lower[part], upper[part])
        _settle(hosts, amounts, part, exact - amounts[part], target)
    return amounts


def _levels(hosts: Hosts, start: Integers, slope: Floats, part: Integers, target: Integers) -> Floats:
    """Return every host's ``t``: found among its sorted breakpoints by bisection, then exactly between two."""
    host, low, high = hosts.host[part], hosts.lower[part].astype(np.float64), hosts.upper[part].astype(np.float64)
    begin, rate = start[part].astype(np.float64), slope[part]
    fixed = hosts.float_sums(hosts.lower.astype(np.float64))
    fixed -= np.bincount(host, weights=low, minlength=len(fixed))
    leave, meet = np.maximum(0.0, (low - begin) / rate), (high - begin) / rate
    times, owner = np.concatenate([leave, meet]), np.concatenate([host, host])
    times = times[np.lexsort((times, owner))]
    counts = np.bincount(owner, minlength=len(fixed))
    offset = np.cumsum(counts) - counts

    def load(level: Floats) -> Floats:
        amounts = np.clip(begin + rate * level[host], low, high)
        return fixed + np.bincount(host, weights=amounts, minlength=len(fixed))

    def at(index: Integers) -> Floats:
        return np.where(counts > 0, times[np.minimum(offset + index, len(times) - 1)], 0.0)

    below, above = np.zeros(len(fixed), dtype=np.int64), np.maximum(counts - 1, 0)
    while (above - below > 1).any():
        middle = (below + above) // 2
        fits = load(at(middle)) <= target
        below, above = np.where(fits, middle, below), np.where(fits, above, middle)
    first, last = at(below), at(above)
    moving = (leave <= first[host]) & (meet >= last[host])
    speed = np.bincount(host[moving], weights=rate[moving], minlength=len(fixed))
    step = np.divide(target - load(first), speed, out=np.zeros_like(first), where=speed > 0)
    return np.clip(first + step, first, last)


def _settle(hosts: Hosts, amounts: Integers, part: Integers, lost: Floats, target: Integers) -> None:
    """Give or take single quanta, by the largest remainder, until every host's sum is its target."""
    for _ in range(64):
        missing = (target - hosts.sums(amounts))[hosts.host[part]]
        give = (missing > 0) & (amounts[part] < hosts.upper[part])
        take = (missing < 0) & (amounts[part] > hosts.lower[part])
        able = np.flatnonzero(give | take)
        if not len(able):
            return
        order = able[np.lexsort((np.where(give, -lost, lost)[able], hosts.host[part[able]]))]
        rank = rank_within(hosts.host[part[order]])
        able_count = np.bincount(hosts.host[part[able]], minlength=len(target))[hosts.host[part[order]]]
        wanted = np.abs(missing[order])
        each, more = wanted // able_count, wanted % able_count
        change = each + (rank < more)
        index = part[order]
        room = np.where(give[order], hosts.upper[index] - amounts[index], amounts[index] - hosts.lower[index])
        amounts[index] += np.sign(missing[order]) * np.minimum(change, room)
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
    wanted = np.clip(hosts.demand, hosts.lower, hosts.upper)
    need = wanted - hosts.lower
    place = gain_rank(hosts.shares, hosts.demand)
    order = np.lexsort((place, hosts.host))
    host, rank, needs = hosts.host[order], place[order], need[order]
    first = np.append(True, (host[1:] != host[:-1]) | (rank[1:] != rank[:-1]))[: len(order)]
    group, begin = np.cumsum(first) - 1, np.searchsorted(host, np.arange(len(hosts.capacity)))
    running = np.cumsum(needs) - needs  # may wrap around; differences within a host are exact
    before = (running - running[begin[host]])[first]
    left = (hosts.capacity - hosts.sums(hosts.lower))[host[first]] - before
    whole = left >= np.add.reduceat(needs, np.flatnonzero(first)) if len(needs) else left >= 0
    served, partly = np.zeros(len(order), dtype=np.bool_), np.zeros(len(order), dtype=np.bool_)
    served[order], partly[order] = whole[group], (~whole & (left > 0))[group]
    amounts = np.where(served, wanted, hosts.lower)
    stage = replace(hosts, lower=amounts, upper=np.where(partly, wanted, amounts))
    return filled(stage, np.zeros_like(amounts), hosts.demand.astype(np.float64))


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
