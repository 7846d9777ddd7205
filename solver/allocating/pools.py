"""Resource pools: on every host the tree of pools divides what its VMs there may have.

A pool's reservation, limit and shares are those of the whole cluster. Its part on one host:

- floors of its VMs always hold there, whatever the pool's limit;
- what its limit, and its reservation, leave above the floors of all its VMs is divided over the
  hosts in proportion to the demand above floors there (to the limits above floors where no VM
  demands more than its floor), rounded down: the parts add up to at most the pool's figure;
- its shares are divided over the hosts in proportion to the shares of its VMs there.

On a host the tree is then divided from the root down, among the VMs and pools at each node. From
the floors everyone is filled in proportion to shares, first up to its reservation, then up to its
demand, then up to its limit. A pool demands what its VMs demand, within its limit, and its
reservation counts as far as they demand it: what they do not use is lent to others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from formulations.allocation.container import Container, Filling, Row
from formulations.bounds import shares_of, triple_of
from formulations.machines import Pool
from solver.allocating.claims import Claims
from solver.allocating.filling import filled

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class PoolPart:
    """What one pool may have on one host, of one resource; ``limit`` is None where it has none."""

    reservation: int
    limit: int | None
    shares: Fraction


@dataclass
class _Node:
    """A pool on one host: the members directly in it, and the pools below it."""

    part: PoolPart
    members: list[int] = field(default_factory=list)
    below: list[_Node] = field(default_factory=list)

    def leaves(self) -> list[int]:
        """Return the members of the whole subtree."""
        return [*self.members, *(i for node in self.below for i in node.leaves())]


class PoolTree:
    """The pools of an instance, and who of a placement's claims is in each.

    Parameters
    ----------
    claims : Claims
        All placed VMs: the parts of a pool depend on all its hosts.
    """

    def __init__(self, claims: Claims) -> None:
        self.claims = claims
        self.pools = {pool.name: pool for pool in claims.instance.pools}
        numbers = {name: n for n, name in enumerate(self.pools)}
        own = [numbers[vm.pool] if vm.pool is not None else -1 for vm in claims.instance.vms]
        self.pool_of: Integers = np.array(own, dtype=np.int64)[claims.entry]
        parents = {name: pool.parent for name, pool in self.pools.items()}
        self.parent = [-1 if (up := parents[name]) is None else numbers[up] for name in self.pools]
        self._parts: dict[tuple[int, int], dict[int, PoolPart]] = {}

    def above(self, pool: int) -> list[int]:
        """Return a pool and those that contain it, innermost first."""
        chain = []
        while pool >= 0:
            chain.append(pool)
            pool = self.parent[pool]
        return chain

    def _inside(self, pool: int) -> Integers:
        """Return the claims in a pool's subtree."""
        within = [n for n in range(len(self.parent)) if pool in self.above(n)]
        return np.flatnonzero(np.isin(self.pool_of, within))

    def parts(self, pool: int, r: int) -> dict[int, PoolPart]:
        """Return a pool's part of resource ``r`` on every host where it has VMs."""
        if (pool, r) not in self._parts:
            self._parts[pool, r] = self._divide_over_hosts(pool, r)
        return self._parts[pool, r]

    def _divide_over_hosts(self, pool: int, r: int) -> dict[int, PoolPart]:
        claims, inside = self.claims, self._inside(pool)
        lower, demand, upper = (table[inside, r] for table in (claims.lower, claims.demand, claims.upper))
        hosts = claims.host[inside]
        floors = _exact_sums(hosts, lower)
        needs = _exact_sums(hosts, np.maximum(demand - lower, 0))
        if not any(needs.values()):
            needs = _exact_sums(hosts, upper - lower)
        shares = _exact_sums(hosts, claims.shares[inside, r])
        reservation, limit, weight = self._figures(list(self.pools.values())[pool], r)
        all_floors, all_needs, all_shares = sum(floors.values()), sum(needs.values()), sum(shares.values())

        def part(figure: int, host: int) -> int:
            return floors[host] + max(0, figure - all_floors) * needs[host] // max(1, all_needs)

        return {
            host: PoolPart(
                part(reservation, host),
                None if limit is None else part(limit, host),
                weight * shares[host] / all_shares,
            )
            for host in floors
        }

    def _figures(self, pool: Pool, r: int) -> tuple[int, int | None, Fraction]:
        scale = self.claims.instance.tables.scales[r]
        unit = self.claims.instance.tables.shares_unit
        size = pool.resources.get(scale.resource.name)
        if size is None:
            return 0, None, Fraction(unit)
        reservation, _, limit = triple_of(size)
        return scale.integer(reservation), None if limit is None else scale.integer(limit), shares_of(size) * unit

    def tree(self, host: int, r: int, root: PoolPart) -> _Node:
        """Return the pools with VMs on a host as a tree; its root stands for the host."""
        top, nodes = _Node(root), dict[int, _Node]()
        for i, pool in enumerate(self.pool_of[self.claims.members(host)].tolist()):
            for n in self.above(pool):
                nodes.setdefault(n, _Node(self.parts(n, r)[host]))
            (nodes[pool] if pool >= 0 else top).members.append(i)
        for n, node in nodes.items():
            (nodes[up] if (up := self.parent[n]) >= 0 else top).below.append(node)
        return top

    def limits(self, host: int, r: int, container: Container) -> tuple[Row, ...]:
        """Return the pools' limits on a host as rows of its container."""
        rows, unlimited = [], PoolPart(0, None, Fraction(1))
        pending = self.tree(host, r, unlimited).below
        while pending:
            node = pending.pop()
            pending.extend(node.below)
            if (limit := node.part.limit) is not None:
                inside = set(node.leaves())
                weights = tuple(int(i in inside) for i in range(len(container)))
                floors = sum(container.lower[i] for i in inside)
                rows.append(Row("pool", weights, max(limit, floors)))
        return tuple(rows)

    def divide(self, host: int, r: int, container: Container, amount: int) -> list[int]:
        """Return the entitlements of a host's members when its tree divides ``amount``."""
        top = self.tree(host, r, PoolPart(0, None, Fraction(1)))
        amounts = [0] * len(container)
        _divide(top, container, amount, amounts)
        return amounts


