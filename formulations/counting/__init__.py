"""Counting: an instance's VMs and hosts by kind instead of by name, and the way back to names."""

from __future__ import annotations

from formulations.counting.counted import Counting

__all__ = ["Counting"]
