"""What a Lagrangian relaxation puts prices on: each family of constraints as what it adds to costs, and its slope.

Every term is written once for floats, in which good prices are searched, and for integers, in
which what they prove is computed.
"""

# ruff: noqa: ARG002 - every term has the same methods, whether it needs prices or not

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from formulations.reassignment import NOWHERE, Reassignment
from formulations.tables import Integers
from solver.engines.reassignment.settling import inflow_of, possible_hosts

Floats = NDArray[np.float64]
Numbers = NDArray[Any]
"""Floats while prices are searched, integers when what they prove is computed."""


MOST_COUNTED = 3
"""VMs larger than a part of a host's room are counted down to this part's inverse, less 1."""


class Term(Protocol):
    """A family of constraints, or of costs above a limit, with a price on each.

    Attributes
    ----------
    shape : tuple of int
        Of its prices.
    most : int or None
        No price is above this: what a unit above the limit costs; None for constraints.
    first : float
        The price to begin with.
    scale : float
        What prices are like.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102 - above
    @property
    def most(self) -> int | None: ...  # noqa: D102
    @property
    def first(self) -> float: ...  # noqa: D102
    @property
    def scale(self) -> float: ...  # noqa: D102

    def add(self, costs: Numbers, prices: Numbers) -> None:
        """Add what the prices make of every VM on every host; ``costs`` has shape (VMs, hosts)."""

    def constant(self, prices: Numbers) -> int | float:
        """Return what the prices add whatever is placed where."""

    def slope(self, host_of: Integers, prices: Floats) -> Floats:
        """Return how the bound grows with each price when VMs are on these hosts."""


@dataclass(frozen=True, eq=False)
class PerHost:
    """On each host the sum of its VMs' coefficients is within a limit, or costs what it exceeds it by.

    Parameters
    ----------
    coefficients : int64 array, shape (VMs, hosts) or (VMs, 1)
        The latter where they do not depend on the host.
    limit : int64 array, shape (hosts,)
    """

    coefficients: Integers
    limit: Integers
    most: int | None
    first: float
    scale: float

    @property
    def shape(self) -> tuple[int, ...]:
        """One price per host."""
        return self.limit.shape

    def add(self, costs: Numbers, prices: Numbers) -> None:
        """Add the coefficient times the host's price."""
        costs += self.coefficients * prices

    def constant(self, prices: Numbers) -> int | float:
        """Return what the limits are worth."""
        return -_dot(prices, self.limit)

    def slope(self, host_of: Integers, prices: Floats) -> Floats:
        """Return by how much each limit is exceeded."""
        vms = np.arange(len(host_of))
        there = self.coefficients[vms, host_of] if self.coefficients.shape[1] > 1 else self.coefficients[:, 0]
        used: Floats = np.bincount(host_of, weights=there, minlength=len(prices)).astype(np.float64)
        return used - self.limit


@dataclass(frozen=True, eq=False)
class Apart:
    """On each host at most so many VMs of a service.

    Parameters
    ----------
    row : int64 array, shape (VMs,)
        The row of the VM's service; -1 where it has no such rule.
    limit : int64 array, shape (rows,)
    hosts : int
    """

    row: Integers
    limit: Integers
    hosts: int
    scale: float
    most: int | None = None
    first: float = 0.0

    @property
    def shape(self) -> tuple[int, ...]:
        """One price per service and host."""
        return (len(self.limit), self.hosts)

    def add(self, costs: Numbers, prices: Numbers) -> None:
        """Add the price of the service on the host."""
        known = np.flatnonzero(self.row >= 0)
        costs[known] += prices[self.row[known]]

    def constant(self, prices: Numbers) -> int | float:
        """Return what the limits are worth."""
        return -_dot(prices.sum(axis=1), self.limit)

    def slope(self, host_of: Integers, prices: Floats) -> Floats:
        """Return by how much each limit is exceeded."""
        count = np.zeros(self.shape)
        known = np.flatnonzero(self.row >= 0)
        np.add.at(count, (self.row[known], host_of[known]), 1.0)
        return count - self.limit[:, None]


