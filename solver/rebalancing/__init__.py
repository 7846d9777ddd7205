"""Re-placement: better, repaired, drained or with newcomers, for few moves of VMs that run already."""

from __future__ import annotations

from solver.rebalancing.answers import Replacement, admit, drain, rebalance, repair
from solver.rebalancing.curve import MOVES, CurvePoint, MoveValueCurve, move_value_curve
from solver.rebalancing.reasons import Move

__all__ = [
    "MOVES",
    "CurvePoint",
    "Move",
    "MoveValueCurve",
    "Replacement",
    "admit",
    "drain",
    "move_value_curve",
    "rebalance",
    "repair",
]
