"""Enforcement settings: what hypervisors must be told so that every VM gets what the solution gives it."""

from __future__ import annotations

from solver.scheduling.enforcement.answer import EnforcementSettings, enforcement_settings
from solver.scheduling.enforcement.registry import SYSTEMS, system_named
from solver.scheduling.enforcement.system import System

__all__ = ["SYSTEMS", "EnforcementSettings", "System", "enforcement_settings", "system_named"]
