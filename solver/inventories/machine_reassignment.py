"""Machine reassignment files of the 2012 ROADEF/EURO challenge: a model and an assignment, in whole numbers."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

import numpy as np

from formulations.errors import InputError
from formulations.reassignment import NOWHERE, Reassignment
from formulations.resources import MOST_RESOURCES
from formulations.tables import Integers
from solver.inventories.files import named, read_bytes

MOST_HOSTS = 10_000
MOST_VMS = 1_000_000
MOST_BALANCES = 1_000
MOST_PAIR_COST = 2**31 - 1
LARGEST_NUMBER = 2**53
"""What the files may state; the published instances have at most 100 machines and 50,000 processes."""

_STRANGE = re.compile(rb"[^0-9\s]")
_LONG = re.compile(rb"[0-9]{18,}")
_WORD = re.compile(rb"\S+")


class _Numbers:
    """Whole numbers in reading order, with the place of each for messages."""

    def __init__(self, content: bytes) -> None:
        if (found := _STRANGE.search(content) or _LONG.search(content)) is not None:
            raise self._no_number(content, found.start())
        self._content = content
        self._numbers: Integers = np.fromstring(content, dtype=np.int64, sep=" ")
        self._next = 0

    @staticmethod
    def _no_number(content: bytes, offset: int) -> InputError:
        """Return what to say about the word around a byte."""
        begin = offset - len(re.split(rb"\s", content[:offset][-100:])[-1])
        word = _WORD.match(content, begin)
        shown = (word.group() if word else b"")[:40].decode(errors="replace")
        line = content.count(b"\n", 0, begin) + 1
        return InputError(f"expected a whole number of at most 17 digits, got {shown!r}", f"line {line}")

    def place(self, position: int) -> str:
        """Spell where a number stands: its line, and which number of the file it is."""
        word = next(islice(_WORD.finditer(self._content), position, None), None)
        end = len(self._content) if word is None else word.start()
        line = self._content.count(b"\n", 0, end) + 1
        return f"line {line}, number {position + 1}"

    def fail(self, position: int, message: str) -> InputError:
        """Return the error about the number at a position."""
        return InputError(message, self.place(position))

    def block(self, count: int, what: str, least: int = 0, most: int = LARGEST_NUMBER) -> Integers:
        """Return the next numbers, each within bounds; ``what`` names one of them."""
        begin = self._next
        found = self._numbers[begin : begin + count]
        if len(found) < count:
            raise InputError(f"the file ends too early: expected {what} as number {len(self._numbers) + 1}")
        wrong = np.flatnonzero((found < least) | (found > most))
        if len(wrong):
            message = f"expected {what} from {least} to {most:,}, got {found[wrong[0]]}"
            raise self.fail(begin + int(wrong[0]), message)
        self._next += count
        return found

    def number(self, what: str, least: int = 0, most: int = LARGEST_NUMBER) -> int:
        """Return the next number."""
        if self._next < len(self._numbers) and least <= self._numbers[self._next] <= most:
            self._next += 1
            return int(self._numbers[self._next - 1])
        return int(self.block(1, what, least, most)[0])  # says what is wrong

    @property
    def position(self) -> int:
        """The position of the next number."""
        return self._next

    def end(self, after: str) -> None:
        """Make sure that nothing is left."""
        if self._next < len(self._numbers):
            message = f"expected the end of the file after {after}, got {self._numbers[self._next]}"
            raise self.fail(self._next, message)


def read_machine_reassignment(model: str | Path, assignment: str | Path) -> Reassignment:
    """Return the question that a model file and an assignment file pose.

    Parameters
    ----------
    model : str or Path
        ``model_*.txt``: resources, machines, services, processes, balance costs, weights.
    assignment : str or Path
        ``assignment_*.txt``: the machine of every process, from 0.

    Raises
    ------
    InputError
        With the file, the line and the number's position, whatever is wrong.
    """
    model, assignment = Path(model), Path(assignment)
    content, places = read_bytes(model), read_bytes(assignment)
    with named(model):
        numbers = _Numbers(content)
    with named(model):
        parts = _Model(numbers)
    with named(assignment):
        current = read_hosts(places, parts.vms, parts.hosts)
    with named(model):
        return parts.question(current, model.stem.removeprefix("model_"))


def read_model(content: bytes, name: str = "") -> Reassignment:
    """Return the question of a model file alone: no VM runs yet.

    Raises
    ------
    InputError
        With the line and the number's position, whatever is wrong.
    """
    parts = _Model(_Numbers(content))
    return parts.question(np.full(parts.vms, NOWHERE, dtype=np.int64), name)


def read_hosts(content: bytes, vms: int, hosts: int) -> Integers:
    """Return the machine of every process that an assignment file states: shape (vms,).

    Raises
    ------
    InputError
        With the line and the number's position, whatever is wrong.
    """
    numbers = _Numbers(content)
    found = numbers.block(vms, "a machine", 0, hosts - 1)
    numbers.end(f"{vms} machines")
    return found


def is_assignment(content: bytes) -> bool:
    """Tell whether text holds nothing but whole numbers."""
    return re.fullmatch(rb"[0-9\s]+", content) is not None


def is_model(content: bytes) -> bool:
    """Tell whether whole numbers are a model, rather than a vector packing file: both begin with few small ones."""
    if _STRANGE.search(content) or _LONG.search(content):
        return False
    numbers = np.fromstring(content, dtype=np.int64, sep=" ")
    width = int(numbers[0]) if len(numbers) else 0
    if not 1 <= width <= MOST_RESOURCES or len(numbers) < 2 * width + 2:
        return False
    packed = width + 2 + int(numbers[width + 1]) * (width + 1)
    return len(numbers) != packed and bool((numbers[1 : 2 * width : 2] <= 1).all())


class _Model:
    """The parts of a model file, in the order in which they stand there."""

    def __init__(self, numbers: _Numbers) -> None:
        self._numbers = numbers
        self._read_resources()
        self._read_hosts()
        self._read_services()
        self._read_vms()
        self._read_balances()
        self._weights = [
            numbers.number(f"the weight of {what} move costs") for what in ("process", "service", "machine")
        ]
        numbers.end("the three weights of move costs")

    def _read_resources(self) -> None:
        self.resources = self._numbers.number("the number of resources", 1, MOST_RESOURCES)
        flags, weights = [], []
        for r in range(self.resources):
            flags.append(self._numbers.number(f"whether resource {r} is transient", 0, 1))
            weights.append(self._numbers.number(f"the load weight of resource {r}"))
        self._transient = np.array(flags, dtype=np.bool_)
        self._load_weight = np.array(weights, dtype=np.int64)

    def _read_hosts(self) -> None:
        self.hosts = m = self._numbers.number("the number of machines", 1, MOST_HOSTS)
        self._capacity, self._safety = np.zeros((2, m, self.resources), dtype=np.int64)
        self._pair_cost = np.zeros((m, m), dtype=np.int32)
        groups = np.zeros((m, 2), dtype=np.int64)
        for j in range(m):
            groups[j] = self._numbers.block(2, f"neighbourhood and location of machine {j}")
            self._capacity[j] = self._numbers.block(self.resources, f"a capacity of machine {j}")
            self._safety[j] = self._numbers.block(self.resources, f"a safety capacity of machine {j}")
            costs = self._numbers.block(m, f"a move cost from machine {j}", 0, MOST_PAIR_COST)
            if costs[j] > 0:
                raise self._numbers.fail(self._numbers.position - m + j, f"staying on machine {j} must cost nothing")
            self._pair_cost[j] = costs
        self._neighbourhood: Integers = np.unique(groups[:, 0], return_inverse=True)[1].astype(np.int64)
        self._location: Integers = np.unique(groups[:, 1], return_inverse=True)[1].astype(np.int64)

    def _read_services(self) -> None:
        self.services = self._numbers.number("the number of services", 1, MOST_VMS)
        spread: list[int] = []
        rows: list[tuple[int, int]] = []
        for s in range(self.services):
            spread.append(self._numbers.number(f"the spread of service {s}"))
            many = self._numbers.number(f"the number of dependencies of service {s}", 0, self.services)
            if many:
                needed = self._numbers.block(many, f"a service that service {s} depends on", 0, self.services - 1)
                rows.extend((s, other) for other in needed.tolist())
        self._spread = np.array(spread, dtype=np.int64)
        self._dependencies = np.array(rows, dtype=np.int64).reshape(len(rows), 2)

    def _read_vms(self) -> None:
        self.vms = self._numbers.number("the number of processes", 1, MOST_VMS)
        begin, width = self._numbers.position, self.resources + 2
        table = self._numbers.block(self.vms * width, "a process's service, requirements and move cost")
        table = table.reshape(self.vms, width)
        self._service, self._sizes, self._move_cost = table[:, 0].copy(), table[:, 1:-1].copy(), table[:, -1].copy()
        wrong = np.flatnonzero(self._service >= self.services)
        if len(wrong):
            p = int(wrong[0])
            message = f"expected a service below {self.services} for process {p}, got {self._service[p]}"
            raise self._numbers.fail(begin + p * width, message)

    def _read_balances(self) -> None:
        count = self._numbers.number("the number of balance costs", 0, MOST_BALANCES)
        rows: list[list[int]] = []
        for b in range(count):
            pair = self._numbers.block(2, f"a resource of balance {b}", 0, self.resources - 1)
            rest = self._numbers.block(2, f"target and weight of balance {b}")
            rows.append([*pair.tolist(), *rest.tolist()])
        self._balances = np.array(rows, dtype=np.int64).reshape(count, 4)

    def question(self, current: Integers, name: str) -> Reassignment:
        """Return the question, given where every process is."""
        process, service, machine = self._weights
        return Reassignment(
            sizes=self._sizes,
            service=self._service,
            current=current.copy(),
            capacity=self._capacity,
            safety=self._safety,
            location=self._location,
            neighbourhood=self._neighbourhood,
            transient=self._transient,
            load_weight=self._load_weight,
            balances=self._balances,
            spread=self._spread,
            dependencies=self._dependencies,
            move_cost=self._move_cost,
            move_weight=process,
            service_weight=service,
            pair_weight=machine,
            host_class=np.arange(self.hosts, dtype=np.int64),
            pair_cost=self._pair_cost,
            name=name,
        )


def write_assignment(hosts: Integers) -> bytes:
    """Return the text of an assignment file: the machine of every process."""
    return (" ".join(map(str, hosts.tolist())) + "\n").encode()