@dataclass(frozen=True, eq=False)
class Near:
    """A VM is in a neighbourhood only with a VM of the service that its own depends on.

    Parameters
    ----------
    vm, other : int64 arrays, shape (pairs,)
        A VM, and the service that it needs.
    service : int64 array, shape (VMs,)
    neighbourhood : int64 array, shape (hosts,)
    services, neighbourhoods : int
    """

    vm: Integers
    other: Integers
    service: Integers
    neighbourhood: Integers
    services: int
    neighbourhoods: int
    scale: float
    most: int | None = None
    first: float = 0.0

    @property
    def shape(self) -> tuple[int, ...]:
        """One price per pair and neighbourhood."""
        return (len(self.vm), self.neighbourhoods)

    def add(self, costs: Numbers, prices: Numbers) -> None:
        """Let the VM pay the price, and every VM of the other service earn it."""
        change = np.zeros((len(costs), self.neighbourhoods), dtype=prices.dtype)
        np.add.at(change, self.vm, prices)
        earned = np.zeros((self.services, self.neighbourhoods), dtype=prices.dtype)
        np.add.at(earned, self.other, prices)
        change -= earned[self.service]
        costs += change[:, self.neighbourhood]

    def constant(self, prices: Numbers) -> int | float:
        """Return 0."""
        return 0

    def slope(self, host_of: Integers, prices: Floats) -> Floats:
        """Return whether the VM is there, less how many of the others are."""
        there = self.neighbourhood[host_of]
        count = np.zeros((self.services, self.neighbourhoods))
        np.add.at(count, (self.service, there), 1.0)
        slope: Floats = -count[self.other]
        slope[np.arange(len(self.vm)), there[self.vm]] += 1.0
        return slope


@dataclass(frozen=True, eq=False)
class SpreadOut:
    """A service lies in so many locations at least.

    Parameters
    ----------
    row : int64 array, shape (VMs,)
        The row of the VM's service; -1 where it has no such rule.
    least : int64 array, shape (rows,)
    location : int64 array, shape (hosts,)
    locations : int
    """

    row: Integers
    least: Integers
    location: Integers
    locations: int
    scale: float
    most: int | None = None
    first: float = 0.0

    @property
    def shape(self) -> tuple[int, ...]:
        """One price per service and location: what a VM earns for being there."""
        return (len(self.least), self.locations)

    def _chosen(self, prices: Numbers) -> NDArray[np.bool_]:
        """Return the cheapest locations that are enough."""
        rank = np.argsort(np.argsort(prices, axis=1, kind="stable"), axis=1, kind="stable")
        chosen: NDArray[np.bool_] = rank < self.least[:, None]
        return chosen

    def add(self, costs: Numbers, prices: Numbers) -> None:
        """Let every VM of the service earn the price of its location."""
        known = np.flatnonzero(self.row >= 0)
        costs[known] -= prices[self.row[known]][:, self.location]

    def constant(self, prices: Numbers) -> int | float:
        """Return the prices of the cheapest locations that are enough."""
        worth = prices[self._chosen(prices)]
        total: int | float = sum(worth.tolist())
        return total

    def slope(self, host_of: Integers, prices: Floats) -> Floats:
        """Return which locations are chosen, less how many VMs are there."""
        count = np.zeros(self.shape)
        known = np.flatnonzero(self.row >= 0)
        np.add.at(count, (self.row[known], self.location[host_of[known]]), 1.0)
        slope: Floats = self._chosen(prices) - count
        return slope


@dataclass(frozen=True, eq=False)
class FewMoves:
    """At most so many VMs move.

    Parameters
    ----------
    current : int64 array, shape (VMs,)
    budget : int
    hosts : int
    """

    current: Integers
    budget: int
    hosts: int
    scale: float
    most: int | None = None
    first: float = 0.0
    shape: tuple[int, ...] = (1,)

    def add(self, costs: Numbers, prices: Numbers) -> None:
        """Let every move pay the price."""
        known = np.flatnonzero(self.current != NOWHERE)
        costs[known] += prices[0]
        costs[known, self.current[known]] -= prices[0]

    def constant(self, prices: Numbers) -> int | float:
        """Return what the limit is worth."""
        return -_dot(prices, np.array([self.budget]))

    def slope(self, host_of: Integers, prices: Floats) -> Floats:
        """Return by how much the limit is exceeded."""
        moves = int(((self.current != NOWHERE) & (self.current != host_of)).sum())
        return np.array([float(moves - self.budget)])


def _dot(prices: Numbers, limits: Integers) -> int | float:
    """Return the sum of products, exact for integers of any size."""
    if prices.dtype == np.float64:
        return float(prices @ limits)
    total: int = sum(p * limit for p, limit in zip(prices.tolist(), limits.tolist(), strict=True))
    return total


