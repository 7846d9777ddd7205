"""The MILP solvers behind one narrow door: CBC by default, HiGHS as the second opinion."""

from __future__ import annotations

from solver.backends.base import Backend, BackendInterrupted, Outcome, Settings, Solution
from solver.backends.cbc import CbcBackend

__all__ = [
    "BACKENDS",
    "DEFAULT_BACKEND",
    "Backend",
    "BackendInterrupted",
    "CbcBackend",
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
        from solver.backends.highs import HighsBackend  # noqa: PLC0415 - scipy.optimize takes 0.4 s to import

        return HighsBackend()
    raise ValueError(f"there is no backend {name!r}; there are {', '.join(BACKENDS)}")
