"""Published packings with sizes below 0, which no virtual machine has, as instances that can be asked.

In 12 of the 48 published triplets an item is what the two others of its bin leave, and that may be -1 or -2
in a resource. Such an item gets a bin of its own choice: it takes 0 there, and its bin holds as much more.
Every placement is then a packing of the published instance with as many bins. The other way round it holds
as long as no two such items share a bin, as in the bins the instances were made from, so that the optimum is
the published one: the volume bound, which negative sizes do not harm.
"""

from __future__ import annotations

import random
from pathlib import Path

from formulations.bounds import Size
from formulations.errors import InputError
from formulations.instance import Instance
from formulations.machines import VM, Host
from formulations.objective import level
from formulations.resources import Resource
from formulations.rules import Pin
from solver.inventories import read_instance


def read_packing(path: Path) -> Instance:
    """Return the instance in a vector packing file whose sizes may be negative."""
    words = path.read_text(encoding="utf-8").split()
    if not any(word.startswith("-") for word in words):
        return read_instance(path)
    try:
        return _pinned([int(word) for word in words])
    except (ValueError, IndexError) as error:
        raise InputError("is no vector packing file of whole numbers", file=str(path)) from error


def read_shuffled(path: Path) -> Instance:
    """Return the instance with its items in a random order, the same at every call.

    The published triplets list the items of one bin of an optimal packing after another, so that
    first fit in the order of the file packs them optimally without having found out anything.
    """
    instance = read_packing(path)
    vms = list(instance.vms)
    random.Random(path.stem).shuffle(vms)  # noqa: S311 - an order, not a secret
    return instance.replace(vms=vms)


def _pinned(numbers: list[int]) -> Instance:
    dimensions, rest = numbers[0], numbers[1:]
    names = [f"size-{number}" for number in range(1, dimensions + 1)]
    capacity, items = rest[:dimensions], rest[dimensions]
    rows = rest[dimensions + 1 :]
    vms, hosts, rules = [], [Host(name="bin", capacity=dict(zip(names, capacity, strict=True)), count="unlimited")], []
    for number in range(items):
        *sizes, count = rows[number * (dimensions + 1) : (number + 1) * (dimensions + 1)]
        copies = [(f"item-{number + 1}", count)]
        if min(sizes) < 0:
            copies = [(f"item-{number + 1}.{copy}", 1) for copy in range(1, count + 1)]
            for name, _ in copies:
                room = [most - min(size, 0) for most, size in zip(capacity, sizes, strict=True)]
                hosts.append(Host(name=f"bin of {name}", capacity=dict(zip(names, room, strict=True))))
                rules.append(Pin(vms=[name], host=f"bin of {name}"))
        taken: dict[str, Size] = dict(zip(names, (max(size, 0) for size in sizes), strict=True))
        vms += [VM(name=name, count=alike, resources=taken) for name, alike in copies]
    return Instance(
        resources=[Resource(name=name) for name in names],
        vms=vms,
        hosts=hosts,
        rules=list(rules),
        objective=[level("hosts")],
    )
