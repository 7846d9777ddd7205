"""JSON Schemas of the files, with every field described as in the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import msgspec

from formulations import bounds, isolation, machines, objective, resources, rules
from formulations import instance as instances
from formulations.bounds import MOST_PERIODS
from formulations.instance import MOST_RULES, Instance
from formulations.machines import MOST_CELLS, MOST_MEMBERS
from formulations.quantities import LARGEST_QUANTITY
from formulations.resources import LONGEST_NAME, MOST_RESOURCES
from solver.inventories import documents
from solver.inventories.documents import ResultDocument

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_MODULES = (instances, machines, resources, bounds, isolation, objective, rules, documents)
_DECIMAL = {"type": "string", "format": "decimal"}
_QUANTITY = {"$ref": "#/$defs/Quantity"}
_NAME = {"minLength": 1, "maxLength": LONGEST_NAME}
_SOME = {"minItems": 1}
# A limit binds values of its own kind only: minimum numbers, minItems lists, minLength texts.
_LIMITS: dict[str, dict[str, int]] = {
    "name": _NAME,
    "Instance.name": {"maxLength": LONGEST_NAME},
    "LevelDocument.name": {},
    "Instance.resources": {"minItems": 1, "maxItems": MOST_RESOURCES},
    "Instance.vms": {},
    "Instance.rules": {"maxItems": MOST_RULES},
    "vms": _SOME,
    "hosts": _SOME,
    "on": _SOME,
    "sets": _SOME,
    "terms": _SOME,
    "groups": {"minItems": 2},
    "domains": {"minItems": 2},
    "cells": {"maxItems": MOST_CELLS},
    "count": {"minimum": 1, "maximum": MOST_MEMBERS},
    "numa": {"minimum": 1, "maximum": MOST_CELLS},
    "demand": {"minItems": 1, "maxItems": MOST_PERIODS},
    "shares": {"exclusiveMinimum": 0},
    "weight": {"exclusiveMinimum": 0},
    "alpha": {"maximum": 1},
    "burst_probability": {"maximum": 1},
    "vcpus": {"minimum": 1},
    "cores": {"minimum": 1},
    "gamma": {"minimum": 0},
    "most": {"minimum": 0},
    "least": {"minimum": 1},
    "hosts_used": {"minimum": 0},
}
_FIELDS = re.compile(r"^(?P<names>\w+(?:, \w+)*) : .*\n(?P<text>(?:(?:    .*)?\n)*)", re.MULTILINE)


def instance_schema() -> dict[str, Any]:
    """Return the JSON Schema of instance files."""
    return _schema(Instance, "instance", {"minimum": 0, "maximum": LARGEST_QUANTITY})


def result_schema() -> dict[str, Any]:
    """Return the JSON Schema of result files, which is also what ``solve --json`` prints."""
    return _schema(ResultDocument, "result", {"minimum": 0})


def _schema(kind: type[msgspec.Struct], name: str, numbers: dict[str, int]) -> dict[str, Any]:
    plain = msgspec.json.schema(kind)
    definitions = plain["$defs"]
    for title, struct in _structs():
        if title in definitions:
            _describe(definitions[title], struct)
    definitions["Quantity"] = {
        "description": "A number, read exactly; also as text of decimal digits.",
        "anyOf": [
            {"type": "number", **numbers},
            {"type": "string", "pattern": r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$"},
        ],
    }
    return {
        "$schema": DIALECT,
        "$id": f"urn:placewright:{name}:1",
        "title": f"placewright {name}, version 1",
        **_with_quantities(plain),
    }


def _structs() -> Iterator[tuple[str, type[msgspec.Struct]]]:
    for module in _MODULES:
        for name, thing in vars(module).items():
            if isinstance(thing, type) and issubclass(thing, msgspec.Struct):
                yield name, thing


def _describe(definition: dict[str, Any], struct: type[msgspec.Struct]) -> None:
    """Give a definition its words, and each of its properties words and limits."""
    definition["description"] = _prose(_documentation(struct).partition("\n\nParameters\n")[0])
    words = _field_words(struct)
    for field, schema in definition["properties"].items():
        schema.update(_LIMITS.get(f"{struct.__name__}.{field}", _LIMITS.get(field, {})))
        if field in words:
            schema["description"] = words[field]


def _field_words(struct: type) -> dict[str, str]:
    """Return what the docstrings of a class and of its bases say of each field."""
    words: dict[str, str] = {}
    for base in struct.__mro__[::-1]:
        for entry in _FIELDS.finditer(_documentation(base) + "\n"):
            text = _prose(entry["text"])
            words.update({name: text for name in entry["names"].split(", ") if text})
    return words


def _documentation(struct: type) -> str:
    return cleandoc(struct.__dict__.get("__doc__") or "")


def _prose(text: str) -> str:
    return " ".join(text.split()).replace("``", "'").replace("`", "'")


def _with_quantities(part: Any) -> Any:
    """Return a schema in which whole and decimal numbers are one kind of thing, and null comes last."""
    if isinstance(part, list):
        return [_with_quantities(item) for item in part]
    if not isinstance(part, dict):
        return part
    result = {key: _with_quantities(value) for key, value in part.items()}
    options = result.pop("anyOf", None)
    if not isinstance(options, list):
        return result
    if _DECIMAL in options:
        rest = [option for option in options if option != _DECIMAL and option.get("type") != "integer"]
        options = [_QUANTITY, *rest]
    options.sort(key=lambda option: option.get("type") == "null")
    return result | ({"anyOf": options} if len(options) > 1 else options[0])
