"""Start-up orders in files: what is written is read again, and what is malformed is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from formulations import InputError
from solver.inventories.startup_orders import order_of, read_startup
from solver.reporting.documents import encoded
from solver.reporting.schedule_documents import startup_document
from solver.scheduling.startup import StartupResult, startup_order
from solver.verifying.schedules.startup import check_startup
from tests.solver.scheduling.startup_cases import random_question


def result(seed: int) -> StartupResult:
    """Return a random order."""
    asked = random_question(seed)
    return startup_order(asked.instance, asked.placement, limits=asked.limits, running=asked.running)


def test_orders_come_back_as_they_were(tmp_path: Path) -> None:
    """An order that is kept in a file must hold when it is read, alone or as a part of a schedule."""
    path = tmp_path / "order.json"
    read = 0
    for seed in range(30):
        made = result(seed)
        if made.order is None:
            continue
        document = startup_document(made)
        path.write_bytes(encoded({"startup": document, "dispatch": None} if seed % 2 else document))
        found = read_startup(path)
        order = order_of(found, made.question.instance, made.question.placement)
        assert (order.start == made.order.start).all()
        assert (order.end == made.order.end).all()
        assert found.limits == made.question.limits
        assert not check_startup(made.question, order, found.bound_ms)
        read += 1
    assert read >= 20


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"vms": {"e0": {"start_ms": -1, "end_ms": 5}}}, "vms.e0.start_ms"),
        ({"vms": {"e0": {"start_ms": 0, "end_ms": 2**70}}}, "vms.e0.end_ms"),
        ({"vms": {"e0": {"start_ms": 0.5, "end_ms": 5}}}, "vms.e0.start_ms"),
        ({"vms": {"e0": {"start_ms": 0}}}, "vms.e0"),
        ({"vms": []}, "vms"),
        ({"startup": None}, "startup"),
        ({"order": {}}, "order"),
    ],
)
def test_malformed_orders_are_refused_with_their_place(tmp_path: Path, content: dict[str, Any], place: str) -> None:
    """Whoever edits an order by hand is told where it went wrong."""
    path = tmp_path / "order.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_startup(path)
    assert caught.value.file == str(path)
    assert place in str(caught.value)


def test_names_and_hosts_must_be_those_of_the_placement(tmp_path: Path) -> None:
    """An order made for another placement is not judged as if it were for this one."""
    made = result(1)
    document = startup_document(made)
    path = tmp_path / "order.json"
    for change in ("nobody", "elsewhere"):
        vms = {**document["vms"]}
        first = next(iter(vms))
        if change == "nobody":
            vms["nobody"] = vms[first]
        else:
            vms[first] = {**vms[first], "host": "h-9"}
        path.write_bytes(encoded({**document, "vms": vms}))
        with pytest.raises(InputError, match=r"vms\.nobody|starts on h-9, but"):
            order_of(read_startup(path), made.question.instance, made.question.placement)
