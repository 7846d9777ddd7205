"""Results as CSV: a row per run, flushed when it is done, so that a campaign can be cut off and go on."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.protocol import Record
from formulations.errors import InputError

FIELDS = tuple(field.name for field in msgspec.structs.fields(Record))
_NESTED = ("versions", "trace")


class Results:
    """A CSV file of records.

    Parameters
    ----------
    path : Path
        Made with its first row.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Record]:
        """Return every record; of runs done again only the last.

        Raises
        ------
        InputError
            If the file is no table of records, with the line.
        """
        if not self.path.exists():
            return []
        found: dict[object, Record] = {}
        with self.path.open(newline="", encoding="utf-8") as stream:
            rows = csv.DictReader(stream)
            _check(rows.fieldnames, self.path)
            for row in rows:
                if None not in row.values():  # a row that a power cut tore has too few cells
                    record = _record(row, f"{self.path}: line {rows.line_num}")
                    found[record.key] = record
        return list(found.values())

    def append(self, record: Record) -> None:
        """Add a row and make sure that it is on the disk."""
        with self.path.open("a+b") as stream:
            text = io.StringIO()
            rows = csv.writer(text, lineterminator="\n")
            if stream.tell() == 0:
                rows.writerow(FIELDS)
            elif not self._ends_with_a_line():
                text.write("\n")
            rows.writerow(_cells(record))
            stream.write(text.getvalue().encode())
            stream.flush()
            os.fsync(stream.fileno())

    def _ends_with_a_line(self) -> bool:
        with self.path.open("rb") as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read() == b"\n"


def _check(names: Any, path: Path) -> None:
    if names is None or tuple(names) != FIELDS:
        raise InputError("is no table of records, or one of another version", file=str(path))


def _cells(record: Record) -> list[str]:
    return [_cell(getattr(record, name), nested=name in _NESTED) for name in FIELDS]


def _cell(value: Any, *, nested: bool) -> str:
    if nested:
        return msgspec.json.encode(value).decode()
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else repr(round(value, 6))
    return " ".join(str(value).split())


def _record(row: dict[str, str], where: str) -> Record:
    words: dict[str, Any] = {name: cell for name, cell in row.items() if cell or name in ("group", "message")}
    try:
        for name in _NESTED:
            words[name] = msgspec.json.decode(words.get(name, "null"))
        for name in ("verified", "known_optimum"):
            words[name] = {"yes": True, "no": False}[words[name]]
        return msgspec.convert(words, Record, strict=False)
    except (msgspec.MsgspecError, KeyError) as error:
        raise InputError(f"cannot be read: {error}", file=where) from error
