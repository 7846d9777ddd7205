"""The fixed schedule: who runs on which core, and when, in every frame again."""

from __future__ import annotations

from solver.scheduling.dispatch.answer import DispatchAnswer, GangLength, Refusal
from solver.scheduling.dispatch.tables import dispatch_tables

__all__ = ["DispatchAnswer", "GangLength", "Refusal", "dispatch_tables"]
