"""Dispatch tables in files: what is written is read again, and what is malformed is refused."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from formulations import VM, InputError
from formulations.scheduling.dispatch import DispatchQuestion
from solver.inventories.dispatch_tables import read_tables
from solver.reporting.schedule_documents import dispatch_document
from solver.scheduling.dispatch import DispatchAnswer, dispatch_tables
from solver.verifying.schedules.dispatch import check_dispatch
from tests.solver.scheduling.dispatch.cases import one_host, random_host


def answer(seed: int) -> DispatchAnswer:
    return dispatch_tables(DispatchQuestion(*random_host(np.random.default_rng(seed)), frame=20_000))


def thirds() -> DispatchAnswer:
    """Return the tables of a host on which a VM cannot use a third of a core."""
    vms = [VM(name="a", resources={"cpu": 4}, vcpus=1), VM(name="b", resources={"cpu": 3}, vcpus=2)]
    return dispatch_tables(DispatchQuestion(*one_host(vms, cores=7, capacity=21)))


def written(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("whole", [True, False])
def test_tables_come_back_as_they_were(seed: int, whole: bool, tmp_path: Path) -> None:
    """A table that is kept in a file must hold when it is read, alone or as a part of a schedule."""
    made = answer(seed)
    document = dispatch_document(made)
    path = written(tmp_path / "tables.json", {"startup": None, "dispatch": document} if whole else document)
    read = read_tables(path, made.question.instance)
    assert check_dispatch(made.question, read) == ()
    assert [vars(table) for table in read] == [vars(table) for table in made.tables]


def test_thirds_of_cores_come_back(tmp_path: Path) -> None:
    """Unused cores are exact fractions, and a file holds their nearest floats."""
    made = thirds()
    assert [left.cores for left in made.tables[0].excess] == [Fraction(1, 3)]
    (read,) = read_tables(written(tmp_path / "thirds.json", dispatch_document(made)), made.question.instance)
    assert read.excess == made.tables[0].excess


def test_malformed_tables_are_refused_with_their_place(tmp_path: Path) -> None:
    """Whoever edits a table by hand is told where it went wrong."""
    made = thirds()
    instance = made.question.instance
    document = json.loads(json.dumps(dispatch_document(made)))

    def refused(change: Any, says: str) -> None:
        broken = json.loads(json.dumps(document))
        change(broken["hosts"]["host"])
        with pytest.raises(InputError, match=says):
            read_tables(written(tmp_path / "broken.json", broken), instance)

    refused(lambda host: host["cores"][0]["slices"][0].update(vm="nobody"), r"cores\[0\]\.slices\[0\]\.vm: no VM")
    refused(lambda host: host.update(frame_us=0), "frame_us: must be from 1")
    refused(lambda host: host["cores"][0].update(core=7), r"cores\[0\]: expected core 0")
    refused(lambda host: host["vcpus"][0].update(share_us=0.5), "share_us")
    refused(lambda host: host.update(excess_cores={"a": -1}), "excess_cores")
    with pytest.raises(InputError, match="holds no dispatch tables"):
        read_tables(written(tmp_path / "none.json", {"startup": {}, "dispatch": None}), instance)
    with pytest.raises(InputError, match="no host is called"):
        read_tables(written(tmp_path / "other.json", {"hosts": {"other": document["hosts"]["host"]}}), instance)


def test_a_changed_file_is_read_and_judged(tmp_path: Path) -> None:
    """Reading checks names and limits; whether a table holds is the checker's word."""
    made = thirds()
    document = json.loads(json.dumps(dispatch_document(made)))
    document["hosts"]["host"]["cores"][0]["slices"].pop()
    read = read_tables(written(tmp_path / "changed.json", document), made.question.instance)
    assert check_dispatch(made.question, read)
