"""Where decoding failed: msgspec's errors as one message with the exact field path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from formulations.errors import InputError

LONGEST_QUOTE = 40
"""Values in messages are cut to this many characters."""

_AT = re.compile(r" - at `(?:key in )?\$(?P<path>[^`]*)`$", re.DOTALL)
_STEP = re.compile(r"\.(?P<field>[^.\[]+)|\[(?P<index>\d+)\]|\[(?P<entry>\.\.\.)\]")
_EXPECTED = re.compile(r"Expected `(?P<kinds>[^`]*)`, got `(?P<got>[^`]*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<field>.*)`")
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "str": "text",
    "bool": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "null",
}


class _Spot(NamedTuple):
    """A value inside a document: its path, its text, and the type expected of it."""

    path: str
    raw: bytes
    type: Any


def located(error: msgspec.ValidationError, content: bytes, kind: Any) -> InputError:
    """Return the InputError that says what was wrong and exactly where.

    Parameters
    ----------
    error : msgspec.ValidationError
        Raised by decoding ``content`` as ``kind``.
    content : bytes
        JSON text.
    kind : type
        What was expected of the whole text.
    """
    text = str(error)
    trail = _AT.search(text)
    spot = _follow(_Spot("", content, kind), trail["path"] if trail else "")
    if isinstance(error.__cause__, InputError):
        return error.__cause__.inside(spot.path) if spot.path else error.__cause__
    return _explained(text[: trail.start()] if trail else text, spot)


def _follow(spot: _Spot, trail: str) -> _Spot:
    """Walk from the whole document down a msgspec path, as far as the text can be followed."""
    for step in _STEP.finditer(trail):
        try:
            following = _enter(spot, step)
        except (msgspec.MsgspecError, RecursionError):
            following = None if step["entry"] else _Spot(_joined(spot.path, step), b"", Any)
        if following is None:
            return spot
        spot = following
    return spot


def _enter(spot: _Spot, step: re.Match[str]) -> _Spot | None:
    if step["index"] is not None:
        position = int(step["index"])
        values = msgspec.json.decode(spot.raw, type=list[msgspec.Raw])
        return _Spot(_joined(spot.path, step), bytes(values[position]), _item_type(spot.type, list))
    entries = msgspec.json.decode(spot.raw, type=dict[str, msgspec.Raw])
    if step["field"] is not None:
        field = step["field"]
        return _Spot(_joined(spot.path, step), bytes(entries.get(field, b"null")), _field_type(spot, field))
    value_type = _item_type(spot.type, dict)
    return next(
        (
            _Spot(_joined(spot.path, key), bytes(raw), value_type)
            for key, raw in entries.items()
            if _fails(bytes(raw), value_type)
        ),
        None,
    )


def _fails(raw: bytes, kind: Any) -> bool:
    try:
        msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError:
        return True
    return False


def _joined(path: str, step: re.Match[str] | str) -> str:
    if isinstance(step, re.Match):
        if step["index"] is not None:
            return f"{path}[{step['index']}]"
        step = step["field"]
    return f"{path}.{step}" if path else step


def _alternatives(kind: Any) -> Iterator[Any]:
    if get_origin(kind) in (Union, UnionType):
        for part in get_args(kind):
            yield from _alternatives(part)
    else:
        yield kind


def _item_type(kind: Any, container: type) -> Any:
    """Return what a list holds, or a dict under its keys."""
    return next((get_args(part)[-1] for part in _alternatives(kind) if get_origin(part) is container), Any)


def _structs(kind: Any) -> list[type[msgspec.Struct]]:
    return [part for part in _alternatives(kind) if isinstance(part, type) and issubclass(part, msgspec.Struct)]


def _struct(spot: _Spot) -> type[msgspec.Struct] | None:
    """Return the structure expected at a spot; among several the one that the tag names."""
    structs = _structs(spot.type)
    if len(structs) <= 1:
        return structs[0] if structs else None
    entries = msgspec.json.decode(spot.raw, type=dict[str, Any])
    return next((one for one in structs if entries.get(_tag_field(one)) == one.__struct_config__.tag), None)


def _tag_field(struct: type[msgspec.Struct]) -> str:
    return struct.__struct_config__.tag_field or ""


def _field_type(spot: _Spot, field: str) -> Any:
    tags = tuple(one.__struct_config__.tag for one in _structs(spot.type) if _tag_field(one) == field)
    if tags:
        return Literal[tags]
    struct = _struct(spot)
    return Any if struct is None else get_type_hints(struct).get(field, Any)


# -- what went wrong, in words ---------------------------------------------------------------


def _explained(message: str, spot: _Spot) -> InputError:
    if (match := _UNKNOWN.fullmatch(message)) is not None:
        return _unknown_field(match["field"], spot)
    if (match := _MISSING.fullmatch(message)) is not None:
        return InputError(f"required field {match['field']!r} is missing", spot.path)
    if choices := _choices(spot):
        return InputError(f"expected {choices}, got {shortened(spot.raw)}", spot.path)
    if (match := _EXPECTED.match(message)) is not None:
        named = match["got"] in ("object", "array") or not spot.raw
        got = _kinds(match["got"]) if named else shortened(spot.raw)
        return InputError(f"expected {_kinds(match['kinds'])}, got {got}", spot.path)
    if message in ("Invalid decimal string", "Integer value out of range", "Number out of range"):
        message = "expected a number" if spot.raw.startswith(b'"') else "expected a number in range"
    return InputError(f"{message}, got {shortened(spot.raw)}{_unit_hint(spot.raw)}", spot.path)


def _unit_hint(raw: bytes) -> str:
    """Tell those who wrote ``8 GB`` where units belong."""
    return "; the unit stands with the resource" if re.match(rb'"\s*[0-9.]+\s*[A-Za-z]', raw) else ""


def _unknown_field(field: str, spot: _Spot) -> InputError:
    struct = _struct(spot)
    known = list(struct.__struct_fields__) if struct is not None else []
    close = get_close_matches(field, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(known)}"
    return InputError(f"unknown field; {hint}" if known else "unknown field", _joined(spot.path, field))


def _kinds(spelled: str) -> str:
    words = list(dict.fromkeys(_KINDS.get(kind, kind) for kind in spelled.split(" | ")))
    if "a number" in words and "a whole number" in words:
        words.remove("a whole number")
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _choices(spot: _Spot) -> str:
    """Spell the values that a spot may hold, if they are few and known."""
    kinds = list(_alternatives(spot.type))
    literal = [repr(value) for kind in kinds if get_origin(kind) is Literal for value in get_args(kind)]
    if int in kinds and literal:
        literal = ["a whole number", *literal]
    return ("one of " if len(literal) > 1 else "") + ", ".join(literal)


def shortened(raw: bytes) -> str:
    """Quote a value's own text, cut where it is long."""
    text = " ".join(raw[: 4 * LONGEST_QUOTE].decode(errors="replace").split())
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"
