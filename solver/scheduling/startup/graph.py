"""The graph of dependencies: what every VM waits for and holds up, carried along it once."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np

from formulations.scheduling.startup import Integers, Precedence, StartupQuestion
from solver.scheduling.startup.bounds import Slots, finish_bound

Node = tuple[str, int]
"""An entry of VMs (``"entry"``, number) or a name that is waited for (``"name"``, number)."""


def ordered_nodes(question: StartupQuestion) -> list[Node]:
    """Return entries and names so that each comes after all that it waits for.

    An instance holds no cycle: it is refused, with the cycle named, where instances are made.
    """
    return list(nx.topological_sort(_graph(question)))


def _graph(question: StartupQuestion) -> nx.DiGraph[Node]:
    precedence = question.precedence
    graph: nx.DiGraph[Node] = nx.DiGraph()
    entry_of = question.instance.vm_names.entry_of
    for name, (members, waiting) in enumerate(zip(precedence.members, precedence.waiting, strict=True)):
        graph.add_edges_from((("entry", entry), ("name", name)) for entry in np.unique(entry_of(members)).tolist())
        graph.add_edges_from((("name", name), ("entry", entry)) for entry in waiting)
    return graph


@dataclass(frozen=True, eq=False)
class Urgency:
    """What the dependencies make of each VM.

    Attributes
    ----------
    priority : int64 array, shape (VMs,)
        The VM's own, or that of the most urgent VM that waits for it.
    head : int64 array, shape (VMs,)
        No order starts the VM earlier (ms).
    tail : int64 array, shape (VMs,)
        No order ends earlier than so long after the VM is up (ms).
    """

    priority: Integers
    head: Integers
    tail: Integers


def urgency_of(question: StartupQuestion, slots: Slots) -> Urgency:
    """Carry priorities and tails against the dependencies, heads along them."""
    nodes = ordered_nodes(question)
    priorities, tails = _backwards(question, slots, nodes)
    return Urgency(priorities, _forwards(question, slots, nodes), tails)


def _forwards(question: StartupQuestion, slots: Slots, nodes: list[Node]) -> Integers:
    """Return each VM's head: a name is up no earlier than its VMs can all be started."""
    precedence, starts = question.precedence, question.starts
    offsets = question.instance.vm_names.offsets
    head = np.zeros(question.instance.vm_count, dtype=np.int64)
    ready = [0] * len(precedence.names)
    for kind, number in nodes:
        if kind == "entry":
            names = precedence.waits_for[number]
            head[offsets[number] : offsets[number + 1]] = max((ready[name] for name in names), default=0)
        else:
            members = precedence.members[number]
            members = members[starts[members]]
            ready[number] = finish_bound(head[members], question.boot[members], slots.host[members], slots)
    return head


def _backwards(question: StartupQuestion, slots: Slots, nodes: list[Node]) -> tuple[Integers, Integers]:
    """Return each VM's priority and tail: after a name is up, all that wait for it are still to start."""
    precedence, boot = question.precedence, question.boot
    own: Integers = np.array([vm.priority for vm in question.instance.vms], dtype=np.int64)
    priority = own[question.instance.vm_entry]
    tail = np.zeros(len(priority), dtype=np.int64)
    for kind, number in reversed(nodes):
        if kind == "name":
            waiting = _waiting(question, precedence, number)
            if len(waiting):
                members = precedence.members[number]
                after = finish_bound(tail[waiting], boot[waiting], slots.host[waiting], slots)
                tail[members] = np.maximum(tail[members], after)
                priority[members] = np.maximum(priority[members], priority[waiting].max())
    return priority, tail


def _waiting(question: StartupQuestion, precedence: Precedence, name: int) -> Integers:
    """Return the VMs that are to start and wait for a name."""
    parts = [question.instance.vm_names.members(entry) for entry in precedence.waiting[name]]
    waiting = np.concatenate(parts)
    return waiting[question.starts[waiting]]
