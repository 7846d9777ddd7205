"""The MILP solvers behind one narrow door: CBC by default, HiGHS as the second opinion."""

from __future__ import annotations

from solver.backends.base import Backend, BackendInterrupted, Outcome, Settings, Solution
from solver.backends.cbc import CbcBackend
from solver.backends.highs import HighsBackend

__all__ = [
    "BACKENDS",
    "DEFAULT_BACKEND",
    "Backend",
    "BackendInterrupted",
    "CbcBackend",
    "HighsBackend",
    "Outcome",
    "Settings",
    "Solution",
    "backend_named",
]

BACKENDS = ("cbc", "highs")
"""The names that `backend_named` knows."""

DEFAULT_BACKEND = "cbc"


def backend_named(name: str) -> Backend:
    """Return a backend by name.

    Parameters
    ----------
    name : str
        ``cbc`` or ``highs``.

    Raises
    ------
    ValueError
        If there is none of that name.
    BackendMissingError
        If it is not installed.
    """
    if name == "cbc":
        return CbcBackend()
    if name == "highs":
        return HighsBackend()
    raise ValueError(f"there is no backend {name!r}; there are {', '.join(BACKENDS)}")
