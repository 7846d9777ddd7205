"""Huawei's topology-aware placement data: CSV files of two-NUMA servers, racks, and VMs with rules by group."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.machines import MOST_CELLS, MOST_MEMBERS, VM, Cell, Host
from formulations.objective import level
from formulations.quantities import Quantity, exact
from formulations.resources import Resource, check_name
from formulations.rules import FaultDomains, Gather, Level, Rule, Selector, Spread
from solver.inventories.files import read_bytes

SERVERS = "PM_res.csv"
RACKS = "topology_provider.csv"
SEQUENCE = re.compile(r"VM_data_(?P<name>.+)\.csv")

_SERVER_FIELDS = ("server", "CPU1", "RAM1", "CPU2", "RAM2")
_RACK_FIELDS = ("host_id", "rack_id")
_VM_FIELDS = ("flavor_vcpus", "flavor_ram", "numa", "strategy", "group", "domain")
_STRATEGIES = ("", "affinity", "anti-affinity", "fault_domain")


def is_huawei_topology(path: Path) -> bool:
    """Tell by name whether a file is a sequence of VMs, or a folder holds servers for some."""
    return (path / SERVERS).is_file() if path.is_dir() else SEQUENCE.fullmatch(path.name) is not None


def read_huawei_topology(
    path: str | Path, sequences: Sequence[str] | None = None, *, affinity: Level = "rack"
) -> Instance:
    """Return the instance of one or more sequences of VMs on the servers of a folder.

    The folder holds ``PM_res.csv`` (what is free on the two NUMA nodes of each server),
    ``topology_provider.csv`` (racks) and sequences ``VM_data_NAME.csv``. Server ``7`` becomes the
    host ``server-7`` with two cells, the VM in the first row of sequence ``C1`` the VM ``C1-1``; a VM of ``numa`` 2
    lies half on each node. Groups are numbered apart for every sequence and strategy, and become hard rules:

    - ``affinity``: gather, in one rack unless another level is asked for. Most of the published groups are
      larger than any of the servers, so one host cannot be meant.
    - ``anti-affinity``: spread over hosts.
    - ``fault_domain``: VMs of different ``domain`` share neither host nor rack.

    The published list of racks is that of a larger site, and does not say which of its rows the servers
    are: the first ones are taken, in order. The objective is the number of hosts.

    Parameters
    ----------
    path : str or Path
        The folder, or a sequence in it.
    sequences : sequence of str, optional
        Names such as ``C1``; by default the sequence that the path names, or all of the folder together.
    affinity : str
        The level at which an affinity group is gathered.

    Raises
    ------
    InputError
        With the file, the line and the field, whatever is wrong.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    files = [folder / f"VM_data_{name}.csv" for name in sequences] if sequences else _sequences(path)
    hosts = _hosts(folder / SERVERS, folder / RACKS)
    read = [_Sequence(file) for file in files]
    if sum(len(one.vms) for one in read) > MOST_MEMBERS:
        raise InputError(f"at most {MOST_MEMBERS:,} VMs in all", file=str(path))
    return Instance(
        name=" and ".join(one.name for one in read),
        resources=[Resource(name="cpu", unit="cores"), Resource(name="memory", unit="GB")],
        vms=[vm for one in read for vm in one.vms],
        hosts=hosts,
        rules=[rule for one in read for rule in one.rules(affinity)],
        objective=[level("hosts")],
    )


def _sequences(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if SEQUENCE.fullmatch(file.name))
    if not found:
        raise InputError("holds no sequence of VMs; expected a file such as VM_data_C1.csv", file=str(path))
    return found


# -- rows and fields -------------------------------------------------------------------------


class _Row(NamedTuple):
    """One line of a file, by field."""

    file: Path
    line: int
    fields: dict[str, str]

    def fail(self, field: str, expected: str) -> InputError:
        """Return what to say about a field."""
        got = self.fields[field][:40]
        return InputError(f"expected {expected}, got {got!r}", f"line {self.line:,}, {field}", str(self.file))

    def quantity(self, field: str) -> Quantity:
        """Return a field as an exact number; whole where it is."""
        try:
            number = Decimal(self.fields[field])
            exact(number)
        except InvalidOperation:
            raise self.fail(field, "a number") from None
        except InputError as error:
            raise InputError(error.message, f"line {self.line:,}, {field}", str(self.file)) from None
        return int(number) if number == number.to_integral_value() else number

    def whole(self, field: str, least: int, most: int) -> int:
        """Return a field as a whole number within bounds, however it is written (``2`` or ``2.0``)."""
        number = self.quantity(field)
        if not isinstance(number, int) or not least <= number <= most:
            raise self.fail(field, f"a whole number from {least} to {most:,}")
        return number

    def name(self, field: str) -> str:
        """Return a field as a name."""
        text = self.fields[field]
        try:
            check_name(text)
        except InputError as error:
            raise InputError(error.message, f"line {self.line:,}, {field}", str(self.file)) from None
        return text


