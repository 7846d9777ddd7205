"""Re-placement by local search: who moves where, so that the new placement is good and few VMs move."""

from __future__ import annotations

from solver.engines.reassignment.bounds import LowerBound
from solver.engines.reassignment.search import Improvement, Reassigned, reassign

__all__ = ["Improvement", "LowerBound", "Reassigned", "reassign"]
