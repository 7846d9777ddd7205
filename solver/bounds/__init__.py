"""Lower bounds of objective terms that need no integer program, in exact arithmetic."""

from __future__ import annotations

from solver.bounds.terms import lower_bound

__all__ = ["lower_bound"]
