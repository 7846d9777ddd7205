"""What is asked of VMs that run already, as instances: repair, drain, admit, and move budgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.machines import VM
from formulations.objective import level
from formulations.placement import Placement
from formulations.rules import AtMostMoves, Selector

Price = Literal["moves", "cost"]
"""What is made small: the number of moves, or the sum of the VMs' move costs."""


def repair_question(instance: Instance, price: Price = "moves") -> Instance:
    """Return the instance that asks for the least movement that makes everything valid, and nothing else.

    Parameters
    ----------
    instance : Instance
        With current hosts; its own objective does not count, but for VMs that may be left out.
    price : {"moves", "cost"}
    """
    levels = [stated for stated in instance.levels if {term.kind for term in stated.terms} == {"unplaced"}]
    return instance.replace(vms=_priced(instance.vms, price), objective=[*levels, level("migration")])


def preferring(question: Instance, own: Instance) -> Instance:
    """Return the repair question in which the levels of the instance's own objective decide between equals."""
    levels = [stated for stated in own.levels if stated not in question.levels]
    return question.replace(objective=[*question.levels, *levels])


def drain_question(instance: Instance, hosts: Sequence[Selector], price: Price = "moves") -> Instance:
    """Return the repair question with some hosts in maintenance.

    Raises
    ------
    InputError
        If a name means no host entry, or only a part of one.
    """
    entries = instance.host_names.entry_of(instance.hosts_called(hosts, "hosts"))
    chosen = {int(entry) for entry in entries}
    for entry in chosen:
        count = instance.hosts[entry].count
        if count == "unlimited" or int((entries == entry).sum()) < count:
            raise InputError(f"{instance.hosts[entry].name!r} counts several hosts: name each to drain some", "hosts")
    changed = [
        msgspec.structs.replace(host, state="maintenance") if entry in chosen else host
        for entry, host in enumerate(instance.hosts)
    ]
    return repair_question(instance.replace(hosts=changed), price)


def admit_question(instance: Instance, vms: Sequence[Selector], price: Price = "moves") -> Instance:
    """Return the repair question in which some VMs that are off, or have no host, are to run.

    Raises
    ------
    InputError
        If a name means no VM, or one that runs already.
    """
    named = instance.vms_called(vms, "vms")
    if len(running := named[instance.wanted[named] & (instance.current[named] >= 0)]):
        raise InputError(f"{instance.vm_names.name(int(running[0]))!r} runs already", "vms")
    chosen = {int(entry) for entry in instance.vm_names.entry_of(named)}
    changed = [
        msgspec.structs.replace(vm, power="on", host=None) if entry in chosen and vm.power == "off" else vm
        for entry, vm in enumerate(instance.vms)
    ]
    return repair_question(instance.replace(vms=changed), price)


def budgeted(instance: Instance, most: int) -> Instance:
    """Return the instance with at most so many moves."""
    return instance.replace(rules=[*instance.rules, AtMostMoves(most=most, note="move budget")])


def _priced(vms: list[VM], price: Price) -> list[VM]:
    """Let every move cost 1 where moves are counted."""
    if price == "cost":
        return vms
    return [vm if vm.move_cost == 1 else msgspec.structs.replace(vm, move_cost=1) for vm in vms]


def placed_now(instance: Instance, placement: Placement) -> Instance:
    """Return the instance whose VMs run where a placement says."""
    names = placement.named(instance)
    members = iter(names.values())
    return instance.replace(vms=[_settled(vm, [next(members) for _ in range(vm.count)]) for vm in instance.vms])


def switched_on(instance: Instance, placement: Placement) -> Instance:
    """Return the instance in which VMs that are off run where a placement gives all members of their entry a host."""
    placed = placement.placed
    members = iter(placed.tolist())
    running = [all(tuple(next(members) for _ in range(vm.count))) for vm in instance.vms]
    waking = [on and vm.power == "off" for vm, on in zip(instance.vms, running, strict=True)]
    if not any(waking):
        return instance
    vms = [
        msgspec.structs.replace(vm, power="on", host=None) if on else vm
        for vm, on in zip(instance.vms, waking, strict=True)
    ]
    return instance.replace(vms=vms)


def _settled(vm: VM, hosts: list[str | None]) -> VM:
    """Return an entry on its hosts.

    Raises
    ------
    InputError
        If some members have a host and others none: an entry is one or the other.
    """
    known = [host for host in hosts if host is not None]
    if not known:
        return msgspec.structs.replace(vm, host=None)
    if len(known) < len(hosts):
        raise InputError(f"{len(hosts) - len(known)} of the {len(hosts)} members have no host", vm.name)
    return msgspec.structs.replace(vm, host=known if vm.count > 1 else known[0])
