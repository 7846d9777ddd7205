"""Reading instances: one door for every file format."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from formulations.errors import InputError
from formulations.instance import Instance
from formulations.restating import instance_of
from solver.inventories.btrplace import is_btrplace, read_btrplace
from solver.inventories.cloud_balancing import is_cloud_balancing, read_cloud_balancing
from solver.inventories.files import named, read_bytes
from solver.inventories.huawei_topology import is_huawei_topology, read_huawei_topology
from solver.inventories.json_text import decode_json
from solver.inventories.machine_reassignment import is_assignment, is_model, read_machine_reassignment, read_model
from solver.inventories.vector_packing import read_vector_packing
from solver.inventories.yaml_text import json_from_yaml

Form = Literal["json", "yaml", "vbp", "cloud", "btrplace", "machines", "huawei"]
"""Our own format in JSON or YAML, vector packing, cloud balancing, BtrPlace, models of machine reassignment,
Huawei's topology data."""

FORMS: tuple[Form, ...] = ("json", "yaml", "vbp", "cloud", "btrplace", "machines", "huawei")

_ENDINGS: dict[str, Form] = {".json": "json", ".yaml": "yaml", ".yml": "yaml", ".vbp": "vbp"}


def read_instance(path: str | Path, *, form: Form | None = None) -> Instance:
    """Return the instance in a file.

    Parameters
    ----------
    path : str or Path
        The file; of Huawei's topology data a sequence, or the folder for all sequences together.
    form : {"json", "yaml", "vbp", "cloud", "btrplace", "machines", "huawei"}, optional
        Its format; by default told by the name's ending, then by the content.

    Raises
    ------
    InputError
        With the file and the field, whatever is wrong.
    """
    path = Path(path)
    if form == "huawei" or (form is None and is_huawei_topology(path)):
        return read_huawei_topology(path)
    content = read_bytes(path)
    with named(path):
        return _instance(content, form or form_of(path, content), path.stem.removeprefix("model_"))


def read_running_machines(model: str | Path, assignment: str | Path) -> Instance | None:
    """Return the instance in a model and an assignment of machine reassignment, or None for other files.

    The same as placing what `read_instance` reads, in half the time.

    Raises
    ------
    InputError
        With the file, the line and the number's position, whatever is wrong.
    """
    model = Path(model)
    if not is_assignment(read_bytes(Path(assignment))) or is_huawei_topology(model):
        return None
    if form_of(model, read_bytes(model)) != "machines":
        return None
    return instance_of(read_machine_reassignment(model, assignment))


def _instance(content: bytes, form: Form, name: str) -> Instance:
    if form == "vbp":
        return read_vector_packing(content)
    if form == "machines":
        return instance_of(read_model(content, name))
    if form not in FORMS:
        raise InputError(f"unknown format {form!r}; expected one of {', '.join(FORMS)}")
    if form == "yaml":
        return decode_json(json_from_yaml(content), Instance)
    if form == "cloud" or is_cloud_balancing(content):
        return read_cloud_balancing(content)
    if form == "btrplace" or is_btrplace(content):
        return read_btrplace(content)
    return decode_json(content, Instance)


def form_of(path: Path, content: bytes) -> Form:
    """Tell the format by the name's ending; where that says nothing, by the content."""
    if (known := _ENDINGS.get(path.suffix.lower())) is not None:
        return known
    if content.lstrip().startswith((b"{", b"[")):
        return "json"
    if not re.match(rb"\s*[0-9]+\s+[-+0-9.eE]+\s", content):
        return "yaml"
    return "machines" if is_model(content) else "vbp"


def json_of(path: Path) -> bytes:
    """Return what a JSON or YAML file holds, as JSON text.

    Raises
    ------
    InputError
        With the file, if it cannot be read or is no YAML.
    """
    content = read_bytes(path)
    with named(path):
        return json_from_yaml(content) if form_of(path, content) == "yaml" else content
