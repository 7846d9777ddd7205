"""Machine reassignment files: read to the last number, refused with the place of what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from formulations.errors import InputError
from solver.inventories import read_instance, read_placement, read_running_machines
from solver.inventories.machine_reassignment import read_machine_reassignment, write_assignment
from solver.rebalancing.questions import placed_now

MODEL = """2
1 100
0 10
4
0 0 30 400 16 80 0 1 4 5
0 0 10 240 8 160 1 0 3 4
1 1 15 100 12 80 4 3 0 2
1 2 10 100 8 80 5 4 2 0
2
2 0
1 1 0
3
0 12 10 1000
0 10 20 100
1 6 200 1
1
0 1 20
10
1 10 100
"""
ASSIGNMENT = "0 3 0\n"


def read(folder: Path, model: str = MODEL, assignment: str = ASSIGNMENT) -> object:
    """Write and read the two files."""
    (folder / "model_x.txt").write_text(model)
    (folder / "assignment_x.txt").write_text(assignment)
    return read_machine_reassignment(folder / "model_x.txt", folder / "assignment_x.txt")


def test_every_number_lands_where_it_belongs(tmp_path: Path) -> None:
    """The format has no names: one number read in the wrong place shifts all others."""
    (tmp_path / "model_x.txt").write_text(MODEL)
    (tmp_path / "assignment_x.txt").write_text(ASSIGNMENT)
    question = read_machine_reassignment(tmp_path / "model_x.txt", tmp_path / "assignment_x.txt")
    assert question.name == "x"
    assert question.transient.tolist() == [True, False]
    assert question.load_weight.tolist() == [100, 10]
    assert question.capacity.tolist() == [[30, 400], [10, 240], [15, 100], [10, 100]]
    assert question.safety.tolist() == [[16, 80], [8, 160], [12, 80], [8, 80]]
    assert question.neighbourhood.tolist() == [0, 0, 1, 1]
    assert question.location.tolist() == [0, 0, 1, 2]
    assert question.pair_cost[question.host_class[0], question.host_class[3]] == 5
    assert question.spread.tolist() == [2, 1]
    assert question.dependencies.tolist() == [[1, 0]]
    assert question.service.tolist() == [0, 0, 1]
    assert question.sizes.tolist() == [[12, 10], [10, 20], [6, 200]]
    assert question.move_cost.tolist() == [1000, 100, 1]
    assert question.balances.tolist() == [[0, 1, 20, 10]]
    assert (question.move_weight, question.service_weight, question.pair_weight) == (1, 10, 100)
    assert question.current.tolist() == [0, 3, 0]
    assert question.most_moves is None


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """A placement goes back in the form in which the current one came."""
    hosts = np.array([3, 1, 2], dtype=np.int64)
    (tmp_path / "model_x.txt").write_text(MODEL)
    (tmp_path / "assignment_x.txt").write_bytes(write_assignment(hosts))
    question = read_machine_reassignment(tmp_path / "model_x.txt", tmp_path / "assignment_x.txt")
    assert question.current.tolist() == hosts.tolist()


WRONG: dict[str, tuple[Callable[[str], str], str]] = {
    "word": (lambda text: text.replace("400", "many"), "model_x.txt: line 5: expected a whole number .*'many'"),
    "negative": (lambda text: text.replace("240", "-240"), "model_x.txt: line 6: expected a whole number .*'-240'"),
    "decimal": (lambda text: text.replace("1000", "1.5"), "model_x.txt: line 13: expected a whole number .*'1.5'"),
    "long": (lambda text: text.replace("1000", "9" * 18), "line 13: expected a whole number of at most 17 digits"),
    "large": (lambda text: text.replace("1000", "9" * 17), "line 13, number 57: expected a process's service"),
    "short": (lambda text: text[:-4], "model_x.txt: the file ends too early: expected the weight of machine move"),
    "more": (lambda text: text + "7\n", "line 20, number 74: expected the end of the file after the three weights"),
    "transient": (lambda text: text.replace("1 100\n0 10\n", "2 100\n0 10\n", 1), "line 2, number 2: expected whether"),
    "staying": (lambda text: text.replace("80 0 1 4 5", "80 9 1 4 5"), "line 5, number 13: staying on machine 0"),
    "service": (lambda text: text.replace("0 12 10 1000", "2 12 10 1000"), "line 13, number 54: expected a service"),
    "dependency": (lambda text: text.replace("1 1 0\n3", "1 1 2\n3"), "line 11, number 52: expected a service that"),
    "hosts": (lambda text: text.replace("0 10\n4\n", "0 10\n999999\n"), "the number of machines from 1 to 10,000"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_broken_model_is_refused_with_its_place(kind: str, tmp_path: Path) -> None:
    """A file of half a million numbers is not searched by eye."""
    change, message = WRONG[kind]
    assert change(MODEL) != MODEL
    with pytest.raises(InputError, match=message):
        read(tmp_path, change(MODEL))


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("0 3", "assignment_x.txt: the file ends too early: expected a machine as number 3"),
        ("0\n3 4", "assignment_x.txt: line 2, number 3: expected a machine from 0 to 3, got 4"),
        ("0 3 0 0", "assignment_x.txt: line 1, number 4: expected the end of the file after 3 machines"),
        ("0 3 x", "assignment_x.txt: line 1: expected a whole number"),
    ],
)
def test_a_broken_assignment_is_refused_with_its_place(assignment: str, message: str, tmp_path: Path) -> None:
    """The wrong assignment for a model is the commonest mistake."""
    with pytest.raises(InputError, match=message):
        read(tmp_path, assignment=assignment)


def test_both_files_at_once_are_the_same_instance_as_one_after_the_other(tmp_path: Path) -> None:
    """The quick way for large models must not change what is asked; other files are not taken for models."""
    read(tmp_path)
    model, assignment = tmp_path / "model_x.txt", tmp_path / "assignment_x.txt"
    instance = read_instance(model)
    placed = placed_now(instance, read_placement(assignment, instance))
    assert read_running_machines(model, assignment) == placed
    other = tmp_path / "placement.json"
    other.write_text('{"placement": {"vm-0": "host-0"}}')
    assert read_running_machines(model, other) is None
    packing = tmp_path / "packing.vbp"
    packing.write_text("1\n10\n1\n3 2\n")
    assert read_running_machines(packing, assignment) is None
