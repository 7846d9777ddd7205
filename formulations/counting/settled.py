"""VMs whose host is settled before any search: the ignored ones, and those that a hard rule pins."""

from __future__ import annotations

import numpy as np

from formulations.instance import Instance
from formulations.program import ContradictionError
from formulations.rules import Pin
from formulations.tables import Integers


def settled_hosts(instance: Instance) -> Integers:
    """Return the host of every VM that can be on no other one, -1 for the others: shape (VMs,).

    Raises
    ------
    ContradictionError
        If rules pin a VM to two hosts, or to one in maintenance.
    """
    settled = np.where(instance.wanted & instance.ignored, instance.current, -1)
    for rule in instance.rules:
        if isinstance(rule, Pin) and rule.hard:
            _pin(instance, rule, settled)
    return settled


def _pin(instance: Instance, rule: Pin, settled: Integers) -> None:
    vms = instance.vms_called(rule.vms)
    vms = vms[instance.ruled[vms]]
    if rule.host is None:
        vms = vms[instance.current[vms] >= 0]
        there = instance.current[vms]
    else:
        there = np.full(len(vms), instance.hosts_called([rule.host])[0], dtype=np.int64)
    torn = (settled[vms] >= 0) & (settled[vms] != there)
    if torn.any():
        raise ContradictionError(f"{instance.vm_names.name(int(vms[np.argmax(torn)]))} is pinned to two hosts")
    closed = ~instance.usable_entries[instance.host_names.entry_of(there)]
    if closed.any():
        name = instance.host_names.name(int(there[np.argmax(closed)]))
        raise ContradictionError(f"{rule}: {name} is in maintenance")
    settled[vms] = there
