"""The command line: ``placewright COMMAND …``; starts quickly, and only here is anything printed."""

from __future__ import annotations

from solver.cli.program import main

__all__ = ["main"]
