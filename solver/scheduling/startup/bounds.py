"""Lower bounds on the length of a start-up: chains, and what hosts and cluster can start at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from formulations.scheduling.startup import Integers, StartupQuestion

MOST_THRESHOLDS = 300
"""Different heads, and tails, that one bound looks at; of more a sample, which is a bound just as well."""


MOST_QUEUES = 16
"""Heads, and tails, for which it is looked at how long the VMs queue in whole starts."""


@dataclass(frozen=True, eq=False)
class Slots:
    """Where VMs start and how many may at once.

    Attributes
    ----------
    host : int64 array, shape (VMs,)
        Hosts in use numbered from 0; -1 without one.
    hosts : int64 array
        The instance's number of each of them.
    per_host, per_cluster : int or None
    """

    host: Integers
    hosts: Integers
    per_host: int | None
    per_cluster: int | None

    @classmethod
    def of(cls, question: StartupQuestion) -> Slots:
        """Return the hosts that start VMs, and the limits that can bind."""
        used = np.unique(question.placement.host_of[question.starts])
        host = np.full(len(question.starts), -1, dtype=np.int64)
        host[question.starts] = np.searchsorted(used, question.placement.host_of[question.starts])
        return cls(host, used, question.limits.per_host, question.limits.per_cluster)


class Bound(NamedTuple):
    """No order is shorter than ``value`` milliseconds, because of ``proved_by``."""

    value: int
    proved_by: str


def finish_bound(release: Integers, work: Integers, host: Integers, slots: Slots) -> int:
    """Return when a set of VMs is up at the earliest, each released at its own time.

    For every ``r``, what is released from ``r`` on has to be worked off from ``r`` on, by a
    host's slots and by the cluster's.
    """
    if not len(release):
        return 0
    best = int((release + work).max())
    if slots.per_cluster is not None and len(release) > 1:
        best = max(best, _worked_off(release, work, np.zeros_like(host), slots.per_cluster))
        best = max(best, _queue_bound(release, work, slots.per_cluster))
    if slots.per_host is not None and len(release) > 1:
        best = max(best, _worked_off(release, work, host, slots.per_host))
    return best


def _worked_off(release: Integers, work: Integers, machine: Integers, slots: int) -> int:
    """Return the largest of ``r + ceil(work released from r on / slots)`` over machines and ``r``."""
    order = np.lexsort((-release, machine))
    done = np.cumsum(work[order])
    first = np.append(True, machine[order][1:] != machine[order][:-1])
    before = np.where(first, done - work[order], 0)
    own = done - np.maximum.accumulate(before)
    return int((release[order] - (-own // slots)).max())


def _queue_bound(release: Integers, work: Integers, slots: int, rest: int = 0) -> int:
    """Return the largest of ``r``, the queue that forms of what is released from ``r`` on, and what is left then."""
    if len(work) <= slots:
        return 0
    thresholds: list[int] = _thresholds(release, MOST_QUEUES).tolist()
    return rest + max(r + _queued(work[release >= r], slots) for r in thresholds)


def _queued(work: Integers, slots: int) -> int:
    """Return how long the fullest slot takes at least: of any ``q * slots + 1`` VMs, some ``q + 1`` share one."""
    longest_first = np.sort(work)[::-1]
    done = np.concatenate(([0], np.cumsum(longest_first)))
    rounds = np.arange((len(work) - 1) // slots + 1, dtype=np.int64)
    return int((done[rounds * slots + 1] - done[rounds * slots - rounds]).max())


def length_bound(question: StartupQuestion, slots: Slots, head: Integers, tail: Integers) -> Bound:
    """Return the best bound on the makespan that chains and limits give, and which of them it is.

    For every pair ``(r, q)``, the VMs of a host (or of all hosts) with a head of at least ``r``
    and a tail of at least ``q`` need ``r``, their work over the slots, and ``q``.
    """
    vms = np.flatnonzero(question.starts)
    if not len(vms):
        return Bound(0, "nothing is to start")
    chains = head[vms] + question.boot[vms] + tail[vms]
    longest = int(vms[chains.argmax()])
    kind = "chain through" if head[longest] or tail[longest] else "boot time of"
    best = Bound(int(chains.max()), f"{kind} {question.instance.vm_names.name(longest)}")
    if slots.per_cluster is not None:
        value = _table_bound(head[vms], question.boot[vms], tail[vms], slots.per_cluster)
        best = max(best, Bound(value, "starts at once in the cluster"), key=lambda bound: bound.value)
    if slots.per_host is not None:
        order = vms[np.argsort(slots.host[vms], kind="stable")]
        hosts, firsts = np.unique(slots.host[order], return_index=True)
        for host, own in zip(hosts.tolist(), np.split(order, firsts[1:]), strict=True):
            parts = head[own], question.boot[own], tail[own]
            if _at_most(*parts, slots.per_host) <= best.value:
                continue
            value = _table_bound(*parts, slots.per_host)
            if value > best.value:
                name = question.instance.host_names.name(int(slots.hosts[host]))
                best = Bound(value, f"starts at once on {name}")
    return best


def _at_most(head: Integers, work: Integers, tail: Integers, slots: int) -> int:
    """Return what `_table_bound` cannot exceed, at once."""
    return int(head.max() + tail.max() + work.sum() // slots + work.max() + 1)


def _table_bound(head: Integers, work: Integers, tail: Integers, slots: int) -> int:
    """Return the largest of ``r + ceil(work / slots) + q`` over thresholds of heads and tails."""
    heads, tails = _thresholds(head), _thresholds(tail)
    table = np.zeros((len(heads), len(tails)), dtype=np.int64)
    rows = np.searchsorted(heads, head, side="right") - 1
    columns = np.searchsorted(tails, tail, side="right") - 1
    np.add.at(table, (rows, columns), work)
    beyond = table[::-1, ::-1].cumsum(axis=0).cumsum(axis=1)[::-1, ::-1]
    values = heads[:, None] - (-beyond // slots) + tails[None, :]
    queues = max(_queue_bound(head, work, slots, int(tail.min())), _queue_bound(tail, work, slots, int(head.min())))
    return max(int(values[beyond > 0].max()), queues)


def _thresholds(values: Integers, most: int = MOST_THRESHOLDS) -> Integers:
    """Return different values from the least on, a sample where there are many."""
    different = np.unique(values)
    if len(different) <= most:
        return different
    return different[np.linspace(0, len(different) - 1, most).astype(np.int64)]
