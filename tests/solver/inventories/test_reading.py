"""Reading instances: every format through one door, and YAML as people write it."""

from __future__ import annotations

import codecs
import json
import os
import threading
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formulations import Bounds
from formulations.errors import InputError
from solver.inventories import read_instance
from solver.inventories.json_text import path_at, refuse_duplicates
from solver.inventories.yaml_text import json_from_yaml

CLUSTER = """\
version: 1
resources: [{name: cpu, unit: cores}]
hosts: [{name: esx, capacity: {cpu: 16}}]
vms: [{name: web, resources: {cpu: 2.5}, power: on}]
"""

PACKING = "2\n10 7.5\n4\n5 2.5 3\n4 4 1\n5 2.5 2\n1 1 0\n"

CLOUD = """{"id": 3, "computerList": [{"id": 0, "cpuPower": 24, "memory": 96, "networkBandwidth": 16, "cost": 4800},
{"id": 1, "cpuPower": 6, "memory": 4, "networkBandwidth": 6, "cost": 660}],
"processList": [{"id": 0, "requiredCpuPower": 1, "requiredMemory": 2, "requiredNetworkBandwidth": 3, "computer": null},
{"id": 7, "requiredCpuPower": 4, "requiredMemory": 5, "requiredNetworkBandwidth": 6, "computer": 1}], "score": null}"""


def test_format_is_told_by_ending_and_by_content(tmp_path: Path) -> None:
    """Files come with and without telling names."""
    texts = {"yaml": CLUSTER, "json": json_from_yaml(CLUSTER.encode()).decode(), "vbp": PACKING, "cloud": CLOUD}
    for form, text in texts.items():
        for name in ("unnamed", "named.txt", f"named.{'json' if form == 'cloud' else form}"):
            path = tmp_path / name
            path.write_text(text)
            assert read_instance(path) == read_instance(path, form=form)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown format 'toml'"):
        read_instance(tmp_path / "unnamed", form="toml")  # type: ignore[arg-type]


def test_byte_order_mark_and_line_ends_do_not_matter(tmp_path: Path) -> None:
    """Editors of some systems add a mark to UTF-8 and end lines otherwise."""
    plain, marked = tmp_path / "plain.yaml", tmp_path / "marked.yaml"
    plain.write_text(CLUSTER)
    marked.write_bytes(codecs.BOM_UTF8 + CLUSTER.replace("\n", "\r\n").encode())
    assert read_instance(plain) == read_instance(marked)
    marked.write_bytes(codecs.BOM_UTF8 + json_from_yaml(CLUSTER.encode()))
    assert read_instance(marked, form="json") == read_instance(plain)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_are_read(tmp_path: Path) -> None:
    """Shells hand over pipes: `placewright solve <(make-instance)`."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(CLUSTER,))
    writer.start()
    instance = read_instance(pipe)
    writer.join()
    assert instance.vm_count == 1


def test_vector_packing_counts_equal_items(tmp_path: Path) -> None:
    """Equal items must stay counted, or large instances cannot be solved."""
    path = tmp_path / "items.vbp"
    path.write_text(PACKING)
    instance = read_instance(path)
    assert [(vm.name, vm.count, vm.resources) for vm in instance.vms] == [
        ("item-1", 5, {"size-1": 5, "size-2": Decimal("2.5")}),
        ("item-2", 1, {"size-1": 4, "size-2": 4}),
    ]
    assert [(host.name, host.count, host.capacity) for host in instance.hosts] == [
        ("bin", "unlimited", {"size-1": 10, "size-2": Decimal("7.5")})
    ]
    assert [level.name for level in instance.levels] == ["hosts"]


def test_cloud_balancing_keeps_the_files_own_unit(tmp_path: Path) -> None:
    """Published costs can only be compared in the file's own figures."""
    path = tmp_path / "cloud.json"
    path.write_text(CLOUD)
    instance = read_instance(path)
    assert [vm.name for vm in instance.vms] == ["process-0", "process-7"]
    assert instance.vms[0].resources == {"cpu": 1, "memory": 2, "network": 3}
    assert [host.cost for host in instance.hosts] == [4800, 660]
    assert instance.current.tolist() == [-1, 1]
    assert [level.name for level in instance.levels] == ["cost"]


