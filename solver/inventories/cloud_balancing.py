"""Cloud-balancing files (OptaPlanner, Timefold): processes on computers of least total cost."""

from __future__ import annotations

import re

import msgspec

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.machines import VM, Host
from formulations.objective import level
from formulations.quantities import Quantity, exact
from formulations.resources import Resource
from solver.inventories.json_text import decode_json


def _snake(field: str) -> str:
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", field)


class _Computer(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    id: int
    cpu_power: Quantity
    memory: Quantity
    network_bandwidth: Quantity
    cost: Quantity

    def __post_init__(self) -> None:
        for field in ("cpuPower", "memory", "networkBandwidth", "cost"):
            exact(getattr(self, _snake(field)), field)


class _Process(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    id: int
    required_cpu_power: Quantity
    required_memory: Quantity
    required_network_bandwidth: Quantity
    computer: int | None = None

    def __post_init__(self) -> None:
        for field in ("requiredCpuPower", "requiredMemory", "requiredNetworkBandwidth"):
            exact(getattr(self, _snake(field)), field)


class _CloudBalance(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    computer_list: list[_Computer]
    process_list: list[_Process]
    id: int | None = None
    score: str | None = None


class _Marks(msgspec.Struct):
    computerList: msgspec.Raw = msgspec.Raw()  # noqa: N815 - the format's spelling
    processList: msgspec.Raw = msgspec.Raw()  # noqa: N815


def is_cloud_balancing(content: bytes) -> bool:
    """Tell whether JSON text has what marks a cloud-balancing file."""
    try:
        marks = msgspec.json.decode(content, type=_Marks)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False
    return bool(bytes(marks.computerList) or bytes(marks.processList))


def read_cloud_balancing(content: bytes) -> Instance:
    """Return the instance in a cloud-balancing file.

    Computers become hosts ``computer-ID``, processes VMs ``process-ID``; the one objective
    level is the cost of the computers in use, in the file's own unit.

    Parameters
    ----------
    content : bytes
        UTF-8 JSON text.

    Raises
    ------
    InputError
        Naming the field.
    """
    read = decode_json(content, _CloudBalance)
    _check_identities(read)
    return Instance(
        resources=[Resource(name="cpu"), Resource(name="memory"), Resource(name="network")],
        vms=[_vm(process) for process in read.process_list],
        hosts=[_host(computer) for computer in read.computer_list],
        objective=[level("cost")],
        name="" if read.id is None else f"cloud balancing {read.id}",
    )


def _check_identities(read: _CloudBalance) -> None:
    known = {computer.id for computer in read.computer_list}
    for position, process in enumerate(read.process_list):
        if process.computer is not None and process.computer not in known:
            raise InputError(f"no computer has the id {process.computer}", f"processList[{position}].computer")
    _check_once([computer.id for computer in read.computer_list], "computerList")
    _check_once([process.id for process in read.process_list], "processList")


def _check_once(identities: list[int], field: str) -> None:
    seen: set[int] = set()
    for position, identity in enumerate(identities):
        if identity in seen:
            raise InputError(f"duplicate id {identity}", f"{field}[{position}].id")
        seen.add(identity)


def _vm(process: _Process) -> VM:
    return VM(
        name=f"process-{process.id}",
        resources={
            "cpu": process.required_cpu_power,
            "memory": process.required_memory,
            "network": process.required_network_bandwidth,
        },
        host=None if process.computer is None else f"computer-{process.computer}",
    )


def _host(computer: _Computer) -> Host:
    return Host(
        name=f"computer-{computer.id}",
        capacity={"cpu": computer.cpu_power, "memory": computer.memory, "network": computer.network_bandwidth},
        cost=computer.cost,
    )
