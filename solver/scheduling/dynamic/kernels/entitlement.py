"""The compiled loop of entitlements."""

from __future__ import annotations

from solver.engines.heuristics.kernels.compiling import entry
from solver.scheduling.dynamic.entitlement import add_up_entitlements

add_up_compiled = entry(add_up_entitlements)