def _exact_sums(groups: Integers, values: Integers) -> dict[int, int]:
    """Return the sum of each group's values, as unbounded integers."""
    sums: dict[int, int] = {}
    for group, value in zip(groups.tolist(), values.tolist(), strict=True):
        sums[group] = sums.get(group, 0) + value
    return sums


@dataclass(frozen=True)
class _Claim:
    """What a child asks of its parent: floor, reservation, demand and limit in order."""

    floor: int
    reservation: int
    demand: int
    limit: int
    shares: Fraction


def _claim(node: _Node, container: Container) -> _Claim:
    children = _children(node, container)
    floor = sum(child.floor for child in children)
    limit = sum(child.limit for child in children)
    if node.part.limit is not None:
        limit = max(floor, min(limit, node.part.limit))
    demand = min(limit, sum(child.demand for child in children))
    guaranteed = max(node.part.reservation, sum(child.reservation for child in children))
    return _Claim(floor, min(demand, guaranteed), demand, limit, node.part.shares)


def _children(node: _Node, container: Container) -> list[_Claim]:
    own = []
    for i in node.members:
        floor, limit = container.lower[i], container.upper[i]
        demand = min(limit, max(floor, container.demand[i]))
        own.append(_Claim(floor, floor, demand, limit, Fraction(container.shares[i])))
    return own + [_claim(below, container) for below in node.below]


def _divide(node: _Node, container: Container, amount: int, amounts: list[int]) -> None:
    children = _children(node, container)
    given = [child.floor for child in children]
    for goal in ("reservation", "demand", "limit"):
        goals = [max(have, getattr(child, goal)) for have, child in zip(given, children, strict=True)]
        given = _raise(children, given, goals, amount)
    for i, own in zip(node.members, given, strict=False):
        amounts[i] = own
    for below, own in zip(node.below, given[len(node.members) :], strict=True):
        _divide(below, container, own, amounts)


def _raise(children: Sequence[_Claim], given: list[int], goals: list[int], amount: int) -> list[int]:
    container = Container.plain(amount, given, goals, goals)
    slopes = tuple(child.shares for child in children)
    return filled(Filling((container,), (tuple(given),), (slopes,)))
