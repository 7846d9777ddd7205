"""Exit codes: what the command line tells the shell."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solver.result import Result, Status

EPILOG = """\b
Exit codes:
  0  OPTIMAL or FEASIBLE, also after Ctrl-C with a placement; verify and
     --check: accepted
  1  INFEASIBLE; verify, schedule --check, migrate --check: rejected;
     allocate: no allocation, or bounds broken
  2  bad input or usage
  3  UNKNOWN: stopped without an answer
  4  internal error: CBC missing, disk full, an answer that the judge rejects
"""


class Exit(IntEnum):
    """What a run of the command line ended with."""

    ANSWER = 0
    NO_ANSWER = 1
    BAD_INPUT = 2
    UNKNOWN = 3
    INTERNAL = 4


def exit_of_status(status: Status) -> Exit:
    """Return the exit code of a status."""
    return {"OPTIMAL": Exit.ANSWER, "FEASIBLE": Exit.ANSWER, "INFEASIBLE": Exit.NO_ANSWER}.get(status, Exit.UNKNOWN)


def exit_of_result(result: Result) -> Exit:
    """Return the exit code of a result; a solver that was needed and could not be used is an internal error."""
    return Exit.INTERNAL if result.failed else exit_of_status(result.status)
