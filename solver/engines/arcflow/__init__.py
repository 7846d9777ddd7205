"""The engine that packs by arc-flow: relaxation, exact bound, fixing by reduced costs, integer flow."""

from __future__ import annotations

from solver.engines.arcflow.engine import pack_by_arcflow

__all__ = ["pack_by_arcflow"]
