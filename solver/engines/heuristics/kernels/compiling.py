"""How loops are compiled: entries for Python, and what only compiled loops call."""

from __future__ import annotations

import numpy as np
from numba import njit

entry = njit(cache=True, error_model="numpy")
"""Compiled once, and kept in a file."""

inner = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")
"""Part of its callers: what Python would need to call it takes longer to compile than the loop."""


@inner
def whole(number: int) -> int:
    """Return a number of 64 bits: numba compiles what is called with a literal anew for it."""
    return int(np.int64(number))
