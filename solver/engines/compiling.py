"""Whether there is time to load compiled loops, or even to compile them."""

from __future__ import annotations

import sys
from pathlib import Path

from solver.deadline import Deadline

COLD_COMPILE = 15.0
"""Seconds that must be left where the compiled code is not in its cache yet."""

WARM_IMPORT = 2.5
"""Seconds that must be left where it is: importing numba takes a good part of a second."""


def affordable(deadline: Deadline, module: str, entry: str) -> bool:
    """Whether the compiled loop of a module can be used before the deadline.

    Parameters
    ----------
    deadline : Deadline
    module : str
        The full name of the module, such as ``solver.engines.columns.kernels``.
    entry : str
        The name of its largest compiled function: compiled once, it is in numba's cache.
    """
    loaded = getattr(sys.modules.get(module), entry, None)
    if loaded is not None and getattr(loaded, "signatures", True):
        return not deadline.over
    return deadline.left > (WARM_IMPORT if cached(module, entry) else COLD_COMPILE)


def cached(module: str, entry: str) -> bool:
    """Whether the compiled loop of a module is in numba's cache beside the module."""
    folder = Path(__file__).parents[2].joinpath(*module.split(".")[:-1])
    return any((folder / "__pycache__").glob(f"*.{entry}-*.nbi"))
