"""Which bin lies on which host, so that as much as can be stays where it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from formulations.tables import Integers

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_MATCHED = 1_000_000
"""Up to so many pairs of a bin and a host of one type the matching is optimal."""

MOST_WEIGHED = 8_000_000
"""So many pairs of a pattern and a host are weighed at a time."""


@dataclass(frozen=True, eq=False)
class Homes:
    """VMs that have a current host, by host and flavour, the dearest to move first.

    Attributes
    ----------
    vm, host, flavour : int64 arrays, shape (n,)
    rank : int64 array, shape (n,)
        How many VMs of its flavour on its host are dearer to move: it stays if its bin holds more.
    worth : float64 array, shape (n,)
        What it is worth that the VM stays, above 0.
    """

    vm: Integers
    host: Integers
    flavour: Integers
    rank: Integers
    worth: Floats

    @classmethod
    def of(cls, vm: Integers, host: Integers, flavour: Integers, worth: Floats) -> Homes:
        """Sort and rank VMs."""
        order = np.lexsort((vm, -worth, flavour, host))
        vm, host, flavour, worth = vm[order], host[order], flavour[order], worth[order]
        first = np.append(True, (host[1:] != host[:-1]) | (flavour[1:] != flavour[:-1]))[: len(vm)]
        place = np.arange(len(vm))
        rank = place - np.maximum.accumulate(np.where(first, place, 0))
        return cls(vm, host, flavour, rank, worth)

    def on(self, chosen: Mask) -> Homes:
        """Return some of the VMs: with one of a host, all of the host."""
        return Homes(self.vm[chosen], self.host[chosen], self.flavour[chosen], self.rank[chosen], self.worth[chosen])

    @cached_property
    def hosts(self) -> Integers:
        """The hosts, ascending."""
        return np.unique(self.host)


def matched(patterns: Integers, times: Integers, homes: Homes) -> Integers:
    """Return which pattern fills each host, so that the VMs that stay are worth much.

    Optimal as an assignment problem where bins and hosts make at most `MOST_MATCHED` pairs.
    Beyond, every host in turn takes the pattern under which most stays, those with most to keep first.

    Parameters
    ----------
    patterns : int64 array, shape (patterns, flavours)
        Of bins that may lie on any of the hosts.
    times : int64 array, shape (patterns,)
    homes : Homes
        The VMs on the hosts.

    Returns
    -------
    int64 array, shape (hosts,)
        A pattern for each of ``homes.hosts``; -1 where no VM would stay or no bin is left.
    """
    hosts = len(homes.hosts)
    useful = np.minimum(times, hosts)
    if int(useful.sum()) * hosts <= MOST_MATCHED:
        return _optimally(patterns, useful, homes)
    return _greedily(patterns, useful, homes)


def _optimally(patterns: Integers, times: Integers, homes: Homes) -> Integers:
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 (only where VMs have current hosts)

    bins = np.repeat(np.arange(len(patterns)), times)
    worth = _kept_worth(patterns, homes)
    row, column = linear_sum_assignment(worth[bins], maximize=True)
    found = np.full(len(homes.hosts), -1, dtype=np.int64)
    found[column] = np.where(worth[bins[row], column] > 0, bins[row], -1)
    return found


def _greedily(patterns: Integers, times: Integers, homes: Homes) -> Integers:
    found = np.full(len(homes.hosts), -1, dtype=np.int64)
    left = times.copy()
    for block in _blocks(homes, len(patterns)):
        at = np.searchsorted(homes.hosts, homes.host)
        worth = _kept_worth(patterns, homes.on(np.isin(at, block)))
        found[block] = _in_turn(worth, left)
        left -= np.bincount(found[block][found[block] >= 0], minlength=len(left))
    return found


def _blocks(homes: Homes, patterns: int) -> Iterator[Integers]:
    """Yield the positions of hosts, those with most to keep first, as many at a time as can be weighed."""
    at = np.searchsorted(homes.hosts, homes.host)
    order = np.argsort(-np.bincount(at, weights=homes.worth), kind="stable")
    size = max(1, MOST_WEIGHED // patterns)
    for begin in range(0, len(order), size):
        yield np.sort(order[begin : begin + size])


def _in_turn(worth: Floats, times: Integers) -> Integers:
    """Return a pattern for every host: in rounds each asks for its best one left, and those that keep most get it."""
    found = np.full(worth.shape[1], -1, dtype=np.int64)
    left, open_worth = times.copy(), worth.copy()
    asking = np.arange(worth.shape[1])
    while len(asking):
        open_worth[left == 0] = 0
        choice = open_worth[:, asking].argmax(axis=0)
        value = open_worth[choice, asking]
        asking, choice, value = asking[value > 0], choice[value > 0], value[value > 0]
        order = np.lexsort((asking, -value, choice))
        asking, choice = asking[order], choice[order]
        place = np.arange(len(asking)) - np.searchsorted(choice, choice)
        taken = place < left[choice]
        found[asking[taken]] = choice[taken]
        left -= np.bincount(choice[taken], minlength=len(left))
        asking = asking[~taken]
    return found


def _kept_worth(patterns: Integers, homes: Homes) -> Floats:
    """Return what stays is worth when a bin of a pattern lies on a host: shape (patterns, hosts)."""
    from scipy.sparse import csr_matrix  # noqa: PLC0415 (only where VMs have current hosts)

    useful = homes.on(homes.rank < patterns.max(axis=0, initial=0)[homes.flavour])
    wide = int(useful.rank.max(initial=0)) + 1
    keys, slot = np.unique(useful.flavour * wide + useful.rank, return_inverse=True)
    column = np.searchsorted(homes.hosts, useful.host)
    there = csr_matrix((useful.worth, (column, slot.reshape(-1))), shape=(len(homes.hosts), len(keys)))
    held = (patterns[:, keys // wide] > keys % wide).astype(np.float64)
    worth: Floats = np.ascontiguousarray((there @ held.T).T)
    return worth
