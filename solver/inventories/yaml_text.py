"""YAML text turned into JSON text: exact numbers, no tags, no key twice, no alias bombs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
import yaml

from formulations.errors import InputError
from solver.inventories.json_text import DEEPEST

LARGEST_YAML = 256 * 1024**2
"""No YAML text longer than this is read, nor one whose aliases expand to more (characters)."""

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAG = "tag:yaml.org,2002:str"

# The core schema of YAML 1.2: "on", "off", "yes", "no" and 12:30 are text.
NULL = re.compile(r"~|null|Null|NULL|")
TRUTH = re.compile(r"true|True|TRUE|false|False|FALSE")
WHOLE = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+")
NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
ENDLESS = re.compile(r"[-+]?(?:\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN")


def json_from_yaml(content: bytes) -> bytes:
    """Return the JSON text that says the same as one YAML document.

    Parameters
    ----------
    content : bytes
        UTF-8 text.

    Raises
    ------
    InputError
        If the text is malformed, holds more than one document, a tag, an infinite number, a
        key twice, or expands or nests beyond the limits.
    """
    if len(content) > LARGEST_YAML:
        raise InputError(f"more than {LARGEST_YAML:,} bytes of YAML; write it as JSON, which is read faster")
    builder = _Builder()
    try:
        for event in yaml.parse(content.decode(), Loader=_Parser):
            builder.take(event)
    except yaml.YAMLError as error:
        raise InputError(f"not valid YAML: {_problem(error)}", builder.path) from None
    return msgspec.json.Encoder(decimal_format="number").encode(builder.document)


def _problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{error.problem or error.context} at line {mark.line + 1:,}, column {mark.column + 1:,}"
    return " ".join(str(error).split())


@dataclass
class _Open:
    """A list or mapping whose end has not been read yet."""

    value: list[Any] | dict[str, Any]
    anchor: str | None
    size: int = 1
    key: str | None = None
    merging: bool = False
    merged: list[Any] = field(default_factory=list)

    @property
    def step(self) -> str:
        """The step of the path that leads to the value being read."""
        if isinstance(self.value, list):
            return f"[{len(self.value)}]"
        return "" if self.key is None else f".{self.key}"

    @property
    def wants_key(self) -> bool:
        """Whether a mapping's next value is a key."""
        return self.key is None and isinstance(self.value, dict)


class _Builder:
    """Builds plain data from the parser's events, without recursion."""

    def __init__(self) -> None:
        self.document: Any = None
        self._documents = 0
        self._open: list[_Open] = []
        self._anchored: dict[str, tuple[Any, int]] = {}
        self._expanded = 0

    @property
    def path(self) -> str:
        """Where the value being read stands."""
        return "".join(level.step for level in self._open).lstrip(".")

    def take(self, event: yaml.Event) -> None:
        """Take the next event."""
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise InputError("expected one YAML document, got several")

    def _begin(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        self._check_tag(event.tag)
        if self._open and self._open[-1].wants_key:
            raise InputError("expected text as a key, got a list or a mapping", self.path)
        if len(self._open) >= DEEPEST:
            raise InputError(f"nested more than {DEEPEST} deep")
        if event.anchor is not None:
            self._anchored.pop(event.anchor, None)
        self._open.append(_Open([] if isinstance(event, yaml.SequenceStartEvent) else {}, event.anchor))

    def _end(self) -> None:
        done = self._open.pop()
        if isinstance(done.value, dict):
            for base in done.merged:
                done.value = {**base, **done.value}
        self._add(done.value, done.size, done.anchor)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._check_tag(event.tag)
        size = len(event.value) + 1
        if self._open and self._open[-1].wants_key:
            self._key(event.value, merging=event.implicit[0] and event.value == "<<")
            self._open[-1].size += size
            if event.anchor is not None:
                self._anchored[event.anchor] = event.value, size
            return
        value = self._resolved(event.value) if event.implicit[0] else event.value
        self._add(value, size, event.anchor)

    def _key(self, key: str, *, merging: bool) -> None:
        level = self._open[-1]
        level.key, level.merging = key, merging
        if not merging and isinstance(level.value, dict) and key in level.value:
            raise InputError("is given twice", self.path)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchored:
            missing = all(level.anchor != event.anchor for level in self._open)
            what = "stands for nothing" if missing else "contains itself"
            raise InputError(f"alias *{event.anchor} {what}", self.path)
        value, size = self._anchored[event.anchor]
        if self._open and self._open[-1].wants_key:
            if not isinstance(value, str):
                raise InputError("expected text as a key, got an alias of something else", self.path)
            self._key(value, merging=False)
            return
        self._expanded += size
        if self._expanded > LARGEST_YAML:
            raise InputError(f"aliases expand to more than {LARGEST_YAML:,} characters", self.path)
        self._add(value, size, None)

    def _add(self, value: Any, size: int, anchor: str | None) -> None:
        if anchor is not None:
            self._anchored[anchor] = value, size
        if not self._open:
            self.document = value
            return
        level = self._open[-1]
        level.size += size
        if isinstance(level.value, list):
            level.value.append(value)
        elif level.merging:
            level.merged.extend(self._bases(value))
            level.key = None
        else:
            level.value[level.key or ""] = value
            level.key = None

    def _bases(self, value: Any) -> Iterator[dict[str, Any]]:
        for base in value if isinstance(value, list) else [value]:
            if not isinstance(base, dict):
                raise InputError("expected a mapping to merge, or a list of them", self.path)
            yield base

    def _check_tag(self, tag: str | None) -> None:
        if tag not in (None, "!", _TEXT_TAG):
            raise InputError(f"tags are not read, got {tag}", self.path)

    def _resolved(self, text: str) -> Any:
        """Return what a plain scalar stands for in the core schema of YAML 1.2."""
        if NULL.fullmatch(text):
            return None
        if TRUTH.fullmatch(text):
            return text.lower() == "true"
        if WHOLE.fullmatch(text) and len(text) <= 18:
            return int(text, 0) if text[1:2] in ("x", "o") else int(text)
        if ENDLESS.fullmatch(text):
            raise InputError(f"expected a finite number, got {text}", self.path)
        if NUMBER.fullmatch(text):
            try:
                return Decimal(text)
            except InvalidOperation:  # an exponent beyond all bounds
                raise InputError(f"expected a number in range, got {text[:40]}", self.path) from None
        return text
