"""What CBC says: its log, and the solution files it leaves."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from solver.backends.claims import Claim, Ending
from solver.backends.matrix import Matrix, Vector
from solver.errors import BackendError

_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
_BOUNDS = (
    (re.compile(rf"best possible {_NUMBER}"), 8),
    (re.compile(rf"^Continuous objective value is {_NUMBER}", re.MULTILINE), 6),
    (re.compile(rf"^Lower bound:\s+{_NUMBER}", re.MULTILINE), 0),
)
"""Where CBC prints a bound, and with how many significant digits; 0 where as many as it shows."""

_READ_ERRORS = re.compile(r"^Coin0008I .* read with ([1-9]\d*) errors", re.MULTILINE)
_NO_BOUND = 1e30
"""CBC prints 1e+50 and 1.79769e+308 for infinity."""


def claim(log: str, header: str, x: Vector | None) -> Claim:
    """Return what CBC claims.

    Parameters
    ----------
    log : str
    header : str
        First line of the solution file.
    x : array of shape (n,) or None
        The values that CBC left.
    """
    ending = _ending(log, header)
    if ending is Ending.OPTIMAL:
        return Claim(ending, x, bound(log) if "gap tolerance" in header else None)
    if ending is Ending.STOPPED:
        return Claim(ending, None if "no integer solution" in header else x, bound(log))
    return Claim(ending)


def _ending(log: str, header: str) -> Ending:
    """Return how CBC ended: the header of the solution file, unless the log casts doubt on it."""
    words = header.casefold()
    if words.startswith("optimal"):
        return Ending.OPTIMAL
    if words.startswith("stopped"):
        return Ending.STOPPED
    if words.startswith(("infeasible", "integer infeasible")):
        return Ending.UNCLEAR if doubtful(log) else Ending.INFEASIBLE
    if words.startswith("unbounded"):
        return Ending.UNBOUNDED
    return Ending.UNCLEAR


def doubtful(log: str) -> bool:
    """Whether a claim of infeasibility came from post-processing or after a limit, and so proves nothing."""
    words = log.casefold()
    return bool(
        re.search(r"post-?process[^\n]*infeasible|infeasible[^\n]*post-?process", words)
        or "exiting on maximum" in words
        or "exiting on user event" in words
        or "stopped on" in words
    )


def stopped_by_limit(log: str) -> bool:
    """Whether CBC had reached a limit before it ended, whichever way."""
    return "Exiting on maximum" in log


def bound(log: str) -> float | None:
    """Return the best lower bound in the log, or None.

    Printed figures are rounded, perhaps upwards: half a unit of the last printed digit comes off.
    """
    figures = [
        _rounded_down(printed, digits)
        for pattern, digits in _BOUNDS
        for printed in pattern.findall(log)
        if abs(float(printed)) < _NO_BOUND
    ]
    return max(figures, default=None)


def _rounded_down(printed: str, digits: int) -> float:
    """Return the least number that prints like this."""
    figure = float(printed)
    if not digits:
        return figure - 0.5 * 10.0 ** -len(printed.partition(".")[2])
    return figure - (0.5 * 10.0 ** (math.floor(math.log10(abs(figure))) + 1 - digits) if figure else 0.0)


def check_log(log: str) -> None:
    """Raise BackendError if CBC could not read its model."""
    match = _READ_ERRORS.search(log)
    if match:
        raise BackendError(f"CBC found {match.group(1)} errors in the model file: was it written completely?")


def read_values(path: Path, matrix: Matrix) -> Vector:
    """Return the values of the variables from CBC's binary solution (``-saveSolution``).

    The text file has 8 digits only. The binary one holds two integers (rows and columns), the
    objective, and by row activities and duals, by column values and reduced costs, as doubles.

    Raises
    ------
    BackendError
        If the file is not there or not complete.
    """
    rows, columns = matrix.rows.shape
    content = path.read_bytes() if path.exists() else b""
    written = (rows, columns + bool(matrix.constant))
    if len(content) != 16 + 16 * sum(written) or tuple(np.frombuffer(content[:8], np.int32).tolist()) != written:
        raise _incomplete(path)
    return np.frombuffer(content, np.float64, count=columns, offset=16 + 16 * rows).copy()


def read_header(path: Path) -> str:
    """Return the first line of CBC's text solution, which says how it ended.

    Raises
    ------
    BackendError
        If there is none.
    """
    header = ""
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as file:
            header = file.readline().strip()
    if not header:
        raise _incomplete(path)
    return header


def _incomplete(path: Path) -> BackendError:
    """Return the error of a file that is missing or short."""
    return BackendError(f"CBC left no complete {path.name} in {path.parent}: is the disk full?")
