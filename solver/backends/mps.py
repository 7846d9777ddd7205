"""Model and start files for CBC, written from sparse arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from solver.backends.matrix import Matrix
from solver.deadline import Deadline

CONSTANT = "ONE"
"""The column, fixed at 1, whose cost is the objective's constant, so that gaps are relative to all of it."""


def write_model(matrix: Matrix, path: Path, deadline: Deadline) -> None:
    """Write a model as an MPS file, always a minimisation, with figures to the last bit.

    PuLP's own writer keeps 13 digits, takes about four times as long and cannot be stopped.

    Raises
    ------
    TimeoutError
        If the deadline passes on the way.
    OSError
        If the file cannot be written.
    """
    with path.open("w", encoding="ascii") as file:
        for block in _blocks(matrix):
            if deadline.over:
                raise TimeoutError
            file.write(block)


def write_start(matrix: Matrix, start: Mapping[str, float], path: Path) -> None:
    """Write the start values of the variables that the model has, for ``-mipStart``."""
    lines = ["Stopped on time - objective value 0\n"]
    for column, name in enumerate(matrix.names):
        if name in start:
            lines.append(f"{column} X{column:07d} {start[name]!r} 0\n")
    path.write_text("".join(lines), encoding="ascii")


def _blocks(matrix: Matrix) -> Iterator[str]:
    """Yield the file in pieces of some thousand lines."""
    row_names = [f"C{row:07d}" for row in range(len(matrix.low))]
    equal = matrix.low == matrix.high
    letters = np.where(equal, "E", np.where(np.isfinite(matrix.high), "L", "G")).tolist()
    yield "NAME          MODEL  FREE\nROWS\n N  OBJ\n"
    yield "".join([f" {letter}  {name}\n" for letter, name in zip(letters, row_names, strict=True)])
    yield "COLUMNS\n"
    yield from _columns(matrix, row_names)
    sides = np.where(np.isfinite(matrix.high), matrix.high, matrix.low).tolist()
    yield "RHS\n"
    yield "".join([f"    RHS  {name}  {side!r}\n" for name, side in zip(row_names, sides, strict=True) if side])
    yield "BOUNDS\n"
    yield from _bounds(matrix)
    yield "ENDATA\n"


def _columns(matrix: Matrix, row_names: list[str]) -> Iterator[str]:
    """Yield the matrix column by column, integer variables between markers."""
    columns = matrix.rows.tocsc()
    starts, indices, data = columns.indptr.tolist(), columns.indices.tolist(), columns.data.tolist()
    costs, integers = matrix.cost.tolist(), matrix.integer.tolist()
    lines: list[str] = []
    inside = False
    for column, integer in enumerate(integers):
        if integer != inside:
            lines.append(f"    MARK  'MARKER'  '{'INTORG' if integer else 'INTEND'}'\n")
            inside = integer
        begin, end = starts[column], starts[column + 1]
        if costs[column] or begin == end:
            lines.append(f"    X{column:07d}  OBJ  {costs[column]!r}\n")
        lines += [
            f"    X{column:07d}  {row_names[row]}  {figure!r}\n"
            for row, figure in zip(indices[begin:end], data[begin:end], strict=True)
        ]
        if len(lines) > 5000:
            yield "".join(lines)
            lines.clear()
    if inside:
        lines.append("    MARK  'MARKER'  'INTEND'\n")
    if matrix.constant:
        lines.append(f"    {CONSTANT}  OBJ  {matrix.constant!r}\n")
    yield "".join(lines)


def _bounds(matrix: Matrix) -> Iterator[str]:
    """Yield every bound that is not the default of a continuous variable."""
    lines: list[str] = []
    for column, (lower, upper, integer) in enumerate(
        zip(matrix.lower.tolist(), matrix.upper.tolist(), matrix.integer.tolist(), strict=True)
    ):
        name = f"X{column:07d}"
        if lower == upper:
            lines.append(f" FX BND  {name}  {lower!r}\n")
        elif lower == -math.inf and upper == math.inf:
            lines.append(f" FR BND  {name}\n")
        else:
            lines.append(_lower_bound(name, lower, upper, integer))
            if upper < math.inf:
                lines.append(f" UP BND  {name}  {upper!r}\n")
            elif integer:
                lines.append(f" PL BND  {name}\n")
    if matrix.constant:
        lines.append(f" FX BND  {CONSTANT}  1.0\n")
    yield "".join(lines)


def _lower_bound(name: str, lower: float, upper: float, integer: bool) -> str:
    """Return the line of a lower bound; readers guess it for integers and negative upper bounds."""
    if lower == -math.inf:
        return f" MI BND  {name}\n"
    if lower or integer or upper < 0:
        return f" LO BND  {name}  {lower!r}\n"
    return ""
