"""Heuristics for vector packing: named, citable, counted and compiled baselines."""

from __future__ import annotations

from solver.engines.heuristics.heuristic import Heuristic
from solver.engines.heuristics.incumbents import QUICK, THOROUGH, offer_packings
from solver.engines.heuristics.registry import HEURISTICS

__all__ = ["HEURISTICS", "QUICK", "THOROUGH", "Heuristic", "offer_packings"]
