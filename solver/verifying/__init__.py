"""The judge: verifies placements in exact integers and recomputes their objective; knows no solver."""

from __future__ import annotations

from solver.verifying.judge import holds, least_allocation, verify
from solver.verifying.rules import RuleJudge, amount_broken
from solver.verifying.values import level_values
from solver.verifying.verdict import Fault, Verdict, Violation

__all__ = [
    "Fault",
    "RuleJudge",
    "Verdict",
    "Violation",
    "amount_broken",
    "holds",
    "least_allocation",
    "level_values",
    "verify",
]