PUBLISHED = os.environ.get("PLACEWRIGHT_DATA")


@pytest.mark.skipif(PUBLISHED is None, reason="PLACEWRIGHT_DATA names no folder with published instances")
def test_published_files_are_read() -> None:
    """The field's own files must be taken as they are."""
    folder = Path(PUBLISHED or "")
    clouds = {path.name: read_instance(path) for path in (folder / "cloud_balancing").glob("*.json")}
    assert {(one.host_count, one.vm_count) for one in clouds.values()} >= {(2, 6), (100, 300), (800, 2400)}
    packings = sorted((folder / "vector_packing").rglob("*.vbp"))[::25]
    assert packings
    for path in packings:
        words = path.read_text().split()
        dimensions, types = int(words[0]), int(words[int(words[0]) + 1])
        demands = words[dimensions + 2 + dimensions :: dimensions + 1]
        assert len(demands) == types
        assert read_instance(path).vm_count == sum(map(int, demands))


# -- YAML ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("on", b'"on"'),
        ("off", b'"off"'),
        ("yes", b'"yes"'),
        ("true", b"true"),
        ("~", b"null"),
        ("", b"null"),
        ("12:30", b'"12:30"'),
        ("2024-01-01", b'"2024-01-01"'),
        ("010", b"10"),
        ("0x1f", b"31"),
        ("0o17", b"15"),
        ("1_000", b'"1_000"'),
        ("0.1", b"0.1"),
        ("1e3", b"1E+3"),
        ("+.5", b"0.5"),
        ("'1'", b'"1"'),
        ("!!str 1", b'"1"'),
        ("123456789012345678901234567890", b"123456789012345678901234567890"),
        ("0.10000000000000000000000000000000000001", b"0.10000000000000000000000000000000000001"),
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(text: str, meaning: bytes) -> None:
    """`power: on` is text, and numbers keep every digit."""
    assert json_from_yaml(f"key: {text}".encode()) == b'{"key":' + meaning + b"}"


def test_anchors_and_merge_keys() -> None:
    """People share flavours by anchors; explicit keys win over merged ones, earlier bases over later."""
    text = b"a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {<<: *a, y: 3}\nd: {<<: [*a, *b]}\ne: &k f\n*k : {'<<': 1}\n"
    assert json_from_yaml(text) == (
        b'{"a":{"x":1,"y":1},"b":{"x":2,"z":2},"c":{"x":1,"y":3},"d":{"x":1,"z":2,"y":1},"e":"f","f":{"<<":1}}'
    )


def test_yaml_numbers_reach_the_instance_exactly(tmp_path: Path) -> None:
    """0.3 in a file is three tenths, not the float next to it."""
    path = tmp_path / "exact.yaml"
    path.write_text(CLUSTER.replace("{cpu: 2.5}", "{cpu: {reservation: 0.1, limit: 0.3}}"))
    assert read_instance(path).vms[0].resources["cpu"] == Bounds(reservation=Decimal("0.1"), limit=Decimal("0.3"))


# -- JSON ------------------------------------------------------------------------------------

documents = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=2), below, max_size=3),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(document=documents, data=st.data())
def test_path_at_agrees_with_the_document(document: object, data: st.DataObject) -> None:
    """The place of a syntax error is found by scanning; scanning must not lose its way."""
    marker = "\x00\x00marker"
    plain = {"a": [document, {"b": [1, document, marker, document]}], "c": document}
    text = json.dumps(plain, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from([None, 1])))
    content = text.encode()
    offset = content.index(json.dumps(marker).encode())
    assert path_at(content, offset) == "a[1].b[2]"
    refuse_duplicates(content)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"a": 1, "a": 2}', "a"),
        ('{"a": [{}, {"b": {"c": 1, "d": [], "c": 1}}]}', "a[1].b.c"),
        ('[{"x": 1}, {"x": 1, "\\u0078": 2}]', "[1].x"),
    ],
)
def test_keys_given_twice_are_found(text: str, path: str) -> None:
    """Decoders keep the last of two equal keys in silence; half an instance would be lost."""
    with pytest.raises(InputError, match="is given twice") as caught:
        refuse_duplicates(text.encode())
    assert caught.value.path == path
