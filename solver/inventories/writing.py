"""Writing instances, as JSON or YAML, whole or not at all."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import yaml

from formulations.errors import InputError
from formulations.instance import Instance
from solver.inventories.files import write_bytes
from solver.inventories.yaml_text import NULL, NUMBER, TRUTH, WHOLE

_JSON = msgspec.json.Encoder(decimal_format="number")
_CORE = "tag:yaml.org,2002:"
_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def write_instance(instance: Instance, path: str | Path) -> None:
    """Write an instance so that reading it gives the same one.

    Parameters
    ----------
    instance : Instance
    path : str or Path
        Ends in ``.json``, ``.yaml`` or ``.yml``.

    Raises
    ------
    InputError
        If the name ends in something else.
    OSError
        If the file cannot be written; an old one is then unchanged.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in (".json", ".yaml", ".yml"):
        raise InputError(f"expected a name that ends in .json, .yaml or .yml, got {path.name!r}")
    write_bytes(path, instance_json(instance) if ending == ".json" else instance_yaml(instance))


def instance_json(instance: Instance) -> bytes:
    """Return an instance as JSON text, one entry per line."""
    parts = [b'{"version": %d' % instance.version]
    for field, value in _stated(instance).items():
        if isinstance(value, list) and value:
            rows = b",\n  ".join(map(_JSON.encode, value))
            parts.append(b'"%s": [\n  %s\n]' % (field.encode(), rows))
        else:
            parts.append(b'"%s": %s' % (field.encode(), _JSON.encode(value)))
    return b",\n".join(parts) + b"}\n"


def instance_yaml(instance: Instance) -> bytes:
    """Return an instance as YAML text."""
    plain = msgspec.to_builtins(_stated(instance), builtin_types=(Decimal,))
    text: str = yaml.dump(
        {"version": instance.version, **plain}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
    )
    return text.encode()


def _stated(instance: Instance) -> dict[str, Any]:
    """Return the fields that say something, in the order that people read."""
    fields = ("name", "resources", "isolation", "objective", "allow_unplaced", "hosts", "vms", "pools", "rules")
    given = {field: getattr(instance, field) for field in fields}
    needed = ("vms", "objective")
    return {field: value for field, value in given.items() if value or (field in needed and value is not None)}


class _Dumper(_BaseDumper):  # type: ignore[misc]
    """Writes numbers exactly, and quotes text that a reader could take for something else."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Write everything out."""
        return True


def _represent_decimal(_dumper: Any, value: Decimal) -> yaml.ScalarNode:
    text = str(value)
    return yaml.ScalarNode(f"{_CORE}{'int' if WHOLE.fullmatch(text) else 'float'}", text)


_Dumper.add_representer(Decimal, _represent_decimal)
for _tag, _pattern in {"null": NULL, "bool": TRUTH, "int": WHOLE, "float": NUMBER}.items():
    _Dumper.add_implicit_resolver(f"{_CORE}{_tag}", re.compile(rf"(?:{_pattern.pattern})\Z"), None)
