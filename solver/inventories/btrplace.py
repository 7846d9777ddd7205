"""BtrPlace instances in JSON: running VMs, what changes, and the constraints that must hold afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.machines import VM, Host, HostState
from formulations.objective import level
from formulations.quantities import Quantity
from formulations.resources import Resource
from formulations.rules import Among, AtMostOn, Ban, Dedicated, Fence, Gather, Pin, Rule, Split, Spread
from solver.inventories.json_text import decode_json

MOST_NAMED = 3
"""Larger sets of hosts are called by a label."""


class _Node(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    running_vms: list[int] = msgspec.field(default_factory=list, name="runningVMs")
    sleeping_vms: list[int] = msgspec.field(default_factory=list, name="sleepingVMs")


class _Mapping(msgspec.Struct, forbid_unknown_fields=True):
    ready: list[int] = msgspec.field(default_factory=list, name="readyVMs")
    online: dict[str, _Node] = msgspec.field(default_factory=dict, name="onlineNodes")
    offline: list[int] = msgspec.field(default_factory=list, name="offlineNodes")


class _Shareable(msgspec.Struct, forbid_unknown_fields=True, tag_field="id", tag="shareableResource"):
    rc: str = msgspec.field(name="rcId")
    capacity: Quantity = msgspec.field(name="defCapacity")
    consumption: Quantity = msgspec.field(name="defConsumption")
    nodes: dict[str, Quantity] = {}
    vms: dict[str, Quantity] = {}


class _Naming(msgspec.Struct, forbid_unknown_fields=True, tag_field="id", tag="ns"):
    type: str
    map: dict[str, int]


class _Attributes(msgspec.Struct, forbid_unknown_fields=True):
    nodes: dict[str, dict[str, Any]] = {}
    vms: dict[str, dict[str, Any]] = {}


class _Model(msgspec.Struct, forbid_unknown_fields=True):
    mapping: _Mapping
    views: list[_Shareable | _Naming] = []
    attributes: _Attributes = msgspec.field(default_factory=_Attributes)


class _Constraint(msgspec.Struct, forbid_unknown_fields=True, tag_field="id", kw_only=True):
    continuous: bool = False


class _Online(_Constraint, tag="online", kw_only=True):
    node: int


class _Offline(_Constraint, tag="offline", kw_only=True):
    node: int


class _Running(_Constraint, tag="running", kw_only=True):
    vm: int


class _Ready(_Constraint, tag="ready", kw_only=True):
    vm: int


class _Preserve(_Constraint, tag="preserve", kw_only=True):
    vm: int
    rc: str
    amount: Quantity


class _Root(_Constraint, tag="root", kw_only=True):
    vm: int


class _Spread(_Constraint, tag="spread", kw_only=True):
    vms: list[int]


class _Gather(_Constraint, tag="gather", kw_only=True):
    vms: list[int]


class _Lonely(_Constraint, tag="lonely", kw_only=True):
    vms: list[int]


class _Fence(_Constraint, tag="fence", kw_only=True):
    nodes: list[int]
    vm: int


class _Ban(_Constraint, tag="ban", kw_only=True):
    nodes: list[int]
    vm: int


class _Among(_Constraint, tag="among", kw_only=True):
    vms: list[int]
    parts: list[list[int]]


class _Split(_Constraint, tag="split", kw_only=True):
    parts: list[list[int]]


class _MaxOnline(_Constraint, tag="maxOnline", kw_only=True):
    nodes: list[int]
    amount: int


_AnyConstraint = (
    _Online
    | _Offline
    | _Running
    | _Ready
    | _Preserve
    | _Root
    | _Spread
    | _Gather
    | _Lonely
    | _Fence
    | _Ban
    | _Among
    | _Split
    | _MaxOnline
)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    model: _Model
    constraints: list[_AnyConstraint]
    objective: dict[str, Any] = {}


class _Marks(msgspec.Struct):
    model: msgspec.Raw = msgspec.Raw()
    constraints: msgspec.Raw = msgspec.Raw()


def is_btrplace(content: bytes) -> bool:
    """Tell whether JSON text has what marks a BtrPlace instance."""
    try:
        marks = msgspec.json.decode(content, type=_Marks)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False
    return bool(bytes(marks.model)) and bool(bytes(marks.constraints))


def read_btrplace(content: bytes) -> Instance:
    """Return the instance in a BtrPlace file (Hermenier, Lawall and Muller 2013, doi:10.1109/TDSC.2013.5).

    Nodes become hosts and running VMs have them as their current hosts. ``preserve`` raises what
    a VM needs, ``offline`` puts a node into maintenance, ``running`` switches a VM on and ``ready``
    off; the others are rules of the same names (``lonely`` is dedicated, ``root`` a pin). A rule
    that is not ``continuous`` binds the final placement only. The objective is the fewest moves;
    BtrPlace's own, the time of the whole plan, is the migration planner's.

    Raises
    ------
    InputError
        Naming the field, also for constraints and views of other kinds.
    """
    return _Reading(decode_json(content, _File)).instance()


class _Reading:
    """One file on its way to an instance."""

    def __init__(self, read: _File) -> None:
        self.read = read
        self.mapping = read.model.mapping
        self.online = {_number(key, "model.mapping.onlineNodes"): node for key, node in self.mapping.online.items()}
        self.vm_names = self._names("vm", "vm")
        self.host_names = self._names("node", "node")
        self.where = {vm: node for node, holds in self.online.items() for vm in holds.running_vms}
        self.resources = [view for view in read.model.views if isinstance(view, _Shareable)]
        self.parts: dict[tuple[int, ...], str] = {}
        """Host sets that rules name, by the label that stands for each."""

    def _names(self, kind: str, prefix: str) -> dict[int, str]:
        """Return the names that the file gives; others are numbered when they are asked for."""
        views = [view for view in self.read.model.views if isinstance(view, _Naming) and view.type == kind]
        named = {number: name for view in views for name, number in view.map.items()}
        asleep = [vm for node in self.online.values() for vm in node.sleeping_vms]
        vms = [*self.mapping.ready, *asleep, *(vm for node in self.online.values() for vm in node.running_vms)]
        known = vms if kind == "vm" else [*self.online, *self.mapping.offline]
        if len(set(known)) < len(known):
            raise InputError(f"a {kind} stands in two places", "model.mapping")
        return {number: named.get(number, f"{prefix}-{number}") for number in sorted(known)}

    def instance(self) -> Instance:
        """Return the whole instance."""
        rules = [
            rule for position, stated in enumerate(self.read.constraints) for rule in self._rules(position, stated)
        ]
        return Instance(
            resources=[Resource(name=view.rc) for view in self.resources],
            vms=list(self._vms()),
            hosts=list(self._hosts()),
            rules=rules,
            objective=[level("migration")],
        )

    # -- VMs and hosts -------------------------------------------------------------------

    def _vms(self) -> Iterator[VM]:
        needs = self._needs()
        on = set(self.where)
        for position, stated in enumerate(self.read.constraints):
            if isinstance(stated, _Running | _Ready):
                self._vm(stated.vm, f"constraints[{position}].vm")
                (on.add if isinstance(stated, _Running) else on.discard)(stated.vm)
        for number, name in self.vm_names.items():
            host = self.where.get(number)
            attributes = self.read.model.attributes.vms.get(str(number), {})
            boot = attributes.get("boot", 0)
            yield VM(
                name=name,
                resources=needs[number],
                host=None if host is None else self.host_names[host],
                power="on" if number in on else "off",
                boot_seconds=boot if isinstance(boot, int) else 0,
            )

    def _needs(self) -> dict[int, dict[str, Any]]:
        """Return what every VM needs: what it takes now, or what is to be preserved where that is more."""
        needs: dict[int, dict[str, Any]] = {
            number: {view.rc: view.vms.get(str(number), view.consumption) for view in self.resources}
            for number in self.vm_names
        }
        for position, stated in enumerate(self.read.constraints):
            if isinstance(stated, _Preserve):
                self._vm(stated.vm, f"constraints[{position}].vm")
                needed = needs[stated.vm]
                if stated.rc not in needed:
                    raise InputError(f"no view holds the resource {stated.rc!r}", f"constraints[{position}].rc")
                needed[stated.rc] = max(needed[stated.rc], stated.amount)
        return needs

    def _hosts(self) -> Iterator[Host]:
        down = set(self.mapping.offline)
        maintained: set[int] = set()
        for position, stated in enumerate(self.read.constraints):
            if isinstance(stated, _Online | _Offline):
                self._node(stated.node, f"constraints[{position}].node")
                (maintained.add if isinstance(stated, _Offline) else maintained.discard)(stated.node)
        labels: dict[int, dict[str, str]] = {}
        for hosts, label in self.parts.items():
            for host in hosts:
                labels.setdefault(host, {})[label] = "yes"
        for number, name in self.host_names.items():
            state: HostState = "maintenance" if number in maintained else "off" if number in down else "on"
            yield Host(
                name=name,
                capacity={view.rc: view.nodes.get(str(number), view.capacity) for view in self.resources},
                labels=labels.get(number, {}),
                state=state,
            )

    # -- rules ---------------------------------------------------------------------------

    def _rules(self, position: int, stated: _AnyConstraint) -> Iterator[Rule]:
        path = f"constraints[{position}]"
        binds: dict[str, Any] = {"continuous": stated.continuous}
        match stated:
            case _Spread():
                yield Spread(vms=self._vms_called(stated.vms, path), **binds)
            case _Gather():
                yield Gather(vms=self._vms_called(stated.vms, path), **binds)
            case _Lonely():
                yield Dedicated(vms=self._vms_called(stated.vms, path), **binds)
            case _Among():
                yield Among(
                    vms=self._vms_called(stated.vms, path),
                    sets=[self._set(part, f"{path}.parts") for part in stated.parts],
                    **binds,
                )
            case _Split():
                yield Split(groups=[self._vms_called(part, path) for part in stated.parts], **binds)
            case _Fence():
                yield Fence(vms=[self._vm(stated.vm, path)], hosts=self._set(stated.nodes, path), **binds)
            case _Ban():
                yield Ban(vms=[self._vm(stated.vm, path)], hosts=self._set(stated.nodes, path), **binds)
            case _Root():
                yield Pin(vms=[self._vm(stated.vm, path)], **binds)
            case _MaxOnline():
                yield AtMostOn(most=stated.amount, hosts=self._set(stated.nodes, path), **binds)

    def _set(self, nodes: Iterable[int], path: str) -> list[str]:
        """Return the selector of a set of hosts: its name, or a label when there are many."""
        chosen = tuple(sorted(set(nodes)))
        if chosen not in self.parts:  # hundreds of constraints may name the same large sets
            names = [self._node(node, path) for node in chosen]
            if len(names) <= MOST_NAMED:
                return names
            self.parts[chosen] = f"set-{len(self.parts) + 1}"
        return [f"{self.parts[chosen]}:yes"]

    def _vms_called(self, vms: Iterable[int], path: str) -> list[str]:
        return [self._vm(vm, f"{path}.vms") for vm in vms]

    def _vm(self, number: int, path: str) -> str:
        if number not in self.vm_names:
            raise InputError(f"no VM has the number {number}", path)
        return self.vm_names[number]

    def _node(self, number: int, path: str) -> str:
        if number not in self.host_names:
            raise InputError(f"no node has the number {number}", path)
        return self.host_names[number]


def _number(key: str, path: str) -> int:
    if not (key.isascii() and key.isdigit()):
        raise InputError(f"expected a node's number, got {key!r}", path)
    return int(key)
