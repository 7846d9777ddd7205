"""What is to be refilled: items with sizes and groups, kinds of hosts, and which host may take what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from formulations.roomy_mix import Need
from formulations.tables import Integers
from formulations.vector_packing import Packing, VectorPacking
from solver.engines.refilling.annealing import Bins, Bytes, Items

MOST_ITEMS = 20_000
"""Beyond so many items annealing them one by one takes too long."""

NOBODY: Bytes = np.zeros((0, 0), dtype=np.uint8)
"""The mask of items that may go everywhere."""


@dataclass(frozen=True, eq=False)
class Contents:
    """Items, where they are, and the hosts that could hold them.

    Parameters
    ----------
    items : Items
    host_of : int64 array, shape (items,)
        The number of each item's host now; -1 for none.
    capacity : int64 array, shape (kinds, resources)
        What a host of each kind offers to the items.
    costs : int64 array, shape (kinds,)
        What one host of each kind in use costs.
    least : int64 array, shape (kinds,)
        How many hosts of each kind are in use whatever happens.
    members : sequence of int64 arrays
        The hosts of each kind, those to be used first first.
    kept : int64 array
        The hosts that are in use whatever happens.
    needs : sequence of Need
        What the hosts in use must offer beside capacity for all.
    open_to : callable
        Returns which item may go to which of the hosts; see `Bins`.
    most : callable
        Returns how many of each group the hosts take; see `Bins`.
    """

    items: Items
    host_of: Integers
    capacity: Integers
    costs: Integers
    least: Integers
    members: Sequence[Integers]
    kept: Integers
    needs: Sequence[Need]
    open_to: Callable[[Integers], Bytes]
    most: Callable[[Integers], Integers]

    @cached_property
    def demand(self) -> Integers:
        """What all items take: shape (resources,)."""
        demand: Integers = self.items.sizes.sum(axis=0)
        return demand

    @cached_property
    def numbers(self) -> Integers:
        """How many hosts of each kind there are: shape (kinds,)."""
        return np.array([len(hosts) for hosts in self.members], dtype=np.int64)

    @cached_property
    def _cost_of(self) -> dict[int, int]:
        """What each host costs in use."""
        pairs = zip(self.members, self.costs.tolist(), strict=True)
        return {host: cost for hosts, cost in pairs for host in hosts.tolist()}

    def cost(self, host_of: Integers) -> int:
        """Return what the hosts in use cost together when items are on these."""
        return sum(self._cost_of[host] for host in np.union1d(host_of[host_of >= 0], self.kept).tolist())

    def hosts(self, mix: Integers) -> Integers:
        """Return the hosts that a mix stands for."""
        chosen = [hosts[:number] for hosts, number in zip(self.members, mix.tolist(), strict=True)]
        return np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)

    def bins(self, mix: Integers) -> Bins:
        """Return the hosts of a mix as bins, in the order of `hosts`."""
        hosts = self.hosts(mix)
        return Bins(np.repeat(self.capacity, mix, axis=0), self.open_to(hosts), self.most(hosts))

    def start(self, hosts: Integers) -> Integers:
        """Return the bin of every item whose host is among these; -1 for the others."""
        order = np.argsort(hosts, kind="stable")
        at = np.minimum(np.searchsorted(hosts, self.host_of, sorter=order), len(hosts) - 1)
        found = order[at]
        return np.where(hosts[found] == self.host_of, found, -1)


def packing_contents(problem: VectorPacking, packing: Packing) -> Contents:
    """Return the contents of a packing: every item by itself, every bin by itself.

    Bins are numbered type by type, those in use first.
    """
    offsets = np.concatenate(([0], np.cumsum(problem.available)))
    used: Integers = np.zeros(problem.types, dtype=np.int64)
    flavours: list[Integers] = []
    hosts: list[Integers] = []
    for kind, pattern, times in zip(packing.types.tolist(), packing.patterns, packing.times.tolist(), strict=True):
        bins = offsets[kind] + used[kind] + np.arange(times)
        used[kind] += times
        inside = np.repeat(np.arange(problem.flavours), pattern)
        flavours.append(np.tile(inside, times))
        hosts.append(np.repeat(bins, len(inside)))
    flavour, host_of = np.concatenate(flavours), np.concatenate(hosts)
    order = np.argsort(flavour, kind="stable")
    sizes = np.ascontiguousarray(problem.sizes[flavour[order]])
    return Contents(
        items=Items(sizes, np.zeros(len(sizes) + 1, dtype=np.int64), np.zeros(0, dtype=np.int64)),
        host_of=host_of[order],
        capacity=problem.capacities,
        costs=problem.costs,
        least=np.zeros(problem.types, dtype=np.int64),
        members=[np.arange(low, high) for low, high in pairwise(offsets.tolist())],
        kept=np.zeros(0, dtype=np.int64),
        needs=(),
        open_to=lambda _: NOBODY,
        most=lambda hosts: np.zeros((len(hosts), 0), dtype=np.int64),
    )


def packed(problem: VectorPacking, host_of: Integers) -> Packing:
    """Return the packing in which the items of `packing_contents` are in these bins."""
    offsets = np.concatenate(([0], np.cumsum(problem.available)))
    flavour = np.repeat(np.arange(problem.flavours), problem.demand)
    bins, position = np.unique(host_of, return_inverse=True)
    patterns: Integers = np.zeros((len(bins), problem.flavours), dtype=np.int64)
    np.add.at(patterns, (position.reshape(-1), flavour), 1)
    types: Integers = (np.searchsorted(offsets, bins, side="right") - 1).astype(np.int64)
    rows, times = np.unique(np.column_stack((types, patterns)), axis=0, return_counts=True)
    return Packing(np.ascontiguousarray(rows[:, 0]), np.ascontiguousarray(rows[:, 1:]), times.astype(np.int64))
