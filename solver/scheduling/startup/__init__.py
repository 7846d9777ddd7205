"""The start-up order: dependencies, priorities and limits on simultaneous starts, with a bound."""

from __future__ import annotations

from solver.scheduling.startup.answers import StartupResult
from solver.scheduling.startup.planning import running_now, startup_order

__all__ = ["StartupResult", "running_now", "startup_order"]
