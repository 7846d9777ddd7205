"""Allocating: from a placement to what every VM gets."""

from __future__ import annotations

from solver.allocating.allocation import Policy, allocate, satisfaction, unallocated

__all__ = ["Policy", "allocate", "satisfaction", "unallocated"]
