"""Workload files: jobs as CSV or JSON, read and written."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.quantities import Quantity, shown
from formulations.scheduling.workload import (
    LARGEST_PRIORITY,
    LONGEST,
    MOST_JOBS,
    SECOND,
    Workload,
    own_priorities,
)
from formulations.tables import Integers
from solver.inventories.collection import uncollected
from solver.inventories.files import named, read_bytes, write_bytes
from solver.inventories.json_text import decode_json

COLUMNS = ("arrival", "vm", "cpu_seconds", "priority")

CHUNK = 100_000
"""Rows that are turned into arrays together."""


class JobDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One job of a workload file.

    Parameters
    ----------
    arrival : number
        Seconds from the beginning.
    vm : str
        The name of one VM.
    cpu_seconds : number
        Core time needed, positive.
    priority : int, optional
        Larger is more urgent; by default the VM's.
    """

    arrival: Quantity
    vm: str
    cpu_seconds: Quantity
    priority: int | None = None


class WorkloadDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a workload file in JSON holds.

    Parameters
    ----------
    version : 1
        Of the file format.
    jobs : list of JobDocument
        In any order.
    """

    version: Literal[1] = 1
    jobs: list[JobDocument]


def read_workload(path: str | Path, instance: Instance) -> Workload:
    """Return the jobs in a file.

    A file whose name ends in ``.json`` holds ``{"version": 1, "jobs": [{"arrival": 0.5, "vm": "web-1",
    "cpu_seconds": 0.02}]}``; any other is CSV with the header ``arrival,vm,cpu_seconds,priority``, in any
    order of columns, where priority may be missing or empty. Times are seconds. They are kept in
    microseconds: arrivals are rounded down, work is rounded up.

    Parameters
    ----------
    path : str or Path
        At most 2 GiB and ``MOST_JOBS`` jobs.
    instance : Instance
        Whose VMs the jobs belong to.

    Raises
    ------
    InputError
        With the file, the line or job, and the field, whatever is wrong.
    """
    path = Path(path)
    content = read_bytes(path)
    with named(path), uncollected():
        reader = _Reader(instance)
        return reader.json(content) if path.suffix.lower() == ".json" else reader.csv(content)


class _Reader:
    """Turns names and texts into numbers, each distinct name once."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.numbers: dict[str, int] = {}

    def vm(self, name: str) -> int:
        """Return the number of the one VM of a name."""
        if (known := self.numbers.get(name)) is not None:
            return known
        members = self.instance.vm_names.find(name)
        if members is None or len(members) != 1:
            raise InputError(f"no single VM is called {name!r}")
        return self.numbers.setdefault(name, int(members[0]))

    # -- JSON ----------------------------------------------------------------------------

    def json(self, content: bytes) -> Workload:
        """Read JSON text."""
        jobs = decode_json(content, WorkloadDocument).jobs
        if len(jobs) > MOST_JOBS:
            raise InputError(f"at most {MOST_JOBS:,}, got {len(jobs):,}", "jobs")
        rows = np.empty((len(jobs), 4), dtype=np.int64)
        for number, job in enumerate(jobs):
            try:
                rows[number] = self._row(job)
            except InputError as error:
                raise error.inside(f"jobs[{number}]") from None
        stated: Integers = np.array([job.priority is not None for job in jobs], dtype=np.int64)
        return self._workload(rows, stated)

    def _row(self, job: JobDocument) -> tuple[int, int, int, int]:
        return (
            _field("arrival", arrival_of, str(job.arrival)),
            _field("vm", self.vm, job.vm),
            _field("cpu_seconds", work_of, str(job.cpu_seconds)),
            _field("priority", priority_of, str(job.priority or 0)),
        )

    # -- CSV -----------------------------------------------------------------------------

    def csv(self, content: bytes) -> Workload:
        """Read CSV text."""
        reader = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            _check_header(header)
            parts = [self._chunk(chunk, header) for chunk in _chunks(reader)]
        except csv.Error as error:
            raise InputError(f"line {reader.line_num:,}: {error}") from None
        rows = np.concatenate([part[0] for part in parts]) if parts else np.empty((0, 4), dtype=np.int64)
        stated = np.concatenate([part[1] for part in parts]) if parts else np.empty(0, dtype=np.int64)
        return self._workload(rows, stated)

    def _chunk(self, chunk: list[tuple[int, list[str]]], header: Sequence[str]) -> tuple[Integers, Integers]:
        """Return rows as numbers, and which of them state a priority."""
        for line, row in chunk:
            if len(row) != len(header):
                raise InputError(f"expected {len(header)} fields, got {len(row)}", f"line {line:,}")
        columns = dict(zip(header, zip(*(row for _, row in chunk), strict=True), strict=True))
        table: Integers = np.zeros((len(chunk), 4), dtype=np.int64)
        readers: dict[str, Callable[[str], int]] = {
            "arrival": arrival_of,
            "vm": lambda name: self.vm(name.strip()),
            "cpu_seconds": work_of,
            "priority": priority_of,
        }
        for at, name in enumerate(COLUMNS):
            if name in columns:
                table[:, at] = _numbers(columns[name], readers[name], name, chunk)
        priorities = columns.get("priority", ("",) * len(chunk))
        return table, np.array([bool(text.strip()) for text in priorities], dtype=np.int64)

    def _workload(self, rows: Integers, stated: Integers) -> Workload:
        if not len(rows):
            raise InputError("expected at least one job")
        priority = np.where(stated == 1, rows[:, 3], own_priorities(self.instance, rows[:, 1]))
        return Workload(rows[:, 0], rows[:, 1], rows[:, 2], priority)


