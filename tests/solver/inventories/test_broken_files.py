"""Broken inputs: each one clear error that names the file and the field, and nothing else."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from formulations.errors import InputError
from solver.inventories import instance_schema, read_instance
from solver.inventories.files import LARGEST_FILE
from solver.inventories.yaml_text import LARGEST_YAML, json_from_yaml
from tests.solver.inventories.broken_cases import BROKEN_CASES, BROKEN_FOLDER

MILLIONS = 10_000_000

NESTED: dict[str, Callable[[], bytes]] = {
    "lists.json": lambda: b"[" * MILLIONS,
    "lists-in-a-field.json": lambda: b'{"vms": ' + b"[" * MILLIONS,
    "lists-before-the-kind-of-rule.json": lambda: (
        b'{"rules": [{"x": ' + b"[" * MILLIONS + b"]" * MILLIONS + b', "rule": "spread"}]}'
    ),
    "mappings.json": lambda: b'{"vms": [{"name": "a", "resources": {"cpu": ' + b'{"limit":' * (MILLIONS // 9),
    "cloud.json": lambda: b'{"computerList": ' + b"[" * MILLIONS,
    "quotes-without-end.json": lambda: b'"' + b'\\"' * (MILLIONS // 20),
    "digits.json": lambda: b'{"vms": ' + b"9" * MILLIONS + b"}",
    "lists.yaml": lambda: b"[" * MILLIONS,
    "dashes.yaml": lambda: b"- " * (MILLIONS // 2),
    "mappings.yaml": lambda: b"{a: " * (MILLIONS // 4),
    "digits.yaml": lambda: b"vms: " + b"1" * MILLIONS,
    "digits.vbp": lambda: b"1" * MILLIONS,
}


def failure(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        read_instance(path)
    assert caught.value.__cause__ is None
    assert caught.value.file == str(path)
    assert "\n" not in str(caught.value)
    assert len(caught.value.message) < 300
    return caught.value


@pytest.mark.parametrize("name", sorted(BROKEN_CASES))
def test_broken_file_names_field_and_fault(name: str) -> None:
    """Whoever has a broken file must be told where and what, in one line."""
    path, phrase = BROKEN_CASES[name]
    error = failure(BROKEN_FOLDER / name)
    assert error.path == path
    assert phrase in error.message


def test_every_broken_file_is_in_the_table() -> None:
    """A file without an expectation would be tested by nobody."""
    assert {path.name for path in BROKEN_FOLDER.iterdir()} == set(BROKEN_CASES)
    assert len(BROKEN_CASES) >= 100


@pytest.mark.parametrize("name", sorted(NESTED))
def test_ten_megabytes_of_nesting_are_refused_quickly(tmp_path: Path, name: str) -> None:
    """Hostile nesting and endless tokens must neither crash nor keep the reader busy."""
    path = tmp_path / name
    path.write_bytes(NESTED[name]())
    start = time.monotonic()
    failure(path)
    assert time.monotonic() - start < 30


def test_truncation_anywhere_is_one_error(tmp_path: Path) -> None:
    """A download may stop at any byte."""
    whole = (BROKEN_FOLDER / "unknown-resource.json").read_bytes().replace(b'"gpu"', b'"disk"')
    path = tmp_path / "cut.json"
    for length in range(0, len(whole.rstrip()), 7):
        path.write_bytes(whole[:length])
        assert failure(path).message.startswith(("not valid JSON: the text ends too early", "is empty"))


def test_any_damaged_byte_is_an_error_or_an_instance(tmp_path: Path) -> None:
    """No damage may show up as anything but an InputError."""
    whole = (BROKEN_FOLDER / "truncated.vbp").read_bytes() + b"10 10 1\n"
    path = tmp_path / "damaged.vbp"
    outcomes = set()
    for position in range(len(whole)):
        for byte in (0, 0x2D, 0x39, 0xFF):
            path.write_bytes(whole[:position] + bytes([byte]) + whole[position + 1 :])
            try:
                read_instance(path)
                outcomes.add("read")
            except InputError:
                outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_alias_bombs_are_counted_not_expanded(tmp_path: Path) -> None:
    """Three lines of YAML must not become gigabytes, whichever way they multiply."""
    path = tmp_path / "bomb.yaml"
    long = "x" * 1_000_000
    path.write_text(f"a: &a {long}\nb: [{', '.join(['*a'] * (LARGEST_YAML // len(long) + 1))}]\n")
    assert failure(path).message.startswith("aliases expand to more than")
    mappings = "a0: &a0 {k: v}\n" + "".join(
        f"a{n}: &a{n} {{{', '.join(f'k{m}: *a{n - 1}' for m in range(9))}}}\n" for n in range(1, 20)
    )
    path.write_text(mappings)
    assert failure(path).message.startswith("aliases expand to more than")


def test_places_without_a_readable_file(tmp_path: Path) -> None:
    """What the operating system refuses is the caller's mistake too, not a traceback."""
    assert failure(tmp_path / "nowhere.json").message == "no such file"
    assert failure(tmp_path).message == "is a directory; expected a file"
    assert failure(tmp_path / "nowhere" / "deep.json").message == "no such file"
    (tmp_path / "file").write_text("{}")
    assert "cannot be read" in failure(tmp_path / "file" / "below.json").message
    assert "cannot be read" in failure(Path("null\0byte.json")).message
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    assert "cannot be read" in failure(tmp_path / "loop.json").message


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_file_without_permission(tmp_path: Path) -> None:
    """A file that may not be read must be told from one that is not there."""
    path = tmp_path / "secret.json"
    path.write_text("{}")
    path.chmod(0)
    assert failure(path).message == "may not be read: permission denied"


def test_permission_denied_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, also where the tests run as root."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", refuse)
    assert failure(tmp_path / "secret.json").message == "may not be read: permission denied"


def test_too_large_a_file_is_not_even_read(tmp_path: Path) -> None:
    """A limit that is stated must hold, before memory is spent."""
    path = tmp_path / "huge.json"
    with path.open("wb") as stream:
        stream.truncate(LARGEST_FILE + 1)  # sparse: takes no space
    assert failure(path).message.startswith(f"larger than {LARGEST_FILE:,} bytes")
    path = tmp_path / "huge.yaml"
    with path.open("wb") as stream:
        stream.write(b"# " + b"x" * 4096)
        stream.truncate(4098)
        stream.write(b"x" * (LARGEST_YAML - 4000))
    assert "bytes of YAML" in failure(path).message


def test_schema_refuses_faults_of_form() -> None:
    """Editors that use the schema should see most of what the reader would refuse."""
    validator = jsonschema.Draft202012Validator(instance_schema())
    refused = set()
    for name in BROKEN_CASES:
        content = (BROKEN_FOLDER / name).read_bytes()
        try:
            data = json.loads(json_from_yaml(content) if name.endswith(".yaml") else content)
        except ValueError:  # InputError and UnicodeDecodeError are ones too: not even well-formed
            continue
        if not validator.is_valid(data):
            refused.add(name)
    assert len(refused) >= 45
    assert {"negative.json", "unknown-field.json", "wrong-version.json", "unknown-rule.json"} <= refused
