"""JSON text decoded into typed data; whatever is wrong with it becomes one InputError."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, TypeVar

import msgspec

from formulations.errors import InputError
from solver.inventories.collection import uncollected
from solver.inventories.files import line_and_column
from solver.inventories.locating import located

Decoded = TypeVar("Decoded")

DEEPEST = 64
"""Values may be nested at most this deep."""

# A string without an end is a token too, so that scanning never looks at a byte twice.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?(?P<key>[ \t\r\n]*:)?|[][{},]', re.DOTALL)
_NO_NUMBER = re.compile(rb"[+-]?(NaN|Infinity|Inf|nan|inf)")


def decode_json(content: bytes, kind: type[Decoded]) -> Decoded:
    """Return JSON text decoded as a type, with exact numbers and no key given twice.

    Parameters
    ----------
    content : bytes
        UTF-8 text.
    kind : type
        What the text must hold.

    Raises
    ------
    InputError
        Naming the field, if the text is malformed or does not fit the type.
    """
    try:
        with uncollected():
            value = msgspec.json.decode(content, type=kind)
            refuse_duplicates(content)
    except msgspec.ValidationError as error:
        raise located(error, content, kind) from None
    except msgspec.DecodeError as error:
        raise _malformed(str(error), content) from None
    except RecursionError:
        raise InputError(f"nested more than {DEEPEST} deep") from None
    return value


# -- keys given twice ------------------------------------------------------------------------


class _Twice(NamedTuple):
    """Stands for an object that gives a key twice."""

    key: str


def refuse_duplicates(content: bytes) -> None:
    """Refuse valid JSON text in which an object gives a key twice (decoders keep the last one).

    Raises
    ------
    InputError
        Naming the key.
    """
    try:
        json.loads(content, object_pairs_hook=_keys_once)
    except KeyError:
        document = json.loads(content, object_pairs_hook=_marked)
        raise InputError("is given twice", _path_to_twice(document)) from None


def _keys_once(pairs: list[tuple[str, Any]]) -> None:
    if len(pairs) > 1 and len(dict(pairs)) != len(pairs):
        raise KeyError


def _marked(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Twice:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            return _Twice(key)
        seen[key] = value
    return seen


def _path_to_twice(document: Any) -> str:
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, _Twice):
            return f"{path}.{value.key}".lstrip(".")
        if isinstance(value, dict):
            waiting.extend((f"{path}.{key}".lstrip("."), below) for key, below in value.items())
        elif isinstance(value, list):
            waiting.extend((f"{path}[{position}]", below) for position, below in enumerate(value))
    return ""


# -- text that is no JSON --------------------------------------------------------------------


def _malformed(message: str, content: bytes) -> InputError:
    match = re.fullmatch(r"JSON is malformed: (?P<what>.*) \(byte (?P<byte>\d+)\)", message)
    offset = len(content) if match is None else int(match["byte"])
    where = line_and_column(content, offset)
    path = path_at(content, offset)
    if match is None:
        return InputError(f"not valid JSON: the text ends too early, at {where}", path)
    if (word := _NO_NUMBER.match(content, max(0, offset - 1)) or _NO_NUMBER.match(content, offset)) is not None:
        return InputError(f"expected a finite number, got {word[0].decode()} at {where}", path)
    return InputError(f"not valid JSON: {match['what']} at {where}", path)


def path_at(content: bytes, offset: int) -> str:
    """Return the path of the value that holds a byte of JSON text, valid up to there."""
    trail: list[str | int | None] = []  # per open container the key or the index of its current value
    for token in _TOKEN.finditer(content, 0, offset):
        mark = token[0][:1]
        if mark == b"{":
            trail.append(None)
        elif mark == b"[":
            trail.append(0)
        elif mark in b"]}" and trail:
            trail.pop()
        elif mark == b"," and trail:
            last = trail[-1]
            trail[-1] = last + 1 if isinstance(last, int) else None
        elif token["key"] is not None and trail:
            trail[-1] = token[0][: -len(token["key"])].strip(b'"').decode(errors="replace")
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in trail[:DEEPEST] if step is not None]
    return "".join(steps).lstrip(".")