def _rows(file: Path, fields: Sequence[str]) -> Iterator[_Row]:
    """Yield the rows of a CSV file whose first line names exactly these fields, in any order."""
    lines = csv.reader(read_bytes(file).decode().splitlines(), strict=True)
    try:
        stated = [field.strip() for field in next(lines)]
        if sorted(stated) != sorted(fields):
            message = f"expected the fields {', '.join(fields)}, got {', '.join(stated)[:200]}"
            raise InputError(message, "line 1", str(file))
        for values in lines:
            if values:
                yield _row(file, lines.line_num, stated, values)
    except csv.Error as error:
        raise InputError(f"not valid CSV: {error}", f"line {lines.line_num:,}", str(file)) from None


def _row(file: Path, line: int, fields: list[str], values: list[str]) -> _Row:
    if len(values) != len(fields):
        raise InputError(f"expected {len(fields)} fields, got {len(values)}", f"line {line:,}", str(file))
    return _Row(file, line, dict(zip(fields, (value.strip() for value in values), strict=True)))


# -- servers ---------------------------------------------------------------------------------


def _hosts(servers: Path, racks: Path) -> list[Host]:
    """Return the servers, each in the rack of the same row."""
    hosts: list[Host] = []
    seen: set[str] = set()
    for row, place in zip_longest(_rows(servers, _SERVER_FIELDS), _rows(racks, _RACK_FIELDS)):
        if row is None:
            break
        if place is None:
            raise InputError(f"ends before the servers do: {servers.name} has more rows", file=str(racks))
        hosts.append(_host(row, place))
        if hosts[-1].name in seen:
            raise row.fail("server", "a server that is not listed yet")
        seen.add(hosts[-1].name)
    if not hosts:
        raise InputError("lists no server", file=str(servers))
    return hosts


def _host(row: _Row, place: _Row) -> Host:
    cells = [
        Cell(capacity={"cpu": row.quantity(f"CPU{node}"), "memory": row.quantity(f"RAM{node}")}) for node in (1, 2)
    ]
    return Host(name=f"server-{row.name('server')}", cells=cells, rack=place.name("rack_id"))


# -- VMs and their groups ----------------------------------------------------------------------


class _Sequence:
    """One sequence: its VMs, and their names by strategy, group and domain."""

    def __init__(self, file: Path) -> None:
        found = SEQUENCE.fullmatch(file.name)
        if found is None:
            raise InputError("is called differently; expected a name such as VM_data_C1.csv", file=str(file))
        self.name = found["name"]
        self.vms: list[VM] = []
        self.members: dict[str, dict[str, dict[int, list[Selector]]]] = {strategy: {} for strategy in _STRATEGIES}
        for row in _rows(file, _VM_FIELDS):
            self._add(row)

    def _add(self, row: _Row) -> None:
        name = f"{self.name}-{len(self.vms) + 1}"
        strategy = row.fields["strategy"]
        if strategy not in _STRATEGIES:
            raise row.fail("strategy", f"one of {', '.join(_STRATEGIES[1:])} or nothing")
        group = domain = None
        if strategy:
            group = f"{self.name}-{strategy}-{row.whole('group', 0, MOST_MEMBERS)}"
            domain = row.whole("domain", 0, MOST_MEMBERS) if strategy == "fault_domain" else 0
            self.members[strategy].setdefault(group, {}).setdefault(domain, []).append(name)
        sizes = {"cpu": row.quantity("flavor_vcpus"), "memory": row.quantity("flavor_ram")}
        self.vms.append(VM(name=name, resources=dict(sizes), numa=row.whole("numa", 1, MOST_CELLS), group=group))

    def rules(self, affinity: Level) -> Iterator[Rule]:
        """Yield the rules of every group that says something: of one VM, or one fault domain, none does."""
        for group in self._larger("affinity"):
            yield Gather(vms=[f"group:{group}"], level=affinity)
        for group in self._larger("anti-affinity"):
            yield Spread(vms=[f"group:{group}"])
        for domains in self.members["fault_domain"].values():
            if len(domains) > 1:
                yield FaultDomains(domains=[domains[number] for number in sorted(domains)])

    def _larger(self, strategy: str) -> Iterable[str]:
        return (group for group, domains in self.members[strategy].items() if len(domains[0]) > 1)
