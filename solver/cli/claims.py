"""What a result file claims its placement is worth, held against what the judge computes."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import msgspec

from formulations.instance import Instance
from solver.inventories.documents import LevelDocument
from solver.inventories.files import read_bytes
from solver.inventories.json_text import decode_json
from solver.inventories.machine_reassignment import is_assignment
from solver.inventories.reading import json_of
from solver.reporting.figures import figure
from solver.verifying import Verdict


class _Claims(msgspec.Struct):
    levels: list[LevelDocument] = []


def false_claims(path: Path, instance: Instance, verdict: Verdict) -> tuple[str, ...]:
    """Return a sentence for every objective level whose stated value is not what the placement is worth.

    Levels are compared by name, so that a result of another objective is not held to this one.

    Parameters
    ----------
    path : Path
        A result; a bare placement or an assignment claims nothing.
    instance : Instance
    verdict : Verdict
        Of the same placement.
    """
    if is_assignment(read_bytes(path)):
        return ()
    stated = {level.name: level.value for level in decode_json(json_of(path), _Claims).levels}
    values = zip(instance.levels, verdict.values or (), strict=False)
    return tuple(
        f"the file states {level.name} {figure(Fraction(stated[level.name]))}, the placement has {figure(value)}"
        for level, value in values
        if level.name in stated and not math.isclose(stated[level.name], value, rel_tol=1e-9, abs_tol=1e-12)
    )