def _chunks(reader: Iterator[list[str]]) -> Iterator[list[tuple[int, list[str]]]]:
    """Yield rows with their line numbers, many at a time; empty lines are skipped."""
    total = 0
    lines = ((getattr(reader, "line_num", 0), row) for row in reader)
    filled = ((line, row) for line, row in lines if row)
    while chunk := list(islice(filled, CHUNK)):
        total += len(chunk)
        if total > MOST_JOBS:
            raise InputError(f"more than {MOST_JOBS:,} jobs, the most that are read")
        yield chunk


def _check_header(header: Sequence[str]) -> None:
    for name in header:
        if name not in COLUMNS:
            raise InputError(f"unknown column {name!r}; expected {', '.join(COLUMNS)}", "line 1")
        if header.count(name) > 1:
            raise InputError(f"column {name!r} is given twice", "line 1")
    for name in COLUMNS[:3]:
        if name not in header:
            raise InputError(f"column {name!r} is missing; expected the header {','.join(COLUMNS)}", "line 1")


def _numbers(
    texts: Sequence[str], read: Callable[[str], int], name: str, chunk: Sequence[tuple[int, list[str]]]
) -> list[int]:
    """Return a column as numbers; a wrong one is named with its line."""
    try:
        return [read(text) for text in texts]
    except InputError:
        for text, (line, _) in zip(texts, chunk, strict=True):
            try:
                read(text)
            except InputError as error:
                raise InputError(error.message, f"line {line:,}, {name}") from None
        raise


def _field(name: str, read: Callable[[str], int], text: str) -> int:
    try:
        return read(text)
    except InputError as error:
        raise error.inside(name) from None


# -- figures -----------------------------------------------------------------------------------


def arrival_of(text: str) -> int:
    """Return seconds as microseconds, rounded down.

    Raises
    ------
    InputError
        If the text is no number, negative or too large.
    """
    return _microseconds(text, ROUND_FLOOR)


def work_of(text: str) -> int:
    """Return seconds as microseconds, rounded up.

    Raises
    ------
    InputError
        If the text is no number, not positive or too large.
    """
    work = _microseconds(text, ROUND_CEILING)
    if work == 0:
        raise InputError(f"must be positive, got {text.strip()}")
    return work


def _microseconds(text: str, rounding: str) -> int:
    whole, _, decimals = text.partition(".")
    if whole.isascii() and whole.isdigit() and len(whole) <= 9 and len(decimals) <= 6:  # the usual spelling, quickly
        if not decimals:
            return int(whole) * SECOND
        if decimals.isascii() and decimals.isdigit():
            return int(whole) * SECOND + int(decimals.ljust(6, "0"))
    try:
        seconds = Decimal(text.strip())
    except InvalidOperation:
        raise InputError(f"expected a number of seconds, got {text.strip()[:40]!r}") from None
    if not seconds.is_finite():
        raise InputError(f"expected a finite number, got {text.strip()[:40]}")
    if seconds < 0:
        raise InputError(f"must not be negative, got {shown(seconds)}")
    if seconds * SECOND > LONGEST:
        raise InputError(f"must be at most {LONGEST // SECOND:,} s, got {shown(seconds)}")
    if seconds.adjusted() < -30:  # too small for the context, and rounded all the same
        return int(rounding == ROUND_CEILING and seconds > 0)
    return int((seconds * SECOND).to_integral_value(rounding))


def priority_of(text: str) -> int:
    """Return a priority; nothing, which stands for the VM's own, is 0.

    Raises
    ------
    InputError
        If the text is no whole number, or out of range.
    """
    stripped = text.strip()
    if not stripped:
        return 0
    digits = stripped.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise InputError(f"expected a whole number, got {stripped[:40]!r}")
    if len(digits) > 9 or int(digits) > LARGEST_PRIORITY:
        raise InputError(f"must lie within ±{LARGEST_PRIORITY:,}, got {stripped[:40]}")
    return int(stripped)


# -- writing -----------------------------------------------------------------------------------


def write_workload(workload: Workload, instance: Instance, path: str | Path) -> None:
    """Write jobs so that reading them gives the same ones: JSON where the name ends in it, otherwise CSV.

    Raises
    ------
    OSError
        If the file cannot be written; an old one is then unchanged.
    """
    path = Path(path)
    rows = _spelled(workload, instance)
    if path.suffix.lower() == ".json":
        lines = (f'{{"arrival": {a}, "vm": {_quoted(v)}, "cpu_seconds": {w}, "priority": {p}}}' for a, v, w, p in rows)
        text = '{"version": 1, "jobs": [\n  ' + ",\n  ".join(lines) + "\n]}\n"
    else:
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
        text = stream.getvalue()
    write_bytes(path, text.encode())


def _quoted(name: str) -> str:
    return msgspec.json.encode(name).decode()


def _spelled(workload: Workload, instance: Instance) -> Iterator[tuple[str, str, str, int]]:
    """Yield jobs with times in seconds and the names of their VMs."""
    vms, which = np.unique(workload.vm, return_inverse=True)
    names = instance.vm_names.names_of(vms)
    columns = (workload.arrival, which, workload.work, workload.priority)
    for arrival, vm, work, priority in zip(*(column.tolist() for column in columns), strict=True):
        yield _seconds(arrival), names[vm], _seconds(work), priority


def _seconds(microseconds: int) -> str:
    whole, rest = divmod(microseconds, SECOND)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".") if rest else str(whole)
