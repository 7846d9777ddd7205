"""Compiled moves of the local search: what they would break, what they would cost, and their making."""

# ruff: noqa: PLR0911, PLR0912, PLR0915, PLR0917, SIM110 - loops on arrays, one after another, for the compiler

from __future__ import annotations

import numpy as np
from numba import njit

from formulations.tables import Integers
from solver.engines.reassignment.arrays import Shorts, State, Terms, Words

COST, MOST_MOVED, MOVES, BEST, CHANGED, ACCEPTED, SCANS, FOUND = range(8)
"""The layout of ``State.totals``, as in `arrays`: compiled code is cached by this file alone."""


@njit(cache=True)
def _random(state: Words) -> np.uint64:
    """Return 64 random bits (Marsaglia's xorshift, Journal of Statistical Software 8(14), 2003)."""
    x: np.uint64 = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return x


@njit(cache=True)
def _below(state: Words, n: int) -> np.int64:
    """Return a random integer in [0, n)."""
    return np.int64(((_random(state) >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@njit(cache=True)
def _fits(room: Integers, sizes: Integers, first: int, p: int, b: int) -> bool:
    """Whether a VM fits into what is free on a host, in the resources from the first one on."""
    for r in range(first, sizes.shape[1]):
        if sizes[p, r] > room[r, b]:
            return False
    return True


@njit(cache=True)
def _hosts_with_room(room: Integers, sizes: Integers, p: int, lowest: int, beyond: int, found: Integers) -> int:
    """Fill in the hosts of a range on which a VM fits; return how many they are."""
    count, last = 0, sizes.shape[1] - 1
    one, two = min(1, last), min(2, last)
    size, second, third = sizes[p, 0], sizes[p, one], sizes[p, two]
    for j in range(lowest, beyond):
        found[count] = j
        count += 1 if (room[0, j] >= size) & (room[one, j] >= second) & (room[two, j] >= third) else 0
    for r in range(3, last + 1):
        if count == 0:
            break
        before, count, size = count, 0, sizes[p, r]
        for i in range(before):
            j = found[i]
            found[count] = j
            count += 1 if room[r, j] >= size else 0
    return count


@njit(cache=True)
def _cost_with(excess: Integers, delta: Integers, b: int, p: int) -> np.int64:
    """Return a host's cost after a VM has come."""
    total = np.int64(0)
    for k in range(delta.shape[1]):
        total += max(np.int64(0), excess[b, k] + delta[p, k])
    return total


@njit(cache=True)
def _cost_without(excess: Integers, delta: Integers, a: int, p: int) -> np.int64:
    """Return a host's cost after a VM has gone."""
    total = np.int64(0)
    for k in range(delta.shape[1]):
        total += max(np.int64(0), excess[a, k] - delta[p, k])
    return total


@njit(cache=True)
def _cost_exchanged(excess: Integers, delta: Integers, b: int, come: int, go: int) -> np.int64:
    """Return a host's cost after one VM has come and one has gone."""
    total = np.int64(0)
    for k in range(delta.shape[1]):
        total += max(np.int64(0), excess[b, k] + delta[come, k] - delta[go, k])
    return total


@njit(cache=True)
def _paid(
    home: Integers,
    away: Integers,
    stay: np.int64,
    host_class: Integers,
    pair_cost: Shorts,
    pair_weight: np.int64,
    p: int,
    b: int,
) -> np.int64:
    """Return what a VM pays for being on a host that it was not on, with the price that the search alone puts on it."""
    h = home[p]
    if h == b or h < 0:
        return np.int64(0)
    return np.int64(stay + away[p] + pair_weight * np.int64(pair_cost[host_class[h], host_class[b]]))


@njit(cache=True)
def _spread_holds(counts: Shorts, used: Integers, limit: Integers, row: int, x: int, y: int) -> bool:
    """Whether a service lies in enough locations after one of its VMs has gone from location x to y."""
    if x == y or counts[row, x] > 1 or counts[row, y] == 0:
        return True
    return bool(used[row] - 1 >= limit[row])


@njit(cache=True)
def _near_holds(
    needs_first: Integers,
    needs: Integers,
    needed_first: Integers,
    needed: Integers,
    near: Shorts,
    row: int,
    x: int,
    y: int,
    other: int,
) -> bool:
    """Whether dependencies hold after a VM of one row has gone from neighbourhood x to y.

    Meanwhile a VM of row ``other`` (-1: none) goes from y to x.
    """
    for i in range(needs_first[row], needs_first[row + 1]):
        t = needs[i]
        if near[t, y] - (1 if t == other else 0) <= 0:
            return False
    if near[row, x] == 1:
        for i in range(needed_first[row], needed_first[row + 1]):
            u = needed[i]
            if near[u, x] + (1 if u == other else 0) > 0:
                return False
    return True


@njit(cache=True)
def _valid_near(terms: Terms, near: Shorts, row: int, x: int) -> bool:
    """Whether the dependencies of and on a row hold in a neighbourhood."""
    if near[row, x] > 0:
        for i in range(terms.needs_first[row], terms.needs_first[row + 1]):
            if near[terms.needs[i], x] == 0:
                return False
    else:
        for i in range(terms.needed_first[row], terms.needed_first[row + 1]):
            if near[terms.needed[i], x] > 0:
                return False
    return True


@njit(cache=True)
def _save(state: State) -> None:
    """Bring the best placement up to date."""
    totals = state.totals
    for i in range(totals[CHANGED]):
        p = state.changed[i]
        state.best[p] = state.host_of[p]
        state.marks[p] = 0
    totals[CHANGED] = 0
    totals[BEST] = totals[COST]


@njit(cache=True)
def _count_moved(
    moved: Integers, histogram: Integers, totals: Integers, service_weight: np.int64, s: int, change: int
) -> None:
    """Count a moved VM of a service more or less."""
    histogram[moved[s]] -= 1
    moved[s] += change
    histogram[moved[s]] += 1
    before = totals[MOST_MOVED]
    if moved[s] > before:
        totals[MOST_MOVED] = moved[s]
    elif histogram[before] == 0:
        totals[MOST_MOVED] = before - 1
    totals[COST] += service_weight * (totals[MOST_MOVED] - before)
    totals[MOVES] += change


@njit(cache=True)
def _relink(first: Integers, following: Integers, preceding: Integers, p: int, a: int, b: int) -> None:
    """Take a VM from one host's list to another's."""
    before, after = preceding[p], following[p]
    following[before] = after
    preceding[after] = before
    if first[a] == p:
        first[a] = -1 if after == p else after
    head = first[b]
    if head < 0:
        first[b] = p
        head = p
        preceding[p] = p
    last = preceding[head]
    following[last], preceding[head] = p, p
    preceding[p], following[p] = last, head


@njit(cache=True)
def _place(terms: Terms, state: State, p: int, b: int) -> None:
    """Take a VM to a host in all sums but the hosts' costs."""
    a = state.host_of[p]
    h, s, totals = terms.home[p], terms.service[p], state.totals
    sizes, room, excess, delta, transient = terms.sizes, state.room, state.excess, terms.delta, terms.transient[0]
    for r in range(transient if h == a else 0, sizes.shape[1]):
        room[r, a] += sizes[p, r]
    for r in range(transient if h == b else 0, sizes.shape[1]):
        room[r, b] -= sizes[p, r]
    _relink(state.first, state.following, state.preceding, p, a, b)
    for k in range(delta.shape[1]):
        excess[a, k] -= delta[p, k]
        excess[b, k] += delta[p, k]
    row = terms.crowd_row[p]
    if row >= 0:
        state.crowd[row, a] -= 1
        state.crowd[row, b] += 1
    row = terms.spread_row[p]
    if row >= 0:
        x, y = terms.location[a], terms.location[b]
        if x != y:
            state.spread[row, x] -= 1
            if state.spread[row, x] == 0:
                state.spread_used[row] -= 1
            if state.spread[row, y] == 0:
                state.spread_used[row] += 1
            state.spread[row, y] += 1
    row = terms.near_row[p]
    if row >= 0:
        state.near[row, terms.neighbourhood[a]] -= 1
        state.near[row, terms.neighbourhood[b]] += 1
    home, away = terms.home, terms.away
    host_class, pair_cost, pair_weight = terms.host_class, terms.pair_cost, terms.weights[1]
    totals[COST] += _paid(home, away, np.int64(0), host_class, pair_cost, pair_weight, p, b)
    totals[COST] -= _paid(home, away, np.int64(0), host_class, pair_cost, pair_weight, p, a)
    if h >= 0 and h in (a, b):
        change = 1 if h == a else -1
        _count_moved(state.moved, state.histogram, totals, terms.weights[0], s, change)
    state.host_of[p] = b
    if state.marks[p] == 0:
        state.marks[p] = 1
        state.changed[totals[CHANGED]] = p
        totals[CHANGED] += 1


@njit(cache=True)
def _now_costs(totals: Integers, host_cost: Integers, b: int, cost: np.int64) -> None:
    """Note what a host costs now."""
    totals[COST] += cost - host_cost[b]
    host_cost[b] = cost


@njit(cache=True)
def _shift_holds(terms: Terms, state: State, p: int, a: int, b: int) -> bool:
    """Whether the rules hold after a shift; capacity is tested elsewhere."""
    needs_first, needs, needed_first, needed = terms.needs_first, terms.needs, terms.needed_first, terms.needed
    near = state.near
    if len(terms.allowed) and terms.allowed[terms.vm_class[p], b] == 0:
        return False
    row = terms.crowd_row[p]
    if row >= 0 and state.crowd[row, b] >= terms.crowd_limit[row]:
        return False
    if terms.home[p] == a and state.totals[MOVES] >= terms.weights[2]:
        return False
    row = terms.spread_row[p]
    if row >= 0 and not _spread_holds(
        state.spread, state.spread_used, terms.spread_limit, row, terms.location[a], terms.location[b]
    ):
        return False
    row = terms.near_row[p]
    if row >= 0:
        x, y = terms.neighbourhood[a], terms.neighbourhood[b]
        return bool(x == y or _near_holds(needs_first, needs, needed_first, needed, near, row, x, y, -1))
    return True


@njit(cache=True)
def _swap_holds(terms: Terms, state: State, p: int, a: int, q: int, b: int) -> bool:
    """Whether the rules hold after VMs p on host a and q on host b have changed places."""
    needs_first, needs, needed_first, needed = terms.needs_first, terms.needs, terms.needed_first, terms.needed
    near = state.near
    if len(terms.allowed) and (terms.allowed[terms.vm_class[p], b] == 0 or terms.allowed[terms.vm_class[q], a] == 0):
        return False
    more = 0
    if terms.home[p] >= 0:
        more += (1 if terms.home[p] == a else 0) - (1 if terms.home[p] == b else 0)
    if terms.home[q] >= 0:
        more += (1 if terms.home[q] == b else 0) - (1 if terms.home[q] == a else 0)
    if more > 0 and state.totals[MOVES] + more > terms.weights[2]:
        return False
    if terms.service[p] == terms.service[q]:
        return True
    row = terms.crowd_row[p]
    if row >= 0 and state.crowd[row, b] >= terms.crowd_limit[row]:
        return False
    row = terms.crowd_row[q]
    if row >= 0 and state.crowd[row, a] >= terms.crowd_limit[row]:
        return False
    x, y = terms.location[a], terms.location[b]
    row = terms.spread_row[p]
    if row >= 0 and not _spread_holds(state.spread, state.spread_used, terms.spread_limit, row, x, y):
        return False
    row = terms.spread_row[q]
    if row >= 0 and not _spread_holds(state.spread, state.spread_used, terms.spread_limit, row, y, x):
        return False
    x, y = terms.neighbourhood[a], terms.neighbourhood[b]
    if x == y:
        return True
    row, other = terms.near_row[p], terms.near_row[q]
    if row >= 0 and not _near_holds(needs_first, needs, needed_first, needed, near, row, x, y, other):
        return False
    return not (other >= 0 and not _near_holds(needs_first, needs, needed_first, needed, near, other, y, x, row))


@njit(cache=True)
def anneal(
    terms: Terms,
    state: State,
    eligible: int,
    temperature: float,
    stay: np.int64,
    swaps: int,
    window: int,
    walk: int,
    steps: int,
    found: Integers,
    bounds: Integers,
) -> None:
    """Try shifts and swaps at one temperature.

    Parameters
    ----------
    terms : Terms
    state : State
    eligible : int
        Only so many VMs may move: the first ones, which are the largest.
    temperature : float
    stay : int
        What every move costs beside, in the search alone.
    swaps : int
        Of 1024 moves, so many are swaps.
    window : int
        Among so many hosts in a row room is looked for.
    walk : int
        So many VMs of a host at most are asked until one can be the partner.
    steps : int
    found : int64 array, shape (window + 1,)
    bounds : int64 array, shape (2, resources)
        Working space.
    """
    # What most candidates fail at is tested on plain arrays: passing tuples on takes longer than the test.
    random, totals, logs = state.random, state.totals, terms.logs
    sizes, delta, home, transient = terms.sizes, terms.delta, terms.home, terms.transient[0]
    room, excess, host_of, host_cost = state.room, state.excess, state.host_of, state.host_cost
    first, following = state.first, state.following
    away, host_class, pair_cost, pair_weight = terms.away, terms.host_class, terms.pair_cost, terms.weights[1]
    relief = terms.relief
    hosts, resources = len(host_cost), sizes.shape[1]
    for _ in range(steps):
        bits = _random(random)
        p = _below(random, eligible)
        a, h = host_of[p], home[p]
        if np.int64((bits >> np.uint64(12)) & np.uint64(1023)) < swaps:
            b = _below(random, hosts)
            q = first[b]
            if a == b or q < 0:
                continue
            # The partner must take no more than a has without p, and leave enough on b.
            begin = transient if h == b else 0
            for r in range(resources):
                bounds[0, r] = sizes[p, r] - room[r, b] if r >= begin else np.int64(0)
                bounds[1, r] = room[r, a] + (sizes[p, r] if r >= transient or h != a else np.int64(0))
            partner = np.int64(-1)
            for _walk in range(walk):
                if q < eligible:
                    at_home, comes_home, fits = home[q] == b, home[q] == a, True
                    for r in range(resources):
                        size = sizes[q, r]
                        if r < transient:
                            gone = np.int64(0) if at_home else size
                            if gone < bounds[0, r] or (not comes_home and size > bounds[1, r]):
                                fits = False
                                break
                        elif size < bounds[0, r] or size > bounds[1, r]:
                            fits = False
                            break
                    if fits:
                        partner = q
                q = following[q]
                if partner >= 0 or q == first[b]:
                    break
            first[b] = q  # the next look begins where this one ended
            if partner < 0:
                continue
            q = partner
            threshold = np.int64(temperature * logs[np.int64(bits & np.uint64(4095))])
            limit = threshold + host_cost[a] + host_cost[b]
            limit += _paid(home, away, stay, host_class, pair_cost, pair_weight, p, a)
            limit += _paid(home, away, stay, host_class, pair_cost, pair_weight, q, b)
            limit -= _paid(home, away, stay, host_class, pair_cost, pair_weight, p, b)
            limit -= _paid(home, away, stay, host_class, pair_cost, pair_weight, q, a)
            cost_a = _cost_exchanged(excess, delta, a, q, p)
            if cost_a > limit:
                continue
            cost_b = _cost_exchanged(excess, delta, b, p, q)
            if cost_a + cost_b > limit or not _swap_holds(terms, state, p, a, q, b):
                continue
            if totals[COST] < totals[BEST]:
                _save(state)
            _place(terms, state, p, b)
            _place(terms, state, q, a)
        else:
            threshold = np.int64(temperature * logs[np.int64(bits & np.uint64(4095))])
            limit = threshold + host_cost[a]
            limit += _paid(home, away, stay, host_class, pair_cost, pair_weight, p, a)
            cost_a = _cost_without(excess, delta, a, p)
            if cost_a - relief[p] > limit:
                continue
            lowest, beyond = np.int64(0), np.int64(hosts)
            if hosts > window:
                lowest = _below(random, hosts + window - 1) - (window - 1)
                lowest, beyond = max(np.int64(lowest), np.int64(0)), min(np.int64(lowest + window), np.int64(hosts))
            count = _hosts_with_room(room, sizes, p, lowest, beyond, found)
            totals[SCANS] += beyond - lowest
            totals[FOUND] += count
            if a != h and h >= 0 and _fits(room, sizes, transient, p, h):
                found[count] = h
                count += 1
            if count == 0:
                continue
            b = found[_below(random, count)]
            if a == b:
                continue
            limit += host_cost[b] - _paid(home, away, stay, host_class, pair_cost, pair_weight, p, b)
            cost_b = _cost_with(excess, delta, b, p)
            if cost_a + cost_b > limit or not _shift_holds(terms, state, p, a, b):
                continue
            if totals[COST] < totals[BEST]:
                _save(state)
            _place(terms, state, p, b)
        _now_costs(totals, host_cost, a, cost_a)
        _now_costs(totals, host_cost, b, cost_b)
        totals[ACCEPTED] += 1
    if totals[COST] < totals[BEST]:
        _save(state)
