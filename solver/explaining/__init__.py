"""Truth about infeasibility: why there is no placement, and what would make one; why not there."""

from __future__ import annotations

from solver.explaining.moves import why_not
from solver.explaining.quick import hopeless, quick_findings, quick_reasons
from solver.explaining.reasons import explain
from solver.explaining.verdicts import Feasible

__all__ = ["Feasible", "explain", "hopeless", "quick_findings", "quick_reasons", "why_not"]