class Relaxation:
    """The terms of a question, and what every VM costs on every host without them.

    Costs of load above the safety capacity are superadditive: what each VM exceeds it by alone is
    paid in full beside the rest, so prices see only what a VM has within the safety capacity.

    Parameters
    ----------
    question : Reassignment

    Attributes
    ----------
    terms : list of Term
    fixed : int64 array, shape (VMs, hosts)
        What a VM costs on a host whatever else is there; -1 where it cannot be.
    """

    def __init__(self, question: Reassignment) -> None:
        self.question = question
        self._hosts: Integers = np.arange(question.hosts, dtype=np.int64)
        self._home = self._hosts[None, :] == question.current[:, None]
        self._inflow = inflow_of(question)
        self.fixed: Integers = self._fixed_costs()
        self.terms: list[Term] = [*self._loads(), *self._balances(), *self._capacities(), *self._rules()]

    @staticmethod
    def entries(question: Reassignment) -> int:
        """Return about how many coefficients the relaxation of a question has."""
        return question.vms * question.hosts * (2 * question.resources + 2)

    @property
    def possible(self) -> bool:
        """Whether every VM fits somewhere alone."""
        return bool((self.fixed >= 0).any(axis=1).all())

    def _fixed_costs(self) -> Integers:
        q = self.question
        costs: Integers = np.zeros((q.vms, q.hosts), dtype=np.int64)
        for r in np.flatnonzero(q.load_weight).tolist():
            costs += q.load_weight[r] * np.maximum(q.sizes[:, [r]] - q.safety[None, :, r], 0)
        pair = q.pair_cost[q.host_class[q.current]][:, q.host_class].astype(np.int64)
        away = (q.move_weight * q.move_cost)[:, None] + q.pair_weight * pair
        costs += np.where(self._home | (q.current == NOWHERE)[:, None], 0, away)
        costs[~possible_hosts(q)] = -1
        return costs

    def _loads(self) -> Iterator[Term]:
        q = self.question
        total, safe = q.sizes.sum(axis=0), q.safety.sum(axis=0)
        for r in np.flatnonzero(q.load_weight).tolist():
            weight = int(q.load_weight[r])
            within = np.minimum(q.sizes[:, [r]], q.safety[None, :, r])
            yield PerHost(within, q.safety[:, r], weight, weight if total[r] > safe[r] else 0.0, weight)

    def _balances(self) -> Iterator[Term]:
        q = self.question
        room = q.capacity.sum(axis=0) - q.sizes.sum(axis=0)
        for first, second, target, weight in q.balances.tolist():
            change = q.sizes[:, [second]] - target * q.sizes[:, [first]]
            limit = q.capacity[:, second] - target * q.capacity[:, first]
            binding = target * room[first] > room[second]
            yield PerHost(change, limit, weight, weight if binding else 0.0, weight)

    @property
    def _usual(self) -> float:
        """What a unit of size is worth, more or less."""
        return max(1.0, float(self.question.load_weight.mean()))

    def _capacities(self) -> Iterator[Term]:
        q = self.question
        for r in range(q.resources):
            room = self._inflow[:, r] if q.transient[r] else q.capacity[:, r]
            takes: Integers = q.sizes[:, [r]]
            if q.transient[r]:
                takes = np.where(self._home, 0, takes)
            yield PerHost(takes, room, None, 0.0, self._usual)
            yield from self._counts(takes, room)

    def _counts(self, takes: Integers, room: Integers) -> Iterator[Term]:
        """Yield that of VMs larger than a half, a third, a quarter of a host's room one, two, three fit."""
        for most in range(1, MOST_COUNTED + 1):
            large = ((most + 1) * takes > room[None, :]).astype(np.int64) * (self.fixed >= 0)
            if (large.sum(axis=0) > most).any():
                limit: Integers = np.full(len(room), most, dtype=np.int64)
                yield PerHost(large, limit, None, 0.0, self._usual * float(np.abs(room).mean() + 1) / most)

    def _rules(self) -> Iterator[Term]:
        q = self.question
        worth = self._usual * max(1.0, float(q.sizes.sum(axis=1).mean()))
        crowded = np.flatnonzero(q.members > q.most_per_host)
        if len(crowded):
            yield Apart(_row(crowded, q), q.most_per_host[crowded], q.hosts, worth)
        spreading = np.flatnonzero(q.spread > 1)
        if len(spreading):
            yield SpreadOut(_row(spreading, q), q.spread[spreading], q.location, q.locations, worth)
        pairs = [
            (vm, t) for s, t in q.dependencies.tolist() if s != t for vm in np.flatnonzero(q.service == s).tolist()
        ]
        if pairs and len(pairs) * q.neighbourhoods <= q.vms * q.hosts:
            vm, other = np.array(pairs, dtype=np.int64).T
            yield Near(vm, other, q.service, q.neighbourhood, q.services, q.neighbourhoods, worth)
        if q.most_moves is not None:
            yield FewMoves(q.current, q.most_moves, q.hosts, worth)


def _row(chosen: NDArray[np.intp], question: Reassignment) -> Integers:
    """Return the position of every VM's service among those chosen; -1 for none."""
    row: Integers = np.full(question.services, -1, dtype=np.int64)
    row[chosen] = np.arange(len(chosen))
    return row[question.service]
