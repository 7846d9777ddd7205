"""Which rules bind: those that some placement of all VMs could break."""

from __future__ import annotations

import numpy as np

from formulations.instance import Instance
from formulations.quantities import exact
from formulations.rules import (
    Among,
    AtLeastDomains,
    AtMostMoves,
    AtMostOn,
    AtMostPerHost,
    Ban,
    Dedicated,
    FaultDomains,
    Fence,
    Gather,
    Ignore,
    Pin,
    Rule,
    Split,
    Spread,
)
from formulations.tables import Integers


def binds(instance: Instance, rule: Rule) -> bool:
    """Return whether a rule may tell placements apart that put every wanted VM on a usable host.

    Ignored VMs and hard pins do not count: they only take room away from the others, who
    are not concerned. False is certain, True may be too cautious.
    """
    if isinstance(rule, Ignore) or (isinstance(rule, Pin) and rule.hard):
        return False
    if rule.price is not None and not exact(rule.price):
        return False
    if isinstance(rule, AtMostOn):
        return len(instance.hosts_called(rule.hosts)) > rule.most
    if isinstance(rule, AtLeastDomains):
        return True
    members = [_ruled(instance, names) for names in rule.vm_selectors().values()]
    return bool(len(members[0]) or len(members) > 1) and _binds_members(instance, rule, members)


def _binds_members(instance: Instance, rule: Rule, members: list[Integers]) -> bool:  # noqa: PLR0911 (one case per rule)
    match rule:
        case Ban():
            return bool(_usable(instance)[instance.hosts_called(rule.hosts)].any())
        case Fence():
            return _closes(instance, rule.hosts)
        case Among():
            return all(_closes(instance, hosts) for hosts in rule.sets)
        case Spread() | Gather():
            return len(members[0]) > 1
        case AtMostPerHost():
            return len(members[0]) > rule.most
        case AtMostMoves():
            return int((instance.current[members[0]] >= 0).sum()) > rule.most
        case Split() | FaultDomains():
            return sum(bool(len(group)) for group in members) > 1
        case Dedicated():
            return len(members[0]) < int(instance.ruled.sum())
        case Pin():
            return rule.host is not None or bool((instance.current[members[0]] >= 0).any())
        case _:
            return bool(len(members[0]))


def _ruled(instance: Instance, names: list[str]) -> Integers:
    called = instance.vms_called(names)
    return called[instance.ruled[called]]


def _usable(instance: Instance) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return instance.usable_entries[instance.host_names.entries()]


def _closes(instance: Instance, hosts: list[str]) -> bool:
    """Return whether some usable host is not among these."""
    closed = _usable(instance)
    closed[instance.hosts_called(hosts)] = False
    return bool(closed.any())
