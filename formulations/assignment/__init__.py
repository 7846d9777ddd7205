"""Placement by assignment: x[i, j] binary, VM i on host j (Kantorovich), with everything.

L. V. Kantorovich, Mathematical Methods of Organizing and Planning Production,
Management Science 6(4), 1960, doi:10.1287/mnsc.6.4.366 (first published 1939).
"""

from __future__ import annotations

from formulations.assignment.model import Assignment
from formulations.assignment.scope import Scope

__all__ = ["Assignment", "Scope"]
